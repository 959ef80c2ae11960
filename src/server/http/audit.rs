//! The audit records that owners see, and the details of the record of a changed home.

use super::{
    errors::{ApiError, Problems},
    extract::Owner,
};
use crate::{
    api::audit::{AuditAction, AuditRecord},
    domain::{home::Home, id::UserId},
    server::{
        limits::Limits,
        state::{AppState, handles},
        store::{AuditRow, Reads},
        tasks::compute,
    },
};
use axum::{
    Json,
    extract::{Query, State, rejection::QueryRejection},
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::sync::Arc;
use utoipa_axum::{router::OpenApiRouter, routes};

/// The number of records in one answer, unless the request asks for fewer.
const PAGE: u32 = 50;

/// The routes of the audit records.
pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list))
}

/// Selects a part of the audit records.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct Page {
    /// Only records with a smaller number.
    before: Option<u64>,
    /// The most records in the answer, 1 to 50.
    #[param(minimum = 1, maximum = 50)]
    limit: Option<u32>,
    /// Only records of these actions, separated by commas.
    what: Option<String>,
}

/// Parses the actions of a page.
fn actions(what: &str) -> Result<Vec<AuditAction>, ApiError> {
    let mut all: Vec<AuditAction> = Vec::new();
    for name in what.split(',') {
        let action = serde_json::from_value(json!(name));
        let action = action.map_err(|_| {
            ApiError::field("what", "Give the actions of records, separated by commas.")
        })?;
        if !all.contains(&action) {
            all.push(action);
        }
    }
    Ok(all)
}

/// The audit records of the home and of the requesting account, the newest first.
/// The actions of incidents are in the history of each incident instead.
#[utoipa::path(
    get,
    path = "/api/v1/homes/{home}/audit",
    tag = "household",
    params(("home" = String, Path), Page),
    responses((status = 200, body = Vec<AuditRecord>), Problems),
)]
pub async fn list(
    State(reading): State<Reading>,
    Owner(member): Owner,
    page: Result<Query<Page>, QueryRejection>,
) -> Result<Response, ApiError> {
    let Query(Page { before, limit, what }) = page.map_err(|_| {
        ApiError::field("before", "Give the number of a record, and a limit from 1 to 50.")
    })?;
    let limit = limit.unwrap_or(PAGE).clamp(1, PAGE);
    let what = what.as_deref().map(actions).transpose()?.unwrap_or_default();
    let (limits, account) = (reading.limits.clone(), member.signed_in.account.id);
    let list = reading.list(member.home, account.clone(), what, (before, limit));
    let list = limits.histories.run(&account, "log", list).await?;
    list.unwrap_or_else(|| Err(ApiError::internal()))
}

handles! {
    /// Reads audit records. The details of changes can be long, so they are read and written beside
    /// the threads of the runtime.
    pub struct Reading {
        reads: Arc<dyn Reads>,
        limits: Arc<Limits>,
    }
}

impl Reading {
    async fn list(
        self,
        home: Arc<Home>,
        account: UserId,
        what: Vec<AuditAction>,
        (before, limit): (Option<u64>, u32),
    ) -> Result<Response, ApiError> {
        let before = before.unwrap_or(u64::MAX);
        let all = self.reads.audit(&home.id, &account, &what, before, limit).await?;
        let id = home.id.clone();
        let write = move || Json(records(&home, all)).into_response();
        compute("log", id, write).await.ok_or_else(ApiError::internal)
    }
}

fn records(home: &Home, all: Vec<AuditRow>) -> Vec<AuditRecord> {
    let told = |AuditRow { number, at, what, who, address, detail }: AuditRow| {
        let contact = match what {
            AuditAction::ContactAnswered => contact_in(home, &detail),
            _ => None,
        };
        let about =
            detail.as_object().map(|fields| fields.keys().cloned().collect()).unwrap_or_default();
        AuditRecord {
            number,
            at,
            what: what.into(),
            // A contact has no account.
            who: who.or(contact),
            address,
            about,
            detail: detail.to_string(),
        }
    };
    all.into_iter().map(told).collect()
}

/// The name of the contact that a record is about.
fn contact_in(home: &Home, detail: &Value) -> Option<String> {
    let id = detail.get("contact")?.as_str()?;
    let mut contacts = home.contacts.iter();
    contacts.find(|contact| contact.id.as_str() == id).map(|contact| contact.name.clone())
}

/// The differences between two versions of a home: each changed field with its value before and
/// after. Secret values are left out.
pub fn changes(before: &Home, after: &Home) -> Value {
    let fields = |home: &Home| match json!(home) {
        Value::Object(fields) => fields,
        _ => Map::new(),
    };
    let (before, after) = (fields(before), fields(after));
    let names = before.keys().chain(after.keys().filter(|name| !before.contains_key(*name)));
    let told = |name: &str, value: Option<&Value>| match (name, value) {
        // Only whether one is set: not even the hash of the password is recorded.
        ("verbal_password", Some(set)) => json!(!set.is_null()),
        // Only whether there are notes: they are for responders alone.
        ("notes", Some(set)) => json!(!set.is_null()),
        // Credentials are left out even in encrypted form.
        ("cameras", Some(Value::Array(all))) => all.iter().map(without_login).collect(),
        (_, value) => value.cloned().unwrap_or_default(),
    };
    // What can be undone, and who was first before, follow from the changed fields.
    let follows = ["changes", "former", "last_link"];
    let changed = names
        .filter(|name| !follows.contains(&name.as_str()) && before.get(*name) != after.get(*name));
    changed.map(|name| (name.clone(), json!({"before": told(name, before.get(name)), "after": told(name, after.get(name))}))).collect()
}

fn without_login(camera: &Value) -> Value {
    let mut camera = camera.clone();
    if let Some(login) = camera.get_mut("login") {
        *login = json!(true);
    }
    camera
}
