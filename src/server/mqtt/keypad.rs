//! Panic buttons, keypads and Home Assistant's buttons behind the broker. Parses their messages;
//! does not act on them.

use super::buttons::Press;
use super::profile::{DeviceReport, battery, pick, silence};
use crate::domain::{device::Health, id::HomeId, time::Timestamp};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// The action that a press requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ButtonAction {
    /// Request police.
    Police,
    /// Request the fire department.
    Fire,
    /// Request medical help.
    Medical,
    /// Sound sirens, and nothing else.
    Siren,
    /// Start a drill.
    Drill,
    /// Silence sirens.
    Silence,
    /// Cancel a countdown; only with a code.
    Cancel,
}

/// A panic button or a keypad: its messages, and the requests that they mean.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ButtonSettings {
    /// The home's short name.
    pub home: HomeId,
    /// Its name in the incident, such as `Bedside button`.
    pub name: String,
    /// The topic to which it publishes.
    pub topic: String,
    /// A JSON pointer to the action; empty for the whole payload, trimmed.
    #[serde(default = "action")]
    pub json_pointer: String,
    /// The values at `json_pointer`, and the actions that they request.
    pub press: BTreeMap<String, ButtonAction>,
    /// A JSON pointer to the code that was entered.
    #[serde(default = "action_code")]
    pub code_at: String,
    /// The file with the codes that cancel: a code and a name on each line. It is read whenever a
    /// code is entered.
    pub codes_file: Option<PathBuf>,
    /// The answer to a keypad after a code, so that it can show whether the code was accepted.
    pub answer: Option<AnswerSettings>,
    /// A JSON pointer to the level of its battery, percent.
    #[serde(default = "battery_at")]
    pub battery: String,
    /// Its longest normal silence, such as `25h`; absent if unknown.
    #[serde(default, with = "silence")]
    pub heartbeat_timeout: Option<Duration>,
}

/// The answer to a keypad after a code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnswerSettings {
    /// The topic of the answer.
    pub topic: String,
    /// A JSON pointer to the keypad's own id of this press, which replaces `{transaction}`.
    #[serde(default = "transaction")]
    pub transaction_at: String,
    /// The payload if the countdown was canceled.
    pub accepted: String,
    /// The payload if the code was wrong, or there was nothing to cancel.
    pub refused: String,
}

/// Where Zigbee2MQTT reports the code.
fn action_code() -> String {
    "/action_code".into()
}

/// Where Zigbee2MQTT reports the id of the press.
fn transaction() -> String {
    "/action_transaction".into()
}

fn battery_at() -> String {
    "/battery".into()
}

/// Where Zigbee2MQTT reports the action.
fn action() -> String {
    "/action".into()
}

/// Buttons and brokers repeat messages. The same press within this time after one that counted is a
/// repetition.
const SAME_PRESS: Duration = Duration::from_secs(3);

/// A panic button or a keypad behind the broker.
pub(super) struct Button {
    pub settings: ButtonSettings,
    known: Mutex<ReportedState>,
}

/// The state of a button.
#[derive(Default)]
struct ReportedState {
    /// The last press that counted, and when. A repetition does not renew it, so a person who
    /// hammers a button is heard (I24).
    last: Option<(Press, Duration)>,
    health: Health,
    /// Whether a message that cannot be parsed was logged.
    complained: bool,
}

/// How a message arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// The broker retained it for later subscribers. It may be of any age.
    Retained,
    /// The broker may have kept it while this server was not connected.
    Queued,
    /// It was sent while this server listened.
    Live,
}

impl Delivery {
    /// How a message arrived that is retained or not, on a connection whose queued messages may not
    /// all have arrived.
    pub const fn of(is_retained: bool, may_be_queued: bool) -> Self {
        match (is_retained, may_be_queued) {
            (true, _) => Self::Retained,
            (false, true) => Self::Queued,
            (false, false) => Self::Live,
        }
    }
}

impl Button {
    pub fn new(settings: ButtonSettings) -> Self {
        Self { settings, known: Mutex::default() }
    }

    pub fn health(&self) -> Health {
        self.known().health
    }

    /// A message whose handling panicked does not take the button from its home.
    fn known(&self) -> MutexGuard<'_, ReportedState> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the press in a message. `None` if the message was retained, is a repetition, or
    /// requests nothing. `uptime` tells repetitions, because it does not jump (`Clock::uptime`).
    pub fn hear(
        &self,
        payload: &[u8],
        delivery: Delivery,
        (now, uptime): (Timestamp, Duration),
    ) -> Option<Press> {
        let ButtonSettings { home, name, topic, json_pointer: at, press, code_at, .. } =
            &self.settings;
        let mut known = self.known();
        let text = std::str::from_utf8(payload).ok();
        let Some((text, said)) = text.and_then(|text| Some((text, pick(text, at)?))) else {
            if !std::mem::replace(&mut known.complained, true) {
                tracing::warn!(%home, button = name, bytes = payload.len(), "could not parse a button's message");
            }
            return None;
        };
        if let Some(DeviceReport::Battery(left)) = battery(text, &self.settings.battery) {
            known.health.battery = Some(left);
        }
        if delivery == Delivery::Retained {
            return None;
        }
        known.health.seen_at = Some(now);
        let said = said?;
        let action = *press.get(&said)?;
        let code = pick(text, code_at).flatten().filter(|_| action == ButtonAction::Cancel);
        let answer = self.settings.answer.as_ref();
        let transaction = answer.and_then(|answer| pick(text, &answer.transaction_at).flatten());
        let press = Press {
            home: home.clone(),
            name: name.clone(),
            button: topic.clone(),
            said,
            action,
            code,
            transaction,
            queued: false,
        };
        let is_recent = |at: &Duration| uptime.saturating_sub(*at) < SAME_PRESS;
        if known.last.as_ref().is_some_and(|(last, at)| *last == press && is_recent(at)) {
            return None;
        }
        known.last = Some((press.clone(), uptime));
        Some(Press { queued: delivery == Delivery::Queued, ..press })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keypad() -> Button {
        let text = "home = \"maple-street\"\nname = \"Hall keypad\"\ntopic = \"zigbee2mqtt/hall\"\ncodes_file = \"codes\"\n\
                    press = { panic = \"police\", disarm = \"cancel\" }\n[answer]\ntopic = \"a\"\naccepted = \"1\"\nrefused = \"0\"\n";
        Button::new(toml::from_str(text).unwrap())
    }

    fn at(seconds: u64) -> (Timestamp, Duration) {
        (Timestamp::from_millis(seconds * 1_000), Duration::from_secs(seconds))
    }

    #[test]
    fn repeated_press_counts_once_and_another_code_counts_anew() {
        let keypad = keypad();
        let panic = br#"{"action":"panic","battery":12}"#;
        assert_eq!(keypad.hear(panic, Delivery::Retained, at(0)), None, "the broker kept it");
        assert_eq!(keypad.health(), Health { battery: Some(12), ..Health::default() });
        assert_eq!(keypad.hear(panic, Delivery::Live, at(1)).unwrap().action, ButtonAction::Police);
        assert_eq!(keypad.hear(panic, Delivery::Live, at(3)), None);
        assert!(
            keypad.hear(panic, Delivery::Live, at(4)).is_some(),
            "three seconds after the press that counted"
        );
        let typed = |code: &str| {
            format!("{{\"action\":\"disarm\",\"action_code\":{code},\"action_transaction\":7}}")
        };
        let press = keypad.hear(typed("\"4711\"").as_bytes(), Delivery::Live, at(6)).unwrap();
        assert_eq!(
            (press.code.as_deref(), press.transaction.as_deref()),
            (Some("4711"), Some("7"))
        );
        assert_eq!(
            keypad.hear(typed("4712").as_bytes(), Delivery::Live, at(7)).unwrap().code.as_deref(),
            Some("4712")
        );
        assert_eq!(keypad.health().seen_at, Some(at(7).0));
    }

    /// I24. One press every second for twenty seconds: every third one counts.
    #[test]
    fn panic_button_that_is_hammered_is_heard() {
        let keypad = keypad();
        let heard = (0..20).filter(|second| {
            keypad.hear(br#"{"action":"panic"}"#, Delivery::Live, at(*second)).is_some()
        });
        assert_eq!(heard.collect::<Vec<_>>(), [0, 3, 6, 9, 12, 15, 18]);
        let set_back = (Timestamp::default(), Duration::from_secs(21));
        let corrected = keypad.hear(br#"{"action":"panic"}"#, Delivery::Live, set_back);
        assert!(corrected.is_some(), "also after the clock was set back");
    }
}
