//! Heads of requests: cookies, the headers of proxies, origins, and names of browsers.

use super::draw::Draw;
use axum::{
    extract::ConnectInfo,
    http::{Extensions, HeaderMap, HeaderValue, Uri, Version, header},
    response::IntoResponse,
};
use buckler::server::{
    Encrypted,
    http::{
        cookie::{SessionCookie, address, is_https},
        host,
    },
    identity::device,
};
use data_encoding::BASE64URL_NOPAD;
use std::net::{IpAddr, SocketAddr};

const PROXIES: [&str; 2] = ["127.0.0.1", "10.0.0.2"];
const CLIENTS: [&str; 4] = ["203.0.113.9", "198.51.100.7", "2001:db8::9", "192.168.1.9"];
/// What proxies write of a client that they do not know, and what is no address.
const UNKNOWN: [&str; 8] =
    ["", "unknown", "_hidden", "203.0.113", "203.0.113.9.1", "[2001:db8::9", "1.2.3.4:99999", "é"];
/// The longest name of a device, bytes.
const NAME_MOST: usize = 40;

fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

fn proxies() -> [IpAddr; 2] {
    PROXIES.map(ip)
}

fn from(peer: IpAddr, encrypted: bool) -> Extensions {
    let mut extensions = Extensions::new();
    extensions.insert(ConnectInfo(SocketAddr::new(peer, 50_000)));
    if encrypted {
        extensions.insert(Encrypted);
    }
    extensions
}

/// Adds a header, unless no request can have such a value.
fn append(headers: &mut HeaderMap, name: &'static str, value: &[u8]) -> bool {
    let Ok(value) = HeaderValue::from_bytes(value) else { return false };
    headers.append(name, value);
    true
}

/// The cookie that was set is read again, whatever stands beside it, and only on such a connection
/// as it was set on.
pub fn cookies(bytes: &[u8]) {
    let mut draw = Draw::new(bytes);
    let (https, peer) = (draw.yes(), ip(CLIENTS[0]));
    let token = BASE64URL_NOPAD.encode(&[draw.byte(); 32].map(|byte| byte ^ draw.byte()));
    let before = SessionCookie::of(&from(peer, https), &HeaderMap::new(), &[]);
    let response = (before.set(&token), ()).into_response();
    let set: Vec<_> = response.headers().get_all(header::SET_COOKIE).into_iter().collect();
    let [set] = set[..] else { panic!("one cookie is set, not {set:?}") };
    let (pair, attributes) = set.to_str().expect("ASCII").split_once("; ").expect("attributes");
    let has = |attribute: &str| attributes.split("; ").any(|known| known == attribute);
    assert!(has("HttpOnly") && has("SameSite=Lax") && has("Path=/") && has("Secure") == https);
    assert!(pair.starts_with("__Host-") == https && !attributes.contains("Domain"));
    let mut headers = HeaderMap::new();
    let place = draw.below(6);
    for at in 0..6 {
        let mut line = if at == place { pair.as_bytes().to_vec() } else { draw.bytes() };
        // Another cookie of the same name would be another session.
        line.retain(|byte| at == place || *byte != b'_');
        if at != place && draw.yes() {
            line.splice(..0, format!("{pair}; ").into_bytes());
        }
        assert!(append(&mut headers, "cookie", &line) || at != place);
    }
    let again = |https| SessionCookie::of(&from(peer, https), &headers, &[]);
    assert_eq!(again(https).token(), Some(token.as_str()));
    assert_eq!(again(!https).token(), None, "it is of the other kind of connection");
    assert!(!(again(https).keep(), ()).into_response().headers().contains_key(header::SET_COOKIE));
    let gone = (again(https).unset(), ()).into_response();
    let gone = gone.headers().get(header::SET_COOKIE).expect("the cookie is removed");
    let gone = gone.to_str().expect("ASCII");
    let name = pair.split('=').next().expect("a name");
    assert!(gone.starts_with(&format!("{name}=;")) && gone.contains("Max-Age=0"), "{gone}");
    any_cookies(&mut draw);
}

fn any_cookies(draw: &mut Draw) {
    let (mut headers, mut length) = (HeaderMap::new(), 0);
    while !draw.is_over() {
        let line = match draw.yes() {
            true => draw.bytes(),
            false => [&b"buckler_session="[..], &draw.bytes()].concat(),
        };
        length += line.len();
        append(&mut headers, "cookie", &line);
    }
    let cookie = SessionCookie::of(&from(ip(CLIENTS[0]), false), &headers, &[]);
    assert!(cookie.token().is_none_or(|token| token.len() <= length * 3), "nothing grows");
}

/// A request comes from its peer, or from where the last trusted proxy says, and from nowhere else.
pub fn addresses(bytes: &[u8]) {
    let mut draw = Draw::new(bytes);
    let peer = ip(if draw.yes() { draw.one_of(&PROXIES) } else { draw.one_of(&CLIENTS) });
    let (mut headers, mut hops) = (HeaderMap::new(), Vec::new());
    for _ in 0..draw.below(4) {
        let line: Vec<(String, Option<IpAddr>)> =
            (0..=draw.below(3)).map(|_| hop(&mut draw)).collect();
        let text = line.iter().map(|(text, _)| text.as_str()).collect::<Vec<_>>();
        let text = text.join(if draw.yes() { "," } else { " ,\t" });
        assert!(append(&mut headers, "x-forwarded-for", text.as_bytes()));
        match text.is_ascii() {
            true => hops.extend(line.into_iter().map(|(_, hop)| hop)),
            // A line that cannot be read hides who is in it.
            false => hops.push(None),
        }
    }
    let is_client = |hop: &Option<IpAddr>| hop.is_none_or(|hop| !proxies().contains(&hop));
    let client = hops.into_iter().rev().find(is_client).flatten().unwrap_or(peer);
    let is_proxy = proxies().contains(&peer);
    let expected = if is_proxy { client } else { peer };
    let extensions = from(peer, false);
    assert_eq!(address(&extensions, &headers, &proxies()), Some(expected));
    schemes(&mut draw, peer, is_proxy);
    let line = draw.bytes();
    if append(&mut headers, "x-forwarded-for", &line) {
        let found = address(&extensions, &headers, &proxies()).expect("there is a peer");
        assert!(is_proxy || found == peer);
    }
}

/// One hop as a proxy writes it, and the address that it means.
fn hop(draw: &mut Draw) -> (String, Option<IpAddr>) {
    let known = match draw.below(3) {
        0 => return (draw.one_of(&UNKNOWN).into(), None),
        1 => ip(draw.one_of(&PROXIES)),
        _ => ip(draw.one_of(&CLIENTS)),
    };
    let text = match (known, draw.below(3)) {
        (IpAddr::V4(known), 0) => format!("::ffff:{known}"),
        (IpAddr::V6(known), 0) => format!("[{known}]"),
        (known, 1) => SocketAddr::new(known, 443).to_string(),
        (known, _) => known.to_string(),
    };
    (text, Some(known))
}

/// Only the connection itself, or a trusted proxy, says that it is encrypted.
fn schemes(draw: &mut Draw, peer: IpAddr, is_proxy: bool) {
    let (mut headers, said) =
        (HeaderMap::new(), draw.one_of(&["https", "http", "HTTPS", "https,http", ""]));
    if append(&mut headers, "x-forwarded-proto", said.as_bytes()) {
        let is_it = |encrypted| is_https(&from(peer, encrypted), &headers, &proxies());
        assert_eq!((is_it(true), is_it(false)), (true, is_proxy && said == "https"));
    }
}

fn is_foreign(headers: &HeaderMap) -> bool {
    host::is_foreign(Version::HTTP_11, &Uri::from_static("/"), headers)
}

/// Only this server's own page, and what is no page, may open a WebSocket. The name of a browser
/// becomes one of a few.
pub fn origins(bytes: &[u8]) {
    let mut draw = Draw::new(bytes);
    let host = draw.one_of(&["buckler.home:8080", "192.0.2.7", "[2001:db8::9]:443", "a"]);
    let mut headers = HeaderMap::new();
    assert!(append(&mut headers, "host", host.as_bytes()) && !is_foreign(&headers));
    let own = format!("{}://{host}", draw.one_of(&["http", "https"]));
    let origin = match draw.below(4) {
        0 => draw.bytes(),
        1 => format!("{own}{}", draw.one_of(&["", ".evil.example", ":1", "/", " ", "@b"])).into(),
        2 => draw.damaged(own.as_bytes()),
        _ => draw.one_of(&["null", "https://evil.example", "", "file://"]).into(),
    };
    if append(&mut headers, "origin", &origin) {
        let is_own = [format!("http://{host}"), format!("https://{host}")]
            .iter()
            .any(|own| own.as_bytes() == origin);
        // A scheme that no browser has is no other site.
        let is_odd = origin.to_ascii_lowercase().ends_with(format!("://{host}").as_bytes());
        assert!(is_own != is_foreign(&headers) || is_odd);
        headers.remove("host");
        assert!(is_foreign(&headers), "an origin without a host is not its own");
    }
    let name = device::name(&draw.text());
    assert!(!name.is_empty() && name.len() <= NAME_MOST);
    assert!(name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b' '), "{name}");
}

#[cfg(test)]
mod tests {
    use super::{
        super::{bytes, cases},
        *,
    };
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(cases(1_000))]

        #[test]
        fn cookie_is_read_again_whatever_stands_beside_it(bytes in bytes(600)) {
            cookies(&bytes);
        }

        #[test]
        fn request_comes_from_where_a_trusted_proxy_says(bytes in bytes(300)) {
            addresses(&bytes);
        }

        #[test]
        fn page_of_another_site_opens_no_socket(bytes in bytes(300)) {
            origins(&bytes);
        }
    }

    /// A browser sends the cookies of all ports of a host. Text that is not ASCII in one of them
    /// signed its user out.
    #[test]
    fn cookie_of_another_app_hides_no_session() {
        let mut headers = HeaderMap::new();
        assert!(append(&mut headers, "cookie", "city=Köln; buckler_session=abc".as_bytes()));
        let cookie = SessionCookie::of(&from(ip(CLIENTS[0]), false), &headers, &[]);
        assert_eq!(cookie.token(), Some("abc"));
    }
}
