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
            Answer, Denied, Engine,
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
use tokio::sync::{Semaphore, watch};

/// A disk whose flushes wait for a permit each. It notes the requests of each flush.
struct SlowDisk {
    flushes: Semaphore,
    stored: Mutex<Vec<Vec<IncidentId>>>,
}

#[async_trait]
impl Commits for SlowDisk {
    async fn commit(&self, batch: Batch) -> Result<Batch, StoreError> {
        self.flushes.acquire().await.expect("it stays open").forget();
        let requests = batch.requests.iter().map(|row| row.id).collect();
        self.stored.lock().unwrap().push(requests);
        Ok(batch)
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
}

#[async_trait]
impl EffectHandler for Done {
    async fn execute(&self, effect: &Effect) -> Result<Option<Command>, ExecuteError> {
        if matches!(effect.kind, EffectKind::SirenOn { .. }) {
            self.sounded.fetch_add(1, Ordering::Relaxed);
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

/// Sirens that are requested alone sound even if nothing can be stored (F15), but not for a press
/// of ten minutes ago (F5).
#[tokio::test(start_paused = true)]
async fn old_siren_request_sounds_nothing_if_it_cannot_be_stored() {
    for (age_s, sounds) in [(0, 1), (600, 0)] {
        let disk = slow_disk(0);
        let (_stopper, stop) = watch::channel(false);
        let ways = Arc::new(Done::default());
        let engine = engine_on(&disk, ways.clone(), stop).await;
        // The loop waits for the disk with this one.
        let mut before = engine.raise(medical(1, &home(), person("ada")), [0; 32]).boxed();
        assert!(poll!(&mut before).is_pending());
        tokio::task::yield_now().await;
        let pressed_at = Clock::new(Machine).now() - Duration::from_secs(age_s);
        let press = Raise { sent_at: Some(pressed_at), ..siren(2, &home(), person("ada")) };
        let all = press.snapshot.sounders.len();
        let answer = engine.raise(press, [0; 32]).await;
        assert!(matches!(answer, Err(Denied::StorageUnavailable)), "{answer:?}");
        tokio::task::yield_now().await;
        assert_eq!(ways.sounded.load(Ordering::Relaxed), sounds * all, "{age_s} s old");
    }
}

/// Effects whose execution takes 300 ms. It counts those that are complete.
#[derive(Default)]
struct Slow(AtomicUsize);

#[async_trait]
impl EffectHandler for Slow {
    async fn execute(&self, _: &Effect) -> Result<Option<Command>, ExecuteError> {
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
