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
        webhooks::{Data, Message, Receipt},
    },
    domain::{
        id::HomeId,
        incident::{Actor, ByHome, Incident, REPORTED_FOR, Report, command::Command},
        time::Timestamp,
    },
    server::{
        clock::Clock,
        dc09::transmitter::Transmitter,
        engine::{Current, Denied, Engine},
        identity::attempts::{Attempts, Guess},
        limits::Network,
        state::{AppState, handles},
        store::{AuditEntry, Change, Changes, Reads},
        webhooks::incoming::{self, Reporter},
    },
};
use axum::{Json, body::Bytes, extract::State, http::HeaderMap};
use serde_json::json;
use std::{net::IpAddr, sync::Arc};
use utoipa_axum::{router::OpenApiRouter, routes};

/// The longest name or number in a report, characters; longer ones are cut.
const TEXT_MOST: usize = 100;
/// The most incidents of a home that are read to find which one a report means. If the last day has
/// more, that is not known.
const READ_MOST: u32 = 32;

/// The incident that a report is about.
struct Target {
    current: Arc<Current>,
    /// Whether the report is about this one and no other.
    is_sure: bool,
}

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

    /// Finds the incident that a report is about: by the id that the home signaled, by the id
    /// that its webhooks told, or by the home's account.
    async fn find(
        &self,
        reporter: &Reporter,
        message: &Message,
    ) -> Result<Option<Target>, ApiError> {
        let Data { incident, home_incident, account, .. } = &message.data;
        let by_account =
            account.as_deref().and_then(|account| self.transmitter.as_ref()?.home_of(account));
        // A center serves many homes. One of them must not end the incident of another by its id.
        let may = |home: &HomeId| {
            let is_its = by_account.is_none_or(|of_account| of_account == home);
            if is_its && reporter.may_speak_of(home) { Ok(()) } else { Err(ApiError::not_found()) }
        };
        for id in [*home_incident, *incident].into_iter().flatten() {
            if let Some(current) = self.engine.view().known(id) {
                return may(&current.incident.home)
                    .map(|()| Some(Target { current, is_sure: true }));
            }
            if let Some(stored) = self.reads.incident(id).await? {
                may(&stored.home)?;
                // After a call-off, what is said of the help that was on its way is recorded.
                let current = Current::load(stored).ok().map(Arc::new);
                return Ok(current.map(|current| Target { current, is_sure: true }));
            }
        }
        // A center that names an incident of the home does not mean another one.
        let home =
            by_account.filter(|_| home_incident.is_none()).ok_or_else(ApiError::not_found)?;
        may(home)?;
        self.find_in(home, message.timestamp).await
    }

    /// Finds the running incident of a home that a report of this time is about.
    async fn find_in(&self, home: &HomeId, said_at: Timestamp) -> Result<Option<Target>, ApiError> {
        let (view, now) = (self.engine.view(), self.clock.now());
        let running: Vec<_> =
            view.running_in(home).into_iter().chain(view.quiet_in(home)).collect();
        if running.is_empty() {
            return Ok(None);
        }
        let stored = self.reads.incidents(home, now + REPORTED_FOR, READ_MOST).await?;
        let before: Vec<Incident> =
            stored.iter().filter_map(|stored| stored.replay().ok()).collect();
        let is_whole_day = stored.len() < READ_MOST as usize
            || before.last().is_some_and(|oldest| now.since(oldest.started_at) > REPORTED_FOR);
        // An incident that cannot be read may be the one that the report is about.
        let is_read = before.len() == stored.len() && view.quarantined_in(home).is_empty();
        let found = ByHome::find(running.iter().map(|c| &c.incident), &before, said_at, now);
        Ok(found.and_then(|ByHome { incident, is_sure }| {
            let current = running.into_iter().find(|current| current.incident.id == incident)?;
            Some(Target { current, is_sure: is_sure && is_whole_day && is_read })
        }))
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
    let target = reports.find(reporter, &message).await?;
    let (Some(Target { current, is_sure }), Some(report)) = (target, incoming::report(&message))
    else {
        return Ok(Json(Receipt { recorded: false }));
    };
    let report = shortened(report);
    let report = if is_sure { report } else { Report::Unnamed { said: Box::new(report) } };
    let by = match &message.data.by {
        Some(by) => format!("{}, {}", short(by), reporter.title),
        None => reporter.title.clone(),
    };
    let command = Command::Report {
        by: Actor::Outside { name: by },
        key: key.clone(),
        said_at: message.timestamp,
        report,
    };
    let before = current.incident.seq;
    let answer = match reports.engine.give(current.incident.id, command).await {
        Ok(answer) if answer.refusal.is_none() => answer,
        // The incident is over, or nothing has been sent yet.
        Ok(_) | Err(Denied::Unknown | Denied::Refused(_)) => {
            return Ok(Json(Receipt { recorded: false }));
        }
        Err(denied) => return Err(denied.into()),
    };
    let now = &answer.current.incident;
    Ok(Json(Receipt { recorded: now.seq > before && now.external.keys.contains(&key) }))
}

fn short(text: &str) -> String {
    text.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).take(TEXT_MOST).collect()
}

fn shortened(report: Report) -> Report {
    match report {
        Report::Called { name, outcome } => Report::Called { name: short(&name), outcome },
        Report::Moved { service, state, reference } => Report::Moved {
            service,
            state,
            reference: reference.map(|text| short(&text)).filter(|text| !text.is_empty()),
        },
        other => other,
    }
}
