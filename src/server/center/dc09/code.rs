//! What an event says: Contact ID (ANSI/SIA DC-05) and SIA (ANSI/SIA DC-03).

use crate::domain::incident::{Quiet, Service};
use serde::{Deserialize, Serialize};

/// In which words events are sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// Contact ID.
    #[default]
    AdmCid,
    /// SIA.
    SiaDcs,
}

/// Whether something begins, ends, or goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Qualifier {
    /// It begins.
    New,
    /// It is over.
    Restore,
    /// It goes on.
    Still,
}

/// What it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Somebody asked for a service.
    Help(Service),
    /// Somebody is forced, or a silent hold-up button was pressed.
    Quiet(Quiet),
    /// Somebody at home called it off.
    Cancel,
    /// A test; nobody needs help.
    Test,
    /// An alarm for which nobody can be sent from here, such as a burglary.
    NotServed,
    /// Anything that is no alarm: trouble, opening and closing, bypasses, system messages.
    NoEmergency,
}

/// An event: what, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code {
    /// Begins or ends.
    pub qualifier: Qualifier,
    /// What.
    pub signal: Signal,
    /// Zone, or who.
    pub zone: u16,
}

impl Code {
    /// What begins.
    pub const fn new(signal: Signal, zone: u16) -> Self {
        Self { qualifier: Qualifier::New, signal, zone }
    }

    /// As a frame's data.
    pub fn encode(self, format: Format, account: &str) -> String {
        match format {
            Format::AdmCid => {
                let qualifier = match self.qualifier {
                    Qualifier::New => 1,
                    Qualifier::Restore => 3,
                    Qualifier::Still => 6,
                };
                format!("#{account}|{qualifier}{:03} 00 {:03}", self.contact_id(), self.zone % 1_000)
            }
            Format::SiaDcs => format!("#{account}|Nri1/{}{:03}", self.sia(), self.zone % 1_000),
        }
    }

    /// DC-05, table of codes.
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

    /// DC-03: alarms end in A, restores in H.
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

    /// What a frame's data says: one event in Contact ID, one or more in SIA; none where it cannot be read.
    pub fn decode(format: Format, data: &str) -> Vec<Self> {
        match format {
            Format::AdmCid => {
                let event = data.rsplit_once('|').map_or(data, |(_, event)| event);
                contact_id(event).into_iter().collect()
            }
            Format::SiaDcs => {
                let codes = without_text(data);
                let event = codes.rsplit_once('|').map_or(&*codes, |(_, event)| event);
                event.split('/').filter_map(sia).collect()
            }
        }
    }
}

/// `QEEE GG ZZZ`; panels write it with and without spaces.
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
    // DC-05: 1xx are alarms, everything above is none.
    let signal = match &digits[1..4] {
        "100" | "101" | "102" | "103" => Signal::Help(Service::Medical),
        // Fire, smoke, combustion, water flow, heat, pull station, duct, flame, near alarm.
        "110" | "111" | "112" | "113" | "114" | "115" | "116" | "117" | "118" => Signal::Help(Service::Fire),
        // Gas, and carbon monoxide. The other 15x are no gas: refrigeration, heating, water, foil.
        "151" | "162" => Signal::Help(Service::Fire),
        "120" | "123" | "129" => Signal::Help(Service::Police),
        // Duress; duress as a door was opened from outside, and from inside.
        "121" | "124" | "125" => Signal::Quiet(Quiet::Duress),
        "122" => Signal::Quiet(Quiet::HoldUp),
        "406" => Signal::Cancel,
        "601" | "602" | "603" | "607" | "615" => Signal::Test,
        code if code.starts_with('1') => Signal::NotServed,
        _ => Signal::NoEmergency,
    };
    Some(Code { qualifier, signal, zone: digits[6..].parse().unwrap_or(0) })
}

/// The data without what people wrote in it: text stands between `^` and `^`, or follows `*`. A zone that is called `FRONT/PATIO`
/// must not be read as `PA`.
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

/// `PA001`, perhaps after `N` or `O` and modifiers such as `ri1` or `ti12:34`.
fn sia(event: &str) -> Option<Code> {
    // New or old; what begins a code with the same letter is none.
    let is_code = |text: &str| text.len() >= 2 && text.bytes().take(2).all(|b| b.is_ascii_uppercase());
    let event =
        event.strip_prefix(['N', 'O']).filter(|rest| is_code(rest) || rest.starts_with(|c: char| c.is_ascii_lowercase())).unwrap_or(event);
    // A modifier is written in lower case, and says nothing by itself.
    let at = event.char_indices().find(|(_, c)| c.is_ascii_uppercase())?.0;
    let code = event[at..].get(..2).filter(|code| code.bytes().all(|b| b.is_ascii_uppercase()))?;
    let rest = &event[at + 2..];
    // A word is no code, also where nothing marks it as text: `PATIO` is not `PA`.
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
        "FH" | "FR" | "KH" | "KR" | "SH" | "SR" | "GH" | "GR" => (Signal::Help(Fire), Qualifier::Restore),
        "PA" => (Signal::Help(Police), Qualifier::New),
        "PH" | "PR" => (Signal::Help(Police), Qualifier::Restore),
        "HA" => (Signal::Quiet(Quiet::HoldUp), Qualifier::New),
        "HH" | "HR" => (Signal::Quiet(Quiet::HoldUp), Qualifier::Restore),
        "OC" => (Signal::Cancel, Qualifier::New),
        "RX" | "RP" | "TS" | "TX" | "TE" => (Signal::Test, Qualifier::New),
        // Burglary, tampering, untyped, water, freezing, exit, no activity.
        "BA" | "BV" | "TA" | "UA" | "WA" | "ZA" | "EA" | "NA" => (Signal::NotServed, Qualifier::New),
        _ => (Signal::NoEmergency, Qualifier::New),
    };
    Some(Code { qualifier, signal, zone: zone.parse().unwrap_or(0) })
}
