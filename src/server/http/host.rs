//! The host that a request names: its form, and whether a page whose name was pointed at this
//! server (DNS rebinding) may have sent the request.
//!
//! To a browser such a page and this server are one site, so the page reads the answers. It runs in
//! a browser of the home, and so it reaches servers that its author does not. It has no cookie and
//! no link of this server, because browsers keep cookies by name. Routes that need a session, a link
//! or a signature refuse it, and answer under every name: no list of names is
//! complete (proxies, dynamic DNS, routers), and a host check must never stop an SOS. Two things
//! are closed to names that the server does not have: signing in with a password or a recovery code
//! ([`NotRebound`]), and the address for metrics ([`known_only`]).

use super::{cookie, errors::ApiError};
use crate::{
    api::problem::Code,
    domain::host_name::is_local_name,
    server::{
        limits::LogLimit,
        state::{AppState, handles},
    },
};
use axum::{
    extract::{FromRef, FromRequestParts, Request, State},
    http::{Extensions, HeaderMap, HeaderValue, Uri, Version, header, request::Parts},
    middleware::Next,
    response::{IntoResponse, Response},
};
use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::{Arc, LazyLock},
};

/// The longest name of a host, bytes (RFC 1035, 2.3.4, as text).
const NAME_MOST: usize = 253;
/// Any page can send requests under its own name.
static REFUSALS: LazyLock<LogLimit> = LazyLock::new(LogLimit::new);

/// Why the host of a request cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum HostError {
    /// There is none.
    Missing,
    /// There are several.
    Repeated,
    /// It is not a host with an optional port.
    Malformed,
    /// The target of the request has another one.
    Contradicted,
}

impl From<HostError> for ApiError {
    fn from(error: HostError) -> Self {
        let detail = match error {
            HostError::Missing => "The request names no host.",
            HostError::Repeated => "The request has several Host headers.",
            HostError::Malformed => "The host of the request is not valid.",
            HostError::Contradicted => "The Host header is not the host of the request's target.",
        };
        Self::new(Code::MalformedRequest, detail)
    }
}

/// A host and its port: `uri-host [ ":" port ]` (RFC 9110, 7.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Authority<'a> {
    text: &'a str,
    /// The name, or the address; one of IPv6 is in brackets.
    host: &'a str,
    port: Option<u16>,
}

impl<'a> Authority<'a> {
    /// Parses it. User information is refused (RFC 9110, 4.2.4).
    fn parse(text: &'a str) -> Option<Self> {
        let end = match text.strip_prefix('[') {
            Some(address) => address.find(']')? + "[]".len(),
            None => text.find(':').unwrap_or(text.len()),
        };
        let (host, rest) = text.split_at_checked(end)?;
        let is_host = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
            Some(address) => address.parse::<Ipv6Addr>().is_ok(),
            None => (1..=NAME_MOST).contains(&host.len()) && host.bytes().all(is_in_names),
        };
        let port = match rest.strip_prefix(':') {
            None if !rest.is_empty() => return None,
            None | Some("") => None,
            Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => {
                Some(digits.parse().ok()?)
            }
            Some(_) => return None,
        };
        is_host.then_some(Self { text, host, port })
    }

    /// Whether both are the same where the scheme has that port (RFC 3986, 6.2.3).
    fn is(&self, other: &Self, default_port: u16) -> bool {
        let port = |authority: &Self| authority.port.unwrap_or(default_port);
        self.host.eq_ignore_ascii_case(other.host) && port(self) == port(other)
    }

    /// Whether no other site has this host: it is an IP address, a name that public DNS does not
    /// have, or one of `hosts`, the names that the configuration gives this server.
    fn is_known(&self, hosts: &[String]) -> bool {
        let name = self.host.strip_suffix('.').unwrap_or(self.host);
        name.starts_with('[')
            || name.parse::<Ipv4Addr>().is_ok()
            || !name.contains('.')
            || is_local_name(name)
            || hosts.iter().any(|host| host.eq_ignore_ascii_case(name))
    }
}

/// Whether a name may have this character (`reg-name` of RFC 3986, 3.2.2).
fn is_in_names(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~%!$&'()*+,;=".contains(&byte)
}

/// The host that a request names in its target (absolute form; `:authority` in HTTP/2), in `Host`,
/// or the same one in both. Requests of HTTP/1.0 need none, such as those of load balancers that
/// ask whether the server lives; no browser sends them.
///
/// # Errors
/// The forms that RFC 9112, 3.2, and RFC 9113, 8.3.1, call malformed, and an absolute form that
/// contradicts `Host`: a proxy may have believed the other one.
fn authority<'a>(
    version: Version,
    uri: &'a Uri,
    headers: &'a HeaderMap,
) -> Result<Option<Authority<'a>>, HostError> {
    let mut lines = headers.get_all(header::HOST).iter();
    let line = lines.next();
    if lines.next().is_some() {
        return Err(HostError::Repeated);
    }
    let parsed = |text| Authority::parse(text).ok_or(HostError::Malformed);
    let text = line.map(HeaderValue::to_str).transpose().map_err(|_| HostError::Malformed)?;
    let line = text.map(parsed).transpose()?;
    let target = uri.authority().map(|authority| parsed(authority.as_str())).transpose()?;
    let default_port = if uri.scheme_str() == Some("https") { 443 } else { 80 };
    match (target, line) {
        (Some(target), Some(line)) if !target.is(&line, default_port) => {
            Err(HostError::Contradicted)
        }
        (None, None) if version > Version::HTTP_10 => Err(HostError::Missing),
        (target, line) => Ok(target.or(line)),
    }
}

/// Passes a request on whose host has a valid form.
pub(super) async fn checked(request: Request, next: Next) -> Response {
    match authority(request.version(), request.uri(), request.headers()) {
        Ok(_) => next.run(request).await,
        Err(error) => ApiError::from(error).into_response(),
    }
}

/// Passes a request on that names a host of this server, however it came.
pub(super) async fn known_only(
    State(hosts): State<Arc<[String]>>,
    request: Request,
    next: Next,
) -> Response {
    match authority(request.version(), request.uri(), request.headers()) {
        Ok(Some(authority)) if !authority.is_known(&hosts) => misdirected(
            &authority,
            "Metrics are not served under this name. Use 127.0.0.1 or localhost.",
        )
        .into_response(),
        _ => next.run(request).await,
    }
}

/// Refuses a request for a host of somebody else (RFC 9110, 7.4).
fn misdirected(authority: &Authority, detail: &str) -> ApiError {
    if REFUSALS.allows() {
        tracing::warn!(
            host = authority.text,
            "refused a request for a host that is not this server; if people reach the server by \
             that name, add it to hosts"
        );
    }
    ApiError::new(Code::UnknownHost, detail)
}

handles! {
    /// What the configuration says of how browsers reach this server.
    struct Site {
        hosts: Arc<[String]>,
        trusted_proxies: Arc<[IpAddr]>,
    }
}

/// A request that no page of a rebound name sent. Signing in with a password or a recovery code
/// needs it: such a page could guess, and use up the guesses of the account and of the home's
/// network. A passkey does not need it, because the authenticator signs the name of the page.
pub struct NotRebound;

impl FromRequestParts<AppState> for NotRebound {
    type Rejection = ApiError;
    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, ApiError> {
        let Site { hosts, trusted_proxies } = Site::from_ref(app);
        match authority(parts.version, &parts.uri, &parts.headers)? {
            Some(authority)
                if !authority.is_known(&hosts)
                    && may_be_rebound(&parts.extensions, &parts.headers, &trusted_proxies) =>
            {
                Err(misdirected(
                    &authority,
                    "The server does not know the name in the address bar, so nobody can sign in \
                     here. Open it by its IP address, or let its administrator add the name to \
                     “hosts” in the configuration.",
                ))
            }
            _ => Ok(Self),
        }
    }
}

/// Whether a page of a rebound name can have sent a request that names a public host. It cannot
///
/// - over HTTPS, because this server's certificate is not for that page's name;
/// - with `Sec-Fetch-Site`: browsers send it only over HTTPS and on one machine (Fetch Metadata
///   Request Headers, 2), and no script can set it. This serves people behind a proxy that is not
///   in `trusted_proxies`;
/// - from the Internet: its author gets the same answers without it. That does not hold for IPv6,
///   where the devices of a home have public addresses.
fn may_be_rebound(extensions: &Extensions, headers: &HeaderMap, proxies: &[IpAddr]) -> bool {
    let is_from_internet = match cookie::address(extensions, headers, proxies) {
        Some(IpAddr::V4(address)) => !is_near(address),
        Some(IpAddr::V6(_)) | None => false,
    };
    !is_from_internet
        && !cookie::is_https(extensions, headers, proxies)
        && !headers.contains_key("sec-fetch-site")
}

/// Whether an address is of this machine or of a network without public addresses, such as a home's
/// (RFC 1918, RFC 3927) or that of a VPN or a provider (RFC 6598).
fn is_near(address: Ipv4Addr) -> bool {
    let is_shared = matches!(address.octets(), [100, 64..=127, ..]);
    address.is_loopback() || address.is_private() || address.is_link_local() || is_shared
}

/// A request that no page of another site sent. A WebSocket needs it: it begins with a GET request,
/// which `CsrfLayer` lets pass, and a browser sends the cookie with it.
pub struct SameOrigin;

impl<S: Send + Sync> FromRequestParts<S> for SameOrigin {
    type Rejection = ApiError;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        match is_foreign(parts.version, &parts.uri, &parts.headers) {
            false => Ok(Self),
            true => Err(ApiError::new(Code::NotAllowed, "Only this server's own page can look.")),
        }
    }
}

/// Whether a page of another site sent the request. A browser sends the cookie with such a request,
/// too.
pub fn is_foreign(version: Version, uri: &Uri, headers: &HeaderMap) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else { return false };
    let from = origin.to_str().ok().and_then(|origin| origin.split_once("://"));
    let host = authority(version, uri, headers).ok().flatten();
    from.zip(host).is_none_or(|((_, from), host)| !host.text.eq_ignore_ascii_case(from))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::Encrypted;
    use axum::extract::ConnectInfo;
    use std::net::SocketAddr;

    fn parts(version: Version, target: &str, headers: &[(&str, &str)]) -> Parts {
        let builder = Request::builder().version(version).uri(target);
        let builder = headers.iter().fold(builder, |builder, (name, value)| {
            builder.header(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap())
        });
        builder.body(()).unwrap().into_parts().0
    }

    /// The host of a request with this target and these `Host` headers.
    fn host_of(
        version: Version,
        target: &str,
        hosts: &[&str],
    ) -> Result<Option<String>, HostError> {
        let hosts: Vec<_> = hosts.iter().map(|host| ("host", *host)).collect();
        let parts = parts(version, target, &hosts);
        let authority = authority(parts.version, &parts.uri, &parts.headers)?;
        Ok(authority.map(|authority| authority.host.to_owned()))
    }

    #[test]
    fn request_names_exactly_one_host() {
        let of = |target: &str, hosts: &[&str]| host_of(Version::HTTP_11, target, hosts);
        for (host, name) in [
            ("home", "home"),
            ("home:8080", "home"),
            ("home:", "home"),
            ("SOS.example.org.", "SOS.example.org."),
            ("192.0.2.1:80", "192.0.2.1"),
            ("[2001:db8::1]:8080", "[2001:db8::1]"),
            ("a_b-c.lan", "a_b-c.lan"),
        ] {
            assert_eq!(of("/", &[host]), Ok(Some(name.into())), "{host}");
        }
        for host in [
            "",
            ":80",
            "home:80:80",
            "home:+80",
            "home:65536",
            "home:http",
            "me@home",
            "home/evil",
            "home evil",
            "a, b",
            "höme",
            "[::1",
            "[::1]80",
            "[home]",
            "::1",
            &"a".repeat(NAME_MOST + 1),
        ] {
            assert_eq!(of("/", &[host]), Err(HostError::Malformed), "{host}");
        }
        assert_eq!(of("/", &[]), Err(HostError::Missing));
        assert_eq!(of("/", &["home", "home"]), Err(HostError::Repeated));
        assert_eq!(of("http://home/", &["home", "evil.example"]), Err(HostError::Repeated));
        assert_eq!(host_of(Version::HTTP_10, "/", &[]), Ok(None), "a load balancer");
    }

    #[test]
    fn absolute_form_and_authority_agree_with_host() {
        for version in [Version::HTTP_11, Version::HTTP_2] {
            let of = |target: &str, hosts: &[&str]| host_of(version, target, hosts);
            assert_eq!(of("https://home/x", &[]), Ok(Some("home".into())));
            for same in ["home", "HOME", "home:443"] {
                assert_eq!(of("https://home/x", &[same]), Ok(Some("home".into())), "{same}");
            }
            for other in ["evil.example", "home:8443", "home:80", "home."] {
                let refused = Err(HostError::Contradicted);
                assert_eq!(of("https://home/x", &[other]), refused, "{other}");
            }
            assert_eq!(of("http://home/", &["home:80"]), Ok(Some("home".into())));
            assert_eq!(of("http://me@home/", &["home"]), Err(HostError::Malformed));
        }
    }

    #[test]
    fn known_host_is_one_that_no_other_site_has() {
        let hosts = ["sos.example.org".to_owned()];
        let is_known = |host: &str| Authority::parse(host).unwrap().is_known(&hosts);
        for host in [
            "127.0.0.1:8080",
            "203.0.113.9",
            "[::1]:8080",
            "localhost",
            "LOCALHOST:8080",
            "app.localhost",
            "buckler",
            "buckler.local",
            "buckler.LOCAL.",
            "buckler.lan",
            "buckler.internal",
            "buckler.home.arpa",
            "buckler.home",
            "sos.example.org",
            "SOS.Example.org.:8443",
        ] {
            assert!(is_known(host), "{host}");
        }
        for host in [
            "evil.example",
            "sos.example.org.evil.example",
            "evil-sos.example.org",
            "local.evil.example",
            "127.0.0.1.evil.example",
            "lan.example",
            "evillan.example",
        ] {
            assert!(!is_known(host), "{host}");
        }
    }

    #[test]
    fn page_is_rebound_only_near_by_and_over_plain_http() {
        let proxies = ["192.168.1.2".parse().unwrap()];
        let is_rebound = |peer: &str, encrypted: bool, headers: &[(&str, &str)]| {
            let Parts { mut extensions, headers, .. } = parts(Version::HTTP_11, "/", headers);
            extensions.insert(ConnectInfo(SocketAddr::new(peer.parse().unwrap(), 1)));
            if encrypted {
                extensions.insert(Encrypted);
            }
            may_be_rebound(&extensions, &headers, &proxies)
        };
        let near = ["127.0.0.1", "10.0.0.2", "192.168.1.9", "169.254.1.1", "100.64.0.1", "fd00::2"];
        for peer in near.into_iter().chain(["2001:db8::9"]) {
            assert!(is_rebound(peer, false, &[]), "{peer}");
            assert!(!is_rebound(peer, true, &[]), "{peer}: our certificate is not for that name");
            assert!(!is_rebound(peer, false, &[("sec-fetch-site", "same-origin")]), "{peer}");
            // Everybody can claim to be a proxy.
            assert!(is_rebound(peer, false, &[("x-forwarded-proto", "https")]), "{peer}");
            assert!(is_rebound(peer, false, &[("x-forwarded-for", "203.0.113.9")]), "{peer}");
        }
        for peer in ["203.0.113.9", "100.128.0.1"] {
            assert!(!is_rebound(peer, false, &[]), "{peer}: its author reaches the server, too");
        }
        let proxied = |headers: &[(&str, &str)]| is_rebound("192.168.1.2", false, headers);
        assert!(proxied(&[]), "a proxy that says nothing");
        assert!(proxied(&[("x-forwarded-proto", "http")]));
        assert!(!proxied(&[("x-forwarded-proto", "https")]));
        assert!(!proxied(&[("x-forwarded-for", "203.0.113.9")]));
        assert!(proxied(&[("x-forwarded-for", "192.168.1.9")]));
    }

    #[tokio::test]
    async fn a_page_of_another_site_does_not_look() {
        let is_same = async |origin: Option<&str>| {
            let headers = [("host", Some("buckler.home:8080")), ("origin", origin)];
            let headers: Vec<_> =
                headers.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
            let mut parts = parts(Version::HTTP_11, "/", &headers);
            SameOrigin::from_request_parts(&mut parts, &()).await.is_ok()
        };
        assert!(is_same(None).await && is_same(Some("https://buckler.home:8080")).await);
        for foreign in [
            "https://evil.example",
            "null",
            "https://buckler.home",
            "https://buckler.home:8080.evil.example",
        ] {
            assert!(!is_same(Some(foreign)).await, "{foreign}");
        }
    }
}
