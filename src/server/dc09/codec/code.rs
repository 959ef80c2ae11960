//! Event codes: Contact ID (ANSI/SIA DC-05) and SIA (ANSI/SIA DC-03).

use crate::domain::incident::{Quiet, Service};
use serde::{Deserialize, Serialize};

/// The format of events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// Contact ID.
    #[default]
    AdmCid,
    /// SIA.
    SiaDcs,
}

/// Whether a condition begins, ends or continues.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Qualifier {
    /// It begins.
    New,
    /// It ends.
    Restore,
    /// It continues.
    Still,
}

/// The meaning of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// A service was requested.
    Help(Service),
    /// A person acts under duress, or pressed a silent hold-up button.
    Quiet(Quiet),
    /// A person at home canceled the alarm.
    Cancel,
    /// A test; nobody needs help.
    Test,
    /// An alarm that this center does not serve, such as a burglary.
    NotServed,
    /// Any event that is not an alarm: trouble, opening and closing, bypasses, system messages.
    NoEmergency,
}

/// The signals that ask for help, with the names under which they are stored.
const ALARMS: [(&str, Signal); 5] = [
    ("police", Signal::Help(Service::Police)),
    ("fire", Signal::Help(Service::Fire)),
    ("medical", Signal::Help(Service::Medical)),
    ("duress", Signal::Quiet(Quiet::Duress)),
    ("hold_up", Signal::Quiet(Quiet::HoldUp)),
];

impl Signal {
    /// The name under which it is stored, if it asks for help.
    pub fn stored_name(self) -> Option<&'static str> {
        ALARMS.iter().find(|(_, signal)| *signal == self).map(|(name, _)| *name)
    }

    /// The signal that is stored under this name.
    pub fn stored_as(name: &str) -> Option<Self> {
        ALARMS.iter().find(|(known, _)| *known == name).map(|(_, signal)| *signal)
    }
}

/// An event with its zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code {
    /// Whether the condition begins, ends or continues.
    pub qualifier: Qualifier,
    /// The meaning.
    pub signal: Signal,
    /// The zone or user.
    pub zone: u16,
}

impl Code {
    /// Creates an event that begins.
    pub const fn new(signal: Signal, zone: u16) -> Self {
        Self { qualifier: Qualifier::New, signal, zone }
    }

    /// Encodes the event as the data of a frame.
    pub fn encode(self, format: Format, account: &str) -> String {
        match format {
            Format::AdmCid => {
                let qualifier = match self.qualifier {
                    Qualifier::New => 1,
                    Qualifier::Restore => 3,
                    Qualifier::Still => 6,
                };
                format!(
                    "#{account}|{qualifier}{:03} 00 {:03}",
                    self.contact_id(),
                    self.zone % 1_000
                )
            }
            Format::SiaDcs => format!("#{account}|Nri1/{}{:03}", self.sia(), self.zone % 1_000),
        }
    }

    /// The event code (DC-05, table of codes).
    fn contact_id(self) -> u16 {
        match self.signal {
            Signal::Help(Service::Medical) => 100,
            Signal::Help(Service::Fire) => 110,
            Signal::Help(Service::Police) => 120,
            Signal::Quiet(Quiet::Duress) => 121,
            Signal::Quiet(Quiet::HoldUp) => 122,
            Signal::Cancel => 406,
            // A manual test. 607 begins a walk test, and may take the account out of service.
            Signal::Test => 601,
            Signal::NotServed => 140,
            Signal::NoEmergency => 300,
        }
    }

    /// The event code (DC-03): alarms end in A, restores in H.
    fn sia(self) -> &'static str {
        match (self.signal, self.qualifier) {
            (Signal::Help(Service::Medical), Qualifier::Restore) => "MH",
            (Signal::Help(Service::Medical), _) => "MA",
            (Signal::Help(Service::Fire), Qualifier::Restore) => "FH",
            (Signal::Help(Service::Fire), _) => "FA",
            (Signal::Help(Service::Police), Qualifier::Restore) => "PH",
            (Signal::Help(Service::Police), _) => "PA",
            (Signal::Quiet(_), Qualifier::Restore) => "HH",
            (Signal::Quiet(_), _) => "HA",
            (Signal::Cancel, _) => "OC",
            (Signal::Test, _) => "RX",
            (Signal::NotServed, Qualifier::Restore) => "UH",
            (Signal::NotServed, _) => "UA",
            (Signal::NoEmergency, _) => "YY",
        }
    }

    /// Decodes the data of a frame: one event in Contact ID, one or more in SIA, none if it cannot
    /// be parsed.
    pub fn decode(format: Format, data: &str) -> Vec<Self> {
        match format {
            Format::AdmCid => {
                let event = data.rsplit_once('|').map_or(data, |(_, event)| event);
                contact_id(event).into_iter().collect()
            }
            Format::SiaDcs => {
                let codes = without_text(data);
                let event = codes.rsplit_once('|').map_or(&*codes, |(_, event)| event);
                sia_events(event)
            }
        }
    }
}

/// Parses `QEEE GG ZZZ`. Panels send it with and without spaces.
fn contact_id(event: &str) -> Option<Code> {
    let digits: String = event.chars().filter(|c| *c != ' ').collect();
    if digits.len() != 9 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let qualifier = match &digits[..1] {
        "1" => Qualifier::New,
        "3" => Qualifier::Restore,
        "6" => Qualifier::Still,
        _ => return None,
    };
    // DC-05: 1xx are alarms, and all codes above are not.
    let signal = match &digits[1..4] {
        "100" | "101" | "102" | "103" => Signal::Help(Service::Medical),
        // Fire, smoke, combustion, water flow, heat, pull station, duct, flame, near alarm.
        "110" | "111" | "112" | "113" | "114" | "115" | "116" | "117" | "118" => {
            Signal::Help(Service::Fire)
        }
        // Gas and carbon monoxide. The other 15x codes are not gas: refrigeration, heating, water,
        // foil.
        "151" | "162" => Signal::Help(Service::Fire),
        "120" | "123" | "129" => Signal::Help(Service::Police),
        // Duress; duress with a door opened from outside, and from inside.
        "121" | "124" | "125" => Signal::Quiet(Quiet::Duress),
        "122" => Signal::Quiet(Quiet::HoldUp),
        "406" => Signal::Cancel,
        "601" | "602" | "603" | "607" | "615" => Signal::Test,
        code if code.starts_with('1') => Signal::NotServed,
        _ => Signal::NoEmergency,
    };
    Some(Code { qualifier, signal, zone: digits[6..].parse().unwrap_or(0) })
}

/// Removes free text from the data: text between `^` and `^`, and text after `*`. A zone with the
/// name `FRONT/PATIO` must not be read as `PA`.
fn without_text(data: &str) -> String {
    let mut codes = String::with_capacity(data.len());
    let mut in_text = false;
    for c in data.chars() {
        match c {
            '^' => in_text = !in_text,
            '*' if !in_text => break,
            _ if !in_text => codes.push(c),
            _ => {}
        }
    }
    codes
}

/// Parses events such as `Nri1/PA001`. `N` says that what follows is new, and `O` that it is old: the
/// panel has told of it before (DC-03).
fn sia_events(events: &str) -> Vec<Code> {
    // Unless the letter is the first of a code.
    let is_code =
        |text: &str| text.len() >= 2 && text.bytes().take(2).all(|b| b.is_ascii_uppercase());
    let mut is_old = false;
    let event = |event: &str| {
        let rest = event
            .strip_prefix(['N', 'O'])
            .filter(|rest| is_code(rest) || rest.starts_with(|c: char| c.is_ascii_lowercase()));
        if rest.is_some() {
            is_old = event.starts_with('O');
        }
        let code = sia(rest.unwrap_or(event))?;
        let begins = code.qualifier == Qualifier::New
            && matches!(code.signal, Signal::Help(_) | Signal::Quiet(_));
        let qualifier = if is_old && begins { Qualifier::Still } else { code.qualifier };
        Some(Code { qualifier, ..code })
    };
    events.split('/').filter_map(event).collect()
}

/// Parses a code such as `PA001`, which may follow modifiers such as `ri1` or `ti12:34`.
fn sia(event: &str) -> Option<Code> {
    // Modifiers are in lower case, and are skipped.
    let at = event.char_indices().find(|(_, c)| c.is_ascii_uppercase())?.0;
    let code = event[at..].get(..2).filter(|code| code.bytes().all(|b| b.is_ascii_uppercase()))?;
    let rest = &event[at + 2..];
    // A word is not a code, even if it is not marked as text: `PATIO` is not `PA`.
    if rest.starts_with(|c: char| c.is_alphabetic()) {
        return None;
    }
    let zone: String = rest.chars().take_while(char::is_ascii_digit).take(4).collect();
    use Service::{Fire, Medical, Police};
    let (signal, qualifier) = match code {
        "MA" | "QA" => (Signal::Help(Medical), Qualifier::New),
        "MH" | "MR" | "QH" | "QR" => (Signal::Help(Medical), Qualifier::Restore),
        // Fire, heat, sprinkler, gas.
        "FA" | "KA" | "SA" | "GA" => (Signal::Help(Fire), Qualifier::New),
        "FH" | "FR" | "KH" | "KR" | "SH" | "SR" | "GH" | "GR" => {
            (Signal::Help(Fire), Qualifier::Restore)
        }
        "PA" => (Signal::Help(Police), Qualifier::New),
        "PH" | "PR" => (Signal::Help(Police), Qualifier::Restore),
        "HA" => (Signal::Quiet(Quiet::HoldUp), Qualifier::New),
        "HH" | "HR" => (Signal::Quiet(Quiet::HoldUp), Qualifier::Restore),
        "OC" => (Signal::Cancel, Qualifier::New),
        "RX" | "RP" | "TS" | "TX" | "TE" => (Signal::Test, Qualifier::New),
        // Burglary, tampering, untyped, water, freezing, exit, no activity.
        "BA" | "BV" | "TA" | "UA" | "WA" | "ZA" | "EA" | "NA" => {
            (Signal::NotServed, Qualifier::New)
        }
        _ => (Signal::NoEmergency, Qualifier::New),
    };
    Some(Code { qualifier, signal, zone: zone.parse().unwrap_or(0) })
}
