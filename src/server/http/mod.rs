//! The route table. There is one file for each noun, with its routes. Each handler parses the
//! request, asks the rest of the server, and answers. It decides nothing itself, and takes only the
//! handles that it uses.

mod app;
mod audit;
mod center;
mod connection;
mod console;
pub mod cookie;
mod deliveries;
mod equipment;
mod errors;
mod events;
mod evidence;
mod extract;
mod homes;
pub mod host;
mod household;
mod incidents;
mod invitations;
mod live;
mod middleware;
mod passkeys;
mod people;
mod phone;
mod quarantine;
mod reports;
mod restricted;
mod service;
mod session;
mod sessions;
mod siren_bindings;
mod statistics;

use super::{App, state::AppState};
use crate::api::problem::{Code, Problem};
pub use app::{Asset, Assets, Bundle};
use axum::{
    Router,
    body::Bytes,
    extract::DefaultBodyLimit,
    http::{HeaderValue, header},
    middleware::{from_fn, from_fn_with_state},
    response::IntoResponse,
};
pub use connection::{Encrypted, serve};
use errors::ApiError;
use std::{net::IpAddr, sync::Arc};
use tower_http::{
    catch_panic::CatchPanicLayer, csrf::CsrfLayer, set_header::SetResponseHeaderLayer,
};
use utoipa_axum::router::OpenApiRouter;

/// The largest body that is read, bytes.
const BODY_MOST: usize = 64 * 1024;

/// All routes of the API, with their parts of the OpenAPI document.
fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::with_openapi(service::document())
        .merge(session::router())
        .merge(sessions::router())
        .merge(passkeys::router())
        .merge(people::router())
        .merge(homes::router())
        .merge(household::router())
        .merge(equipment::router())
        .merge(siren_bindings::router())
        .merge(invitations::router())
        .merge(incidents::router())
        .merge(quarantine::router())
        .merge(evidence::router())
        .merge(events::router())
        .merge(live::router())
        .merge(phone::router())
        .merge(audit::router())
        .merge(deliveries::router())
        .merge(reports::router())
        .merge(console::router())
        .merge(center::router())
        .merge(statistics::router())
        .merge(service::router())
}

/// The router of everything that the server answers.
pub fn router(app: Arc<App>, assets: Assets) -> Router {
    let (api, document) = routes().split_for_parts();
    let proxies = app.trusted_proxies.clone();
    let document: Bytes = document.to_json().unwrap_or_default().into();
    let foreign = |_| {
        ApiError(Problem::new(Code::NotAllowed, "This request comes from another site."))
            .into_response()
    };
    let no_store = SetResponseHeaderLayer::if_not_present(
        header::CACHE_CONTROL,
        HeaderValue::from_static("no-store"),
    );
    let router = api
        .route_layer(from_fn_with_state(AppState(app.clone()), restricted::guard))
        .route("/api/openapi.json", service::openapi(document))
        .method_not_allowed_fallback(service::method_not_allowed)
        .layer(no_store)
        .with_state(AppState(app))
        .fallback(move |request| app::serve(assets.clone(), request))
        .layer(DefaultBodyLimit::max(BODY_MOST))
        .layer(CsrfLayer::new().with_rejection_response(foreign));
    with_middleware(router, proxies)
}

/// The router of the address for metrics: what only the administrator of this machine may read.
pub fn metrics_router(app: Arc<App>) -> Router {
    let proxies = app.trusted_proxies.clone();
    let state = AppState(app);
    let router = service::at_metrics()
        .layer(from_fn_with_state(state.clone(), host::known_only))
        .with_state(state);
    with_middleware(router, proxies)
}

/// Adds what holds for every request.
fn with_middleware(router: Router, proxies: Arc<[IpAddr]>) -> Router {
    router
        .layer(from_fn(middleware::in_time))
        .layer(CatchPanicLayer::custom(|_| ApiError::internal().into_response()))
        .layer(from_fn(move |request, next| middleware::traced(proxies.clone(), request, next)))
}
