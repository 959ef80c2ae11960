//! The real binary under load: a thousand SOS within a second, thousands of listeners, and all of
//! them reconnecting at once. Invariants are asserted. Durations are printed, because a test machine
//! may be busy; only a request that was starved fails.

use super::{
    figures::{at, figure, ms, sorted},
    listeners::{Listener, listen},
    server::{
        Server, client, countdown_over, devices, fill, free_port, look, option, raise, sign_in,
    },
};
use reqwest::Client;
use std::{fs, time::Duration};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep, sleep_until},
};

/// Homes whose phones reconnect; the remaining homes raise meanwhile.
const HEARD: usize = 500;
/// The streams of one listening device.
const STREAMS_OF_A_DEVICE: usize = 5;
/// A request of a thousand that takes this long was starved, even on a busy machine, milliseconds.
const STARVED_MS: f64 = 5_000.0;
const SECOND: Duration = Duration::from_secs(1);
const SIGN_INS_A_SECOND: usize = 500;
/// Rounds of one event to every listener.
const ROUNDS: usize = 20;

/// The machine's monotonic clock, for measurements.
#[expect(clippy::disallowed_methods, reason = "a load test measures with the clock of the machine")]
pub fn instant() -> Instant {
    Instant::now()
}

struct Load {
    server: Server,
    client: Client,
    base: String,
    /// The cookies of the devices. Each device has as many streams as a person opens.
    devices: Vec<String>,
    requests: usize,
    streams: usize,
}

impl Load {
    /// The server's memory in bytes.
    fn memory(&self) -> usize {
        let status =
            fs::read_to_string(format!("/proc/{}/status", self.server.pid())).expect("it lives");
        let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:")).expect("Linux says it");
        line.trim().trim_end_matches(" kB").parse::<usize>().expect("a number") * 1024
    }

    /// The cookie of the device that holds the n-th stream.
    fn device(&self, n: usize) -> &str {
        &self.devices[n % self.devices.len()]
    }

    async fn cancel(&self, id: &str) {
        self.client
            .post(format!("{}/api/v1/incidents/{id}/cancel", self.base))
            .send()
            .await
            .expect("answered");
    }

    /// Raises `count` requests within a second, each in its own home, starting at `first`. Returns
    /// their ids and the latency of each acknowledgment.
    async fn raise_within_a_second(&self, first: usize, count: usize) -> (Vec<String>, Vec<f64>) {
        let mut asked = JoinSet::new();
        let begin = instant();
        for n in 0..count {
            let (client, base) = (self.client.clone(), self.base.clone());
            asked.spawn(async move {
                sleep_until(begin + SECOND.mul_f64(n as f64 / count as f64)).await;
                let began = instant();
                let request = ["police", "fire", "medical"][n % 3];
                (raise(&client, &base, first + n, request).await, ms(began.elapsed()))
            });
        }
        asked.join_all().await.into_iter().unzip()
    }

    /// F33: all are durable, none is early, none is starved.
    async fn thousand_sos_at_once_are_all_durable(&self) {
        let (ids, took) = self.raise_within_a_second(HEARD, self.requests).await;
        let took = sorted(took);
        figure("1,000 SOS within 1 s: durable, p99", at(&took, 0.99), "ms", "2000");
        figure("1,000 SOS within 1 s: durable, last", at(&took, 1.0), "ms", "2000");
        assert!(at(&took, 1.0) < STARVED_MS, "one was starved: {} ms", at(&took, 1.0));
        let mut late = Vec::new();
        for id in &ids {
            let (due, came) = loop {
                let incident = look(&self.client, &self.base, id).await;
                assert_eq!(incident["mode"], "live");
                if let Some(found) = countdown_over(&incident) {
                    break found;
                }
                sleep(Duration::from_millis(50)).await;
            };
            assert!(came >= due, "{id} was early");
            late.push(ms(came.since(due)));
        }
        let late = sorted(late);
        figure("1,000 SOS within 1 s: D late, p99", at(&late, 0.99), "ms", "5");
        figure("1,000 SOS within 1 s: D late, last", at(&late, 1.0), "ms", "20");
        assert!(at(&late, 1.0) < STARVED_MS, "one was starved: {} ms late", at(&late, 1.0));
        for id in &ids {
            while look(&self.client, &self.base, id).await["dispatches"]
                .as_array()
                .is_none_or(Vec::is_empty)
            {
                sleep(Duration::from_millis(50)).await;
            }
        }
    }

    /// Every listener listens to one home, which emits one event at a time.
    async fn one_event_to_all(&self) {
        let warm = self.listeners(0, self.streams / 50, |_| 0).await;
        let before = self.memory();
        let mut all = self.listeners(warm.len(), self.streams, |_| 0).await;
        let each = (self.memory() - before) as f64 / all.len() as f64 / 1000.0;
        figure("open streams: memory of each", each, "kB", "20");
        all.extend(warm);
        let (mut first, mut last) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            let began = instant();
            let id = raise(&self.client, &self.base, 0, "medical").await;
            let mut heard = Vec::with_capacity(all.len());
            for listener in &mut all {
                heard.push(ms(listener.event("incident").await.at - began));
            }
            let heard = sorted(heard);
            first.push(heard[0]);
            last.push(at(&heard, 1.0));
            self.cancel(&id).await;
            for listener in &mut all {
                listener.event("incident").await;
            }
        }
        figure("5,000 streams, one event: first has it, p50", at(&sorted(first), 0.5), "ms", "-");
        figure("5,000 streams, one event: last has it, p50", at(&sorted(last), 0.5), "ms", "100");
    }

    async fn listeners(
        &self,
        from: usize,
        count: usize,
        home: impl Fn(usize) -> usize,
    ) -> Vec<Listener> {
        let mut all = Vec::with_capacity(count);
        for n in from..from + count {
            let mut listener = listen(&self.base, self.device(n), home(n), None).await;
            listener.event("snapshot").await;
            all.push(listener);
        }
        all
    }

    /// F32: all connections are lost, something happens in every home, and every listener
    /// reconnects within a second.
    async fn every_listener_comes_back_and_misses_nothing(&self) {
        let all = self.listeners(0, self.streams, |n| n % HEARD).await;
        let seen: Vec<(usize, u64)> = all.iter().map(|l| (l.home, l.seen)).collect();
        drop(all);
        let mut happened = Vec::new();
        for home in 0..HEARD {
            happened.push(raise(&self.client, &self.base, home, "medical").await);
        }
        let begin = instant();
        let mut coming = JoinSet::new();
        for (n, (home, last)) in seen.into_iter().enumerate() {
            let (base, cookie, incident) =
                (self.base.clone(), self.device(n).to_owned(), happened[home].clone());
            let when = begin + SECOND.mul_f64(n as f64 / self.streams as f64);
            coming.spawn(async move {
                sleep_until(when).await;
                let began = instant();
                let mut listener = listen(&base, &cookie, home, Some(last)).await;
                let missed = listener.next().await;
                assert_eq!(missed.name, "incident", "what was missed comes, and no snapshot");
                assert_eq!(
                    (missed.data["id"].as_str(), missed.data["home"].as_str()),
                    (Some(&*incident), Some(&*format!("home-{home}")))
                );
                assert!(listener.seen > last, "newer than what was seen");
                (listener, ms(missed.at - began))
            });
        }
        let (_, took) = self.raise_within_a_second(HEARD + self.requests, 100).await;
        let (mut back, resumed): (Vec<_>, Vec<_>) = coming.join_all().await.into_iter().unzip();
        figure(
            "5,000 come back within 1 s: SOS meanwhile, p99",
            at(&sorted(took), 0.99),
            "ms",
            "500",
        );
        figure(
            "5,000 come back within 1 s: stream goes on, p99",
            at(&sorted(resumed), 0.99),
            "ms",
            "5000",
        );
        for id in &happened {
            self.cancel(id).await;
        }
        for listener in &mut back {
            // The countdown may have ended before all were back, which adds events. All of them
            // belong to this home.
            let told = listener.next().await;
            assert!(
                told.name != "snapshot"
                    && told.data["home"]
                        .as_str()
                        .is_none_or(|h| h == format!("home-{}", listener.home))
            );
        }
    }

    /// A flood of password guesses costs nobody their SOS.
    async fn a_flood_of_sign_ins(&self) {
        let mut flood = JoinSet::new();
        let begin = instant();
        for n in 0..SIGN_INS_A_SECOND * 3 {
            let (client, url) = (self.client.clone(), format!("{}/api/v1/session", self.base));
            flood.spawn(async move {
                sleep_until(begin + SECOND.mul_f64(n as f64 / SIGN_INS_A_SECOND as f64)).await;
                let body = serde_json::json!({"email": format!("nobody-{n}@demo.test"), "password": "guess"});
                client.post(url).json(&body).send().await.expect("answered").status().as_u16()
            });
        }
        sleep_until(begin + SECOND).await;
        let (_, took) = self.raise_within_a_second(HEARD + self.requests + 100, 100).await;
        figure("500 sign-ins a second: SOS meanwhile, p99", at(&sorted(took), 0.99), "ms", "20");
        let statuses = flood.join_all().await;
        assert!(
            statuses.iter().all(|status| [401, 429].contains(status)),
            "each is refused or turned away"
        );
    }

    /// A listener that reads nothing is disconnected, and costs nobody anything.
    async fn a_listener_that_takes_nothing_is_let_go(&self) {
        let mut stuck = listen(&self.base, self.device(0), 0, None).await;
        stuck.event("snapshot").await;
        let open = self.streams_open().await;
        assert!(open >= 1.0);
        let before = self.memory();
        while self.streams_open().await >= open {
            // Send more than the system buffers for one connection, so that the server has to wait.
            for _ in 0..50 {
                let id = raise(&self.client, &self.base, 0, "medical").await;
                self.cancel(&id).await;
            }
        }
        figure(
            "a listener that takes nothing, until it is let go: memory more",
            (self.memory() as f64 - before as f64) / 1e6,
            "MB",
            "-",
        );
    }

    async fn streams_open(&self) -> f64 {
        let text = self
            .client
            .get(self.server.metrics())
            .send()
            .await
            .expect("answered")
            .text()
            .await
            .expect("text");
        text.lines()
            .find_map(|l| l.strip_prefix("buckler_streams "))
            .expect("the figure")
            .parse()
            .expect("a number")
    }
}

/// Sends `--requests` SOS at once and opens `--streams` listeners.
pub async fn load() {
    let (requests, streams) = (option("--requests", 1_000), option("--streams", 5_000));
    let folder = tempfile::tempdir().expect("a folder");
    let (client, port) = (client(), free_port());
    fill(folder.path(), port, HEARD + requests + 200).await;
    let devices = devices(folder.path(), streams.div_ceil(STREAMS_OF_A_DEVICE), HEARD).await;
    let server = Server::start(folder.path(), port, &client).await;
    let base = server.base();
    sign_in(&client, &base).await;
    let mut load = Load { server, client, base, devices, requests, streams };
    load.thousand_sos_at_once_are_all_durable().await;
    load.one_event_to_all().await;
    load.every_listener_comes_back_and_misses_nothing().await;
    load.a_flood_of_sign_ins().await;
    load.a_listener_that_takes_nothing_is_let_go().await;
    figure("after all of it: memory", load.memory() as f64 / 1e6, "MB", "-");
    load.server.kill();
}
