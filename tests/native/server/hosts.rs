//! The host of a request. Each request names one. A page whose name was pointed at this machine
//! (DNS rebinding) signs nobody in and reads no metrics, and an SOS goes on under every name.

use super::{Killed, Person, Server, cameras::free_port, hostile::send, program, rights, until};
use std::process::Stdio;

/// A name that a page of another site has pointed at this machine.
const REBOUND: &str = "page.evil.example:8080";
const SIGN_IN: &str = r#"{"email":"owner@demo.test","password":"buckler-demo"}"#;
const RECOVER: &str = r#"{"email":"owner@demo.test","code":"aaaaa-aaaaa"}"#;

/// A request with these headers and this body, after which the server closes the connection.
fn request(first: &str, headers: &[&str], body: &str) -> Vec<u8> {
    let headers: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
    let length = body.len();
    format!(
        "{first}\r\nconnection: close\r\n{headers}content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

/// Signs in with these headers. Returns the status.
async fn sign_in(server: &Server, headers: &[&str]) -> u16 {
    let bytes = request("POST /api/v1/session HTTP/1.1", headers, SIGN_IN);
    let ask = || async {
        let status = send(&server.base, &bytes).await.0;
        (status != 429).then_some(status)
    };
    until("a place in the line", ask).await
}

/// RFC 9112, 3.2.
#[tokio::test]
async fn request_without_exactly_one_host_is_refused() {
    let server = Server::start("30s").await;
    let get = |target: &str, hosts: &[&str]| request(&format!("GET {target} HTTP/1.1"), hosts, "");
    for (what, bytes) in [
        ("none", get("/healthz", &[])),
        ("two", get("/healthz", &["host: home", "host: evil.example"])),
        ("the same twice", get("/healthz", &["host: home", "host: home"])),
        ("two in one", get("/healthz", &["host: home, evil.example"])),
        ("an empty one", get("/healthz", &["host:"])),
        ("one with a user", get("/healthz", &["host: me@home"])),
        ("one with a word as its port", get("/healthz", &["host: home:http"])),
        ("a target of another host", get("http://evil.example/healthz", &["host: home"])),
        ("a target of another port", get("http://home:81/healthz", &["host: home"])),
        ("an SOS to two", {
            let first = "POST /api/v1/homes/maple-street/incidents HTTP/1.1";
            request(first, &["host: home", "host: evil.example"], "{}")
        }),
    ] {
        let (status, said) = send(&server.base, &bytes).await;
        assert_eq!(status, 400, "{what}: {said}");
        for part in ["application/problem+json", "malformed_request", "x-frame-options"] {
            assert!(said.contains(part), "{what}: {said}");
        }
        assert!(!said.contains("evil.example"), "{what}: {said}");
    }
    for (what, bytes) in [
        ("a name", get("/healthz", &["host: home"])),
        ("an address", get("/healthz", &["host: [::1]:8080"])),
        ("a target of the same host", get("http://home/healthz", &["host: HOME:80"])),
        ("a load balancer's", request("GET /healthz HTTP/1.0", &[], "")),
    ] {
        let (status, said) = send(&server.base, &bytes).await;
        assert_eq!(status, 200, "{what}: {said}");
    }
}

/// The page runs in a browser of the home, and reaches servers that its author does not.
#[tokio::test]
async fn rebound_page_signs_nobody_in_and_reads_no_metrics() {
    let server = Server::start("30s").await;
    let (app, metrics) = (&server.base, &server.metrics);
    let names = [format!("host: {REBOUND}"), format!("origin: http://{REBOUND}")];
    // It can claim to be a proxy.
    let claims = ["x-forwarded-proto: https", "x-forwarded-for: 203.0.113.9"];
    let headers = [names[0].as_str(), &names[1], claims[0], claims[1]];
    for (base, first, body, expected) in [
        (app, "POST /api/v1/session", SIGN_IN, 421),
        (app, "POST /api/v1/session/recovery", RECOVER, 421),
        (app, "GET /api/v1/me", "", 401),
        (app, "GET /api/v1/homes/maple-street", "", 401),
        (app, "GET /metrics", "", 404),
        (metrics, "GET /metrics", "", 421),
        (metrics, "GET /readyz", "", 421),
        (metrics, &format!("GET http://{REBOUND}/metrics"), "", 421),
    ] {
        let (status, said) =
            send(base, &request(&format!("{first} HTTP/1.1"), &headers, body)).await;
        assert_eq!(status, expected, "{first}: {said}");
        assert!(status != 421 || said.contains("unknown_host"), "{first}: {said}");
        for secret in ["set-cookie", "buckler_", "evil.example", "store: "] {
            assert!(!said.contains(secret), "{first}: {said}");
        }
    }
    let absolute =
        request(&format!("GET http://{REBOUND}/metrics HTTP/1.1"), &["host: 127.0.0.1"], "");
    assert_eq!(send(metrics, &absolute).await.0, 400);
}

/// Nobody is without help because the server was installed without its name.
#[tokio::test]
async fn sos_goes_on_under_a_name_that_nobody_configured() {
    let server = Server::start("30s").await;
    let owner = server.sign_in("owner").await;
    let link = owner.phone_of("maple-street", 0).await;
    let sos = rights::raise_body(&owner.server_time().await).to_string();
    let cookie = format!("cookie: {}", owner.cookie().await);
    let signed_in = ["host: home.dyndns.example:8080", &cookie];
    let ask = async |first: &str, headers: &[&str], body: &str| {
        send(&server.base, &request(&format!("{first} HTTP/1.1"), headers, body)).await
    };
    let raised = ask("POST /api/v1/homes/maple-street/incidents", &signed_in, &sos).await;
    assert_eq!(raised.0, 201, "{}", raised.1);
    let home = ask("GET /api/v1/homes/maple-street", &signed_in, "").await;
    assert!(home.0 == 200 && home.1.contains("counting_down"), "{}", home.1);
    let page = ask(&format!("GET {link}"), &signed_in[..1], "").await;
    assert_eq!(page.0, 200, "a contact's page: {}", page.1);
    assert_eq!(ask("GET /readyz", &signed_in[..1], "").await.0, 200, "a load balancer's question");
}

#[tokio::test]
async fn sign_in_under_a_public_name_needs_https_or_its_entry() {
    let server = Server::with_file(
        "public_url = \"https://sos.example.org\"\nhosts = [\"sos.example.net\"]\ntrusted_proxies = [\"127.0.0.1\"]\n",
    )
    .await;
    for host in ["sos.example.org", "SOS.example.net.:8443", "buckler.local", "192.0.2.7", "[::1]"]
    {
        assert_eq!(sign_in(&server, &[&format!("host: {host}")]).await, 200, "{host}");
    }
    let unknown = "host: sos.example.com";
    for (header, expected) in [
        ("x: y", 421),
        ("x-forwarded-proto: http", 421),
        ("x-forwarded-for: 192.168.1.9", 421),
        ("x-forwarded-proto: https", 200),
        ("x-forwarded-for: 203.0.113.9", 200),
        ("sec-fetch-site: same-origin", 200),
    ] {
        assert_eq!(sign_in(&server, &[unknown, header]).await, expected, "{header}");
    }
}

#[tokio::test]
async fn server_starts_though_the_address_of_metrics_is_taken() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
    let metrics = taken.local_addr().unwrap().to_string();
    let words = ["serve", "--demo", "--metrics-listen", &metrics];
    let mut command = program(&words, port, &folder.path().join("data"));
    let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let _server = Killed(child);
    Person::at(port).await;
}
