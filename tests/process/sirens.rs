//! The real binary, a real broker and thousands of sirens: how soon one sounds, how late a thousand
//! do, and that a restarted broker loses none. Invariants are asserted. Durations are only printed,
//! because a test machine may be busy.

use super::{
    broker::{begin_broker, hearing, name_in, obedient_devices, sirens_of},
    figures::{at, figure, keep, ms, sorted},
    load::instant,
    server::{Server, client, fill, free_port, look, now, option, raise, send_now, sign_in},
};
use buckler::domain::time::Timestamp;
use reqwest::Client;
use rumqttc::PublishOptions;
use serde_json::Value;
use std::{
    collections::{HashMap, HashSet},
    fs,
    process::Child,
    sync::Arc,
    time::Duration,
};
use tokio::{
    sync::{
        Barrier,
        mpsc::{UnboundedReceiver, unbounded_channel},
    },
    task::JoinSet,
    time::{Instant, sleep},
};

/// The number of concurrent presses.
const AT_ONCE: usize = 32;

/// Something that the watcher of the broker saw: the name in the topic, the payload, and the time.
struct Seen {
    name: String,
    payload: Value,
    at: Instant,
    clock: Timestamp,
}

struct Bench {
    broker: Child,
    port: u16,
    folder: tempfile::TempDir,
    server: Server,
    client: Client,
    seen: UnboundedReceiver<Seen>,
    keys: HashSet<String>,
}

impl Bench {
    async fn start(homes: usize) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let (client, port, serve) = (client(), free_port(), free_port());
        fill(folder.path(), serve, homes).await;
        let broker = begin_broker(folder.path(), port).await;
        let file = folder.path().join("buckler.toml");
        fs::write(&file, sirens_of(homes, port)).expect("written");
        let (tell, mut seen) = unbounded_channel();
        // The devices share one client, and the watcher is another.
        obedient_devices(port);
        let watcher = hearing(port, "watcher", "buckler/#", move |_, message| {
            let (at, clock) = (instant(), now());
            if message.topic.ends_with(b"/set") || message.topic.ends_with(b"/floor") {
                let payload = serde_json::from_slice(&message.payload).unwrap_or_default();
                // A send fails only after the test is over.
                let _ = tell.send(Seen { name: name_in(&message.topic), payload, at, clock });
            }
        });
        let server = Server::start_with(folder.path(), serve, &client, |command| {
            command.arg("--config").arg(&file);
        })
        .await;
        sign_in(&client, &server.base()).await;
        watcher
            .try_publish("buckler/x/floor", b"0".to_vec(), PublishOptions::at_least_once())
            .expect("room");
        seen.recv().await.expect("the watcher hears");
        Self { broker, port, folder, server, client, seen, keys: HashSet::new() }
    }

    /// The watcher's next message. Skips repeated keys: a device obeys each key once (I12).
    async fn next(&mut self) -> Seen {
        loop {
            let seen = self.seen.recv().await.expect("the watcher hears");
            if seen.payload["key"].as_str().is_none_or(|key| self.keys.insert(key.to_owned())) {
                return seen;
            }
        }
    }

    /// Measures the broker alone, from a client to the watcher.
    async fn floor(&mut self, samples: usize) {
        let publisher = hearing(self.port, "floor", "buckler/none", |_, _| ());
        let mut took = Vec::new();
        for _ in 0..samples {
            let began = instant();
            publisher
                .try_publish("buckler/x/floor", b"1".to_vec(), PublishOptions::at_least_once())
                .expect("room");
            took.push(ms(self.next().await.at - began));
        }
        keep("mqtt-broker", &took);
        let took = sorted(took);
        figure("the broker alone, client to watcher: p50", at(&took, 0.5), "ms", "-");
        figure("the broker alone, client to watcher: p99", at(&took, 0.99), "ms", "-");
    }

    /// Presses Send Now, one after another, and waits each time until the watcher sees ON.
    async fn one_by_one(&mut self, homes: std::ops::Range<usize>) {
        let base = self.server.base();
        let mut took = Vec::new();
        for home in homes {
            let id = raise(&self.client, &base, home, "siren").await;
            let (client, base) = (self.client.clone(), base.clone());
            let began = instant();
            let sent = tokio::spawn(async move { send_now(&client, &base, &id).await });
            let seen = self.next().await;
            assert_eq!(
                (seen.name, seen.payload["state"].as_str()),
                (format!("h{home}"), Some("ON"))
            );
            took.push(ms(seen.at - began));
            sent.await.expect("answered");
        }
        keep("mqtt-send-now", &took);
        let took = sorted(took);
        figure("Send Now until ON at another subscriber: p50", at(&took, 0.5), "ms", "1.0");
        figure("Send Now until ON at another subscriber: p99", at(&took, 0.99), "ms", "4");
    }

    /// Like the above, with many at once: each has a running countdown before any presses.
    async fn together(&mut self, homes: std::ops::Range<usize>) {
        let base = self.server.base();
        let mut took = Vec::new();
        for first in homes.clone().step_by(AT_ONCE) {
            let mut pressed = JoinSet::new();
            let all = Arc::new(Barrier::new((first + AT_ONCE).min(homes.end) - first));
            for home in first..(first + AT_ONCE).min(homes.end) {
                let (client, base, all) = (self.client.clone(), base.clone(), all.clone());
                pressed.spawn(async move {
                    let id = raise(&client, &base, home, "siren").await;
                    all.wait().await;
                    let began = instant();
                    send_now(&client, &base, &id).await;
                    (format!("h{home}"), began)
                });
            }
            let began: HashMap<_, _> = pressed.join_all().await.into_iter().collect();
            for _ in 0..began.len() {
                let seen = self.next().await;
                took.push(ms(seen.at - began[&seen.name]));
            }
        }
        keep("mqtt-together", &took);
        let took = sorted(took);
        figure("the same by 32 at once: p50", at(&took, 0.5), "ms", "1.0");
        figure("the same by 32 at once: p99", at(&took, 0.99), "ms", "4");
    }

    /// A thousand countdowns end within a second: none early, none twice.
    async fn countdowns(&mut self, homes: std::ops::Range<usize>) {
        let base = self.server.base();
        let mut asked = JoinSet::new();
        for home in homes.clone() {
            let (client, base) = (self.client.clone(), base.clone());
            asked.spawn(async move {
                sleep(Duration::from_secs(1).mul_f64((home % 1_000) as f64 / 1_000.0)).await;
                let id = raise(&client, &base, home, "siren").await;
                let deadline = look(&client, &base, &id).await["deadline"]
                    .as_str()
                    .expect("it counts down")
                    .parse::<Timestamp>();
                (format!("h{home}"), deadline.expect("a moment"))
            });
        }
        let due: HashMap<_, _> = asked.join_all().await.into_iter().collect();
        let (mut late, mut early) = (HashMap::new(), 0);
        while late.len() < due.len() {
            let seen = self.next().await;
            early += usize::from(seen.clock < due[&seen.name]);
            let lateness = ms(seen.clock.since(due[&seen.name]));
            assert!(
                late.insert(seen.name.clone(), lateness).is_none(),
                "I12: {} sounds once",
                seen.name
            );
        }
        assert_eq!(early, 0, "I16: none is early");
        let late: Vec<f64> = late.into_values().collect();
        keep("mqtt-countdowns", &late);
        let late = sorted(late);
        figure("1,000 countdowns: late at the watcher, p99", at(&late, 0.99), "ms", "5");
        figure("1,000 countdowns: late at the watcher, last", at(&late, 1.0), "ms", "20");
    }

    /// The broker is down while a thousand are requested, and then returns: every siren sounds and
    /// proves it (F30).
    async fn broker_that_starts_anew_loses_no_siren(&mut self, homes: std::ops::Range<usize>) {
        self.broker.kill().expect("it lives");
        self.broker.wait().expect("it dies");
        let base = self.server.base();
        let mut asked = JoinSet::new();
        for home in homes {
            let (client, base) = (self.client.clone(), base.clone());
            asked.spawn(async move {
                let id = raise(&client, &base, home, "siren").await;
                send_now(&client, &base, &id).await;
                id
            });
        }
        let ids = asked.join_all().await;
        self.broker = begin_broker(self.folder.path(), self.port).await;
        let began = instant();
        for id in &ids {
            loop {
                let story = look(&self.client, &base, id).await["timeline"].to_string();
                assert!(!story.contains("siren_failed"), "{id} was given up: {story}");
                if story.contains("Base Station is sounding") {
                    break;
                }
                sleep(Duration::from_millis(50)).await;
            }
        }
        figure(
            "the broker back, until 1,000 sirens have proved that they sound",
            ms(began.elapsed()),
            "ms",
            "-",
        );
        while self.seen.try_recv().is_ok() {}
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        // The broker may have exited already.
        let _ = self.broker.kill();
        let _ = self.broker.wait();
    }
}

/// Measures `--samples` presses one by one and as many at once, and `--sirens` countdowns.
pub async fn sirens() {
    let (samples, sirens) = (option("--samples", 200), option("--sirens", 1_000));
    let mut bench = Bench::start(2 * samples + 2 * sirens).await;
    bench.floor(samples).await;
    bench.one_by_one(0..samples).await;
    bench.together(samples..2 * samples).await;
    bench.countdowns(2 * samples..2 * samples + sirens).await;
    bench
        .broker_that_starts_anew_loses_no_siren(2 * samples + sirens..2 * samples + 2 * sirens)
        .await;
    bench.server.kill();
}
