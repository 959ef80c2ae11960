//! The session's cookie. Over HTTPS it is one that no subdomain and no plain connection can set or see (`__Host-`, RFC 6265bis 4.1.3.2).

use super::answer::Refused;
use crate::server::{App, auth};
use axum::{
    extract::{ConnectInfo, FromRequestParts},
    http::{Extensions, HeaderMap, request::Parts},
};
use axum_extra::extract::{CookieJar, cookie::Cookie};
use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

/// Over HTTPS.
const SECURE: &str = "__Host-buckler_session";
/// On this machine, where there is nobody between browser and server.
const PLAIN: &str = "buckler_session";

/// Whether the browser came over HTTPS, as a proxy says that may be believed.
pub fn is_https(extensions: &Extensions, headers: &HeaderMap, proxies: &[IpAddr]) -> bool {
    let peer = extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip());
    peer.is_some_and(|peer| proxies.contains(&peer)) && headers.get("x-forwarded-proto").is_some_and(|scheme| scheme == "https")
}

/// The cookies of a request, and which of them is the session's.
pub struct SessionCookie {
    jar: CookieJar,
    https: bool,
}

impl FromRequestParts<Arc<App>> for SessionCookie {
    type Rejection = Refused;
    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Refused> {
        let https = is_https(&parts.extensions, &parts.headers, &app.trusted_proxies);
        Ok(Self { jar: CookieJar::from_headers(&parts.headers), https })
    }
}

impl SessionCookie {
    fn name(&self) -> &'static str {
        if self.https { SECURE } else { PLAIN }
    }

    /// The token in it.
    pub fn token(&self) -> Option<&str> {
        self.jar.get(self.name()).map(Cookie::value)
    }

    /// An answer that sets it.
    pub fn set(self, token: &str) -> CookieJar {
        let (name, lasts_s) = (self.name(), auth::SESSION_MOST.as_secs());
        let secure = if self.https { "; Secure" } else { "" };
        let text = format!("{name}={token}; HttpOnly; SameSite=Lax; Path=/; Max-Age={lasts_s}{secure}");
        self.jar.add(Cookie::parse(text).expect("a token is made of letters that a cookie may have"))
    }

    /// An answer that takes it away.
    pub fn unset(self) -> CookieJar {
        let gone = Cookie::build(self.name()).path("/").secure(self.https).http_only(true);
        self.jar.remove(gone)
    }
}
