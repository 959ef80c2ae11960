//! The state of the server itself: liveness, readiness, metrics, and the OpenAPI document.
//!
//! Metrics and the names of quarantined incidents reveal those that are hidden from their home.
//! At the address of the app, a request of this machine looks the same as one that a proxy on this
//! machine forwards without saying so. They are therefore served only at an address of their own,
//! `metrics_listen`.

use super::errors::ApiError;
use crate::{
    api::problem::{Code, Problem},
    domain::incident::{Incident, State},
    server::{
        engine::{Engine, PutBack},
        homes::Homes,
        metrics,
        private::free_space,
        readiness::{Probe, Sample},
        snapshots::Snapshots,
        state::{AppState, handles},
        store::{Changes, Quarantined, sqlite::ballast},
    },
};
use axum::{
    Router,
    body::Bytes,
    extract,
    http::{StatusCode, header},
    response::IntoResponse,
    routing::{MethodRouter, get},
};
use std::{
    path::PathBuf,
    sync::{Arc, Once},
    time::Duration,
};
use tokio::sync::watch;
use utoipa::OpenApi;
use utoipa_axum::{router::OpenApiRouter, routes};

#[derive(OpenApi)]
#[openapi(info(title = "Buckler", description = "The open SOS button of a home."))]
struct Document;

/// The routes of the server itself.
pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(healthz)).routes(routes!(readyz)).routes(routes!(metrics))
}

/// The routes at the address for metrics.
pub(super) fn at_metrics() -> Router<AppState> {
    Router::new()
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz_with_names))
        .route("/metrics", get(render))
        .fallback(|| async { ApiError::not_found() })
}

pub fn document() -> utoipa::openapi::OpenApi {
    Document::openapi()
}

pub fn openapi(document: Bytes) -> MethodRouter<AppState> {
    get(move || async move { ([(header::CONTENT_TYPE, "application/json")], document) })
}

pub async fn method_not_allowed() -> ApiError {
    ApiError::new(Code::MethodNotAllowed, "That cannot be done here.")
}

/// Liveness: the process runs.
#[utoipa::path(get, path = "/healthz", tag = "service", responses((status = 200, body = String)))]
pub async fn healthz() -> &'static str {
    "ok\n"
}

/// Effects that are not completed after this time need attention.
const UNDER_WAY_LONG: Duration = Duration::from_secs(60);
/// Less free space than this needs attention, bytes. An incident takes about 10 kB.
const LITTLE_SPACE: u64 = 256 << 20;

handles! {
    /// Judges whether the server works.
    pub struct SelfCheck {
        probe: Arc<Probe>,
        engine: Engine,
        changes: Changes,
        homes: Arc<Homes>,
        snapshots: Arc<Snapshots>,
        /// The data folder.
        data: PathBuf,
        stop: watch::Receiver<bool>,
    }
}

impl SelfCheck {
    async fn answer(&self, with_names: bool) -> (StatusCode, String) {
        let (ready, reasons) = self.reasons(with_names).await;
        let (status, word) = if ready {
            (StatusCode::OK, "ready")
        } else {
            (StatusCode::SERVICE_UNAVAILABLE, "not ready")
        };
        (status, format!("{word}\n{}", reasons.concat()))
    }

    async fn reasons(&self, with_names: bool) -> (bool, Vec<String>) {
        if *self.stop.borrow() {
            return (false, vec!["server: it is stopping\n".into()]);
        }
        let Sample { answers, stores, took, .. } =
            self.probe.sample(&self.engine, &self.changes).await;
        // The sample may be a second old, so a commit that has failed since then counts as well.
        let stores = stores && !self.engine.view().store_fails();
        let mut reasons = vec![match (answers, stores) {
            (true, true) => format!("store: answers after {} ms\n", took.as_millis()),
            (true, false) => "store: the last commit failed; until one succeeds, requests may be answered “not sent”\n".into(),
            (false, _) => "store: does not answer; requests are answered “not sent”\n".into(),
        }];
        let (depth, oldest) = self.engine.view().under_way();
        let look = if oldest > UNDER_WAY_LONG { "; look at the log for why" } else { "" };
        reasons.push(format!(
            "outbox: {depth} under way, the oldest for {} s{look}\n",
            oldest.as_secs()
        ));
        if let Some(PutBack { incidents, withheld }) = self.engine.view().put_back() {
            reasons.push(format!(
                "database: a backup or a copy was put back; {incidents} incidents that ran in it wait for a person, and {} effects \
                 were not carried out; see the log\n",
                withheld.len()
            ));
        }
        reasons.extend(self.set_aside(with_names));
        let has_ballast = ballast::is_kept(&self.data);
        if !has_ballast {
            reasons.push(format!(
                "disk: the {} MB that are kept for incidents are missing; make room\n",
                ballast::SIZE >> 20
            ));
        }
        if let Some(free) = free_space(&self.data) {
            let look =
                if free < LITTLE_SPACE { "; make room, or incidents cannot be stored" } else { "" };
            reasons.push(format!("disk: {} MB free{look}\n", free >> 20));
        }
        reasons.push(format!("center: {}\n", self.snapshots.responders()));
        (stores && has_ballast, reasons)
    }

    /// What cannot be read or decided: by name for the administrator, and as numbers for everybody
    /// else, who must not learn of homes and of hidden incidents.
    fn set_aside(&self, with_names: bool) -> Vec<String> {
        let (quarantined, homes, effects) = (
            self.engine.view().quarantined(),
            self.homes.unreadable(),
            self.engine.view().unreadable_effects(),
        );
        if !with_names {
            let all = [
                (quarantined.len(), "incidents are quarantined"),
                (homes.len(), "homes cannot be read"),
                (effects.len(), "effects cannot be read"),
            ];
            return all
                .iter()
                .filter(|(count, _)| *count > 0)
                .map(|(count, what)| format!("{count} {what}; see the log\n"))
                .collect();
        }
        let incident = |Quarantined { incident, home, .. }: Quarantined| {
            format!(
                "incident {incident} of home {home}: quarantined, so nothing more happens in it; see the log, and call the home's \
                 contacts\n"
            )
        };
        let home = |home: &String| {
            format!(
                "home {home}: cannot be read, so no SOS can be raised in it; see the log, and restore a backup\n"
            )
        };
        let effect = |key: String| {
            format!("effect {key}: cannot be read, so it is not carried out; see the log\n")
        };
        quarantined
            .into_iter()
            .map(incident)
            .chain(homes.iter().map(home))
            .chain(effects.into_iter().map(effect))
            .collect()
    }
}

/// Readiness: whether a request would be stored now, and what needs attention, one reason per line.
#[utoipa::path(
    get,
    path = "/readyz",
    tag = "service",
    responses((status = 200, body = String), (status = 503, body = String)),
)]
pub async fn readyz(extract::State(check): extract::State<SelfCheck>) -> impl IntoResponse {
    check.answer(false).await
}

/// Like [`readyz`], with the names of homes and incidents.
async fn readyz_with_names(extract::State(check): extract::State<SelfCheck>) -> impl IntoResponse {
    check.answer(true).await
}

/// Metrics for Prometheus, which this address served in earlier versions.
#[utoipa::path(get, path = "/metrics", tag = "service", responses(
    (status = 200, description = "At the address of `metrics_listen`", body = String),
    (status = 404, description = "At every other address", content_type = "application/problem+json", body = Problem),
))]
pub async fn metrics() -> ApiError {
    static SAID: Once = Once::new();
    SAID.call_once(|| {
        tracing::warn!(
            "/metrics was asked for where the app is served; since this version it has an address \
             of its own: set metrics_listen, such as 127.0.0.1:9464, and let Prometheus read it there"
        );
    });
    ApiError::new(Code::NotFound, "Metrics are served at the address of metrics_listen alone.")
}

/// Metrics for Prometheus.
async fn render(
    extract::State(engine): extract::State<Engine>,
    extract::State(changes): extract::State<Changes>,
    extract::State(homes): extract::State<Arc<Homes>>,
) -> impl IntoResponse {
    let view = engine.view();
    let text = metrics::render(&metrics::Counts {
        running: view.running().iter().map(|c| state(&c.incident)).collect(),
        under_way: view.under_way(),
        changes: changes.waiting(),
        requests: engine.waiting(),
        quarantined: view.quarantined().len() + homes.unreadable().len(),
    });
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text)
}

fn state(incident: &Incident) -> &'static str {
    match incident.state {
        State::CountingDown { .. } => "counting_down",
        State::SirenSounding => "siren_sounding",
        State::Verifying(_) => "verifying",
        State::Dispatching => "dispatching",
        State::UnderReview => "under_review",
        State::Aborted { .. } | State::Cancelled | State::Closed => "over",
    }
}
