//! The console of the monitoring center: what waits, and what whoever works on it says. Nobody else says it: two never work on one.

use super::{
    answer::{Problems, Refused},
    extract::{Body, Named, Operator, Part, SignedIn, Supervisor},
    phone,
};
use crate::{
    api::{
        center::{
            Assign, Called, CalledOutcome, Case, Closing, Ended, Heard, Moved, NewNote, QuarantinedCase, Queue, Reach, Shown, Step, Whole,
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

/// How long a console waits for something new before it is told that there is nothing: less than its app waits for any answer.
const WAITS: Duration = Duration::from_secs(3);
/// The longest note, characters.
const NOTE_MOST: usize = 500;
/// The longest number of an agency, characters.
const REFERENCE_MOST: usize = 60;

/// What the console has seen.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct Seen {
    /// The version that it was told last: the answer waits for another one, for up to 3 s. What is none has not been seen.
    seen: Option<String>,
}

/// Whether the center has to do with it: people work there, or it was found late. Practice never reaches them (I18).
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

/// What waits, and who is there. It is told at once, or when it is not what was seen any more.
#[utoipa::path(get, path = "/api/v1/center/incidents", tag = "center", params(Seen), responses((status = 200, body = Queue), Problems))]
pub async fn queue(
    State(app): State<Arc<App>>,
    Operator(signed_in): Operator,
    seen: Result<Query<Seen>, QueryRejection>,
) -> Result<Json<Queue>, Refused> {
    let Query(Seen { seen }) = seen.map_err(|_| Refused::field("seen", "Name one version."))?;
    let seen = seen.and_then(|seen| seen.parse().ok());
    // A held device may look. Whoever only looks is nobody who could take an incident (R23).
    if signed_in.is_free(&app).is_ok() {
        app.desk.sees(&signed_in.account, app.clock.now());
    }
    let mut version = app.hub.center_version();
    if seen == Some(*version.borrow_and_update()) {
        let mut stop = app.stop.clone();
        tokio::select! {
            _ = version.changed() => {}
            _ = stop.wait_for(|stop| *stop) => {}
            () = tokio::time::sleep(WAITS) => {}
        }
    }
    // Whoever was sent away meanwhile sees nothing more.
    let Some(role) = app.reads.center_role(&signed_in.account.id).await? else { return Err(Refused::not_found()) };
    let (version, now) = (*app.hub.center_version().borrow(), app.clock.now());
    let mut open: Vec<_> = app.engine.view().running().into_iter().filter(|current| is_open(current)).collect();
    open.sort_by_key(|current| (Reverse(urgency(current)), current.incident.deadline));
    let cases = open.iter().map(|current| case(&app, current, &signed_in, role)).collect();
    Ok(Json(Queue { version, cases, quarantined: quarantined(&app), on_duty: app.desk.on_duty(now), server_time: now }))
}

/// Life first: whoever cannot breathe waits for nobody.
fn urgency(current: &Current) -> u8 {
    let rank = |service: &Service| match service {
        Service::Medical => 3,
        Service::Fire => 2,
        Service::Police => 1,
    };
    current.incident.services().iter().map(rank).max().unwrap_or_default()
}

fn case(app: &App, current: &Arc<Current>, signed_in: &SignedIn, role: CenterRole) -> Case {
    let incident = &current.incident;
    let home = app.homes.get(&incident.home);
    let mine = incident.holder.as_ref() == Some(&actor(signed_in));
    let shown = mine || matches!(incident.state, Stands::UnderReview) || role.may(CenterAction::Lead);
    let whole = || {
        Box::new(Whole {
            home: home.as_deref().map_or_else(|| facts_of(incident), HomeFacts::of),
            incident: app.tell_incident_to(current, Audience::Center),
            contacts: incident.snapshot.contacts.iter().map(reach).collect(),
            notes: incident.snapshot.notes.clone(),
            cameras: home.as_deref().filter(|_| mine).map(|home| cameras(app, home)).unwrap_or_default(),
            password_required: incident.snapshot.password_required,
            step: step(current),
        })
    };
    Case {
        id: incident.id,
        home: incident.snapshot.home_name.clone(),
        services: incident.services(),
        quiet: incident.quiet,
        repeats: u32::try_from(incident.repeats).unwrap_or(u32::MAX),
        state: Stage::from(&incident.state),
        since: incident.deadline,
        holder: incident.holder.as_ref().map(|by| by.name().into()),
        mine,
        unclaimed: current.history.iter().any(|fact| fact.event == Event::Unclaimed) && incident.holder.is_none(),
        whole: shown.then(whole),
    }
}

/// A home that cannot be read, as it was when the incident began.
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

/// The cameras that may be looked at: those that may raise an SOS, and have a picture.
fn cameras(app: &App, home: &Home) -> Vec<Shown> {
    let all = home.cameras.iter().filter(|camera| camera.sos_compatible && app.cameras.has_stream(camera));
    all.map(|camera| Shown { id: camera.id.clone(), name: camera.name.clone() }).collect()
}

/// Whether this person works on that incident, and it is open.
pub(super) fn holds(app: &App, account: &UserId, id: IncidentId) -> Option<Arc<Current>> {
    let of = |current: &Arc<Current>| matches!(&current.incident.holder, Some(Actor::Operator { id, .. }) if id == account);
    app.engine.view().by_id(id).filter(|current| is_open(current) && of(current))
}

/// An open incident that this person works on.
fn held(app: &App, signed_in: &SignedIn, id: IncidentId) -> Result<Arc<Current>, Refused> {
    let current = app.engine.view().by_id(id).filter(|current| is_open(current)).ok_or_else(Refused::not_found)?;
    match &current.incident.holder {
        Some(by) if *by == actor(signed_in) => Ok(current),
        Some(_) => Err(Refused::new(Code::NotAllowed, "Somebody else works on this incident.")),
        None => Err(Refused::new(Code::NotAllowed, "Take the incident first.")),
    }
}

async fn give(app: &App, id: IncidentId, command: Command) -> Result<Json<Incident>, Refused> {
    let answer = app.engine.give(id, command).await?;
    match answer.refusal {
        Some(refusal) => Err(refusal.into()),
        None => Ok(Json(app.tell_incident_to(&answer.current, Audience::Center))),
    }
}

/// Takes an incident: nobody else works on it then.
#[utoipa::path(post, path = "/api/v1/center/incidents/{id}/claim", tag = "center", params(("id" = String, Path)), responses((status = 200, body = Incident), Problems))]
pub async fn claim(
    State(app): State<Arc<App>>,
    Operator(signed_in): Operator,
    Named(id): Named<IncidentId>,
) -> Result<Json<Incident>, Refused> {
    app.engine.view().by_id(id).filter(|current| is_open(current)).ok_or_else(Refused::not_found)?;
    app.desk.sees(&signed_in.account, app.clock.now());
    give(&app, id, Command::Claim { by: actor(&signed_in) }).await
}

/// Gives an incident back; a supervisor also somebody else's.
#[utoipa::path(post, path = "/api/v1/center/incidents/{id}/release", tag = "center", params(("id" = String, Path)), responses((status = 200, body = Incident), Problems))]
pub async fn release(
    State(app): State<Arc<App>>,
    Operator(signed_in): Operator,
    Named(id): Named<IncidentId>,
) -> Result<Json<Incident>, Refused> {
    let leads = app.reads.center_role(&signed_in.account.id).await?.is_some_and(|role| role.may(CenterAction::Lead));
    let current = if leads {
        app.engine.view().by_id(id).filter(|current| is_open(current)).ok_or_else(Refused::not_found)?
    } else {
        held(&app, &signed_in, id)?
    };
    match current.incident.holder.clone() {
        Some(from) => give(&app, id, Command::Release { by: actor(&signed_in), from }).await,
        None => Ok(Json(app.tell_incident_to(&current, Audience::Center))),
    }
}

/// Gives an incident to somebody who has the console open, whoever works on it.
#[utoipa::path(post, path = "/api/v1/center/incidents/{id}/assign", tag = "center", params(("id" = String, Path)), request_body = Assign, responses((status = 200, body = Incident), Problems))]
pub async fn assign(
    State(app): State<Arc<App>>,
    Supervisor(signed_in): Supervisor,
    Named(id): Named<IncidentId>,
    Body(Assign { to }): Body<Assign>,
) -> Result<Json<Incident>, Refused> {
    let current = app.engine.view().by_id(id).filter(|current| is_open(current)).ok_or_else(Refused::not_found)?;
    let there = app.desk.on_duty(app.clock.now()).into_iter().find(|person| person.id == to);
    let there = there.ok_or_else(|| Refused::field("to", "Nobody of that name has the console open."))?;
    let to = Actor::Operator { id: there.id, name: there.name };
    give(&app, id, Command::Assign { by: actor(&signed_in), to, from: current.incident.holder.clone() }).await
}

/// Says how the call to the first contact went. A wrong password is answered like no password: carry on (R16).
#[utoipa::path(post, path = "/api/v1/center/incidents/{id}/call", tag = "center", params(("id" = String, Path)), request_body = Called, responses((status = 200, body = Heard), Problems))]
pub async fn called(
    State(app): State<Arc<App>>,
    Operator(signed_in): Operator,
    Named(id): Named<IncidentId>,
    Body(Called { outcome, verbal_password }): Body<Called>,
) -> Result<Json<Heard>, Refused> {
    let current = held(&app, &signed_in, id)?;
    let first = current.incident.calls.iter().find(|call| call.purpose == Purpose::Verify);
    let call = first.filter(|call| !matches!(call.state, CallState::Ended(_))).map(|call| call.id);
    let call = call.ok_or_else(|| Refused::new(Code::CallOver, "This call is over: carry on."))?;
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
    answer.refusal.map_or(Ok(()), |refusal| Err(Refused::from(refusal)))?;
    Ok(Json(Heard { accepted: matches!(answer.current.incident.state, Stands::Cancelled) }))
}

/// Says how far a service has come.
#[utoipa::path(post, path = "/api/v1/center/incidents/{id}/dispatches/{service}", tag = "center", params(("id" = String, Path), ("service" = String, Path)), request_body = Moved, responses((status = 200, body = Incident), Problems))]
pub async fn moved(
    State(app): State<Arc<App>>,
    Operator(signed_in): Operator,
    Named(id): Named<IncidentId>,
    Part(service): Part<String>,
    Body(Moved { state, reference }): Body<Moved>,
) -> Result<Json<Incident>, Refused> {
    held(&app, &signed_in, id)?;
    let service = match service.as_str() {
        "police" => Service::Police,
        "fire" => Service::Fire,
        "medical" => Service::Medical,
        _ => return Err(Refused::not_found()),
    };
    let reference = line("reference", &reference, REFERENCE_MOST)?;
    give(&app, id, Command::Dispatch { service, state, reference: Some(reference).filter(|text| !text.is_empty()) }).await
}

/// Adds to the record.
#[utoipa::path(post, path = "/api/v1/center/incidents/{id}/note", tag = "center", params(("id" = String, Path)), request_body = NewNote, responses((status = 200, body = Incident), Problems))]
pub async fn note(
    State(app): State<Arc<App>>,
    Operator(signed_in): Operator,
    Named(id): Named<IncidentId>,
    Body(NewNote { text }): Body<NewNote>,
) -> Result<Json<Incident>, Refused> {
    held(&app, &signed_in, id)?;
    let text = line("text", &text, NOTE_MOST)?;
    if text.is_empty() {
        return Err(Refused::field("text", "Write something."));
    }
    give(&app, id, Command::Note { by: actor(&signed_in), text }).await
}

/// Closes an incident for which help was requested.
#[utoipa::path(post, path = "/api/v1/center/incidents/{id}/close", tag = "center", params(("id" = String, Path)), request_body = Closing, responses((status = 200, body = Incident), Problems))]
pub async fn close(
    State(app): State<Arc<App>>,
    Operator(signed_in): Operator,
    Named(id): Named<IncidentId>,
    Body(Closing { disposition, note }): Body<Closing>,
) -> Result<Json<Incident>, Refused> {
    let current = held(&app, &signed_in, id)?;
    if !matches!(current.incident.state, Stands::Dispatching) {
        // Before help was requested nobody but the first contact may prevent it (I5).
        return Err(Refused::new(Code::NotAllowed, "It can be closed once help was requested."));
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

/// One line for the record.
fn line(field: &str, text: &str, most: usize) -> Result<String, Refused> {
    let text = text.trim();
    if text.chars().count() > most {
        return Err(Refused::field(field, "That is too long."));
    }
    Ok(text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect())
}
