//! A home with everything that the dashboard needs, in one answer.

use super::{
    errors::{ApiError, Problems},
    extract::Member,
};
use crate::{
    api::home::HomeAnswer,
    server::{snapshots::Snapshots, state::AppState},
};
use axum::{Json, extract::State};
use std::sync::Arc;
use utoipa_axum::{router::OpenApiRouter, routes};

/// The routes of a home as a whole.
pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(one))
}

/// A home with everything that the dashboard needs.
#[utoipa::path(
    get,
    path = "/api/v1/homes/{home}",
    tag = "home",
    params(("home" = String, Path)),
    responses((status = 200, body = HomeAnswer), Problems),
)]
pub async fn one(
    State(snapshots): State<Arc<Snapshots>>,
    member: Member,
) -> Result<Json<HomeAnswer>, ApiError> {
    Ok(Json(
        snapshots.present_home(&member.home, member.membership, member.restricted_until()).await?,
    ))
}
