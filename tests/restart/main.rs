//! The real binary on a real file, killed at random moments: in the countdown, in commits, between a commit and its effects.
//! Every incident that was acknowledged comes to its end, nothing is requested twice, and nothing is later than the restart took.
//!
//! `cargo test --test restart -- --kills 100`

use buckler::{
    domain::{
        access::{Membership, Role},
        time::Timestamp,
    },
    server::store::{Store, sqlite::SqliteStore},
};
use reqwest::Client;
use serde_json::{Value, json};
use std::{
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};
use tokio::time::sleep;

/// Homes beside the demo's, so that many incidents run at once.
const HOMES: usize = 200;
/// What anything may be late beside the time that the server was down.
const LATE: Duration = Duration::from_millis(100);
/// The longest that the end of everything is waited for.
const PATIENCE: Duration = Duration::from_secs(180);

fn chance(below: u64) -> u64 {
    use std::hash::{BuildHasher, Hasher, RandomState};
    RandomState::new().build_hasher().finish() % below
}

/// The server of this build, on a folder.
struct Server {
    child: Child,
    base: String,
}

impl Server {
    async fn start(folder: &Path, port: u16, client: &Client) -> Self {
        let listen = format!("127.0.0.1:{port}");
        let child = Command::new(env!("CARGO_BIN_EXE_buckler"))
            .args(["serve", "--demo", "--listen", &listen, "--center-ring-timeout", "1s", "--data"])
            .arg(folder)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the server starts");
        let server = Self { child, base: format!("http://{listen}") };
        while client.get(format!("{}/healthz", server.base)).send().await.is_err() {
            sleep(Duration::from_millis(5)).await;
        }
        server
    }

    fn kill(&mut self) {
        self.child.kill().expect("it lives");
        self.child.wait().expect("it dies");
    }
}

#[expect(clippy::disallowed_methods, reason = "the test looks at the machine's clock, as the server does at its start")]
fn now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
    Timestamp::from_millis(since.as_millis() as u64)
}

/// More homes like the demo's first, of the same owner.
async fn add_homes(folder: &Path) {
    let store = SqliteStore::open(&folder.join("buckler.db")).await.expect("the file opens");
    let maple = store.homes().await.expect("homes").into_iter().find(|h| h.id.as_str() == "maple-street").expect("the demo's home");
    for n in 0..HOMES {
        let mut home = maple.clone();
        home.id = format!("home-{n}").parse().expect("a name");
        store.put_home(&home).await.expect("stored");
        let owner = Membership { role: Role::Owner, sos_withdrawn: false };
        store.put_membership(&home.id, &"owner".parse().expect("a name"), owner).await.expect("stored");
    }
}

async fn raise(client: &Client, base: &str, home: usize) -> Option<String> {
    let id = uuid::Uuid::from_u128(u128::from(chance(u64::MAX)) << 64 | u128::from(chance(u64::MAX))).to_string();
    let request = ["police", "fire", "medical"][chance(3) as usize];
    let body = json!({"id": id, "request": request, "mode": "live", "source": {"surface": "dashboard"}, "sent_at": now()});
    let answer = client.post(format!("{base}/api/v1/homes/home-{home}/incidents")).json(&body).send().await.ok()?;
    let told: Value = answer.error_for_status().ok()?.json().await.ok()?;
    Some(told["id"].as_str()?.to_owned())
}

async fn look(client: &Client, base: &str, id: &str) -> Value {
    let answer = client.get(format!("{base}/api/v1/incidents/{id}")).send().await.expect("the server answers");
    answer.json().await.expect("an incident")
}

fn kills() -> usize {
    let mut words = std::env::args().skip_while(|w| w != "--kills").skip(1);
    words.next().map_or(100, |n| n.parse().expect("--kills N"))
}

#[tokio::main]
async fn main() {
    let kills = kills();
    let folder = tempfile::tempdir().expect("a folder");
    let client = Client::builder().cookie_store(true).timeout(Duration::from_secs(5)).build().expect("a client");
    let port = std::net::TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a port").port();
    Server::start(folder.path(), port, &client).await.kill();
    add_homes(folder.path()).await;
    let mut server = Server::start(folder.path(), port, &client).await;
    let base = server.base.clone();
    let owner = json!({"email": "owner@demo.test", "password": "buckler-demo"});
    client.post(format!("{base}/api/v1/session")).json(&owner).send().await.expect("signed in");

    let (mut acknowledged, mut down) = (Vec::new(), Vec::new());
    for _ in 0..kills {
        for _ in 0..3 {
            // Raised beside the kill, so that it strikes requests, commits and effects alike.
            let (client, base, home) = (client.clone(), base.clone(), chance(HOMES as u64) as usize);
            let raised = tokio::spawn(async move { raise(&client, &base, home).await });
            sleep(Duration::from_millis(chance(60))).await;
            acknowledged.push(raised);
        }
        sleep(Duration::from_millis(chance(250))).await;
        let from = now();
        server.kill();
        server = Server::start(folder.path(), port, &client).await;
        down.push((from, now()));
    }
    let mut ids = Vec::new();
    for raised in acknowledged {
        ids.extend(raised.await.expect("no request panics"));
    }
    ids.sort();
    ids.dedup();
    let worst = check(&client, &base, &ids, &down).await;
    let slowest = down.iter().map(|(from, to)| to.since(*from)).max().unwrap_or_default();
    println!(
        "restart: {kills} kills, {} acknowledged incidents all over, none twice; latest {worst:?}, longest restart {slowest:?}",
        ids.len()
    );
    println!("test result: ok. 1 passed; 0 failed");
    server.kill();
}

/// Waits until each is over, and looks at its story. The greatest lateness.
async fn check(client: &Client, base: &str, ids: &[String], down: &[(Timestamp, Timestamp)]) -> Duration {
    let until = now() + PATIENCE;
    let mut worst = Duration::ZERO;
    for id in ids {
        let mut incident = look(client, base, id).await;
        while !["aborted", "cancelled", "closed"].contains(&incident["state"].as_str().unwrap_or_default()) {
            assert!(now() < until, "{id} is still {}", incident["state"]);
            sleep(Duration::from_millis(200)).await;
            incident = look(client, base, id).await;
        }
        let story = incident["timeline"].as_array().expect("a timeline");
        let times = |what: &str| story.iter().filter(|line| line["what"] == what).count();
        assert_eq!(times("countdown_over"), 1, "{id}: {story:?}");
        let services = incident["services"].as_array().expect("services").len();
        assert_eq!(times("dispatch_requested"), services, "{id}: each service once: {story:?}");
        assert_eq!(times("call_placed"), 3, "{id}: each contact once: {story:?}");
        let moment = |v: &Value| v.as_str().and_then(|t| t.parse::<Timestamp>().ok()).expect("a time");
        let over = story.iter().find(|line| line["what"] == "countdown_over").expect("counted");
        let (due, came) = (moment(&incident["deadline"]), moment(&over["at"]));
        assert!(came >= due, "{id}: early");
        // What it waited for: restarts that lie on the way, one after the other.
        let excused =
            down.iter().fold(due + LATE, |most, (from, to)| if *from <= most && *to >= due { most.max(*to + LATE) } else { most });
        assert!(came <= excused, "{id}: due {due}, came {came}, excused until {excused}");
        worst = worst.max(came.since(due));
    }
    worst
}
