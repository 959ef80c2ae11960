//! A home with everything that the dashboard needs, in one answer.

use super::{
    errors::{ApiError, Problems},
    extract::Member,
};
use crate::{api::home::HomeAnswer, server::App};
use axum::{Json, extract::State};
use std::sync::Arc;

/// A home with everything that the dashboard needs.
#[utoipa::path(get, path = "/api/v1/homes/{home}", tag = "home", params(("home" = String, Path)), responses((status = 200, body = HomeAnswer), Problems))]
pub async fn one(State(app): State<Arc<App>>, member: Member) -> Result<Json<HomeAnswer>, ApiError> {
    Ok(Json(app.present_home(&member.home, member.membership, member.held_until(app.clock.now())).await?))
}
