//! The messages about a home to Home Assistant, and its buttons:
//! https://www.home-assistant.io/integrations/mqtt/#device-discovery-payload

use super::{
    keypad::{ButtonAction, ButtonSettings},
    profile::Message,
};
use crate::{
    api::incident::Stage,
    domain::{home::Home, id::HomeId, time::Timestamp},
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Home Assistant: the homes that it sees, and the requests that it may make.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HomeAssistant {
    /// The topic prefix under which it discovers devices.
    #[serde(default = "prefix")]
    pub prefix: String,
    /// The homes that it sees; absent: all.
    pub homes: Option<Vec<HomeId>>,
    /// Whether it can raise an SOS. If so, anybody who may write to these topics can call the
    /// police.
    #[serde(default)]
    pub sos: bool,
}

fn prefix() -> String {
    "homeassistant".into()
}

/// The state of a home, in one message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HomeState {
    /// The state of the running incident, or `none`.
    pub incident: Value,
    /// Whether that incident is a drill.
    pub drill: bool,
    /// `ON` or `OFF`: whether a siren sounds.
    pub siren: &'static str,
    /// `ON` or `OFF`: whether an SOS would work now (R23).
    pub ready: &'static str,
    /// The remaining seconds of the countdown, rounded up.
    pub countdown: u64,
    /// When its last incident began.
    pub last: Option<Timestamp>,
}

/// The states of an incident that is running, and `none`.
const STATES: [&str; 6] =
    ["none", "counting_down", "siren_sounding", "verifying", "dispatching", "under_review"];

/// The word for the state of the running incident.
pub fn word_of(running: Option<Stage>) -> Value {
    running.filter(|stage| !stage.is_over()).map_or(json!("none"), |stage| json!(stage))
}

fn state_topic(server: &str, home: &HomeId) -> String {
    format!("{server}/home/{home}/state")
}

/// The message with the state of a home.
pub fn state(server: &str, home: &HomeId, shown: &HomeState) -> Message {
    Message { topic: state_topic(server, home), payload: json!(shown).to_string() }
}

/// The buttons of a home: drill and silence, and an SOS only if the settings allow it.
pub fn buttons(server: &str, home: &HomeId, settings: &HomeAssistant) -> ButtonSettings {
    let all = [ButtonAction::Drill, ButtonAction::Silence].into_iter().chain(
        [ButtonAction::Police, ButtonAction::Fire, ButtonAction::Medical]
            .into_iter()
            .filter(|_| settings.sos),
    );
    let named = |action: ButtonAction| (word(action).to_owned(), action);
    ButtonSettings {
        home: home.clone(),
        name: "Home Assistant".into(),
        topic: format!("{server}/home/{home}/do"),
        json_pointer: String::new(),
        press: all.map(named).collect::<BTreeMap<_, _>>(),
        code_at: String::new(),
        codes_file: None,
        answer: None,
        battery: String::new(),
        heartbeat_timeout: None,
    }
}

/// The payload of a button.
const fn word(action: ButtonAction) -> &'static str {
    match action {
        ButtonAction::Police => "police",
        ButtonAction::Fire => "fire",
        ButtonAction::Medical => "medical",
        ButtonAction::Siren => "siren",
        ButtonAction::Drill => "drill",
        ButtonAction::Silence => "silence",
        ButtonAction::Cancel => "cancel",
    }
}

/// The label and icon of a button.
const fn label(action: ButtonAction) -> (&'static str, &'static str) {
    match action {
        ButtonAction::Police => ("Request police", "mdi:police-badge"),
        ButtonAction::Fire => ("Request fire department", "mdi:fire"),
        ButtonAction::Medical => ("Request medical help", "mdi:medical-bag"),
        ButtonAction::Siren => ("Sound siren", "mdi:bullhorn"),
        ButtonAction::Drill => ("Practice", "mdi:school"),
        ButtonAction::Silence => ("Silence siren", "mdi:volume-off"),
        ButtonAction::Cancel => ("Cancel", "mdi:close"),
    }
}

/// The discovery message of a home.
pub fn discovery(server: &str, home: &Home, settings: &HomeAssistant) -> Message {
    let node = format!("{server}_{}", home.id);
    let state = state_topic(server, &home.id);
    let sensor = |key: &str, more: Value| {
        let mut all = json!({"unique_id": format!("{node}_{key}"), "state_topic": state, "value_template": format!("{{{{ value_json.{key} }}}}")});
        merge(&mut all, more);
        (key.to_owned(), all)
    };
    let mut parts: Map<String, Value> = [
        sensor(
            "incident",
            json!({"p": "sensor", "name": "Incident", "device_class": "enum", "options": STATES, "icon": "mdi:shield-alert"}),
        ),
        sensor("siren", json!({"p": "binary_sensor", "name": "Siren", "device_class": "sound"})),
        sensor("ready", json!({"p": "binary_sensor", "name": "SOS ready", "icon": "mdi:shield-check"})),
        sensor("countdown", json!({"p": "sensor", "name": "Countdown", "device_class": "duration", "unit_of_measurement": "s"})),
        sensor("last", json!({"p": "sensor", "name": "Last incident", "device_class": "timestamp"})),
    ]
    .into_iter()
    .collect();
    let ButtonSettings { topic, press, .. } = buttons(server, &home.id, settings);
    for (payload, action) in press {
        let (name, icon) = label(action);
        let button = json!({"p": "button", "unique_id": format!("{node}_{payload}"), "name": name, "icon": icon, "command_topic": topic, "payload_press": payload});
        parts.insert(payload, button);
    }
    let version = env!("CARGO_PKG_VERSION");
    let all = json!({
        "dev": {"ids": [node], "name": format!("Buckler {}", home.name), "mf": "Buckler", "sw": version},
        "o": {"name": "Buckler", "sw": version},
        "availability": [{"topic": format!("{server}/status")}],
        "cmps": parts,
    });
    Message { topic: format!("{}/device/{node}/config", settings.prefix), payload: all.to_string() }
}

fn merge(all: &mut Value, more: Value) {
    if let (Value::Object(all), Value::Object(more)) = (all, more) {
        all.extend(more);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(sos: bool) -> HomeAssistant {
        toml::from_str(&format!("sos = {sos}")).unwrap()
    }

    #[test]
    fn home_assistant_knows_every_state_of_an_incident_that_runs() {
        use Stage::{
            Aborted, Cancelled, Closed, CountingDown, Dispatching, SirenSounding, UnderReview,
            Verifying,
        };
        for stage in [
            CountingDown,
            Aborted,
            SirenSounding,
            Verifying,
            Dispatching,
            Cancelled,
            UnderReview,
            Closed,
        ] {
            assert!(STATES.iter().any(|state| word_of(Some(stage)) == *state), "{stage:?}");
        }
        assert_eq!(word_of(None), "none");
    }

    #[test]
    fn home_assistant_has_no_sos_unless_it_is_wanted() {
        let asks = |sos| {
            buttons("buckler", &"maple-street".parse().unwrap(), &settings(sos))
                .press
                .into_keys()
                .collect::<Vec<_>>()
        };
        assert_eq!(asks(false), ["drill", "silence"]);
        assert_eq!(asks(true), ["drill", "fire", "medical", "police", "silence"]);
    }
}
