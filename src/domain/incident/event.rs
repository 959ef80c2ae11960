//! What has happened to an incident: the closed set of its facts. They are stored for ever, so names and fields only grow.

use super::{Actor, CallOutcome, DispatchState, Disposition, Mode, Purpose, Quiet, Report, Request, Service, SirenFault, Snapshot, Source};
use crate::domain::{
    id::{CallId, ContactId, DeviceId},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};

/// A fact with its moment, by the server's clock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recorded {
    /// When it was decided.
    pub at: Timestamp,
    /// What.
    #[serde(flatten)]
    pub event: Event,
}

/// A fact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum Event {
    /// A person slid or tapped; the countdown runs to `deadline`.
    Started {
        request: Request,
        mode: Mode,
        drill_sirens: bool,
        source: Source,
        by: Actor,
        deadline: Timestamp,
        /// Absent unless the home must not notice it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        quiet: Option<Quiet>,
        snapshot: Box<Snapshot>,
    },
    /// Another request joined; `deadline` if it has a countdown of its own (R20).
    Joined { request: Request, source: Source, by: Actor, deadline: Option<Timestamp> },
    /// The same was asked for again (I24).
    Repeated { request: Request, source: Source, by: Actor },
    /// Cancelled in time.
    Aborted { by: Actor },
    /// D came; `late_ms` after it (I16).
    CountdownOver { late_ms: u64 },
    /// Somebody skipped the countdown.
    SentNow { by: Actor },
    /// Found too late to act on unseen (R22).
    FoundLate { late_ms: u64 },
    /// Sirens were asked to sound until `until`; a command older than `not_after` is dropped (I13).
    SirenOn { devices: Vec<DeviceId>, until: Timestamp, not_after: Timestamp },
    /// A siren says that it sounds.
    SirenConfirmed { device: DeviceId },
    /// Sirens do not sound.
    SirenFailed { devices: Vec<DeviceId>, fault: SirenFault },
    /// Somebody silenced the sirens.
    SirenSilenced { by: Actor },
    /// The sirens stop.
    SirenOver,
    /// The base station was asked to announce that medical help was requested.
    Announced { device: DeviceId },
    /// An operator took the incident.
    Claimed { by: Actor },
    /// Nobody works on it any more: whoever did gave it back, was silent for too long (then `by` is the center), or was relieved.
    Released { by: Actor },
    /// Nobody at the center took it in time: the automatic center goes on.
    Unclaimed,
    /// A third party's receiving center has the alarm; which of its receivers.
    SignalAccepted { receiver: String },
    /// Neither receiver took the alarm; both are asked again.
    SignalFailed,
    /// A contact is called until `until`.
    CallPlaced { call: CallId, contact: ContactId, purpose: Purpose, until: Timestamp },
    /// The contact answered and may talk until `until`.
    CallAnswered { call: CallId, until: Timestamp },
    /// A call is over.
    CallEnded { call: CallId, outcome: CallOutcome },
    /// Somebody wanted to cancel too late (R18).
    CancelRefused { by: Actor },
    /// Help was requested.
    DispatchRequested { service: Service },
    /// Responders came further.
    DispatchMoved { service: Service, state: DispatchState, reference: Option<String> },
    /// Whoever works on it elsewhere says how far it has come: when, by their own clock, and under which key, so that it counts once.
    Reported { by: Actor, key: String, said_at: Timestamp, report: Report },
    /// The first contact called it off.
    Cancelled { by: Actor },
    /// Somebody looked at an incident that was found late.
    Reviewed { by: Actor, proceed: bool, note: String },
    /// Somebody added to the record.
    Noted { by: Actor, text: String },
    /// It is over.
    Closed { by: Actor, disposition: Disposition },
}

impl Event {
    /// What it is called in the store and in logs.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Started { .. } => "started",
            Self::Joined { .. } => "joined",
            Self::Repeated { .. } => "repeated",
            Self::Aborted { .. } => "aborted",
            Self::CountdownOver { .. } => "countdown_over",
            Self::SentNow { .. } => "sent_now",
            Self::FoundLate { .. } => "found_late",
            Self::SirenOn { .. } => "siren_on",
            Self::SirenConfirmed { .. } => "siren_confirmed",
            Self::SirenFailed { .. } => "siren_failed",
            Self::SirenSilenced { .. } => "siren_silenced",
            Self::SirenOver => "siren_over",
            Self::Announced { .. } => "announced",
            Self::Claimed { .. } => "claimed",
            Self::Released { .. } => "released",
            Self::Unclaimed => "unclaimed",
            Self::SignalAccepted { .. } => "signal_accepted",
            Self::SignalFailed => "signal_failed",
            Self::CallPlaced { .. } => "call_placed",
            Self::CallAnswered { .. } => "call_answered",
            Self::CallEnded { .. } => "call_ended",
            Self::CancelRefused { .. } => "cancel_refused",
            Self::DispatchRequested { .. } => "dispatch_requested",
            Self::DispatchMoved { .. } => "dispatch_moved",
            Self::Reported { .. } => "reported",
            Self::Cancelled { .. } => "cancelled",
            Self::Reviewed { .. } => "reviewed",
            Self::Noted { .. } => "noted",
            Self::Closed { .. } => "closed",
        }
    }
}
