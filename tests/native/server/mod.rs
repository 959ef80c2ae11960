//! The real server on a real file and a free port, driven over HTTP.

mod alone;
mod api;
mod asleep;
mod audit;
mod bad_input;
mod broker;
mod button_sessions;
mod cameras;
mod center;
mod config;
mod console;
mod contained;
mod dc09;
mod disk;
mod drill;
mod dropped;
mod edge;
mod events;
mod evidence;
mod example;
mod failing_disk;
mod fairness;
mod finding;
mod folder;
mod forged;
mod former;
mod guessing;
mod hindered;
mod hostile;
mod hosts;
mod household;
mod invitations;
mod lossy_line;
mod mqtt;
mod overtaken;
mod pages;
mod panels;
mod passkeys;
mod phone;
mod presses;
mod pretenders;
mod proxy;
mod put_back;
mod quarantine;
mod receiver;
mod reports;
mod restart;
mod restricted;
mod rights;
mod seen;
mod session;
mod siren_bindings;
mod stopping;
mod stops;
mod store;
mod supervisor;
mod tasks;
mod tls;
mod traps;
mod untrusted;
mod upgrade;
mod user;
mod webhooks;
mod wire;
mod withdrawn;
mod writes;

use buckler::{
    api::audit::AuditAction,
    domain::{home::Home, time::Timestamp},
    server::{
        App, StartError,
        config::{Config, Options},
        http::Assets,
        serve,
        store::{AuditEntry, Change, Database, Op, sqlite},
    },
};
use clap::{Args, FromArgMatches};
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, SqlSafeStr, SqliteConnection, sqlite::SqliteConnectOptions};
use std::{
    path::Path,
    process::{Child, Command},
    sync::Arc,
    time::Duration,
};
use tempfile::TempDir;
use tokio::{net::TcpListener, sync::watch};

/// The maximum wait for something that must happen.
const PATIENCE: Duration = Duration::from_secs(30);

/// A server that runs in the test's process.
pub struct Server {
    pub app: Arc<App>,
    pub base: String,
    /// The address for metrics.
    pub metrics: String,
    pub stopper: watch::Sender<bool>,
    pub serving: tokio::task::JoinHandle<Result<(), StartError>>,
    folder: Arc<TempDir>,
}

impl Server {
    /// A demo server on a fresh folder, whose calls ring for `ring_timeout`.
    pub async fn start(ring_timeout: &str) -> Self {
        Self::on(Arc::new(tempfile::tempdir().unwrap()), ring_timeout).await
    }

    /// A demo server with this text as its configuration file.
    pub async fn with_file(text: &str) -> Self {
        let folder = Arc::new(tempfile::tempdir().unwrap());
        std::fs::write(folder.path().join("buckler.toml"), text).unwrap();
        Self::on_file(folder).await
    }

    /// Stops the server, runs `meanwhile`, and restarts with the same configuration file.
    pub async fn restart_with_file(self, meanwhile: impl AsyncFnOnce()) -> Self {
        let folder = self.stop().await;
        meanwhile().await;
        Self::on_file(folder).await
    }

    /// A server without the demo, on a fresh folder.
    pub async fn empty() -> Self {
        Self::with(Arc::new(tempfile::tempdir().unwrap()), &[]).await
    }

    /// A server without the demo and without settings, on this database.
    pub async fn of(folder: TempDir, database: Database) -> Self {
        let data = folder.path().to_owned();
        let config = Config { data, ..Config::new(Options::default()).unwrap() };
        Self::with_database(folder.into(), database, config).await
    }

    async fn on(folder: Arc<TempDir>, ring_timeout: &str) -> Self {
        Self::with(folder, &["--demo", "--center-ring-timeout", ring_timeout]).await
    }

    async fn on_file(folder: Arc<TempDir>) -> Self {
        let file = folder.path().join("buckler.toml");
        Self::with(folder, &["--demo", "--config", file.to_str().unwrap()]).await
    }

    async fn with(folder: Arc<TempDir>, options: &[&str]) -> Self {
        let config = Self::config(&folder, options);
        let (stopper, stop) = watch::channel(false);
        let app = App::start(&config, stop.clone()).await.unwrap();
        Self::serve(folder, app, stopper, stop).await
    }

    async fn with_database(folder: Arc<TempDir>, database: Database, config: Config) -> Self {
        let (stopper, stop) = watch::channel(false);
        let app = App::with_database(database, &config, stop.clone()).await.unwrap();
        Self::serve(folder, app, stopper, stop).await
    }

    fn config(folder: &TempDir, options: &[&str]) -> Config {
        let words = ["serve", "--data", folder.path().to_str().unwrap()];
        let matches = Options::augment_args(clap::Command::new("serve"))
            .get_matches_from([&words[..], options].concat());
        let mut config = Config::new(Options::from_arg_matches(&matches).unwrap()).unwrap();
        // The cameras of tests are on this machine. A file that allows a network allows no other.
        let allowed = &mut config.cameras.reach.0;
        if allowed.is_empty() {
            allowed.push("127.0.0.0/8".parse().unwrap());
        }
        config
    }

    async fn serve(
        folder: Arc<TempDir>,
        app: Arc<App>,
        stopper: watch::Sender<bool>,
        stop: watch::Receiver<bool>,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let for_metrics = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let metrics = format!("http://{}", for_metrics.local_addr().unwrap());
        app.serve_metrics(for_metrics);
        let serving =
            tokio::spawn(serve(listener, None, app.clone(), Assets::of_last_build(), stop));
        // Contacts are reached as if their pages were about to come back.
        app.snapshots.pages.may_return_until(Timestamp::from_millis(i64::MAX as u64));
        Self { app, base, metrics, stopper, serving, folder }
    }

    /// Stops the server, and returns its folder.
    pub async fn stop(self) -> Arc<TempDir> {
        self.stopper.send(true).unwrap();
        self.serving.await.unwrap().unwrap();
        self.folder
    }

    /// Restarts the server on a modified database, with its configuration file if it has one.
    pub async fn restart_with_database(self, change: impl FnOnce(Database) -> Database) -> Self {
        let (file, folder) = (self.file(), self.stop().await);
        let database = change(sqlite::open(&file).await.unwrap());
        let settings = folder.path().join("buckler.toml");
        let config = match settings.exists() {
            true => Self::config(&folder, &["--demo", "--config", settings.to_str().unwrap()]),
            false => Self::config(&folder, &["--demo"]),
        };
        Self::with_database(folder, database, config).await
    }

    /// Stops the server, and restarts it on the same folder after `pause`.
    pub async fn restart_after(self, pause: Duration) -> Self {
        let folder = self.stop().await;
        wait(pause).await;
        Self::on(folder, "30s").await
    }

    /// Stops the server, changes its database, and restarts it.
    pub async fn restart_after_sql(self, statements: impl SqlSafeStr) -> Self {
        let (file, folder) = (self.file(), self.stop().await);
        let mut file = connect(&file).await;
        sqlx::raw_sql(statements).execute(&mut file).await.unwrap();
        file.close().await.unwrap();
        Self::on(folder, "30s").await
    }

    /// Restarts the server as if it had been down for `pause`: moves the stored time that it
    /// continues from.
    pub async fn restart_as_if_after(self, pause: Duration) -> Self {
        let move_time = format!("UPDATE clock SET at = at + {}", pause.as_millis());
        self.restart_after_sql(AssertSqlSafe(move_time)).await
    }

    /// Makes a change without the API.
    pub async fn apply(&self, op: Op) {
        self.app.changes.apply(change([op])).await.unwrap();
    }

    pub fn file(&self) -> std::path::PathBuf {
        Path::join(self.folder.path(), "buckler.db")
    }

    pub async fn sign_in(&self, name: &str) -> Person {
        let person = self.stranger();
        person.cookie_of(name).await;
        person
    }

    pub fn stranger(&self) -> Person {
        Person::new(self.base.clone())
    }
}

/// A change made by a test.
pub fn change(ops: impl IntoIterator<Item = Op>) -> Change {
    Change::new(AuditEntry::new(
        AuditAction::PersonChanged,
        Timestamp::default(),
        json!({"by": "a test"}),
    ))
    .ops(ops)
}

/// Waits until the audit contains every fact, and verifies its chain. Returns its size and its head.
pub async fn audited(file: &Path) -> (u64, String) {
    let whole = async || match sqlite::verify(file, None).await.unwrap() {
        sqlite::Verdict::Whole { records, waiting: 0, head } => Some((records, head)),
        sqlite::Verdict::Whole { .. } => None,
        sqlite::Verdict::Broken(what) => panic!("{what}"),
    };
    until("the audit has all", whole).await
}

/// Opens the file of a database, also while a server uses it.
pub async fn connect(file: &Path) -> SqliteConnection {
    SqliteConnection::connect_with(&SqliteConnectOptions::new().filename(file)).await.unwrap()
}

/// The program of this build with these words, such as `serve --demo`, a port of this machine, and a
/// data folder.
pub fn program(words: &[&str], port: u16, data: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_buckler"));
    command.args(words).args(["--listen", &format!("127.0.0.1:{port}"), "--data"]).arg(data);
    command
}

/// A process that does not outlive the test that started it.
pub struct Killed(pub Child);

impl Killed {
    pub fn kill(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for Killed {
    fn drop(&mut self) {
        self.kill();
    }
}

/// An opened database with a home in it.
pub async fn database(folder: &TempDir, home: &Home) -> Database {
    let mut database = sqlite::open(&folder.path().join("buckler.db")).await.unwrap();
    database
        .apply(change([Op::PutHome { home: Arc::new(home.clone()), revision: 0 }]))
        .await
        .unwrap();
    database
}

/// The machine's monotonic clock, to compare durations.
#[expect(clippy::disallowed_methods, reason = "a test compares with the clock of the machine")]
pub fn instant() -> std::time::Instant {
    std::time::Instant::now()
}

/// Lets time pass. Use it only if the time itself matters, such as the downtime of a server;
/// otherwise use [`until`].
pub async fn wait(time: Duration) {
    tokio::time::sleep(time).await;
}

/// Waits until `check` returns something.
pub async fn until<T, F: Future<Output = Option<T>>>(what: &str, check: impl FnMut() -> F) -> T {
    until_within(PATIENCE, what, check).await
}

/// Like [`until`], with another time limit.
pub async fn until_within<T, F: Future<Output = Option<T>>>(
    patience: Duration,
    what: &str,
    mut check: impl FnMut() -> F,
) -> T {
    let waited = async {
        loop {
            if let Some(found) = check().await {
                return found;
            }
            wait(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(patience, waited).await.unwrap_or_else(|_| panic!("never came: {what}"))
}

/// A person with a browser.
#[derive(Clone)]
pub struct Person {
    pub client: Client,
    pub base: String,
}

impl Person {
    pub fn new(base: String) -> Self {
        let client = Client::builder().cookie_store(true).timeout(PATIENCE).build().unwrap();
        Self { client, base }
    }

    /// The owner of a demo that another process serves on this port, once it answers.
    pub async fn at(port: u16) -> Self {
        let owner = Self::new(format!("http://127.0.0.1:{port}"));
        let alive =
            || async { owner.client.get(format!("{}/healthz", owner.base)).send().await.ok() };
        until("the server", alive).await;
        owner.cookie().await;
        owner
    }

    pub async fn get(&self, path: &str) -> (StatusCode, Value) {
        answer(self.client.get(format!("{}{path}", self.base)).send().await.unwrap()).await
    }

    /// A request with any other method; `null` sends no body.
    pub async fn ask(
        &self,
        method: reqwest::Method,
        path: &str,
        body: &Value,
    ) -> (StatusCode, Value) {
        let request = self.client.request(method, format!("{}{path}", self.base));
        let request = if body.is_null() { request } else { request.json(body) };
        answer(request.send().await.unwrap()).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> (StatusCode, Value) {
        let path = having_seen_all(path);
        answer(self.client.post(format!("{}{path}", self.base)).json(body).send().await.unwrap())
            .await
    }

    /// Raises an SOS. The id is new unless `more` has one.
    pub async fn raise(&self, home: &str, request: &str, more: Value) -> (StatusCode, Value) {
        let mut body = json!({
            "id": uuid::Uuid::from_u128(unique()),
            "request": request,
            "mode": "live",
            "source": {"surface": "dashboard"},
            "sent_at": self.server_time().await,
        });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.post(&format!("/api/v1/homes/{home}/incidents"), &body).await
    }

    /// The cookie of a new session of the owner, for requests that use no client.
    pub async fn cookie(&self) -> String {
        self.cookie_of("owner").await
    }

    /// The cookie of another account. Retries while the hashing queue is full, as people do.
    pub async fn cookie_of(&self, name: &str) -> String {
        self.cookie_with(name, "buckler-demo").await
    }

    /// The cookie of an account with this password.
    pub async fn cookie_with(&self, name: &str, password: &str) -> String {
        let body = json!({"email": format!("{name}@demo.test"), "password": password});
        let ask = || async {
            let answer = self
                .client
                .post(format!("{}/api/v1/session", self.base))
                .json(&body)
                .send()
                .await
                .unwrap();
            (answer.status() != StatusCode::TOO_MANY_REQUESTS).then_some(answer)
        };
        let answer = until("a place in the line", ask).await;
        assert_eq!(answer.status(), StatusCode::OK);
        answer.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned()
    }

    /// One of the checks of whether an SOS in Maple Street would work now (R23).
    pub async fn check(&self, what: &str) -> Value {
        let home = self.get("/api/v1/homes/maple-street").await.1;
        let checks = home["sos"]["ready"]["checks"].as_array().unwrap();
        checks.iter().find(|check| check["what"] == what).unwrap().clone()
    }

    pub async fn server_time(&self) -> Value {
        self.get("/api/v1/me").await.1["server_time"].clone()
    }

    pub async fn act(&self, incident: &Value, action: &str) -> (StatusCode, Value) {
        self.post(
            &format!("/api/v1/incidents/{}/{action}", incident["id"].as_str().unwrap()),
            &json!({}),
        )
        .await
    }

    pub async fn look(&self, incident: &Value) -> Value {
        self.get(&format!("/api/v1/incidents/{}", incident["id"].as_str().unwrap())).await.1
    }

    pub async fn until_state(&self, incident: &Value, state: &str) -> Value {
        let check = || async { Some(self.look(incident).await).filter(|i| i["state"] == state) };
        until(state, check).await
    }

    /// The path of a contact's phone page, as the demo shows it.
    pub async fn phone_of(&self, home: &str, contact: usize) -> String {
        let home = self.get(&format!("/api/v1/homes/{home}")).await.1;
        let link = home["contacts"][contact]["phone_link"].as_str().unwrap().to_owned();
        link.replace("/contact/", "/api/v1/contact/")
    }
}

async fn answer(response: reqwest::Response) -> (StatusCode, Value) {
    let status = response.status();
    if status.is_client_error() || status.is_server_error() {
        assert_eq!(response.headers()["content-type"], "application/problem+json");
    }
    let text = response.text().await.unwrap();
    (status, serde_json::from_str(&text).unwrap_or(Value::Null))
}

fn unique() -> u128 {
    use std::hash::{BuildHasher, Hasher, RandomState};
    let half = || u128::from(RandomState::new().build_hasher().finish());
    half() << 64 | half()
}

pub fn whats(incident: &Value) -> Vec<&str> {
    incident["timeline"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| line["what"].as_str().unwrap())
        .collect()
}

/// The path of a command whose author has seen everything. Without that, a command ends only what is
/// older than a second (I30), and tests are faster.
pub fn having_seen_all(path: &str) -> String {
    let ends = ["cancel", "silence", "end", "review", "close", "call"];
    match path.rsplit('/').next() {
        Some(action) if ends.contains(&action) => format!("{path}?seen={}", u32::MAX),
        _ => path.into(),
    }
}
