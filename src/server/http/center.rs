//! The monitoring center: who works there, and what was found late. It sees a home only while something waits in it (I21).

use super::{
    answer::{Problems, Refused},
    extract::{Body, Named, Operator, Supervisor},
    incidents, invitations,
};
use crate::{
    api::{
        audit::Deed,
        center::{CenterPeople, CenterPerson},
        incident::Incident,
        review::Review,
    },
    domain::{
        access::CenterRole,
        id::{IncidentId, UserId},
        incident::{Actor, State as IncidentState},
    },
    server::{
        App,
        engine::Current,
        store::{Account, Guard, Op},
    },
};
use axum::{Json, extract::State};
use serde_json::json;
use std::sync::Arc;

/// Decides on an incident that was found long after its time.
#[utoipa::path(post, path = "/api/v1/center/incidents/{id}/review", tag = "center", params(("id" = String, Path)), request_body = Review, responses((status = 200, body = Incident), Problems))]
pub async fn review(
    State(app): State<Arc<App>>,
    Operator(signed_in): Operator,
    Named(id): Named<IncidentId>,
    Body(asked): Body<Review>,
) -> Result<Json<Incident>, Refused> {
    let found_late = |current: &Arc<Current>| matches!(current.incident.state, IncidentState::UnderReview);
    let current = app.engine.view().by_id(id).filter(found_late).ok_or_else(Refused::not_found)?;
    let by = Actor::Operator { id: signed_in.account.id, name: signed_in.account.name };
    incidents::decide(&app, current.incident.id, by, asked).await
}

/// Who works at the center.
#[utoipa::path(get, path = "/api/v1/center/people", tag = "center", responses((status = 200, body = CenterPeople), Problems))]
pub async fn people(State(app): State<Arc<App>>, Supervisor(signed_in): Supervisor) -> Result<Json<CenterPeople>, Refused> {
    let person = |(account, role): (Account, CenterRole)| CenterPerson {
        you: account.id == signed_in.account.id,
        id: account.id,
        name: account.name,
        email: account.email,
        role,
    };
    let people = app.reads.center_people().await?.into_iter().map(person).collect();
    Ok(Json(CenterPeople { people, invitations: invitations::to_center(&app).await? }))
}

/// Somebody does not work at the center any more, from this moment on.
#[utoipa::path(delete, path = "/api/v1/center/people/{person}", tag = "center", params(("person" = String, Path)), responses((status = 200, body = CenterPeople), Problems))]
pub async fn remove(
    State(app): State<Arc<App>>,
    supervisor: Supervisor,
    Named(person): Named<UserId>,
) -> Result<Json<CenterPeople>, Refused> {
    let role = app.reads.center_role(&person).await?.ok_or_else(Refused::not_found)?;
    let detail = json!({"person": person, "center_role": {"before": role, "after": null}});
    let change = supervisor.change(&app, Deed::PersonChanged, detail).guard(Guard::CenterRoleIs(person.clone(), Some(role)));
    app.changes.apply(change.op(Op::SetCenterRole(person, None))).await?;
    people(State(app), supervisor).await
}
