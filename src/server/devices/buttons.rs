//! Panic buttons, keypads and Home Assistant: a press is a request as one in the app is, with the same countdown.

use super::codes::owner_of;
use super::mqtt::{
    MqttDevices,
    keys::{Asks, ButtonSettings},
};
use crate::{
    domain::{
        access::{Membership, Role},
        eligibility,
        home::Home,
        id::{HomeId, IncidentId},
        incident::{
            Actor, Mode, Request, Snapshot, Source,
            command::{Command, Raise},
        },
    },
    server::{App, auth::attempts::Guess, engine::Denied},
};
use std::{sync::Arc, time::Duration};
use tokio::sync::mpsc;

/// Somebody pressed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Press {
    /// In which home.
    pub home: HomeId,
    /// What the configuration calls the button.
    pub name: String,
    /// Which button it was, by its topic.
    pub button: String,
    /// What it said.
    pub said: String,
    /// What that asks for.
    pub asks: Asks,
    /// The code that was typed.
    pub code: Option<String>,
    /// What the keypad calls this press.
    pub transaction: Option<String>,
}

/// What a button may: whoever runs the server has set it up for this home.
const MAY: Membership = Membership { role: Role::Owner, sos_withdrawn: false };

/// The id is made here, for this press alone: nothing else is ever asked with it.
pub const ONE_ID_ONE_REQUEST: [u8; 32] = [0; 32];
/// An older press is not sent any more.
const STALE: Duration = Duration::from_secs(60);
/// The pause before a press that could not be stored is tried again.
const PAUSE: Duration = Duration::from_secs(1);

/// Raises what is pressed, until the server stops.
pub async fn raise_what_is_pressed(app: Arc<App>, mut presses: mpsc::Receiver<Press>) {
    let mut stop = app.stop.clone();
    loop {
        let press = tokio::select! {
            press = presses.recv() => press,
            _ = stop.wait_for(|stop| *stop) => return,
        };
        let Some(press) = press else { return };
        // One that waits for the disk keeps no other waiting.
        tokio::spawn(pressed(app.clone(), press));
    }
}

async fn pressed(app: Arc<App>, press: Press) {
    let by = || Actor::Device { name: press.name.clone() };
    match press.asks {
        Asks::Police => raise(&app, &press, Request::Police, Mode::Live).await,
        Asks::Fire => raise(&app, &press, Request::Fire, Mode::Live).await,
        Asks::Medical => raise(&app, &press, Request::Medical, Mode::Live).await,
        Asks::Siren => raise(&app, &press, Request::Siren, Mode::Live).await,
        Asks::Drill => raise(&app, &press, Request::Police, Mode::Drill).await,
        Asks::Silence => _ = steer(&app, &press, Command::Silence { by: by() }).await,
        Asks::Cancel => cancel(&app, &press).await,
    }
}

/// A code cancels the countdown that runs, and is as good as whoever may cancel in the app.
async fn cancel(app: &App, press: &Press) {
    let Press { home, name, .. } = press;
    let Some(broker) = &app.broker else { return };
    let guess = Guess::Keypad(press.button.clone());
    let who = match &press.code {
        Some(code) if app.attempts.take(&guess, app.clock.now()) => whose(broker, press, code).await,
        Some(_) => {
            tracing::warn!(%home, button = name, "too many wrong codes: none is looked at for a while");
            None
        }
        None => None,
    };
    let accepted = match who {
        Some(who) => {
            app.attempts.succeeded(&guess);
            steer(app, press, Command::Cancel { by: Actor::Device { name: format!("{who}, {name}") } }).await
        }
        None => {
            tracing::warn!(%home, button = name, "a code was typed that is nobody's");
            false
        }
    };
    broker.answer(press, accepted);
}

/// Whose code that is.
async fn whose(broker: &MqttDevices, press: &Press, code: &str) -> Option<String> {
    let ButtonSettings { codes_file, .. } = broker.button(&press.button)?;
    let file = codes_file.as_deref()?;
    match tokio::fs::read_to_string(file).await {
        Ok(codes) => owner_of(&codes, code).map(str::to_owned),
        Err(error) => {
            tracing::error!(file = %file.display(), %error, "the codes of a keypad cannot be read");
            None
        }
    }
}

/// Steers the incident that runs; whether that did anything.
async fn steer(app: &App, press: &Press, command: Command) -> bool {
    let Press { home, name, asks, .. } = press;
    let Some(running) = app.engine.view().running_in(home) else {
        tracing::info!(%home, button = name, ?asks, "a button was pressed, and nothing runs");
        return false;
    };
    match app.engine.give(running.incident.id, command).await {
        Ok(answer) if answer.refusal.is_none() => {
            tracing::warn!(%home, button = name, ?asks, incident = %answer.current.incident.id, "a button was pressed");
            true
        }
        Ok(answer) => {
            tracing::warn!(%home, button = name, ?asks, refusal = ?answer.refusal, "a button was pressed too late");
            false
        }
        Err(denied) => {
            tracing::error!(%home, button = name, ?asks, ?denied, "a button was pressed, and nothing could be changed");
            false
        }
    }
}

/// What a device asks for in a home.
///
/// # Errors
/// A system without random numbers.
pub fn raised_by(app: &App, home: &Home, name: &str, request: Request, mode: Mode) -> Result<Raise, getrandom::Error> {
    let mut bits = [0u8; 16];
    getrandom::fill(&mut bits)?;
    let mut snapshot = Snapshot::of(home, app.policy);
    if mode == Mode::Drill {
        snapshot.unready = app.ready(home).lacks();
    }
    Ok(Raise {
        id: IncidentId(uuid::Builder::from_random_bytes(bits).into_uuid()),
        home: home.id.clone(),
        request,
        mode,
        drill_sirens: false,
        source: Source::Device,
        by: Actor::Device { name: name.into() },
        quiet: None,
        snapshot,
    })
}

async fn raise(app: &App, press: &Press, request: Request, mode: Mode) {
    let Press { home, name, .. } = press;
    let Some(found) = app.homes.get(home) else {
        return tracing::error!(%home, button = name, "a button was pressed for a home that there is not");
    };
    if let Err(reason) = eligibility::request(&found, &Source::Device, request, MAY) {
        return tracing::error!(%home, button = name, ?request, ?reason, "a button was pressed, and this home has no such SOS");
    }
    let raise = match raised_by(app, &found, name, request, mode) {
        Ok(raise) => raise,
        Err(error) => return tracing::error!(%error, "the system gives no random numbers"),
    };
    let pressed = app.clock.now();
    loop {
        match app.engine.raise(raise.clone(), ONE_ID_ONE_REQUEST).await {
            Ok(answer) => {
                return tracing::warn!(%home, button = name, ?request, ?mode, incident = %answer.current.incident.id, "a button was pressed");
            }
            // A button shows nobody that it was not sent: it is tried again, as the app does, for as long as a request is not old (F5).
            Err(Denied::StorageUnavailable) if app.clock.now().since(pressed) < STALE => tokio::time::sleep(PAUSE).await,
            Err(denied) => {
                return tracing::error!(%home, button = name, ?request, ?denied, "a button was pressed, and nothing could be requested");
            }
        }
    }
}
