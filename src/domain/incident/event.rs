//! Events: the closed set of facts about an incident. They are stored forever, so names and fields
//! are only added.

use super::{
    Actor, CallOutcome, DispatchState, Disposition, Mode, Purpose, Quiet, Report, Request, Service,
    SirenFault, Snapshot, Source,
};
use crate::domain::{
    id::{CallId, ContactId, DeviceId, IncidentId},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};

/// A fact with its time, by the server's clock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recorded {
    /// When it was decided.
    pub at: Timestamp,
    /// The fact.
    #[serde(flatten)]
    pub event: Event,
}

/// A fact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum Event {
    /// A request began the incident; the countdown runs to `deadline`.
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
        /// Whether it came from a restricted device (I33); so below.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        restricted: bool,
        /// The incident of the home's own server, if that is another one; so below.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        home_incident: Option<IncidentId>,
        snapshot: Box<Snapshot>,
    },
    /// Another request joined; `deadline` if it has a countdown of its own (R20).
    Joined {
        request: Request,
        source: Source,
        by: Actor,
        deadline: Option<Timestamp>,
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        restricted: bool,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        home_incident: Option<IncidentId>,
    },
    /// A request was repeated (I24).
    Repeated {
        request: Request,
        source: Source,
        by: Actor,
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        restricted: bool,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        home_incident: Option<IncidentId>,
    },
    /// Canceled before D.
    Aborted { by: Actor },
    /// Somebody withdrew these requests before D. Others count down on, which they had not been
    /// shown (I30).
    Withdrawn { by: Actor, requests: Vec<Request> },
    /// The countdown ended; this was decided `late_ms` after D (I16).
    CountdownOver { late_ms: u64 },
    /// Somebody skipped the countdown.
    SentNow { by: Actor },
    /// Found too late to act without a review (R22), or in a database that was put back (I32).
    FoundLate {
        late_ms: u64,
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        put_back: bool,
    },
    /// Sirens were commanded to sound until `until`; after `not_after` the command is dropped
    /// (I13).
    SirenOn { devices: Vec<DeviceId>, until: Timestamp, not_after: Timestamp },
    /// A siren confirmed that it sounds.
    SirenConfirmed { device: DeviceId },
    /// A siren that had confirmed became quiet although the incident wants it: by its own button,
    /// or because it ended by itself too early (I22).
    SirenStopped { device: DeviceId },
    /// Sirens do not sound.
    SirenFailed { devices: Vec<DeviceId>, fault: SirenFault },
    /// Somebody silenced the sirens.
    SirenSilenced { by: Actor },
    /// The sirens stop.
    SirenOver,
    /// The base station was commanded to announce that medical help was requested.
    Announced { device: DeviceId },
    /// An operator claimed the incident.
    Claimed { by: Actor },
    /// The operator's claim ended: the operator released it, was not heard for too long (then `by`
    /// is the center), or was relieved.
    Released { by: Actor },
    /// No operator claimed it in time, or none was on duty; the automatic center goes on.
    Unclaimed {
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        nobody_on_duty: bool,
    },
    /// No person and no center acknowledged the request within [`super::ANSWER_WITHIN`] (I8).
    Unanswered,
    /// A third party's receiving center has the alarm, through this one of its receivers.
    SignalAccepted { receiver: String },
    /// Neither receiver accepted the alarm; both are tried again, unless they do not know the home.
    SignalFailed {
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        no_account: bool,
    },
    /// A contact is called until `until`.
    CallPlaced {
        call: CallId,
        contact: ContactId,
        purpose: Purpose,
        until: Timestamp,
        /// See [`super::Call::beside`].
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        beside: bool,
    },
    /// The contact answered and may talk until `until`.
    CallAnswered { call: CallId, until: Timestamp },
    /// A call is over.
    CallEnded { call: CallId, outcome: CallOutcome },
    /// Somebody tried to cancel too late (R18).
    CancelRefused { by: Actor },
    /// Dispatch of a service was requested.
    DispatchRequested { service: Service },
    /// Responders made progress.
    DispatchMoved { service: Service, state: DispatchState, reference: Option<String> },
    /// A party that works on it elsewhere reported at `said_at`, by its own clock. The key makes a
    /// repeated report count once.
    Reported { by: Actor, key: String, said_at: Timestamp, report: Report },
    /// A claim that was reported from elsewhere lapsed: nothing was reported for
    /// [`super::CLAIM_LASTS`] (I23).
    ClaimLapsed,
    /// The first contact canceled the emergency.
    Cancelled { by: Actor },
    /// A person reviewed an incident that was found late.
    Reviewed { by: Actor, proceed: bool, note: String },
    /// A note was added to the record.
    Noted {
        by: Actor,
        text: String,
        /// Whether it says that `by` was shown the details of the home. A version that does not know
        /// that still shows the note.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        shown: bool,
    },
    /// The incident was closed.
    Closed { by: Actor, disposition: Disposition },
    /// A kind of fact that only a newer version knows, which stored it before this one was installed
    /// again. Never decided. Only an incident that is over may have one: nobody may go on from it.
    #[serde(other)]
    Unknown,
}

impl Event {
    /// The request that somebody made, if it is one.
    pub fn request(&self) -> Option<Request> {
        match self {
            Self::Started { request, .. }
            | Self::Joined { request, .. }
            | Self::Repeated { request, .. } => Some(*request),
            _ => None,
        }
    }

    /// The name of the event in the store and in logs.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Started { .. } => "started",
            Self::Joined { .. } => "joined",
            Self::Repeated { .. } => "repeated",
            Self::Aborted { .. } => "aborted",
            Self::Withdrawn { .. } => "withdrawn",
            Self::CountdownOver { .. } => "countdown_over",
            Self::SentNow { .. } => "sent_now",
            Self::FoundLate { .. } => "found_late",
            Self::SirenOn { .. } => "siren_on",
            Self::SirenConfirmed { .. } => "siren_confirmed",
            Self::SirenStopped { .. } => "siren_stopped",
            Self::SirenFailed { .. } => "siren_failed",
            Self::SirenSilenced { .. } => "siren_silenced",
            Self::SirenOver => "siren_over",
            Self::Announced { .. } => "announced",
            Self::Claimed { .. } => "claimed",
            Self::Released { .. } => "released",
            Self::Unclaimed { .. } => "unclaimed",
            Self::Unanswered => "unanswered",
            Self::SignalAccepted { .. } => "signal_accepted",
            Self::SignalFailed { .. } => "signal_failed",
            Self::CallPlaced { .. } => "call_placed",
            Self::CallAnswered { .. } => "call_answered",
            Self::CallEnded { .. } => "call_ended",
            Self::CancelRefused { .. } => "cancel_refused",
            Self::DispatchRequested { .. } => "dispatch_requested",
            Self::DispatchMoved { .. } => "dispatch_moved",
            Self::Reported { .. } => "reported",
            Self::ClaimLapsed => "claim_lapsed",
            Self::Cancelled { .. } => "cancelled",
            Self::Reviewed { .. } => "reviewed",
            Self::Noted { .. } => "noted",
            Self::Closed { .. } => "closed",
            Self::Unknown => "unknown",
        }
    }
}
