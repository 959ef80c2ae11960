//! The staff of the monitoring center, and reviews of incidents that were found late. The center
//! sees a home only while something in it waits for the center (I21).

use super::{
    errors::{ApiError, Problems},
    extract::{Body, Operator, PathId, SeenByAuthor, SeenQuery, Supervisor},
    incidents::{Steering, decision},
    invitations,
};
use crate::{
    api::{
        audit::AuditAction,
        center::{CenterPeople, CenterPerson},
        incident::Incident,
        review::Review,
    },
    domain::{
        access::CenterRole,
        id::{IncidentId, UserId},
        incident::{Actor, State as IncidentState, disclosure::Audience},
    },
    server::{
        clock::Clock,
        engine::Current,
        state::AppState,
        store::{Account, Changes, Guard, Op, Reads},
    },
};
use axum::{Json, extract::State};
use serde_json::json;
use std::sync::Arc;
use utoipa_axum::{router::OpenApiRouter, routes};

/// The routes of the center's staff and of its reviews.
pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(review)).routes(routes!(people)).routes(routes!(remove))
}

/// Decides on an incident that was found too late to act without a review.
#[utoipa::path(
    post,
    path = "/api/v1/center/incidents/{id}/review",
    tag = "center",
    params(("id" = String, Path), SeenQuery),
    request_body = Review,
    responses((status = 200, body = Incident), Problems),
)]
pub async fn review(
    State(steering): State<Steering>,
    Operator(signed_in): Operator,
    PathId(id): PathId<IncidentId>,
    SeenByAuthor(seen): SeenByAuthor,
    Body(asked): Body<Review>,
) -> Result<Json<Incident>, ApiError> {
    let found_late =
        |current: &Arc<Current>| matches!(current.incident.state, IncidentState::UnderReview);
    let current =
        steering.engine.view().by_id(id).filter(found_late).ok_or_else(ApiError::not_found)?;
    let by = Actor::Operator { id: signed_in.account.id, name: signed_in.account.name };
    let command = decision(by, seen, asked)?;
    steering.give(&signed_in.session, current.incident.id, command, Audience::Home).await
}

/// The staff of the monitoring center.
#[utoipa::path(
    get,
    path = "/api/v1/center/people",
    tag = "center",
    responses((status = 200, body = CenterPeople), Problems),
)]
pub async fn people(
    State(reads): State<Arc<dyn Reads>>,
    State(clock): State<Arc<Clock>>,
    Supervisor(signed_in): Supervisor,
) -> Result<Json<CenterPeople>, ApiError> {
    let person = |(account, role): (Account, CenterRole)| CenterPerson {
        you: account.id == signed_in.account.id,
        id: account.id,
        name: account.name,
        email: account.email,
        role: role.into(),
    };
    let people = reads.center_people().await?.into_iter().map(person).collect();
    Ok(Json(CenterPeople {
        people,
        invitations: invitations::to_center(&*reads, clock.now()).await?,
    }))
}

/// Removes a person from the monitoring center. The person loses access at once.
#[utoipa::path(
    delete,
    path = "/api/v1/center/people/{person}",
    tag = "center",
    params(("person" = String, Path)),
    responses((status = 200, body = CenterPeople), Problems),
)]
pub async fn remove(
    State(reads): State<Arc<dyn Reads>>,
    State(clock): State<Arc<Clock>>,
    State(changes): State<Changes>,
    supervisor: Supervisor,
    PathId(person): PathId<UserId>,
) -> Result<Json<CenterPeople>, ApiError> {
    let role = reads.center_role(&person).await?.ok_or_else(ApiError::not_found)?;
    let detail = json!({"person": person, "center_role": {"before": role, "after": null}});
    let change = supervisor
        .change(AuditAction::PersonChanged, detail)
        .guard(Guard::CenterRoleIs(person.clone(), Some(role)));
    let change = match role {
        CenterRole::Supervisor => change.guard(Guard::HasOtherSupervisor(person.clone())),
        CenterRole::Operator => change,
    };
    changes.apply(change.op(Op::SetCenterRole(person, None))).await?;
    people(State(reads), State(clock), supervisor).await
}
