//! Ending quarantined incidents, which the server cannot advance, after people have handled them.

use super::{
    errors::{ApiError, Problems},
    extract::{Operator, Owner, PathId, ResourceId},
};
use crate::{
    api::{audit::AuditAction, home::HomeAnswer},
    domain::{access::CenterAction, id::HomeId},
    server::{
        clock::Clock,
        engine::Engine,
        snapshots::Snapshots,
        state::AppState,
        store::{AuditEntry, Change, Changes, Guard, Op, Quarantined},
    },
};
use axum::{Json, extract::State, http::StatusCode};
use serde_json::json;
use std::sync::Arc;
use utoipa_axum::{router::OpenApiRouter, routes};

/// The routes of quarantined incidents.
pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(end)).routes(routes!(end_at_center))
}

/// Ends a quarantined incident of the home.
#[utoipa::path(
    delete,
    path = "/api/v1/homes/{home}/quarantine/{incident}",
    tag = "household",
    params(("home" = String, Path), ("incident" = String, Path)),
    responses((status = 200, body = HomeAnswer), Problems),
)]
pub async fn end(
    State(engine): State<Engine>,
    State(changes): State<Changes>,
    State(snapshots): State<Arc<Snapshots>>,
    owner: Owner,
    ResourceId(incident): ResourceId<String>,
) -> Result<Json<HomeAnswer>, ApiError> {
    let home = owner.0.home.clone();
    let all = engine.view().quarantined_in(&home.id);
    if !all.iter().any(|quarantined| quarantined.incident == incident) {
        return Err(ApiError::not_found());
    }
    let change = owner.change(AuditAction::QuarantineEnded, json!({"incident": incident}));
    changes.apply(ends(change, incident, home.id.clone(), false)).await?;
    let restricted_until = owner.0.signed_in.restricted_until(&home);
    Ok(Json(snapshots.present_home(&home, owner.0.membership, restricted_until).await?))
}

/// Ends a quarantined incident, including one that is hidden from its home.
#[utoipa::path(
    delete,
    path = "/api/v1/center/quarantine/{incident}",
    tag = "center",
    params(("incident" = String, Path)),
    responses((status = 204, description = "Ended"), Problems),
)]
pub async fn end_at_center(
    State(engine): State<Engine>,
    State(changes): State<Changes>,
    State(clock): State<Arc<Clock>>,
    Operator(signed_in): Operator,
    PathId(incident): PathId<String>,
) -> Result<StatusCode, ApiError> {
    let found = engine
        .view()
        .quarantined()
        .into_iter()
        .find(|quarantined| quarantined.incident == incident);
    let Quarantined { home, quiet, .. } = found.ok_or_else(ApiError::not_found)?;
    let home: HomeId = home.parse().map_err(|_| ApiError::not_found())?;
    let entry = AuditEntry {
        home: (!quiet).then(|| home.clone()),
        ..signed_in.entry(AuditAction::QuarantineEnded, json!({"incident": incident}))
    };
    let change = Change::new(entry)
        .guard(Guard::SessionStands(signed_in.session.token, clock.now()))
        .guard(Guard::MayAtCenter(signed_in.account.id.clone(), CenterAction::Work));
    changes.apply(ends(change, incident, home, quiet)).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn ends(change: Change, incident: String, home: HomeId, quiet: bool) -> Change {
    change.guard(Guard::IsQuarantined(incident.clone(), home.clone())).op(Op::EndQuarantined {
        incident,
        home,
        quiet,
    })
}
