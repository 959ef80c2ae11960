//! The real binary with a wall clock that is set while it runs, and with a stop that the clock
//! reports as longer than it was.

use super::{
    figures::{figure, ms},
    listeners::listen,
    load::instant,
    server::{Server, client, countdown_over, fill, free_port, look, raise, sign_in},
};
use reqwest::Client;
use sqlx::{Connection, SqliteConnection};
use std::{fs, path::Path, process::Command, time::Duration};
use tempfile::TempDir;
use tokio::time::sleep;

const HOUR_MS: i64 = 3_600_000;
const COUNTDOWN: Duration = Duration::from_secs(5);
/// The least that the clock is set back by: a countdown that believed it would be this late (F17).
/// The greatest lateness is only printed, because a busy machine is not a fault.
const SET_BACK: Duration = Duration::from_millis(1_000);

/// A server whose wall clock the test can set.
struct Clocked {
    server: Server,
    client: Client,
    folder: TempDir,
    port: u16,
    cookie: String,
}

impl Clocked {
    async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let built = Command::new("tests/preload")
            .arg("tests/process/clock.c")
            .arg(folder.path().join("clock.so"))
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .status();
        assert!(built.expect("tests/preload").success());
        let (client, port) = (client(), free_port());
        fill(folder.path(), port, 8).await;
        let server = Self::launch(folder.path(), port, &client).await;
        let cookie = sign_in(&client, &server.base()).await;
        Self { server, client, folder, port, cookie }
    }

    async fn launch(folder: &Path, port: u16, client: &Client) -> Server {
        let environment = [
            ("LD_PRELOAD", folder.join("clock.so").into_os_string()),
            ("CLOCK_SET", folder.join("ahead").into()),
            // A zone with an odd offset, which must not matter.
            ("TZ", "Pacific/Chatham".into()),
        ];
        Server::start_with(folder, port, client, |command| _ = command.envs(environment)).await
    }

    /// Sets the wall clock ahead by this much from now on, or behind.
    fn set(&self, ahead_ms: i64) {
        fs::write(self.folder.path().join("ahead.new"), ahead_ms.to_string()).expect("written");
        fs::rename(self.folder.path().join("ahead.new"), self.folder.path().join("ahead"))
            .expect("renamed");
    }

    /// Raises in a home. Compares the times of the request and its acknowledgment with the end of
    /// the countdown.
    async fn countdown(&self, home: usize) -> impl Future<Output = String> + use<> {
        let base = self.server.base();
        let mut listener = listen(&base, &self.cookie, home, None).await;
        listener.event("snapshot").await;
        let asked = instant();
        let id = raise(&self.client, &base, home, "police").await;
        let acknowledged = instant();
        async move {
            loop {
                let heard = listener.event("incident").await;
                if heard.data["state"] != "counting_down" {
                    assert!(
                        heard.at - asked >= COUNTDOWN,
                        "home-{home} was early: after {:?}",
                        heard.at - asked
                    );
                    // Use the server's own timestamps: this process may learn of it late.
                    assert!(heard.at - acknowledged < 2 * COUNTDOWN, "home-{home} was late");
                    return id;
                }
            }
        }
    }

    /// Kills the server, changes its folder, and restarts it.
    async fn restart_after(&mut self, change: &str) {
        self.server.kill();
        let file = format!("sqlite://{}", self.folder.path().join("buckler.db").display());
        let mut database = SqliteConnection::connect(&file).await.expect("the file opens");
        sqlx::query(sqlx::AssertSqlSafe(change)).execute(&mut database).await.expect("changed");
        database.close().await.expect("closed");
        self.server = Self::launch(self.folder.path(), self.port, &self.client).await;
    }

    async fn story(&self, id: &str) -> (String, Vec<String>) {
        let incident = look(&self.client, &self.server.base(), id).await;
        let lines = incident["timeline"].as_array().expect("a timeline").iter();
        (
            incident["state"].as_str().expect("a state").into(),
            lines.map(|l| l["what"].as_str().expect("words").into()).collect(),
        )
    }
}

/// Hours forward and back, a repeated leap second, and small steps, in every part of eight
/// countdowns: none is early, none is late (F17).
pub async fn wall_clock_that_is_set_moves_no_deadline() {
    let mut clocked = Clocked::start().await;
    let mut counting = Vec::new();
    for (home, ahead_ms) in [HOUR_MS, -HOUR_MS, 0, -1_000, 0, 24 * HOUR_MS].into_iter().enumerate()
    {
        counting.push(clocked.countdown(home).await);
        sleep(Duration::from_millis(200)).await;
        clocked.set(ahead_ms);
    }
    // Steps of half a millisecond, as a time service makes them, but faster: by one part in five.
    counting.push(clocked.countdown(6).await);
    for step in 0..200 {
        clocked.set(step);
        sleep(Duration::from_millis(5)).await;
    }
    counting.push(clocked.countdown(7).await);
    let mut worst = Duration::ZERO;
    for ended in counting {
        let id = ended.await;
        let incident = look(&clocked.client, &clocked.server.base(), &id).await;
        let (due, came) = countdown_over(&incident).expect("it was counted");
        assert!(came >= due && came < due + SET_BACK, "due {due}, came {came}");
        worst = worst.max(came.since(due));
    }
    figure("clock set to and fro: the latest countdown was late", ms(worst), "ms", "100");
    clocked.server.kill();
}

/// R22 on the real binary: the server was down across D for 20 s, and for 20 min with a reboot of
/// the machine.
pub async fn server_down_across_d_acts_at_once_or_waits_for_review() {
    let mut clocked = Clocked::start().await;
    let id = raise(&clocked.client, &clocked.server.base(), 0, "police").await;
    clocked.restart_after("UPDATE clock SET at = at + 20000").await;
    let mut what = clocked.story(&id).await.1;
    while !what.iter().any(|w| w == "siren_confirmed") {
        sleep(Duration::from_millis(20)).await;
        what = clocked.story(&id).await.1;
    }
    for line in ["countdown_over", "call_placed"] {
        assert!(what.iter().any(|w| w == line), "after 20 s it sounds and calls at once: {what:?}");
    }

    let id = raise(&clocked.client, &clocked.server.base(), 1, "police").await;
    clocked.set(20 * 60 * 1_000);
    clocked.restart_after("UPDATE clock SET boot = 'another start'").await;
    let (state, what) = clocked.story(&id).await;
    assert_eq!(state, "under_review", "after 20 min somebody looks first: {what:?}");
    for line in ["siren_confirmed", "call_placed", "dispatch_requested"] {
        assert!(!what.iter().any(|w| w == line), "{line} after 20 min: {what:?}");
    }
    clocked.server.kill();
}
