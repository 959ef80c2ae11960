//! Raising and controlling incidents.

use super::{
    console::line,
    errors::{ApiError, Problems},
    extract::{Body, IncidentControl, Member, OfIncident, ResourceId, SeenByAuthor, SeenQuery},
};
use crate::{
    api::{
        incident::{Incident, Raise as RaiseRequest, Withdrawal},
        problem::Code,
        review::{Decision, Review},
    },
    domain::{
        eligibility::{self, Reason},
        id::{HomeId, IncidentId},
        incident::{
            Actor, Mode, Policy, Snapshot, Source,
            command::{Command, Raise, Seen},
            decide::Refusal,
            disclosure::Audience,
        },
        time::Timestamp,
    },
    server::{
        cameras::{Cameras, Clips},
        engine::{Answer, Current, Denied, Engine, Withdraw},
        limits::Limits,
        presenters::readiness::missing,
        snapshots::Snapshots,
        state::{AppState, handles},
        store::{Changes, Reads, Session, StoreError},
        tasks::{compute, run_to_end, spawn_contained},
    },
};
use axum::{
    Json,
    extract::{Query, State, rejection::QueryRejection},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::sync::Arc;
use utoipa_axum::{router::OpenApiRouter, routes};

/// The most incidents in one answer.
const LIST_MOST: u32 = 100;

/// The longest note, characters.
const NOTE_MOST: usize = 500;

/// The routes of incidents.
pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(raise, list))
        .routes(routes!(withdraw))
        .routes(routes!(one))
        .routes(routes!(cancel))
        .routes(routes!(send_now))
        .routes(routes!(silence))
        .routes(routes!(end))
        .routes(routes!(review))
}

handles! {
    /// Raises incidents.
    pub struct Raising {
        engine: Engine,
        changes: Changes,
        snapshots: Arc<Snapshots>,
        cameras: Arc<Cameras>,
        clips: Arc<Clips>,
        /// The timers of new incidents.
        policy: Policy,
    }
}

impl Raising {
    /// Raises an incident, and records a clip if it comes from Live View. A phone that loses its
    /// network right after the press keeps its clip.
    async fn raise(
        &self,
        session: &Session,
        raise: Raise,
        fingerprint: [u8; 32],
    ) -> Result<Answer, ApiError> {
        let Self { cameras, clips, .. } = self.clone();
        let engine = self.engine.on_behalf_of(session.token);
        let raised = run_to_end("request for help", raise.id, async move {
            let answer = engine.raise(raise, fingerprint).await.map_err(|denied| match denied {
                Denied::Refused(Refusal::DeviceRestricted) => Reason::DeviceRestricted.into(),
                denied => ApiError::from(denied),
            })?;
            if answer.created
                && let Source::LiveView { camera } = &answer.current.incident.source
            {
                let (camera, current) = (camera.clone(), answer.current.clone());
                spawn_contained("clip", current.incident.id, async move {
                    clips.keep(&cameras, &camera, &current.incident).await
                });
            }
            Ok(answer)
        });
        raised.await.unwrap_or_else(|| Err(ApiError::internal()))
    }
}

handles! {
    /// Gives the commands of people to incidents.
    pub struct Steering {
        /// The incidents.
        pub engine: Engine,
        /// The budgets of what brings no help.
        pub changes: Changes,
        /// Presents them.
        pub snapshots: Arc<Snapshots>,
    }
}

impl Steering {
    /// Gives a command to an incident, and answers with the incident as the audience sees it.
    pub async fn give(
        &self,
        session: &Session,
        incident: IncidentId,
        command: Command,
        audience: Audience,
    ) -> Result<Json<Incident>, ApiError> {
        let engine = self.engine.on_behalf_of(session.token);
        let Answer { current, refusal, .. } = engine.give(incident, command).await?;
        refusal.map_or_else(
            || Ok(Json(self.snapshots.present_incident_to(&current, audience))),
            |refusal| Err(refusal.into()),
        )
    }

    async fn steer(&self, of: &OfIncident, command: Command) -> Result<Json<Incident>, ApiError> {
        let (session, until) = (&of.member.signed_in.session, of.member.restricted_until());
        let command = Command::of_device(until, command);
        self.give(session, of.current.incident.id, command, Audience::Home).await
    }
}

/// The command of a person who reviews an incident.
pub(super) fn decision(by: Actor, seen: Seen, asked: Review) -> Result<Command, ApiError> {
    let proceed = asked.decision == Decision::Proceed;
    let note = line("note", &asked.note, NOTE_MOST)?;
    Ok(Command::Review { by, seen, proceed, note })
}

/// Requests help. It has no rate limit, because a second request joins the first. Drills have one.
#[utoipa::path(post, path = "/api/v1/homes/{home}/incidents", tag = "incident", params(("home" = String, Path)), request_body = RaiseRequest, responses(
    (status = 201, description = "Begun", body = Incident),
    (status = 200, description = "The same request again, or joined the one that runs", body = Incident),
    Problems,
))]
pub async fn raise(
    State(raising): State<Raising>,
    member: Member,
    Body(asked): Body<RaiseRequest>,
) -> Result<(StatusCode, Json<Incident>), ApiError> {
    if asked.source == Source::Device {
        return Err(ApiError::new(
            Code::NotAllowed,
            "Only a device itself says that it was pressed.",
        ));
    }
    let running = raising.engine.view().running_in(&member.home.id);
    let running = running.as_ref().filter(|_| asked.mode == Mode::Live).map(|c| &c.incident);
    let (source, membership) = (&asked.source, member.membership);
    eligibility::request_beside(&member.home, source, asked.request, membership, running)?;
    if asked.sirens && asked.mode == Mode::Live {
        return Err(ApiError::field("sirens", "Only a drill chooses whether sirens sound."));
    }
    if !asked.call_contacts && asked.mode == Mode::Live {
        return Err(ApiError::field(
            "call_contacts",
            "Only a drill chooses whether contacts are called.",
        ));
    }
    let home = &member.home;
    if asked.mode == Mode::Drill {
        let is_restricted = member.restricted_until().is_some();
        raising.changes.charge_practice(&member.signed_in.account.id, is_restricted)?;
    }
    // Which request it renews is no part of what is asked for.
    let fingerprint = Sha256::digest(format!(
        "{} {:?} {:?} {:?} {} {}",
        home.id, asked.request, asked.mode, asked.source, asked.sirens, asked.call_contacts
    ))
    .into();
    let mut snapshot = Snapshot::of(home, raising.policy, raising.snapshots.clock.now());
    if !asked.call_contacts {
        snapshot.contacts.clear();
    }
    if asked.mode == Mode::Drill {
        snapshot.unready = missing(&raising.snapshots.ready(home));
    }
    let raise = Raise {
        id: asked.id,
        home: home.id.clone(),
        request: asked.request,
        mode: asked.mode,
        drill_sirens: asked.sirens,
        source: asked.source,
        by: member.actor(),
        after: asked.after,
        sent_at: Some(asked.sent_at),
        restricted_until: member.restricted_until(),
        quiet: None,
        home_incident: None,
        snapshot,
    };
    let session = &member.signed_in.session;
    let answer = raising.raise(session, raise, fingerprint).await?;
    let status = if answer.created { StatusCode::CREATED } else { StatusCode::OK };
    let mut incident = raising.snapshots.present_incident(&answer.current);
    incident.joined = answer.joined;
    Ok((status, Json(incident)))
}

/// Withdraws a request that was never acknowledged (I28). If it counts down, it is canceled like by
/// *Cancel Help*, but only this request: what anybody else asked for goes on. If it has not arrived,
/// a copy that arrives later begins nothing.
#[utoipa::path(
    delete,
    path = "/api/v1/homes/{home}/requests/{id}",
    tag = "incident",
    params(("home" = String, Path), ("id" = String, Path)),
    responses((status = 200, body = Withdrawal), Problems),
)]
pub async fn withdraw(
    State(steering): State<Steering>,
    member: Member,
    ResourceId(id): ResourceId<IncidentId>,
) -> Result<Json<Withdrawal>, ApiError> {
    member.may_steer()?;
    let engine = steering.engine.on_behalf_of(member.signed_in.session.token);
    let (by, until) = (member.actor(), member.restricted_until());
    let budget = steering.changes.charge_practice(&member.signed_in.account.id, until.is_some());
    let withdraw = Withdraw { id, home: member.home.id.clone(), may_be_kept: budget.is_ok() };
    let answer = engine.withdraw(withdraw, by, until).await?;
    if let Some(Answer { refusal: Some(Refusal::DeviceRestricted), .. }) = answer {
        return Err(Refusal::DeviceRestricted.into());
    }
    // Whether it was too late can be seen in the incident.
    let incident = answer.map(|answer| steering.snapshots.present_incident(&answer.current));
    Ok(Json(Withdrawal { incident }))
}

/// Selects a part of a home's history.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct Page {
    /// Only incidents that began before this.
    #[param(value_type = Option<String>)]
    before: Option<Timestamp>,
    /// The most incidents in the answer, 1 to 100.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
}

handles! {
    /// Lists the incidents of homes.
    pub struct Listing {
        reads: Arc<dyn Reads>,
        snapshots: Arc<Snapshots>,
        limits: Arc<Limits>,
    }
}

impl Listing {
    /// A hundred histories take tens of milliseconds to replay and to write, so that happens beside
    /// the threads of the runtime.
    async fn list(self, home: HomeId, before: Timestamp, limit: u32) -> Result<Response, ApiError> {
        let stored = self.reads.incidents(&home, before, limit).await?;
        let write = move || {
            let present = |stored| Ok(self.snapshots.present_incident(&Current::load(stored)?));
            let list: Result<Vec<Incident>, StoreError> = stored.into_iter().map(present).collect();
            Ok(Json(list?).into_response())
        };
        compute("history", home, write).await.unwrap_or_else(|| Err(ApiError::internal()))
    }
}

/// A home's incidents, newest first.
#[utoipa::path(
    get,
    path = "/api/v1/homes/{home}/incidents",
    tag = "incident",
    params(("home" = String, Path), Page),
    responses((status = 200, body = Vec<Incident>), Problems),
)]
pub async fn list(
    State(listing): State<Listing>,
    member: Member,
    page: Result<Query<Page>, QueryRejection>,
) -> Result<Response, ApiError> {
    let Query(page) = page.map_err(|_| {
        ApiError::field("query", "Expected “before”, a time, and “limit”, 1 to 100.")
    })?;
    let limit = page.limit.unwrap_or(20);
    if !(1..=LIST_MOST).contains(&limit) {
        return Err(ApiError::field("limit", "Expected 1 to 100."));
    }
    let before = page.before.unwrap_or(Timestamp::from_millis(i64::MAX as u64));
    let (limits, account) = (listing.limits.clone(), &member.signed_in.account.id);
    let list = listing.list(member.home.id.clone(), before, limit);
    let list = limits.histories.run(account, "history", list).await?;
    list.unwrap_or_else(|| Err(ApiError::internal()))
}

/// An incident with its calls, dispatches and timeline.
#[utoipa::path(
    get,
    path = "/api/v1/incidents/{id}",
    tag = "incident",
    params(("id" = String, Path)),
    responses((status = 200, body = Incident), Problems),
)]
pub async fn one(
    State(clips): State<Arc<Clips>>,
    State(snapshots): State<Arc<Snapshots>>,
    of: OfIncident,
) -> Json<Incident> {
    let clip = clips.find(&of.current.incident).await.is_some();
    Json(Incident { clip, ..snapshots.present_incident(&of.current) })
}

/// Cancel Help: cancels an incident. Works only before the end of the countdown, by the server's
/// clock.
#[utoipa::path(
    post,
    path = "/api/v1/incidents/{id}/cancel",
    tag = "incident",
    params(("id" = String, Path), SeenQuery),
    responses((status = 200, body = Incident), Problems),
)]
pub async fn cancel(
    State(steering): State<Steering>,
    IncidentControl(of): IncidentControl,
    SeenByAuthor(seen): SeenByAuthor,
) -> Result<Json<Incident>, ApiError> {
    steering.steer(&of, Command::Cancel { by: of.member.actor(), seen }).await
}

/// Send Now: skips the rest of the countdown.
#[utoipa::path(
    post,
    path = "/api/v1/incidents/{id}/send-now",
    tag = "incident",
    params(("id" = String, Path)),
    responses((status = 200, body = Incident), Problems),
)]
pub async fn send_now(
    State(steering): State<Steering>,
    IncidentControl(of): IncidentControl,
) -> Result<Json<Incident>, ApiError> {
    steering.steer(&of, Command::SendNow { by: of.member.actor() }).await
}

/// Silence Siren: stops the sirens and changes nothing else.
#[utoipa::path(
    post,
    path = "/api/v1/incidents/{id}/silence",
    tag = "incident",
    params(("id" = String, Path), SeenQuery),
    responses((status = 200, body = Incident), Problems),
)]
pub async fn silence(
    State(steering): State<Steering>,
    IncidentControl(of): IncidentControl,
    SeenByAuthor(seen): SeenByAuthor,
) -> Result<Json<Incident>, ApiError> {
    steering.steer(&of, Command::Silence { by: of.member.actor(), seen }).await
}

/// Ends an incident, because the household says that it is over.
/// This works only when the calls are over, and if no center works on the incident.
#[utoipa::path(
    post,
    path = "/api/v1/incidents/{id}/end",
    tag = "incident",
    params(("id" = String, Path), SeenQuery),
    responses((status = 200, body = Incident), Problems),
)]
pub async fn end(
    State(steering): State<Steering>,
    IncidentControl(of): IncidentControl,
    SeenByAuthor(seen): SeenByAuthor,
) -> Result<Json<Incident>, ApiError> {
    steering.steer(&of, Command::End { by: of.member.actor(), seen }).await
}

/// Decides whether to send help for an incident that was found too late to send it automatically
/// (R22). Such an incident waits for the decision without a time limit.
#[utoipa::path(
    post,
    path = "/api/v1/incidents/{id}/review",
    tag = "incident",
    params(("id" = String, Path), SeenQuery),
    request_body = Review,
    responses((status = 200, body = Incident), Problems),
)]
pub async fn review(
    State(steering): State<Steering>,
    IncidentControl(of): IncidentControl,
    SeenByAuthor(seen): SeenByAuthor,
    Body(asked): Body<Review>,
) -> Result<Json<Incident>, ApiError> {
    let command = decision(of.member.actor(), seen, asked)?;
    steering.steer(&of, command).await
}
