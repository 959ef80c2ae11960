//! What each kind of siren understands and says: read from the manuals of the devices, and not from
//! the server's `profiles.toml`.

use serde_json::{Value, json};
use std::time::Duration;

/// A kind of siren.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A device with Buckler's own topics.
    Buckler,
    /// Home Assistant's MQTT siren.
    HomeAssistant,
    /// Behind Zigbee2MQTT, with `warning`. It never says whether it sounds.
    Warning,
    /// The same with one sound and a limit of its own.
    Emergency,
    /// Tuya's, behind Zigbee2MQTT.
    Alarm,
    /// A relay with Tasmota.
    Tasmota,
    /// A relay of Shelly's second generation.
    Shelly,
}

/// What a siren is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    On { lasts: Duration },
    Off,
}

/// A message of a siren: its topic, its payload, and whether the broker retains it.
pub type Said = (String, String, bool);

impl Kind {
    pub const ALL: [Self; 7] = [
        Self::Buckler,
        Self::HomeAssistant,
        Self::Warning,
        Self::Emergency,
        Self::Alarm,
        Self::Tasmota,
        Self::Shelly,
    ];

    /// The name of its profile in the server's settings.
    pub fn profile(self) -> &'static str {
        match self {
            Self::Buckler => "buckler",
            Self::HomeAssistant => "homeassistant",
            Self::Warning => "zigbee2mqtt",
            Self::Emergency => "zigbee2mqtt-emergency",
            Self::Alarm => "zigbee2mqtt-alarm",
            Self::Tasmota => "tasmota",
            Self::Shelly => "shelly",
        }
    }

    /// It never says whether it sounds.
    pub fn is_blind(self) -> bool {
        matches!(self, Self::Warning | Self::Emergency)
    }

    /// It is behind a radio, whose messages may be lost.
    pub fn is_behind_radio(self) -> bool {
        matches!(self, Self::Warning | Self::Emergency | Self::Alarm)
    }

    /// The broker keeps messages for it while it is away.
    pub fn keeps_its_session(self) -> bool {
        self == Self::Buckler
    }

    /// The longest that it sounds after one command, whatever the command says.
    pub fn longest(self) -> Duration {
        Duration::from_secs(match self {
            Self::Emergency => 240,
            Self::Alarm => 180,
            Self::Warning => 1_800,
            _ => 3_600,
        })
    }

    /// The topics on which it is told something.
    pub fn hears(self, name: &str) -> Vec<String> {
        match self {
            Self::Buckler => vec![format!("buckler/{name}/siren/set")],
            Self::HomeAssistant => vec![format!("{name}/set")],
            Self::Warning | Self::Emergency | Self::Alarm => {
                vec![format!("zigbee2mqtt/{name}/set")]
            }
            Self::Tasmota => vec![format!("cmnd/{name}/Backlog"), format!("cmnd/{name}/POWER1")],
            Self::Shelly => vec![format!("{name}/rpc")],
        }
    }

    /// What a message tells it. `None` if it does not understand it.
    pub fn understands(self, topic: &str, payload: &[u8]) -> Option<Order> {
        let text = std::str::from_utf8(payload).ok()?;
        if self == Self::Tasmota {
            return tasmota(topic, text);
        }
        let message: Value = serde_json::from_str(text).ok()?;
        let lasts = |seconds: &Value| {
            let lasts = Duration::from_secs(seconds.as_u64().filter(|seconds| *seconds > 0)?);
            Some(Order::On { lasts })
        };
        match self {
            Self::Buckler => match message["state"].as_str()? {
                "ON" if message["until"].is_string() => lasts(&message["seconds"]),
                "OFF" => Some(Order::Off),
                _ => None,
            },
            Self::HomeAssistant => match message["state"].as_str()? {
                "ON" => lasts(&message["duration"]),
                "OFF" => Some(Order::Off),
                _ => None,
            },
            Self::Warning | Self::Emergency => {
                let warning = &message["warning"];
                match (self, warning["mode"].as_str()?) {
                    (_, "stop") => Some(Order::Off),
                    (Self::Warning, "police_panic" | "fire_panic" | "burglar")
                    | (Self::Emergency, "emergency") => lasts(&warning["duration"]),
                    _ => None,
                }
            }
            Self::Alarm => match message["alarm"].as_bool()? {
                true => lasts(&message["duration"]),
                false => Some(Order::Off),
            },
            Self::Shelly => {
                let is_set = message["method"] == "Switch.Set" && message["params"]["id"] == 0;
                match message["params"]["on"].as_bool().filter(|_| is_set)? {
                    true => lasts(&message["params"]["toggle_after"]),
                    false => Some(Order::Off),
                }
            }
            Self::Tasmota => None,
        }
    }

    /// What it says about its siren. `None` if it never does.
    pub fn says(self, name: &str, sounds: bool, key: Option<&str>) -> Option<Said> {
        let word = if sounds { "ON" } else { "OFF" };
        let said = |topic: String, payload: String| Some((topic, payload, false));
        match self {
            Self::Buckler => {
                let state = json!({"state": word, "key": key});
                Some((format!("buckler/{name}/siren/state"), state.to_string(), true))
            }
            Self::HomeAssistant => {
                said(format!("{name}/state"), json!({"state": word}).to_string())
            }
            Self::Warning | Self::Emergency => None,
            Self::Alarm => {
                let state = json!({"alarm": sounds, "battery": 80});
                said(format!("zigbee2mqtt/{name}"), state.to_string())
            }
            Self::Tasmota => said(format!("stat/{name}/POWER"), word.into()),
            Self::Shelly => {
                let state = json!({"id": 0, "output": sounds});
                said(format!("{name}/status/switch:0"), state.to_string())
            }
        }
    }

    /// What it, its bridge or the broker says about whether it can be reached.
    pub fn can_be_reached(self, name: &str, is_online: bool) -> Said {
        let word = if is_online { "online" } else { "offline" };
        let (topic, payload) = match self {
            Self::Buckler => (format!("buckler/{name}/availability"), word.to_owned()),
            Self::HomeAssistant => (format!("{name}/availability"), word.to_owned()),
            Self::Warning | Self::Emergency | Self::Alarm => {
                (format!("zigbee2mqtt/{name}/availability"), json!({"state": word}).to_string())
            }
            Self::Tasmota => {
                let word = if is_online { "Online" } else { "Offline" };
                (format!("tele/{name}/LWT"), word.to_owned())
            }
            Self::Shelly => (format!("{name}/online"), is_online.to_string()),
        };
        (topic, payload, true)
    }
}

/// `PulseTime1` counts tenths of a second up to 111, and above that seconds and a hundred.
fn tasmota(topic: &str, text: &str) -> Option<Order> {
    if topic.ends_with("/POWER1") {
        return (text == "OFF").then_some(Order::Off);
    }
    let (pulse, on) = text.split_once("; ")?;
    let pulse: u64 = pulse.strip_prefix("PulseTime1 ")?.parse().ok()?;
    let lasts = match pulse {
        1..=111 => Duration::from_millis(pulse * 100),
        112.. => Duration::from_secs(pulse - 100),
        0 => return None,
    };
    (on == "Power1 ON").then_some(Order::On { lasts })
}
