//! The real binary on a failing disk: what it reports, how soon, and that it acknowledges nothing
//! before it is flushed.

use super::{Killed, Person, cameras::free_port, connect, program, until};
use buckler::server::store::sqlite;
use reqwest::StatusCode;
use serde_json::{Value, json};
use sqlx::Connection;
use std::{
    fs,
    path::Path,
    process::{Command, Output, Stdio},
    time::Duration,
};
use tempfile::TempDir;

/// The server of this build, with a fault injector between it and the disk.
struct OnDisk {
    child: Killed,
    owner: Person,
    folder: TempDir,
    /// The port for metrics.
    metrics: u16,
}

impl OnDisk {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let built = Command::new("tests/preload")
            .arg("tests/native/server/disk.c")
            .arg(folder.path().join("disk.so"))
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .status();
        assert!(built.unwrap().success());
        let metrics = free_port();
        let (child, owner) = Self::serve(&folder, metrics).await;
        Self { child, owner, folder, metrics }
    }

    async fn serve(folder: &TempDir, metrics: u16) -> (Killed, Person) {
        let (port, metrics) = (free_port(), format!("127.0.0.1:{metrics}"));
        let words = ["serve", "--demo", "--metrics-listen", &metrics];
        let mut server = program(&words, port, &folder.path().join("data"));
        server
            .env("LD_PRELOAD", folder.path().join("disk.so"))
            .env("DISK_FAULT", folder.path().join("fault"));
        let child = server.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        (Killed(child), Person::at(port).await)
    }

    /// Kills the server and starts another one on the same disk.
    async fn restart(&mut self) {
        self.child.kill();
        (self.child, self.owner) = Self::serve(&self.folder, self.metrics).await;
    }

    async fn is_ready(&self) {
        let ready = async || {
            let asked = self.owner.client.get(format!("{}/readyz", self.owner.base)).send().await;
            asked.unwrap().status().is_success().then_some(())
        };
        until("readiness", ready).await;
    }

    /// Sets the disk's fault; an empty string heals it.
    fn disk(&self, fault: &str) {
        fs::write(self.folder.path().join("fault"), fault).unwrap();
    }

    async fn incident(&self) -> Value {
        self.owner.get("/api/v1/homes/maple-street").await.1["incident"].clone()
    }

    /// Makes a request that must be refused within a second.
    async fn is_refused(&self) {
        let asked = self.owner.raise("maple-street", "police", json!({}));
        let (status, problem) = tokio::time::timeout(Duration::from_secs(1), asked)
            .await
            .expect("said within a second");
        assert_eq!(
            (status, &problem["code"]),
            (StatusCode::SERVICE_UNAVAILABLE, &json!("storage_unavailable"))
        );
        assert_eq!(self.incident().await, Value::Null, "no acknowledgement, no incident");
    }

    async fn serves_again(&self) {
        self.disk("");
        let asked = || async {
            Some(self.owner.raise("maple-street", "police", json!({})).await)
                .filter(|(s, _)| s.is_success())
        };
        until("an incident", asked).await;
    }
}

/// F15.
#[tokio::test]
async fn full_disk_is_said_within_a_second_and_acknowledges_nothing() {
    let server = OnDisk::start().await;
    server.disk("full");
    server.is_refused().await;
    server.serves_again().await;
}

/// I26: everything that worked before a fault works after it. SQLite itself rolls back the
/// transaction of a full disk.
#[tokio::test]
async fn sign_in_works_again_after_a_full_disk() {
    let server = OnDisk::start().await;
    let body = json!({"email": "owner@demo.test", "password": "buckler-demo"});
    let renamed = async |name: &str| {
        let body = json!({"name": name});
        server.owner.ask(reqwest::Method::PUT, "/api/v1/homes/maple-street/name", &body).await.0
    };
    assert_eq!(renamed("One").await, StatusCode::OK);
    let ready = async || {
        server
            .owner
            .client
            .get(format!("{}/readyz", server.owner.base))
            .send()
            .await
            .unwrap()
            .status()
    };
    for fault in ["full", "broken"] {
        server.disk(fault);
        assert_eq!(renamed("Two").await, StatusCode::SERVICE_UNAVAILABLE, "{fault}");
        let stranger = Person::new(server.owner.base.clone());
        let sign_in = async || stranger.post("/api/v1/session", &body).await;
        assert_eq!(sign_in().await.0, StatusCode::SERVICE_UNAVAILABLE, "{fault}");
        until("readiness tells", || async {
            (ready().await == StatusCode::SERVICE_UNAVAILABLE).then_some(())
        })
        .await;
        server.disk("");
        until("it is ready again", || async { (ready().await == StatusCode::OK).then_some(()) })
            .await;
        let (status, answer) = sign_in().await;
        assert_eq!(status, StatusCode::OK, "{fault}: {answer}");
        assert_eq!(renamed(fault).await, StatusCode::OK, "{fault}");
    }
}

/// I25: what was acknowledged acts at D, whatever the disk does, and is stored when it works again.
#[tokio::test]
async fn acknowledged_sos_acts_while_the_disk_fails() {
    for fault in ["full", "broken", "held"] {
        let mut server = OnDisk::start().await;
        let (status, answer) = server.owner.raise("maple-street", "police", json!({})).await;
        assert_eq!(status, StatusCode::CREATED, "{answer}");
        server.disk(fault);
        let called = async || Some(server.incident().await).filter(|i| i["state"] == "verifying");
        let shown = until("the call of the first contact", called).await;
        let line = shown["timeline"].to_string();
        assert!(!line.contains("late"), "{fault}: {line}");
        server.disk("");
        server.is_ready().await;
        server.restart().await;
        assert_eq!(server.incident().await["id"], shown["id"], "{fault}");
        assert_eq!(server.incident().await["state"], "verifying", "{fault}: it was stored");
    }
}

/// I25: the last space of a full disk is for incidents.
#[tokio::test]
async fn ballast_makes_room_for_incidents_alone() {
    let server = OnDisk::start().await;
    server.is_ready().await;
    let ballast = server.folder.path().join("data/ballast");
    assert!(ballast.exists());
    server.disk("kept");
    let body = json!({"name": "Two"});
    let rename = server.owner.ask(reqwest::Method::PUT, "/api/v1/homes/maple-street/name", &body);
    assert_eq!(rename.await.0, StatusCode::SERVICE_UNAVAILABLE);
    assert!(ballast.exists(), "a change does not take what is kept for incidents");
    let (status, answer) = server.owner.raise("maple-street", "police", json!({})).await;
    assert_eq!(status, StatusCode::CREATED, "{answer}");
    server.disk("");
    server.is_ready().await;
    assert!(ballast.exists(), "it is back as soon as there is room");
}

/// I25: with what is not stored, the next start decides again.
#[tokio::test]
async fn power_cut_on_a_full_disk_delays_and_does_not_lose() {
    let mut server = OnDisk::start().await;
    let (_, asked) = server.owner.raise("maple-street", "police", json!({})).await;
    server.disk("full");
    let called = async || Some(server.incident().await).filter(|i| i["state"] == "verifying");
    until("the call of the first contact", called).await;
    server.child.kill();
    server.disk("");
    server.restart().await;
    let incident = server.incident().await;
    assert_eq!(incident["id"], asked["id"]);
    server.owner.until_state(&incident, "verifying").await;
}

/// I25: the server accepts a cancel on a full disk, and stores it later.
#[tokio::test]
async fn cancel_is_heard_on_a_full_disk_and_stored_later() {
    let mut server = OnDisk::start().await;
    let (_, asked) = server.owner.raise("maple-street", "police", json!({})).await;
    server.disk("full");
    let path = format!("/api/v1/incidents/{}/cancel", asked["id"].as_str().unwrap());
    let (status, answer) = server.owner.post(&path, &json!({})).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    assert_eq!(answer["state"], "aborted");
    server.disk("");
    server.is_ready().await;
    server.restart().await;
    assert_eq!(server.owner.look(&asked).await["state"], "aborted");
}

/// F15.
#[tokio::test]
async fn disk_that_fails_to_flush_acknowledges_nothing() {
    let server = OnDisk::start().await;
    server.disk("broken");
    server.is_refused().await;
    server.serves_again().await;
}

/// I10, F14.
#[tokio::test]
async fn flush_comes_before_the_answer() {
    let server = OnDisk::start().await;
    server.disk("held");
    // While the flush waits, the server confirms nothing: after a timeout it answers that it does
    // not know whether the request is stored.
    let (status, _) = server.owner.raise("maple-street", "police", json!({})).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    let (status, _) = server.owner.raise("lake-cabin", "medical", json!({})).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    server.disk("");
    // A write in progress is stored when the flush ends. A write that had not begun by then is
    // never stored (F16).
    let stored = || async { Some(server.incident().await).filter(|i| !i.is_null()) };
    assert_eq!(until("what was written", stored).await["state"], "counting_down");
    assert_eq!(
        server.owner.get("/api/v1/homes/lake-cabin").await.1["incident"],
        Value::Null,
        "never begun later"
    );
}

#[tokio::test]
async fn readiness_names_its_reasons_and_comes_back_with_the_disk() {
    let server = OnDisk::start().await;
    let ready = || async {
        server.owner.client.get(format!("{}/readyz", server.owner.base)).send().await.unwrap()
    };
    let good = ready().await;
    assert_eq!(good.status(), StatusCode::OK);
    let text = good.text().await.unwrap();
    for line in
        ["ready\n", "store: answers after ", "outbox: 0 under way", "disk: ", "center: simulated"]
    {
        assert!(text.contains(line), "{line} in {text}");
    }
    server.disk("broken");
    server.is_refused().await;
    let bad = ready().await;
    assert_eq!(bad.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(bad.text().await.unwrap().contains("not ready\nstore: the last commit failed"));
    server.disk("");
    until("readiness", || async { ready().await.status().is_success().then_some(()) }).await;
}

fn checked(data: &Path) -> (bool, String) {
    let output = program(&["check"], 1, data).output().unwrap();
    (output.status.success(), String::from_utf8(output.stdout).unwrap())
}

#[tokio::test]
async fn check_looks_at_a_running_server_and_finds_damage() {
    let server = OnDisk::start().await;
    server.owner.raise("maple-street", "police", json!({})).await;
    let data = server.folder.path().join("data");
    let (good, said) = checked(&data);
    assert!(
        good && said.contains("every page is whole")
            && said.contains("1 incidents can be read, 1 of them run"),
        "{said}"
    );
    assert!(said.contains("nobody serves 127.0.0.1:1"), "{said}");
    assert!(checked(&server.folder.path().join("none")).1.contains("is not there yet"));
    let copies = tempfile::tempdir().unwrap();
    let copy = copies.path().join("buckler.db");
    buckler::server::store::sqlite::backup(&data.join("buckler.db"), &copy).await.unwrap();
    let mut bytes = fs::read(&copy).unwrap();
    let half = bytes.len() / 2;
    bytes[half..half + 4096].fill(0x5a);
    fs::write(&copy, &bytes).unwrap();
    let (good, said) = checked(copies.path());
    assert!(!good && said.contains("FAULT  database: "), "{said}");
    assert_eq!(fs::read(&copy).unwrap(), bytes, "nothing is repaired");
}

/// Runs as nobody, who cannot even read the folder where cargo puts the binary.
fn start_as_nobody(binary: &Path, data: &Path) -> Output {
    use std::os::unix::process::CommandExt;
    let mut server = Command::new(binary);
    server
        .args(["serve", "--demo", "--listen", "127.0.0.1:0", "--data"])
        .arg(data)
        .uid(65_534)
        .gid(65_534)
        .output()
        .unwrap()
}

#[tokio::test]
async fn unwritable_file_and_folder_without_rights_are_said() {
    use std::os::unix::fs::PermissionsExt;
    if !rustix::process::getuid().is_root() {
        return eprintln!("left out: only root can become nobody");
    }
    let server = OnDisk::start().await;
    let place =
        tempfile::Builder::new().permissions(fs::Permissions::from_mode(0o755)).tempdir().unwrap();
    let binary = place.path().join("buckler");
    fs::copy(env!("CARGO_BIN_EXE_buckler"), &binary).unwrap();
    let data = place.path().join("data");
    fs::create_dir(&data).unwrap();
    buckler::server::store::sqlite::backup(
        &server.folder.path().join("data/buckler.db"),
        &data.join("buckler.db"),
    )
    .await
    .unwrap();
    // A folder that cannot be entered.
    fs::set_permissions(&data, fs::Permissions::from_mode(0o700)).unwrap();
    let said = refusal(&start_as_nobody(&binary, &data));
    assert!(
        said.contains("cannot use the data folder") && said.contains("Permission denied"),
        "{said}"
    );
    // A file that is read-only.
    fs::set_permissions(&data, fs::Permissions::from_mode(0o777)).unwrap();
    let file = data.join("buckler.db");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o444)).unwrap();
    let kept = fs::read(&file).unwrap();
    let said = refusal(&start_as_nobody(&binary, &data));
    assert!(said.contains("readonly database"), "{said}");
    assert_eq!(fs::read(&file).unwrap(), kept);
}

/// F16.
#[tokio::test]
async fn file_held_by_another_process_is_said_within_a_second() {
    let server = OnDisk::start().await;
    let mut holder = connect(&server.folder.path().join("data/buckler.db")).await;
    sqlx::query("BEGIN IMMEDIATE").execute(&mut holder).await.unwrap();
    server.is_refused().await;
    sqlx::query("ROLLBACK").execute(&mut holder).await.unwrap();
    server.serves_again().await;
}

#[tokio::test]
async fn log_lines_can_be_json_and_tell_no_secret() {
    let folder = tempfile::tempdir().unwrap();
    let (port, log) = (free_port(), fs::File::create(folder.path().join("log")).unwrap());
    let words = ["--log-format", "json", "serve", "--demo"];
    let mut command = program(&words, port, &folder.path().join("data"));
    let _child = Killed(command.stdout(Stdio::null()).stderr(log).spawn().unwrap());
    let owner = Person::at(port).await;
    let incident = owner.raise("maple-street", "police", json!({})).await.1;
    let read = || fs::read_to_string(folder.path().join("log")).unwrap();
    until("a line of the incident", || async {
        read().contains(incident["id"].as_str().unwrap()).then_some(())
    })
    .await;
    let lines: Vec<Value> =
        read().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(
        lines.iter().any(|line| line["incident"] == incident["id"] && line["step"].is_string()),
        "{lines:?}"
    );
    for secret in ["buckler-demo", "blue heron", "owner@demo.test", "Olivia", "+1503", "14 Maple"] {
        assert!(!read().contains(secret), "{secret}");
    }
}

fn start_on(data: &Path) -> Output {
    program(&["serve", "--demo"], 0, data).stdin(Stdio::null()).output().unwrap()
}

fn refusal(output: &Output) -> String {
    assert!(!output.status.success());
    String::from_utf8_lossy(&output.stderr)
        .lines()
        .filter(|l| l.contains("buckler:") || l.contains("because:"))
        .collect()
}

#[tokio::test]
async fn a_file_that_is_no_database_is_said_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("buckler.db");
    let garbage = "this is not a database, and nobody repairs it silently ".repeat(100);
    fs::write(&file, &garbage).unwrap();
    let said = refusal(&start_on(folder.path()));
    assert!(said.contains("not a database"), "{said}");
    assert_eq!(fs::read_to_string(&file).unwrap(), garbage);
}

#[tokio::test]
async fn a_file_of_a_newer_version_is_said_and_left_alone() {
    let mut server = OnDisk::start().await;
    server.child.kill();
    let data = server.folder.path().join("data");
    let mut file = connect(&data.join("buckler.db")).await;
    let newer = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) VALUES (999, 'later', 1, x'00', 0)";
    sqlx::query(newer).execute(&mut file).await.unwrap();
    file.close().await.unwrap();
    let said = refusal(&start_on(&data));
    assert!(said.contains("cannot be brought to this version") && said.contains("999"), "{said}");
}

#[tokio::test]
async fn a_folder_that_cannot_be_used_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("data");
    fs::write(&file, "a file where the folder should be").unwrap();
    let said = refusal(&start_on(&file));
    assert!(said.contains("cannot use the data folder"), "{said}");
}

#[tokio::test]
async fn the_figures_tell_of_incidents_lateness_store_and_ways_out() {
    let server = OnDisk::start().await;
    let incident = server.owner.raise("maple-street", "police", json!({})).await.1;
    server.owner.act(&incident, "send-now").await;
    let url = format!("http://127.0.0.1:{}/metrics", server.metrics);
    let wanted = [
        "buckler_incidents{state=\"verifying\"} 1",
        "buckler_store_commit_seconds_count",
        "buckler_outbox_depth 0\n",
        "buckler_outbox_oldest_seconds 0\n",
        "buckler_streams 0",
        "buckler_store_failures_total 0",
        "buckler_effect_attempts_total{kind=\"siren_on\",result=\"done\"} 5",
    ];
    let told = || async {
        let text = server.owner.client.get(&url).send().await.unwrap().text().await.unwrap();
        wanted.iter().all(|line| text.contains(line)).then_some(())
    };
    until("the figures", told).await;
}

#[tokio::test]
async fn a_backup_of_a_running_server_can_be_restored() {
    let server = OnDisk::start().await;
    let incident = server.owner.raise("maple-street", "police", json!({})).await.1;
    let copies = tempfile::tempdir().unwrap();
    let backup = |to: &Path| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_buckler"));
        command
            .arg("backup")
            .arg(to)
            .arg("--data")
            .arg(server.folder.path().join("data"))
            .output()
            .unwrap()
    };
    let copy = copies.path().join("buckler.db");
    assert!(backup(&copy).status.success());
    let kept = fs::read(&copy).unwrap();
    assert!(refusal(&backup(&copy)).contains("there is already a file"));
    assert_eq!(fs::read(&copy).unwrap(), kept, "nothing is overwritten");
    let restored = sqlite::open(&copy).await.unwrap();
    let running = restored.journal.running().await.unwrap();
    assert_eq!(
        running.iter().map(|row| row.incident.as_str()).collect::<Vec<_>>(),
        [incident["id"].as_str().unwrap()]
    );
}
