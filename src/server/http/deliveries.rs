//! What other servers did not take of a home's incidents, and telling it again.

use super::{
    answer::{Problems, Refused},
    extract::{Owner, Part},
};
use crate::{
    api::household::Undelivered,
    server::{App, notify::webhooks},
};
use axum::{Json, extract::State};
use std::sync::Arc;

fn id(undelivered: &webhooks::Undelivered) -> String {
    format!("{}.{}", undelivered.number, undelivered.incident)
}

/// What is not taken, the oldest first.
#[utoipa::path(get, path = "/api/v1/homes/{home}/deliveries", tag = "household", params(("home" = String, Path)), responses((status = 200, body = Vec<Undelivered>), Problems))]
pub async fn list(State(app): State<Arc<App>>, Owner(member): Owner) -> Result<Json<Vec<Undelivered>>, Refused> {
    let all = app.webhooks.undelivered(&member.home.id);
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

/// Tells it again, now.
#[utoipa::path(post, path = "/api/v1/homes/{home}/deliveries/{delivery}/resend", tag = "household", params(("home" = String, Path), ("delivery" = String, Path)), responses((status = 200, body = Vec<Undelivered>), Problems))]
pub async fn resend(State(app): State<Arc<App>>, owner: Owner, Part(delivery): Part<String>) -> Result<Json<Vec<Undelivered>>, Refused> {
    let all = app.webhooks.undelivered(&owner.0.home.id);
    let one = all.into_iter().find(|one| id(one) == delivery).ok_or_else(Refused::not_found)?;
    app.webhooks.resend(&app, one.number, one.incident);
    list(State(app), owner).await
}
