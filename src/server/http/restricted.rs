//! What a restricted device may use (I33): one table, which the router consults before every
//! handler. A route that is not in it is refused, so that a new route is refused until somebody
//! decides that it may be used.
//!
//! A device is restricted for a day that was signed in without the account's passkey, as a thief of
//! the password would do. It may look, sound sirens, run drills and ask to be released.

use super::{
    errors::ApiError,
    extract::{Member, SignedIn, parameter},
};
use crate::{domain::id::HomeId, server::state::AppState};
use axum::{
    extract::{FromRequestParts, MatchedPath, Request, State},
    http::{Method, request::Parts},
    middleware::Next,
    response::{IntoResponse, Response},
};

/// It may look at its own account and homes, and at what the center has to do. It sees no camera of
/// a home that the center works for.
const LOOKS: &[&str] = &[
    "/api/v1/me",
    "/api/v1/sessions",
    "/api/v1/passkeys",
    "/api/v1/homes/{home}",
    "/api/v1/homes/{home}/events",
    "/api/v1/homes/{home}/household",
    "/api/v1/homes/{home}/wiring",
    "/api/v1/homes/{home}/incidents",
    "/api/v1/homes/{home}/audit",
    "/api/v1/homes/{home}/deliveries",
    "/api/v1/incidents/{id}",
    "/api/v1/incidents/{id}/export",
    "/api/v1/incidents/{id}/clip",
    "/api/v1/cameras/{camera}/live",
    "/api/v1/cameras/{camera}/still",
    "/api/v1/center/incidents",
    "/api/v1/center/people",
    "/api/v1/center/statistics",
];

/// It may ask for sirens and drills, and control what it asked for. The incident decides which
/// (`Command::FromRestricted`).
const ASKS: &[(Method, &str)] = &[
    (Method::POST, "/api/v1/homes/{home}/incidents"),
    (Method::DELETE, "/api/v1/homes/{home}/requests/{id}"),
    (Method::POST, "/api/v1/incidents/{id}/cancel"),
    (Method::POST, "/api/v1/incidents/{id}/send-now"),
    (Method::POST, "/api/v1/incidents/{id}/silence"),
    (Method::POST, "/api/v1/incidents/{id}/end"),
    (Method::POST, "/api/v1/incidents/{id}/review"),
];

/// It may sign itself out, and be released by the passkey.
const OWN: &[(Method, &str)] =
    &[(Method::DELETE, "/api/v1/session"), (Method::PUT, "/api/v1/session/proof")];

/// These routes check a password, a passkey, a link or a signature instead of a session. A device
/// could use them without its session cookie, too.
const NEEDS_NO_SESSION: &[(Method, &str)] = &[
    (Method::GET, "/healthz"),
    (Method::GET, "/readyz"),
    (Method::GET, "/metrics"),
    (Method::GET, "/api/v1/welcome"),
    (Method::POST, "/api/v1/welcome"),
    (Method::POST, "/api/v1/session"),
    (Method::POST, "/api/v1/session/passkey/options"),
    (Method::POST, "/api/v1/session/passkey"),
    (Method::POST, "/api/v1/session/recovery"),
    (Method::GET, "/api/v1/invitations/{token}"),
    (Method::POST, "/api/v1/invitations/{token}"),
    (Method::POST, "/api/v1/reports/{reporter}"),
    (Method::GET, "/api/v1/contact/{token}"),
    (Method::GET, "/api/v1/contact/{token}/events"),
    (Method::POST, "/api/v1/contact/{token}/accept"),
    (Method::POST, "/api/v1/contact/{token}/opt-out"),
    (Method::POST, "/api/v1/contact/{token}/memory"),
    (Method::POST, "/api/v1/contact/{token}/calls/{call}/answer"),
    (Method::POST, "/api/v1/contact/{token}/calls/{call}/decline"),
    (Method::POST, "/api/v1/contact/{token}/calls/{call}/confirm"),
    (Method::POST, "/api/v1/contact/{token}/calls/{call}/hang-up"),
    (Method::POST, "/api/v1/contact/{token}/calls/{call}/cancel"),
];

/// Refused also in a home that does not restrict devices: the first would let this home restrict
/// none, and the others let people in, who stay when the restriction would have ended.
const REFUSED_IN_EVERY_HOME: &[&str] = &[
    "/api/v1/homes/{home}/holding",
    "/api/v1/homes/{home}/people/{person}",
    "/api/v1/homes/{home}/invitations",
];

/// Whether a restricted device may use the route.
fn may_use(method: &Method, route: &str) -> bool {
    // Axum answers HEAD with the handler of GET.
    let method = if method == Method::HEAD { &Method::GET } else { method };
    let is_listed = |list: &[(Method, &str)]| {
        list.iter().any(|(listed, path)| listed == method && *path == route)
    };
    method == Method::GET && LOOKS.contains(&route)
        || [ASKS, OWN, NEEDS_NO_SESSION].into_iter().any(is_listed)
}

/// Refuses what a restricted device may not use, before the handler runs.
pub(super) async fn guard(State(app): State<AppState>, request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
    if route.is_some_and(|route| may_use(request.method(), route)) {
        return next.run(request).await;
    }
    let (mut parts, body) = request.into_parts();
    match is_restricted(&mut parts, &app).await {
        Ok(false) => next.run(Request::from_parts(parts, body)).await,
        Ok(true) => ApiError::device_restricted().into_response(),
        Err(error) => error.into_response(),
    }
}

/// Whether the device is restricted in the home of the route. The handler refuses requests without
/// a session, and of people who are not members of the home.
async fn is_restricted(parts: &mut Parts, app: &AppState) -> Result<bool, ApiError> {
    let signed_in = match SignedIn::from_request_parts(parts, app).await {
        Ok(signed_in) => signed_in,
        Err(ApiError(problem)) if problem.status == 401 => return Ok(false),
        Err(error) => return Err(error),
    };
    if !signed_in.is_restricted() {
        return Ok(false);
    }
    let route = parts.extensions.get::<MatchedPath>().map(MatchedPath::as_str).unwrap_or_default();
    if !route.starts_with("/api/v1/homes/{home}/") || REFUSED_IN_EVERY_HOME.contains(&route) {
        return Ok(true);
    }
    let home: HomeId = parameter(parts, app).await?;
    match Member::of(signed_in, &home, app).await {
        Ok(member) => Ok(member.restricted_until().is_some()),
        Err(ApiError(problem)) if problem.status == 404 => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// A route that was renamed would leave a line behind that permits its next namesake.
    #[test]
    fn every_line_of_the_table_is_a_route() {
        let document = super::super::routes().split_for_parts().1.to_json().unwrap();
        let document: serde_json::Value = serde_json::from_str(&document).unwrap();
        let looks = LOOKS.iter().map(|path| (Method::GET, *path));
        let listed = [ASKS, OWN, NEEDS_NO_SESSION].into_iter().flatten().cloned();
        let all: Vec<_> = looks.chain(listed).collect();
        for (method, path) in &all {
            let operation = &document["paths"][path][method.as_str().to_lowercase()];
            assert!(operation.is_object(), "{method} {path}");
        }
        let once: BTreeSet<_> = all.iter().map(|(method, path)| (method.as_str(), path)).collect();
        assert_eq!(once.len(), all.len(), "each once");
        for path in REFUSED_IN_EVERY_HOME {
            assert!(document["paths"][path].is_object(), "{path}");
        }
    }

    #[test]
    fn what_nobody_listed_is_refused() {
        assert!(may_use(&Method::HEAD, "/api/v1/me"), "as GET");
        assert!(!may_use(&Method::DELETE, "/api/v1/passkeys"), "to look is not to change");
        assert!(!may_use(&Method::GET, "/api/v1/homes/{home}/new"));
        assert!(!may_use(&Method::OPTIONS, "/api/v1/me"));
    }
}
