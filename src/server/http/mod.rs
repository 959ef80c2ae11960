//! The whole route table. One file a noun; each handler parses, asks and answers, and decides nothing.

mod answer;
mod app;
mod equipment;
mod events;
mod evidence;
mod extract;
mod homes;
mod household;
mod incidents;
mod people;
mod phone;
mod service;
mod session;

use super::App;
use crate::api::problem::{Code, Problem};
use answer::Refused;
pub use app::Assets;
use axum::{
    Router,
    extract::DefaultBodyLimit,
    http::{HeaderName, HeaderValue, header},
    response::IntoResponse,
};
use std::sync::Arc;
use tower_http::{catch_panic::CatchPanicLayer, csrf::CsrfLayer, set_header::SetResponseHeaderLayer};
use utoipa_axum::{router::OpenApiRouter, routes};

/// The largest body that is read.
const BODY_MOST: usize = 64 * 1024;

/// Everything that the server answers.
pub fn router(app: Arc<App>, assets: Assets) -> Router {
    let (api, document) = OpenApiRouter::with_openapi(service::document())
        .routes(routes!(session::sign_in, session::sign_out))
        .routes(routes!(session::me))
        .routes(routes!(homes::one))
        .routes(routes!(people::first_run, people::welcome))
        .routes(routes!(household::one))
        .routes(routes!(household::rename))
        .routes(routes!(household::address))
        .routes(routes!(household::settings))
        .routes(routes!(household::contacts))
        .routes(routes!(household::link))
        .routes(routes!(household::verbal_password))
        .routes(routes!(household::check_verbal_password))
        .routes(routes!(household::enroll, household::end_enrolment))
        .routes(routes!(equipment::add_device))
        .routes(routes!(equipment::rename_device, equipment::remove_device))
        .routes(routes!(equipment::add_camera))
        .routes(routes!(equipment::edit_camera, equipment::remove_camera))
        .routes(routes!(people::edit, people::remove))
        .routes(routes!(events::of_home))
        .routes(routes!(incidents::raise, incidents::list))
        .routes(routes!(incidents::one))
        .routes(routes!(evidence::export))
        .routes(routes!(incidents::cancel))
        .routes(routes!(incidents::send_now))
        .routes(routes!(incidents::silence))
        .routes(routes!(phone::one))
        .routes(routes!(events::of_phone))
        .routes(routes!(phone::accept))
        .routes(routes!(phone::opt_out))
        .routes(routes!(phone::answer))
        .routes(routes!(phone::decline))
        .routes(routes!(phone::confirm))
        .routes(routes!(phone::cancel))
        .routes(routes!(phone::hang_up))
        .routes(routes!(service::healthz))
        .routes(routes!(service::readyz))
        .routes(routes!(service::metrics))
        .split_for_parts();
    let document: Arc<str> = document.to_json().unwrap_or_default().into();
    let foreign = |_| Refused(Problem::new(Code::NotAllowed, "This request comes from another site.")).into_response();
    let no_store = SetResponseHeaderLayer::overriding(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    api.route("/api/openapi.json", service::openapi(document))
        .method_not_allowed_fallback(service::method_not_allowed)
        .layer(no_store)
        .with_state(app)
        .fallback(move |request| app::serve(assets.clone(), request))
        .layer(DefaultBodyLimit::max(BODY_MOST))
        .layer(CsrfLayer::new().with_rejection_response(foreign))
        .layer(CatchPanicLayer::custom(|_| Refused::internal().into_response()))
        .layer(fixed("x-content-type-options", "nosniff"))
        .layer(fixed("referrer-policy", "no-referrer"))
        .layer(fixed("x-frame-options", "DENY"))
}

fn fixed(name: &'static str, value: &'static str) -> SetResponseHeaderLayer<HeaderValue> {
    SetResponseHeaderLayer::overriding(HeaderName::from_static(name), HeaderValue::from_static(value))
}
