//! The audit, as owners see it, and what a change of a home leaves in it.

use super::{
    answer::{Problems, Refused},
    extract::Owner,
};
use crate::{
    api::audit::AuditRecord,
    domain::home::Home,
    server::{App, store::Audited},
};
use axum::{
    Json,
    extract::{Query, State, rejection::QueryRejection},
};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// Records in one answer, unless fewer are asked for.
const PAGE: u32 = 50;

/// Which part of the audit.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct Page {
    /// Only records with a smaller number.
    before: Option<u64>,
    /// How many, 1 to 50.
    #[param(minimum = 1, maximum = 50)]
    limit: Option<u32>,
}

/// Who did what to the home, and to the account of whoever asks; the newest first. What incidents did is their own history.
#[utoipa::path(get, path = "/api/v1/homes/{home}/audit", tag = "household", params(("home" = String, Path), Page), responses((status = 200, body = Vec<AuditRecord>), Problems))]
pub async fn list(
    State(app): State<Arc<App>>,
    Owner(member): Owner,
    page: Result<Query<Page>, QueryRejection>,
) -> Result<Json<Vec<AuditRecord>>, Refused> {
    let Query(Page { before, limit }) =
        page.map_err(|_| Refused::field("before", "Give the number of a record, and a limit from 1 to 50."))?;
    let limit = limit.unwrap_or(PAGE).clamp(1, PAGE);
    let all = app.reads.audit(&member.home.id, &member.signed_in.account.id, before.unwrap_or(u64::MAX), limit).await?;
    let told = |Audited { number, at, what, who, address, detail }: Audited| {
        let about = detail.as_object().map(|fields| fields.keys().cloned().collect()).unwrap_or_default();
        AuditRecord { number, at, what, who, address, about, detail: detail.to_string() }
    };
    Ok(Json(all.into_iter().map(told).collect()))
}

/// What of a home was changed: each field with what was before and what came after, but for what is secret.
pub fn changes(before: &Home, after: &Home) -> Value {
    let fields = |home: &Home| match json!(home) {
        Value::Object(fields) => fields,
        _ => Map::new(),
    };
    let (before, after) = (fields(before), fields(after));
    let names = before.keys().chain(after.keys().filter(|name| !before.contains_key(*name)));
    let told = |name: &str, value: Option<&Value>| match (name, value) {
        // Not even its hash.
        ("verbal_password", Some(set)) => json!(!set.is_null()),
        // For responders alone.
        ("notes", Some(set)) => json!(!set.is_null()),
        // Not even sealed.
        ("cameras", Some(Value::Array(all))) => all.iter().map(without_login).collect(),
        (_, value) => value.cloned().unwrap_or_default(),
    };
    // What can be undone follows from what was changed.
    let changed = names.filter(|name| *name != "changes" && before.get(*name) != after.get(*name));
    changed.map(|name| (name.clone(), json!({"before": told(name, before.get(name)), "after": told(name, after.get(name))}))).collect()
}

fn without_login(camera: &Value) -> Value {
    let mut camera = camera.clone();
    if let Some(login) = camera.get_mut("login") {
        *login = json!(true);
    }
    camera
}
