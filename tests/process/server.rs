//! Runs the real binary as a separate process, with more homes than the demo has, and raises
//! requests in them.

use buckler::{
    api::audit::AuditAction,
    domain::{
        access::{Membership, Role},
        time::Timestamp,
    },
    server::{
        identity::token_hash,
        store::{Account, AuditEntry, Change, Op, Session, sqlite},
    },
};
use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};
use std::{
    path::Path,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::Duration,
};
use tokio::time::sleep;

/// How long a start may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server process on a data folder.
pub struct Server {
    child: Child,
    port: u16,
    /// The port for metrics.
    metrics: u16,
}

impl Server {
    /// Starts the binary named by `BUCKLER_BINARY`, or the one of this build, and waits until it
    /// serves. Its calls ring for a second.
    pub async fn start(folder: &Path, port: u16, client: &Client) -> Self {
        Self::start_with(folder, port, client, |_| ()).await
    }

    /// Like [`Self::start`], and lets `more` change the command.
    pub async fn start_with(
        folder: &Path,
        port: u16,
        client: &Client,
        more: impl FnOnce(&mut Command),
    ) -> Self {
        let binary = std::env::var("BUCKLER_BINARY")
            .unwrap_or_else(|_| env!("CARGO_BIN_EXE_buckler").into());
        let metrics = free_port();
        let mut command = Command::new(binary);
        command.args([
            "serve",
            "--demo",
            "--listen",
            &format!("127.0.0.1:{port}"),
            "--metrics-listen",
            &format!("127.0.0.1:{metrics}"),
            "--center-ring-timeout",
            "1s",
            "--data",
        ]);
        command.arg(folder).stdout(Stdio::null()).stderr(Stdio::null());
        more(&mut command);
        let child = command.spawn().expect("the server starts");
        let server = Self { child, port, metrics };
        let serves = async {
            while client.get(format!("{}/healthz", server.base())).send().await.is_err() {
                sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, serves).await.expect("the server serves");
        server
    }

    pub fn base(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The address for metrics.
    pub fn metrics(&self) -> String {
        format!("http://127.0.0.1:{}/metrics", self.metrics)
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn kill(&mut self) {
        self.child.kill().expect("it lives");
        self.child.wait().expect("it dies");
    }
}

/// A test that fails leaves no server behind.
impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port that nothing listens on.
pub fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a port").port()
}

pub fn client() -> Client {
    Client::builder().cookie_store(true).timeout(Duration::from_secs(10)).build().expect("a client")
}

/// Fills a folder with the demo and `homes` copies of its first home, with the same owner: `home-0`
/// and so on.
pub async fn fill(folder: &Path, port: u16, homes: usize) {
    Server::start(folder, port, &client()).await.kill();
    let mut store = sqlite::open(&folder.join("buckler.db")).await.expect("the file opens");
    let homes_there = store.reads.homes().await.expect("homes").0.into_iter();
    let maple = homes_there
        .map(|(home, _)| home)
        .find(|h| h.id.as_str() == "maple-street")
        .expect("the demo's home");
    for n in 0..homes {
        let mut home = maple.clone();
        home.id = format!("home-{n}").parse().expect("a name");
        let owner = Membership { role: Role::Owner, sos_withdrawn: false };
        let change = Change::new(AuditEntry::new(
            AuditAction::PersonChanged,
            Timestamp::default(),
            json!({"by": "a test"}),
        ))
        .op(Op::PutHome { home: Arc::new(home.clone()), revision: 0 })
        .op(Op::PutMembership(home.id, "owner".parse().expect("a name"), owner));
        store.apply(change).await.expect("stored");
    }
}

/// The devices of a member. Each has up to six streams, and an account at most 64.
const DEVICES_OF_A_MEMBER: usize = 10;

/// Signs members in on `count` devices. The n-th device belongs to a member of `home-0` and of
/// `home-(n % homes)`. It writes to the store, because the server would hash a password for each.
/// Returns their cookies.
pub async fn devices(folder: &Path, count: usize, homes: usize) -> Vec<String> {
    let mut store = sqlite::open(&folder.join("buckler.db")).await.expect("the file opens");
    let mut cookies = Vec::with_capacity(count);
    for n in 0..count {
        let member = format!("member-{}", n / DEVICES_OF_A_MEMBER);
        let account = Account {
            id: member.parse().expect("a name"),
            email: format!("{member}@demo.test"),
            name: member.clone(),
            password: String::new(),
        };
        let joins = [0, n % homes].map(|home| {
            let home = format!("home-{home}").parse().expect("a name");
            let shared = Membership { role: Role::Shared, sos_withdrawn: false };
            Op::PutMembership(home, account.id.clone(), shared)
        });
        let token = format!("device-{n}");
        let session = session(&token, &member, Timestamp::default());
        let signed_in = change().op(Op::PutAccount(account)).ops(joins).op(session);
        store.apply(signed_in).await.expect("stored");
        cookies.push(cookie(&token));
    }
    cookies
}

/// A change by a test.
pub fn change() -> Change {
    Change::new(AuditEntry::new(AuditAction::SignedIn, now(), json!({"by": "a test"})))
}

/// The device with this token is signed in to this account, and restricted until then.
pub fn session(token: &str, account: &str, restricted_until: Timestamp) -> Op {
    let at = now();
    Op::PutSession(Session {
        token: token_hash(token),
        account: account.parse().expect("a name"),
        device: "a test".into(),
        created_at: at,
        seen_at: at,
        expires_at: at + Duration::from_secs(86_400),
        proven_at: at,
        restricted_until,
        replaces: None,
    })
}

/// The cookie of the device with this token.
pub fn cookie(token: &str) -> String {
    format!("buckler_session={token}")
}

/// Signs the owner in. Returns the cookie for requests that use no client.
pub async fn sign_in(client: &Client, base: &str) -> String {
    let owner = json!({"email": "owner@demo.test", "password": "buckler-demo"});
    let answer =
        client.post(format!("{base}/api/v1/session")).json(&owner).send().await.expect("signed in");
    let cookie = answer.headers()["set-cookie"].to_str().expect("text");
    cookie.split(';').next().expect("a cookie").to_owned()
}

#[expect(
    clippy::disallowed_methods,
    reason = "the test looks at the machine's clock, as the server does at its start"
)]
pub fn now() -> Timestamp {
    let since =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
    Timestamp::from_millis(since.as_millis() as u64)
}

/// A random number below `below`.
pub fn chance(below: u64) -> u64 {
    use std::hash::{BuildHasher, Hasher, RandomState};
    RandomState::new().build_hasher().finish() % below
}

/// A random id of an incident.
pub fn new_id() -> String {
    let half = || u128::from(chance(u64::MAX));
    uuid::Uuid::from_u128(half() << 64 | half()).to_string()
}

/// A request for help in `home-N`, with a new id.
pub fn request(client: &Client, base: &str, home: usize, what: &str) -> RequestBuilder {
    let body = json!({"id": new_id(), "request": what, "mode": "live", "source": {"surface": "dashboard"}, "sent_at": now()});
    client.post(format!("{base}/api/v1/homes/home-{home}/incidents")).json(&body)
}

async fn acknowledged(asked: RequestBuilder) -> reqwest::Result<String> {
    let told: Value = asked.send().await?.error_for_status()?.json().await?;
    Ok(told["id"].as_str().expect("an incident has an id").to_owned())
}

/// Raises in `home-N` once. Returns the incident's id if it was acknowledged.
pub async fn raise_once(client: &Client, base: &str, home: usize, what: &str) -> Option<String> {
    acknowledged(request(client, base, home, what)).await.ok()
}

/// Raises in `home-N` as the app does: it repeats the same request if the connection is lost, such
/// as an idle one that the server closes at that moment, and if the server could not store anything
/// in time (503).
pub async fn raise(client: &Client, base: &str, home: usize, what: &str) -> String {
    let asked = request(client, base, home, what);
    loop {
        match acknowledged(asked.try_clone().expect("its body is a text")).await {
            Ok(id) => return id,
            Err(lost) if lost.is_request() || lost.is_connect() => {
                eprintln!("sent again: {lost:?}")
            }
            Err(busy) if busy.status().is_some_and(|status| status.is_server_error()) => {
                eprintln!("sent again: {busy:?}");
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            }
            Err(refused) => panic!("not acknowledged: {refused:?}"),
        }
    }
}

/// Sends now as the app does, and again after a 503.
pub async fn send_now(client: &Client, base: &str, id: &str) {
    let address = format!("{base}/api/v1/incidents/{id}/send-now");
    loop {
        let answer = client.post(&address).send().await.expect("answered");
        let status = answer.status();
        if status.is_success() {
            return;
        }
        let told = answer.text().await.unwrap_or_default();
        assert!(status.is_server_error(), "refused: {told}");
        eprintln!("sent now again: {told}");
        sleep(Duration::from_millis(100)).await;
    }
}

/// The current state of the incident.
pub async fn look(client: &Client, base: &str, id: &str) -> Value {
    let answer = client
        .get(format!("{base}/api/v1/incidents/{id}"))
        .send()
        .await
        .expect("the server answers");
    answer.json().await.expect("an incident")
}

/// D, and when the countdown ended, if it did.
pub fn countdown_over(incident: &Value) -> Option<(Timestamp, Timestamp)> {
    let moment = |v: &Value| v.as_str().and_then(|t| t.parse::<Timestamp>().ok());
    let over =
        incident["timeline"].as_array()?.iter().find(|line| line["what"] == "countdown_over")?;
    Some((moment(&incident["deadline"])?, moment(&over["at"])?))
}

/// The number after an option on the command line.
pub fn option(name: &str, default: usize) -> usize {
    let mut words = std::env::args().skip_while(|w| w != name).skip(1);
    words.next().map_or(default, |n| n.parse().expect("a number"))
}
