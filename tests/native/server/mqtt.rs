//! Sirens behind a real broker: the commands that they get, the reports that count as proof, and
//! failures of the broker and of sirens.

use super::{
    Person, Server,
    broker::{Broker, Device},
    program, until, wait, whats,
};
use buckler::domain::{
    incident::{
        Actor,
        command::{Command, Seen},
    },
    time::Timestamp,
};
use reqwest::StatusCode;
use rumqttc::PublishOptions;
use serde_json::{Value, json};
use std::time::Duration;

/// The sirens of Maple Street, and their names in topics.
pub const SIRENS: [(&str, &str); 5] = [
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

pub async fn online(server: &Server, device: &str, online: bool) {
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
