//! Keeps Home Assistant's picture of each home true.

use super::mqtt::{
    MqttDevices,
    home_assistant::{HomeAssistant, Shown, word_of},
};
use crate::{
    api::incident::Stage,
    domain::{
        home::Home,
        id::HomeId,
        incident::{Mode, State},
        time::Timestamp,
    },
    server::App,
};
use std::{collections::BTreeSet, sync::Arc, time::Duration};

/// How often it is looked whether there are new homes.
const NEW_HOMES: Duration = Duration::from_secs(5);
/// How often a home is looked at where nothing happens: what a siren or a battery does changes whether it is ready.
const QUIET: Duration = Duration::from_secs(10);
/// How often while it counts down.
const COUNTING: Duration = Duration::from_secs(1);

/// Shows every home that is wanted, until the server stops.
pub async fn show_homes(app: Arc<App>, broker: Arc<MqttDevices>, settings: HomeAssistant) {
    let (mut stop, mut shown) = (app.stop.clone(), BTreeSet::new());
    loop {
        let wanted = |id: &HomeId| settings.homes.as_ref().is_none_or(|homes| homes.contains(id));
        for home in app.homes.all().into_iter().filter(|home| wanted(&home.id)) {
            if shown.insert(home.id.clone()) {
                tokio::spawn(show(app.clone(), broker.clone(), home.id.clone()));
            }
        }
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return,
            () = tokio::time::sleep(NEW_HOMES) => {}
        }
    }
}

async fn show(app: Arc<App>, broker: Arc<MqttDevices>, id: HomeId) {
    let mut stop = app.stop.clone();
    let mut events = app.hub.subscribe(&id, None, app.clock.now()).events;
    // What ended before this server started is no less the last one; without an answer it is unknown.
    let before = app.reads.incidents(&id, Timestamp::from_millis(i64::MAX as u64), 1).await.ok();
    let before = before.and_then(|all| all.first()?.history.first().map(|fact| fact.at));
    loop {
        let Some(home) = app.homes.get(&id) else { return };
        broker.show_home(&home);
        let now = look(&app, &home, before);
        broker.show(&id, &now);
        let pause = if now.countdown > 0 { COUNTING } else { QUIET };
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return,
            // Whatever it was, the home is looked at as it is now.
            _ = events.recv() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
}

fn look(app: &App, home: &Home, before: Option<Timestamp>) -> Shown {
    let latest = app.engine.view().latest(&home.id);
    let running = latest.as_ref().map(|current| &current.incident).filter(|incident| !incident.is_over());
    let countdown = running.map_or(0, |incident| match incident.state {
        State::CountingDown { deadline, .. } => deadline.since(app.clock.now()).as_millis().div_ceil(1_000) as u64,
        _ => 0,
    });
    let on = |is: bool| if is { "ON" } else { "OFF" };
    Shown {
        incident: word_of(running.map(|incident| Stage::from(&incident.state))),
        drill: running.is_some_and(|incident| incident.mode == Mode::Drill),
        siren: on(running.is_some_and(|incident| incident.siren.is_sounding())),
        ready: on(app.ready(home).ok),
        countdown,
        last: latest.as_ref().map(|current| current.incident.started_at).or(before),
    }
}
