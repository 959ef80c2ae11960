//! Panic buttons and keypads behind a real broker: a press counts once, whatever fails, and what the
//! broker kept ends nothing.

use super::{
    Server,
    broker::Broker,
    hindered::Hindered,
    mqtt::{SIRENS, online},
    until, whats,
};
use buckler::domain::time::Timestamp;
use data_encoding::HEXLOWER;
use reqwest::StatusCode;
use rumqttc::{AsyncClient, Event, Packet, PublishOptions};
use serde_json::json;
use sha2::{Digest, Sha256};
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
};

/// A server with a bedside button: a press requests the police, a long press medical help.
fn with_button(broker: &Broker) -> String {
    let button = "[[mqtt.button]]\nhome = \"lake-cabin\"\nname = \"Bedside button\"\ntopic = \"buckler/cabin/button\"\n";
    broker.settings(&SIRENS[..1]) + button + "press = { single = \"police\", hold = \"medical\" }\n"
}

#[tokio::test]
async fn a_panic_button_is_a_request_with_its_countdown_and_only_once() {
    let broker = Broker::start().await;
    let (base, cabin) = (broker.device("base").await, broker.device("cabin").await);
    // A message that the broker retained is not a press.
    cabin.say("button", r#"{"action":"single"}"#, true);
    let server = Server::with_file(&with_button(&broker)).await;
    online(&server, "base", true).await;
    let owner = server.sign_in("owner").await;
    let running = async || owner.get("/api/v1/homes/lake-cabin").await.1["incident"].clone();
    for nothing in
        [r#"{"action":""}"#, r#"{"action":"double"}"#, r#"{"action":7}"#, "single", "{", ""]
    {
        cabin.say("button", nothing, false);
    }
    cabin
        .client
        .try_publish("buckler/cabin/button", vec![0xff; 300_000], PublishOptions::at_least_once())
        .unwrap();
    // Nor can another device press it, because its rights are limited to its own topics.
    base.client
        .try_publish(
            "buckler/cabin/button",
            r#"{"action":"single"}"#.as_bytes().to_vec(),
            PublishOptions::at_least_once(),
        )
        .unwrap();
    cabin.say("button", r#"{"action":"hold"}"#, false);
    let incident =
        until("the press", || async { Some(running().await).filter(|i| !i.is_null()) }).await;
    assert_eq!((&incident["state"], &incident["mode"]), (&json!("counting_down"), &json!("live")));
    assert_eq!(incident["services"], json!(["medical"]), "nothing else was a press");
    assert_eq!(incident["timeline"][0]["text"], "Medical help requested from Bedside button");
    assert_eq!(incident["started_by"], json!({"id": "", "name": "Bedside button"}));
    for _ in 0..3 {
        cabin.say("button", r#"{"action":"hold"}"#, false);
    }
    cabin.say("button", r#"{"action":"single"}"#, false);
    let both = until("the police, too", || async {
        Some(running().await).filter(|i| i["services"] == json!(["police", "medical"]))
    })
    .await;
    assert_eq!(
        whats(&both),
        ["started", "joined"],
        "F9: joined, and the same press again is the same press"
    );
    assert_eq!(
        owner.act(&incident, "cancel").await.0,
        StatusCode::OK,
        "a member cancels it in the app"
    );
}

#[tokio::test]
async fn a_press_while_the_server_starts_anew_is_not_lost() {
    let broker = Broker::start().await;
    let (_base, cabin) = (broker.device("base").await, broker.device("cabin").await);
    let server = Server::with_file(&with_button(&broker)).await;
    let owner = server.sign_in("owner").await;
    let running = async |owner: &super::Person| {
        owner.get("/api/v1/homes/lake-cabin").await.1["incident"].clone()
    };
    // The server listens, so a press arrives.
    until("the press", || async {
        cabin.say("button", r#"{"action":"hold"}"#, false);
        Some(running(&owner).await).filter(|i| !i.is_null())
    })
    .await;
    assert_eq!(owner.act(&running(&owner).await, "cancel").await.0, StatusCode::OK);
    let server = server
        .restart_with_file(async || cabin.say("button", r#"{"action":"single"}"#, false))
        .await;
    let owner = server.sign_in("owner").await;
    let incident =
        until("the press", || async { Some(running(&owner).await).filter(|i| !i.is_null()) }).await;
    assert_eq!(incident["services"], json!(["police"]));
}

/// A link to the broker that can be cut.
struct Link {
    port: u16,
    open: watch::Sender<bool>,
    /// The number of connections that it carries.
    carried: watch::Receiver<usize>,
}

impl Link {
    async fn to(broker: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (open, is_open) = watch::channel(true);
        let (carries, carried) = watch::channel(0);
        tokio::spawn(async move {
            loop {
                let (mut server, _) = listener.accept().await.unwrap();
                let (mut is_open, carries) = (is_open.clone(), carries.clone());
                tokio::spawn(async move {
                    let _ = is_open.wait_for(|open| *open).await;
                    let mut broker = TcpStream::connect(("127.0.0.1", broker)).await.unwrap();
                    carries.send_modify(|carried| *carried += 1);
                    tokio::select! {
                        _ = tokio::io::copy_bidirectional(&mut server, &mut broker) => {}
                        _ = is_open.wait_for(|open| !open) => {}
                    }
                    drop((server, broker));
                    carries.send_modify(|carried| *carried -= 1);
                });
            }
        });
        Self { port, open, carried }
    }

    /// Returns when every connection has ended.
    async fn cut(&mut self) {
        self.open.send_replace(false);
        self.carried.wait_for(|carried| *carried == 0).await.unwrap();
    }
}

/// I30. The broker keeps a code for a minute: somebody who comes home disarms with it, and knows of
/// no countdown that begins before it arrives.
#[tokio::test]
async fn code_that_the_broker_kept_cancels_nothing() {
    let broker = Broker::start().await;
    let cabin = broker.device("cabin").await;
    let mut link = Link::to(broker.port).await;
    let codes = broker.path("codes");
    std::fs::write(&codes, "4711 Olivia\n4712 Sam\n").unwrap();
    let file = with_button(&broker)
        .replace(&format!("127.0.0.1:{}", broker.port), &format!("127.0.0.1:{}", link.port))
        .replace(
            "single = \"police\"",
            "single = \"police\", disarm = \"cancel\", quiet = \"silence\"",
        )
        .replace(
            "name = \"Bedside button\"\n",
            &format!("name = \"Bedside button\"\ncodes_file = {codes:?}\n"),
        );
    let server = Server::with_file(&file).await;
    let owner = server.sign_in("owner").await;
    let running = async || owner.get("/api/v1/homes/lake-cabin").await.1["incident"].clone();
    until("the press", async || {
        cabin.say("button", r#"{"action":"hold"}"#, false);
        Some(running().await).filter(|i| !i.is_null())
    })
    .await;
    let code = r#"{"action":"disarm","action_code":"4711"}"#;
    let typed = async || {
        cabin.say("button", code, false);
        Some(running().await).filter(|i| i.is_null() || i["state"] == "aborted")
    };
    until("a code that is typed now cancels", typed).await;
    link.cut().await;
    // Another code, because the same one again would be the same press.
    cabin.said("button", r#"{"action":"disarm","action_code":"4712"}"#).await;
    cabin.said("button", r#"{"action":"quiet"}"#).await;
    let (status, asked) = owner.raise("lake-cabin", "police", json!({})).await;
    assert_eq!(status, StatusCode::CREATED, "{asked}");
    link.open.send_replace(true);
    // What is said after the code arrives after it.
    let joined = async || {
        cabin.say("button", r#"{"action":"hold"}"#, false);
        Some(running().await).filter(|i| i["services"] == json!(["police", "medical"]))
    };
    let incident = until("a later press", joined).await;
    assert_eq!(incident["id"], asked["id"]);
    assert!(!whats(&incident).contains(&"aborted"), "{}", incident["timeline"]);
    assert!(!whats(&incident).contains(&"siren_silenced"), "{}", incident["timeline"]);
}

/// A server that ends between connecting and subscribing leaves such a session.
#[tokio::test]
async fn press_is_heard_though_the_broker_has_an_empty_session() {
    let broker = Broker::start().await;
    let cabin = broker.device("cabin").await;
    let topics = Sha256::digest(b"buckler/cabin/button\0");
    let mut options = broker.options("buckler");
    options.set_client_id(format!("buckler-buttons-{}", HEXLOWER.encode(&topics[..4])));
    options.set_clean_start(false);
    options.set_session_expiry_interval(Some(60));
    let (_client, mut events) = AsyncClient::builder(options).build();
    while !matches!(events.poll().await, Ok(Event::Incoming(Packet::ConnAck(_)))) {}
    drop(events);
    let server = Server::with_file(&with_button(&broker)).await;
    until("the press", async || {
        cabin.say("button", r#"{"action":"hold"}"#, false);
        server.app.engine.view().running_in(&"lake-cabin".parse().unwrap())
    })
    .await;
}

/// I10. The server acknowledges a press to the broker once it has stored the request.
#[tokio::test]
async fn press_that_could_not_be_stored_comes_again() {
    let broker = Broker::start().await;
    let cabin = broker.device("cabin").await;
    let server = Server::with_file(&with_button(&broker)).await;
    let (hangs, closed) = watch::channel(true);
    let open = watch::channel(false).1;
    let hung = |database| Hindered::gated(database, open, closed);
    let server = server.restart_with_database(hung).await;
    let listens = hangs.receiver_count();
    until("a press that cannot be stored", async || {
        cabin.say("button", r#"{"action":"hold"}"#, false);
        (hangs.receiver_count() > listens).then_some(())
    })
    .await;
    let server = server.restart_with_file(async || {}).await;
    until("the press, from the broker", async || {
        server.app.engine.view().running_in(&"lake-cabin".parse().unwrap())
    })
    .await;
}

/// What the server has taken is tried once more when it ends.
#[tokio::test]
async fn press_that_was_not_stored_is_stored_before_the_server_ends() {
    let broker = Broker::start().await;
    let cabin = broker.device("cabin").await;
    let server = Server::with_file(&with_button(&broker)).await;
    let full = Arc::new(AtomicBool::new(true));
    let full_once = |database| Hindered::full_once(database, full.clone());
    let server = server.restart_with_database(full_once).await;
    let reads = server.app.reads.clone();
    until("a press that cannot be stored", async || {
        cabin.say("button", r#"{"action":"hold"}"#, false);
        (!full.load(Ordering::Relaxed)).then_some(())
    })
    .await;
    let _folder = server.stop().await;
    let home = "lake-cabin".parse().unwrap();
    let stored = reads.incidents(&home, Timestamp::from_millis(u64::MAX >> 1), 10).await;
    assert_eq!(stored.unwrap().len(), 1, "the press is tried once more");
}

#[tokio::test]
async fn nobody_says_in_the_app_that_a_button_was_pressed() {
    let server = Server::start("30s").await;
    let owner = server.sign_in("owner").await;
    let forged =
        owner.raise("maple-street", "police", json!({"source": {"surface": "device"}})).await;
    assert_eq!(forged.0, StatusCode::FORBIDDEN, "{}", forged.1);
}
