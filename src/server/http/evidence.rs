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
        evidence::{Clip, Evidence},
        evidence_key::EvidenceKey,
        state::{AppState, handles},
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
    let (current, clips, data) =
        (of.current.clone(), exporting.clips.clone(), exporting.data.clone());
    let files = tokio::task::spawn_blocking(move || {
        let file = clips.open(&current.incident);
        let clip = file.and_then(|file| Clip::read(current.incident.id, &file));
        (clip.ok(), EvidenceKey::of(&data))
    })
    .await;
    let (clip, key) = files.unwrap_or_else(|panic| (None, Err(std::io::Error::other(panic))));
    let evidence = Evidence::of(
        &of.current,
        exporting.clock.now(),
        exporting.center_phone.as_deref(),
        clip,
        Audience::Home,
    );
    let evidence = match key {
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
            return Ok((
                [(header::CONTENT_TYPE, "text/html; charset=utf-8")],
                evidence.html(false),
            )
                .into_response());
        }
    };
    let file = format!("attachment; filename=\"buckler-{}.{ending}\"", evidence.incident.id);
    Ok(([(header::CONTENT_TYPE, kind.to_owned()), (header::CONTENT_DISPOSITION, file)], body)
        .into_response())
}
