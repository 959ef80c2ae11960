//! The console of the monitoring center: the queue, and the reports of the operator who works on an incident. Nobody else can report on it,
//! because only one operator works on an incident at a time.

use super::{
    errors::{ApiError, Problems},
    extract::{Body, Operator, PathId, ResourceId, SignedIn, Supervisor},
    phone,
};
use crate::{
    api::{
        center::{
            Assign, Called, CalledOutcome, Closing, Ended, Heard, IncidentDetail, Moved, NewNote, QuarantinedCase, Queue, QueueItem, Reach,
            Shown, Step,
        },
        home::HomeFacts,
        incident::{Audience, Incident, Stage},
        problem::Code,
    },
    domain::{
        access::{CenterAction, CenterRole},
        contact::Contact,
        home::Home,
        id::{IncidentId, UserId},
        incident::{
            self as domain, Actor, CallState, CenterMode, DispatchState, Disposition, Mode, Purpose, Service, Snapshot, State as Stands,
            command::{CallStep, Command, NotReached},
            event::Event,
        },
    },
    server::{App, engine::Current, store::Quarantined},
};
use axum::{
    Json,
    extract::{Query, State, rejection::QueryRejection},
};
use serde::Deserialize;
use std::{cmp::Reverse, sync::Arc, time::Duration};

/// How long a request for the queue waits for a new version. This is shorter than the time that the app waits for any answer.
const WAITS: Duration = Duration::from_secs(3);
/// The longest note, characters.
const NOTE_MOST: usize = 500;
/// The longest reference number of an agency, characters.
const REFERENCE_MOST: usize = 60;

/// The version that the console has.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct Seen {
    /// The version of the last answer. The answer then waits for another version, for up to 3 s. A value that is not a version is ignored.
    seen: Option<String>,
}

/// Whether the center handles the incident: the center has operators, or the incident was found late. A drill never reaches them (I18).
fn is_open(current: &Current) -> bool {
    let incident = &current.incident;
    let people = incident.snapshot.policy.center == CenterMode::Operators;
    incident.mode == Mode::Live
        && match incident.state {
            Stands::UnderReview => true,
            Stands::Verifying(_) | Stands::Dispatching => people,
            _ => false,
        }
}

fn actor(signed_in: &SignedIn) -> Actor {
    Actor::Operator { id: signed_in.account.id.clone(), name: signed_in.account.name.clone() }
}

/// The open incidents, and the operators who have the console open.
/// Answers at once, or, if the request names the current version, when the version changes.
#[utoipa::path(get, path = "/api/v1/center/incidents", tag = "center", params(Seen), responses((status = 200, body = Queue), Problems))]
pub async fn queue(
    State(app): State<Arc<App>>,
    Operator(signed_in): Operator,
    seen: Result<Query<Seen>, QueryRejection>,
) -> Result<Json<Queue>, ApiError> {
    let Query(Seen { seen }) = seen.map_err(|_| ApiError::field("seen", "Name one version."))?;
    let seen = seen.and_then(|seen| seen.parse().ok());
    // A restricted device may view the queue. It does not count as being on duty, because it could not claim an incident (R23).
    if signed_in.is_free(&app).is_ok() {
        app.operators.sees(&signed_in.account, app.clock.now());
    }
    let mut version = app.live_events.center_version();
    if seen == Some(*version.borrow_and_update()) {
        let mut stop = app.stop.clone();
        tokio::select! {
            _ = version.changed() => {}
            _ = stop.wait_for(|stop| *stop) => {}
            () = tokio::time::sleep(WAITS) => {}
        }
    }
    // The operator may have lost the role in the meantime.
    let Some(role) = app.reads.center_role(&signed_in.account.id).await? else { return Err(ApiError::not_found()) };
    let (version, now) = (*app.live_events.center_version().borrow(), app.clock.now());
    let mut open: Vec<_> = app.engine.view().running().into_iter().filter(|current| is_open(current)).collect();
    open.sort_by_key(|current| (Reverse(urgency(current)), current.incident.deadline));
    let cases = open.iter().map(|current| case(&app, current, &signed_in, role)).collect();
    Ok(Json(Queue { version, cases, quarantined: quarantined(&app), on_duty: app.operators.on_duty(now), server_time: now }))
}

/// The urgency of an incident. Danger to life comes first, so medical requests rank highest.
fn urgency(current: &Current) -> u8 {
    let rank = |service: &Service| match service {
        Service::Medical => 3,
        Service::Fire => 2,
        Service::Police => 1,
    };
    current.incident.services().iter().map(rank).max().unwrap_or_default()
}

fn case(app: &App, current: &Arc<Current>, signed_in: &SignedIn, role: CenterRole) -> QueueItem {
    let incident = &current.incident;
    let home = app.homes.get(&incident.home);
    let mine = incident.assignee.as_ref() == Some(&actor(signed_in));
    let shown = mine || matches!(incident.state, Stands::UnderReview) || role.may(CenterAction::Lead);
    let whole = || {
        Box::new(IncidentDetail {
            home: home.as_deref().map_or_else(|| facts_of(incident), HomeFacts::of),
            incident: app.present_incident_to(current, Audience::Center),
            contacts: incident.snapshot.contacts.iter().map(reach).collect(),
            notes: incident.snapshot.notes.clone(),
            cameras: home.as_deref().filter(|_| mine).map(|home| cameras(app, home)).unwrap_or_default(),
            password_required: incident.snapshot.password_required,
            step: step(current),
        })
    };
    QueueItem {
        id: incident.id,
        home: incident.snapshot.home_name.clone(),
        services: incident.services(),
        quiet: incident.quiet,
        repeats: u32::try_from(incident.repeats).unwrap_or(u32::MAX),
        state: Stage::from(&incident.state),
        since: incident.deadline,
        assignee: incident.assignee.as_ref().map(|by| by.name().into()),
        mine,
        unclaimed: current.history.iter().any(|fact| fact.event == Event::Unclaimed) && incident.assignee.is_none(),
        whole: shown.then(whole),
    }
}

/// The facts of a home that cannot be read, as they were when the incident began.
fn facts_of(incident: &domain::Incident) -> HomeFacts {
    let Snapshot { home_name, address, .. } = &*incident.snapshot;
    HomeFacts { id: incident.home.clone(), name: home_name.clone(), time_zone: "UTC".into(), address: address.clone() }
}

/// The incidents that the engine does not advance, the oldest first.
fn quarantined(app: &App) -> Vec<QuarantinedCase> {
    let case = |Quarantined { incident: id, home, quiet, since, .. }: Quarantined| {
        let known = home.parse().ok().and_then(|id| app.homes.get(&id));
        let contacts = known.iter().flat_map(|home| home.contacts.iter().map(reach)).collect();
        let address = known.as_ref().and_then(|home| home.address.clone());
        QuarantinedCase { id, home: known.map_or(home, |home| home.name.clone()), quiet, since, address, contacts }
    };
    let mut all: Vec<_> = app.engine.view().quarantined().into_iter().map(case).collect();
    all.sort_by_key(|case| case.since);
    all
}

fn reach(contact: &Contact) -> Reach {
    Reach { name: contact.name.clone(), phone: contact.phone.clone() }
}

fn step(current: &Current) -> Step {
    match &current.incident.state {
        Stands::UnderReview => Step::Decide,
        Stands::Verifying(_) => Step::CallFirst,
        _ if current.incident.dispatches.iter().any(|d| matches!(d.state, DispatchState::Requested | DispatchState::Rejected)) => {
            Step::Dispatch
        }
        _ => Step::Follow,
    }
}

/// The cameras that the center may watch: those that may raise an SOS and have a stream.
fn cameras(app: &App, home: &Home) -> Vec<Shown> {
    let all = home.cameras.iter().filter(|camera| camera.sos_compatible && app.cameras.has_stream(camera));
    all.map(|camera| Shown { id: camera.id.clone(), name: camera.name.clone() }).collect()
}

/// Returns the incident if it is open and this operator works on it.
pub(super) fn holds(app: &App, account: &UserId, id: IncidentId) -> Option<Arc<Current>> {
    let of = |current: &Arc<Current>| matches!(&current.incident.assignee, Some(Actor::Operator { id, .. }) if id == account);
    app.engine.view().by_id(id).filter(|current| is_open(current) && of(current))
}

/// Returns the open incident if this operator works on it.
fn held(app: &App, signed_in: &SignedIn, id: IncidentId) -> Result<Arc<Current>, ApiError> {
    let current = app.engine.view().by_id(id).filter(|current| is_open(current)).ok_or_else(ApiError::not_found)?;
    match &current.incident.assignee {
        Some(by) if *by == actor(signed_in) => Ok(current),
        Some(_) => Err(ApiError::new(Code::NotAllowed, "Somebody else works on this incident.")),
        None => Err(ApiError::new(Code::NotAllowed, "Take the incident first.")),
    }
}

async fn give(app: &App, id: IncidentId, command: Command) -> Result<Json<Incident>, ApiError> {
    let answer = app.engine.give(id, command).await?;
    match answer.refusal {
        Some(refusal) => Err(refusal.into()),
        None => Ok(Json(app.present_incident_to(&answer.current, Audience::Center))),
    }
}

/// Claims an incident, so that nobody else works on it.
#[utoipa::path(post, path = "/api/v1/center/incidents/{id}/claim", tag = "center", params(("id" = String, Path)), responses((status = 200, body = Incident), Problems))]
pub async fn claim(
    State(app): State<Arc<App>>,
    Operator(signed_in): Operator,
    PathId(id): PathId<IncidentId>,
) -> Result<Json<Incident>, ApiError> {
    app.engine.view().by_id(id).filter(|current| is_open(current)).ok_or_else(ApiError::not_found)?;
    app.operators.sees(&signed_in.account, app.clock.now());
    give(&app, id, Command::Claim { by: actor(&signed_in) }).await
}

/// Releases an incident. A supervisor can also release an incident of another operator.
#[utoipa::path(post, path = "/api/v1/center/incidents/{id}/release", tag = "center", params(("id" = String, Path)), responses((status = 200, body = Incident), Problems))]
pub async fn release(
    State(app): State<Arc<App>>,
    Operator(signed_in): Operator,
    PathId(id): PathId<IncidentId>,
) -> Result<Json<Incident>, ApiError> {
    let leads = app.reads.center_role(&signed_in.account.id).await?.is_some_and(|role| role.may(CenterAction::Lead));
    let current = if leads {
        app.engine.view().by_id(id).filter(|current| is_open(current)).ok_or_else(ApiError::not_found)?
    } else {
        held(&app, &signed_in, id)?
    };
    match current.incident.assignee.clone() {
        Some(from) => give(&app, id, Command::Release { by: actor(&signed_in), from }).await,
        None => Ok(Json(app.present_incident_to(&current, Audience::Center))),
    }
}

/// Assigns an incident to an operator who has the console open, even if another operator works on it.
#[utoipa::path(post, path = "/api/v1/center/incidents/{id}/assign", tag = "center", params(("id" = String, Path)), request_body = Assign, responses((status = 200, body = Incident), Problems))]
pub async fn assign(
    State(app): State<Arc<App>>,
    Supervisor(signed_in): Supervisor,
    PathId(id): PathId<IncidentId>,
    Body(Assign { to }): Body<Assign>,
) -> Result<Json<Incident>, ApiError> {
    let current = app.engine.view().by_id(id).filter(|current| is_open(current)).ok_or_else(ApiError::not_found)?;
    let there = app.operators.on_duty(app.clock.now()).into_iter().find(|person| person.id == to);
    let there = there.ok_or_else(|| ApiError::field("to", "Nobody of that name has the console open."))?;
    let to = Actor::Operator { id: there.id, name: there.name };
    give(&app, id, Command::Assign { by: actor(&signed_in), to, from: current.incident.assignee.clone() }).await
}

/// Reports the outcome of the call to the first contact.
/// The answer to a wrong password is the same as to a call without one: carry on (R16).
#[utoipa::path(post, path = "/api/v1/center/incidents/{id}/call", tag = "center", params(("id" = String, Path)), request_body = Called, responses((status = 200, body = Heard), Problems))]
pub async fn called(
    State(app): State<Arc<App>>,
    Operator(signed_in): Operator,
    PathId(id): PathId<IncidentId>,
    Body(Called { outcome, verbal_password }): Body<Called>,
) -> Result<Json<Heard>, ApiError> {
    let current = held(&app, &signed_in, id)?;
    let first = current.incident.calls.iter().find(|call| call.purpose == Purpose::Verify);
    let call = first.filter(|call| !matches!(call.state, CallState::Ended(_))).map(|call| call.id);
    let call = call.ok_or_else(|| ApiError::new(Code::CallOver, "This call is over: carry on."))?;
    let step = match outcome {
        CalledOutcome::Confirmed => CallStep::Confirm,
        CalledOutcome::CalledOff => {
            CallStep::Cancel { authenticated: phone::is_authenticated(&app, &current, call, &verbal_password).await? }
        }
        CalledOutcome::NoAnswer => CallStep::NotReached(NotReached::NoAnswer),
        CalledOutcome::Voicemail => CallStep::NotReached(NotReached::Voicemail),
        CalledOutcome::Busy => CallStep::NotReached(NotReached::Busy),
        CalledOutcome::Failed => CallStep::NotReached(NotReached::Failed),
        CalledOutcome::HungUp => CallStep::HangUp,
    };
    if outcome == CalledOutcome::HungUp {
        app.engine.give(id, Command::Call { call, step: CallStep::Answer }).await?;
    }
    let answer = app.engine.give(id, Command::Call { call, step }).await?;
    answer.refusal.map_or(Ok(()), |refusal| Err(ApiError::from(refusal)))?;
    Ok(Json(Heard { accepted: matches!(answer.current.incident.state, Stands::Cancelled) }))
}

/// Reports the progress of a service.
#[utoipa::path(post, path = "/api/v1/center/incidents/{id}/dispatches/{service}", tag = "center", params(("id" = String, Path), ("service" = String, Path)), request_body = Moved, responses((status = 200, body = Incident), Problems))]
pub async fn moved(
    State(app): State<Arc<App>>,
    Operator(signed_in): Operator,
    PathId(id): PathId<IncidentId>,
    ResourceId(service): ResourceId<String>,
    Body(Moved { state, reference }): Body<Moved>,
) -> Result<Json<Incident>, ApiError> {
    held(&app, &signed_in, id)?;
    let service = match service.as_str() {
        "police" => Service::Police,
        "fire" => Service::Fire,
        "medical" => Service::Medical,
        _ => return Err(ApiError::not_found()),
    };
    let reference = line("reference", &reference, REFERENCE_MOST)?;
    give(&app, id, Command::Dispatch { service, state, reference: Some(reference).filter(|text| !text.is_empty()) }).await
}

/// Adds a note to the record of an incident.
#[utoipa::path(post, path = "/api/v1/center/incidents/{id}/note", tag = "center", params(("id" = String, Path)), request_body = NewNote, responses((status = 200, body = Incident), Problems))]
pub async fn note(
    State(app): State<Arc<App>>,
    Operator(signed_in): Operator,
    PathId(id): PathId<IncidentId>,
    Body(NewNote { text }): Body<NewNote>,
) -> Result<Json<Incident>, ApiError> {
    held(&app, &signed_in, id)?;
    let text = line("text", &text, NOTE_MOST)?;
    if text.is_empty() {
        return Err(ApiError::field("text", "Write something."));
    }
    give(&app, id, Command::Note { by: actor(&signed_in), text }).await
}

/// Closes an incident for which help was requested.
#[utoipa::path(post, path = "/api/v1/center/incidents/{id}/close", tag = "center", params(("id" = String, Path)), request_body = Closing, responses((status = 200, body = Incident), Problems))]
pub async fn close(
    State(app): State<Arc<App>>,
    Operator(signed_in): Operator,
    PathId(id): PathId<IncidentId>,
    Body(Closing { disposition, note }): Body<Closing>,
) -> Result<Json<Incident>, ApiError> {
    let current = held(&app, &signed_in, id)?;
    if !matches!(current.incident.state, Stands::Dispatching) {
        // Before help was requested, only the first contact can prevent it (I5).
        return Err(ApiError::new(Code::NotAllowed, "It can be closed once help was requested."));
    }
    let text = line("note", &note, NOTE_MOST)?;
    if !text.is_empty() {
        give(&app, id, Command::Note { by: actor(&signed_in), text }).await.map(drop)?;
    }
    let disposition = match disposition {
        Ended::HelpGiven => Disposition::HelpGiven,
        Ended::FalseAlarm => Disposition::FalseAlarm,
        Ended::Other => Disposition::ClosedByCenter,
    };
    give(&app, id, Command::Close { by: actor(&signed_in), disposition }).await
}

/// Makes a text one line for the record.
fn line(field: &str, text: &str, most: usize) -> Result<String, ApiError> {
    let text = text.trim();
    if text.chars().count() > most {
        return Err(ApiError::field(field, "That is too long."));
    }
    Ok(text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect())
}
