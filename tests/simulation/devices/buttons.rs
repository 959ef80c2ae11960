//! Panic buttons and keypads: what each of them says to the broker.

use super::super::dice::Dice;
use buckler::{
    domain::{
        access::{Membership, Role},
        eligibility,
        home::Home,
        id::HomeId,
        incident::{Request, Source},
    },
    server::mqtt::keypad::{AnswerSettings, ButtonAction, ButtonSettings},
};
use serde_json::json;
use std::collections::BTreeMap;

/// The codes of every keypad, and a code that nobody has.
pub const CODES: &str = "4711 Olivia\n";
/// The code of [`CODES`].
pub const RIGHT: &str = "4711";
const WRONG: &str = "0815";

/// What a button or keypad is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asks {
    Help(Request),
    /// A code that is typed cancels.
    Cancel,
}

/// A button or a keypad.
#[derive(Clone)]
pub struct Button {
    pub home: HomeId,
    pub name: String,
    pub topic: String,
    pub asks: Asks,
    /// Whether the home may ask for that (R9).
    pub may: bool,
    /// It says a word instead of JSON.
    is_plain: bool,
    /// It lets the broker retain what it says.
    pub retains: bool,
    dice: Dice,
    says: usize,
}

impl Button {
    fn of(seed: u64, home: &Home, asks: Asks) -> Self {
        let name = match asks {
            Asks::Help(request) => format!("{request:?} button"),
            Asks::Cancel => "Keypad".to_owned(),
        };
        let topic = format!("buttons/{}/{name}", home.id);
        let mut dice = Dice::new(seed, &topic);
        let owner = Membership { role: Role::Owner, sos_withdrawn: false };
        let may = match asks {
            Asks::Help(request) => {
                eligibility::request(home, &Source::Device, request, owner).is_ok()
            }
            Asks::Cancel => true,
        };
        Self {
            home: home.id.clone(),
            name,
            asks,
            may,
            is_plain: asks != Asks::Cancel && dice.chance(30),
            retains: dice.chance(15),
            dice,
            topic,
            says: 0,
        }
    }

    /// The buttons of these homes: one for each request, and a keypad.
    pub fn all(seed: u64, homes: &[Home]) -> Vec<Self> {
        let all = || Request::ALL.map(Asks::Help).into_iter().chain([Asks::Cancel]);
        homes.iter().flat_map(|home| all().map(|asks| Self::of(seed, home, asks))).collect()
    }

    /// Its settings at the server.
    pub fn settings(&self) -> ButtonSettings {
        let action = match self.asks {
            Asks::Help(Request::Police) => ButtonAction::Police,
            Asks::Help(Request::Fire) => ButtonAction::Fire,
            Asks::Help(Request::Medical) => ButtonAction::Medical,
            Asks::Help(Request::Siren) => ButtonAction::Siren,
            Asks::Cancel => ButtonAction::Cancel,
        };
        let is_keypad = self.asks == Asks::Cancel;
        ButtonSettings {
            home: self.home.clone(),
            name: self.name.clone(),
            topic: self.topic.clone(),
            json_pointer: if self.is_plain { String::new() } else { "/action".into() },
            press: BTreeMap::from([("pressed".to_owned(), action)]),
            code_at: "/action_code".into(),
            codes_file: is_keypad.then(|| "codes".into()),
            answer: is_keypad.then(|| AnswerSettings {
                topic: format!("{}/set", self.topic),
                transaction_at: "/action_transaction".into(),
                accepted: "accepted {transaction}".into(),
                refused: "refused {transaction}".into(),
            }),
            battery: "/battery".into(),
            heartbeat_timeout: None,
        }
    }

    fn throw(&mut self) -> Dice {
        self.says += 1;
        self.dice.nth(self.says)
    }

    /// What it says when it is pressed.
    pub fn pressed(&mut self) -> String {
        match self.is_plain {
            true => "pressed".into(),
            false => json!({"action": "pressed", "battery": self.throw().below(100)}).to_string(),
        }
    }

    /// What it says when a code is typed, and whether that is right.
    pub fn typed(&mut self) -> (String, bool) {
        let is_right = !self.throw().chance(15);
        let code = if is_right { RIGHT } else { WRONG };
        let said =
            json!({"action": "pressed", "action_code": code, "action_transaction": self.says});
        (said.to_string(), is_right)
    }

    /// Some buttons say more than that they were pressed: that their battery is empty, that
    /// somebody opens them, that they are released.
    pub fn reports(&mut self) -> Option<String> {
        let mut dice = self.throw();
        if self.is_plain {
            return dice.chance(20).then(|| "released".into());
        }
        let said = match dice.below(10) {
            0 => json!({"action": "", "battery": dice.below(4)}),
            1 => json!({"action": null, "tamper": true, "battery": dice.below(100)}),
            2 => json!({"action": "released"}),
            _ => return None,
        };
        Some(said.to_string())
    }
}
