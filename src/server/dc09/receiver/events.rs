//! What an event of a panel does: it begins or joins an incident of its home, or leaves a note on one.

use super::{
    super::{
        codec::{Code, Qualifier, Signal, named_uuid},
        settings::Unproven,
    },
    Source,
};
use crate::{
    domain::{
        id::{HomeId, IncidentId},
        incident::{
            Actor, Mode, Quiet, Request, Service,
            command::{Command, Raise},
        },
    },
    server::engine::{
        Current, Denied,
        device::{self, ONE_ID_ONE_REQUEST, Origin},
    },
};
use std::sync::Arc;
use uuid::Uuid;

/// Applies an event to the home of its account. Returns the incident that it began or joined. Skips
/// the countdown, because the panel's own countdown is over, unless its alarms may be forged.
pub(super) async fn act(
    source: &Source,
    (home, unproven): (&HomeId, Option<Unproven>),
    code: Code,
    (home_incident, named): (Option<IncidentId>, Option<Uuid>),
) -> Result<Option<IncidentId>, Denied> {
    let (request, quiet) = match (code.qualifier, code.signal) {
        (Qualifier::New | Qualifier::Still, Signal::Help(Service::Police)) => {
            (Request::Police, None)
        }
        (Qualifier::New | Qualifier::Still, Signal::Help(Service::Fire)) => (Request::Fire, None),
        (Qualifier::New | Qualifier::Still, Signal::Help(Service::Medical)) => {
            (Request::Medical, None)
        }
        (Qualifier::New | Qualifier::Still, Signal::Quiet(quiet)) => (Request::Police, Some(quiet)),
        (Qualifier::Restore, Signal::Help(_)) => {
            let running = source.engine.view().running_in(home);
            return note(source, running, home_incident, OVER).await;
        }
        (Qualifier::Restore, Signal::Quiet(_)) => {
            let running = source.engine.view().quiet_in(home);
            return note(source, running, home_incident, OVER).await;
        }
        (_, Signal::Cancel) => {
            let view = source.engine.view();
            note(source, view.quiet_in(home), home_incident, CANCELED).await?;
            return note(source, view.running_in(home), home_incident, CANCELED).await;
        }
        (_, Signal::Test) => {
            tracing::info!(%home, "an alarm panel sent a test");
            return Ok(None);
        }
        (_, Signal::NotServed | Signal::NoEmergency) => {
            tracing::info!(%home, zone = code.zone, "an alarm panel sent an event that raises no incident");
            return Ok(None);
        }
    };
    raise(source, (home, unproven), (request, quiet), (home_incident, named)).await.map(Some)
}

/// Begins or joins an incident of a home, and returns it.
async fn raise(
    source: &Source,
    (home, unproven): (&HomeId, Option<Unproven>),
    (request, quiet): (Request, Option<Quiet>),
    (home_incident, named): (Option<IncidentId>, Option<Uuid>),
) -> Result<IncidentId, Denied> {
    let Some(found) = source.homes.get(home) else {
        tracing::error!(%home, "an alarm panel signaled for an unknown home");
        return Err(Denied::Unknown);
    };
    let raise = device::request(
        source.policy,
        &found,
        ALARM_SYSTEM,
        (request, Mode::Live),
        source.clock.now(),
    );
    let raise = raise.map_err(|_| Denied::StorageUnavailable)?;
    let id = match named {
        // The same request, however often its sender retries, and of no other home.
        Some(named) => {
            let named = named_uuid(&format!("{home} {named} {request:?}"));
            source.ids.repeated(home.as_str(), IncidentId(named))
        }
        None => source.ids.next(home.as_str()),
    };
    let id = id.map_err(|_| Denied::StorageUnavailable)?;
    let origin = match (unproven, quiet) {
        (Some(Unproven::CallFirst), None) => Origin::UnprovenPanel,
        // A countdown on a screen, or a call, could harm a person who is forced to be quiet.
        (None, _) | (_, Some(_)) => Origin::Panel,
    };
    let mut raise = Raise { id, quiet, home_incident, ..raise };
    let mut raised = source.engine.raise_from(origin, raise.clone(), ONE_ID_ONE_REQUEST).await;
    if raised.as_ref().is_err_and(|denied| *denied == Denied::IdReused) {
        // The incident that it began is quarantined.
        raise.id = source.ids.next(home.as_str()).map_err(|_| Denied::StorageUnavailable)?;
        raised = source.engine.raise_from(origin, raise, ONE_ID_ONE_REQUEST).await;
    }
    let incident = raised?.current.incident.id;
    tracing::warn!(%home, %incident, ?request, "a panel signals");
    Ok(incident)
}

/// The name of a panel in incidents.
const ALARM_SYSTEM: &str = "The home’s alarm system";

fn alarm_system() -> Actor {
    Actor::Device { name: ALARM_SYSTEM.into() }
}

/// The words of a note: about the incident's latest request, and about another one of the home.
type Words = [&'static str; 2];

const OVER: Words =
    ["Says that it is over", "Says that another request of the home is over, not the latest one"];
/// A finger on a keypad, perhaps a forced one; or the first contact, if it is a home of another Buckler.
const CANCELED: Words = [
    "Says that it was canceled there. Somebody may have been forced to do it",
    "Says that another request of the home was canceled there, not the latest one",
];

/// Adds a note to an incident, if there is one. Returns `None`. If both name an incident of the home's
/// own server, and not the same, the note is about another request.
async fn note(
    source: &Source,
    current: Option<Arc<Current>>,
    home_incident: Option<IncidentId>,
    [of_this, of_another]: Words,
) -> Result<Option<IncidentId>, Denied> {
    if let Some(current) = current {
        let latest = current.incident.home_incident.zip(home_incident);
        let is_another = latest.is_some_and(|(latest, named)| latest != named);
        let text = if is_another { of_another } else { of_this };
        source
            .engine
            .give(current.incident.id, Command::Note { by: alarm_system(), text: text.into() })
            .await?;
    }
    Ok(None)
}
