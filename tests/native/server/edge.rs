//! What holds for every request: its id in the answer and in the log, the time that it may take, and how much may be open at once.

use super::{PATIENCE, Server, until};
use reqwest::StatusCode;
use serde_json::{Value, json};
use std::{
    io::{self, Write},
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

const EVENTS: &str = "/api/v1/homes/maple-street/events";
/// Longer than any limit on a request.
const TOO_LONG: Duration = Duration::from_secs(90);

/// What was logged, as JSON.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Write::write(&mut *self.0.lock().unwrap(), bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Lines {
    /// The lines of the current thread, on which everything of a test runs.
    fn of_this_thread() -> (Self, tracing::subscriber::DefaultGuard) {
        let lines = Self::default();
        let writer = lines.clone();
        let subscriber = tracing_subscriber::fmt().json().flatten_event(true).with_writer(move || writer.clone()).finish();
        (lines, tracing::subscriber::set_default(subscriber))
    }

    fn all(&self) -> Vec<Value> {
        let bytes = self.0.lock().unwrap().clone();
        bytes.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect()
    }
}

#[tokio::test]
async fn the_id_of_a_request_is_in_its_answer_and_in_each_log_line_up_to_the_step_of_the_incident() {
    let (lines, _guard) = Lines::of_this_thread();
    let server = Server::start("30s").await;
    let owner = server.sign_in("owner").await;
    let sos = json!({
        "id": "0198c0de-0000-7000-8000-0000000000aa", "request": "police", "mode": "live", "source": {"surface": "dashboard"},
        "sent_at": owner.server_time().await,
    });
    let answer = owner.client.post(format!("{}/api/v1/homes/maple-street/incidents", server.base)).json(&sos).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::CREATED);
    let id = answer.headers()["x-request-id"].to_str().unwrap().to_owned();
    let steps: Vec<Value> = lines.all().into_iter().filter(|line| line["step"].is_string()).collect();
    assert!(!steps.is_empty());
    for step in steps {
        let span = &step["span"];
        assert_eq!((&span["id"], &span["route"]), (&json!(id), &json!("/api/v1/homes/{home}/incidents")), "{step}");
    }
    let other = owner.client.get(format!("{}/api/v1/me", server.base)).send().await.unwrap();
    assert_ne!(other.headers()["x-request-id"].to_str().unwrap(), id);
}

#[tokio::test]
async fn only_a_trusted_proxy_names_a_request() {
    let named = "6f1f6f0a0c8e4f0f9a3b2c1d0e9f8a7b";
    let ask = async |server: &Server, name: &str| {
        let request = server.stranger().client.get(format!("{}/healthz", server.base)).header("x-request-id", name);
        request.send().await.unwrap().headers()["x-request-id"].to_str().unwrap().replace('-', "")
    };
    assert_ne!(ask(&Server::start("30s").await, named).await, named, "a stranger's word");
    let behind = Server::with_file("trusted_proxies = [\"127.0.0.1\"]\n").await;
    assert_eq!(ask(&behind, named).await, named);
    assert_ne!(ask(&behind, "no id").await, "no id");
}

/// What comes back on a connection that these bytes were sent on, until the server closes it.
async fn until_closed(server: &Server, bytes: &[u8]) -> String {
    let mut socket = TcpStream::connect(server.base.trim_start_matches("http://")).await.unwrap();
    socket.write_all(bytes).await.unwrap();
    let mut said = Vec::new();
    let _ = timeout(TOO_LONG, socket.read_to_end(&mut said)).await.expect("it is closed");
    String::from_utf8_lossy(&said).into_owned()
}

#[tokio::test]
async fn who_says_nothing_or_stops_in_the_middle_loses_the_connection() {
    let server = Server::start("30s").await;
    let body =
        "POST /api/v1/session HTTP/1.1\r\nhost: home\r\ncontent-type: application/json\r\ncontent-length: 99\r\nconnection: close\r\n\r\n{";
    let (silent, guess, head, body) = tokio::join!(
        until_closed(&server, b""),
        until_closed(&server, b"PRI * HT"),
        until_closed(&server, b"GET /healthz HTTP/1.1\r\nhost: ho"),
        until_closed(&server, body.as_bytes()),
    );
    assert!([&silent, &guess].iter().all(|said| !said.contains("200")), "{silent} {guess}");
    assert!(!head.contains("200"), "{head}");
    assert!(body.starts_with("HTTP/1.1 503") && body.contains("timed_out"), "{body}");
}

#[tokio::test]
async fn a_session_has_so_many_streams_and_no_other_session_has_fewer() {
    let server = Server::start("30s").await;
    let (owner, guest) = (server.sign_in("owner").await, server.sign_in("guest").await);
    let open = async |person: &super::Person| person.client.get(format!("{}{EVENTS}", server.base)).send().await.unwrap();
    let mut streams = Vec::new();
    for _ in 0..16 {
        let stream = open(&guest).await;
        assert_eq!(stream.status(), StatusCode::OK);
        streams.push(stream);
    }
    let refused = open(&guest).await;
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(refused.json::<Value>().await.unwrap()["code"], "too_many_streams");
    assert_eq!(open(&owner).await.status(), StatusCode::OK);
    streams.pop();
    until("a place", || async { (open(&guest).await.status() == StatusCode::OK).then_some(()) }).await;
    // A contact's link is counted for itself.
    let phone = owner.phone_of("maple-street", 0).await;
    let mut listening = Vec::new();
    for _ in 0..16 {
        let stream = server.stranger().client.get(format!("{}{phone}/events", server.base)).send().await.unwrap();
        assert_eq!(stream.status(), StatusCode::OK);
        listening.push(stream);
    }
    let refused = server.stranger().client.get(format!("{}{phone}/events", server.base)).send().await.unwrap();
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test]
async fn a_listener_that_takes_nothing_is_let_go() {
    let server = Server::start("30s").await;
    let owner = server.sign_in("owner").await;
    let mut socket = TcpStream::connect(server.base.trim_start_matches("http://")).await.unwrap();
    let request = format!("GET {EVENTS} HTTP/1.1\r\nhost: home\r\ncookie: {}\r\n\r\n", owner.cookie().await);
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut first = [0; 64];
    socket.read_exact(&mut first).await.unwrap();
    assert!(first.starts_with(b"HTTP/1.1 200"));
    let is_open = || server.app.live_events.is_open(&"maple-street".parse().unwrap());
    assert!(is_open());
    // More than the system keeps for one connection, so that the server has to wait for it.
    let large = format!("\"{}\"", "x".repeat(64 * 1024));
    let pushed = async {
        while is_open() {
            server.app.live_events.publish(&"maple-street".parse().unwrap(), "home", &large, server.app.clock.now());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(TOO_LONG, pushed).await.expect("it is let go");
    assert!(owner.client.get(format!("{}/healthz", server.base)).timeout(PATIENCE).send().await.unwrap().status().is_success());
}
