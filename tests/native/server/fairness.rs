//! The queue of the engine: what one party asks for delays nobody else by more than a batch.

use super::{
    hindered::{Commits, Empty},
    tasks::outbox,
};
use crate::domain::story::{home, person, raise};
use async_trait::async_trait;
use buckler::{
    domain::{
        home::Home,
        id::IncidentId,
        incident::{
            Actor, Policy, REPEATS_MOST, Request,
            command::{Command, Raise, Seen},
            effect::{Effect, EffectKind},
        },
    },
    server::{
        clock::{Clock, Machine},
        engine::{
            Answer, Denied, Engine, Withdraw,
            outbox::{EffectHandler, ExecuteError},
        },
        live_events::LiveEvents,
        store::{Batch, StoreError},
        tasks::Tasks,
    },
};
use futures_util::{FutureExt, future::join_all, poll};
use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::{
    sync::{Semaphore, watch},
    time::Instant,
};

/// A disk whose flushes wait for a permit each. It notes the requests of each flush.
struct SlowDisk {
    flushes: Semaphore,
    stored: Mutex<Vec<Vec<IncidentId>>>,
}

#[async_trait]
impl Commits for SlowDisk {
    async fn commit(&self, batch: Arc<Batch>) -> Result<(), StoreError> {
        self.flushes.acquire().await.expect("it stays open").forget();
        let requests = batch.requests.iter().map(|row| row.id).collect();
        self.stored.lock().unwrap().push(requests);
        Ok(())
    }
}

fn slow_disk(permits: usize) -> Arc<Empty<SlowDisk>> {
    let (flushes, stored) = (Semaphore::new(permits), Mutex::default());
    Arc::new(Empty(SlowDisk { flushes, stored }))
}

/// Effects that are done at once. It counts sirens.
#[derive(Default)]
struct Done {
    sounded: AtomicUsize,
    quieted: AtomicUsize,
}

#[async_trait]
impl EffectHandler for Done {
    async fn execute(&self, effect: &Effect) -> Result<Option<Command>, ExecuteError> {
        if matches!(effect.kind, EffectKind::SirenOn { .. }) {
            self.sounded.fetch_add(1, Ordering::Relaxed);
        }
        if matches!(effect.kind, EffectKind::SirenOff { .. }) {
            self.quieted.fetch_add(1, Ordering::Relaxed);
        }
        Ok(None)
    }
}

async fn engine_on(
    disk: &Arc<Empty<SlowDisk>>,
    way: Arc<dyn EffectHandler>,
    stop: watch::Receiver<bool>,
) -> Engine {
    engine_with(disk, way, &Tasks::new(stop)).await
}

async fn engine_with(
    disk: &Arc<Empty<SlowDisk>>,
    way: Arc<dyn EffectHandler>,
    tasks: &Tasks,
) -> Engine {
    let clock = Arc::new(Clock::new(Machine));
    let outbox = outbox(&clock, way);
    Engine::start(disk.clone(), clock, Arc::new(LiveEvents::default()), outbox, tasks)
        .await
        .unwrap()
}

fn siren(id: u128, home: &Home, by: Actor) -> Raise {
    Raise { request: Request::Siren, ..medical(id, home, by) }
}

fn medical(id: u128, home: &Home, by: Actor) -> Raise {
    let id = IncidentId(uuid::Uuid::from_u128(id));
    Raise { id, by, ..raise(home, Request::Medical, Policy::default()) }
}

/// Time stands still, so that a busy machine is no slow server.
#[tokio::test(start_paused = true)]
async fn flood_in_one_home_delays_others_by_one_batch() {
    let disk = slow_disk(0);
    let (_stopper, stop) = watch::channel(false);
    let ways = Arc::new(Done::default());
    let engine = engine_on(&disk, ways.clone(), stop).await;
    let (flooded, other) = (home(), Home { id: "lake-cabin".parse().unwrap(), ..home() });
    let (stolen, own) = (engine.on_behalf_of([1; 32]), engine.on_behalf_of([2; 32]));
    let mut asked: Vec<_> = (1..=600)
        .map(|n| stolen.raise(siren(n, &flooded, person("ada")), [0; 32]).boxed())
        .collect();
    asked.push(own.raise(medical(1_000, &flooded, person("ada")), [0; 32]).boxed());
    asked.push(engine.raise(medical(2_000, &other, person("bob")), [0; 32]).boxed());
    for one in &mut asked {
        assert!(poll!(one).is_pending(), "all of them wait for the disk");
        // The engine takes what it can.
        tokio::task::yield_now().await;
    }
    disk.0.flushes.add_permits(1_000);
    let answers: Vec<Result<Answer, Denied>> = join_all(asked).await;
    for (who, sos) in [("the same account", &answers[600]), ("another home", &answers[601])] {
        assert!(sos.is_ok(), "{who}: {sos:?}");
    }
    let stored = disk.0.stored.lock().unwrap();
    let flush_of = |id| {
        let id = IncidentId(uuid::Uuid::from_u128(id));
        stored.iter().position(|requests| requests.contains(&id)).expect("it is stored")
    };
    assert!(flush_of(1_000) <= 1 && flush_of(2_000) <= 1, "in the next flush: {stored:?}");
    let refused = answers.iter().filter(|answer| matches!(answer, Err(Denied::Busy))).count();
    assert!((300..600).contains(&refused), "only a line's length of the flood waits: {refused}");
    // The disk works: sirens that cannot be canceled sound only where nothing can be stored (F15).
    assert_eq!(ways.sounded.load(Ordering::Relaxed), 0, "no siren sounds without its incident");
}

/// Each repeat was stored as a row of its own, without a limit. One that is not stored is known all
/// the same when it is retried (F2, F10).
#[tokio::test(start_paused = true)]
async fn repeats_beyond_the_limit_are_answered_and_not_stored() {
    let disk = slow_disk(1_000);
    let (_stopper, stop) = watch::channel(false);
    let engine = engine_on(&disk, Arc::new(Done::default()), stop).await;
    let mut rows = Vec::new();
    for n in 1..=REPEATS_MOST as u128 + 10 {
        let answer = engine.raise(medical(n, &home(), person("ada")), [0; 32]).await.unwrap();
        assert_eq!(answer.joined, n > 1);
        rows.push(disk.0.stored.lock().unwrap().concat().len());
    }
    assert_eq!(rows.last(), Some(&(REPEATS_MOST + 1)), "the request itself, and its repeats");
    // The answer to the last one is lost, and the incident is canceled meanwhile.
    let first = IncidentId(uuid::Uuid::from_u128(1));
    let canceled =
        engine.give(first, Command::Cancel { seen: Seen::All, by: person("ada") }).await.unwrap();
    assert!(canceled.current.incident.is_over());
    let last = medical(REPEATS_MOST as u128 + 10, &home(), person("ada"));
    let retried = engine.raise(last, [0; 32]).await;
    // This database has no incident that is over, so that the answer can only be that the id is known.
    assert!(matches!(retried, Err(Denied::IdReused)), "it begins another: {retried:?}");
}

/// A press for sirens alone, beside a disk that stores nothing.
struct Unstored {
    disk: Arc<Empty<SlowDisk>>,
    ways: Arc<Done>,
    engine: Engine,
    press: Raise,
    asked_at: Instant,
    _stopper: watch::Sender<bool>,
}

impl Unstored {
    async fn pressed(age: Duration) -> Self {
        let disk = slow_disk(0);
        let (stopper, stop) = watch::channel(false);
        let ways = Arc::new(Done::default());
        let engine = engine_on(&disk, ways.clone(), stop).await;
        // The loop waits for the disk with this one.
        let busy = engine.clone();
        let mut before = busy.raise(medical(1, &home(), person("ada")), [0; 32]).boxed();
        assert!(poll!(&mut before).is_pending());
        tokio::task::yield_now().await;
        let clock = Clock::new(Machine);
        let pressed_at = clock.now() - age;
        let other = Home { id: "lake-cabin".parse().unwrap(), ..home() };
        let press = Raise { sent_at: Some(pressed_at), ..siren(2, &other, person("ada")) };
        let asked_at = clock.instant_of(clock.now());
        let unstored = Self { disk, ways, engine, press, asked_at, _stopper: stopper };
        unstored.is_refused().await;
        unstored
    }

    async fn is_refused(&self) {
        let answer = self.engine.raise(self.press.clone(), [0; 32]).await;
        assert!(matches!(answer, Err(Denied::StorageUnavailable)), "{answer:?}");
    }

    /// Waits until that long after the press.
    async fn until(&self, ms: u64) {
        tokio::time::sleep_until(self.asked_at + Duration::from_millis(ms)).await;
        // The task of each effect takes a turn.
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
    }

    /// How many sirens were told to sound, and to be quiet.
    fn told(&self) -> (usize, usize) {
        let of = |count: &AtomicUsize| count.load(Ordering::Relaxed);
        (of(&self.ways.sounded), of(&self.ways.quieted))
    }

    fn all(&self) -> usize {
        self.press.snapshot.sounders.len()
    }
}

/// F15. The app sends the request again meanwhile.
#[tokio::test(start_paused = true)]
async fn sirens_that_cannot_be_stored_sound_after_the_countdown() {
    let unstored = Unstored::pressed(Duration::ZERO).await;
    unstored.is_refused().await;
    unstored.until(4_990).await;
    assert_eq!(unstored.told(), (0, 0), "I3: nothing before D");
    unstored.until(5_010).await;
    assert_eq!(unstored.told(), (unstored.all(), 0));
    unstored.is_refused().await;
    unstored.until(64_000).await;
    assert_eq!(unstored.told(), (unstored.all(), 0), "once");
}

/// F5, F15.
#[tokio::test(start_paused = true)]
async fn old_siren_request_sounds_nothing_if_it_cannot_be_stored() {
    let unstored = Unstored::pressed(Duration::from_secs(600)).await;
    unstored.until(20_000).await;
    assert_eq!(unstored.told(), (0, 0));
}

/// F15. It is stored while nobody waits for the answer any more, and then canceled.
#[tokio::test(start_paused = true)]
async fn siren_request_that_is_stored_and_canceled_sounds_nothing() {
    let unstored = Unstored::pressed(Duration::ZERO).await;
    unstored.disk.0.flushes.add_permits(1_000);
    let retried = unstored.engine.raise(unstored.press.clone(), [0; 32]).await.unwrap();
    let by = person("ada");
    let id = retried.current.incident.id;
    unstored.engine.give(id, Command::Cancel { seen: Seen::All, by }).await.unwrap();
    unstored.until(20_000).await;
    assert_eq!(unstored.told(), (0, 0));
}

/// F15.
#[tokio::test(start_paused = true)]
async fn canceled_siren_request_that_was_not_stored_sounds_nothing() {
    for (canceled_at, on, off) in [(2_000, 0, 0), (20_000, 1, 1)] {
        let unstored = Unstored::pressed(Duration::ZERO).await;
        unstored.until(canceled_at).await;
        let by = person("ada");
        let answer =
            unstored.engine.give(unstored.press.id, Command::Cancel { seen: Seen::All, by }).await;
        assert!(answer.is_err(), "there is no such incident");
        unstored.until(60_000).await;
        let all = unstored.all();
        assert_eq!(unstored.told(), (on * all, off * all), "canceled after {canceled_at} ms");
    }
}

/// F15, I28. A copy of the request arrives later, and cannot be stored either.
#[tokio::test(start_paused = true)]
async fn withdrawn_siren_request_that_was_not_stored_is_quiet() {
    for (withdrawn_at, on, off) in [(2_000, 0, 0), (20_000, 1, 1)] {
        let unstored = Unstored::pressed(Duration::ZERO).await;
        unstored.until(withdrawn_at).await;
        let Raise { id, home, by, .. } = unstored.press.clone();
        let withdraw = Withdraw { id, home, may_be_kept: true };
        let answer = unstored.engine.withdraw(withdraw.clone(), by.clone(), None).await;
        assert!(matches!(answer, Err(Denied::StorageUnavailable)), "{answer:?}: it is tried again");
        unstored.is_refused().await;
        unstored.until(60_000).await;
        let all = unstored.all();
        assert_eq!(unstored.told(), (on * all, off * all), "withdrawn after {withdrawn_at} ms");
        unstored.disk.0.flushes.add_permits(1_000);
        // The clock is paused: this advances it until the engine has tried again.
        while unstored.engine.view().store_fails() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let answer = unstored.engine.withdraw(withdraw.clone(), by.clone(), None).await;
        assert!(matches!(answer, Ok(None)), "{answer:?}: nothing has begun");
    }
}

/// F15. The sirens of the stored request sound after its own countdown.
#[tokio::test(start_paused = true)]
async fn stored_retry_ends_sirens_that_sounded_without_it() {
    let unstored = Unstored::pressed(Duration::ZERO).await;
    unstored.until(10_000).await;
    assert_eq!(unstored.told(), (unstored.all(), 0));
    unstored.disk.0.flushes.add_permits(1_000);
    unstored.engine.raise(unstored.press.clone(), [0; 32]).await.unwrap();
    unstored.until(12_000).await;
    assert_eq!(unstored.told(), (unstored.all(), unstored.all()));
    unstored.until(15_100).await;
    assert_eq!(unstored.told(), (2 * unstored.all(), unstored.all()));
}

/// Effects whose execution takes 300 ms. It counts those that are complete.
#[derive(Default)]
struct Slow(AtomicUsize);

#[async_trait]
impl EffectHandler for Slow {
    async fn execute(&self, _: &Effect) -> Result<Option<Command>, ExecuteError> {
        // The work of the handler itself, which a stop has to wait for.
        tokio::time::sleep(Duration::from_millis(300)).await;
        self.0.fetch_add(1, Ordering::Relaxed);
        Ok(None)
    }
}

#[tokio::test(start_paused = true)]
async fn stored_effects_are_tried_before_the_server_ends() {
    let (stopper, stop) = watch::channel(false);
    let (tasks, slow) = (Tasks::new(stop), Arc::new(Slow::default()));
    let engine = engine_with(&slow_disk(1_000), slow.clone(), &tasks).await;
    let incident = engine.raise(siren(1, &home(), person("ada")), [0; 32]).await.unwrap();
    let (id, by) = (incident.current.incident.id, person("ada"));
    engine.give(id, Command::SendNow { by }).await.unwrap();
    stopper.send(true).unwrap();
    tasks.finish().await;
    let sounders = incident.current.incident.snapshot.sounders.len();
    assert_eq!(slow.0.load(Ordering::Relaxed), sounders);
}
