//! The session cookie. Over HTTPS it has the prefix `__Host-`, so that no subdomain and no
//! unencrypted connection can set or read it (RFC 6265bis 4.1.3.2).

use super::errors::ApiError;
use crate::server::{Encrypted, identity, state::AppState};
use axum::{
    extract::{ConnectInfo, FromRef, FromRequestParts},
    http::{Extensions, HeaderMap, HeaderValue, header, request::Parts},
};
use axum_extra::extract::{CookieJar, cookie::Cookie};
use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

/// The name over HTTPS.
const SECURE: &str = "__Host-buckler_session";
/// The name over plain HTTP, such as on this machine, where nothing is between browser and server.
const PLAIN: &str = "buckler_session";

/// The address of the other end of the connection: a browser, or a proxy.
pub fn peer(extensions: &Extensions) -> Option<IpAddr> {
    extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip())
}

/// Whether the browser's request came over HTTPS: to this server, or to a trusted proxy that says
/// so.
pub fn is_https(extensions: &Extensions, headers: &HeaderMap, proxies: &[IpAddr]) -> bool {
    let proxied = peer(extensions).is_some_and(|peer| proxies.contains(&peer))
        && headers.get("x-forwarded-proto").is_some_and(|scheme| scheme == "https");
    proxied || extensions.get::<Encrypted>().is_some()
}

/// The network address that a request comes from: the peer, or, if that is a trusted proxy, the
/// last forwarded address that is not one. If a proxy names an address that cannot be parsed, it is
/// the peer: the addresses before it may be the client's own words.
pub fn address(extensions: &Extensions, headers: &HeaderMap, proxies: &[IpAddr]) -> Option<IpAddr> {
    let peer = peer(extensions)?;
    if !proxies.contains(&peer) {
        return Some(peer);
    }
    let said = headers
        .get_all("x-forwarded-for")
        .iter()
        .flat_map(|value| value.to_str().unwrap_or_default().split(','));
    let hops: Vec<Option<IpAddr>> = said.map(forwarded).collect();
    let client = hops.into_iter().rev().find(|hop| hop.is_none_or(|hop| !proxies.contains(&hop)));
    Some(client.flatten().unwrap_or(peer))
}

/// Parses an address as proxies write it: `192.0.2.1`, `192.0.2.1:443`, `2001:db8::1`,
/// `[2001:db8::1]` or `[2001:db8::1]:443`.
fn forwarded(hop: &str) -> Option<IpAddr> {
    let hop = hop.trim();
    let bare = hop.strip_prefix('[').and_then(|hop| hop.strip_suffix(']')).unwrap_or(hop);
    let address = bare.parse().ok();
    address
        .or_else(|| hop.parse().ok().map(|socket: SocketAddr| socket.ip()))
        .map(|address: IpAddr| address.to_canonical())
}

/// The network address that a request comes from, if known.
pub struct Address(pub Option<IpAddr>);

impl FromRequestParts<AppState> for Address {
    type Rejection = ApiError;
    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, ApiError> {
        let proxies = Arc::<[IpAddr]>::from_ref(app);
        Ok(Self(address(&parts.extensions, &parts.headers, &proxies)))
    }
}

/// The session cookie of a request, and the address that the request comes from.
pub struct SessionCookie {
    jar: CookieJar,
    https: bool,
    /// The network address of the browser, if known.
    pub address: Option<IpAddr>,
}

impl FromRequestParts<AppState> for SessionCookie {
    type Rejection = ApiError;
    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, ApiError> {
        let proxies = Arc::<[IpAddr]>::from_ref(app);
        Ok(Self::of(&parts.extensions, &parts.headers, &proxies))
    }
}

impl SessionCookie {
    /// Reads the head of a request.
    ///
    /// Only the session's cookie is read. A browser sends a cookie to every port of its host, so
    /// others may be those of another app, in any bytes.
    pub fn of(extensions: &Extensions, headers: &HeaderMap, proxies: &[IpAddr]) -> Self {
        let https = is_https(extensions, headers, proxies);
        let name = Self::named(https);
        let all = headers.get_all(header::COOKIE).into_iter();
        let pairs = all.flat_map(|value| value.as_bytes().split(|byte| *byte == b';'));
        let is_own = |pair: &&[u8]| {
            pair.strip_prefix(name.as_bytes()).is_some_and(|rest| rest.starts_with(b"="))
        };
        let own = pairs.map(<[u8]>::trim_ascii).filter(is_own);
        let own: HeaderMap = own
            .filter_map(|pair| Some((header::COOKIE, HeaderValue::from_bytes(pair).ok()?)))
            .collect();
        let address = address(extensions, headers, proxies);
        Self { jar: CookieJar::from_headers(&own), https, address }
    }

    const fn named(https: bool) -> &'static str {
        if https { SECURE } else { PLAIN }
    }

    fn name(&self) -> &'static str {
        Self::named(self.https)
    }

    /// The token in the session cookie.
    pub fn token(&self) -> Option<&str> {
        self.jar.get(self.name()).map(Cookie::value)
    }

    /// Returns the cookies of an answer that sets the session cookie.
    pub fn set(self, token: &str) -> CookieJar {
        let (name, lasts_s) = (self.name(), identity::SESSION_MOST.as_secs());
        let secure = if self.https { "; Secure" } else { "" };
        let text =
            format!("{name}={token}; HttpOnly; SameSite=Lax; Path=/; Max-Age={lasts_s}{secure}");
        self.jar
            .add(Cookie::parse(text).expect("a token is made of letters that a cookie may have"))
    }

    /// Returns the cookies of an answer that does not change the session cookie.
    pub fn keep(self) -> CookieJar {
        self.jar
    }

    /// Returns the cookies of an answer that removes the session cookie.
    pub fn unset(self) -> CookieJar {
        let gone = Cookie::build(self.name()).path("/").secure(self.https).http_only(true);
        self.jar.remove(gone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_comes_from_where_the_last_believed_proxy_says() {
        let (proxy, inner): (IpAddr, IpAddr) =
            ("127.0.0.1".parse().unwrap(), "10.0.0.2".parse().unwrap());
        let from = |peer: IpAddr, said: &'static str| {
            let mut extensions = Extensions::new();
            extensions.insert(ConnectInfo(SocketAddr::new(peer, 1)));
            let headers =
                HeaderMap::from_iter([("x-forwarded-for".parse().unwrap(), said.parse().unwrap())]);
            address(&extensions, &headers, &[proxy, inner]).unwrap().to_string()
        };
        assert_eq!(from(proxy, "203.0.113.9"), "203.0.113.9");
        assert_eq!(
            from(proxy, "198.51.100.1, 203.0.113.9, 10.0.0.2"),
            "203.0.113.9",
            "what the browser itself claims does not count"
        );
        assert_eq!(from("192.0.2.7".parse().unwrap(), "203.0.113.9"), "192.0.2.7", "nobody's word");
        assert_eq!(from(proxy, "nonsense"), "127.0.0.1");
        for written in ["203.0.113.9:443", "::ffff:203.0.113.9", "[::ffff:203.0.113.9]:443"] {
            assert_eq!(from(proxy, written), "203.0.113.9");
        }
        assert_eq!(from(proxy, "[2001:db8::9]"), "2001:db8::9");
        for unknown in ["203.0.113.9, unknown", "203.0.113.9, ", "203.0.113.9, _hidden, 10.0.0.2"] {
            assert_eq!(from(proxy, unknown), "127.0.0.1", "{unknown}: the browser's own claim");
        }
    }
}
