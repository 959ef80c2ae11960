//! Sirens behind a real broker: the commands that they get, the reports that count as proof, and
//! failures of the broker and of sirens.

use super::{
    Person, Server,
    broker::{Broker, Device},
    hindered::Hindered,
    program, until, wait, whats,
};
use buckler::domain::{
    incident::{
        Actor,
        command::{Command, Seen},
    },
    time::Timestamp,
};
use data_encoding::HEXLOWER;
use reqwest::StatusCode;
use rumqttc::{AsyncClient, Event, Packet, PublishOptions};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
};

/// The sirens of Maple Street, and their names in topics.
const SIRENS: [(&str, &str); 5] = [
    ("base", "base"),
    ("hall-keypad", "hall"),
    ("bedroom-keypad", "bedroom"),
    ("front-door", "door"),
    ("driveway", "drive"),
];

pub async fn all(broker: &Broker) -> Vec<Device> {
    let mut devices = Vec::new();
    for (_, name) in SIRENS {
        devices.push(broker.device(name).await);
    }
    devices
}

async fn online(server: &Server, device: &str, online: bool) {
    let owner = server.sign_in("owner").await;
    let is = async || {
        let home = owner.get("/api/v1/homes/maple-street").await.1;
        home["devices"].as_array().unwrap().iter().find(|d| d["id"] == device).unwrap()["online"]
            == online
    };
    until("the siren is known", || async { is().await.then_some(()) }).await;
}

/// The number of sirens that have proved that they sound.
fn proofs(incident: &Value) -> usize {
    whats(incident).iter().filter(|what| **what == "siren_confirmed").count()
}

fn proved(incident: &Value, name: &str) -> bool {
    incident["timeline"]
        .as_array()
        .unwrap()
        .iter()
        .any(|line| line["text"] == format!("{name} is sounding"))
}

async fn until_proved(owner: &Person, incident: &Value, name: &str) {
    until(name, || async { proved(&owner.look(incident).await, name).then_some(()) }).await;
}

/// A server whose five sirens sound for a request of the owner, and the incident.
pub async fn sounding(broker: &Broker, request: &str) -> (Server, Person, Value) {
    let server = Server::with_file(&broker.settings(&SIRENS)).await;
    online(&server, "base", true).await;
    let owner = server.sign_in("owner").await;
    let incident = owner.raise("maple-street", request, json!({})).await.1;
    owner.act(&incident, "send-now").await;
    until("five proofs", || async { (proofs(&owner.look(&incident).await) == 5).then_some(()) })
        .await;
    (server, owner, incident)
}

/// R12.
#[tokio::test]
async fn sirens_behind_the_broker_sound_once_prove_it_and_fall_silent() {
    let broker = Broker::start().await;
    let devices = all(&broker).await;
    let (_server, owner, incident) = sounding(&broker, "police").await;
    for device in &devices {
        assert_eq!(device.orders(), ["ON"], "I12");
        let on = &device.heard()[0];
        let order: Value = serde_json::from_slice(&on.payload).unwrap();
        let properties = on.properties.clone().unwrap();
        assert_eq!(
            (order["state"].as_str(), order["sound"].as_str(), on.retain),
            (Some("ON"), Some("police"), false),
            "I13"
        );
        assert!(
            order["key"].as_str().unwrap().starts_with(incident["id"].as_str().unwrap()),
            "{order}"
        );
        assert!(
            properties.message_expiry_interval.is_some_and(|seconds| (1..=60).contains(&seconds)),
            "I13: {properties:?}"
        );
        assert!(
            order["seconds"].as_u64().is_some_and(|seconds| (1..=600).contains(&seconds)),
            "I13: {order}"
        );
    }
    let home = owner.get("/api/v1/homes/maple-street").await.1;
    assert_eq!(home["devices"][0]["siren"], "sounding");
    assert_eq!(owner.act(&incident, "silence").await.0, StatusCode::OK);
    for device in &devices {
        until("quiet", || async { (device.orders() == ["ON", "OFF"]).then_some(()) }).await;
    }
    until("known", || async {
        (owner.get("/api/v1/homes/maple-street").await.1["devices"][0]["siren"] == "silent")
            .then_some(())
    })
    .await;
}

/// I22 over a real broker: a siren's own timer ends a drill's pulse just before the server sends
/// OFF.
#[tokio::test]
async fn siren_that_ended_a_drill_early_sounds_in_the_emergency() {
    let broker = Broker::start().await;
    let base = broker.device("base").await;
    let server = Server::with_file(&broker.settings(&SIRENS[..1])).await;
    online(&server, "base", true).await;
    let owner = server.sign_in("owner").await;
    let drill =
        owner.raise("maple-street", "siren", json!({"mode": "drill", "sirens": true})).await.1;
    owner.act(&drill, "send-now").await;
    until_proved(&owner, &drill, "Base Station").await;
    base.say("siren/state", r#"{"state":"OFF"}"#, false);
    let is_quiet =
        async || owner.get("/api/v1/homes/maple-street").await.1["devices"][0]["siren"] == "silent";
    until("the relay has ended it", || async { is_quiet().await.then_some(()) }).await;
    owner.until_state(&drill, "closed").await;
    let incident = owner.raise("maple-street", "police", json!({})).await.1;
    owner.act(&incident, "send-now").await;
    until_proved(&owner, &incident, "Base Station").await;
}

/// F34.
#[tokio::test]
async fn medical_help_tells_no_siren_anything() {
    let broker = Broker::start().await;
    let devices = all(&broker).await;
    let server = Server::with_file(&broker.settings(&SIRENS)).await;
    online(&server, "base", true).await;
    let owner = server.sign_in("owner").await;
    let incident = owner.raise("maple-street", "medical", json!({})).await.1;
    owner.act(&incident, "send-now").await;
    until("the call", || async {
        whats(&owner.look(&incident).await).contains(&"call_placed").then_some(())
    })
    .await;
    // Messages on one connection stay in order: a reply to a later command shows that none came
    // earlier.
    owner.raise("maple-street", "siren", json!({})).await;
    // If the answer is late, the app says “not sent”, and sirens alone are sounded even so: on a
    // busy machine they get two commands (F15).
    until("the siren that was asked for", || async {
        (!devices[0].orders().is_empty()).then_some(())
    })
    .await;
    let first: Value = serde_json::from_slice(&devices[0].heard()[0].payload).unwrap();
    assert_eq!(first["sound"], "alarm", "only what was asked for by itself sounds");
}

/// F30.
#[tokio::test]
async fn broker_outage_delays_no_call_and_its_sirens_sound_afterward() {
    let mut broker = Broker::start().await;
    let base = broker.device("base").await;
    let server = Server::with_file(&broker.settings(&SIRENS[..1])).await;
    online(&server, "base", true).await;
    broker.kill();
    online(&server, "base", false).await;
    let owner = server.sign_in("owner").await;
    let incident = owner.raise("maple-street", "police", json!({})).await.1;
    let sent = server.app.clock.now();
    owner.act(&incident, "send-now").await;
    until("the call", || async {
        whats(&owner.look(&incident).await).contains(&"call_placed").then_some(())
    })
    .await;
    assert!(server.app.clock.now().since(sent) < Duration::from_secs(1), "I14: not a second later");
    broker.begin().await;
    until_proved(&owner, &incident, "Base Station").await;
    assert!(base.orders().iter().all(|order| order == "ON"), "{:?}", base.orders());
    broker.kill();
    online(&server, "base", false).await;
    let home = owner.get("/api/v1/homes/maple-street").await.1;
    assert_eq!(home["devices"][0]["siren"], "silent", "what nobody can hear is not said to sound");
}

/// F30.
#[tokio::test]
async fn broker_killed_around_the_deadline_delays_no_call_or_siren() {
    let killed = async |after: Option<Duration>| {
        let mut broker = Broker::start().await;
        let base = broker.device("base").await;
        let server = Server::with_file(&broker.settings(&SIRENS[..1])).await;
        online(&server, "base", true).await;
        let owner = server.sign_in("owner").await;
        let incident = owner.raise("maple-street", "police", json!({})).await.1;
        let deadline: Timestamp = serde_json::from_value(incident["deadline"].clone()).unwrap();
        match after {
            Some(after) => {
                wait((deadline - Duration::from_secs(5) + after).since(server.app.clock.now()))
                    .await
            }
            None => until_proved(&owner, &incident, "Base Station").await,
        }
        broker.kill();
        let story = async || owner.look(&incident).await;
        until("the call", || async {
            whats(&story().await).contains(&"call_placed").then_some(())
        })
        .await;
        let story = story().await;
        let placed = story["timeline"]
            .as_array()
            .unwrap()
            .iter()
            .find(|line| line["what"] == "call_placed")
            .unwrap();
        let placed: Timestamp = serde_json::from_value(placed["at"].clone()).unwrap();
        assert!(placed.since(deadline) < Duration::from_secs(1), "I14: {after:?}: {story}");
        let told = base.heard().len();
        broker.begin().await;
        until("it sounds", || async {
            (base.heard().len() > told && base.orders() == ["ON"]).then_some(())
        })
        .await;
        until_proved(&owner, &incident, "Base Station").await;
    };
    let (second, millisecond) = (Duration::from_secs(1), Duration::from_millis(1));
    tokio::join!(
        killed(Some(2 * second)),
        killed(Some(5 * second - millisecond)),
        killed(Some(5 * second + 5 * millisecond)),
        killed(None)
    );
}

/// F12.
#[tokio::test]
async fn mute_siren_is_told_again_with_the_same_key_until_it_answers() {
    let broker = Broker::start().await;
    let base = broker.device("base").await;
    base.obey(false);
    let server = Server::with_file(&broker.settings(&SIRENS[..1])).await;
    online(&server, "base", true).await;
    let owner = server.sign_in("owner").await;
    let incident = owner.raise("maple-street", "siren", json!({})).await.1;
    owner.act(&incident, "send-now").await;
    until("told again", || async { (base.heard().len() >= 2).then_some(()) }).await;
    assert!(!proved(&owner.look(&incident).await, "Base Station"), "hope is no proof");
    base.obey(true);
    until_proved(&owner, &incident, "Base Station").await;
    let key = |message: &rumqttc::Publish| message.properties.clone().unwrap().user_properties;
    let heard = base.heard();
    assert!(heard.iter().all(|message| key(message) == key(&heard[0])), "I12: one key");
}

/// F31.
#[tokio::test]
async fn siren_that_comes_back_too_late_is_told_only_to_be_quiet() {
    let mut broker = Broker::start().await;
    let server = Server::with_file(&broker.settings(&SIRENS[..1])).await;
    let owner = server.sign_in("owner").await;
    let base = broker.device("base").await;
    online(&server, "base", true).await;
    base.obey(false);
    let incident = owner.raise("maple-street", "police", json!({})).await.1;
    owner.act(&incident, "send-now").await;
    until("told", || async { base.orders().contains(&"ON".to_owned()).then_some(()) }).await;
    broker.kill();
    online(&server, "base", false).await;
    owner.act(&incident, "silence").await;
    let (before, orders) = (base.heard().len(), base.orders().len());
    base.obey(true);
    broker.begin().await;
    until("told again", || async { (base.heard().len() > before).then_some(()) }).await;
    assert_eq!(base.orders()[orders..], ["OFF"]);
}

#[tokio::test]
async fn hostile_devices_disturb_nothing_and_none_acts_for_another() {
    let broker = Broker::start().await;
    let (base, hall) = (broker.device("base").await, broker.device("hall").await);
    let server = Server::with_file(&broker.settings(&SIRENS[..2])).await;
    online(&server, "base", true).await;
    hall.obey(false);
    let owner = server.sign_in("owner").await;
    let incident = owner.raise("maple-street", "police", json!({})).await.1;
    owner.act(&incident, "send-now").await;
    until("told", || async { (!hall.orders().is_empty()).then_some(()) }).await;
    let order: Value = serde_json::from_slice(&hall.heard()[0].payload).unwrap();
    let proof = json!({"state": "ON", "key": order["key"]}).to_string();
    for hostile in [
        "x".repeat(1 << 20),
        "[".repeat(50_000),
        "{\"state\":".into(),
        String::new(),
        "{\"state\":[\"ON\"]}".into(),
    ] {
        base.say("siren/state", &hostile, false);
    }
    let bytes = PublishOptions::at_least_once();
    base.client
        .try_publish("buckler/base/siren/state", vec![0xff, 0xfe, 0x00], bytes.clone())
        .unwrap();
    // The broker enforces the owner of each topic.
    base.client.try_publish("buckler/hall/siren/state", proof.clone().into_bytes(), bytes).unwrap();
    // Nor does one siren's key prove anything about another siren.
    base.say("siren/state", &proof, false);
    base.say("availability", "offline", true);
    online(&server, "base", false).await;
    let story = owner.look(&incident).await;
    assert!(proved(&story, "Base Station") && !proved(&story, "Hall keypad"), "{story}");
    hall.say("siren/state", &proof, false);
    until_proved(&owner, &incident, "Hall keypad").await;
}

#[tokio::test]
async fn over_tls_with_a_password_and_never_without_the_right_ones() {
    let broker = Broker::start().await;
    let base = broker.device("base").await;
    let plain = broker.settings(&SIRENS[..1]);
    let over = plain.replace(
        &format!("mqtt://127.0.0.1:{}", broker.port),
        &format!("mqtts://localhost:{}", broker.tls_port),
    );
    let vouched =
        over.replacen("username", &format!("ca = {:?}\nusername", broker.path("cert.pem")), 1);
    let server = Server::with_file(&vouched).await;
    online(&server, "base", true).await;
    let owner = server.sign_in("owner").await;
    let incident = owner.raise("maple-street", "fire", json!({})).await.1;
    owner.act(&incident, "send-now").await;
    until_proved(&owner, &incident, "Base Station").await;
    let order: Value = serde_json::from_slice(&base.heard()[0].payload).unwrap();
    assert_eq!(order["sound"], "fire");
    // A certificate instead of a password.
    let own = format!(
        "cert = {:?}\nkey = {:?}\n",
        broker.path("client.pem"),
        broker.path("client-key.pem")
    );
    let by_certificate =
        vouched.replace(&broker.tls_port.to_string(), &broker.mutual_port.to_string());
    let (head, rest) = by_certificate.split_once("username").unwrap();
    let (_, sirens) = rest.split_once("[[mqtt.siren]]").unwrap();
    let with_own =
        Server::with_file(&format!("{head}client_id = \"other\"\n{own}[[mqtt.siren]]{sirens}"))
            .await;
    online(&with_own, "base", true).await;
    let without =
        Server::with_file(&format!("{head}client_id = \"other\"\n[[mqtt.siren]]{sirens}")).await;
    let refused = without.sign_in("owner").await.get("/api/v1/homes/maple-street").await.1["devices"][0]["online"].clone();
    assert_eq!(refused, false, "nobody comes without one");
    // With another server's certificate or a wrong password there is no connection, and the home is
    // not ready.
    let other = Broker::start().await;
    let strange = vouched.replace(&broker.path("cert.pem"), &other.path("cert.pem"));
    let wrong = plain.replace(&broker.path("password"), &broker.path("mosquitto.conf"));
    for settings in [strange, wrong] {
        let server = Server::with_file(&settings).await;
        let owner = server.sign_in("owner").await;
        let incident = owner.raise("maple-street", "siren", json!({})).await.1;
        owner.act(&incident, "send-now").await;
        let ready = owner.get("/api/v1/homes/maple-street").await.1["sos"]["ready"].clone();
        assert_eq!(ready["ok"], false, "R23: {ready}");
    }
    assert_eq!(base.orders(), ["ON"]);
}

#[tokio::test]
async fn check_names_broker_and_sirens_last_words_and_tells_none() {
    let mut broker = Broker::start().await;
    let base = broker.device("base").await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("buckler.toml");
    std::fs::write(&file, broker.settings(&SIRENS[..2])).unwrap();
    let check = async || {
        let mut command = program(&["check"], 1, &folder.path().join("data"));
        command.arg("--config").arg(&file);
        let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap();
        String::from_utf8(output.unwrap().stdout).unwrap()
    };
    let said = until("the device's word", || async {
        Some(check().await).filter(|said| said.contains("(base): online"))
    })
    .await;
    assert!(
        said.contains(&format!(
            "ok     broker: mqtt://127.0.0.1:{}: connected; mosquitto version 2",
            broker.port
        )),
        "{said}"
    );
    assert!(
        said.contains(
            "siren: maple-street/hall-keypad (hall): has said nothing that the broker kept"
        ),
        "{said}"
    );
    assert!(base.heard().is_empty());
    base.say("availability", "offline", true);
    until("its last word", || async {
        check().await.contains("FAULT  siren: maple-street/base (base): offline").then_some(())
    })
    .await;
    assert!(!said.contains("may not write"), "{said}");
    std::fs::write(
        &file,
        broker.settings(&SIRENS[..1]).replace("username = \"buckler\"", "username = \"mute\""),
    )
    .unwrap();
    let said = check().await;
    assert!(
        said.contains("FAULT  broker: this server may not write “buckler/base/siren/set”"),
        "{said}"
    );
    broker.kill();
    assert!(check().await.contains("FAULT  broker: mqtt://127.0.0.1:"));
}

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
}

impl Link {
    async fn to(broker: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (open, is_open) = watch::channel(true);
        tokio::spawn(async move {
            loop {
                let (mut server, _) = listener.accept().await.unwrap();
                let mut is_open = is_open.clone();
                tokio::spawn(async move {
                    let _ = is_open.wait_for(|open| *open).await;
                    let mut broker = TcpStream::connect(("127.0.0.1", broker)).await.unwrap();
                    tokio::select! {
                        _ = tokio::io::copy_bidirectional(&mut server, &mut broker) => {}
                        _ = is_open.wait_for(|open| !open) => {}
                    }
                });
            }
        });
        Self { port, open }
    }
}

/// I30. The broker keeps a code for a minute: somebody who comes home disarms with it, and knows of
/// no countdown that begins before it arrives.
#[tokio::test]
async fn code_that_the_broker_kept_cancels_nothing() {
    let broker = Broker::start().await;
    let cabin = broker.device("cabin").await;
    let link = Link::to(broker.port).await;
    let codes = broker.path("codes");
    std::fs::write(&codes, "4711 Olivia\n").unwrap();
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
    link.open.send_replace(false);
    cabin.said("button", code).await;
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

/// The broker does not send a press again that the server has taken.
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

/// An OFF that is stored just before the end is sent before the connection ends, and then nothing
/// commands the siren any more.
#[tokio::test]
async fn siren_that_is_silenced_as_the_server_stops_falls_silent() {
    let broker = Broker::start().await;
    let devices = all(&broker).await;
    let (server, _, incident) = sounding(&broker, "siren").await;
    let id = incident["id"].as_str().unwrap().parse().unwrap();
    server
        .app
        .engine
        .give(id, Command::Silence { seen: Seen::All, by: Actor::Buckler })
        .await
        .unwrap();
    let _folder = server.stop().await;
    for device in &devices {
        until("quiet", || async { (device.orders() == ["ON", "OFF"]).then_some(()) }).await;
    }
}

#[tokio::test]
async fn nobody_says_in_the_app_that_a_button_was_pressed() {
    let server = Server::start("30s").await;
    let owner = server.sign_in("owner").await;
    let forged =
        owner.raise("maple-street", "police", json!({"source": {"surface": "device"}})).await;
    assert_eq!(forged.0, StatusCode::FORBIDDEN, "{}", forged.1);
}
