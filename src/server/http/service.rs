//! The server about itself: alive, ready, measured, described.

use super::answer::Refused;
use crate::{
    api::problem::Code,
    domain::{
        id::IncidentId,
        incident::{Incident, State, command::Command},
    },
    server::{App, engine::Denied, figures},
};
use axum::{
    extract::{self, ConnectInfo},
    http::{StatusCode, header},
    response::IntoResponse,
    routing::{MethodRouter, get},
};
use std::{net::SocketAddr, sync::Arc};
use utoipa::OpenApi;

#[derive(OpenApi)]
#[openapi(info(title = "Buckler", description = "The open SOS button of a home."))]
struct Document;

pub fn document() -> utoipa::openapi::OpenApi {
    Document::openapi()
}

pub fn openapi(document: Arc<str>) -> MethodRouter<Arc<App>> {
    get(move || async move { ([(header::CONTENT_TYPE, "application/json")], document.to_string()) })
}

pub async fn method_not_allowed() -> Refused {
    Refused::new(Code::MethodNotAllowed, "That cannot be done here.")
}

/// The process lives.
#[utoipa::path(get, path = "/healthz", tag = "service", responses((status = 200, body = String)))]
pub async fn healthz() -> &'static str {
    "ok\n"
}

/// Store and engine serve.
#[utoipa::path(get, path = "/readyz", tag = "service", responses((status = 200, body = String), (status = 503, body = String)))]
pub async fn readyz(extract::State(app): extract::State<Arc<App>>) -> impl IntoResponse {
    // A command to an incident that does not exist goes through engine and store and changes nothing.
    let nobody = IncidentId(uuid::Uuid::nil());
    match app.engine.give(nobody, Command::Tick).await {
        Err(Denied::Unknown) => (StatusCode::OK, "ready\n"),
        _ => (StatusCode::SERVICE_UNAVAILABLE, "the store does not answer\n"),
    }
}

/// Figures for Prometheus; only for this machine.
#[utoipa::path(get, path = "/metrics", tag = "service", responses((status = 200, body = String), (status = 404, body = String)))]
pub async fn metrics(extract::State(app): extract::State<Arc<App>>, ConnectInfo(peer): ConnectInfo<SocketAddr>) -> impl IntoResponse {
    if !peer.ip().is_loopback() {
        return Refused::not_found().into_response();
    }
    let text = figures::render(&app.engine.view().running().iter().map(|c| state(&c.incident)).collect::<Vec<_>>());
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response()
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
