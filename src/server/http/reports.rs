//! Reports of a dispatch service, or of the center that has the alarm. They are signed and
//! replay-proof, and add no more than a record and a status.

use super::{
    cookie::Address,
    errors::{ApiError, Problems},
    extract::PathId,
};
use crate::{
    api::{
        audit::AuditAction,
        problem::Code,
        webhooks::{Message, Receipt},
    },
    domain::incident::{Actor, Report},
    server::{
        clock::Clock,
        dc09::transmitter::Transmitter,
        engine::{Engine, SignedReport},
        identity::attempts::{Attempts, Guess},
        limits::Network,
        state::{AppState, handles},
        store::{AuditEntry, Change, Changes, Reads},
        webhooks::incoming::{self, NotFound, Reporter, Search, Target, short},
    },
};
use axum::{Json, body::Bytes, extract::State, http::HeaderMap};
use serde_json::json;
use sha2::{Digest, Sha256};
use std::{net::IpAddr, sync::Arc};
use utoipa_axum::{router::OpenApiRouter, routes};

/// The routes of reports.
pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(report))
}

handles! {
    /// Takes reports.
    pub struct Reports {
        reporters: Arc<[Reporter]>,
        engine: Engine,
        reads: Arc<dyn Reads>,
        transmitter: Option<Arc<Transmitter>>,
        attempts: Arc<Attempts>,
        changes: Changes,
        clock: Arc<Clock>,
    }
}

impl Reports {
    /// A wrong signature changes nothing. It is recorded, with a rate limit for each network and
    /// one for all networks.
    async fn refused(&self, name: &str, address: Option<IpAddr>) -> ApiError {
        let now = self.clock.now();
        let from = Guess::Report(address.map(Network::of));
        if self.attempts.take(&from, now) && self.attempts.take(&Guess::AnyReport, now) {
            let entry = AuditEntry {
                address,
                ..AuditEntry::new(AuditAction::ReportRefused, now, json!({"reporter": short(name)}))
            };
            if let Err(error) = self.changes.apply(Change::new(entry)).await {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "could not record a refused report"
                );
            }
        }
        ApiError::new(
            Code::NotSignedIn,
            "The signature is missing, wrong, or older than five minutes.",
        )
    }

    /// Finds the incident that a report is about.
    async fn find(
        &self,
        reporter: &Reporter,
        message: &Message,
    ) -> Result<Option<Target>, ApiError> {
        let account = message.data.account.as_deref();
        let search = Search {
            view: self.engine.view(),
            stored: &*self.reads,
            now: self.clock.now(),
            by_account: account.and_then(|account| self.transmitter.as_ref()?.home_of(account)),
            may_speak_of: &|home| reporter.may_speak_of(home),
        };
        search.find(message).await.map_err(|error| match error {
            NotFound::Unknown => ApiError::not_found(),
            NotFound::Store(error) => error.into(),
        })
    }
}

/// Records a report of a dispatch service or of the center that has the alarm. The types are
/// `incident.claimed`, `.released`, `.call_ended`, `.dispatch_moved`, `.cancelled` and `.closed`;
/// others change nothing. The incident is named by the id that the home signaled (`home_incident`), by
/// its id in webhooks, or by the home's account at the center. A report by the account alone is only a
/// note if it may be about another incident of the home. The headers contain the signature, as in
/// Standard Webhooks.
#[utoipa::path(
    post,
    path = "/api/v1/reports/{reporter}",
    tag = "center",
    params(("reporter" = String, Path)),
    request_body = Message,
    responses((status = 200, body = Receipt), Problems),
)]
pub async fn report(
    State(reports): State<Reports>,
    PathId(name): PathId<String>,
    Address(address): Address,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<Receipt>, ApiError> {
    let reporter = reports.reporters.iter().find(|reporter| reporter.name == name);
    let Some((reporter, key)) =
        reporter.and_then(|reporter| Some((reporter, reporter.signed(&body, &headers)?)))
    else {
        return Err(reports.refused(&name, address).await);
    };
    // Two reporters may use the same message ids.
    let key = format!("{}/{key}", reporter.name);
    let message: Message = serde_json::from_slice(&body)
        .map_err(|error| ApiError::field("body", &error.to_string()))?;
    let digest = Sha256::digest(&body).into();
    // Before its incident is looked for: another one may run by now.
    if let Some(recorded) = reports.engine.answered_report(&key, &digest) {
        return Ok(Json(Receipt { recorded }));
    }
    let target = reports.find(reporter, &message).await?;
    let Some(report) = incoming::report(&message) else {
        return Ok(Json(Receipt { recorded: false }));
    };
    let (incident, report) = match target {
        Some(Target { current, is_sure: true }) => (Some(current.incident.id), report),
        Some(Target { current, is_sure: false }) => {
            (Some(current.incident.id), Report::Unnamed { said: Box::new(report) })
        }
        None => (None, report),
    };
    let by = match &message.data.by {
        Some(by) => format!("{}, {}", short(by), reporter.title),
        None => reporter.title.clone(),
    };
    let (by, said_at) = (Actor::Outside { name: by }, message.timestamp);
    let report = SignedReport { by, key, body: digest, said_at, report };
    Ok(Json(Receipt { recorded: reports.engine.report(incident, report).await? }))
}
