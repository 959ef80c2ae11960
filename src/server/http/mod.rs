//! The route table. There is one file for each noun, with its routes. Each handler parses the request, asks the rest of the server, and
//! answers. It decides nothing itself, and takes only the handles that it uses.

mod app;
mod audit;
mod center;
mod connection;
mod console;
mod cookie;
mod deliveries;
mod equipment;
mod errors;
mod events;
mod evidence;
mod extract;
mod homes;
mod household;
mod incidents;
mod invitations;
mod live;
mod passkeys;
mod people;
mod phone;
mod quarantine;
mod reports;
mod service;
mod session;
mod sessions;
mod statistics;
mod wiring;

use super::{App, state::AppState};
use crate::api::problem::{Code, Problem};
pub use app::Assets;
use axum::{
    Router,
    extract::{DefaultBodyLimit, MatchedPath, Request},
    http::{HeaderName, HeaderValue, StatusCode, header},
    middleware::{Next, from_fn},
    response::{IntoResponse, Response},
};
pub use connection::{Encrypted, serve};
use errors::ApiError;
use std::{net::IpAddr, sync::Arc};
use tower_http::{catch_panic::CatchPanicLayer, csrf::CsrfLayer, set_header::SetResponseHeaderLayer};
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
        .merge(wiring::router())
        .merge(invitations::router())
        .merge(incidents::router())
        .merge(quarantine::router())
        .merge(evidence::router())
        .merge(events::router())
        .merge(live::router())
        .merge(phone::router())
        .merge(audit::router())
        .merge(deliveries::router())
        // Both `reports` and `console` have a schema `Heard`, and the document keeps the first.
        .merge(reports::router())
        .merge(console::router())
        .merge(center::router())
        .merge(statistics::router())
        .merge(service::router())
}

/// The router of everything that the server answers.
pub fn router(app: Arc<App>, assets: Assets) -> Router {
    let (api, document) = routes().split_for_parts();
    let proxies: Arc<[IpAddr]> = app.trusted_proxies.clone().into();
    let document: Arc<str> = document.to_json().unwrap_or_default().into();
    let foreign = |_| ApiError(Problem::new(Code::NotAllowed, "This request comes from another site.")).into_response();
    let no_store = SetResponseHeaderLayer::if_not_present(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    api.route("/api/openapi.json", service::openapi(document))
        .method_not_allowed_fallback(service::method_not_allowed)
        .layer(no_store)
        .with_state(AppState(app))
        .fallback(move |request| app::serve(assets.clone(), request))
        .layer(DefaultBodyLimit::max(BODY_MOST))
        .layer(CsrfLayer::new().with_rejection_response(foreign))
        .layer(CatchPanicLayer::custom(|_| ApiError::internal().into_response()))
        .layer(from_fn(move |request, next| with_security_headers(proxies.clone(), request, next)))
}

/// The headers that tell browsers what the app may do, and that no other site may use it (OWASP ASVS 5.0, V3.4).
fn security_headers() -> [(HeaderName, HeaderValue); 7] {
    let fixed = |name, value| (HeaderName::from_static(name), HeaderValue::from_static(value));
    [
        // WebAssembly is compiled. No string is evaluated as a script, and the page has no inline script. `public/early.js` has the Trusted
        // Types policy.
        fixed(
            "content-security-policy",
            "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
             media-src 'self' blob:; manifest-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; \
             require-trusted-types-for 'script'; trusted-types default",
        ),
        fixed("cross-origin-opener-policy", "same-origin"),
        fixed("cross-origin-resource-policy", "same-origin"),
        fixed("permissions-policy", "camera=(), microphone=(), geolocation=(), payment=(), usb=(), screen-wake-lock=(self)"),
        fixed("referrer-policy", "no-referrer"),
        fixed("x-content-type-options", "nosniff"),
        fixed("x-frame-options", "DENY"),
    ]
}

async fn with_security_headers(proxies: Arc<[IpAddr]>, request: Request, next: Next) -> Response {
    let https = cookie::is_https(request.extensions(), request.headers(), &proxies);
    let (method, route) = (request.method().clone(), request.extensions().get::<MatchedPath>().cloned());
    let address = cookie::address(request.extensions(), request.headers(), &proxies);
    let mut response = next.run(request).await;
    if response.status() == StatusCode::FORBIDDEN {
        // The route, not the path, because a path may contain a token that grants access (OWASP ASVS 5.0, V16.3.2).
        tracing::info!(%method, route = route.as_ref().map(MatchedPath::as_str), ?address, "refused");
    }
    response.headers_mut().extend(security_headers());
    if https {
        // For two years this browser connects over HTTPS only (RFC 6797).
        response.headers_mut().insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=63072000; includeSubDomains"));
    }
    response
}
