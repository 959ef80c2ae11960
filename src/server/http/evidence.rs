//! The evidence of an incident over HTTP: JSON for programs, CSV for spreadsheets, HTML for
//! printing.

use super::{
    errors::{ApiError, Problems},
    extract::OfIncident,
};
use crate::{
    domain::incident::disclosure::Audience,
    server::{
        cameras::Clips,
        clock::Clock,
        engine::Current,
        evidence::{Clip, Evidence},
        evidence_key::EvidenceKey,
        limits::Limits,
        state::{AppState, handles},
        tasks::compute,
    },
};
use axum::{
    extract::{Query, State, rejection::QueryRejection},
    http::header,
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use std::{path::PathBuf, sync::Arc};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

/// The routes of evidence.
pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(export))
}

handles! {
    /// The handles that the export of evidence uses.
    pub struct Exporting {
        clips: Arc<Clips>,
        clock: Arc<Clock>,
        limits: Arc<Limits>,
        center_phone: Option<String>,
        data: PathBuf,
    }
}

/// Selects the format of the evidence.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct Form {
    /// The format: `json` by default, `csv`, or `html` for a page to print.
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
    Html,
}

/// The evidence of an incident, as JSON, CSV or HTML.
#[utoipa::path(
    get,
    path = "/api/v1/incidents/{id}/export",
    tag = "incident",
    params(("id" = String, Path), Form),
    responses((status = 200, content((Evidence = "application/json"), (String = "text/csv"), (String = "text/html"))), Problems),
)]
pub async fn export(
    State(exporting): State<Exporting>,
    of: OfIncident,
    form: Result<Query<Form>, QueryRejection>,
) -> Result<Response, ApiError> {
    let Query(Form { format }) =
        form.map_err(|_| ApiError::field("format", "Expected “json”, “csv” or “html”."))?;
    let (limits, account) = (exporting.limits.clone(), of.member.signed_in.account.id.clone());
    let (id, current) = (of.current.incident.id, of.current);
    let export = compute("export", id, move || exporting.export(&current, format));
    let export = limits.exports.run(&account, "export", export).await?;
    export.flatten().ok_or_else(ApiError::internal)
}

impl Exporting {
    /// Reads the clip and the key, and writes the evidence. That takes longer than the threads of
    /// the runtime may be kept.
    fn export(&self, current: &Current, format: Format) -> Response {
        let file = self.clips.open(&current.incident);
        let clip = file.and_then(|file| Clip::read(current.incident.id, &file));
        let (now, phone) = (self.clock.now(), self.center_phone.as_deref());
        let evidence = Evidence::of(current, now, phone, clip.ok(), Audience::Home);
        let evidence = match EvidenceKey::of(&self.data) {
            Ok(key) => evidence.signed(&key),
            Err(error) => {
                tracing::error!(%error, "evidence is not signed: its key cannot be used");
                evidence
            }
        };
        let (kind, ending, body) = match format {
            Format::Json => ("application/json", "json", evidence.json()),
            Format::Csv => ("text/csv; charset=utf-8", "csv", evidence.csv()),
            Format::Html => {
                let head = [(header::CONTENT_TYPE, "text/html; charset=utf-8")];
                return (head, evidence.html(false)).into_response();
            }
        };
        let file = format!("attachment; filename=\"buckler-{}.{ending}\"", current.incident.id);
        let head = [(header::CONTENT_TYPE, kind.to_owned()), (header::CONTENT_DISPOSITION, file)];
        (head, body).into_response()
    }
}
