//! Ending incidents that the server cannot advance, once people have dealt with them.

use super::{
    answer::{Problems, Refused},
    extract::{Named, Operator, Owner, Part, held_until},
};
use crate::{
    api::{audit::Deed, home::HomeAnswer},
    domain::{access::CenterAction, id::HomeId},
    server::{
        App,
        store::{Change, Entry, Guard, Op, Quarantined},
    },
};
use axum::{Json, extract::State, http::StatusCode};
use serde_json::json;
use std::sync::Arc;

/// Ends a quarantined incident of the home.
#[utoipa::path(delete, path = "/api/v1/homes/{home}/quarantine/{incident}", tag = "household", params(("home" = String, Path), ("incident" = String, Path)), responses((status = 200, body = HomeAnswer), Problems))]
pub async fn end(State(app): State<Arc<App>>, owner: Owner, Part(incident): Part<String>) -> Result<Json<HomeAnswer>, Refused> {
    let home = owner.0.home.clone();
    let all = app.engine.view().quarantined_in(&home.id);
    if !all.iter().any(|quarantined| quarantined.incident == incident) {
        return Err(Refused::not_found());
    }
    let change = owner.change(&app, Deed::QuarantineEnded, json!({"incident": incident}));
    app.changes.apply(ends(change, incident, home.id.clone())).await?;
    let held_until = held_until(&home, owner.0.signed_in.session.held_until, app.clock.now());
    Ok(Json(app.tell_home(&home, owner.0.membership, held_until).await?))
}

/// Ends a quarantined incident, also one that its home must not notice.
#[utoipa::path(delete, path = "/api/v1/center/quarantine/{incident}", tag = "center", params(("incident" = String, Path)), responses((status = 204, description = "Ended"), Problems))]
pub async fn end_at_center(
    State(app): State<Arc<App>>,
    Operator(signed_in): Operator,
    Named(incident): Named<String>,
) -> Result<StatusCode, Refused> {
    let found = app.engine.view().quarantined().into_iter().find(|quarantined| quarantined.incident == incident);
    let Quarantined { home, .. } = found.ok_or_else(Refused::not_found)?;
    let home: HomeId = home.parse().map_err(|_| Refused::not_found())?;
    let entry = Entry { home: Some(home.clone()), ..signed_in.entry(&app, Deed::QuarantineEnded, json!({"incident": incident})) };
    let change = Change::new(entry)
        .guard(Guard::SessionStands(signed_in.session.token, app.clock.now()))
        .guard(Guard::MayAtCenter(signed_in.account.id.clone(), CenterAction::Work));
    app.changes.apply(ends(change, incident, home)).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn ends(change: Change, incident: String, home: HomeId) -> Change {
    change.guard(Guard::IsQuarantined(incident.clone(), home.clone())).op(Op::EndQuarantined(incident, home))
}
