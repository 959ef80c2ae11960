//! The console of the monitoring center: the queue, and the reports of the operator who works on an
//! incident. A report of anybody else is refused in the same decision
//! ([`Command::ByAssignee`]), also if that operator was relieved while the report was on its way.

use super::{
    errors::{ApiError, Problems},
    extract::{Body, Operator, PathId, ResourceId, SeenByAuthor, SeenQuery, SignedIn, Supervisor},
    incidents::Steering,
    phone::CallPasswords,
};
use crate::{
    api::{
        center::{
            Assign, CallResult, Called, CalledOutcome, Closing, Ended, IncidentDetail, Moved,
            NewNote, QuarantinedIncident, Queue, QueueItem, Reach, Step, WatchableCamera,
        },
        heard::Heard,
        home::HomeFacts,
        incident::{Incident, Stage},
        problem::Code,
    },
    domain::{
        access::{CenterAction, CenterRole},
        contact::Contact,
        home::{Home, ResponderNotes},
        id::{IncidentId, UserId},
        incident::{
            self as domain, Actor, CallState, CenterMode, DispatchState, Disposition, Mode,
            Purpose, Service, Snapshot, State as Stands,
            command::{CallStep, Command, NotReached, OperatorReport},
            disclosure::Audience,
            event::Event,
        },
    },
    server::{
        cameras::Cameras,
        clock::Clock,
        engine::{Current, Engine},
        homes::Homes,
        live_events::LiveEvents,
        monitoring::presence::OperatorPresence,
        snapshots::Snapshots,
        state::{AppState, handles},
        store::{Quarantined, Reads},
    },
};
use axum::{
    Json,
    extract::{Query, State, rejection::QueryRejection},
};
use serde::Deserialize;
use std::{cmp::Reverse, ops::Range, sync::Arc, time::Duration};
use tokio::sync::watch;
use utoipa_axum::{router::OpenApiRouter, routes};

/// How long a request for the queue waits for a new version. This is shorter than the time that the
/// app waits for any answer.
const WAITS: Duration = Duration::from_secs(3);
/// The longest note, characters.
const NOTE_MOST: usize = 500;
/// The longest reference number of an agency, characters.
const REFERENCE_MOST: usize = 60;

/// The routes of the console.
pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(queue))
        .routes(routes!(claim))
        .routes(routes!(release))
        .routes(routes!(called))
        .routes(routes!(moved))
        .routes(routes!(note))
        .routes(routes!(close))
        .routes(routes!(assign))
}

handles! {
    /// Shows the queue.
    pub struct Board {
        engine: Engine,
        homes: Arc<Homes>,
        cameras: Arc<Cameras>,
        snapshots: Arc<Snapshots>,
        operators: Arc<OperatorPresence>,
        live_events: Arc<LiveEvents>,
        reads: Arc<dyn Reads>,
        clock: Arc<Clock>,
        stop: watch::Receiver<bool>,
    }
}

/// The version that the console has.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct Seen {
    /// The version of the last answer. The answer then waits for another version, for up to 3 s. A
    /// value that is not a version is ignored.
    seen: Option<String>,
}

/// The most incidents whose details an answer shows for the first time. Each is recorded, and the next
/// answer shows the next ones: after an outage, hundreds of incidents may wait for a review.
const SHOWN_AT_ONCE: usize = 20;

/// Whether the center handles the incident: the center has operators, or the incident was found
/// late. A drill never reaches them (I18).
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
#[utoipa::path(
    get,
    path = "/api/v1/center/incidents",
    tag = "center",
    params(Seen),
    responses((status = 200, body = Queue), Problems),
)]
pub async fn queue(
    State(board): State<Board>,
    Operator(signed_in): Operator,
    seen: Result<Query<Seen>, QueryRejection>,
) -> Result<Json<Queue>, ApiError> {
    let Query(Seen { seen }) = seen.map_err(|_| ApiError::field("seen", "Name one version."))?;
    let seen = seen.and_then(|seen| seen.parse().ok());
    // A restricted device may view the queue. It does not count as being on duty, because it could
    // not claim an incident (R23).
    if !signed_in.is_restricted() {
        board.operators.sees(&signed_in.account, board.clock.now());
    }
    let mut version = board.live_events.center_version();
    if seen == Some(*version.borrow_and_update()) {
        let mut stop = board.stop.clone();
        tokio::select! {
            _ = version.changed() => {}
            _ = stop.wait_for(|stop| *stop) => {}
            () = tokio::time::sleep(WAITS) => {}
        }
    }
    // The operator may have lost the role in the meantime.
    let Some(role) = board.reads.center_role(&signed_in.account.id).await? else {
        return Err(ApiError::not_found());
    };
    let (version, now) = (*board.live_events.center_version().borrow(), board.clock.now());
    let mut open: Vec<_> =
        board.engine.view().running().into_iter().filter(|current| is_open(current)).collect();
    open.sort_by_key(|current| (Reverse(urgency(current)), current.incident.deadline));
    let mut unrecorded = 0..SHOWN_AT_ONCE;
    let items =
        open.iter().map(|current| board.item(current, &signed_in, role, &mut unrecorded)).collect();
    Ok(Json(Queue {
        version,
        items,
        quarantined: board.quarantined(!signed_in.is_restricted()),
        present: board.operators.present(now),
        server_time: now,
    }))
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

impl Board {
    /// `unrecorded` has an element for each incident whose details may still be shown for the first
    /// time.
    fn item(
        &self,
        current: &Arc<Current>,
        signed_in: &SignedIn,
        role: CenterRole,
        unrecorded: &mut Range<usize>,
    ) -> QueueItem {
        let incident = &current.incident;
        let home = self.homes.get(&incident.home);
        // A restricted device sees what waits, and no home, because it can do nothing there.
        let free = !signed_in.is_restricted();
        let by = actor(signed_in);
        let mine = free && incident.assignee.as_ref() == Some(&by);
        let is_for_all = matches!(incident.state, Stands::UnderReview);
        let may_look = free && (is_for_all || role.may(CenterAction::Lead));
        let is_recorded = incident.shown_to.contains(&by);
        let shown = mine || may_look && (is_recorded || unrecorded.next().is_some());
        if shown && !is_recorded {
            // Nobody waits for that: the record changes the version of the queue, and the next answer
            // has the notes, too.
            let engine = self.engine.on_behalf_of(signed_in.session.token);
            engine.tell(incident.id, Command::Shown { by });
        }
        let detail = || {
            Box::new(IncidentDetail {
                home: home.as_deref().map_or_else(|| facts_of(incident), HomeFacts::of),
                incident: self.snapshots.present_incident_to(current, Audience::Center),
                contacts: incident.snapshot.contacts.iter().map(reach).collect(),
                former_first: incident.snapshot.former_first.as_ref().map(reach),
                recent_changes: incident.snapshot.recent_changes.iter().map(Into::into).collect(),
                notes: match is_recorded {
                    true => incident.snapshot.notes.clone(),
                    false => ResponderNotes::default(),
                },
                cameras: home
                    .as_deref()
                    .filter(|_| mine)
                    .map(|home| self.cameras(home))
                    .unwrap_or_default(),
                password_required: incident.snapshot.password_required,
                step: step(current),
            })
        };
        QueueItem {
            id: incident.id,
            home: incident.snapshot.home_name.clone(),
            services: Heard::all(incident.services()),
            quiet: incident.quiet.map(Into::into),
            repeats: u32::try_from(incident.repeats).unwrap_or(u32::MAX),
            state: Stage::from(&incident.state),
            since: incident.deadline,
            assignee: incident.assignee.as_ref().map(|by| by.name().into()),
            mine,
            unclaimed: current
                .history
                .iter()
                .any(|fact| matches!(fact.event, Event::Unclaimed { .. }))
                && incident.assignee.is_none(),
            detail: shown.then(detail),
        }
    }

    /// The incidents that the engine does not advance, the oldest first.
    fn quarantined(&self, free: bool) -> Vec<QuarantinedIncident> {
        let case = |Quarantined { incident: id, home, quiet, since, .. }: Quarantined| {
            let known = home.parse().ok().and_then(|id| self.homes.get(&id));
            // Nobody calls by itself, so operators see whom to call. A restricted device may be a stranger's.
            let shown = known.as_ref().filter(|_| free);
            let contacts = shown.iter().flat_map(|home| home.contacts.iter().map(reach)).collect();
            let address = shown.and_then(|home| home.address.clone());
            QuarantinedIncident {
                id,
                home: known.map_or(home, |home| home.name.clone()),
                quiet,
                since,
                address,
                contacts,
            }
        };
        let mut all: Vec<_> = self.engine.view().quarantined().into_iter().map(case).collect();
        all.sort_by_key(|case| case.since);
        all
    }

    /// The cameras that the center may watch: those that may raise an SOS and have a stream.
    fn cameras(&self, home: &Home) -> Vec<WatchableCamera> {
        let all = home
            .cameras
            .iter()
            .filter(|camera| camera.sos_compatible && self.cameras.has_stream(camera));
        all.map(|camera| WatchableCamera { id: camera.id.clone(), name: camera.name.clone() })
            .collect()
    }
}

/// The facts of a home that cannot be read, as they were when the incident began.
fn facts_of(incident: &domain::Incident) -> HomeFacts {
    let Snapshot { home_name, address, .. } = &*incident.snapshot;
    HomeFacts {
        id: incident.home.clone(),
        name: home_name.clone(),
        time_zone: "UTC".into(),
        address: address.clone(),
    }
}

fn reach(contact: &Contact) -> Reach {
    Reach { name: contact.name.clone(), phone: contact.phone.clone() }
}

fn step(current: &Current) -> Step {
    match &current.incident.state {
        Stands::UnderReview => Step::Decide,
        Stands::Verifying(_) => Step::CallFirst,
        _ if current
            .incident
            .dispatches
            .iter()
            .any(|d| matches!(d.state, DispatchState::Requested | DispatchState::Rejected)) =>
        {
            Step::Dispatch
        }
        _ => Step::Follow,
    }
}

/// Returns the incident if it is open and this operator works on it.
pub(super) fn holds(engine: &Engine, account: &UserId, id: IncidentId) -> Option<Arc<Current>> {
    let of = |current: &Arc<Current>| matches!(&current.incident.assignee, Some(Actor::Operator { id, .. }) if id == account);
    engine.view().by_id(id).filter(|current| is_open(current) && of(current))
}

/// Returns the incident if it is open.
fn open(engine: &Engine, id: IncidentId) -> Result<Arc<Current>, ApiError> {
    engine.view().by_id(id).filter(|current| is_open(current)).ok_or_else(ApiError::not_found)
}

fn reported(signed_in: &SignedIn, report: OperatorReport) -> Command {
    Command::ByAssignee { by: actor(signed_in), report }
}

/// Returns the open incident if this operator works on it now. A report may still be refused later,
/// by the decision on it.
fn assigned(
    engine: &Engine,
    signed_in: &SignedIn,
    id: IncidentId,
) -> Result<Arc<Current>, ApiError> {
    let current = open(engine, id)?;
    match &current.incident.assignee {
        Some(by) if *by == actor(signed_in) => Ok(current),
        Some(_) => Err(ApiError::new(Code::NotAllowed, "Somebody else works on this incident.")),
        None => Err(ApiError::new(Code::NotAllowed, "Take the incident first.")),
    }
}

/// Claims an incident, so that nobody else works on it.
#[utoipa::path(
    post,
    path = "/api/v1/center/incidents/{id}/claim",
    tag = "center",
    params(("id" = String, Path)),
    responses((status = 200, body = Incident), Problems),
)]
pub async fn claim(
    State(steering): State<Steering>,
    State(operators): State<Arc<OperatorPresence>>,
    State(clock): State<Arc<Clock>>,
    Operator(signed_in): Operator,
    PathId(id): PathId<IncidentId>,
) -> Result<Json<Incident>, ApiError> {
    open(&steering.engine, id)?;
    operators.sees(&signed_in.account, clock.now());
    steering
        .give(&signed_in.session, id, Command::Claim { by: actor(&signed_in) }, Audience::Center)
        .await
}

/// Releases an incident. A supervisor can also release an incident of another operator.
#[utoipa::path(
    post,
    path = "/api/v1/center/incidents/{id}/release",
    tag = "center",
    params(("id" = String, Path)),
    responses((status = 200, body = Incident), Problems),
)]
pub async fn release(
    State(steering): State<Steering>,
    State(reads): State<Arc<dyn Reads>>,
    Operator(signed_in): Operator,
    PathId(id): PathId<IncidentId>,
) -> Result<Json<Incident>, ApiError> {
    let leads = reads
        .center_role(&signed_in.account.id)
        .await?
        .is_some_and(|role| role.may(CenterAction::Lead));
    let current = if leads {
        open(&steering.engine, id)?
    } else {
        assigned(&steering.engine, &signed_in, id)?
    };
    match current.incident.assignee.clone() {
        Some(from) => {
            steering
                .give(
                    &signed_in.session,
                    id,
                    Command::Release { by: actor(&signed_in), from },
                    Audience::Center,
                )
                .await
        }
        None => Ok(Json(steering.snapshots.present_incident_to(&current, Audience::Center))),
    }
}

/// Assigns an incident to an operator who has the console open, even if another operator works on
/// it.
#[utoipa::path(
    post,
    path = "/api/v1/center/incidents/{id}/assign",
    tag = "center",
    params(("id" = String, Path)),
    request_body = Assign,
    responses((status = 200, body = Incident), Problems),
)]
pub async fn assign(
    State(steering): State<Steering>,
    State(operators): State<Arc<OperatorPresence>>,
    State(clock): State<Arc<Clock>>,
    Supervisor(signed_in): Supervisor,
    PathId(id): PathId<IncidentId>,
    Body(Assign { to }): Body<Assign>,
) -> Result<Json<Incident>, ApiError> {
    let current = open(&steering.engine, id)?;
    let there = operators.present(clock.now()).into_iter().find(|person| person.id == to);
    let there =
        there.ok_or_else(|| ApiError::field("to", "Nobody of that name has the console open."))?;
    let to = Actor::Operator { id: there.id, name: there.name };
    steering
        .give(
            &signed_in.session,
            id,
            Command::Assign { by: actor(&signed_in), to, from: current.incident.assignee.clone() },
            Audience::Center,
        )
        .await
}

/// Reports the outcome of the call to the first contact.
/// The answer to a wrong password is the same as to a call without one: carry on (R16).
#[utoipa::path(
    post,
    path = "/api/v1/center/incidents/{id}/call",
    tag = "center",
    params(("id" = String, Path), SeenQuery),
    request_body = Called,
    responses((status = 200, body = CallResult), Problems),
)]
pub async fn called(
    State(steering): State<Steering>,
    State(passwords): State<CallPasswords>,
    Operator(signed_in): Operator,
    PathId(id): PathId<IncidentId>,
    SeenByAuthor(seen): SeenByAuthor,
    Body(Called { outcome, verbal_password }): Body<Called>,
) -> Result<Json<CallResult>, ApiError> {
    let current = assigned(&steering.engine, &signed_in, id)?;
    let first = current.incident.calls.iter().find(|call| call.purpose == Purpose::Verify);
    let call = first.filter(|call| !matches!(call.state, CallState::Ended(_))).map(|call| call.id);
    let call = call.ok_or_else(|| ApiError::new(Code::CallOver, "This call is over: carry on."))?;
    let step = match outcome {
        CalledOutcome::Confirmed => CallStep::Confirm,
        CalledOutcome::CalledOff => CallStep::Cancel {
            authenticated: passwords.is_authenticated(&current, call, &verbal_password).await?,
            seen,
        },
        CalledOutcome::NoAnswer => CallStep::NotReached(NotReached::NoAnswer),
        CalledOutcome::Voicemail => CallStep::NotReached(NotReached::Voicemail),
        CalledOutcome::Busy => CallStep::NotReached(NotReached::Busy),
        CalledOutcome::Failed => CallStep::NotReached(NotReached::Failed),
        CalledOutcome::HungUp => CallStep::AnsweredAndHungUp,
        CalledOutcome::Answered => CallStep::Answer,
    };
    let report = reported(&signed_in, OperatorReport::Call { call, step });
    let engine = steering.engine.on_behalf_of(signed_in.session.token);
    let answer = engine.give(id, report).await?;
    answer.refusal.map_or(Ok(()), |refusal| Err(ApiError::from(refusal)))?;
    Ok(Json(CallResult { accepted: matches!(answer.current.incident.state, Stands::Cancelled) }))
}

/// Reports the progress of a service.
#[utoipa::path(
    post,
    path = "/api/v1/center/incidents/{id}/dispatches/{service}",
    tag = "center",
    params(("id" = String, Path), ("service" = String, Path), SeenQuery),
    request_body = Moved,
    responses((status = 200, body = Incident), Problems),
)]
pub async fn moved(
    State(steering): State<Steering>,
    Operator(signed_in): Operator,
    PathId(id): PathId<IncidentId>,
    ResourceId(service): ResourceId<String>,
    SeenByAuthor(seen): SeenByAuthor,
    Body(Moved { state, reference }): Body<Moved>,
) -> Result<Json<Incident>, ApiError> {
    assigned(&steering.engine, &signed_in, id)?;
    let service = match service.as_str() {
        "police" => Service::Police,
        "fire" => Service::Fire,
        "medical" => Service::Medical,
        _ => return Err(ApiError::not_found()),
    };
    let reference = line("reference", &reference, REFERENCE_MOST)?;
    let reference = Some(reference).filter(|text| !text.is_empty());
    let report = OperatorReport::Dispatch { seen, service, state, reference };
    steering.give(&signed_in.session, id, reported(&signed_in, report), Audience::Center).await
}

/// Adds a note to the record of an incident.
#[utoipa::path(
    post,
    path = "/api/v1/center/incidents/{id}/note",
    tag = "center",
    params(("id" = String, Path)),
    request_body = NewNote,
    responses((status = 200, body = Incident), Problems),
)]
pub async fn note(
    State(steering): State<Steering>,
    Operator(signed_in): Operator,
    PathId(id): PathId<IncidentId>,
    Body(NewNote { text }): Body<NewNote>,
) -> Result<Json<Incident>, ApiError> {
    assigned(&steering.engine, &signed_in, id)?;
    let text = line("text", &text, NOTE_MOST)?;
    if text.is_empty() {
        return Err(ApiError::field("text", "Write something."));
    }
    steering
        .give(
            &signed_in.session,
            id,
            reported(&signed_in, OperatorReport::Note { text }),
            Audience::Center,
        )
        .await
}

/// Closes an incident for which help was requested.
#[utoipa::path(
    post,
    path = "/api/v1/center/incidents/{id}/close",
    tag = "center",
    params(("id" = String, Path), SeenQuery),
    request_body = Closing,
    responses((status = 200, body = Incident), Problems),
)]
pub async fn close(
    State(steering): State<Steering>,
    Operator(signed_in): Operator,
    PathId(id): PathId<IncidentId>,
    SeenByAuthor(seen): SeenByAuthor,
    Body(Closing { disposition, note }): Body<Closing>,
) -> Result<Json<Incident>, ApiError> {
    let current = assigned(&steering.engine, &signed_in, id)?;
    if !matches!(current.incident.state, Stands::Dispatching) {
        // Before help was requested, only the first contact can prevent it (I5).
        return Err(ApiError::new(Code::NotAllowed, "It can be closed once help was requested."));
    }
    let note = Some(line("note", &note, NOTE_MOST)?).filter(|text| !text.is_empty());
    let disposition = match disposition {
        Ended::HelpGiven => Disposition::HelpGiven,
        Ended::FalseAlarm => Disposition::FalseAlarm,
        Ended::Other => Disposition::ClosedByCenter,
    };
    let report = OperatorReport::Close { seen, disposition, note };
    steering.give(&signed_in.session, id, reported(&signed_in, report), Audience::Center).await
}

/// Makes a text one line for the record.
pub(super) fn line(field: &str, text: &str, most: usize) -> Result<String, ApiError> {
    let text = text.trim();
    if text.chars().count() > most {
        return Err(ApiError::field(field, "That is too long."));
    }
    Ok(text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect())
}
