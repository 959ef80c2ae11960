//! MQTT: what any client may publish to the topics of sirens, buttons, keypads and Home Assistant.

use super::{Fixed, NOON, draw::Draw, on_paused_time};
use crate::domain::story::home;
use async_trait::async_trait;
use buckler::{
    domain::{
        device::Health,
        home::Home,
        id::IncidentId,
        incident::{
            Mode,
            command::Command,
            effect::{Effect, EffectKind, Sound},
        },
    },
    server::{
        clock::Clock,
        engine::outbox::{EffectHandler, ExecuteError},
        live_events::LiveEvents,
        mqtt::{
            MqttDevices,
            broker::{
                Broker, Connection, ConnectionEnded, Dial, Incoming, NotQueued, Outgoing, Receipt,
                Session,
            },
            buttons::{Press, TakenPress},
            connect_over, home_assistant,
            keypad::ButtonAction,
            profile::{DeviceReport, Profile, battery, known, pick},
            settings::{BoundSiren, Settings},
        },
        sirens::NoDevices,
        tasks::Tasks,
    },
};
use serde_json::Value;
use std::{
    io,
    sync::{Arc, LazyLock, Mutex},
    time::Duration,
};
use tokio::sync::{mpsc, watch};
use uuid::Uuid;

/// One siren of each kind, a keypad that wants answers, a button, and Home Assistant.
static SETTINGS: LazyLock<Settings> = LazyLock::new(|| {
    let sirens: String = known()
        .into_keys()
        .enumerate()
        .map(|(n, profile)| {
            format!(
                "[[siren]]\nhome = \"elm-road\"\ndevice = \"d{n}\"\nprofile = \"{profile}\"\nname = \"a{n}\"\n"
            )
        })
        .collect();
    let text = format!(
        "broker = \"mqtt://broker.invalid\"\n[home_assistant]\nsos = true\n{sirens}\
         [[button]]\nhome = \"elm-road\"\nname = \"Bedside\"\ntopic = \"{BEDSIDE}\"\njson_pointer = \"\"\n\
         press = {{ 1 = \"medical\", hold = \"siren\" }}\n\
         [[button]]\nhome = \"elm-road\"\nname = \"Keypad\"\ntopic = \"{KEYPAD}\"\ncodes_file = \"codes\"\n\
         press = {{ panic = \"police\", disarm = \"cancel\", arm = \"drill\" }}\n\
         [button.answer]\ntopic = \"{ANSWERS}\"\n\
         accepted = '{{\"transaction\":{{transaction}},\"ok\":true}}'\n\
         refused = '{{\"transaction\":{{transaction}},\"ok\":false}}'\n"
    );
    toml::from_str(&text).expect("settings")
});
const BEDSIDE: &str = "z/bedside";
const KEYPAD: &str = "z/keypad";
const ANSWERS: &str = "z/keypad/set";
const ASSISTANT: &str = "buckler/home/elm-road/do";
/// How long the siren is to sound.
const SOUNDS_FOR: Duration = Duration::from_secs(240);
/// The most messages of one history.
const MESSAGES_MOST: usize = 24;
/// The most commands to a siren that time alone causes.
const REPEATS_MOST: usize = 16;

/// Payloads as devices write them.
const USUAL: [&str; 22] = [
    r#"{"state":"ON","key":"KEY"}"#,
    r#"{"state":"ON","key":"another/3/siren_on/d0"}"#,
    r#"{"state":"ON"}"#,
    r#"{"state":"OFF","key":"KEY","battery":12.5,"tamper":true}"#,
    r#"{"alarm":true,"battery":80}"#,
    r#"{"alarm":false}"#,
    r#"{"id":0,"output":true}"#,
    r#"{"id":0,"output":false}"#,
    r#"{"state":"online"}"#,
    r#"{"state":"offline"}"#,
    "online",
    "offline",
    "Offline",
    "ON",
    "OFF",
    "true",
    r#"{"action":"panic","battery":3}"#,
    r#"{"action":"disarm","action_code":"4711","action_transaction":7}"#,
    r#"{"action":"disarm","action_code":4711,"action_transaction":"+7"}"#,
    r#"{"action":"arm","action_code":null,"action_transaction":"7,\"a\":1"}"#,
    "1",
    " police\n",
];

/// What is read at any place of any payload is in its bounds, and a report is what the payload
/// says.
pub fn payloads(bytes: &[u8]) {
    let mut draw = Draw::new(bytes);
    let usual = draw.one_of(&USUAL);
    let payload = if draw.yes() { draw.damaged(usual.as_bytes()) } else { draw.bytes() };
    let text = String::from_utf8_lossy(&payload).into_owned();
    for pointer in ["", "/state", "/action", "/battery", draw.text().as_str()] {
        if let Some(Some(picked)) = pick(&text, pointer) {
            // A number such as 1e15 is written out.
            assert!(picked.len() <= text.len() * 8);
        }
        let left = battery(&text, pointer);
        assert!(left.is_none_or(|left| matches!(left, DeviceReport::Battery(0..=100))));
    }
    for profile in known().values() {
        for topic in profile.topics("hall") {
            let reports = profile.hear("hall", &topic, &payload).unwrap_or_default();
            let is_right = |report: &DeviceReport| match report {
                DeviceReport::Sounds(on, key) => {
                    sounds(profile, &payload) == Some((*on, key.clone()))
                }
                DeviceReport::Battery(left) => *left <= 100,
                _ => true,
            };
            assert!(reports.iter().all(is_right), "{reports:?} in {text}");
        }
        assert_eq!(profile.hear("hall", "hall/of/others", &payload).unwrap_or_default(), []);
    }
}

/// The text at a place of a payload, as far as another reading of JSON finds it.
fn at(payload: &[u8], pointer: &str) -> Option<String> {
    let text = std::str::from_utf8(payload).ok()?;
    if pointer.is_empty() {
        return Some(text.trim().to_owned());
    }
    let value: Value = serde_json::from_slice(payload).ok()?;
    let found = pointer[1..].split('/').try_fold(&value, |value, name| match value {
        Value::Array(all) => all.get(name.parse::<usize>().ok()?),
        value => value.get(name),
    })?;
    Some(found.as_str().map_or_else(|| found.to_string(), str::to_owned))
}

/// Whether a siren says that it sounds, and by which command.
fn sounds(profile: &Profile, payload: &[u8]) -> Option<(bool, Option<String>)> {
    let state = profile.state.as_ref()?;
    let said = at(payload, &state.json_pointer)?;
    let key = state.key.as_ref().and_then(|pointer| at(payload, pointer));
    if said == state.on { Some((true, key)) } else { (said == state.off).then_some((false, key)) }
}

type Event = Result<Incoming, ConnectionEnded>;

/// The broker: where each of the two connections gets its events, and what was published.
#[derive(Default)]
struct Peers {
    sirens: Mutex<Option<mpsc::UnboundedSender<Event>>>,
    buttons: Mutex<Option<mpsc::UnboundedSender<Event>>>,
    published: Mutex<Vec<Outgoing>>,
}

struct Wire(Arc<Peers>);

struct End {
    events: mpsc::UnboundedReceiver<Event>,
    peers: Arc<Peers>,
}

impl Dial for Wire {
    fn dial(&self, session: &Session) -> Box<dyn Connection> {
        let (to_server, events) = mpsc::unbounded_channel();
        let end = if session.kept_for.is_some() { &self.0.buttons } else { &self.0.sirens };
        *end.lock().expect("no holder panics") = Some(to_server);
        Box::new(End { events, peers: self.0.clone() })
    }
}

#[async_trait]
impl Connection for End {
    fn broker(&self) -> Arc<dyn Broker> {
        Arc::new(Wire(self.peers.clone()))
    }
    async fn next(&mut self) -> Event {
        let gone = || ConnectionEnded::Failed(Arc::new(io::Error::other("gone")));
        self.events.recv().await.unwrap_or_else(|| Err(gone()))
    }
    async fn end(&mut self, _: Outgoing) {}
}

impl Broker for Wire {
    fn publish(&self, message: Outgoing) -> Result<(), NotQueued> {
        self.0.published.lock().expect("no holder panics").push(message);
        Ok(())
    }
    fn subscribe(&self, _: &str) -> Result<(), NotQueued> {
        Ok(())
    }
    fn unsubscribe(&self, _: &str) -> Result<(), NotQueued> {
        Ok(())
    }
    fn acknowledge(&self, _: Receipt) -> Result<(), NotQueued> {
        Ok(())
    }
}

/// A message that a client published.
struct Said {
    topic: String,
    payload: Vec<u8>,
    retained: bool,
}

/// A server whose devices are all behind this broker.
struct House {
    devices: Arc<MqttDevices>,
    peers: Arc<Peers>,
    presses: mpsc::Receiver<TakenPress>,
    clock: Arc<Clock>,
    sirens: Vec<BoundSiren>,
    heard: Vec<Said>,
    _stopper: watch::Sender<bool>,
}

impl House {
    async fn start(name: String) -> Self {
        let (clock, live_events) = (Arc::new(Clock::new(Fixed)), Arc::new(LiveEvents::default()));
        let (pressed, presses) = mpsc::channel(64);
        let (stopped, _) = mpsc::channel(64);
        let fallback = Arc::new(NoDevices);
        let devices =
            MqttDevices::new(&SETTINGS, clock.clone(), live_events, fallback, pressed, stopped);
        let devices = devices.expect("settings that fit together");
        let (stopper, stop) = watch::channel(false);
        let (peers, tasks) = (Arc::new(Peers::default()), Tasks::new(stop));
        connect_over(devices.clone(), Arc::new(Wire(peers.clone())), &SETTINGS, &tasks);
        let sirens = SETTINGS.sirens().expect("settings that fit together");
        let heard = Vec::new();
        let house = Self { devices, peers, presses, clock, sirens, heard, _stopper: stopper };
        settled().await;
        for end in [&house.peers.sirens, &house.peers.buttons] {
            send(end, Incoming::Connected { resumed: false });
        }
        house.devices.publish_home(&Home { name, ..home() });
        settled().await;
        house
    }

    /// Publishes something, and checks what it does.
    async fn hears(&mut self, said: Said, accepts: bool) {
        let Said { topic, payload, retained } = &said;
        let is_button = [BEDSIDE, KEYPAD].contains(&topic.as_str());
        let end = if is_button { &self.peers.buttons } else { &self.peers.sirens };
        let receipt = is_button.then_some(Receipt { id: 1, is_again: false });
        let (topic, payload) = (topic.as_bytes().to_vec(), payload.clone());
        send(end, Incoming::Message { topic, payload, retained: *retained, receipt });
        settled().await;
        let mut count = 0;
        while let Ok(TakenPress { press, taken }) = self.presses.try_recv() {
            count += 1;
            is_what_was_said(&press, &said);
            self.devices.answer(&press, accepts);
            taken.done();
        }
        assert!(count <= 1, "one message is one press");
        self.heard.push(said);
    }

    /// Whether a siren, or a keypad, was heard itself.
    fn was_heard(&self, topics: &[String]) -> bool {
        self.heard.iter().any(|said| !said.retained && topics.contains(&said.topic))
    }

    fn is_in_bounds(&self, health: &Health, topics: &[String]) {
        assert!(health.battery.is_none_or(|left| left <= 100));
        assert!(health.seen_at.is_none_or(|seen| seen >= NOON && seen <= self.clock.now()));
        assert!(
            health.seen_at.is_none() || self.was_heard(topics),
            "a retained message proves no life"
        );
    }

    /// Nothing leaves but commands to the siren that is to sound, and what is for others.
    fn published_nothing_else(&self, siren: &BoundSiren) {
        let commands = siren.profile.command_topics(&siren.name);
        let mut count = 0;
        for sent in self.peers.published.lock().expect("no holder panics").iter() {
            let Outgoing { topic, payload, retain, expires, .. } = sent;
            if commands.contains(topic) {
                count += 1;
                assert!(!retain, "a command that the broker keeps is carried out late");
                assert!(expires.is_none_or(|expires| expires <= SOUNDS_FOR));
                continue;
            }
            match topic.as_str() {
                "buckler/status" => assert!(payload == b"online"),
                ANSWERS => drop(serde_json::from_slice::<Value>(payload).expect("JSON")),
                "homeassistant/device/buckler_elm-road/config" => {
                    let value: Value = serde_json::from_slice(payload).expect("JSON");
                    assert!(value["cmps"].is_object() && *retain);
                }
                other => panic!("{other} is nobody's topic"),
            }
        }
        let most = 2 * self.heard.len() + REPEATS_MOST;
        assert!(count <= most, "{count} commands flood a siren");
    }
}

/// Everything has been handled that came: time passes only then.
async fn settled() {
    tokio::time::sleep(Duration::from_millis(1)).await;
}

fn send(end: &Mutex<Option<mpsc::UnboundedSender<Event>>>, event: Incoming) {
    let end = end.lock().expect("no holder panics");
    end.as_ref().expect("it was dialed").send(Ok(event)).expect("it is open");
}

/// A press is in the payload as the settings write it.
fn is_what_was_said(press: &Press, said: &Said) {
    assert!(!said.retained && !press.queued && press.home.as_str() == "elm-road");
    let pointer = if said.topic == KEYPAD { "/action" } else { "" };
    assert_eq!(Some(&press.said), at(&said.payload, pointer).as_ref());
    let button = SETTINGS.buttons.iter().find(|button| button.topic == said.topic);
    let of_assistant = SETTINGS.home_assistant.as_ref().expect("it is used");
    let action = match button {
        Some(button) => button.press.get(&press.said).copied(),
        None => {
            assert_eq!(said.topic, ASSISTANT);
            let buttons = home_assistant::buttons("buckler", &press.home, of_assistant);
            buttons.press.get(&press.said).copied()
        }
    };
    assert_eq!(Some(press.action), action);
    let is_cancel = press.action == ButtonAction::Cancel;
    assert!(is_cancel || press.code.is_none(), "a code is read only where it counts");
    assert!(press.code.as_ref().is_none_or(|code| code.len() <= said.payload.len() * 8));
}

/// A siren is to sound while any messages come on all topics.
pub fn history(bytes: &[u8]) {
    let mut draw = Draw::new(bytes);
    on_paused_time(async {
        let mut house = House::start(draw.text()).await;
        let siren = draw.one_of(&house.sirens);
        let effect = Effect {
            key: "00000000-0000-0000-0000-000000000001/3/siren_on/d".into(),
            incident: IncidentId(Uuid::from_u128(1)),
            home: siren.home.clone(),
            seq: 3,
            decided_at: NOON,
            mode: Mode::Live,
            not_after: Some(NOON + Duration::from_secs(60)),
            kind: EffectKind::SirenOn {
                device: siren.device.clone(),
                until: NOON + SOUNDS_FOR,
                sound: Sound::Alarm,
            },
        };
        let (devices, on) = (house.devices.clone(), effect.clone());
        let executing = tokio::spawn(async move { devices.execute(&on).await });
        settled().await;
        let mut topics: Vec<String> = [BEDSIDE, KEYPAD, ASSISTANT, "homeassistant/status"]
            .map(str::to_owned)
            .into_iter()
            .chain(house.sirens.iter().flat_map(|siren| siren.profile.topics(&siren.name)))
            .collect();
        // Half of the messages are those of the siren itself.
        let own = siren.profile.topics(&siren.name);
        while topics.len() < 64 {
            topics.extend(own.clone());
        }
        while !draw.is_over() && house.heard.len() < MESSAGES_MOST {
            let usual = draw.one_of(&USUAL).replace("KEY", &effect.key);
            let payload = match draw.below(4) {
                0 => draw.bytes(),
                1 => draw.damaged(usual.as_bytes()),
                _ => usual.into_bytes(),
            };
            let retained = draw.below(4) == 3;
            let said = Said { topic: draw.one_of(&topics), payload, retained };
            house.hears(said, draw.yes()).await;
            tokio::time::sleep(Duration::from_millis(20 * draw.byte() as u64)).await;
        }
        confirmed(&house, &siren, &effect, executing.await.expect("it does not panic"));
        house.published_nothing_else(&siren);
        for health in house.devices.diagnostics(&siren.home) {
            let topics = match &health.who {
                Ok(device) => {
                    let siren = house.sirens.iter().find(|siren| siren.device == *device);
                    siren.map(|siren| siren.profile.topics(&siren.name)).expect("it is bound")
                }
                Err(name) if name == "Keypad" => vec![KEYPAD.to_owned()],
                Err(_) => vec![BEDSIDE.to_owned()],
            };
            house.is_in_bounds(&health.health, &topics);
        }
    });
}

/// A siren is said to sound only if it said so itself, of this command.
fn confirmed(
    house: &House,
    siren: &BoundSiren,
    effect: &Effect,
    executed: Result<Option<Command>, ExecuteError>,
) {
    let state =
        siren.profile.state.as_ref().map(|state| state.topic.replace("{name}", &siren.name));
    let proves = |said: &Said| {
        !said.retained
            && Some(&said.topic) == state.as_ref()
            && sounds(&siren.profile, &said.payload)
                .is_some_and(|(on, key)| on && key.is_none_or(|key| key == effect.key))
    };
    match executed {
        Ok(Some(Command::SirenReported { sounding: true, .. })) => {
            assert!(house.heard.iter().any(proves), "nobody said that it sounds");
        }
        Ok(other) => panic!("{other:?} is recorded"),
        Err(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{bytes, cases},
        *,
    };
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(cases(2_000))]

        #[test]
        fn payload_is_read_in_its_bounds(bytes in bytes(300)) {
            payloads(&bytes);
        }
    }

    proptest! {
        #![proptest_config(cases(300))]

        #[test]
        fn any_messages_press_and_confirm_only_what_they_say(bytes in bytes(600)) {
            history(&bytes);
        }
    }

    /// `+7` is a number for Rust, and not in JSON.
    #[test]
    fn answer_to_a_keypad_is_json_whatever_it_sent() {
        on_paused_time(async {
            let mut house = House::start("Elm Road".into()).await;
            for (n, id) in ["7", "\"+7\"", "\"007\"", "\"7}\"", "-1", "[7]"].iter().enumerate() {
                let payload = format!(
                    "{{\"action\":\"disarm\",\"action_code\":\"{n}\",\"action_transaction\":{id}}}"
                );
                let said = Said { topic: KEYPAD.into(), payload: payload.into(), retained: false };
                house.hears(said, true).await;
            }
            let published = house.peers.published.lock().unwrap();
            let answers = published.iter().filter(|sent| sent.topic == ANSWERS);
            let payloads: Vec<Value> =
                answers.map(|sent| serde_json::from_slice(&sent.payload).unwrap()).collect();
            let ids: Vec<Value> =
                payloads.iter().map(|answer| answer["transaction"].clone()).collect();
            assert_eq!(ids, [7.into(), 7.into(), 7.into(), Value::Null, Value::Null, Value::Null]);
        });
    }
}
