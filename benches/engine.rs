//! How quick the engine is: from a request to its durable acknowledgement, and from a deadline to its effects.
//!
//! Prints medians over rounds; run it by `scripts/bench engine` on a machine that does nothing else.

#![expect(clippy::disallowed_methods, reason = "a benchmark measures with the clock of the machine")]

use async_trait::async_trait;
use buckler::{
    domain::{
        contact::{Contact, Readiness},
        device::{Device, DeviceKind},
        home::{Enrolment, Home, Plan, Settings, Subscription},
        id::IncidentId,
        incident::{
            Actor, Mode, Policy, Request, Snapshot, Source,
            command::{Command, Raise},
            effect::Effect,
        },
        time::Timestamp,
    },
    server::{
        clock::{Clock, Machine},
        engine::{
            Engine,
            outbox::{NotCarried, Outbox, WayOut, WaysOut},
        },
        hub::Hub,
        store::{Store, sqlite::SqliteStore},
    },
};
use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};
use tokio::sync::watch;

const ROUNDS: usize = 5;
const REQUESTS: usize = 2_000;
const COUNTDOWNS: usize = 1_000;

/// Notes when each effect was carried out.
#[derive(Default)]
struct Noting(Mutex<Vec<(IncidentId, Instant)>>);

#[async_trait]
impl WayOut for Noting {
    async fn carry_out(&self, effect: &Effect) -> Result<Option<Command>, NotCarried> {
        self.0.lock().unwrap().push((effect.incident, Instant::now()));
        Ok(None)
    }
}

struct Bench {
    engine: Engine,
    clock: Arc<Clock>,
    noting: Arc<Noting>,
    homes: Vec<Home>,
    _stop: watch::Sender<bool>,
    _folder: tempfile::TempDir,
}

fn home(n: usize) -> Home {
    let keypad = |id: &str, kind| Device { id: id.parse().unwrap(), kind, model: "alarm".into(), name: id.into() };
    Home {
        id: format!("home-{n}").parse().unwrap(),
        name: format!("Home {n}"),
        time_zone: "UTC".into(),
        address: None,
        subscription: Subscription { plan: Plan::HomePremium, professional_monitoring: true, sos_for_cameras: Enrolment::NotEnrolled },
        settings: Settings::default(),
        devices: vec![keypad("base", DeviceKind::BaseStation), keypad("hall", DeviceKind::Keypad), keypad("bed", DeviceKind::Keypad)],
        cameras: Vec::new(),
        contacts: (1..=3)
            .map(|c| Contact {
                id: format!("contact-{c}").parse().unwrap(),
                name: format!("Contact {c}"),
                phone: format!("+1503555010{c}"),
                readiness: Readiness::Accepted,
            })
            .collect(),
        verbal_password: None,
    }
}

impl Bench {
    async fn new(homes: usize) -> Self {
        let folder = tempfile::tempdir_in(std::env::var("BENCH_FOLDER").unwrap_or_else(|_| "target".into())).unwrap();
        let store: Arc<dyn Store> = Arc::new(SqliteStore::open(&folder.path().join("bench.db")).await.unwrap());
        let homes: Vec<Home> = (0..homes).map(home).collect();
        for home in &homes {
            store.put_home(home).await.unwrap();
        }
        let clock = Arc::new(Clock::new(Machine));
        let noting = Arc::new(Noting::default());
        let way: Arc<dyn WayOut> = noting.clone();
        let ways =
            WaysOut { devices: way.clone(), phones: way.clone(), receiver: way.clone(), responders: way.clone(), notices: way.clone() };
        let outbox = Outbox::new(clock.clone(), &ways, &ways);
        let (stopper, stop) = watch::channel(false);
        let engine = Engine::start(store, clock.clone(), Arc::new(Hub::default()), outbox, stop).await.unwrap();
        Self { engine, clock, noting, homes, _stop: stopper, _folder: folder }
    }

    /// Raises in one home and answers how long the durable acknowledgement took, with the deadline.
    async fn raise(&self, n: usize) -> (IncidentId, Duration, Timestamp) {
        let home = &self.homes[n];
        let id = IncidentId(uuid::Uuid::from_u128(n as u128 + 1));
        let raise = Raise {
            id,
            home: home.id.clone(),
            request: Request::Police,
            mode: Mode::Live,
            drill_sirens: false,
            source: Source::Dashboard,
            by: Actor::Buckler,
            snapshot: Snapshot::of(home, Policy::default()),
        };
        let began = Instant::now();
        let answer = self.engine.raise(raise, [0; 32]).await.unwrap();
        (id, began.elapsed(), answer.current.incident.deadline)
    }
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

fn at(sorted: &[f64], share: f64) -> f64 {
    sorted[((sorted.len() - 1) as f64 * share).round() as usize]
}

fn median(mut all: Vec<f64>) -> f64 {
    all.sort_by(f64::total_cmp);
    at(&all, 0.5)
}

/// One after the other: what a single person feels.
async fn acknowledgement() -> [f64; 2] {
    let bench = Bench::new(REQUESTS).await;
    let mut took = Vec::with_capacity(REQUESTS);
    for n in 0..REQUESTS {
        took.push(ms(bench.raise(n).await.1));
    }
    took.sort_by(f64::total_cmp);
    [at(&took, 0.5), at(&took, 0.99)]
}

/// All raised at once, so that all deadlines come at once: how late their first effect is carried out.
async fn lateness() -> [f64; 4] {
    let bench = Arc::new(Bench::new(COUNTDOWNS).await);
    let raised: Vec<_> = (0..COUNTDOWNS)
        .map(|n| {
            let bench = bench.clone();
            tokio::spawn(async move { bench.raise(n).await })
        })
        .collect();
    let mut due = Vec::with_capacity(COUNTDOWNS);
    for task in raised {
        let (id, _, deadline) = task.await.unwrap();
        due.push((id, bench.clock.instant_of(deadline).into_std()));
    }
    let wanted = COUNTDOWNS * 4;
    while bench.noting.0.lock().unwrap().len() < wanted {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let noted = bench.noting.0.lock().unwrap().clone();
    let first = |id: IncidentId| noted.iter().filter(|(i, _)| *i == id).map(|(_, at)| *at).min().unwrap();
    let mut late: Vec<f64> = Vec::with_capacity(COUNTDOWNS);
    for (id, deadline) in due {
        let carried = first(id);
        assert!(carried >= deadline, "an effect was carried out early");
        late.push(ms(carried - deadline));
    }
    late.sort_by(f64::total_cmp);
    [at(&late, 0.5), at(&late, 0.99), at(&late, 1.0), late[0]]
}

#[tokio::main]
async fn main() {
    let (mut acknowledged, mut late) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        acknowledged.push(acknowledgement().await);
        late.push(lateness().await);
    }
    let of = |all: &[[f64; 2]], n: usize| median(all.iter().map(|r| r[n]).collect());
    let late_of = |n: usize| median(late.iter().map(|r| r[n]).collect());
    println!("medians of {ROUNDS} rounds, milliseconds");
    println!("raise → durable acknowledgement  p50 {:.2}  p99 {:.2}          (goal 1 / 4)", of(&acknowledged, 0), of(&acknowledged, 1));
    println!(
        "deadline → effect, {COUNTDOWNS} at once  p50 {:.2}  p99 {:.2}  max {:.2}  (goal 1 / 5 / 20), earliest {:+.2}",
        late_of(0),
        late_of(1),
        late_of(2),
        late_of(3)
    );
}
