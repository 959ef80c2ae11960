//! Failures inside the server: a failed task ends the server with its name, and an undecidable
//! incident blocks no other.

use super::{
    Server, change, connect, database,
    hindered::{Commits, Empty},
    until,
};
use crate::domain::story::{home, person, raise};
use async_trait::async_trait;
use buckler::{
    domain::{
        contact::Contact,
        home::Home,
        id::IncidentId,
        incident::{
            Incident, Policy, Request,
            command::{Command, Raise},
            decide::{decide, start},
            effect::Effect,
            event::Recorded,
        },
        time::Timestamp,
    },
    server::{
        clock::{Clock, Machine},
        engine::{
            Current, Denied, Engine,
            outbox::{EffectHandler, EffectHandlers, ExecuteError, Outbox},
        },
        live_events::LiveEvents,
        store::{Batch, Begun, Op, StoreError, sqlite, writer},
        tasks::{TaskFailed, Tasks},
    },
};
use futures_util::FutureExt;
use std::sync::Arc;
use tokio::sync::watch;

fn police(id: u128, home: &Home) -> Raise {
    Raise {
        id: IncidentId(uuid::Uuid::from_u128(id)),
        ..raise(home, Request::Police, Policy::default())
    }
}

/// A home with more contacts than a call number can count. No owner can set it up.
fn crowded() -> Home {
    let mut home = home();
    let first = home.contacts[0].clone();
    home.contacts = (0..300)
        .map(|n| Contact { id: format!("contact-{n}").parse().unwrap(), ..first.clone() })
        .collect();
    home
}

/// An incident whose next call, in a second, cannot be decided on.
fn doomed(home: &Home, now: Timestamp) -> (Incident, Vec<Recorded>) {
    let play = |began: Timestamp| {
        let decision = start(police(1, home), began);
        let (mut incident, mut facts) = (decision.after, decision.facts);
        while incident.calls.len() < 255 {
            let at = incident.next_deadline().expect("somebody is left to call");
            let decision = decide(&incident, Command::Tick, at);
            facts.extend(decision.facts);
            incident = decision.after;
        }
        (incident, facts)
    };
    let zero = Timestamp::from_millis(1_000_000);
    let took = play(zero).0.next_deadline().unwrap().since(zero);
    play(Timestamp::from_millis(now.as_millis() + 1_000 - took.as_millis() as u64))
}

#[tokio::test]
async fn incident_that_cannot_be_decided_is_quarantined() {
    let folder = tempfile::tempdir().unwrap();
    let crowded = crowded();
    let other = Home { id: "other".parse().unwrap(), ..home() };
    let mut database = database(&folder, &crowded).await;
    database
        .apply(change([Op::PutHome { home: Arc::new(other.clone()), revision: 0 }]))
        .await
        .unwrap();
    let (incident, facts) = doomed(&crowded, Clock::new(Machine).now());
    let begun =
        vec![Begun { id: incident.id, home: crowded.id.clone(), at: facts[0].at, quiet: false }];
    database
        .writes
        .commit(&Batch { begun, facts: vec![(incident.id, 1, facts)], ..Batch::default() })
        .await
        .unwrap();

    let server = Server::of(folder, database).await;
    let app = &server.app;
    let quarantined = || {
        app.engine
            .view()
            .quarantined()
            .into_iter()
            .map(|quarantined| quarantined.incident)
            .collect::<Vec<_>>()
    };
    until("it is quarantined", async || (quarantined() == [incident.id.to_string()]).then_some(()))
        .await;
    let reasons =
        reqwest::get(format!("{}/readyz", server.metrics)).await.unwrap().text().await.unwrap();
    assert!(
        reasons.contains(&format!("incident {} of home elm-road: quarantined", incident.id)),
        "{reasons}"
    );
    // The file is unchanged, its home can send another SOS, and every other home is served.
    let mut file = connect(&server.file()).await;
    let rows: i64 =
        sqlx::query_scalar("SELECT count(*) FROM facts").fetch_one(&mut file).await.unwrap();
    assert_eq!(rows, 1);
    let Err(Denied::Unknown) =
        app.engine.give(incident.id, Command::SendNow { by: person("ada") }).await
    else {
        panic!("it is decided")
    };
    assert!(app.engine.raise(police(3, &crowded), [0; 32]).await.unwrap().created);
    let answer = app.engine.raise(police(2, &other), [0; 32]).await.unwrap();
    assert!(answer.created);
    app.engine
        .give(answer.current.incident.id, Command::SendNow { by: person("ada") })
        .await
        .unwrap();
    let called = async || {
        app.engine.view().by_id(answer.current.incident.id)?.incident.calls.first().map(drop)
    };
    until("the other home's contact is called", called).await;
}

/// A disk that panics at the first commit.
struct Trap;

#[async_trait]
impl Commits for Trap {
    async fn commit(&self, _: Arc<Batch>) -> Result<(), StoreError> {
        panic!("planted")
    }
}

/// A handler that panics the first time.
#[derive(Default)]
struct Stumbles(std::sync::atomic::AtomicU32);

#[async_trait]
impl EffectHandler for Stumbles {
    async fn execute(&self, _: &Effect) -> Result<Option<Command>, ExecuteError> {
        let tried = self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        assert!(tried > 0, "planted");
        Ok(None)
    }
}

pub fn outbox(clock: &Arc<Clock>, way: Arc<dyn EffectHandler>) -> Outbox {
    let ways = EffectHandlers {
        devices: way.clone(),
        phones: way.clone(),
        receiver: way.clone(),
        responders: way.clone(),
        notices: way,
    };
    Outbox::new(clock.clone(), &ways, &ways)
}

#[tokio::test]
async fn engine_that_panics_ends_the_server_by_name() {
    let clock = Arc::new(Clock::new(Machine));
    let (_stopper, stop) = watch::channel(false);
    let tasks = Tasks::new(stop);
    let engine = Engine::start(
        Arc::new(Empty(Trap)),
        clock.clone(),
        Arc::new(LiveEvents::default()),
        outbox(&clock, Arc::new(Stumbles::default())),
        &tasks,
    );
    let engine = engine.await.unwrap();
    engine.raise(police(1, &home()), [0; 32]).await.unwrap_err();
    let failed =
        tokio::time::timeout(super::PATIENCE, tasks.failed()).await.expect("the engine fails");
    assert_eq!(failed, TaskFailed { task: "engine", how: "panicked: planted".into() });
}

#[tokio::test]
async fn effect_whose_handler_panics_is_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(Clock::new(Machine));
    let (_stopper, stop) = watch::channel(false);
    let (way, tasks) = (Arc::new(Stumbles::default()), Tasks::new(stop));
    let (_changes, journal) =
        writer::start(database(&folder, &home()).await, Arc::default(), &tasks);
    let engine = Engine::start(
        journal,
        clock.clone(),
        Arc::new(LiveEvents::default()),
        outbox(&clock, way.clone()),
        &tasks,
    )
    .await
    .unwrap();
    let id = engine.raise(police(1, &home()), [0; 32]).await.unwrap().current.incident.id;
    engine.give(id, Command::SendNow { by: person("ada") }).await.unwrap();
    until("all effects are done", async || (engine.view().under_way().0 == 0).then_some(())).await;
    assert!(
        way.0.load(std::sync::atomic::Ordering::Relaxed) > 1,
        "one panicked, and all were done"
    );
}

/// A handler that panics whenever it is told of an effect that it does not execute yet.
#[derive(Default)]
struct Startled(std::sync::atomic::AtomicU32);

#[async_trait]
impl EffectHandler for Startled {
    fn queued(&self, _: &Effect) {
        panic!("planted")
    }
    fn resume(&self, _: &Current) {
        panic!("planted")
    }
    async fn execute(&self, _: &Effect) -> Result<Option<Command>, ExecuteError> {
        self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        Ok(None)
    }
}

#[tokio::test]
async fn handler_that_panics_stops_no_effect_and_no_start() {
    let folder = tempfile::tempdir().unwrap();
    drop(database(&folder, &home()).await);
    let clock = Arc::new(Clock::new(Machine));
    for is_first in [true, false] {
        let (stopper, stop) = watch::channel(false);
        let (way, tasks) = (Arc::new(Startled::default()), Tasks::new(stop));
        let database = sqlite::open(&folder.path().join("buckler.db")).await.unwrap();
        let (_changes, journal) = writer::start(database, Arc::default(), &tasks);
        let live_events = Arc::new(LiveEvents::default());
        let outbox = outbox(&clock, way.clone());
        let engine = Engine::start(journal, clock.clone(), live_events, outbox, &tasks);
        let engine = engine.await.unwrap();
        if is_first {
            let id = engine.raise(police(1, &home()), [0; 32]).await.unwrap().current.incident.id;
            engine.give(id, Command::SendNow { by: person("ada") }).await.unwrap();
            until("the effects are done", async || {
                (way.0.load(std::sync::atomic::Ordering::Relaxed) > 0
                    && engine.view().under_way().0 == 0)
                    .then_some(())
            })
            .await;
        }
        assert_eq!(engine.view().running().len(), 1, "it runs, also after a restart");
        assert_eq!(tasks.failed().now_or_never(), None);
        stopper.send(true).unwrap();
        tasks.finish().await;
    }
}
