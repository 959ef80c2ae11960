//! Live events: first a snapshot, then every event, with none missed.

use super::{Op, PATIENCE, Person, Server, change, until, wait};
use buckler::server::store::sqlite;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// An open stream, read event by event.
pub struct Stream {
    response: reqwest::Response,
    text: String,
}

#[derive(Debug)]
pub struct Event {
    name: String,
    id: Option<String>,
    pub data: Value,
}

impl Stream {
    pub async fn open(person: &Person, path: &str, last: Option<&str>) -> Self {
        let mut request = person.client.get(format!("{}{path}", person.base));
        if let Some(last) = last {
            request = request.header("Last-Event-ID", last);
        }
        Self { response: request.send().await.unwrap(), text: String::new() }
    }

    /// The next event, or `None` at the end of the stream.
    async fn next(&mut self) -> Option<Event> {
        let read = async {
            loop {
                if let Some((event, rest)) = self.text.split_once("\n\n") {
                    let field = |name: &str| {
                        event
                            .lines()
                            .find_map(|l| l.strip_prefix(&format!("{name}: ")))
                            .map(str::to_owned)
                    };
                    let made = Event {
                        name: field("event")?,
                        id: field("id"),
                        data: serde_json::from_str(&field("data")?).unwrap(),
                    };
                    self.text = rest.to_owned();
                    return Some(made);
                }
                match self.response.chunk().await {
                    Ok(Some(chunk)) => self.text.push_str(std::str::from_utf8(&chunk).unwrap()),
                    _ => return None,
                }
            }
        };
        tokio::time::timeout(PATIENCE, read).await.expect("no event came")
    }

    pub async fn next_named(&mut self, name: &str) -> Event {
        loop {
            let event = self.next().await.expect("the stream ended");
            if event.name == name {
                return event;
            }
        }
    }
}

const EVENTS: &str = "/api/v1/homes/maple-street/events";

#[tokio::test]
async fn a_stream_begins_with_the_whole_home_and_tells_what_happens() {
    let server = Server::start("30s").await;
    let owner = server.sign_in("owner").await;
    let mut stream = Stream::open(&owner, EVENTS, None).await;
    let first = stream.next().await.unwrap();
    assert_eq!(
        (first.name.as_str(), &first.data["home"]["name"]),
        ("snapshot", &json!("Maple Street"))
    );
    let incident = owner.raise("maple-street", "police", json!({})).await.1;
    assert_eq!(stream.next_named("incident").await.data["id"], incident["id"]);
    owner.act(&incident, "send-now").await;
    assert_eq!(stream.next_named("device").await.data["siren"], "sounding");
    assert_eq!(stream.next_named("camera").await.data["siren"], "sounding");
}

/// F3.
#[tokio::test]
async fn listener_who_comes_back_misses_nothing() {
    let server = Server::start("30s").await;
    let owner = server.sign_in("owner").await;
    let mut stream = Stream::open(&owner, EVENTS, None).await;
    let seen = stream.next().await.unwrap().id.unwrap();
    drop(stream);
    let incident = owner.raise("maple-street", "police", json!({})).await.1;
    let mut again = Stream::open(&owner, EVENTS, Some(&seen)).await;
    let missed = again.next().await.unwrap();
    assert_eq!((missed.name.as_str(), &missed.data["id"]), ("incident", &incident["id"]));
    assert!(missed.id.unwrap().parse::<u64>().unwrap() > seen.parse().unwrap());
    let mut lost = Stream::open(&owner, EVENTS, Some("12")).await;
    assert_eq!(lost.next().await.unwrap().name, "snapshot");
}

/// I21.
#[tokio::test]
async fn another_home_hears_nothing() {
    let server = Server::start("30s").await;
    let owner = server.sign_in("owner").await;
    let mut lake = Stream::open(&owner, "/api/v1/homes/lake-cabin/events", None).await;
    lake.next().await.unwrap();
    owner.raise("maple-street", "police", json!({})).await;
    let there = owner.raise("lake-cabin", "medical", json!({})).await.1;
    assert_eq!(
        lake.next().await.unwrap().data["id"],
        there["id"],
        "the first thing heard is its own"
    );
    let stranger = server.stranger();
    assert_eq!(stranger.get(EVENTS).await.1["code"], "not_signed_in");
    let operator = server.sign_in("operator").await;
    assert_eq!(operator.get(EVENTS).await.1["code"], "not_found");
}

#[tokio::test]
async fn a_listener_that_is_too_slow_starts_over_with_a_snapshot() {
    let server = Server::start("30s").await;
    let owner = server.sign_in("owner").await;
    let session = owner.cookie().await;
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    let mut socket =
        socket.connect(owner.base.trim_start_matches("http://").parse().unwrap()).await.unwrap();
    socket
        .write_all(
            format!("GET {EVENTS} HTTP/1.1\r\nhost: x\r\ncookie: {session}\r\n\r\n").as_bytes(),
        )
        .await
        .unwrap();
    // It reads nothing while more events happen than the server keeps for a listener.
    for _ in 0..300 {
        // A busy machine may answer that a request is not stored.
        let raise = || async {
            let (status, incident) = owner.raise("maple-street", "medical", json!({})).await;
            status.is_success().then_some(incident)
        };
        let incident = until("a request is stored", raise).await;
        owner.act(&incident, "cancel").await;
    }
    let (mut text, mut part) = (String::new(), [0; 4_096]);
    while text.matches("event: snapshot").count() < 2 {
        let read = tokio::time::timeout(PATIENCE, socket.read(&mut part))
            .await
            .expect("more comes")
            .unwrap();
        assert!(read > 0 && !text.contains("event: ping"), "it starts over");
        text.push_str(&String::from_utf8_lossy(&part[..read]));
    }
    assert!(text.matches("event: incident").count() < 500, "what it missed was not kept for it");
}

#[tokio::test]
async fn a_session_that_ends_closes_its_streams_and_no_other() {
    let server = Server::start("30s").await;
    let (owner, shared) = (server.sign_in("owner").await, server.sign_in("shared").await);
    let mut mine = Stream::open(&owner, EVENTS, None).await;
    let mut theirs = Stream::open(&shared, EVENTS, None).await;
    mine.next().await.unwrap();
    theirs.next().await.unwrap();
    owner.client.delete(format!("{}/api/v1/session", owner.base)).send().await.unwrap();
    assert!(mine.next().await.is_none());
    shared.raise("maple-street", "medical", json!({})).await;
    assert_eq!(theirs.next_named("incident").await.data["state"], "counting_down");
}

/// Security 11: the command line is another process, and a home in which something happens is never
/// quiet.
#[tokio::test]
async fn session_that_another_process_ended_closes_a_busy_stream() {
    let server = Server::start("30s").await;
    let (owner, shared) = (server.sign_in("owner").await, server.sign_in("shared").await);
    let mut mine = Stream::open(&owner, EVENTS, None).await;
    mine.next().await.unwrap();
    let mut another = sqlite::open(&server.file()).await.unwrap();
    let (account, except) = ("owner".parse().unwrap(), Vec::new());
    another.apply(change([Op::EndSessions { account, except }])).await.unwrap();
    let busy = async {
        loop {
            let incident = shared.raise("maple-street", "medical", json!({})).await.1;
            shared.act(&incident, "cancel").await;
            wait(Duration::from_secs(4)).await;
        }
    };
    tokio::select! {
        () = busy => unreachable!("it never ends"),
        () = async { while mine.next().await.is_some() {} } => {}
        // The client itself gives up after 30 s.
        () = wait(Duration::from_secs(25)) => panic!("the stream goes on"),
    }
}

#[tokio::test]
async fn a_contacts_stream_tells_of_the_call_and_of_nothing_else() {
    let server = Server::start("30s").await;
    let owner = server.sign_in("owner").await;
    let phone = owner.phone_of("maple-street", 0).await;
    let contact = server.stranger();
    let mut line = Stream::open(&contact, &format!("{phone}/events"), None).await;
    assert_eq!(line.next().await.unwrap().data["call"], json!(null));
    let incident = owner.raise("maple-street", "police", json!({})).await.1;
    owner.act(&incident, "send-now").await;
    let ringing = line.next().await.unwrap();
    assert_eq!(
        (ringing.name.as_str(), &ringing.data["call"]["state"]),
        ("call", &json!("ringing"))
    );
    let call = ringing.data["call"]["id"].as_str().unwrap().to_owned();
    contact.post(&format!("{phone}/calls/{call}/confirm"), &json!({})).await;
    loop {
        let event = line.next().await.unwrap();
        if event.data["call"].is_null() {
            break;
        }
        assert_eq!(event.data["call"]["state"], "answered");
    }
}

/// A page whose link has ended must not ring, because a press there would not count. A link by which
/// nobody agreed to be called is not kept as a former one.
#[tokio::test]
async fn contacts_stream_ends_with_its_link() {
    let server = Server::start("30s").await;
    let owner = server.sign_in("owner").await;
    let path = "/api/v1/homes/maple-street/contacts/sister/link";
    let made = owner.post(path, &json!({})).await.1["path"].clone();
    let phone = made.as_str().unwrap().replace("/contact", "/api/v1/contact");
    let contact = server.stranger();
    let mut line = Stream::open(&contact, &format!("{phone}/events"), None).await;
    line.next().await.unwrap();
    owner.post(path, &json!({})).await;
    let incident = owner.raise("maple-street", "police", json!({})).await.1;
    owner.act(&incident, "send-now").await;
    while let Some(event) = line.next().await {
        assert!(event.data["call"].is_null(), "{event:?}");
    }
}

/// Much happens in the home that a contact is not told. The contact's page must not take the
/// silence for a lost connection.
#[tokio::test]
async fn contacts_stream_shows_that_it_lives_while_the_home_is_busy() {
    let server = Server::start("30s").await;
    let owner = server.sign_in("owner").await;
    let phone = owner.phone_of("maple-street", 0).await;
    let mut line = Stream::open(&server.stranger(), &format!("{phone}/events"), None).await;
    line.next().await.unwrap();
    let busy = async {
        loop {
            let name = json!({"name": "Maple Street"});
            owner.ask(reqwest::Method::PUT, "/api/v1/homes/maple-street/name", &name).await;
            super::wait(Duration::from_millis(500)).await;
        }
    };
    tokio::select! {
        event = line.next_named("ping") => assert!(event.data["server_time"].is_string()),
        () = busy => {}
    }
}

#[tokio::test]
async fn stopping_ends_open_streams() {
    let server = Server::start("30s").await;
    let owner = server.sign_in("owner").await;
    let mut stream = Stream::open(&owner, EVENTS, None).await;
    stream.next().await.unwrap();
    server.stopper.send(true).unwrap();
    assert!(stream.next().await.is_none());
    let stopped = tokio::time::timeout(Duration::from_secs(2), server.serving).await;
    stopped.expect("within two seconds").unwrap().unwrap();
}
