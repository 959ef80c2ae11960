//! The example of the documentation on a real broker, observed by `mosquitto_sub`: a siren, a
//! keypad and a panic button on Zigbee, and Home Assistant.

use super::{Killed, Person, Server, broker::Broker, until, wait, whats};
use buckler::server::identity::attempts::Guess;
use reqwest::StatusCode;
use rumqttc::{AsyncClient, Event, Packet, PublishOptions, QoS};
use serde_json::{Value, json};
use std::{
    io::{BufRead, BufReader},
    process::{Command, Stdio},
    sync::{Arc, Mutex},
    time::Duration,
};

/// `mosquitto_sub -v -t '#'`, as a user who may read everything.
struct Watcher {
    _child: Killed,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Watcher {
    async fn start(broker: &Broker) -> Self {
        let mut command = Command::new("mosquitto_sub");
        command.args([
            "-h",
            "127.0.0.1",
            "-p",
            &broker.port.to_string(),
            "-u",
            "watcher",
            "-P",
            "open sesame",
            "-v",
            "-t",
            "#",
        ]);
        let mut child = command
            .stdout(Stdio::piped())
            .spawn()
            .expect("scripts/setup test installs mosquitto's clients");
        let lines: Arc<Mutex<Vec<String>>> = Arc::default();
        let (read, out) = (lines.clone(), child.stdout.take().unwrap());
        std::thread::spawn(move || {
            BufReader::new(out)
                .lines()
                .map_while(Result::ok)
                .for_each(|line| read.lock().unwrap().push(line))
        });
        Self { _child: Killed(child), lines }
    }

    /// All messages whose line begins like this, without direct repetitions (I12: a repeated
    /// command is one command).
    fn saw(&self, begin: &str) -> Vec<String> {
        let mut saw: Vec<String> = self
            .lines
            .lock()
            .unwrap()
            .iter()
            .filter(|line| line.starts_with(begin))
            .cloned()
            .collect();
        saw.dedup();
        saw
    }

    async fn until_saw(&self, begin: &str, count: usize) -> Vec<String> {
        until(begin, || async { Some(self.saw(begin)).filter(|saw| saw.len() >= count) }).await
    }
}

/// The example, with a bridge whose siren obeys and confirms.
struct World {
    server: Server,
    owner: Person,
    watcher: Watcher,
    bridge: AsyncClient,
    assistant: AsyncClient,
    _broker: Broker,
}

impl World {
    async fn start() -> Self {
        let broker = Broker::of_the_example().await;
        let watcher = Watcher::start(&broker).await;
        let bridge = bridge(&broker);
        let codes = broker.path("codes");
        std::fs::write(&codes, "4711 Olivia\n").unwrap();
        let file = include_str!("../../../docs/mqtt/buckler.toml")
            .replace("broker.home.arpa:8883", &format!("localhost:{}", broker.tls_port))
            .replace("/etc/buckler/mqtt-password", &broker.path("password"))
            .replace("/etc/buckler/broker-ca.pem", &broker.path("cert.pem"))
            .replace("/etc/buckler/hall-keypad-codes", &codes);
        let server = Server::with_file(&file).await;
        watcher.until_saw("zigbee2mqtt/hall siren/availability", 1).await;
        watcher.until_saw("buckler/status online", 1).await;
        watcher.until_saw("buckler/home/maple-street/state", 1).await;
        let (assistant, mut events) = broker.client("homeassistant");
        tokio::spawn(async move { while events.poll().await.is_ok() {} });
        watcher.until_saw("homeassistant/device/buckler_maple-street/config", 1).await;
        let owner = server.sign_in("owner").await;
        let known = async || {
            owner.get("/api/v1/homes/maple-street").await.1["devices"][0]["online"] == true
        };
        until("the siren is known", || async { known().await.then_some(()) }).await;
        Self { server, owner, watcher, bridge, assistant, _broker: broker }
    }

    async fn running(&self) -> Value {
        self.owner.get("/api/v1/homes/maple-street").await.1["incident"].clone()
    }

    fn says(&self, topic: &str, payload: &str) {
        self.bridge
            .try_publish(topic, payload.as_bytes().to_vec(), PublishOptions::at_least_once())
            .unwrap();
    }

    /// The commands to the siren, and its reports.
    fn siren(&self) -> Vec<String> {
        let all = self.watcher.saw("zigbee2mqtt/hall siren");
        all.into_iter().filter(|line| !line.contains("availability")).collect()
    }

    async fn until_siren(&self, lines: &[&str]) {
        until("the siren's messages", || async {
            (self.siren().len() >= lines.len()).then_some(())
        })
        .await;
        assert_eq!(self.siren(), lines);
    }

    /// Makes the server announce everything again on the connection that also commands sirens. The
    /// announcements come after every earlier command.
    async fn nothing_more(&self) {
        let before = self.found();
        self.assistant_says("homeassistant/status", "online");
        until("all of it anew", || async { (self.found() > before).then_some(()) }).await;
    }

    /// How often Home Assistant was told which homes exist.
    fn found(&self) -> usize {
        let lines = self.watcher.lines.lock().unwrap();
        lines.iter().filter(|line| line.starts_with("homeassistant/device")).count()
    }

    fn assistant_says(&self, topic: &str, payload: &str) {
        self.assistant
            .try_publish(topic, payload.as_bytes().to_vec(), PublishOptions::at_least_once())
            .unwrap();
    }

    /// The states of Maple Street that Home Assistant was told, in order.
    fn states(&self) -> Vec<Value> {
        let all = self.watcher.saw("buckler/home/maple-street/state");
        all.iter()
            .map(|line| serde_json::from_str(line.split_once("state ").unwrap().1).unwrap())
            .collect()
    }
}

fn bridge(broker: &Broker) -> AsyncClient {
    let (client, mut events) = broker.client("zigbee2mqtt");
    let speaks = client.clone();
    tokio::spawn(async move {
        loop {
            let say = |topic: &str, payload: Value, keep: bool| {
                let options = PublishOptions::at_least_once().retain(keep);
                speaks
                    .try_publish(
                        format!("zigbee2mqtt/hall siren{topic}"),
                        payload.to_string().into_bytes(),
                        options,
                    )
                    .unwrap();
            };
            match events.poll().await {
                Ok(Event::Incoming(Packet::ConnAck(_))) => {
                    speaks.try_subscribe("zigbee2mqtt/hall siren/set", QoS::AtLeastOnce).unwrap();
                    say("/availability", json!({"state": "online"}), true);
                }
                Ok(Event::Incoming(Packet::Publish(message))) => {
                    let order: Value = serde_json::from_slice(&message.payload).unwrap();
                    say("", json!({"alarm": order["alarm"], "battery": 90}), false);
                }
                Ok(_) => {}
                Err(_) => wait(Duration::from_millis(50)).await,
            }
        }
    });
    client
}

const ON: &str = r#"zigbee2mqtt/hall siren/set {"alarm":true,"volume":"high","duration":180}"#;
const LOUD: &str = r#"zigbee2mqtt/hall siren {"alarm":true,"battery":90}"#;
const OFF: &str = r#"zigbee2mqtt/hall siren/set {"alarm":false}"#;
const QUIET: &str = r#"zigbee2mqtt/hall siren {"alarm":false,"battery":90}"#;

#[tokio::test]
async fn the_example_sounds_and_silences_for_what_sounds_a_siren() {
    for (button, services) in [("single", json!(["police"])), ("double", json!(["fire"]))] {
        let world = World::start().await;
        world.says(
            "zigbee2mqtt/bedside button",
            &json!({"action": button, "battery": 70}).to_string(),
        );
        let incident =
            until("the press", || async { Some(world.running().await).filter(|i| !i.is_null()) })
                .await;
        assert_eq!(incident["services"], services);
        assert_eq!(world.siren(), [""; 0], "not while it counts down");
        world.owner.act(&incident, "send-now").await;
        world.until_siren(&[ON, LOUD]).await;
        assert_eq!(world.owner.act(&incident, "silence").await.0, StatusCode::OK);
        world.until_siren(&[ON, LOUD, OFF, QUIET]).await;
    }
    let world = World::start().await;
    let incident = world.owner.raise("maple-street", "siren", json!({})).await.1;
    world.until_siren(&[ON, LOUD]).await;
    world.owner.act(&incident, "silence").await;
    world.until_siren(&[ON, LOUD, OFF, QUIET]).await;
}

#[tokio::test]
async fn example_siren_hears_nothing_of_medical_help_drill_or_cancel() {
    let world = World::start().await;
    world.says("zigbee2mqtt/bedside button", r#"{"action":"hold"}"#);
    let incident =
        until("the press", || async { Some(world.running().await).filter(|i| !i.is_null()) }).await;
    world.owner.act(&incident, "send-now").await;
    until("the call", || async {
        whats(&world.owner.look(&incident).await).contains(&"call_placed").then_some(())
    })
    .await;
    assert!(!whats(&world.owner.look(&incident).await).contains(&"siren_on"), "F34");
    world.nothing_more().await;
    assert_eq!(world.siren(), [""; 0], "F34");
    let world = World::start().await;
    // A client without the right to write there presses nothing, and an SOS there is ignored.
    world.says("buckler/home/maple-street/do", "drill");
    let press = |what: &str| world.assistant_says("buckler/home/maple-street/do", what);
    ["police", "fire", "medical", "", "cancel"].into_iter().for_each(press);
    press("drill");
    let drill =
        until("the drill", || async { Some(world.running().await).filter(|i| !i.is_null()) }).await;
    assert_eq!(
        (&drill["mode"], &drill["started_by"]["name"]),
        (&json!("drill"), &json!("Home Assistant"))
    );
    world.owner.act(&drill, "send-now").await;
    until("the call", || async {
        whats(&world.owner.look(&drill).await).contains(&"call_placed").then_some(())
    })
    .await;
    world.nothing_more().await;
    assert_eq!(world.siren(), [""; 0]);
}

#[tokio::test]
async fn a_code_cancels_a_countdown_and_the_keypad_is_told() {
    let world = World::start().await;
    let typed = |code: &str, transaction: u32| {
        json!({"action": "disarm", "action_code": code, "action_zone": 0, "action_transaction": transaction}).to_string()
    };
    let keypad = "zigbee2mqtt/hall keypad";
    world.says(keypad, r#"{"action":"panic","action_code":null,"action_transaction":1}"#);
    let incident =
        until("the press", || async { Some(world.running().await).filter(|i| !i.is_null()) }).await;
    assert_eq!(incident["timeline"][0]["text"], "Police requested from Hall keypad");
    world.says(keypad, &typed("4712", 2));
    let answers = world.watcher.until_saw("zigbee2mqtt/hall keypad/set", 1).await;
    assert_eq!(
        answers,
        [r#"zigbee2mqtt/hall keypad/set {"arm_mode":{"mode":"invalid_code","transaction":2}}"#]
    );
    let state = world.owner.look(&incident).await["state"].clone();
    assert_eq!(state, "counting_down", "a wrong code cancels nothing");
    // A code leaves what was requested in the second before it arrived (I30).
    let mut n = 2;
    let canceled = loop {
        n += 1;
        world.says(keypad, &typed("4711", n));
        world.watcher.until_saw("zigbee2mqtt/hall keypad/set", n as usize - 1).await;
        let incident = world.owner.look(&incident).await;
        if incident["state"] == "aborted" {
            break incident;
        }
        assert_eq!(incident["state"], "counting_down");
    };
    let last = canceled["timeline"].as_array().unwrap().last().unwrap().clone();
    assert_eq!((&last["what"], &last["by"]), (&json!("aborted"), &json!("Olivia, Hall keypad")));
    let answers = world.watcher.saw("zigbee2mqtt/hall keypad/set");
    let accepted = json!({"arm_mode": {"mode": "disarm", "transaction": n}});
    assert_eq!(*answers.last().unwrap(), format!("zigbee2mqtt/hall keypad/set {accepted}"));
    world.nothing_more().await;
    assert_eq!(world.siren(), [""; 0]);
    // If nothing is to cancel or help is on its way, the keypad is told so: a code cancels nothing.
    let before = answers.len();
    world.says(keypad, &typed("4711", n + 1));
    world.watcher.until_saw("zigbee2mqtt/hall keypad/set", before + 1).await;
    let incident = world.owner.raise("maple-street", "fire", json!({})).await.1;
    world.owner.act(&incident, "send-now").await;
    wait_for_call(&world, &incident).await;
    n += 1;
    until("another press", || {
        n += 1;
        world.says(keypad, &typed("4711", n));
        async {
            let answers = world.watcher.saw("zigbee2mqtt/hall keypad/set");
            (answers.len() >= before + 2).then_some(())
        }
    })
    .await;
    let answers = world.watcher.saw("zigbee2mqtt/hall keypad/set");
    assert!(answers[before + 1].contains("invalid_code"), "R18");
    let after = world.owner.look(&incident).await;
    assert_ne!(after["state"], "aborted");
    // A person who guesses is stopped, and then even the right code is not checked.
    let (attempts, clock) = (&world.server.app.attempts, &world.server.app.clock);
    let guess = Guess::Keypad("zigbee2mqtt/hall keypad".into());
    let mut wrong = 1000;
    until("no more tries", || {
        wrong += 1;
        world.says(keypad, &typed(&wrong.to_string(), wrong));
        async { (!attempts.take(&guess, clock.now())).then_some(()) }
    })
    .await;
}

async fn wait_for_call(world: &World, incident: &Value) {
    until("the call", || async {
        whats(&world.owner.look(incident).await).contains(&"call_placed").then_some(())
    })
    .await;
}

#[tokio::test]
async fn home_assistant_finds_the_home_and_no_sos() {
    let world = World::start().await;
    let found =
        world.watcher.until_saw("homeassistant/device/buckler_maple-street/config", 1).await;
    let config: Value = serde_json::from_str(found[0].split_once("config ").unwrap().1).unwrap();
    assert_eq!(config["dev"]["name"], "Buckler Maple Street");
    let parts: Vec<&String> = config["cmps"].as_object().unwrap().keys().collect();
    assert_eq!(
        parts,
        ["countdown", "drill", "incident", "last", "ready", "silence", "siren"],
        "no SOS unless it is wanted"
    );
    for (key, part) in config["cmps"].as_object().unwrap() {
        assert_eq!(part["unique_id"], format!("buckler_maple-street_{key}"));
        let topic =
            part.get("state_topic").or(part.get("command_topic")).unwrap().as_str().unwrap();
        assert!(topic.starts_with("buckler/home/maple-street/"), "{topic}");
    }
}

#[tokio::test]
async fn home_assistant_sees_what_the_home_does_and_can_silence_it() {
    let world = World::start().await;
    let states = || world.states();
    let quiet = states().pop().unwrap();
    assert_eq!(
        (&quiet["incident"], &quiet["siren"], &quiet["ready"], &quiet["countdown"]),
        (&json!("none"), &json!("OFF"), &json!("ON"), &json!(0))
    );
    let incident = world.owner.raise("maple-street", "police", json!({})).await.1;
    until("it counts", || async { states().iter().any(|s| s["countdown"] == 4).then_some(()) })
        .await;
    assert!(states().iter().all(|s| s["countdown"].as_u64().unwrap() <= 5 && s["siren"] == "OFF"));
    world.owner.act(&incident, "send-now").await;
    until("it sounds", || async { (states().last().unwrap()["siren"] == "ON").then_some(()) })
        .await;
    assert_eq!(states().last().unwrap()["last"], incident["started_at"]);
    let words: Vec<Value> = states().into_iter().map(|s| s["incident"].clone()).collect();
    assert!(
        words.contains(&json!("counting_down")) && words.contains(&json!("verifying")),
        "{words:?}"
    );
    // Home Assistant restarts, and is told everything again.
    let before = world.found();
    world.assistant_says("homeassistant/status", "online");
    until("all homes again", || async { (world.found() >= 2 * before).then_some(()) }).await;
    world.assistant_says("buckler/home/maple-street/do", "silence");
    until("silence", || async { (states().last().unwrap()["siren"] == "OFF").then_some(()) }).await;
    world.until_siren(&[ON, LOUD, OFF, QUIET]).await;
}
