//! The home as it was when the incident began: later edits touch no running incident (I19).

use crate::domain::{
    contact::Contact,
    home::{Address, Home, ResponderNotes},
    id::DeviceId,
    readiness::CheckKind,
};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What an incident needs to know of its home and its server, for as long as it runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The home's name, for people.
    pub home_name: String,
    /// Where help is sent (R17).
    pub address: Option<Address>,
    /// What responders should know.
    #[serde(default, skip_serializing_if = "ResponderNotes::is_empty")]
    pub notes: ResponderNotes,
    /// Whom to call, in order.
    pub contacts: Vec<Contact>,
    /// What sounds for police, fire and siren only (R12, R13).
    pub sounders: Vec<Sounder>,
    /// Who announces that medical help was requested (R12).
    pub announcer: Option<Sounder>,
    /// Every device and camera that may appear in the incident's story, by name.
    pub camera_names: Vec<Sounder>,
    /// The household's countdown, milliseconds.
    pub countdown_ms: u64,
    /// The household's siren duration, milliseconds.
    pub siren_duration_ms: u64,
    /// Whether calling help off needs the verbal password (R15).
    pub password_required: bool,
    /// Its hash; never leaves the server.
    pub verbal_password: Option<String>,
    /// The server's timers.
    pub policy: Policy,
    /// In a drill: what an SOS would have lacked when it began.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unready: Vec<CheckKind>,
}

/// A device or camera with a siren or a voice, by id and name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sounder {
    /// Unique among the devices and cameras of the home.
    pub id: DeviceId,
    /// What people call it.
    pub name: String,
}

/// Who the center is, and how long it waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// Who takes the incident first.
    pub center: CenterMode,
    /// How long the first call rings, milliseconds (R15).
    pub ring_timeout_ms: u64,
    /// How long an answered call may go without a decision, milliseconds.
    pub talk_timeout_ms: u64,
    /// How long an offer to the center stands, milliseconds; the automatic center takes it at once.
    pub unclaimed_after_ms: u64,
    /// Whether anybody is connected to this server who could send help: operators, a receiving center, or a demo's responders.
    #[serde(default = "yes")]
    pub connected: bool,
}

/// Incidents from before this was recorded: nothing is claimed of them now that was not claimed then.
fn yes() -> bool {
    true
}

/// Who receives the incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CenterMode {
    /// Buckler itself walks the call tree.
    Automatic,
    /// People at the console; the automatic center if none takes it.
    Operators,
    /// A third party's receiver, which is told; the automatic center calls beside it.
    Receiver,
}

impl Policy {
    /// How long people at the center have to take an incident before the automatic center does.
    pub fn offer(&self) -> Duration {
        match self.center {
            CenterMode::Automatic | CenterMode::Receiver => Duration::ZERO,
            CenterMode::Operators => Duration::from_millis(self.unclaimed_after_ms),
        }
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            center: CenterMode::Automatic,
            ring_timeout_ms: 30_000,
            talk_timeout_ms: 60_000,
            unclaimed_after_ms: 90_000,
            connected: true,
        }
    }
}

impl Snapshot {
    /// The home as it is now.
    pub fn of(home: &Home, policy: Policy) -> Self {
        let base = home.base_station().map(|d| Sounder { id: d.id.clone(), name: d.name.clone() });
        Self {
            home_name: home.name.clone(),
            address: home.address.clone(),
            notes: home.notes.clone(),
            contacts: home.contacts.clone(),
            sounders: sounders(home),
            announcer: base,
            camera_names: cameras(home, |_| true),
            countdown_ms: home.settings.countdown().as_millis() as u64,
            siren_duration_ms: home.settings.siren_duration().as_millis() as u64,
            password_required: home.verbal_password_required(),
            verbal_password: home.verbal_password.clone(),
            policy,
            unready: Vec::new(),
        }
    }
}

/// R12 and R13: the base station and every keypad; cameras with a siren where the home wants it; nothing without a base station.
fn sounders(home: &Home) -> Vec<Sounder> {
    if home.base_station().is_none() {
        return Vec::new();
    }
    let mut all: Vec<Sounder> = home.devices.iter().map(|d| Sounder { id: d.id.clone(), name: d.name.clone() }).collect();
    if home.settings.cameras_sound_with_base_station {
        all.extend(cameras(home, |c| c.has_siren));
    }
    all
}

fn cameras(home: &Home, which: impl Fn(&crate::domain::camera::Camera) -> bool) -> Vec<Sounder> {
    let named = |c: &crate::domain::camera::Camera| Some(Sounder { id: c.id.as_str().parse().ok()?, name: c.name.clone() });
    home.cameras.iter().filter(|c| which(c)).filter_map(named).collect()
}
