//! What is pressed behind the broker: panic buttons, keypads, and Home Assistant's buttons. Understands; asks for nothing itself.

use super::profile::{Heard, battery, pick};
use crate::{
    domain::{device::Health, id::HomeId, time::Timestamp},
    server::devices::buttons::Press,
};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, path::PathBuf, sync::Mutex, time::Duration};

/// Something at the broker that asks, when it is pressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Asks {
    /// For police.
    Police,
    /// For the fire department.
    Fire,
    /// For medical help.
    Medical,
    /// For sirens, and nothing else.
    Siren,
    /// To practice.
    Drill,
    /// For sirens to be quiet.
    Silence,
    /// For a countdown to end; only with a code.
    Cancel,
}

/// A panic button or a keypad: what it says, and which request that is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ButtonSettings {
    /// The home's short name.
    pub home: HomeId,
    /// What the incident calls it, such as `Bedside button`.
    pub name: String,
    /// Where it speaks.
    pub topic: String,
    /// A JSON pointer to what was pressed; empty is the whole payload, as it is.
    #[serde(default = "action")]
    pub at: String,
    /// What is there, and what that asks for.
    pub press: BTreeMap<String, Asks>,
    /// A JSON pointer to the code that was typed.
    #[serde(default = "action_code")]
    pub code_at: String,
    /// The file with the codes that cancel: a code and a name in each line. It is read whenever a code is typed.
    pub codes_file: Option<PathBuf>,
    /// What a keypad is told after a code, so that it can show whether that was right.
    pub answer: Option<AnswerSettings>,
    /// A JSON pointer to what its battery has left, percent.
    #[serde(default = "battery_at")]
    pub battery: String,
    /// The longest that it is ever silent, seconds; without it nobody knows.
    pub silent_seconds: Option<u64>,
}

/// What a keypad is told after a code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnswerSettings {
    /// Where to.
    pub topic: String,
    /// A JSON pointer to what the keypad calls this press; it stands for `{transaction}`.
    #[serde(default = "transaction")]
    pub transaction_at: String,
    /// The countdown was canceled.
    pub accepted: String,
    /// The code was wrong, or there was nothing to cancel.
    pub refused: String,
}

/// Where Zigbee2MQTT says which code was typed.
fn action_code() -> String {
    "/action_code".into()
}

/// Where Zigbee2MQTT says which press that was.
fn transaction() -> String {
    "/action_transaction".into()
}

fn battery_at() -> String {
    "/battery".into()
}

/// Where Zigbee2MQTT says what was pressed.
fn action() -> String {
    "/action".into()
}

/// Buttons and brokers repeat a message. The same press within this time of the one that counted is such a repetition.
const SAME_PRESS: Duration = Duration::from_secs(3);

/// A panic button or a keypad behind the broker.
pub(super) struct Button {
    pub settings: ButtonSettings,
    known: Mutex<Known>,
}

/// What is known of a button.
#[derive(Default)]
struct Known {
    /// The last press that counted, and when. A repetition does not renew it, so a person who hammers a button is heard (I24).
    last: Option<(Press, Timestamp)>,
    health: Health,
    /// That it says what cannot be understood was told.
    complained: bool,
}

impl Button {
    pub fn new(settings: ButtonSettings) -> Self {
        Self { settings, known: Mutex::default() }
    }

    pub fn health(&self) -> Health {
        self.known.lock().expect("no holder panics").health
    }

    /// What was pressed: nothing, where the broker kept that from before, or it is the same press again.
    pub fn hear(&self, payload: &[u8], kept: bool, now: Timestamp) -> Option<Press> {
        let ButtonSettings { home, name, topic, at, press, code_at, .. } = &self.settings;
        let mut known = self.known.lock().expect("no holder panics");
        let text = std::str::from_utf8(payload).ok();
        let Some((text, said)) = text.and_then(|text| Some((text, pick(text, at)?))) else {
            if !std::mem::replace(&mut known.complained, true) {
                tracing::warn!(%home, button = name, bytes = payload.len(), "a button says what cannot be understood");
            }
            return None;
        };
        if let Some(Heard::Battery(left)) = battery(text, &self.settings.battery) {
            known.health.battery = Some(left);
        }
        if kept {
            return None;
        }
        known.health.seen_at = Some(now);
        let said = said?;
        let asks = *press.get(&said)?;
        let code = pick(text, code_at).flatten().filter(|_| asks == Asks::Cancel);
        let answer = self.settings.answer.as_ref();
        let transaction = answer.and_then(|answer| pick(text, &answer.transaction_at).flatten());
        let press = Press { home: home.clone(), name: name.clone(), button: topic.clone(), said, asks, code, transaction };
        // A clock that was corrected backward since makes no repetition of what it was.
        let is_recent = |at: &Timestamp| now >= *at && now.since(*at) < SAME_PRESS;
        if known.last.as_ref().is_some_and(|(last, at)| *last == press && is_recent(at)) {
            return None;
        }
        known.last = Some((press.clone(), now));
        Some(press)
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

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_millis(1_790_000_000_000 + seconds * 1_000)
    }

    #[test]
    fn the_same_press_again_is_the_same_press_and_another_code_is_another() {
        let keypad = keypad();
        let panic = br#"{"action":"panic","battery":12}"#;
        assert_eq!(keypad.hear(panic, true, at(0)), None, "the broker kept it");
        assert_eq!(keypad.health(), Health { battery: Some(12), ..Health::default() });
        assert_eq!(keypad.hear(panic, false, at(1)).unwrap().asks, Asks::Police);
        assert_eq!(keypad.hear(panic, false, at(3)), None);
        assert!(keypad.hear(panic, false, at(4)).is_some(), "three seconds after the press that counted");
        let typed = |code: &str| format!("{{\"action\":\"disarm\",\"action_code\":{code},\"action_transaction\":7}}");
        let press = keypad.hear(typed("\"4711\"").as_bytes(), false, at(6)).unwrap();
        assert_eq!((press.code.as_deref(), press.transaction.as_deref()), (Some("4711"), Some("7")));
        assert_eq!(keypad.hear(typed("4712").as_bytes(), false, at(7)).unwrap().code.as_deref(), Some("4712"));
        assert_eq!(keypad.health().seen_at, Some(at(7)));
    }

    /// I24. One press every second for twenty seconds: every third one counts.
    #[test]
    fn panic_button_that_is_hammered_is_heard() {
        let keypad = keypad();
        let heard = (0..20).filter(|second| keypad.hear(br#"{"action":"panic"}"#, false, at(*second)).is_some());
        assert_eq!(heard.collect::<Vec<_>>(), [0, 3, 6, 9, 12, 15, 18]);
        let corrected = keypad.hear(br#"{"action":"panic"}"#, false, at(1));
        assert!(corrected.is_some(), "also after the clock was set back");
    }
}
