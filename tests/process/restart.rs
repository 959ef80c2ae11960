//! The real binary on a real file, with sirens behind a real broker, killed at random moments: in
//! the countdown, in commits, between a commit and its effects. Every acknowledged incident ends,
//! nothing is requested twice, and no deadline is forgotten.

use super::{
    broker::{begin_broker, hearing, obedient_devices, sirens_of},
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
    collections::{HashMap, HashSet},
    fs,
    path::{Path, PathBuf},
    process::Child,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::time::sleep;

/// Requests between two kills.
const REQUESTS: usize = 3;
/// A deadline this late, not counting downtime, was forgotten and found by chance. The greatest
/// lateness is only printed, because a busy machine is not a fault.
const FORGOTTEN: Duration = Duration::from_secs(3);
/// The maximum wait for every incident to end.
const PATIENCE: Duration = Duration::from_secs(180);

/// Kills the server `--kills` times, and checks every story (F12, F13).
pub async fn server_killed_at_any_moment_loses_and_repeats_nothing() {
    let kills = option("--kills", 100);
    let folder = tempfile::tempdir().expect("a folder");
    let (client, port) = (client(), free_port());
    fill(folder.path(), port, kills * REQUESTS).await;
    let sirens = Sirens::start(folder.path(), kills * REQUESTS).await;
    let mut server = sirens.launch(folder.path(), port, &client).await;
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
        // Every second kill hits the last request itself, before its commit or after; the others
        // hit what is running.
        sleep(Duration::from_micros(chance(if kill % 2 == 0 { 3_000 } else { 250_000 }))).await;
        let from = now();
        server.kill();
        server = sirens.launch(folder.path(), port, &client).await;
        down.push((from, now()));
    }
    let mut ids = Vec::new();
    for raised in acknowledged {
        ids.extend(raised.await.expect("no request panics"));
    }
    ids.sort();
    ids.dedup();
    let (worst, sounded) = check(&client, &base, &ids, &down).await;
    let again = sirens.check(&ids, &sounded);
    let slowest = down.iter().map(|(from, to)| to.since(*from)).max().unwrap_or_default();
    // The assertions above showed that all ended and nothing was executed twice.
    figure("killed, times", kills as f64, "n", "-");
    figure("killed: acknowledged incidents that came to their end", ids.len() as f64, "n", "-");
    figure("killed: the latest countdown was late, beside restarts", ms(worst), "ms", "100");
    figure("killed: the longest restart", ms(slowest), "ms", "-");
    figure("killed: commands sent again to sirens that knew them", again as f64, "n", "-");
    server.kill();
}

/// Waits until every incident is over, and checks its story. Returns the greatest lateness not
/// counting restarts, and the incidents that sounded sirens.
async fn check(
    client: &Client,
    base: &str,
    ids: &[String],
    down: &[(Timestamp, Timestamp)],
) -> (Duration, HashSet<String>) {
    let until = now() + PATIENCE;
    let (mut worst, mut sounded) = (Duration::ZERO, HashSet::new());
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
        assert_eq!(
            times("call_placed"),
            4,
            "{id}: each contact, and the first once more: {story:?}"
        );
        let (due, came) = countdown_over(&incident).expect("it was counted");
        assert!(came >= due, "{id}: early");
        // The incident waited for the last restart before it.
        let excused = down
            .iter()
            .filter(|(from, to)| *from <= came && *to >= due)
            .map(|(_, to)| *to)
            .fold(due, Timestamp::max);
        let late = came.since(excused);
        assert!(late < FORGOTTEN, "{id}: due {due}, came {came}, excused until {excused}");
        worst = worst.max(late);
        let services = incident["services"].as_array().expect("services");
        if services.iter().any(|service| service != "medical") {
            sounded.insert(id.clone());
        }
    }
    (worst, sounded)
}

/// A broker with a siren for each home, and a client that counts each command by its key. Both
/// outlive the server.
struct Sirens {
    broker: Child,
    settings: PathBuf,
    heard: Arc<Mutex<HashMap<String, usize>>>,
}

impl Sirens {
    async fn start(folder: &Path, homes: usize) -> Self {
        let port = free_port();
        let broker = begin_broker(folder, port).await;
        let settings = folder.join("buckler.toml");
        fs::write(&settings, sirens_of(homes, port)).expect("written");
        obedient_devices(port);
        let heard = Arc::new(Mutex::new(HashMap::new()));
        let noted = heard.clone();
        hearing(port, "watcher", "buckler/+/siren/set", move |_, message| {
            let order: Value = serde_json::from_slice(&message.payload).expect("JSON");
            let key = order["key"].as_str().expect("a key").to_owned();
            *noted.lock().expect("no holder panics").entry(key).or_default() += 1;
        });
        Self { broker, settings, heard }
    }

    async fn launch(&self, folder: &Path, port: u16, client: &Client) -> Server {
        Server::start_with(folder, port, client, |command| {
            command.arg("--config").arg(&self.settings);
        })
        .await
    }

    /// Each command of an incident has one key, no matter when the server was killed: a device that
    /// remembers its keys obeys once (F12). Every siren of an incident with police or fire was told
    /// to sound. Returns the number of repeated commands.
    fn check(&self, ids: &[String], sounded: &HashSet<String>) -> usize {
        let heard = self.heard.lock().expect("no holder panics");
        let mut keys = HashMap::<(&str, &str), Vec<&str>>::new();
        for key in heard.keys() {
            let [incident, _, kind, _] = key.split('/').collect::<Vec<_>>()[..] else {
                // The command that resumes a siren after a restart has no number.
                assert!(key.ends_with("/resumed"), "{key}");
                continue;
            };
            keys.entry((incident, kind)).or_default().push(key);
        }
        for ((incident, kind), keys) in &keys {
            assert!(*kind != "siren_on" || keys.len() == 1, "{incident} sounds twice: {keys:?}");
            // A request that was stored but whose acknowledgment was lost is also an incident.
            let unasked = ids.iter().any(|id| id == incident) && !sounded.contains(*incident);
            assert!(!unasked, "{incident} needs no siren: {keys:?}");
        }
        for incident in sounded {
            assert!(keys.contains_key(&(incident.as_str(), "siren_on")), "{incident} is silent");
        }
        heard.values().filter(|times| **times > 1).count()
    }
}

impl Drop for Sirens {
    fn drop(&mut self) {
        let _ = self.broker.kill();
        let _ = self.broker.wait();
    }
}
