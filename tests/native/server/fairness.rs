//! The queue of the engine: what one party asks for delays nobody else by more than a batch.

use crate::domain::story::{home, person, raise};
use async_trait::async_trait;
use buckler::{
    domain::{
        home::Home,
        id::IncidentId,
        incident::{
            Actor, Policy, REPEATS_MOST, Request,
            command::{Command, Raise},
            effect::{Effect, EffectKind},
        },
    },
    server::{
        clock::{Anchor, Clock, Machine},
        engine::{
            Answer, Denied, Engine,
            outbox::{EffectHandler, EffectHandlers, ExecuteError, Outbox},
        },
        live_events::LiveEvents,
        store::{Batch, Journal, RequestRow, RunningRow, StoreError, Stored},
        tasks::Tasks,
    },
};
use futures_util::{FutureExt, future::join_all, poll};
use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};
use tokio::sync::{Semaphore, watch};

/// A disk whose flushes wait for a permit each. It notes the requests of each flush.
struct SlowDisk {
    flushes: Semaphore,
    stored: Mutex<Vec<Vec<IncidentId>>>,
}

#[async_trait]
impl Journal for SlowDisk {
    async fn commit(&self, batch: Batch) -> Result<Batch, StoreError> {
        self.flushes.acquire().await.expect("it stays open").forget();
        let requests = batch.requests.iter().map(|row| row.id).collect();
        self.stored.lock().unwrap().push(requests);
        Ok(batch)
    }
    async fn requests(&self, _: &[IncidentId]) -> Result<Vec<RequestRow>, StoreError> {
        Ok(Vec::new())
    }
    async fn running(&self) -> Result<Vec<RunningRow>, StoreError> {
        Ok(Vec::new())
    }
    async fn pending(&self) -> Result<(Vec<Effect>, Vec<String>), StoreError> {
        Ok(Default::default())
    }
    async fn anchor(&self) -> Result<Option<Anchor>, StoreError> {
        Ok(None)
    }
    async fn put_anchor(&self, _: &Anchor) -> Result<(), StoreError> {
        Ok(())
    }
    async fn tidy(&self) -> Result<bool, StoreError> {
        Ok(false)
    }
    async fn incident(&self, _: IncidentId) -> Result<Option<Stored>, StoreError> {
        Ok(None)
    }
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
    disk: &Arc<SlowDisk>,
    way: Arc<dyn EffectHandler>,
    stop: watch::Receiver<bool>,
) -> Engine {
    let clock = Arc::new(Clock::new(Machine));
    let ways = EffectHandlers {
        devices: way.clone(),
        phones: way.clone(),
        receiver: way.clone(),
        responders: way.clone(),
        notices: way,
    };
    let outbox = Outbox::new(clock.clone(), &ways, &ways);
    let tasks = Tasks::new(stop);
    Engine::start(disk.clone(), clock, Arc::new(LiveEvents::default()), outbox, &tasks)
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
    let disk = Arc::new(SlowDisk { flushes: Semaphore::new(0), stored: Mutex::default() });
    let (_stopper, stop) = watch::channel(false);
    let ways = Arc::new(Done::default());
    let engine = engine_on(&disk, ways.clone(), stop).await;
    let (flooded, other) = (home(), Home { id: "elm-road".parse().unwrap(), ..home() });
    let (stolen, own) = (engine.on_behalf_of([1; 32]), engine.on_behalf_of([2; 32]));
    let mut asked: Vec<_> = (1..=200)
        .map(|n| stolen.raise(siren(n, &flooded, person("ada")), [0; 32]).boxed())
        .collect();
    asked.push(own.raise(medical(1_000, &flooded, person("ada")), [0; 32]).boxed());
    asked.push(engine.raise(medical(2_000, &other, person("bob")), [0; 32]).boxed());
    for one in &mut asked {
        assert!(poll!(one).is_pending(), "all of them wait for the disk");
        // The engine takes what it can.
        tokio::task::yield_now().await;
    }
    disk.flushes.add_permits(1_000);
    let answers: Vec<Result<Answer, Denied>> = join_all(asked).await;
    for (who, sos) in [("the same account", &answers[200]), ("another home", &answers[201])] {
        assert!(sos.is_ok(), "{who}: {sos:?}");
    }
    let stored = disk.stored.lock().unwrap();
    let flush_of = |id| {
        let id = IncidentId(uuid::Uuid::from_u128(id));
        stored.iter().position(|requests| requests.contains(&id)).expect("it is stored")
    };
    assert!(flush_of(1_000) <= 1 && flush_of(2_000) <= 1, "in the next flush: {stored:?}");
    let refused = answers.iter().filter(|answer| matches!(answer, Err(Denied::Busy))).count();
    assert!((100..200).contains(&refused), "only a line's length of the flood waits: {refused}");
    // The disk works: sirens that cannot be canceled sound only where nothing can be stored (F15).
    assert_eq!(ways.sounded.load(Ordering::Relaxed), 0, "no siren sounds without its incident");
}

/// Each repeat was stored as a row of its own, without a limit.
#[tokio::test(start_paused = true)]
async fn repeats_beyond_the_limit_are_answered_and_not_stored() {
    let disk = Arc::new(SlowDisk { flushes: Semaphore::new(1_000), stored: Mutex::default() });
    let (_stopper, stop) = watch::channel(false);
    let engine = engine_on(&disk, Arc::new(Done::default()), stop).await;
    let mut rows = Vec::new();
    for n in 1..=REPEATS_MOST as u128 + 10 {
        let answer = engine.raise(medical(n, &home(), person("ada")), [0; 32]).await.unwrap();
        assert_eq!(answer.joined, n > 1);
        rows.push(disk.stored.lock().unwrap().concat().len());
    }
    assert_eq!(rows.last(), Some(&(REPEATS_MOST + 1)), "the request itself, and its repeats");
}
