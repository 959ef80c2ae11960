//! Panic buttons and keypads: a press is a request as one in the app is, with the same countdown.

use crate::{
    domain::{
        access::{Membership, Role},
        eligibility,
        id::{HomeId, IncidentId},
        incident::{Actor, Mode, Request, Snapshot, Source, command::Raise},
    },
    server::{App, engine::Denied},
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
    /// What that asks for.
    pub request: Request,
}

/// What a button may: whoever runs the server has set it up for this home.
const MAY: Membership = Membership { role: Role::Owner, sos_withdrawn: false };

/// The id is made here, for this press alone: nothing else is ever asked with it.
const ONE_ID_ONE_REQUEST: [u8; 32] = [0; 32];
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
        tokio::spawn(raise(app.clone(), press));
    }
}

async fn raise(app: Arc<App>, press: Press) {
    let Press { home, name, request } = &press;
    let Some(found) = app.homes.get(home) else {
        return tracing::error!(%home, button = name, "a button was pressed for a home that there is not");
    };
    if let Err(reason) = eligibility::request(&found, &Source::Device, *request, MAY) {
        return tracing::error!(%home, button = name, ?request, ?reason, "a button was pressed, and this home has no such SOS");
    }
    let mut bits = [0u8; 16];
    if let Err(error) = getrandom::fill(&mut bits) {
        return tracing::error!(%error, "the system gives no random numbers");
    }
    let raise = Raise {
        id: IncidentId(uuid::Builder::from_random_bytes(bits).into_uuid()),
        home: home.clone(),
        request: *request,
        mode: Mode::Live,
        drill_sirens: false,
        source: Source::Device,
        by: Actor::Device { name: name.clone() },
        snapshot: Snapshot::of(&found, app.policy),
    };
    let pressed = app.clock.now();
    loop {
        match app.engine.raise(raise.clone(), ONE_ID_ONE_REQUEST).await {
            Ok(answer) => {
                return tracing::warn!(%home, button = name, ?request, incident = %answer.current.incident.id, "a button was pressed");
            }
            // A button shows nobody that it was not sent: it is tried again, as the app does, for as long as a request is not old (F5).
            Err(Denied::StorageUnavailable) if app.clock.now().since(pressed) < STALE => tokio::time::sleep(PAUSE).await,
            Err(denied) => {
                return tracing::error!(%home, button = name, ?request, ?denied, "a button was pressed, and nothing could be requested");
            }
        }
    }
}
