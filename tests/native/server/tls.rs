//! The real binary with its own HTTPS: what a browser is told, a stream of live events, and
//! certificate renewal.

use super::{Killed, cameras::free_port, program, until};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
    sync::Arc,
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::{
    TlsConnector,
    client::TlsStream,
    rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs, pki_types::CertificateDer},
};

/// The server of this build, with a certificate in its folder.
struct OverTls {
    child: Killed,
    port: u16,
    folder: TempDir,
}

/// Writes a new certificate for localhost and its key into the folder.
fn certify(folder: &Path) -> CertificateDer<'static> {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    fs::write(folder.join("cert.pem"), cert.pem()).unwrap();
    fs::write(folder.join("key.pem"), signing_key.serialize_pem()).unwrap();
    cert.der().clone()
}

/// The program with that certificate.
fn certified(words: &[&str], port: u16, folder: &Path) -> Command {
    let mut command = program(words, port, &folder.join("data"));
    command
        .arg("--tls-cert")
        .arg(folder.join("cert.pem"))
        .arg("--tls-key")
        .arg(folder.join("key.pem"));
    command
}

impl OverTls {
    async fn start() -> (Self, CertificateDer<'static>) {
        let folder = tempfile::tempdir().unwrap();
        let certificate = certify(folder.path());
        let port = free_port();
        let child = certified(&["serve", "--demo"], port, folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let server = Self { child: Killed(child), port, folder };
        until("the server", || async { server.connect(&certificate).await }).await;
        (server, certificate)
    }

    /// Connects with a client that trusts only this certificate.
    async fn connect(&self, certificate: &CertificateDer<'static>) -> Option<TlsStream<TcpStream>> {
        self.connect_with(certificate, &[]).await
    }

    /// Connects with a client that offers these protocols (ALPN).
    async fn connect_with(
        &self,
        certificate: &CertificateDer<'static>,
        protocols: &[&str],
    ) -> Option<TlsStream<TcpStream>> {
        let mut roots = RootCertStore::empty();
        roots.add(certificate.clone()).unwrap();
        let config = ClientConfig::builder_with_provider(aws_lc_rs::default_provider().into())
            .with_safe_default_protocol_versions()
            .unwrap();
        let mut config = config.with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols =
            protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
        let socket = TcpStream::connect(("127.0.0.1", self.port)).await.ok()?;
        TlsConnector::from(Arc::new(config))
            .connect("localhost".try_into().unwrap(), socket)
            .await
            .ok()
    }

    /// Sends a request, and reads until the text `upto` arrives.
    async fn ask(
        &self,
        certificate: &CertificateDer<'static>,
        request: &str,
        upto: &str,
    ) -> String {
        let mut socket = self.connect(certificate).await.unwrap();
        socket.write_all(request.as_bytes()).await.unwrap();
        let mut text = String::new();
        while !text.contains(upto) {
            let mut part = [0; 4096];
            let read = socket.read(&mut part).await.unwrap();
            assert!(read > 0, "{upto:?} does not come after {text}");
            text += &String::from_utf8_lossy(&part[..read]);
        }
        text
    }

    fn hang_up(&self) {
        let pid = rustix::process::Pid::from_child(&self.child.0);
        rustix::process::kill_process(pid, rustix::process::Signal::HUP).unwrap();
    }
}

#[tokio::test]
async fn over_its_own_tls_sessions_are_bound_to_https_and_events_flow() {
    let (server, certificate) = OverTls::start().await;
    let body = r#"{"email":"owner@demo.test","password":"buckler-demo"}"#;
    let sign_in = format!(
        "POST /api/v1/session HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let answer = server.ask(&certificate, &sign_in, "owner@demo.test").await;
    assert!(
        answer.contains("strict-transport-security: max-age=63072000; includeSubDomains"),
        "{answer}"
    );
    let cookie = answer.lines().find_map(|line| line.strip_prefix("set-cookie: ")).unwrap();
    assert!(cookie.starts_with("__Host-buckler_session=") && cookie.contains("Secure"), "{cookie}");
    let session = cookie.split(';').next().unwrap();
    let events = format!(
        "GET /api/v1/homes/maple-street/events HTTP/1.1\r\nhost: localhost\r\ncookie: {session}\r\n\r\n"
    );
    let stream = server.ask(&certificate, &events, "event: snapshot").await;
    assert!(stream.starts_with("HTTP/1.1 200 OK"), "{stream}");
    // A client without TLS gets no answer.
    let mut plain = TcpStream::connect(("127.0.0.1", server.port)).await.unwrap();
    plain.write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    let mut said = Vec::new();
    let _ = plain.read_to_end(&mut said).await;
    assert!(!String::from_utf8_lossy(&said).contains("HTTP"), "{said:?}");
}

/// Over HTTP/2 a browser has one connection, so event streams never make an SOS wait for one (RFC
/// 9113).
#[tokio::test]
async fn over_http_2_fifteen_streams_and_an_sos_share_one_connection() {
    let (server, certificate) = OverTls::start().await;
    let certificate = reqwest::Certificate::from_der(&certificate).unwrap();
    let client = reqwest::Client::builder()
        .tls_certs_only([certificate])
        .cookie_store(true)
        .build()
        .unwrap();
    let url = |path: &str| format!("https://localhost:{}{path}", server.port);
    let sign_in = |origin: String| {
        let body = serde_json::json!({"email": "owner@demo.test", "password": "buckler-demo"});
        client.post(url("/api/v1/session")).header("origin", origin).json(&body).send()
    };
    // Without a `Host` header, the server compares the origin with the request's authority.
    assert_eq!(sign_in("https://evil.example".into()).await.unwrap().status(), 403);
    let answer = sign_in(format!("https://localhost:{}", server.port)).await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.version()), (200, reqwest::Version::HTTP_2));
    let mut streams = Vec::new();
    for _ in 0..15 {
        let stream = client.get(url("/api/v1/homes/maple-street/events")).send().await.unwrap();
        assert_eq!((stream.status().as_u16(), stream.version()), (200, reqwest::Version::HTTP_2));
        streams.push(stream);
    }
    let me: serde_json::Value =
        client.get(url("/api/v1/homes/maple-street")).send().await.unwrap().json().await.unwrap();
    let sos = serde_json::json!({
        "id": "0198c0de-0000-7000-8000-0000000000ab", "request": "police", "mode": "live", "source": {"surface": "dashboard"},
        "sent_at": me["server_time"],
    });
    let raised =
        client.post(url("/api/v1/homes/maple-street/incidents")).json(&sos).send().await.unwrap();
    assert_eq!((raised.status().as_u16(), raised.version()), (201, reqwest::Version::HTTP_2));
    for stream in &mut streams {
        let mut heard = String::new();
        while !heard.contains("event: incident") {
            heard += &String::from_utf8_lossy(&stream.chunk().await.unwrap().expect("it goes on"));
        }
    }
}

#[tokio::test]
async fn over_http_2_who_says_nothing_loses_the_connection() {
    let (server, certificate) = OverTls::start().await;
    let mut silent = server.connect_with(&certificate, &["h2"]).await.unwrap();
    assert_eq!(silent.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    // The preface and empty settings (RFC 9113, 3.4), without any request.
    let mut idle = server.connect_with(&certificate, &["h2"]).await.unwrap();
    idle.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.unwrap();
    let closed = async |socket: &mut TlsStream<TcpStream>| {
        let mut said = Vec::new();
        // How the connection ends does not matter.
        let _ =
            tokio::time::timeout(std::time::Duration::from_secs(90), socket.read_to_end(&mut said))
                .await
                .expect("it is closed");
    };
    tokio::join!(closed(&mut silent), closed(&mut idle));
}

#[tokio::test]
async fn check_finds_a_server_with_its_own_tls() {
    let (server, _certificate) = OverTls::start().await;
    let done = certified(&["check"], server.port, server.folder.path()).output().unwrap();
    let told = String::from_utf8_lossy(&done.stdout);
    assert!(told.contains("server: ready"), "{told}");
}

#[tokio::test]
async fn hangup_takes_a_renewed_certificate_unless_it_is_unusable() {
    let (server, old) = OverTls::start().await;
    let new = certify(server.folder.path());
    assert!(server.connect(&old).await.is_some(), "nothing changes before");
    server.hang_up();
    until("the new certificate", || async { server.connect(&new).await }).await;
    assert!(server.connect(&old).await.is_none());
    fs::write(server.folder.path().join("key.pem"), "nonsense").unwrap();
    server.hang_up();
    // The next signal repairs the certificate, and signals are handled in order: until then the old
    // one is served.
    assert!(server.connect(&new).await.is_some());
    let newest = certify(server.folder.path());
    server.hang_up();
    until("the newest certificate", || async { server.connect(&newest).await }).await;
}

#[test]
fn a_certificate_that_cannot_be_used_is_said_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    certify(folder.path());
    fs::write(folder.path().join("key.pem"), "nonsense").unwrap();
    let said = |folder: &Path| {
        let output = certified(&["serve", "--demo"], 0, folder).output().unwrap();
        assert!(!output.status.success());
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    assert!(said(folder.path()).contains("cannot read the key from"));
    let other = tempfile::tempdir().unwrap();
    certify(other.path());
    fs::copy(other.path().join("key.pem"), folder.path().join("key.pem")).unwrap();
    assert!(
        said(folder.path()).contains("certificate and key cannot be used"),
        "a key of another certificate"
    );
}
