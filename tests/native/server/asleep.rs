//! Lateness after a suspend, and after a boot with an unsynchronized clock (I16, R22).

use super::{database, hindered::Hindered, tasks::outbox, until_within, wait};
use crate::domain::story::{home, person, raise};
use async_trait::async_trait;
use buckler::{
    domain::{
        incident::{
            Policy, Request, arrows::state_name, command::Command, effect::Effect, event::Event,
        },
        time::Timestamp,
    },
    server::{
        clock::{Boot, Clock, Machine, TimeSource},
        engine::{
            Current, Engine, Withdraw,
            outbox::{EffectHandler, ExecuteError},
        },
        live_events::LiveEvents,
        store::{Database, sqlite, writer},
        tasks::Tasks,
    },
};
use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tempfile::TempDir;
use tokio::sync::watch;

/// How soon a server must notice that the machine was asleep. A busy machine is not a fault.
const NOTICED: Duration = Duration::from_secs(4);

/// After this time the engine has nothing left to do but to wait.
const IDLE: Duration = Duration::from_secs(3);

/// What the machine reports.
#[derive(Clone, Debug)]
pub struct Bed {
    slept: Arc<Mutex<Duration>>,
    /// By how much the wall clock was set back.
    set_back: Arc<Mutex<Duration>>,
    boot: &'static str,
    synchronized: Option<bool>,
}

#[async_trait]
impl TimeSource for Bed {
    fn wall(&self) -> Timestamp {
        Machine.wall() - *self.set_back.lock().unwrap()
    }
    fn boot(&self) -> Option<Boot> {
        Some(Boot { id: self.boot.into(), uptime: Duration::from_secs(1) })
    }
    fn slept(&self) -> Option<Duration> {
        Some(*self.slept.lock().unwrap())
    }
    async fn is_synchronized(&self) -> Option<bool> {
        self.synchronized
    }
}

/// Notes the effects that it is given.
#[derive(Default)]
struct Noted(Mutex<Vec<String>>);

#[async_trait]
impl EffectHandler for Noted {
    async fn execute(&self, effect: &Effect) -> Result<Option<Command>, ExecuteError> {
        self.0.lock().unwrap().push(effect.key.clone());
        Ok(None)
    }
}

/// One life of a server.
pub struct Life {
    pub engine: Engine,
    pub clock: Arc<Clock>,
    noted: Arc<Noted>,
    bed: Bed,
    tasks: Tasks,
    stopper: watch::Sender<bool>,
}

impl Life {
    async fn on(folder: &TempDir, boot: &'static str, synchronized: Option<bool>) -> Self {
        let file = folder.path().join("buckler.db");
        let database = match file.exists() {
            true => sqlite::open(&file).await.unwrap(),
            false => database(folder, &home()).await,
        };
        Self::over(database, boot, synchronized).await
    }

    /// A server whose next batch finds the disk full, if `full` is true.
    pub async fn with_full_disk(folder: &TempDir, full: Arc<AtomicBool>) -> Self {
        let database = Hindered::full_once(database(folder, &home()).await, full);
        Self::over(database, "monday", None).await
    }

    async fn over(database: Database, boot: &'static str, synchronized: Option<bool>) -> Self {
        let (slept, set_back) = (Arc::default(), Arc::default());
        let bed = Bed { slept, set_back, boot, synchronized };
        let (clock, noted) = (Arc::new(Clock::new(bed.clone())), Arc::new(Noted::default()));
        let (stopper, stop) = watch::channel(false);
        let tasks = Tasks::new(stop);
        let (_changes, journal) = writer::start(database, Arc::default(), &tasks);
        let (events, outbox) = (Arc::new(LiveEvents::default()), outbox(&clock, noted.clone()));
        let engine = Engine::start(journal, clock.clone(), events, outbox, &tasks).await.unwrap();
        Self { engine, clock, noted, bed, tasks, stopper }
    }

    async fn police(&self) {
        self.engine
            .raise(raise(&home(), Request::Police, Policy::default()), [0; 32])
            .await
            .unwrap();
    }

    pub fn sleep(&self, time: Duration) {
        *self.bed.slept.lock().unwrap() += time;
    }

    fn current(&self) -> Arc<Current> {
        self.engine.view().latest(&home().id).unwrap()
    }

    async fn until_state(&self, state: &str) -> Arc<Current> {
        let is = async || Some(self.current()).filter(|c| state_name(&c.incident.state) == state);
        until_within(NOTICED, state, is).await
    }

    /// How many effects of a kind were executed.
    fn executed(&self, kind: &str) -> usize {
        self.noted.0.lock().unwrap().iter().filter(|key| key.contains(kind)).count()
    }

    async fn stop(self) {
        self.stopper.send(true).unwrap();
        self.tasks.finish().await;
    }
}

fn late_ms(current: &Current) -> u64 {
    let late = current.history.iter().find_map(|fact| match fact.event {
        Event::CountdownOver { late_ms } | Event::FoundLate { late_ms, .. } => Some(late_ms),
        _ => None,
    });
    late.expect("the countdown is over")
}

/// The lid is closed in the countdown, and opened in the morning.
#[tokio::test]
async fn night_asleep_in_the_countdown_sends_nothing_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    let life = Life::on(&folder, "monday", None).await;
    life.police().await;
    life.sleep(Duration::from_secs(8 * 3_600));
    let found = life.until_state("under_review").await;
    assert!(late_ms(&found) > 7 * 3_600 * 1_000);
    assert_eq!((life.executed("siren_on"), life.executed("call_contact")), (0, 0));
}

#[tokio::test]
async fn half_a_minute_asleep_acts_at_once_and_says_how_late() {
    let folder = tempfile::tempdir().unwrap();
    let life = Life::on(&folder, "monday", None).await;
    life.police().await;
    life.sleep(Duration::from_secs(30));
    let sent = life.until_state("verifying").await;
    assert!((20_000..30_000).contains(&late_ms(&sent)), "{}", late_ms(&sent));
    until_within(NOTICED, "sirens and a call", async || {
        (life.executed("siren_on") > 0 && life.executed("call_contact") == 1).then_some(())
    })
    .await;
}

#[tokio::test]
async fn night_asleep_in_the_first_call_dispatches_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let life = Life::on(&folder, "monday", None).await;
    life.police().await;
    let id = life.current().incident.id;
    life.engine.give(id, Command::SendNow { by: person("ada") }).await.unwrap();
    // The loop has tidied up, and has nothing to do before the call is over.
    wait(IDLE).await;
    life.sleep(Duration::from_secs(8 * 3_600));
    life.until_state("under_review").await;
    assert_eq!(life.executed("request_dispatch"), 0);
}

/// A power cut in the countdown. The clock of the machine starts where it stopped.
#[tokio::test]
async fn boot_with_an_unset_clock_calls_without_sirens() {
    for (synchronized, state) in
        [(Some(true), "counting_down"), (Some(false), "verifying"), (None, "verifying")]
    {
        let folder = tempfile::tempdir().unwrap();
        let life = Life::on(&folder, "monday", None).await;
        life.police().await;
        life.stop().await;
        let life = Life::on(&folder, "tuesday", synchronized).await;
        let current = life.until_state(state).await;
        if state == "verifying" {
            assert!(late_ms(&current) >= 60_000);
            until_within(NOTICED, "a call", async || {
                (life.executed("call_contact") == 1).then_some(())
            })
            .await;
        }
        assert_eq!(life.executed("siren_on"), 0, "{synchronized:?}");
        life.stop().await;
    }
}

/// I13. Sirens whose request is not stored have no incident, and times of the current clock.
#[tokio::test]
async fn clock_is_not_set_back_while_unstored_sirens_wait() {
    let folder = tempfile::tempdir().unwrap();
    let full = Arc::new(AtomicBool::new(true));
    let life = Life::with_full_disk(&folder, full.clone()).await;
    let asked = raise(&home(), Request::Siren, Policy::default());
    assert!(life.engine.raise(asked.clone(), [0; 32]).await.is_err());
    assert!(!full.load(Ordering::Relaxed), "the disk works again");
    let hour = Duration::from_secs(3_600);
    *life.bed.set_back.lock().unwrap() = hour;
    let is_set_back = || life.clock.now() < Machine.wall() - hour / 2;
    wait(IDLE).await;
    assert!(!is_set_back(), "the sirens would sound for an hour");
    let withdraw = Withdraw { id: asked.id, home: home().id, may_be_kept: true };
    life.engine.withdraw(withdraw, person("ada"), None).await.unwrap();
    until_within(NOTICED, "the clock", async || is_set_back().then_some(())).await;
}
