//! I32. Only the database that a server wrote last acts by itself. A backup or a copy that is put in
//! its place rings nobody, and its incidents wait for a person.

use super::{Killed, Person, Server, connect, program, until, whats};
use crate::server::cameras::free_port;
use buckler::server::store::sqlite::epoch;
use serde_json::{Value, json};
use sqlx::Connection;
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::Arc,
};
use tempfile::TempDir;

fn buckler(words: &[&str], data: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_buckler"));
    command.args(words).arg("--data").arg(data).output().unwrap()
}

fn said(output: &Output) -> String {
    [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text)).concat()
}

/// A server whose first call rings and whose sirens sound.
async fn ringing() -> (Server, Person, Value) {
    let server = Server::start("30s").await;
    let owner = server.sign_in("owner").await;
    let incident = owner.raise("maple-street", "police", json!({})).await.1;
    owner.act(&incident, "send-now").await;
    until("it sounds and rings", async || {
        let told = owner.look(&incident).await;
        ["siren_confirmed", "call_placed"]
            .iter()
            .all(|what| whats(&told).contains(what))
            .then_some(())
    })
    .await;
    (server, owner, incident)
}

async fn readyz(server: &Server) -> String {
    reqwest::get(format!("{}/readyz", server.base)).await.unwrap().text().await.unwrap()
}

/// Checks that nothing acts by itself, and that somebody may decide.
async fn waits_for_a_person(server: &Server, incident: &Value) {
    let owner = server.sign_in("owner").await;
    let told = owner.look(incident).await;
    assert_eq!(told["state"], "under_review", "{told}");
    until("an empty outbox", async || (server.app.engine.view().under_way().0 == 0).then_some(()))
        .await;
    let calls = told["calls"].to_string();
    assert!(!calls.contains("ringing") && whats(&told).contains(&"call_ended"), "{calls}");
    let home = owner.get("/api/v1/homes/maple-street").await.1;
    let sirens = home["devices"].as_array().unwrap().iter().map(|device| &device["siren"]);
    assert!(sirens.clone().all(|siren| *siren != "sounding"), "{home}");
    let said = readyz(server).await;
    assert!(said.contains("a copy was put back; 1 incidents"), "{said}");
    assert!(told.to_string().contains("was put back from a copy"), "{told}");
    let review = format!("/api/v1/incidents/{}/review", incident["id"].as_str().unwrap());
    let closed = owner.post(&review, &json!({"decision": "close"})).await.1;
    assert_eq!(closed["state"], "closed");
}

/// Waits until nobody has the database open and its log is in the file. A server in this process
/// closes it a moment after it has stopped.
async fn closed(data: &Path) {
    until("the database is closed", async || {
        let mut file = connect(&data.join("buckler.db")).await;
        sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").execute(&mut file).await.ok()?;
        file.close().await.ok()?;
        (!data.join("buckler.db-wal").exists()).then_some(())
    })
    .await;
}

/// The kept databases in a folder.
fn kept(data: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(data).unwrap().map(|file| file.unwrap().path());
    let is_kept = |file: &PathBuf| file.to_string_lossy().contains("buckler.db.before-");
    let is_log =
        |file: &PathBuf| ["-wal", "-shm"].iter().any(|end| file.to_string_lossy().ends_with(end));
    files.filter(is_kept).filter(|file| !is_log(file)).collect()
}

/// A backup of a running server, in a folder of its own.
fn backup_of(server: &Server) -> (TempDir, PathBuf) {
    let copies = tempfile::tempdir().unwrap();
    let copy = copies.path().join("copy.db");
    assert!(buckler(&["backup", copy.to_str().unwrap()], &data_of(server)).status.success());
    (copies, copy)
}

fn data_of(server: &Server) -> PathBuf {
    server.file().parent().unwrap().to_owned()
}

#[tokio::test]
async fn backup_that_is_restored_rings_nobody() {
    let (server, owner, incident) = ringing().await;
    let (_copies, copy) = backup_of(&server);
    let later = owner.raise("lake-cabin", "medical", json!({})).await.1;
    let folder = server.stop().await;
    closed(folder.path()).await;
    let restored = buckler(&["restore", copy.to_str().unwrap()], folder.path());
    assert!(restored.status.success(), "{}", said(&restored));
    let [before] = &kept(folder.path())[..] else { panic!("{:?}", kept(folder.path())) };
    assert!(said(&restored).contains(before.to_str().unwrap()), "{}", said(&restored));
    let mut old = connect(before).await;
    let running: i64 = sqlx::query_scalar("SELECT count(*) FROM incident WHERE running = 1")
        .fetch_one(&mut old)
        .await
        .unwrap();
    assert_eq!(running, 2, "nothing is lost");
    old.close().await.unwrap();

    let server = Server::on(folder, "30s").await;
    waits_for_a_person(&server, &incident).await;
    let owner = server.sign_in("owner").await;
    assert_eq!(owner.look(&later).await["state"], Value::Null, "the backup does not know it");
    // From now on it is the database that was written last.
    let server = server.restart_after(std::time::Duration::ZERO).await;
    assert!(!readyz(&server).await.contains("put back"), "{}", readyz(&server).await);
}

#[tokio::test]
async fn backup_that_is_copied_over_the_file_rings_nobody() {
    let (server, _, incident) = ringing().await;
    let (_copies, copy) = backup_of(&server);
    let folder = server.stop().await;
    closed(folder.path()).await;
    fs::copy(&copy, folder.path().join("buckler.db")).unwrap();
    waits_for_a_person(&Server::on(folder, "30s").await, &incident).await;

    // The same in a new folder.
    let folder = Arc::new(tempfile::tempdir().unwrap());
    fs::copy(&copy, folder.path().join("buckler.db")).unwrap();
    waits_for_a_person(&Server::on(folder, "30s").await, &incident).await;
}

/// The folder of a server that was killed has a log, which a copy must not be taken for.
#[tokio::test]
async fn log_beside_a_copy_is_not_taken_for_its_own() {
    let (server, owner, incident) = ringing().await;
    let (_copies, copy) = backup_of(&server);
    let data = data_of(&server);
    let later = owner.raise("lake-cabin", "medical", json!({})).await.1;
    // What a kill leaves.
    let folders = [(); 2].map(|()| Arc::new(tempfile::tempdir().unwrap()));
    for folder in &folders {
        for name in ["buckler.db", "buckler.db-wal", epoch::FILE] {
            fs::copy(data.join(name), folder.path().join(name)).unwrap();
        }
    }
    server.stop().await;
    for (folder, is_asked_first) in folders.iter().zip([false, true]) {
        let log = fs::read(folder.path().join("buckler.db-wal")).unwrap();
        fs::copy(&copy, folder.path().join("buckler.db")).unwrap();
        if is_asked_first {
            let asked = buckler(&["user", "list"], folder.path());
            assert!(asked.status.success(), "{}", said(&asked));
        }
        let server = Server::on(folder.clone(), "30s").await;
        waits_for_a_person(&server, &incident).await;
        let owner = server.sign_in("owner").await;
        assert_eq!(owner.look(&later).await["state"], Value::Null, "the copy does not know it");
        let files = fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().path());
        let is_kept = |file: &PathBuf| file.to_string_lossy().contains("buckler.db-wal.before-");
        let [kept] = &files.filter(is_kept).collect::<Vec<_>>()[..] else { panic!("it is lost") };
        assert_eq!(fs::read(kept).unwrap(), log);
    }
}

#[tokio::test]
async fn file_of_an_earlier_start_rings_nobody() {
    let (server, _, incident) = ringing().await;
    let folder = server.stop().await;
    let copies = tempfile::tempdir().unwrap();
    let copy = copies.path().join("copy.db");
    closed(folder.path()).await;
    fs::copy(folder.path().join("buckler.db"), &copy).unwrap();
    let folder = Server::on(folder, "30s").await.stop().await;
    closed(folder.path()).await;
    fs::copy(&copy, folder.path().join("buckler.db")).unwrap();
    waits_for_a_person(&Server::on(folder, "30s").await, &incident).await;
}

/// A folder that is moved, with everything in it.
#[tokio::test]
async fn folder_that_is_moved_goes_on() {
    let (server, _, incident) = ringing().await;
    let (folder, moved) = (server.stop().await, tempfile::tempdir().unwrap());
    closed(folder.path()).await;
    for file in fs::read_dir(folder.path()).unwrap() {
        let file = file.unwrap();
        fs::rename(file.path(), moved.path().join(file.file_name())).unwrap();
    }
    let server = Server::on(Arc::new(moved), "30s").await;
    let owner = server.sign_in("owner").await;
    assert_eq!(owner.look(&incident).await["state"], "verifying");
    assert_eq!(server.app.engine.view().put_back(), None);
}

/// The real program, which is stopped, killed, and killed between the steps of a change.
#[tokio::test]
async fn stop_and_kill_are_no_restore() {
    let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
    let serve = || {
        let mut server = program(&["serve", "--demo"], port, folder.path());
        Killed(server.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
    };
    let value = || fs::read_to_string(folder.path().join(epoch::FILE)).unwrap();
    let mut server = serve();
    let owner = Person::at(port).await;
    let incident = owner.raise("maple-street", "medical", json!({})).await.1;
    let mut values = vec![value()];
    for step in ["killed", "killed before the database", "stopped"] {
        if step == "stopped" {
            let pid = rustix::process::Pid::from_child(&server.0);
            rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
            assert!(server.0.wait().unwrap().success());
            assert!(!values.contains(&value()), "it changes at the stop");
        } else {
            server.kill();
        }
        if step == "killed before the database" {
            fs::write(folder.path().join(epoch::FILE), value() + "another\n").unwrap();
        }
        server = serve();
        let owner = Person::at(port).await;
        let told = owner.look(&incident).await;
        assert!(
            ["counting_down", "verifying"].contains(&told["state"].as_str().unwrap()),
            "{told}"
        );
        assert!(!told.to_string().contains("put back"), "{step}: {told}");
        assert!(!values.contains(&value()), "{step}: it changes at each start");
        values.push(value());
    }
}

#[tokio::test]
async fn restore_refuses_what_it_cannot_use_and_changes_nothing() {
    let folder = Server::start("30s").await.stop().await;
    closed(folder.path()).await;
    let copies = tempfile::tempdir().unwrap();
    let refused = |copy: &Path| {
        let output = buckler(&["restore", copy.to_str().unwrap()], folder.path());
        assert!(!output.status.success(), "{}", said(&output));
        said(&output)
    };
    let file = |name: &str| copies.path().join(name);
    let (good, text, newer, damaged) =
        (file("good.db"), file("text"), file("newer.db"), file("damaged.db"));
    assert!(buckler(&["backup", good.to_str().unwrap()], folder.path()).status.success());
    let before = fs::read(folder.path().join("buckler.db")).unwrap();
    fs::write(&text, "Dear diary").unwrap();
    fs::copy(&good, &newer).unwrap();
    let mut database = connect(&newer).await;
    sqlx::query("UPDATE _sqlx_migrations SET version = 99 WHERE version = 1")
        .execute(&mut database)
        .await
        .unwrap();
    database.close().await.unwrap();
    let mut bytes = fs::read(&good).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 8_192].fill(0xAA);
    fs::write(&damaged, bytes).unwrap();
    for copy in [&file("nothing"), &text, &damaged] {
        refused(copy);
    }
    assert!(refused(&newer).contains("of a newer Buckler"));
    let lock = fs::File::create(folder.path().join("lock")).unwrap();
    lock.try_lock().expect("nobody has it");
    assert!(refused(&good).contains("another server uses the data folder"));
    drop(lock);
    assert_eq!(fs::read(folder.path().join("buckler.db")).unwrap(), before);
    assert_eq!(kept(folder.path()), [] as [PathBuf; 0]);
    // What an attempt left that was cut is no obstacle.
    fs::write(folder.path().join("buckler.db.restoring"), "cut").unwrap();
    fs::write(folder.path().join("buckler.db.restoring-wal"), "cut").unwrap();
    let restored = buckler(&["restore", good.to_str().unwrap()], folder.path());
    assert!(restored.status.success(), "{}", said(&restored));
}

/// A database so damaged that its log cannot be folded in is kept, with its log.
#[tokio::test]
async fn damaged_database_is_replaced_and_kept() {
    let (server, _, incident) = ringing().await;
    let (data, copies): (PathBuf, TempDir) =
        (server.file().parent().unwrap().into(), tempfile::tempdir().unwrap());
    let copy = copies.path().join("copy.db");
    assert!(buckler(&["backup", copy.to_str().unwrap()], &data).status.success());
    let folder = server.stop().await;
    closed(folder.path()).await;
    fs::write(folder.path().join("buckler.db"), "not what it was").unwrap();
    fs::write(folder.path().join("buckler.db-wal"), "its log").unwrap();
    let restored = buckler(&["restore", copy.to_str().unwrap()], folder.path());
    assert!(restored.status.success(), "{}", said(&restored));
    let [before] = &kept(folder.path())[..] else { panic!("{:?}", kept(folder.path())) };
    assert_eq!(fs::read_to_string(before).unwrap(), "not what it was");
    let log = format!("{}-wal", before.display());
    assert_eq!(fs::read_to_string(log).unwrap(), "its log");
    waits_for_a_person(&Server::on(folder, "30s").await, &incident).await;
}
