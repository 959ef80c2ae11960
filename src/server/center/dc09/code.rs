//! What an event says: Contact ID (ANSI/SIA DC-05) and SIA (ANSI/SIA DC-03).

use crate::domain::incident::Service;
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
    /// Somebody is forced to.
    Duress,
    /// Somebody at home called it off.
    Cancel,
    /// A test; nobody needs help.
    Test,
    /// Something that is not understood here.
    Other,
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
            Signal::Duress => 121,
            Signal::Cancel => 406,
            Signal::Test => 607,
            Signal::Other => 140,
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
            (Signal::Duress, Qualifier::Restore) => "HH",
            (Signal::Duress, _) => "HA",
            (Signal::Cancel, _) => "OC",
            (Signal::Test, _) => "RX",
            (Signal::Other, Qualifier::Restore) => "UH",
            (Signal::Other, _) => "UA",
        }
    }

    /// What a frame's data says: one event in Contact ID, one or more in SIA; none where it cannot be read.
    pub fn decode(format: Format, data: &str) -> Vec<Self> {
        let event = data.rsplit_once('|').map_or(data, |(_, event)| event);
        match format {
            Format::AdmCid => contact_id(event).into_iter().collect(),
            Format::SiaDcs => event.split('/').filter_map(sia).collect(),
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
    let signal = match &digits[1..4] {
        "100" | "101" | "102" | "103" => Signal::Help(Service::Medical),
        "110" | "111" | "115" => Signal::Help(Service::Fire),
        "120" | "122" | "123" | "129" => Signal::Help(Service::Police),
        "121" => Signal::Duress,
        "406" => Signal::Cancel,
        "601" | "602" | "603" | "607" | "615" => Signal::Test,
        _ => Signal::Other,
    };
    Some(Code { qualifier, signal, zone: digits[6..].parse().unwrap_or(0) })
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
    let zone: String = event[at + 2..].chars().take_while(char::is_ascii_digit).take(4).collect();
    use Service::{Fire, Medical, Police};
    let (signal, qualifier) = match code {
        "MA" | "QA" => (Signal::Help(Medical), Qualifier::New),
        "MH" | "MR" | "QH" => (Signal::Help(Medical), Qualifier::Restore),
        "FA" => (Signal::Help(Fire), Qualifier::New),
        "FH" | "FR" => (Signal::Help(Fire), Qualifier::Restore),
        "PA" => (Signal::Help(Police), Qualifier::New),
        "PH" | "PR" => (Signal::Help(Police), Qualifier::Restore),
        "HA" => (Signal::Duress, Qualifier::New),
        "HH" | "HR" => (Signal::Duress, Qualifier::Restore),
        "OC" => (Signal::Cancel, Qualifier::New),
        "RX" | "RP" | "TS" | "TX" | "TE" => (Signal::Test, Qualifier::New),
        _ => (Signal::Other, Qualifier::New),
    };
    Some(Code { qualifier, signal, zone: zone.parse().unwrap_or(0) })
}
