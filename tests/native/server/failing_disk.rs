//! A disk that hangs or refuses while an incident runs (I25). Time stands still, so that the limits
//! are exact on any machine.

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
            Policy, Request, State,
            command::{Command, Raise, Seen},
            effect::{Effect, EffectKind},
        },
    },
    server::{
        clock::{Clock, Machine},
        engine::{
            Denied, Engine,
            outbox::{EffectHandler, ExecuteError},
        },
        live_events::LiveEvents,
        store::{Batch, StoreError},
        tasks::Tasks,
    },
};
use futures_util::{FutureExt, poll};
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{
    sync::watch,
    time::{Instant, sleep},
};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Health {
    Works,
    Hangs,
    Refuses,
    /// It ends what hung with an error.
    Fails,
    /// It refuses what the first incident did, and stores everything else.
    RefusesFirst,
}

/// The id of the first incident.
const FIRST: IncidentId = IncidentId(uuid::Uuid::from_u128(1));

/// A disk that does what its health says. It keeps what it stored.
struct Disk {
    health: watch::Sender<Health>,
    stored: Mutex<Vec<Batch>>,
}

#[async_trait]
impl Commits for Disk {
    async fn commit(&self, batch: Arc<Batch>) -> Result<(), StoreError> {
        let refused = || Err(StoreError::Unusable("the disk is full".into()));
        let mut health = self.health.subscribe();
        match *health.wait_for(|health| *health != Health::Hangs).await.unwrap() {
            Health::Refuses | Health::Fails => refused(),
            Health::RefusesFirst if batch.facts.iter().any(|(id, ..)| *id == FIRST) => {
                Err(StoreError::Inconsistent { what: "planted".into() })
            }
            _ => {
                self.stored.lock().unwrap().push(Batch::clone(&batch));
                Ok(())
            }
        }
    }
}

/// Notes when each effect was carried out.
struct Noted(Clock, Mutex<Vec<(Instant, Effect)>>);

#[async_trait]
impl EffectHandler for Noted {
    async fn execute(&self, effect: &Effect) -> Result<Option<Command>, ExecuteError> {
        let now = self.0.instant_of(self.0.now());
        self.1.lock().unwrap().push((now, effect.clone()));
        Ok(None)
    }
}

struct World {
    disk: Arc<Empty<Disk>>,
    effects: Arc<Noted>,
    engine: Engine,
    clock: Clock,
    /// The acknowledged request.
    id: IncidentId,
    _stopper: watch::Sender<bool>,
}

impl World {
    /// An acknowledged request for medical help, while the disk works.
    async fn asked() -> Self {
        let health = watch::channel(Health::Works).0;
        let disk = Arc::new(Empty(Disk { health, stored: Mutex::default() }));
        let effects = Arc::new(Noted(Clock::new(Machine), Mutex::default()));
        let (stopper, stop) = watch::channel(false);
        let clock = Arc::new(Clock::new(Machine));
        let outbox = outbox(&clock, effects.clone());
        let engine = Engine::start(
            disk.clone(),
            clock,
            Arc::new(LiveEvents::default()),
            outbox,
            &Tasks::new(stop),
        )
        .await
        .unwrap();
        let clock = Clock::new(Machine);
        let world = Self { disk, effects, engine, clock, id: FIRST, _stopper: stopper };
        world.ask(1, Request::Medical).await.unwrap();
        world
    }

    async fn ask(&self, id: u128, request: Request) -> Result<(), Denied> {
        let id = IncidentId(uuid::Uuid::from_u128(id));
        let raise = Raise { id, by: person("ada"), ..raise(&home(), request, Policy::default()) };
        self.engine.raise(raise, [0; 32]).await.map(drop)
    }

    fn disk_is(&self, health: Health) {
        self.disk.0.health.send_replace(health);
    }

    /// D of the request.
    fn due(&self) -> Instant {
        let current = self.engine.view().by_id(self.id).unwrap();
        self.clock.instant_of(current.incident.deadline)
    }

    /// The first calls of contacts, each with its time.
    fn calls(&self) -> Vec<(Instant, Effect)> {
        let effects = self.effects.1.lock().unwrap();
        let is_call = |effect: &Effect| matches!(effect.kind, EffectKind::CallContact { .. });
        effects.iter().filter(|(_, effect)| is_call(effect)).cloned().collect()
    }

    /// The keys of effects that are stored.
    fn keys(&self) -> Vec<String> {
        let stored = self.disk.0.stored.lock().unwrap();
        stored.iter().flat_map(|batch| batch.effects.iter().map(|e| e.key.clone())).collect()
    }

    /// The facts that are stored for the request: their numbers must have neither gaps nor repeats.
    fn facts(&self) -> u32 {
        let stored = self.disk.0.stored.lock().unwrap();
        let mut next = 1;
        for (id, first, facts) in stored.iter().flat_map(|batch| &batch.facts) {
            if *id == self.id {
                assert_eq!(*first, next, "the facts follow each other");
                next += facts.len() as u32;
            }
        }
        next - 1
    }

    async fn is_stored(&self) {
        while self.engine.view().store_fails() {
            sleep(Duration::from_millis(10)).await;
        }
    }

    fn state(&self) -> State {
        self.engine.view().latest(&home().id).unwrap().incident.state.clone()
    }
}

#[tokio::test(start_paused = true)]
async fn acknowledged_sos_acts_in_time_on_every_disk() {
    for (before_d, health) in [
        (Duration::from_secs(3), Health::Refuses),
        (Duration::from_secs(3), Health::Hangs),
        // The write of the deadline itself.
        (Duration::ZERO, Health::Hangs),
        (Duration::ZERO, Health::Refuses),
    ] {
        let world = World::asked().await;
        let due = world.due();
        tokio::time::sleep_until(due - before_d).await;
        world.disk_is(health);
        // Something else is being written when the deadline comes.
        let mut other = world.ask(2, Request::Police).boxed();
        assert!(poll!(&mut other).is_pending());
        tokio::time::sleep_until(due + Duration::from_secs(2)).await;
        let calls = world.calls();
        assert_eq!(calls.len(), 1, "{health:?}: the contact is called within two seconds of D");
        assert!(calls[0].0 >= due, "{health:?}: nothing leaves before D (I3)");
        let refused = other.await;
        assert!(matches!(refused, Err(Denied::StorageUnavailable)), "{health:?}: {refused:?}");
        let stored = world.facts();
        world.disk_is(Health::Works);
        world.is_stored().await;
        assert!(world.facts() > stored, "{health:?}: what was done is stored later");
        assert!(world.keys().contains(&calls[0].1.key), "{health:?}: with the same key");
        world.ask(3, Request::Fire).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn cancel_counts_although_the_disk_is_full() {
    for health in [Health::Refuses, Health::Hangs] {
        let world = World::asked().await;
        let due = world.due();
        world.disk_is(health);
        let cancel = Command::Cancel { seen: Seen::All, by: person("ada") };
        let answer = world.engine.give(world.id, cancel.clone()).await;
        // A cancel that hangs is answered as unknown, and counts.
        assert!(answer.is_ok() || health == Health::Hangs, "{answer:?}");
        tokio::time::sleep_until(due + Duration::from_secs(2)).await;
        assert!(matches!(world.state(), State::Aborted { .. }), "{health:?}: {:?}", world.state());
        assert!(world.calls().is_empty(), "{health:?}: nothing ever leaves (I3)");
        let again = world.engine.give(world.id, cancel).await.unwrap();
        assert!(again.current.incident.is_over(), "{health:?}: what is over stays over");
        world.disk_is(Health::Works);
        world.is_stored().await;
        let over = world.disk.0.stored.lock().unwrap().iter().any(|b| b.over.contains(&world.id));
        assert!(over, "{health:?}: its end is stored");
        world.facts();
    }
}

#[tokio::test(start_paused = true)]
async fn request_that_hung_begins_only_if_it_is_stored() {
    for (end, begins) in [(Health::Works, true), (Health::Fails, false)] {
        let world = World::asked().await;
        let cancel = Command::Cancel { seen: Seen::All, by: person("ada") };
        world.engine.give(world.id, cancel).await.unwrap();
        world.disk_is(Health::Hangs);
        let refused = world.ask(2, Request::Police).await;
        assert!(matches!(refused, Err(Denied::StorageUnavailable)), "{refused:?}");
        sleep(Duration::from_secs(30)).await;
        assert!(world.engine.view().running().is_empty(), "nobody acts for what may be lost");
        world.disk_is(end);
        sleep(Duration::from_secs(1)).await;
        assert_eq!(!world.engine.view().running().is_empty(), begins, "{end:?}");
        world.disk_is(Health::Works);
        world.is_stored().await;
        world.ask(3, Request::Police).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn disk_that_breaks_again_and_again_loses_no_fact() {
    let world = World::asked().await;
    let due = world.due();
    let kinds = [Health::Refuses, Health::Works, Health::Hangs, Health::Fails, Health::Hangs];
    for (n, health) in kinds.into_iter().cycle().take(60).enumerate() {
        world.disk_is(health);
        sleep(Duration::from_millis(137 * (n as u64 % 17))).await;
    }
    world.disk_is(Health::Works);
    world.is_stored().await;
    sleep(Duration::from_secs(1)).await;
    let current = world.engine.view().latest(&home().id).unwrap();
    assert_eq!(world.facts() as usize, current.history.len());
    assert!(world.calls()[0].0 <= due + Duration::from_secs(2));
}

/// What one incident did from memory must not keep everything else from being stored.
#[tokio::test(start_paused = true)]
async fn incident_whose_facts_are_refused_holds_up_no_other() {
    let world = World::asked().await;
    let other = Home { id: "lake-cabin".parse().unwrap(), ..home() };
    let id = IncidentId(uuid::Uuid::from_u128(2));
    let asked =
        Raise { id, by: person("bob"), ..raise(&other, Request::Police, Policy::default()) };
    world.engine.raise(asked, [0; 32]).await.unwrap();
    world.disk_is(Health::Refuses);
    tokio::time::sleep_until(world.due() + Duration::from_secs(2)).await;
    assert_eq!(world.calls().len(), 2, "both act");
    world.disk_is(Health::RefusesFirst);
    world.is_stored().await;
    let quarantined = world.engine.view().quarantined();
    assert_eq!(quarantined.iter().map(|q| &q.incident).collect::<Vec<_>>(), [&FIRST.to_string()]);
    let is_left =
        |stored: &Batch| stored.facts.iter().any(|(of, first, _)| *of == id && *first > 1);
    assert!(world.disk.0.stored.lock().unwrap().iter().any(is_left), "the other one is stored");
    let written = world.disk.0.stored.lock().unwrap().iter().any(|b| !b.quarantined.is_empty());
    assert!(written, "so is the quarantine");
    world.ask(3, Request::Fire).await.unwrap();
}
