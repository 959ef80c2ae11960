//! What happened, as evidence: every fact with its time and actor, each with a hash over itself and all before it, so that nothing
//! can be left out or changed unseen.

use super::{
    answer::{Problems, Refused},
    extract::OfIncident,
};
use crate::{
    api::{
        incident::Incident,
        path,
        timeline::{Line, What},
    },
    domain::{incident::event::Recorded, time::Timestamp},
    server::App,
};
use axum::{
    extract::{Query, State, rejection::QueryRejection},
    http::header,
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::sync::Arc;
use utoipa::ToSchema;

/// In which form.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
pub struct Form {
    /// `json`, unless `csv` is asked for.
    #[serde(default)]
    #[param(inline)]
    format: Format,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Format {
    #[default]
    Json,
    Csv,
}

/// An incident as evidence.
#[derive(Debug, Serialize, ToSchema)]
pub struct Evidence {
    /// When this was written.
    #[schema(value_type = String)]
    pub exported_at: Timestamp,
    /// The incident as it stands.
    pub incident: Incident,
    /// Everything that happened, in order.
    pub events: Vec<Fact>,
    /// What the camera showed from which help was asked for, where it was kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clip: Option<Clip>,
}

/// What a camera showed: ten seconds before the press, and thirty after.
#[derive(Debug, Serialize, ToSchema)]
pub struct Clip {
    /// Where it is, MP4.
    pub path: String,
    /// Its size.
    pub bytes: usize,
    /// SHA-256 of it, in hex.
    pub sha256: String,
}

/// One thing that happened.
#[derive(Debug, Serialize, ToSchema)]
pub struct Fact {
    /// Its number, from 1.
    pub seq: u32,
    /// When, by the server's clock.
    #[schema(value_type = String)]
    pub at: Timestamp,
    /// What kind of thing.
    pub what: What,
    /// Who did it.
    pub by: Option<String>,
    /// A sentence.
    pub text: String,
    /// The fact as it is stored, without the verbal password's hash and what is for responders alone.
    #[schema(value_type = Object)]
    pub fact: serde_json::Value,
    /// SHA-256, in hex, over the hash before (64 zeros for the first) and the fact as JSON.
    pub hash: String,
}

/// The evidence of an incident.
#[utoipa::path(get, path = "/api/v1/incidents/{id}/export", tag = "incident", params(("id" = String, Path), Form), responses((status = 200, body = Evidence), Problems))]
pub async fn export(State(app): State<Arc<App>>, of: OfIncident, form: Result<Query<Form>, QueryRejection>) -> Result<Response, Refused> {
    let Query(Form { format }) = form.map_err(|_| Refused::field("format", "Expected “json” or “csv”."))?;
    let incident = app.tell_incident(&of.current);
    let events = facts(&of.current.history, &incident.timeline);
    let (kind, ending, body) = match format {
        Format::Json => {
            let name = incident.id;
            let clip = tokio::fs::read(app.clips.file(name)).await.ok().map(|file| Clip {
                path: path::incident(name, "clip"),
                bytes: file.len(),
                sha256: hex(Sha256::digest(&file).as_slice()),
            });
            let evidence = Evidence { exported_at: app.clock.now(), incident, events, clip };
            ("application/json", format!("{name}.json"), serde_json::to_string_pretty(&evidence).unwrap_or_default())
        }
        Format::Csv => ("text/csv; charset=utf-8", format!("{}.csv", incident.id), csv(&events)),
    };
    let file = format!("attachment; filename=\"buckler-{ending}\"");
    Ok(([(header::CONTENT_TYPE, kind.to_owned()), (header::CONTENT_DISPOSITION, file)], body).into_response())
}

fn facts(history: &[Recorded], told: &[Line]) -> Vec<Fact> {
    let mut before = "0".repeat(64);
    let fact = |(recorded, line): (&Recorded, &Line)| {
        let mut fact = serde_json::to_value(recorded).unwrap_or_default();
        if let Some(snapshot) = fact.get_mut("snapshot").and_then(serde_json::Value::as_object_mut) {
            snapshot.remove("verbal_password");
            snapshot.remove("notes");
        }
        let mut hash = Sha256::new();
        hash.update(&before);
        hash.update(fact.to_string());
        before = hex(hash.finalize().as_slice());
        let Line { seq, at, what, by, text } = line.clone();
        Fact { seq, at, what, by, text, fact, hash: before.clone() }
    };
    history.iter().zip(told).map(fact).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn csv(events: &[Fact]) -> String {
    let mut text = String::from("seq,at,what,by,text,hash\r\n");
    for Fact { seq, at, what, by, text: said, hash, .. } in events {
        let what = serde_json::to_value(what).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default();
        let row = [seq.to_string(), at.to_string(), what, by.clone().unwrap_or_default(), said.clone(), hash.clone()];
        text.push_str(&row.map(|cell| quoted(&cell)).join(","));
        text.push_str("\r\n");
    }
    text
}

/// A cell (RFC 4180). One that a spreadsheet would take for a formula gets a quote before it.
fn quoted(cell: &str) -> String {
    let guard = if cell.starts_with(['=', '+', '-', '@', '\t']) { "'" } else { "" };
    format!("\"{guard}{}\"", cell.replace('"', "\"\""))
}
