//! One life of the simulated server: its parts, connected as the real server connects them, and what moves
//! time on.

use super::{
    super::{
        broker::SimulatedDial,
        devices::buttons::CODES,
        disk::Kept,
        handlers::effect_handlers,
        line::Side,
        machine::{Boots, SimulatedMachine},
        plan::When,
    },
    Death, End, Event, World,
};
use buckler::server::{
    clock::Clock,
    engine::{Engine, device::Ids, outbox::Outbox, put_back},
    live_events::{Change, LiveEvents},
    mqtt::{
        MqttDevices,
        buttons::{Buttons, TakenPress, raise_what_is_pressed},
        connect_over,
        stops::{Stopped, report_stops},
    },
    sirens::NoDevices,
    store::StoreError,
    tasks::Tasks,
};
use futures_util::FutureExt;
use std::{sync::Arc, time::Duration};
use tokio::sync::{mpsc, watch};

/// A server that could not start is started again after this.
const RESTARTED: Duration = Duration::from_secs(5);

/// One life of the server.
pub(super) async fn live(world: &Arc<World>) -> End {
    let clock = Arc::new(Clock::new(SimulatedMachine(world.clone())));
    let (_stopper, stop) = watch::channel(false);
    let live_events = Arc::new(LiveEvents::default());
    let tasks = Tasks::new(stop.clone());
    let (sirens, presses, stops) = devices_of(world, &clock, &live_events, &tasks);
    let transmits = world.line(Side::Home).map(|line| line.transmitter(&clock, &live_events));
    let transmitter = transmits.as_ref().map(|(transmitter, _)| transmitter);
    let (live, drill) = effect_handlers(world, &clock, &sirens, transmitter);
    let outbox = Outbox::new(clock.clone(), &live, &drill);
    // What is left of a copy that was put back is withheld in a commit, which may be the last.
    let opened = tokio::select! {
        biased;
        () = world.killed.notified() => return world.is_killed(&clock),
        opened = open(world, &clock) => opened,
    };
    // The server ends, and is started again.
    let again = || {
        let death = Death { down: RESTARTED, boots: Boots::No, restores: None };
        End::Killed(When::Now, death)
    };
    let journal = match opened {
        Err(StoreError::Unusable(_)) => return again(),
        Err(_) if world.disk.refuses() => return again(),
        Err(error) => {
            world.ledger().broken(format!("I32: a copy cannot be withheld: {error}"));
            return End::Broken;
        }
        Ok(journal) => journal,
    };
    let engine = tokio::select! {
        biased;
        () = world.killed.notified() => return world.is_killed(&clock),
        started = Engine::start(journal, clock.clone(), live_events.clone(), outbox, &tasks) => match started {
            Ok(engine) => engine,
            Err(_) if world.disk.refuses() => return again(),
            Err(error) => {
                world.ledger().broken(format!("I15: the server does not start: {error}"));
                return End::Broken;
            }
        },
    };
    world.ledger().started(world.truth(), &engine, &world.disk);
    world.with_line(|line, side| line.server_starts(side, &engine, &clock, &tasks, transmits));
    let buttons = buttons_of(world, &clock, &engine, sirens);
    tasks.spawn("buttons", raise_what_is_pressed(buttons, presses, stop.clone()));
    tasks.spawn("stops of sirens", report_stops(engine.clone(), clock.clone(), stops, stop));
    tokio::spawn(tell_screens(world.clone(), live_events, engine.clone()));
    goes_on(world, &engine, &clock, &tasks).await
}

/// What is planned happens, until this life ends.
async fn goes_on(world: &Arc<World>, engine: &Engine, clock: &Arc<Clock>, tasks: &Tasks) -> End {
    let planned = world.plan.ends_at().max(world.truth());
    let mut failed = std::pin::pin!(tasks.failed());
    loop {
        if world.ledger().is_broken() {
            return End::Broken;
        }
        let next = world.lock(&world.queue).first_key_value().map(|((at, _), _)| *at);
        let Some(at) = next else { return End::Over };
        tokio::select! {
            biased;
            () = world.killed.notified() => return world.is_killed(clock),
            failed = &mut failed => {
                world.ledger().broken(format!("I8: {failed}"));
                return End::Broken;
            }
            () = world.sooner.notified() => continue,
            () = tokio::time::sleep_until(world.instant_of(at)) => {}
        }
        let Some((_, event)) = world.next_until(at) else { continue };
        let looked = matches!(event, Event::Look);
        world.handle(event, Some((engine, clock)));
        if looked && let Some(end) = world.is_at_its_end(engine, clock, planned) {
            return end;
        }
    }
}

/// The server's sirens and buttons, connected to the simulated broker, what is pressed, and the stops
/// that sirens report.
fn devices_of(
    world: &Arc<World>,
    clock: &Arc<Clock>,
    live_events: &Arc<LiveEvents>,
    tasks: &Tasks,
) -> (Arc<MqttDevices>, mpsc::Receiver<TakenPress>, mpsc::Receiver<Stopped>) {
    let ((pressed, presses), (stopped, stops)) = (mpsc::channel(1_024), mpsc::channel(1_024));
    let (clock, live_events) = (clock.clone(), live_events.clone());
    let sirens =
        MqttDevices::new(&world.mqtt, clock, live_events, Arc::new(NoDevices), pressed, stopped)
            .expect("settings that fit together");
    connect_over(sirens.clone(), Arc::new(SimulatedDial(world.clone())), &world.mqtt, tasks);
    (sirens, presses, stops)
}

/// What presses act on.
fn buttons_of(
    world: &Arc<World>,
    clock: &Arc<Clock>,
    engine: &Engine,
    broker: Arc<MqttDevices>,
) -> Buttons {
    let ids = {
        let world = world.clone();
        Ids::new(move |topic, _| {
            Ok(world.ledger().makes_request(topic, world.plan.seed, world.truth()))
        })
    };
    Buttons {
        broker,
        attempts: Arc::default(),
        engine: engine.clone(),
        homes: world.homes.clone(),
        clock: clock.clone(),
        policy: world.plan.staffing.policy(),
        readiness: Arc::new(|_| unreachable!("no button practices")),
        ids,
        read_codes: Arc::new(|_| std::future::ready(Ok(CODES.to_owned())).boxed()),
    }
}

/// Opens the database. Withholds everything of one that was put back: as `src/server/run/put_back.rs`.
async fn open(world: &Arc<World>, clock: &Arc<Clock>) -> Result<Arc<dyn Kept>, StoreError> {
    let journal = world.disk.open(world, clock).await?;
    if journal.is_put_back().await? {
        let (running, (pending, _)) = (journal.running().await?, journal.pending().await?);
        let (batch, _) = put_back(running, &pending, clock.now());
        if !batch.is_empty() {
            journal.commit(Arc::new(batch)).await?;
        }
    }
    journal.is_the_last_written().await;
    Ok(journal)
}

/// Tells the screens of each home what the server shows: at first when they connect again, and then
/// each change.
async fn tell_screens(world: Arc<World>, live_events: Arc<LiveEvents>, engine: Engine) {
    const RECONNECTS_MS: u64 = 4_000;
    for home in &world.plan.homes {
        live_events.subscribe(&home.id, None, world.truth());
        let current = engine.view().latest(&home.id);
        world.lock(&world.screens).tell(&home.id, world.truth(), RECONNECTS_MS, current);
    }
    loop {
        for change in live_events.changes().await {
            if let Change::Incident(home) = change {
                let (now, slow_ms) = (world.truth(), world.lock(&world.weather).slow_ms);
                let current = engine.view().latest(&home);
                world.ledger().tells_screens(&home, current.as_deref(), now);
                world.lock(&world.screens).tell(&home, now, slow_ms, current);
            }
        }
    }
}
