//! The real binary on a real file, killed at random moments: in the countdown, in commits, between
//! a commit and its effects. Every incident that was acknowledged comes to its end, nothing is
//! requested twice, and no deadline is forgotten.

use super::{
    figures::{figure, ms},
    server::{
        Server, chance, client, countdown_over, fill, free_port, look, now, option, raise_once,
        sign_in,
    },
};
use buckler::domain::time::Timestamp;
use reqwest::Client;
use serde_json::Value;
use std::{
    collections::HashMap,
    net::SocketAddr,
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    time::sleep,
};

/// Requests between two kills.
const REQUESTS: usize = 3;
/// A deadline that came this late beside the time that the server was down was not kept, but
/// stumbled upon. How late the latest was is a figure: a busy machine is no fault.
const FORGOTTEN: Duration = Duration::from_secs(3);
/// The longest that the end of everything is waited for.
const PATIENCE: Duration = Duration::from_secs(180);

/// Kills as often as `--kills` says, and looks at every story (F12, F13).
pub async fn server_killed_at_any_moment_loses_and_repeats_nothing() {
    let kills = option("--kills", 100);
    let folder = tempfile::tempdir().expect("a folder");
    let (client, port) = (client(), free_port());
    fill(folder.path(), port, kills * REQUESTS).await;
    let bench = Bench::start().await;
    let mut server = bench.launch(folder.path(), port, &client).await;
    let base = server.base();
    sign_in(&client, &base).await;

    let (mut acknowledged, mut down) = (Vec::new(), Vec::new());
    for kill in 0..kills {
        for request in 0..REQUESTS {
            sleep(Duration::from_millis(chance(60))).await;
            let (client, base, home) = (client.clone(), base.clone(), kill * REQUESTS + request);
            let raised = tokio::spawn(async move {
                raise_once(&client, &base, home, ["police", "fire", "medical"][chance(3) as usize])
                    .await
            });
            acknowledged.push(raised);
        }
        // Every second kill strikes the last request itself, before its commit or after; the others
        // strike what runs.
        sleep(Duration::from_micros(chance(if kill % 2 == 0 { 3_000 } else { 250_000 }))).await;
        let from = now();
        server.kill();
        server = bench.launch(folder.path(), port, &client).await;
        down.push((from, now()));
    }
    let mut ids = Vec::new();
    for raised in acknowledged {
        ids.extend(raised.await.expect("no request panics"));
    }
    ids.sort();
    ids.dedup();
    let worst = check(&client, &base, &ids, &down).await;
    let again = bench.check(&ids);
    let slowest = down.iter().map(|(from, to)| to.since(*from)).max().unwrap_or_default();
    // All of them came to their end, and nothing was carried out twice: that is asserted above.
    figure("killed, times", kills as f64, "n", "-");
    figure("killed: acknowledged incidents that came to their end", ids.len() as f64, "n", "-");
    figure("killed: the latest countdown was late, beside restarts", ms(worst), "ms", "100");
    figure("killed: the longest restart", ms(slowest), "ms", "-");
    figure("killed: effects shown again to devices that knew them", again as f64, "n", "-");
    server.kill();
}

/// Waits until each is over, and looks at its story. The greatest lateness beside restarts.
async fn check(
    client: &Client,
    base: &str,
    ids: &[String],
    down: &[(Timestamp, Timestamp)],
) -> Duration {
    let until = now() + PATIENCE;
    let mut worst = Duration::ZERO;
    for id in ids {
        let mut incident = look(client, base, id).await;
        while !["aborted", "cancelled", "closed"]
            .contains(&incident["state"].as_str().unwrap_or_default())
        {
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
        let (due, came) = countdown_over(&incident).expect("it was counted");
        assert!(came >= due, "{id}: early");
        // What it waited for: the last restart on the way.
        let excused = down
            .iter()
            .filter(|(from, to)| *from <= came && *to >= due)
            .map(|(_, to)| *to)
            .fold(due, Timestamp::max);
        let late = came.since(excused);
        assert!(late < FORGOTTEN, "{id}: due {due}, came {came}, excused until {excused}");
        worst = worst.max(late);
    }
    worst
}

/// Stands where sirens, telephones and responders stand, and remembers what it was shown: each
/// effect's key, and how often.
struct Bench {
    address: SocketAddr,
    seen: Arc<Mutex<HashMap<String, usize>>>,
}

impl Bench {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let seen = Arc::new(Mutex::new(HashMap::new()));
        let noted = seen.clone();
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(note(socket, noted.clone()));
            }
        });
        Self { address, seen }
    }

    async fn launch(&self, folder: &Path, port: u16, client: &Client) -> Server {
        let address = self.address.to_string();
        Server::start_with(folder, port, client, |command| {
            _ = command.args(["--demo-bench", &address])
        })
        .await
    }

    /// Each thing that had to be done for an incident has one key, whatever was killed meanwhile: a
    /// device that knows its keys does it once (F12). How many effects came again.
    fn check(&self, ids: &[String]) -> usize {
        let seen = self.seen.lock().expect("no holder panics");
        let mut keys = HashMap::<String, Vec<&str>>::new();
        for key in seen.keys() {
            let parts: Vec<&str> = key.split('/').collect();
            keys.entry([parts[0], parts[2], parts[3]].join("/")).or_default().push(key);
        }
        for (what, keys) in &keys {
            let once = ["siren_on", "call_contact", "request_dispatch", "announce"]
                .iter()
                .any(|kind| what.contains(kind));
            assert!(!once || keys.len() == 1, "{what} has more than one key: {keys:?}");
        }
        for id in ids {
            let of = |kind: &str| {
                keys.keys().filter(|what| what.starts_with(&format!("{id}/{kind}"))).count()
            };
            assert_eq!(of("call_contact"), 3, "{id}: each contact was called");
            assert!(of("request_dispatch") >= 1, "{id}: responders were asked");
        }
        seen.values().filter(|times| **times > 1).count()
    }
}

async fn note(socket: TcpStream, seen: Arc<Mutex<HashMap<String, usize>>>) {
    let mut socket = BufReader::new(socket);
    let mut line = String::new();
    // A server that was killed while it wrote has shown nothing.
    if socket.read_line(&mut line).await.is_ok_and(|_| line.ends_with('\n')) {
        let effect: Value = serde_json::from_str(&line).expect("JSON");
        *seen
            .lock()
            .expect("no holder panics")
            .entry(effect["key"].as_str().expect("a key").into())
            .or_default() += 1;
        let _ = socket.write_all(b"\n").await;
    }
}
