//! Hostile requests, byte by byte: the server refuses each with the right status, and they open
//! nothing and change nothing.

use super::{Person, Server};
use data_encoding::BASE64URL_NOPAD;
use reqwest::StatusCode;
use serde_json::json;
use std::time::Duration;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// Sends exactly these bytes. Returns the status (0 if the connection is closed without an answer)
/// and the whole answer as text.
pub async fn send(base: &str, bytes: &[u8]) -> (u16, String) {
    let mut socket = TcpStream::connect(base.trim_start_matches("http://")).await.unwrap();
    // The server may close the connection before it has read everything.
    let _ = socket.write_all(bytes).await;
    let mut said = Vec::new();
    let _ = tokio::time::timeout(Duration::from_secs(5), socket.read_to_end(&mut said)).await;
    let text = String::from_utf8_lossy(&said).into_owned();
    (text.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0), text)
}

/// A request with these headers and this body, after which the server closes the connection.
fn request(first: &str, headers: &[&str], body: &str) -> Vec<u8> {
    let length = if body.is_empty() {
        String::new()
    } else {
        format!("content-type: application/json\r\ncontent-length: {}\r\n", body.len())
    };
    let headers: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
    format!("{first} HTTP/1.1\r\nhost: home\r\nconnection: close\r\n{headers}{length}\r\n{body}")
        .into_bytes()
}

const SESSION: &str = "POST /api/v1/session";
const RAISE: &str = "POST /api/v1/homes/maple-street/incidents";
const PERSON: &str = "PUT /api/v1/homes/maple-street/people/guest";

/// A description, the bytes, and the accepted statuses. 0 is a closed connection.
type Sent = (&'static str, Vec<u8>, &'static [u16]);

/// Requests without a session.
fn strangers() -> Vec<Sent> {
    [paths(), cookies(), sites(), methods(), broken(), bodies()].concat()
}

fn paths() -> Vec<Sent> {
    let get = |path: &str| request(&format!("GET {path}"), &[], "");
    vec![
        ("a path out of the folder", get("/../../../../etc/passwd.txt"), &[400, 404]),
        ("the same, encoded", get("/..%2f..%2f..%2fetc%2fpasswd"), &[404]),
        ("the same, encoded otherwise", get("/%2e%2e/%2e%2e/%2e%2e/etc/hosts.allow"), &[404]),
        ("the same, with backslashes", get("/..\\..\\..\\windows\\win.ini"), &[400, 404]),
        ("the database", get("/buckler.db"), &[404]),
        ("a hidden file", get("/.git/config.txt"), &[404]),
        ("a file name that is cut", get("/index.html%00.js"), &[404]),
        ("two homes in one path", get("/api/v1/homes/maple-street%2f..%2flake-cabin"), &[401, 404]),
        ("a home that is nothing", get("/api/v1/homes/%00"), &[401, 404]),
        (
            "a home with a long name",
            get(&format!("/api/v1/homes/{}", "a".repeat(5_000))),
            &[401, 404],
        ),
        ("an incident that is a question", get("/api/v1/incidents/'%20OR%201=1%20--"), &[401, 404]),
        ("a link that goes up", get("/api/v1/contact/..%2fme"), &[404]),
        ("a link that is everything", get("/api/v1/contact/%25"), &[404]),
        ("a line break in a path", get("/api/v1/x%0d%0aset-cookie:%20a=b"), &[404]),
    ]
}

fn cookies() -> Vec<Sent> {
    let get = |path: &str| request(&format!("GET {path}"), &[], "");
    let cookie =
        |value: &str| request("GET /api/v1/me", &[&format!("cookie: buckler_session={value}")], "");
    vec![
        ("no cookie", get("/api/v1/me"), &[401]),
        ("an empty cookie", cookie(""), &[401]),
        ("a made-up cookie", cookie("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"), &[401]),
        ("a cookie that asks the database", cookie("' OR ''='"), &[401]),
        ("a very long cookie", cookie(&"A".repeat(8_000)), &[401, 431]),
    ]
}

/// Requests from a page of another site.
fn sites() -> Vec<Sent> {
    let from = |headers: &[&str]| {
        request(SESSION, headers, r#"{"email":"owner@demo.test","password":"buckler-demo"}"#)
    };
    vec![
        (
            "from another site",
            from(&["origin: https://evil.example", "sec-fetch-site: cross-site"]),
            &[403],
        ),
        (
            "from a site beside it",
            from(&["origin: https://other.home", "sec-fetch-site: same-site"]),
            &[403],
        ),
        (
            "from a page without a place",
            from(&["origin: null", "sec-fetch-site: cross-site"]),
            &[403],
        ),
        ("from a browser that says no site", from(&["origin: https://evil.example"]), &[403]),
    ]
}

fn methods() -> Vec<Sent> {
    let connect =
        "CONNECT evil.example:443 HTTP/1.1\r\nhost: evil.example\r\nconnection: close\r\n\r\n";
    vec![
        ("TRACE", request("TRACE /", &[], ""), &[400, 405]),
        ("CONNECT", connect.into(), &[400, 404, 405]),
        ("a method that is none", request("DESTROY /api/v1/session", &[], ""), &[405]),
        (
            "a method in a header",
            request("GET /api/v1/session", &["x-http-method-override: DELETE"], ""),
            &[405],
        ),
    ]
}

/// Bytes that are not HTTP, or not quite.
fn broken() -> Vec<Sent> {
    let raw = |text: &str| text.as_bytes().to_vec();
    vec![
        (
            "a header of 300 kB",
            request("GET /api/v1/me", &[&format!("x: {}", "y".repeat(300_000))], ""),
            &[0, 431],
        ),
        (
            "a head of 40 kB",
            request("GET /api/v1/me", &[&format!("x: {}", "y".repeat(40_000))], ""),
            &[0, 431],
        ),
        (
            "a length below nothing",
            raw("POST /api/v1/session HTTP/1.1\r\nhost: home\r\ncontent-length: -1\r\n\r\n"),
            &[0, 400],
        ),
        (
            "two lengths",
            raw(
                "POST /api/v1/session HTTP/1.1\r\nhost: home\r\ncontent-length: 2\r\ncontent-length: 9\r\n\r\n{}",
            ),
            &[0, 400],
        ),
        (
            "a chunk without a size",
            raw(
                "POST /api/v1/session HTTP/1.1\r\nhost: home\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n{}\r\n",
            ),
            &[0, 400, 422],
        ),
        (
            "a version that there is not",
            raw("GET / HTTP/9.9\r\nhost: home\r\n\r\n"),
            &[0, 400, 505],
        ),
        ("no host", raw("GET /api/v1/me HTTP/1.1\r\nconnection: close\r\n\r\n"), &[400]),
        ("two hosts", request("GET /api/v1/me", &["host: evil.example"], ""), &[400]),
        ("a target of another host", request("GET http://evil.example/api/v1/me", &[], ""), &[400]),
        ("no HTTP at all", raw("\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}"), &[0, 400]),
    ]
}

fn bodies() -> Vec<Sent> {
    let sign_in = |body: &str| request(SESSION, &[], body);
    vec![
        (
            "an e-mail address that is a list",
            sign_in(r#"{"email":["owner@demo.test"],"password":"x"}"#),
            &[422],
        ),
        (
            "a password that is an object",
            sign_in(r#"{"email":"owner@demo.test","password":{"$ne":null}}"#),
            &[422],
        ),
        (
            "more than is asked for",
            sign_in(r#"{"email":"owner@demo.test","password":"x","role":"owner"}"#),
            &[422],
        ),
        (
            "a prototype",
            sign_in(r#"{"__proto__":{"admin":true},"email":"a","password":"b"}"#),
            &[422],
        ),
        (
            "the same twice",
            sign_in(r#"{"email":"a","email":"owner@demo.test","password":"b"}"#),
            &[422],
        ),
        (
            "a password of 10,000 letters",
            sign_in(
                &json!({"email": "owner@demo.test", "password": "x".repeat(10_000)}).to_string(),
            ),
            &[422],
        ),
        (
            "an e-mail address of 1,000 letters",
            sign_in(&json!({"email": "x".repeat(1_000), "password": "x"}).to_string()),
            &[422],
        ),
        ("a body of 200 kB", sign_in(&format!("\"{}\"", "x".repeat(200_000))), &[0, 413]),
        (
            "the first owner again",
            request(
                "POST /api/v1/welcome",
                &[],
                r#"{"token":"","name":"E","email":"e@e.e","password":"three quiet otters","home":"M","time_zone":"UTC"}"#,
            ),
            &[403],
        ),
        ("a request for help", request(RAISE, &[], "{}"), &[401]),
    ]
}

/// Requests with the owner's session.
fn owners(cookie: &str) -> Vec<Sent> {
    let cookie = format!("cookie: {cookie}");
    let get = |path: &str| request(&format!("GET {path}"), &[&cookie], "");
    let put = |first: &str, body: &str| request(first, &[&cookie], body);
    vec![
        (
            "a page of the history that is none",
            get("/api/v1/homes/maple-street/incidents?limit=-1"),
            &[422],
        ),
        (
            "all of the history at once",
            get("/api/v1/homes/maple-street/incidents?limit=1000000000"),
            &[422],
        ),
        (
            "a moment that is a question",
            get("/api/v1/homes/maple-street/incidents?before=now()"),
            &[422],
        ),
        (
            "more than is asked for",
            get("/api/v1/homes/maple-street/incidents?limit=1&where=1"),
            &[422],
        ),
        ("a role that there is not", put(PERSON, r#"{"role":"admin"}"#), &[422]),
        (
            "a person that does not exist",
            put("PUT /api/v1/homes/maple-street/people/..%2fowner", r#"{"role":"guest"}"#),
            &[404],
        ),
        (
            "a name with a line break",
            put("PUT /api/v1/homes/maple-street/name", r#"{"name":"a\r\nb"}"#),
            &[422],
        ),
        (
            "a stream in somebody else's network",
            put(
                "POST /api/v1/homes/maple-street/cameras",
                r#"{"kind":"camera","name":"x","sos_compatible":true,"has_siren":false,"stream":"rtsp://203.0.113.1/x"}"#,
            ),
            &[422],
        ),
        (
            "a stream that is a file",
            put(
                "POST /api/v1/homes/maple-street/cameras",
                r#"{"kind":"camera","name":"x","sos_compatible":true,"has_siren":false,"stream":"file:///etc/passwd"}"#,
            ),
            &[422],
        ),
        (
            "a request with the cookie, from another site",
            request(
                RAISE,
                &[&cookie, "origin: https://evil.example", "sec-fetch-site: cross-site"],
                "{}",
            ),
            &[403],
        ),
    ]
}

/// F40, F41.
#[tokio::test]
async fn nothing_hostile_opens_or_changes_anything() {
    let server = Server::start("30s").await;
    let home = "maple-street".parse().unwrap();
    let before = server.app.homes.get(&home).unwrap();
    let owner = server.sign_in("owner").await;
    let cookie = owner.cookie().await;
    let all: Vec<_> = strangers().into_iter().chain(owners(&cookie)).collect();
    assert!(all.len() >= 50);
    for (what, bytes, right) in all {
        let (status, said) = send(&server.base, &bytes).await;
        assert!(right.contains(&status), "{what}: {status}, not one of {right:?}: {said:.300}");
        let head = said.split("\r\n\r\n").next().unwrap_or_default().to_lowercase();
        assert!(
            !head.contains("set-cookie") && !head.contains("access-control-allow"),
            "{what}: {head}"
        );
        assert!(
            !said.contains("root:")
                && !said.contains("SQLite format")
                && !said.contains("evil.example"),
            "{what}: {said:.300}"
        );
    }
    assert_eq!(
        owner.get("/api/v1/homes/maple-street/incidents").await.1,
        json!([]),
        "nothing was raised"
    );
    assert_eq!(server.app.homes.get(&home).unwrap(), before, "nothing was changed");
}

#[tokio::test]
async fn cookies_that_ended_or_were_stolen_from_the_file_open_nothing() {
    let server = Server::start("30s").await;
    let owner = server.sign_in("owner").await;
    let cookie = owner.cookie().await;
    let me = async |cookie: &str| {
        send(&server.base, &request("GET /api/v1/me", &[&format!("cookie: {cookie}")], "")).await.0
    };
    assert_eq!(me(&cookie).await, 200);
    // The file contains only hashes of tokens, which do not work as tokens.
    let kept =
        server.app.reads.sessions(&"owner".parse().unwrap(), server.app.clock.now()).await.unwrap();
    for session in kept {
        assert_eq!(
            me(&format!("buckler_session={}", BASE64URL_NOPAD.encode(&session.token))).await,
            401
        );
    }
    assert_eq!(
        send(&server.base, &request("DELETE /api/v1/session", &[&format!("cookie: {cookie}")], ""))
            .await
            .0,
        204
    );
    assert_eq!(me(&cookie).await, 401, "replayed after signing out");
}

/// RFC 9112, 6.1: the chunks count, and nothing that follows on the connection is read.
#[tokio::test]
async fn request_with_two_lengths_hides_no_second_one() {
    let server = Server::start("30s").await;
    let (length, chunked) = ("content-length: 4\r\n", "transfer-encoding: chunked\r\n");
    for lengths in [[length, chunked], [chunked, length]] {
        let lengths = lengths.concat();
        let both = format!(
            "POST /api/v1/session HTTP/1.1\r\nhost: home\r\ncontent-type: application/json\r\n{lengths}\r\n\
             2\r\n{{}}\r\n0\r\n\r\nGET /healthz HTTP/1.1\r\nhost: home\r\n\r\n"
        );
        let (status, said) = send(&server.base, both.as_bytes()).await;
        assert_eq!((status, said.matches("HTTP/1.1 ").count()), (422, 1), "{said}");
    }
}

/// The time until a wrong password is refused.
async fn refused_after(person: &Person, email: &str) -> Duration {
    let began = super::instant();
    let (status, _) =
        person.post("/api/v1/session", &json!({"email": email, "password": "wrong"})).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    began.elapsed()
}

#[tokio::test]
async fn signing_in_takes_as_long_for_who_is_unknown() {
    let server = Server::start("30s").await;
    let stranger = server.stranger();
    // The first request also computes the hash for unknown accounts.
    refused_after(&stranger, "nobody@demo.test").await;
    let (mut known, mut unknown) = (Vec::new(), Vec::new());
    for n in 0..9 {
        known.push(refused_after(&stranger, "guest@demo.test").await);
        unknown.push(refused_after(&stranger, &format!("nobody-{n}@demo.test")).await);
    }
    known.sort();
    unknown.sort();
    // Without a hash, an unknown account would be refused a hundred times faster.
    let ratio = known[4].as_secs_f64() / unknown[4].as_secs_f64();
    assert!((0.4..2.5).contains(&ratio), "known / unknown: {ratio:.2}");
}
