//! Profiles: the commands and reports of each kind of siren, as data. Does no I/O.

use crate::domain::{incident::effect::Sound, time::Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{collections::BTreeMap, sync::LazyLock, time::Duration};

/// The built-in profiles.
const KNOWN: &str = include_str!("profiles.toml");

/// A kind of siren.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// The command to sound.
    pub on: Message,
    /// The command to be quiet.
    pub off: Message,
    /// Where it reports whether it sounds; absent if it never does.
    pub state: Option<StateTopic>,
    /// Where it, or its bridge, reports whether it can be reached.
    pub availability: Option<Availability>,
    /// Where it reports its health.
    pub health: Option<HealthTopic>,
    /// Its names of the sounds.
    #[serde(default)]
    pub sounds: Sounds,
    /// The longest time that it sounds after one command, seconds. To sound longer, the command is
    /// repeated before that.
    pub max_seconds: Option<u64>,
    /// Its longest normal silence, such as `25h`; absent if unknown.
    #[serde(default, with = "silence")]
    pub heartbeat_timeout: Option<Duration>,
    /// A payload without effect for the topic of `on`. `buckler check` sends it to learn whether
    /// this server may write to that topic.
    pub noop_payload: Option<String>,
}

/// A duration that may be absent, as text such as `25h`.
pub(super) mod silence {
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
    use std::time::Duration;

    pub fn serialize<S: Serializer>(
        value: &Option<Duration>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        value.map(|value| humantime::format_duration(value).to_string()).serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Duration>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        text.map(|text| {
            humantime::parse_duration(&text)
                .map_err(|error| D::Error::custom(format!("“{text}”: {error}")))
        })
        .transpose()
    }
}

/// A message to a device, with placeholders.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Message {
    /// The topic.
    pub topic: String,
    /// The payload.
    pub payload: String,
}

/// Where a device reports whether it sounds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StateTopic {
    /// The topic, with placeholders.
    pub topic: String,
    /// A JSON pointer (RFC 6901); empty for the whole payload, trimmed.
    #[serde(default)]
    pub json_pointer: String,
    /// The value while it sounds.
    pub on: String,
    /// The value while it is quiet.
    pub off: String,
    /// A JSON pointer to the key of the command that it obeyed last.
    pub key: Option<String>,
}

/// Where a device reports whether it can be reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Availability {
    /// The topic, with placeholders.
    pub topic: String,
    /// A JSON pointer; empty for the whole payload, trimmed.
    #[serde(default)]
    pub json_pointer: String,
    /// The value while it can be reached.
    pub online: String,
    /// The value while it cannot be reached.
    pub offline: String,
}

/// Where a device reports its health. Every message there shows that it is alive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HealthTopic {
    /// The topic, with placeholders.
    pub topic: String,
    /// A JSON pointer to the level of its battery, percent.
    pub battery: Option<String>,
    /// A JSON pointer to whether it was opened or torn from its wall: `true` or `false`.
    pub tamper: Option<String>,
}

/// The names that a kind of siren has for the sounds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sounds {
    /// The sound for police.
    pub police: String,
    /// The sound for fire.
    pub fire: String,
    /// The sound if neither was requested.
    pub alarm: String,
}

impl Default for Sounds {
    fn default() -> Self {
        Self { police: "police".into(), fire: "fire".into(), alarm: "alarm".into() }
    }
}

/// A report of a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeviceReport {
    /// Whether it sounds, and the key of the command that it obeys, if it reports that.
    Sounds(bool, Option<String>),
    /// Whether it can be reached.
    Online(bool),
    /// The level of its battery, percent.
    Battery(u8),
    /// Whether it was opened or torn from its wall.
    Tampered(bool),
    /// It is alive.
    Alive,
}

/// The built-in profiles, by name.
pub fn known() -> BTreeMap<String, Profile> {
    static PARSED: LazyLock<BTreeMap<String, Profile>> =
        LazyLock::new(|| toml::from_str(KNOWN).expect("a test reads it"));
    PARSED.clone()
}

/// The shortest and longest duration of one command, seconds.
const SECONDS: std::ops::RangeInclusive<u64> = 1..=3_600;

impl Profile {
    /// The duration of one command if `left` remains.
    pub fn at_once(&self, left: Duration) -> Duration {
        let seconds = left.as_millis().div_ceil(1_000) as u64;
        Duration::from_secs(
            seconds.clamp(*SECONDS.start(), self.max_seconds.unwrap_or(*SECONDS.end())),
        )
    }

    /// The time after which a command to sound for so long is repeated each time, because the device
    /// would stop by itself. `None` if one is enough.
    pub fn again_after(&self, whole: Duration) -> Option<Duration> {
        let once = self.at_once(whole);
        // Twice before its end, because a radio may lose one. The second is a fifth of the duration
        // before the end, because a message to a sleeping device may take a while.
        (once < whole).then(|| once * 2 / 5)
    }

    /// The command to sound until then.
    pub fn on(
        &self,
        name: &str,
        sound: Sound,
        until: Timestamp,
        now: Timestamp,
        key: &str,
    ) -> Message {
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
            // Tasmota's PulseTime: tenths of a second up to 11.1 s, and from 12 s on seconds and a
            // hundred.
            ("{pulse}", if seconds < 12 { seconds * 10 } else { seconds + 100 }.to_string()),
            ("{until}", until.to_string()),
            ("{key}", key.to_owned()),
        ];
        filled(&self.on, &all)
    }

    /// The command to be quiet.
    pub fn off(&self, name: &str, key: &str) -> Message {
        filled(&self.off, &[("{name}", name.to_owned()), ("{key}", key.to_owned())])
    }

    /// The topics to which the device of that name publishes.
    pub fn topics(&self, name: &str) -> Vec<String> {
        let templates = [
            self.state.as_ref().map(|s| &s.topic),
            self.availability.as_ref().map(|a| &a.topic),
            self.health.as_ref().map(|h| &h.topic),
        ];
        let mut topics: Vec<String> =
            templates.into_iter().flatten().map(|topic| topic.replace("{name}", name)).collect();
        topics.sort();
        topics.dedup();
        topics
    }

    /// The topics of the commands to the device of that name.
    pub fn command_topics(&self, name: &str) -> [String; 2] {
        [&self.on, &self.off].map(|message| message.topic.replace("{name}", name))
    }

    /// The reports in a message from the device of that name: none if the message has only other
    /// content. `None` if it cannot be parsed.
    pub fn hear(&self, name: &str, topic: &str, payload: &[u8]) -> Option<Vec<DeviceReport>> {
        let payload = std::str::from_utf8(payload).ok()?;
        let is = |known: &str| known.replace("{name}", name) == topic;
        let mut heard = Vec::new();
        if let Some(state) = self.state.as_ref().filter(|state| is(&state.topic)) {
            let key = state.key.as_ref().and_then(|at| pick(payload, at)?);
            match pick(payload, &state.json_pointer)? {
                Some(said) if said == state.on => heard.push(DeviceReport::Sounds(true, key)),
                Some(said) if said == state.off => heard.push(DeviceReport::Sounds(false, key)),
                _ => {}
            }
        }
        if let Some(availability) = self.availability.as_ref().filter(|a| is(&a.topic)) {
            match pick(payload, &availability.json_pointer)? {
                Some(said) if said == availability.online => heard.push(DeviceReport::Online(true)),
                Some(said) if said == availability.offline => {
                    heard.push(DeviceReport::Online(false))
                }
                _ => {}
            }
        }
        if let Some(health) = self.health.as_ref().filter(|health| is(&health.topic)) {
            heard.push(DeviceReport::Alive);
            heard.extend(health.battery.as_ref().and_then(|at| battery(payload, at)));
            heard.extend(
                health
                    .tamper
                    .as_ref()
                    .and_then(|at| pick(payload, at)??.parse().ok())
                    .map(DeviceReport::Tampered),
            );
        }
        Some(heard)
    }

    /// The message without effect to the topic of `on`.
    pub fn noop(&self, name: &str) -> Option<Message> {
        let payload = self.noop_payload.clone()?;
        Some(filled(
            &Message { topic: self.on.topic.clone(), payload },
            &[("{name}", name.to_owned())],
        ))
    }
}

/// The level of a battery. Some devices report it with a fraction.
pub fn battery(payload: &str, at: &str) -> Option<DeviceReport> {
    let left: f64 = pick(payload, at)??.parse().ok()?;
    // Only whole percents are shown.
    (0.0..=100.0).contains(&left).then_some(DeviceReport::Battery(left as u8))
}

fn filled(Message { topic, payload }: &Message, all: &[(&str, String)]) -> Message {
    let fill = |text: &String| {
        all.iter().fold(text.clone(), |text, (place, value)| text.replace(place, value))
    };
    Message { topic: fill(topic), payload: fill(payload) }
}

/// The value at a JSON pointer in a payload, as text; the whole payload, trimmed, if the pointer is
/// empty. `None` if the payload is not JSON, `Some(None)` if there is no value.
pub fn pick(payload: &str, at: &str) -> Option<Option<String>> {
    if at.is_empty() {
        return Some(Some(payload.trim().to_owned()));
    }
    // serde_json limits the depth to 128.
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
    fn every_known_kind_is_bounded_and_never_addresses_another() {
        for (name, profile) in known() {
            let on = profile.on("hall", Sound::Police, at(240), at(0), "a/1/siren_on/base");
            assert!(
                on.topic.contains("hall") && profile.off("hall", "k").topic.contains("hall"),
                "{name}"
            );
            assert!(
                !on.topic.contains(['{', '+', '#'])
                    && !on.payload.contains("{s")
                    && !on.payload.contains("{p"),
                "{name}: {on:?}"
            );
            let seconds = profile.at_once(Duration::from_secs(240)).as_secs();
            assert!(
                [seconds.to_string(), (seconds + 100).to_string()]
                    .iter()
                    .any(|s| on.payload.contains(s)),
                "I13: {name}: {on:?}"
            );
            assert!(profile.topics("hall").iter().all(|topic| topic.contains("hall")), "{name}");
            let nothing = profile.noop("hall").unwrap();
            assert!(
                nothing.topic == on.topic && !nothing.payload.contains("on"),
                "{name}: {nothing:?}"
            );
        }
    }

    #[test]
    fn sounds_are_what_the_kind_calls_them() {
        let warning = |sound| profile("zigbee2mqtt").on("hall", sound, at(240), at(0), "k").payload;
        assert!(warning(Sound::Police).contains(r#""mode":"police_panic""#));
        assert!(warning(Sound::Fire).contains(r#""mode":"fire_panic""#));
        assert!(
            warning(Sound::Alarm).contains(r#""mode":"burglar""#)
                && warning(Sound::Alarm).contains(r#""duration":240"#)
        );
        let pulse =
            |seconds| profile("tasmota").on("hall", Sound::Police, at(seconds), at(0), "k").payload;
        assert_eq!(
            (pulse(5).as_str(), pulse(240).as_str()),
            ("PulseTime1 50; Power1 ON", "PulseTime1 340; Power1 ON")
        );
        assert!(
            profile("zigbee2mqtt-emergency")
                .on("hall", Sound::Fire, at(9), at(0), "k")
                .payload
                .contains(r#""mode":"emergency""#)
        );
    }

    #[test]
    fn a_device_that_stops_earlier_is_told_again_before_it_does() {
        let tuya = profile("zigbee2mqtt-alarm");
        assert_eq!(tuya.at_once(Duration::from_secs(240)).as_secs(), 180);
        assert_eq!(tuya.again_after(Duration::from_secs(240)), Some(Duration::from_secs(72)));
        assert_eq!(tuya.again_after(Duration::from_secs(96)), None);
        assert_eq!(
            tuya.at_once(Duration::from_millis(4_200)).as_secs(),
            5,
            "never shorter than asked"
        );
    }

    #[test]
    fn what_devices_say_is_understood_and_what_nobody_says_is_not() {
        let hear =
            |kind: &str, topic: &str, payload: &[u8]| profile(kind).hear("hall", topic, payload);
        let own = br#"{"state":"ON","key":"a/1"}"#;
        let sounds = DeviceReport::Sounds(true, Some("a/1".into()));
        assert_eq!(
            hear("buckler", "buckler/hall/siren/state", own),
            Some(vec![sounds, DeviceReport::Alive])
        );
        assert_eq!(
            hear("zigbee2mqtt-alarm", "zigbee2mqtt/hall", br#"{"alarm":false,"battery":80}"#),
            Some(vec![
                DeviceReport::Sounds(false, None),
                DeviceReport::Alive,
                DeviceReport::Battery(80)
            ])
        );
        assert_eq!(
            hear("zigbee2mqtt-alarm", "zigbee2mqtt/hall", br#"{"battery":120}"#),
            Some(vec![DeviceReport::Alive]),
            "no battery has that"
        );
        assert_eq!(
            hear("zigbee2mqtt", "zigbee2mqtt/hall", br#"{"battery":79.5,"tamper":true}"#),
            Some(vec![
                DeviceReport::Alive,
                DeviceReport::Battery(79),
                DeviceReport::Tampered(true)
            ])
        );
        assert_eq!(
            hear("zigbee2mqtt", "zigbee2mqtt/hall", br#"{"battery":"full","tamper":7}"#),
            Some(vec![DeviceReport::Alive])
        );
        assert_eq!(
            hear("tasmota", "tele/hall/STATE", br#"{"Uptime":"1T"}"#),
            Some(vec![DeviceReport::Alive])
        );
        assert_eq!(
            hear("zigbee2mqtt", "zigbee2mqtt/hall/availability", br#"{"state":"offline"}"#),
            Some(vec![DeviceReport::Online(false)])
        );
        assert_eq!(
            hear("tasmota", "stat/hall/POWER", b"ON"),
            Some(vec![DeviceReport::Sounds(true, None)])
        );
        assert_eq!(
            hear("shelly", "hall/status/switch:0", br#"{"id":0,"output":true}"#),
            Some(vec![DeviceReport::Sounds(true, None)])
        );
        assert_eq!(hear("shelly", "hall/online", b"true"), Some(vec![DeviceReport::Online(true)]));
        let deep = "[".repeat(100_000);
        for hostile in [&b"\xff\xfe"[..], b"", b"{", b"{\"state\":", deep.as_bytes()] {
            assert_eq!(hear("buckler", "buckler/hall/siren/state", hostile), None, "{hostile:?}");
        }
        for odd in [&br#"{"state":"on"}"#[..], br#"{"state":["ON"]}"#, b"7", br#"{"state":null}"#] {
            assert_eq!(
                hear("buckler", "buckler/hall/siren/state", odd),
                Some(vec![DeviceReport::Alive]),
                "{odd:?}"
            );
        }
    }
}
