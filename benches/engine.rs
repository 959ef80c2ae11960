//! Measures the engine: the time from a request to its durable acknowledgment, and from a deadline
//! to its effects.
//!
//! Prints medians over rounds, or with the word `soak` the memory after a hundred thousand
//! incidents. Run it with `scripts/bench engine` and `scripts/bench soak` on an idle machine.

#![expect(
    clippy::disallowed_methods,
    reason = "a benchmark measures with the clock of the machine"
)]

use async_trait::async_trait;
use buckler::{
    api::audit::AuditAction,
    domain::{
        contact::{Contact, Readiness},
        device::{Device, DeviceKind},
        home::Home,
        id::IncidentId,
        incident::{
            Actor, DispatchState, Mode, Policy, Request, Snapshot, Source,
            command::{Command, Raise},
            effect::{Effect, EffectKind},
        },
        time::Timestamp,
    },
    server::{
        clock::{Clock, Machine},
        engine::{
            Engine,
            outbox::{EffectHandler, EffectHandlers, ExecuteError, Outbox},
        },
        live_events::LiveEvents,
        store::{AuditEntry, Change, Changes, Op, sqlite, writer},
        tasks::Tasks,
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
const SOAK_HOMES: usize = 250;
/// Incidents of each home between two memory measurements, and the number of measurements.
const SOAK_EACH: usize = 80;
const SOAK_SHARES: usize = 5;

/// Records when each effect was executed.
#[derive(Default)]
struct Noting(Mutex<Vec<(IncidentId, Instant)>>);

#[async_trait]
impl EffectHandler for Noting {
    async fn execute(&self, effect: &Effect) -> Result<Option<Command>, ExecuteError> {
        self.0.lock().unwrap().push((effect.incident, Instant::now()));
        Ok(None)
    }
}

/// Responders that finish at once, and telephones that nobody answers.
struct Brief;

#[async_trait]
impl EffectHandler for Brief {
    async fn execute(&self, effect: &Effect) -> Result<Option<Command>, ExecuteError> {
        Ok(match effect.kind {
            EffectKind::RequestDispatch { service } => {
                let (request, state) = (effect.seq, DispatchState::Closed);
                Some(Command::Dispatch { service, request, state, reference: None })
            }
            _ => None,
        })
    }
}

struct Bench {
    engine: Engine,
    changes: Changes,
    clock: Arc<Clock>,
    homes: Vec<Home>,
    _stop: watch::Sender<bool>,
    _folder: tempfile::TempDir,
}

fn home(n: usize) -> Home {
    let keypad = |id: &str, kind| Device {
        id: id.parse().unwrap(),
        kind,
        model: "alarm".into(),
        name: id.into(),
    };
    let contact = |c| Contact {
        readiness: Readiness::Accepted,
        ..Contact::new(
            format!("contact-{c}").parse().unwrap(),
            format!("Contact {c}"),
            format!("+1503555010{c}"),
        )
    };
    Home {
        devices: vec![
            keypad("base", DeviceKind::BaseStation),
            keypad("hall", DeviceKind::Keypad),
            keypad("bed", DeviceKind::Keypad),
        ],
        contacts: (1..=3).map(contact).collect(),
        ..Home::new(format!("home-{n}").parse().unwrap(), format!("Home {n}"), "UTC".into())
    }
}

impl Bench {
    async fn new(homes: usize, handler: Arc<dyn EffectHandler>) -> Self {
        let folder =
            tempfile::tempdir_in(std::env::var("BENCH_FOLDER").unwrap_or_else(|_| "target".into()))
                .unwrap();
        let mut database = sqlite::open(&folder.path().join("bench.db")).await.unwrap();
        let homes: Vec<Home> = (0..homes).map(home).collect();
        let put = |home: &Home| Op::PutHome { home: Arc::new(home.clone()), revision: 0 };
        // One transaction, so that the log of the database is short when the measurement begins.
        let entry =
            AuditEntry::new(AuditAction::FirstOwner, Timestamp::default(), serde_json::json!({}));
        database.apply(Change::new(entry).ops(homes.iter().map(put))).await.unwrap();
        let clock = Arc::new(Clock::new(Machine));
        let handlers = EffectHandlers {
            devices: handler.clone(),
            phones: handler.clone(),
            receiver: handler.clone(),
            responders: handler.clone(),
            notices: handler.clone(),
        };
        let outbox = Outbox::new(clock.clone(), &handlers, &handlers);
        let (stopper, stop) = watch::channel(false);
        let tasks = Tasks::new(stop);
        let (changes, journal) = writer::start(database, Arc::default(), &tasks);
        let engine =
            Engine::start(journal, clock.clone(), Arc::new(LiveEvents::default()), outbox, &tasks)
                .await
                .unwrap();
        Self { engine, changes, clock, homes, _stop: stopper, _folder: folder }
    }

    /// Raises in one home. Returns the latency of the durable acknowledgment, and the deadline.
    async fn raise(&self, n: usize, policy: Policy) -> (IncidentId, Duration, Timestamp) {
        let home = &self.homes[n % self.homes.len()];
        let id = IncidentId(uuid::Uuid::from_u128(n as u128 + 1));
        let raise = Raise {
            id,
            home: home.id.clone(),
            request: Request::Police,
            mode: Mode::Live,
            drill_sirens: false,
            source: Source::Dashboard,
            by: Actor::Buckler,
            after: None,
            sent_at: None,
            restricted_until: None,
            quiet: None,
            home_incident: None,
            snapshot: Snapshot::of(home, policy, self.clock.now()),
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

/// One request after the other: the latency that a single person sees.
async fn acknowledgement() -> [f64; 2] {
    let bench = Bench::new(REQUESTS, Arc::new(Noting::default())).await;
    let mut took = Vec::with_capacity(REQUESTS);
    for n in 0..REQUESTS {
        took.push(ms(bench.raise(n, Policy::default()).await.1));
    }
    took.sort_by(f64::total_cmp);
    [at(&took, 0.5), at(&took, 0.99)]
}

/// The same while sixty tasks make changes in a loop, each with an audit record.
async fn beside_changes() -> [f64; 2] {
    let bench = Bench::new(REQUESTS, Arc::new(Noting::default())).await;
    let flood: Vec<_> = (0..60)
        .map(|_| {
            let changes = bench.changes.clone();
            tokio::spawn(async move {
                loop {
                    let entry = AuditEntry::new(
                        AuditAction::DevicesSignedOut,
                        Timestamp::default(),
                        serde_json::json!({"all": true}),
                    );
                    changes.apply(Change::new(entry)).await.unwrap();
                }
            })
        })
        .collect();
    let mut took = Vec::with_capacity(REQUESTS);
    for n in 0..REQUESTS {
        took.push(ms(bench.raise(n, Policy::default()).await.1));
    }
    flood.iter().for_each(tokio::task::JoinHandle::abort);
    took.sort_by(f64::total_cmp);
    [at(&took, 0.5), at(&took, 0.99)]
}

/// Raises all at once, so that all deadlines come at once. Measures the lateness of each first
/// effect.
async fn lateness() -> [f64; 4] {
    let noting = Arc::new(Noting::default());
    let bench = Arc::new(Bench::new(COUNTDOWNS, noting.clone()).await);
    let raised: Vec<_> = (0..COUNTDOWNS)
        .map(|n| {
            let bench = bench.clone();
            tokio::spawn(async move { bench.raise(n, Policy::default()).await })
        })
        .collect();
    let mut due = Vec::with_capacity(COUNTDOWNS);
    for task in raised {
        let (id, _, deadline) = task.await.unwrap();
        due.push((id, bench.clock.instant_of(deadline).into_std()));
    }
    let wanted = COUNTDOWNS * 4;
    while noting.0.lock().unwrap().len() < wanted {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let noted = noting.0.lock().unwrap().clone();
    let first =
        |id: IncidentId| noted.iter().filter(|(i, _)| *i == id).map(|(_, at)| *at).min().unwrap();
    let mut late: Vec<f64> = Vec::with_capacity(COUNTDOWNS);
    for (id, deadline) in due {
        let carried = first(id);
        assert!(carried >= deadline, "an effect was carried out early");
        late.push(ms(carried - deadline));
    }
    late.sort_by(f64::total_cmp);
    [at(&late, 0.5), at(&late, 0.99), at(&late, 1.0), late[0]]
}

fn figure(what: &str, value: f64, unit: &str, goal: &str) {
    println!("{what:<66} {value:>9.2} {unit:<3} (goal {goal})");
}

/// This process's memory in MB.
fn memory() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() / 1_000.0
}

/// A day's emergencies of a large city: timers take milliseconds instead of seconds, and everything
/// else is unchanged.
async fn soak() {
    let bench = Arc::new(Bench::new(SOAK_HOMES, Arc::new(Brief)).await);
    let policy = Policy { ring_timeout_ms: 5, talk_timeout_ms: 5, ..Policy::default() };
    let began = Instant::now();
    for share in 1..=SOAK_SHARES {
        let homes: Vec<_> = (0..SOAK_HOMES)
            .map(|home| tokio::spawn(emergencies(bench.clone(), home, share, policy)))
            .collect();
        for home in homes {
            home.await.unwrap();
        }
        figure(
            &format!("soak: memory after {} incidents", share * SOAK_HOMES * SOAK_EACH),
            memory(),
            "MB",
            "flat",
        );
    }
    let all = (SOAK_SHARES * SOAK_HOMES * SOAK_EACH) as f64;
    figure(
        "soak: incidents a second, from request to closed",
        all / began.elapsed().as_secs_f64(),
        "/s",
        "-",
    );
}

async fn emergencies(bench: Arc<Bench>, home: usize, share: usize, policy: Policy) {
    for n in 0..SOAK_EACH {
        let (id, ..) = bench.raise((share * SOAK_EACH + n) * SOAK_HOMES + home, policy).await;
        bench.engine.give(id, Command::SendNow { by: Actor::Buckler }).await.unwrap();
        while bench.engine.view().by_id(id).is_some() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

#[tokio::main]
async fn main() {
    if std::env::args().any(|word| word == "soak") {
        return soak().await;
    }
    let (mut acknowledged, mut beside, mut late) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        acknowledged.push(acknowledgement().await);
        beside.push(beside_changes().await);
        late.push(lateness().await);
    }
    let of = |all: &[[f64; 2]], n: usize| median(all.iter().map(|r| r[n]).collect());
    let late_of = |n: usize| median(late.iter().map(|r| r[n]).collect());
    figure("raise → durable acknowledgement, p50", of(&acknowledged, 0), "ms", "1");
    figure("raise → durable acknowledgement, p99", of(&acknowledged, 1), "ms", "4");
    figure("the same beside 60 loops of changes, p50", of(&beside, 0), "ms", "3 × idle");
    figure("the same beside 60 loops of changes, p99", of(&beside, 1), "ms", "3 × idle");
    for (n, what, goal) in [(0, "p50", "1"), (1, "p99", "5"), (2, "last", "20"), (3, "first", "-")]
    {
        figure(&format!("1,000 deadlines at once → effect late, {what}"), late_of(n), "ms", goal);
    }
}
