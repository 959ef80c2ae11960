//! What holds for every request: its id in the answer and in the log, its timeout, and the limit of
//! open requests.

use super::{Killed, PATIENCE, Person, Server, cameras::free_port, program, until, until_within};
use reqwest::StatusCode;
use serde_json::{Value, json};
use std::{fs::File, time::Duration};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

const EVENTS: &str = "/api/v1/homes/maple-street/events";
/// Longer than any limit on a request.
const TOO_LONG: Duration = Duration::from_secs(90);

/// The server of this build as a separate process, because in the tests' own process the log would
/// depend on tests that run at the same time.
struct Logged {
    _child: Killed,
    base: String,
    folder: TempDir,
}

impl Logged {
    async fn start() -> Self {
        let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
        let words = ["serve", "--demo", "--log-format", "json"];
        let mut command = program(&words, port, &folder.path().join("data"));
        let log = File::create(folder.path().join("log")).unwrap();
        let child = command.stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap();
        let base = format!("http://127.0.0.1:{port}");
        let server = Self { _child: Killed(child), base, folder };
        until("the server", || async { TcpStream::connect(("127.0.0.1", port)).await.ok() }).await;
        server
    }

    /// The log as parsed lines.
    fn lines(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(self.folder.path().join("log")).unwrap();
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }
}

#[tokio::test]
async fn request_id_is_in_its_answer_and_in_each_log_line() {
    let server = Logged::start().await;
    let client = reqwest::Client::builder().cookie_store(true).build().unwrap();
    let post =
        |path: &str, body: Value| client.post(format!("{}{path}", server.base)).json(&body).send();
    let signed_in =
        post("/api/v1/session", json!({"email": "owner@demo.test", "password": "buckler-demo"}))
            .await
            .unwrap();
    let home: Value = client
        .get(format!("{}/api/v1/homes/maple-street", server.base))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let sos = json!({
        "id": "0198c0de-0000-7000-8000-0000000000aa", "request": "police", "mode": "live", "source": {"surface": "dashboard"},
        "sent_at": home["server_time"],
    });
    let raised = post("/api/v1/homes/maple-street/incidents", sos).await.unwrap();
    assert_eq!(raised.status(), StatusCode::CREATED);
    let id =
        |answer: &reqwest::Response| answer.headers()["x-request-id"].to_str().unwrap().to_owned();
    assert_ne!(id(&signed_in), id(&raised));
    // Log lines are written shortly after the event.
    let step = until("the step", || async {
        server.lines().into_iter().find(|line| line["step"] == "started")
    })
    .await;
    let span = &step["span"];
    assert_eq!(
        (&span["id"], &span["route"]),
        (&json!(id(&raised)), &json!("/api/v1/homes/{home}/incidents")),
        "{step}"
    );
}

#[tokio::test]
async fn only_a_trusted_proxy_names_a_request() {
    let named = "6f1f6f0a0c8e4f0f9a3b2c1d0e9f8a7b";
    let ask = async |server: &Server, name: &str| {
        let request = server
            .stranger()
            .client
            .get(format!("{}/healthz", server.base))
            .header("x-request-id", name);
        request.send().await.unwrap().headers()["x-request-id"].to_str().unwrap().replace('-', "")
    };
    assert_ne!(ask(&Server::start("30s").await, named).await, named, "a stranger's word");
    let behind = Server::with_file("trusted_proxies = [\"127.0.0.1\"]\n").await;
    assert_eq!(ask(&behind, named).await, named);
    assert_ne!(ask(&behind, "no id").await, "no id");
}

/// Sends these bytes on a connection, and returns the answer until the server closes it.
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
    let body = "POST /api/v1/session HTTP/1.1\r\nhost: home\r\ncontent-type: application/json\r\ncontent-length: 99\r\nconnection: close\r\n\r\n{";
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

/// A phone that is gone holds its stream until the server notices, so another stream must never be
/// refused.
#[tokio::test]
async fn surplus_stream_of_a_session_or_link_ends_only_its_oldest() {
    let server = Server::start("30s").await;
    let (owner, guest) = (server.sign_in("owner").await, server.sign_in("guest").await);
    let link = format!("{}/events", owner.phone_of("maple-street", 0).await);
    let mut untouched = open(&owner, EVENTS).await;
    for (person, path) in [(&guest, EVENTS), (&server.stranger(), link.as_str())] {
        let mut streams = Vec::new();
        for _ in 0..17 {
            streams.push(open(person, path).await);
        }
        ends(streams.remove(0)).await;
        // Events reach all others.
        owner.raise("maple-street", "siren", json!({})).await;
        assert_eq!(streams.len(), 16);
        if path == EVENTS {
            for stream in &mut streams {
                until_heard(stream, "event: incident").await;
            }
        }
    }
    until_heard(&mut untouched, "event: incident").await;
}

/// Security 7: behind a proxy, whose connections have no limit, a guest could hold all of them.
#[tokio::test]
async fn guest_who_signs_in_often_has_no_more_streams() {
    let server = Server::with_file("trusted_proxies = [\"127.0.0.1\"]\n").await;
    let owner = server.sign_in("owner").await;
    let mut untouched = open(&owner, EVENTS).await;
    let mut streams = Vec::new();
    for _ in 0..5 {
        let guest = server.sign_in("guest").await;
        for _ in 0..16 {
            streams.push(open(&guest, EVENTS).await);
        }
    }
    owner.raise("maple-street", "siren", json!({})).await;
    until_heard(&mut untouched, "event: incident").await;
    // An account has as many as four devices, and each session gives way alike.
    let mut open = [0; 5];
    for (at, stream) in streams.iter_mut().enumerate() {
        open[at / 16] += usize::from(hears(stream, "event: incident").await);
    }
    assert_eq!(open, [12, 12, 13, 13, 14]);
}

async fn open(person: &Person, path: &str) -> reqwest::Response {
    let stream = person.client.get(format!("{}{path}", person.base)).send().await.unwrap();
    assert_eq!(stream.status(), StatusCode::OK);
    stream
}

async fn ends(mut stream: reqwest::Response) {
    let read = async { while stream.chunk().await.unwrap().is_some() {} };
    timeout(PATIENCE, read).await.expect("it ends");
}

async fn until_heard(stream: &mut reqwest::Response, what: &str) {
    assert!(hears(stream, what).await, "it goes on");
}

/// Whether a stream says that before it ends.
async fn hears(stream: &mut reqwest::Response, what: &str) -> bool {
    let mut heard = String::new();
    let hear = async {
        while !heard.contains(what) {
            let Some(chunk) = stream.chunk().await.unwrap() else { return false };
            heard += &String::from_utf8_lossy(&chunk);
        }
        true
    };
    timeout(PATIENCE, hear).await.expect("it is heard, or it ends")
}

#[tokio::test]
async fn a_listener_that_takes_nothing_is_let_go() {
    let server = Server::start("30s").await;
    let owner = server.sign_in("owner").await;
    let mut socket = TcpStream::connect(server.base.trim_start_matches("http://")).await.unwrap();
    let request =
        format!("GET {EVENTS} HTTP/1.1\r\nhost: home\r\ncookie: {}\r\n\r\n", owner.cookie().await);
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut first = [0; 64];
    socket.read_exact(&mut first).await.unwrap();
    assert!(first.starts_with(b"HTTP/1.1 200"));
    let is_open = || server.app.live_events.is_open(&"maple-street".parse().unwrap());
    assert!(is_open());
    // Send more than the system buffers for one connection, so that the server has to wait.
    let large = format!("\"{}\"", "x".repeat(64 * 1024));
    let is_gone = || async {
        server.app.live_events.publish(
            &"maple-street".parse().unwrap(),
            "home",
            &large,
            server.app.clock.now(),
        );
        (!is_open()).then_some(())
    };
    until_within(TOO_LONG, "the end of its stream", is_gone).await;
    assert!(
        owner
            .client
            .get(format!("{}/healthz", server.base))
            .timeout(PATIENCE)
            .send()
            .await
            .unwrap()
            .status()
            .is_success()
    );
}
