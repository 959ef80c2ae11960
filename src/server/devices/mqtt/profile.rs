//! How a kind of siren is spoken to and understood, as data. Knows no broker.

use crate::domain::{incident::effect::Sound, time::Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{collections::BTreeMap, time::Duration};

/// The kinds that come along.
const KNOWN: &str = include_str!("profiles.toml");

/// A kind of siren.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// What makes it sound.
    pub on: Message,
    /// What makes it quiet.
    pub off: Message,
    /// Where it says whether it sounds; absent where it never does.
    pub state: Option<Told>,
    /// Where it, or its bridge, says whether it can be reached.
    pub availability: Option<Availability>,
    /// Where it says how it is.
    pub health: Option<HealthTold>,
    /// What it calls the sounds.
    #[serde(default)]
    pub sounds: Sounds,
    /// The longest that it sounds by one command; for longer the command is sent again before that.
    pub max_seconds: Option<u64>,
    /// The longest that it is ever silent, seconds; absent where that is not known.
    pub silent_seconds: Option<u64>,
    /// What can be sent to where it is told to sound and asks for nothing: with it `check` learns whether this server may write there.
    pub nothing: Option<String>,
}

/// A message to a device, with placeholders.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Message {
    /// Where to.
    pub topic: String,
    /// What.
    pub payload: String,
}

/// Where a device says whether it sounds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Told {
    /// The topic, with placeholders.
    pub topic: String,
    /// A JSON pointer (RFC 6901); empty is the whole payload, as it is.
    #[serde(default)]
    pub at: String,
    /// What is there while it sounds.
    pub on: String,
    /// What is there while it is quiet.
    pub off: String,
    /// A JSON pointer to the key of the command that it obeyed last.
    pub key: Option<String>,
}

/// Where a device says whether it can be reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Availability {
    /// The topic, with placeholders.
    pub topic: String,
    /// A JSON pointer; empty is the whole payload, as it is.
    #[serde(default)]
    pub at: String,
    /// What is there while it can be reached.
    pub online: String,
    /// What is there while it cannot.
    pub offline: String,
}

/// Where a device says how it is. Every message there shows that it is alive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HealthTold {
    /// The topic, with placeholders.
    pub topic: String,
    /// A JSON pointer to what its battery has left, percent.
    pub battery: Option<String>,
    /// A JSON pointer to whether it was opened or torn from its wall: `true` or `false`.
    pub tamper: Option<String>,
}

/// What a kind calls the sounds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sounds {
    /// Police was asked for.
    pub police: String,
    /// Fire was.
    pub fire: String,
    /// Only the siren was.
    pub alarm: String,
}

impl Default for Sounds {
    fn default() -> Self {
        Self { police: "police".into(), fire: "fire".into(), alarm: "alarm".into() }
    }
}

/// What a device has just said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// Whether it sounds, and by which command where it says so.
    Sounds(bool, Option<String>),
    /// Whether it can be reached.
    Online(bool),
    /// What its battery has left, percent.
    Battery(u8),
    /// Whether it was opened or torn from its wall.
    Tampered(bool),
    /// That it is alive.
    Alive,
}

/// The kinds that come along, by name.
pub fn known() -> BTreeMap<String, Profile> {
    toml::from_str(KNOWN).expect("a test reads it")
}

/// The shortest and the longest that is asked of a device at once.
const SECONDS: std::ops::RangeInclusive<u64> = 1..=3_600;

impl Profile {
    /// How long it is asked to sound, where `left` is left of it.
    pub fn at_once(&self, left: Duration) -> Duration {
        let seconds = left.as_millis().div_ceil(1_000) as u64;
        Duration::from_secs(seconds.clamp(*SECONDS.start(), self.max_seconds.unwrap_or(*SECONDS.end())))
    }

    /// When the command to sound must be sent again, because the device would stop by itself; `None` if it need not.
    pub fn again_after(&self, left: Duration) -> Option<Duration> {
        let once = self.at_once(left);
        // A fifth before its end: a message may take a while to a device that sleeps.
        (once < left).then(|| once - once / 5)
    }

    /// The message that makes it sound until then.
    pub fn on(&self, name: &str, sound: Sound, until: Timestamp, now: Timestamp, key: &str) -> Message {
        let seconds = self.at_once(until.since(now)).as_secs();
        let sound = match sound {
            Sound::Police => &self.sounds.police,
            Sound::Fire => &self.sounds.fire,
            Sound::Alarm => &self.sounds.alarm,
        };
        let all = [
            ("{name}", name.to_owned()),
            ("{sound}", sound.clone()),
            ("{seconds}", seconds.to_string()),
            // Tasmota's PulseTime: tenths of a second up to 11.1 s, and from 12 s on seconds and a hundred.
            ("{pulse}", if seconds < 12 { seconds * 10 } else { seconds + 100 }.to_string()),
            ("{until}", until.to_string()),
            ("{key}", key.to_owned()),
        ];
        filled(&self.on, &all)
    }

    /// The message that makes it quiet.
    pub fn off(&self, name: &str, key: &str) -> Message {
        filled(&self.off, &[("{name}", name.to_owned()), ("{key}", key.to_owned())])
    }

    /// Where this device is heard.
    pub fn topics(&self, name: &str) -> Vec<String> {
        let told =
            [self.state.as_ref().map(|s| &s.topic), self.availability.as_ref().map(|a| &a.topic), self.health.as_ref().map(|h| &h.topic)];
        let mut topics: Vec<String> = told.into_iter().flatten().map(|topic| topic.replace("{name}", name)).collect();
        topics.sort();
        topics.dedup();
        topics
    }

    /// Where this device is spoken to.
    pub fn spoken_to(&self, name: &str) -> [String; 2] {
        [&self.on, &self.off].map(|message| message.topic.replace("{name}", name))
    }

    /// What the device of that name says by this message: nothing, where one topic says more than is asked for. `None` is a message
    /// that cannot be understood.
    pub fn hear(&self, name: &str, topic: &str, payload: &[u8]) -> Option<Vec<Heard>> {
        let payload = std::str::from_utf8(payload).ok()?;
        let is = |known: &str| known.replace("{name}", name) == topic;
        let mut heard = Vec::new();
        if let Some(state) = self.state.as_ref().filter(|state| is(&state.topic)) {
            let key = state.key.as_ref().and_then(|at| pick(payload, at)?);
            match pick(payload, &state.at)? {
                Some(said) if said == state.on => heard.push(Heard::Sounds(true, key)),
                Some(said) if said == state.off => heard.push(Heard::Sounds(false, key)),
                _ => {}
            }
        }
        if let Some(availability) = self.availability.as_ref().filter(|a| is(&a.topic)) {
            match pick(payload, &availability.at)? {
                Some(said) if said == availability.online => heard.push(Heard::Online(true)),
                Some(said) if said == availability.offline => heard.push(Heard::Online(false)),
                _ => {}
            }
        }
        if let Some(health) = self.health.as_ref().filter(|health| is(&health.topic)) {
            heard.push(Heard::Alive);
            heard.extend(health.battery.as_ref().and_then(|at| battery(payload, at)));
            heard.extend(health.tamper.as_ref().and_then(|at| pick(payload, at)??.parse().ok()).map(Heard::Tampered));
        }
        Some(heard)
    }

    /// What asks for nothing, where it is told to sound.
    pub fn nothing(&self, name: &str) -> Option<Message> {
        let payload = self.nothing.clone()?;
        Some(filled(&Message { topic: self.on.topic.clone(), payload }, &[("{name}", name.to_owned())]))
    }
}

/// What a battery has left. Some say it with a fraction.
pub fn battery(payload: &str, at: &str) -> Option<Heard> {
    let left: f64 = pick(payload, at)??.parse().ok()?;
    // Whole numbers of percent are all that anybody is told.
    (0.0..=100.0).contains(&left).then_some(Heard::Battery(left as u8))
}

fn filled(Message { topic, payload }: &Message, all: &[(&str, String)]) -> Message {
    let fill = |text: &String| all.iter().fold(text.clone(), |text, (place, value)| text.replace(place, value));
    Message { topic: fill(topic), payload: fill(payload) }
}

/// What stands at a JSON pointer in a payload, as text; empty is the whole payload. `None` where the payload is no JSON, `Some(None)` where nothing stands there.
pub fn pick(payload: &str, at: &str) -> Option<Option<String>> {
    if at.is_empty() {
        return Some(Some(payload.trim().to_owned()));
    }
    // serde_json goes 128 deep and no deeper.
    let value: Value = serde_json::from_str(payload).ok()?;
    Some(value.pointer(at).map(|found| match found {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile(name: &str) -> Profile {
        known().remove(name).unwrap()
    }

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_millis(1_790_000_000_000 + seconds * 1_000)
    }

    #[test]
    fn every_kind_that_comes_along_is_bounded_and_never_speaks_to_another() {
        for (name, profile) in known() {
            let on = profile.on("hall", Sound::Police, at(240), at(0), "a/1/siren_on/base");
            assert!(on.topic.contains("hall") && profile.off("hall", "k").topic.contains("hall"), "{name}");
            assert!(!on.topic.contains(['{', '+', '#']) && !on.payload.contains("{s") && !on.payload.contains("{p"), "{name}: {on:?}");
            let seconds = profile.at_once(Duration::from_secs(240)).as_secs();
            assert!([seconds.to_string(), (seconds + 100).to_string()].iter().any(|s| on.payload.contains(s)), "I13: {name}: {on:?}");
            assert!(profile.topics("hall").iter().all(|topic| topic.contains("hall")), "{name}");
            let nothing = profile.nothing("hall").unwrap();
            assert!(nothing.topic == on.topic && !nothing.payload.contains("on"), "{name}: {nothing:?}");
        }
    }

    #[test]
    fn sounds_are_what_the_kind_calls_them() {
        let warning = |sound| profile("zigbee2mqtt").on("hall", sound, at(240), at(0), "k").payload;
        assert!(warning(Sound::Police).contains(r#""mode":"police_panic""#));
        assert!(warning(Sound::Fire).contains(r#""mode":"fire_panic""#));
        assert!(warning(Sound::Alarm).contains(r#""mode":"burglar""#) && warning(Sound::Alarm).contains(r#""duration":240"#));
        let pulse = |seconds| profile("tasmota").on("hall", Sound::Police, at(seconds), at(0), "k").payload;
        assert_eq!((pulse(5).as_str(), pulse(240).as_str()), ("PulseTime1 50; Power1 ON", "PulseTime1 340; Power1 ON"));
        assert!(profile("zigbee2mqtt-emergency").on("hall", Sound::Fire, at(9), at(0), "k").payload.contains(r#""mode":"emergency""#));
    }

    #[test]
    fn a_device_that_stops_earlier_is_told_again_before_it_does() {
        let tuya = profile("zigbee2mqtt-alarm");
        assert_eq!(tuya.at_once(Duration::from_secs(240)).as_secs(), 180);
        assert_eq!(tuya.again_after(Duration::from_secs(240)), Some(Duration::from_secs(144)));
        assert_eq!(tuya.again_after(Duration::from_secs(96)), None);
        assert_eq!(tuya.at_once(Duration::from_millis(4_200)).as_secs(), 5, "never shorter than asked");
    }

    #[test]
    fn what_devices_say_is_understood_and_what_nobody_says_is_not() {
        let hear = |kind: &str, topic: &str, payload: &[u8]| profile(kind).hear("hall", topic, payload);
        let own = br#"{"state":"ON","key":"a/1"}"#;
        let sounds = Heard::Sounds(true, Some("a/1".into()));
        assert_eq!(hear("buckler", "buckler/hall/siren/state", own), Some(vec![sounds, Heard::Alive]));
        assert_eq!(
            hear("zigbee2mqtt-alarm", "zigbee2mqtt/hall", br#"{"alarm":false,"battery":80}"#),
            Some(vec![Heard::Sounds(false, None), Heard::Alive, Heard::Battery(80)])
        );
        assert_eq!(hear("zigbee2mqtt-alarm", "zigbee2mqtt/hall", br#"{"battery":120}"#), Some(vec![Heard::Alive]), "no battery has that");
        assert_eq!(
            hear("zigbee2mqtt", "zigbee2mqtt/hall", br#"{"battery":79.5,"tamper":true}"#),
            Some(vec![Heard::Alive, Heard::Battery(79), Heard::Tampered(true)])
        );
        assert_eq!(hear("zigbee2mqtt", "zigbee2mqtt/hall", br#"{"battery":"full","tamper":7}"#), Some(vec![Heard::Alive]));
        assert_eq!(hear("tasmota", "tele/hall/STATE", br#"{"Uptime":"1T"}"#), Some(vec![Heard::Alive]));
        assert_eq!(hear("zigbee2mqtt", "zigbee2mqtt/hall/availability", br#"{"state":"offline"}"#), Some(vec![Heard::Online(false)]));
        assert_eq!(hear("tasmota", "stat/hall/POWER", b"ON"), Some(vec![Heard::Sounds(true, None)]));
        assert_eq!(hear("shelly", "hall/status/switch:0", br#"{"id":0,"output":true}"#), Some(vec![Heard::Sounds(true, None)]));
        assert_eq!(hear("shelly", "hall/online", b"true"), Some(vec![Heard::Online(true)]));
        let deep = "[".repeat(100_000);
        for hostile in [&b"\xff\xfe"[..], b"", b"{", b"{\"state\":", deep.as_bytes()] {
            assert_eq!(hear("buckler", "buckler/hall/siren/state", hostile), None, "{hostile:?}");
        }
        for odd in [&br#"{"state":"on"}"#[..], br#"{"state":["ON"]}"#, b"7", br#"{"state":null}"#] {
            assert_eq!(hear("buckler", "buckler/hall/siren/state", odd), Some(vec![Heard::Alive]), "{odd:?}");
        }
    }
}
