//! Publishes the state of each home to Home Assistant.

use super::{
    MqttDevices, Readiness,
    home_assistant::{HomeAssistant, HomeState, word_of},
};
use crate::{
    api::incident::Stage,
    domain::{
        home::Home,
        id::HomeId,
        incident::{Mode, State},
        time::Timestamp,
    },
    server::{
        clock::Clock, engine::Engine, homes::Homes, live_events::LiveEvents, store::Reads,
        tasks::spawn_restarted,
    },
};
use std::{collections::BTreeSet, sync::Arc, time::Duration};
use tokio::sync::watch;

/// How often the server looks for new homes.
const NEW_HOMES: Duration = Duration::from_secs(5);
/// How often the state of a home is computed without an event, because a siren or a battery can
/// change its readiness.
const QUIET: Duration = Duration::from_secs(10);
/// How often during a countdown.
const COUNTING: Duration = Duration::from_secs(1);

/// What the published state is made of.
#[derive(Clone)]
pub struct Source {
    /// Publishes it.
    pub broker: Arc<MqttDevices>,
    /// The homes.
    pub homes: Arc<Homes>,
    /// Their incidents.
    pub engine: Engine,
    /// Their past incidents.
    pub reads: Arc<dyn Reads>,
    /// Tells when something changes.
    pub live_events: Arc<LiveEvents>,
    /// The clock.
    pub clock: Arc<Clock>,
    /// Whether an SOS would work.
    pub readiness: Readiness,
}

/// Publishes every home that the settings select, until the server stops.
pub async fn publish_homes(
    source: Source,
    settings: HomeAssistant,
    mut stop: watch::Receiver<bool>,
) {
    let mut shown = BTreeSet::new();
    loop {
        let wanted = |id: &HomeId| settings.homes.as_ref().is_none_or(|homes| homes.contains(id));
        for home in source.homes.all().into_iter().filter(|home| wanted(&home.id)) {
            if shown.insert(home.id.clone()) {
                let (source, id, stop) = (source.clone(), home.id.clone(), stop.clone());
                spawn_restarted("home for Home Assistant", home.id.clone(), move || {
                    show(source.clone(), id.clone(), stop.clone())
                });
            }
        }
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return,
            () = tokio::time::sleep(NEW_HOMES) => {}
        }
    }
}

async fn show(source: Source, id: HomeId, mut stop: watch::Receiver<bool>) {
    let mut events = source.live_events.subscribe(&id, None, source.clock.now()).events;
    // The last incident may have ended before this server started. If it cannot be read, it is
    // unknown.
    let before = source.reads.incidents(&id, Timestamp::from_millis(i64::MAX as u64), 1).await.ok();
    let before = before.and_then(|all| all.first()?.history.first().map(|fact| fact.at));
    loop {
        let Some(home) = source.homes.get(&id) else { return };
        source.broker.publish_home(&home);
        let now = state_of(&source, &home, before);
        source.broker.publish_state(&id, &now);
        let pause = if now.countdown > 0 { COUNTING } else { QUIET };
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return,
            // Any event: the current state is published.
            _ = events.recv() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
}

fn state_of(source: &Source, home: &Home, before: Option<Timestamp>) -> HomeState {
    let latest = source.engine.view().latest(&home.id);
    let running =
        latest.as_ref().map(|current| &current.incident).filter(|incident| !incident.is_over());
    let countdown = running.map_or(0, |incident| match incident.state {
        State::CountingDown { deadline, .. } => {
            deadline.since(source.clock.now()).as_millis().div_ceil(1_000) as u64
        }
        _ => 0,
    });
    let on = |is: bool| if is { "ON" } else { "OFF" };
    HomeState {
        incident: word_of(running.map(|incident| Stage::from(&incident.state))),
        drill: running.is_some_and(|incident| incident.mode == Mode::Drill),
        siren: on(running.is_some_and(|incident| incident.siren.is_sounding())),
        ready: on((source.readiness)(home).ok),
        countdown,
        last: latest.as_ref().map(|current| current.incident.started_at).or(before),
    }
}
