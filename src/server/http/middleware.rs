//! What holds for every request: its id and its span in the log, the form of its host, the time
//! that it may take, and the headers that tell browsers what the app may do.

use super::{cookie, errors::ApiError, host};
use crate::{api::problem::Code, server::limits::LogLimit};
use axum::{
    extract::{MatchedPath, Request},
    http::{HeaderName, HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use std::{
    net::IpAddr,
    sync::{Arc, LazyLock},
    time::Duration,
};
use tokio::time::timeout;
use tracing::Instrument;
use uuid::{Builder, Uuid};

/// How long a handler may take to begin its answer, the body of the request included. Finding
/// cameras and trying one take longest.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);
/// The header with the id of a request.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Anybody can send requests that are refused.
static REFUSALS: LazyLock<LogLimit> = LazyLock::new(LogLimit::new);

/// Ends requests that take too long, such as one whose body does not arrive.
pub async fn in_time(request: Request, next: Next) -> Response {
    timeout(ANSWER_WITHIN, next.run(request)).await.unwrap_or_else(|_| {
        tracing::warn!("a request took too long");
        ApiError::new(
            Code::TimedOut,
            "The server did not answer in time. What you asked for may still have been done.",
        )
        .into_response()
    })
}

/// Runs the request in a span of the log, and adds the headers that all answers have. Each log line
/// about the request, those of the event loop among them, carries the id that the answer carries. A
/// request whose host is malformed goes no further.
pub async fn traced(proxies: Arc<[IpAddr]>, request: Request, next: Next) -> Response {
    let (extensions, headers) = (request.extensions(), request.headers());
    let (https, address) = (
        cookie::is_https(extensions, headers, &proxies),
        cookie::address(extensions, headers, &proxies),
    );
    let id = id_from_proxy(&request, &proxies).unwrap_or_else(new_id);
    // The route, not the path, because a path may contain a token that grants access (OWASP ASVS
    // 5.0, V16.3.2).
    let route = extensions.get::<MatchedPath>().map(MatchedPath::as_str);
    let span = tracing::info_span!("request", %id, method = %request.method(), route);
    let mut response = async {
        let response = host::checked(request, next).await;
        if response.status() == StatusCode::FORBIDDEN && REFUSALS.allows() {
            tracing::info!(?address, "refused");
        }
        tracing::debug!(status = response.status().as_u16(), "answered");
        response
    }
    .instrument(span)
    .await;
    response.headers_mut().extend(security_headers());
    response
        .headers_mut()
        .extend(HeaderValue::from_str(&id.to_string()).map(|id| (REQUEST_ID, id)));
    if https {
        // For two years this browser connects over HTTPS only (RFC 6797).
        response.headers_mut().insert(
            header::STRICT_TRANSPORT_SECURITY,
            HeaderValue::from_static("max-age=63072000; includeSubDomains"),
        );
    }
    response
}

/// The id that a trusted proxy gave the request, such as nginx's `$request_id`. Nobody else writes
/// into the log.
fn id_from_proxy(request: &Request, proxies: &[IpAddr]) -> Option<Uuid> {
    cookie::peer(request.extensions()).filter(|peer| proxies.contains(peer))?;
    request.headers().get(REQUEST_ID)?.to_str().ok()?.parse().ok()
}

fn new_id() -> Uuid {
    let mut bits = [0; 16];
    // An id of zeros is better than no answer.
    let _ = getrandom::fill(&mut bits);
    Builder::from_random_bytes(bits).into_uuid()
}

/// The headers that tell browsers what the app may do, and that no other site may use it (OWASP
/// ASVS 5.0, V3.4).
fn security_headers() -> [(HeaderName, HeaderValue); 7] {
    let fixed = |name, value| (HeaderName::from_static(name), HeaderValue::from_static(value));
    [
        // WebAssembly is compiled. No string is evaluated as a script, and the page has no inline
        // script. `public/early.js` has the Trusted Types policy.
        fixed(
            "content-security-policy",
            "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
             media-src 'self' blob:; manifest-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; \
             require-trusted-types-for 'script'; trusted-types default",
        ),
        fixed("cross-origin-opener-policy", "same-origin"),
        fixed("cross-origin-resource-policy", "same-origin"),
        fixed(
            "permissions-policy",
            "camera=(), microphone=(), geolocation=(), payment=(), usb=(), screen-wake-lock=(self)",
        ),
        fixed("referrer-policy", "no-referrer"),
        fixed("x-content-type-options", "nosniff"),
        fixed("x-frame-options", "DENY"),
    ]
}
