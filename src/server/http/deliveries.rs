//! Webhook messages about a home's incidents that other servers do not accept, and sending them
//! again.

use super::{
    errors::{ApiError, Problems},
    extract::{Owner, ResourceId},
};
use crate::{
    api::household::Undelivered,
    server::{
        state::AppState,
        webhooks::{self, Webhooks},
    },
};
use axum::{Json, extract::State};
use std::sync::Arc;
use utoipa_axum::{router::OpenApiRouter, routes};

/// The routes of the webhook messages that other servers do not accept.
pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(resend))
}

fn id(undelivered: &webhooks::Undelivered) -> String {
    format!("{}.{}", undelivered.number, undelivered.incident)
}

/// The webhook deliveries that fail, the oldest first.
#[utoipa::path(
    get,
    path = "/api/v1/homes/{home}/deliveries",
    tag = "household",
    params(("home" = String, Path)),
    responses((status = 200, body = Vec<Undelivered>), Problems),
)]
pub async fn list(
    State(webhooks): State<Arc<Webhooks>>,
    Owner(member): Owner,
) -> Result<Json<Vec<Undelivered>>, ApiError> {
    let all = webhooks.undelivered(&member.home.id);
    let told = |one: webhooks::Undelivered| Undelivered {
        id: id(&one),
        host: one.host,
        incident: one.incident,
        since: one.failing.since,
        why: one.failing.why,
        given_up: one.failing.given_up,
    };
    Ok(Json(all.into_iter().map(told).collect()))
}

/// Sends the messages of a failed webhook delivery again, now.
#[utoipa::path(
    post,
    path = "/api/v1/homes/{home}/deliveries/{delivery}/resend",
    tag = "household",
    params(("home" = String, Path), ("delivery" = String, Path)),
    responses((status = 200, body = Vec<Undelivered>), Problems),
)]
pub async fn resend(
    State(webhooks): State<Arc<Webhooks>>,
    owner: Owner,
    ResourceId(delivery): ResourceId<String>,
) -> Result<Json<Vec<Undelivered>>, ApiError> {
    let all = webhooks.undelivered(&owner.0.home.id);
    let one = all.into_iter().find(|one| id(one) == delivery).ok_or_else(ApiError::not_found)?;
    webhooks.resend(one.number, one.incident);
    list(State(webhooks), owner).await
}
