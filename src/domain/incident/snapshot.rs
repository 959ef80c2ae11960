//! The snapshot of a home when an incident begins, so that later edits change no running incident
//! (I19).

use crate::domain::{
    contact::Contact,
    home::{Address, Home, RecentChange, ResponderNotes},
    id::DeviceId,
    readiness::CheckKind,
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How long the call-off of an incident is remembered for the next one of the home.
pub const CALL_OFF_REMEMBERED: Duration = Duration::from_secs(30 * 60);

/// What an incident needs to know about its home and its server while it runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The home's name, for people.
    pub home_name: String,
    /// The address that help is sent to (R17).
    pub address: Option<Address>,
    /// Notes for responders.
    #[serde(default, skip_serializing_if = "ResponderNotes::is_empty")]
    pub notes: ResponderNotes,
    /// The emergency contacts, in the order of calls.
    pub contacts: Vec<Contact>,
    /// The first contact of before the changes of the last day, if that was somebody else or was asked
    /// by another link. They are asked beside today's first contact (R15).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub former_first: Option<Contact>,
    /// What was changed in the last day of the address, the contacts, and their links.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub recent_changes: Vec<RecentChange>,
    /// The devices and cameras that sound for police, fire and siren only (R12, R13).
    pub sounders: Vec<Sounder>,
    /// The base station, which announces that medical help was requested (R12).
    pub announcer: Option<Sounder>,
    /// Every camera of the home, by name, for the timeline.
    pub camera_names: Vec<Sounder>,
    /// The household's countdown, milliseconds.
    pub countdown_ms: u64,
    /// The household's siren duration, milliseconds.
    pub siren_duration_ms: u64,
    /// Whether canceling needs the verbal password (R15).
    pub password_required: bool,
    /// Its hash; never leaves the server.
    pub verbal_password: Option<String>,
    /// When the first contact last called off an incident of the home, if that was less than
    /// [`CALL_OFF_REMEMBERED`] before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub called_off_at: Option<Timestamp>,
    /// Whether help is dispatched without asking a contact first, because a person asks again so soon
    /// after a call-off: that answer did not help them (R15).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub asked_again: bool,
    /// The server's timers.
    pub policy: Policy,
    /// In a drill: what an SOS would have lacked when it began.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unready: Vec<CheckKind>,
}

/// A device or camera, by id and name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sounder {
    /// Unique among the devices and cameras of the home.
    pub id: DeviceId,
    /// Its display name.
    pub name: String,
}

/// The kind of center, and its timeouts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// The kind of center that receives the incident first.
    pub center: CenterMode,
    /// How long the first call rings, milliseconds (R15).
    pub ring_timeout_ms: u64,
    /// How long an answered call may go without a decision, milliseconds.
    pub talk_timeout_ms: u64,
    /// How long operators have to claim the incident, milliseconds; the automatic center takes it
    /// at once.
    pub unclaimed_after_ms: u64,
    /// Whether anybody who could send help is connected to this server: operators, a receiving
    /// center, or a demo's responders.
    #[serde(default = "yes")]
    pub connected: bool,
}

/// The default for incidents stored before this field existed: nothing new is claimed about them.
fn yes() -> bool {
    true
}

/// The kind of center that receives the incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CenterMode {
    /// Buckler itself calls the contacts.
    Automatic,
    /// Operators at the console; the automatic center if none claims it.
    Operators,
    /// A third party's receiving center, which is signaled; the automatic center calls the contacts
    /// in parallel.
    Receiver,
}

/// How much longer the first call may take that an operator makes by hand: they look up the number,
/// dial, ask, and type.
const BY_HAND: u32 = 2;

impl Policy {
    /// How long the first call may ring.
    pub fn rings_for(&self, by_operator: bool) -> Duration {
        let by_itself = Duration::from_millis(self.ring_timeout_ms);
        if by_operator { by_itself * BY_HAND } else { by_itself }
    }

    /// How long an answered first call may go without a decision.
    pub fn talks_for(&self, by_operator: bool) -> Duration {
        let by_itself = Duration::from_millis(self.talk_timeout_ms);
        if by_operator { by_itself * BY_HAND } else { by_itself }
    }

    /// How long operators have to claim an incident before the automatic center takes it.
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
    /// Takes a snapshot of the home.
    pub fn of(home: &Home, policy: Policy, now: Timestamp) -> Self {
        let base = home.base_station().map(|d| Sounder { id: d.id.clone(), name: d.name.clone() });
        Self {
            home_name: home.name.clone(),
            address: home.address.clone(),
            notes: home.notes.clone(),
            contacts: home.contacts.clone(),
            former_first: home.former_first(now).map(|former| former.contact.clone()),
            recent_changes: home.recent_changes(now),
            sounders: sounders(home),
            announcer: base,
            camera_names: cameras(home, |_| true),
            countdown_ms: home.settings.countdown().as_millis() as u64,
            siren_duration_ms: home.settings.siren_duration().as_millis() as u64,
            password_required: home.verbal_password_required(),
            verbal_password: home.verbal_password.clone(),
            called_off_at: None,
            asked_again: false,
            policy,
            unready: Vec::new(),
        }
    }
}

/// R12 and R13: the base station and every keypad; cameras with a siren if the home chose that;
/// nothing without a base station.
fn sounders(home: &Home) -> Vec<Sounder> {
    if home.base_station().is_none() {
        return Vec::new();
    }
    let mut all: Vec<Sounder> =
        home.devices.iter().map(|d| Sounder { id: d.id.clone(), name: d.name.clone() }).collect();
    if home.settings.cameras_sound_with_base_station {
        all.extend(cameras(home, |c| c.has_siren));
    }
    all
}

fn cameras(home: &Home, which: impl Fn(&crate::domain::camera::Camera) -> bool) -> Vec<Sounder> {
    let named = |c: &crate::domain::camera::Camera| {
        Some(Sounder { id: c.id.as_str().parse().ok()?, name: c.name.clone() })
    };
    home.cameras.iter().filter(|c| which(c)).filter_map(named).collect()
}
