//! An incident, which is one use of the shield, as a pure state machine. It reads no clock,
//! performs no I/O, and keeps its whole history.
//!
//! ```text
//!  start ──▶ counting_down ──cancel before D──▶ aborted ■
//!               │ D, or send now
//!               ├─ siren only ──▶ siren_sounding ──duration over | silenced──▶ closed ■
//!               ▼
//!           verifying  (the first contact is called, once)
//!               ├─ answered: cancel, authenticated ─────────▶ cancelled ■
//!               ├─ answered: confirmed ──────┐
//!               └─ anything else ────────────┤
//!                                            ▼
//!                                       dispatching  (per service: requested → accepted | rejected → en_route → on_scene → closed)
//!                                            │  the other contacts are called meanwhile, in order
//!                                            └─ all services closed and all contacts called, or closed by the center ──▶ closed ■
//!  more than 15 min after D when it is found, or in a database that was put back ──▶ under_review ──the center or an owner decides──▶ verifying | dispatching | closed ■
//! ```
//!
//! Sirens have a state of their own ([`Siren`]), which affects that of the incident only where
//! sirens were requested alone. [`decide`](decide::decide) turns a command into events,
//! [`Incident::apply`] folds events into a state, [`Incident::next_deadline`] says when to tick,
//! and [`effects`](effect::effects) lists what an event causes outside.

pub mod arrows;
mod call;
pub mod command;
mod deadline;
pub mod decide;
pub mod disclosure;
mod dispatch;
pub mod effect;
pub mod event;
mod evolve;
mod request;
mod siren;
mod snapshot;

use super::{
    call_tree,
    contact::Contact,
    id::{CallId, HomeId, IncidentId},
    time::Timestamp,
};
pub use call::{Call, CallOutcome, CallState, Purpose};
use command::Seen;
pub use dispatch::{
    ByHome, CLAIM_LASTS, Dispatch, DispatchState, ExternalReports, REPORTED_FOR,
    REQUESTED_AGAIN_AFTER, Report, RequestedAgain,
};
use event::{Event, Recorded};
pub use request::{Actor, Asked, Mode, Quiet, Request, Requests, Service, Source};
pub use siren::{SIREN_ENDS_SOON, SIREN_PROVES_WITHIN, Siren, SirenFault};
pub use snapshot::{CALL_OFF_REMEMBERED, CenterMode, Policy, Snapshot, Sounder};
use std::{sync::Arc, time::Duration};

/// Later than this after D nothing is sent automatically: a person must review the incident first
/// (R22).
pub const STALE_AFTER: Duration = Duration::from_secs(15 * 60);
/// A siren command older than this is dropped, because sirens long after the event frighten and
/// mislead (R22, I13).
pub const SIREN_NOT_AFTER: Duration = Duration::from_secs(60);
/// How long the sirens of a request sound that could not be stored, and so cannot be silenced in
/// the app (F15).
pub const UNSTORED_SIREN: Duration = Duration::from_secs(60);
/// The longest that sirens sound in a drill (R21).
pub const DRILL_SIREN: Duration = Duration::from_secs(5);

/// How long after D, or after the last party that had acknowledged the request let go of it, a
/// request counts as unanswered (I8).
pub const ANSWER_WITHIN: Duration = Duration::from_secs(60);
/// How long after its last event an incident closes by itself, if nobody is connected to the server
/// who could send help and close it.
pub const UNATTENDED: Duration = Duration::from_secs(10 * 60);
/// The most repeated requests that one incident records however fast they come. A press every three
/// seconds reaches it after ten minutes.
pub const REPEATS_MOST: usize = 200;
/// The same for restricted devices, which share no limit with others (I33).
pub const RESTRICTED_REPEATS_MOST: usize = 20;
/// In an incident with so many facts, notes of devices are recorded at most once in
/// [`REPEATS_BEYOND_EVERY`], so that a chattering panel does not fill the history.
pub const DEVICE_NOTES_MOST: u32 = 1_000;
/// The shortest time between two repeated requests that are recorded beyond [`REPEATS_MOST`].
pub const REPEATS_BEYOND_EVERY: Duration = Duration::from_secs(60);

/// The state of an incident.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Nothing of `pending` has been carried out yet; it can still be canceled.
    CountingDown {
        /// D: when the countdown ends.
        deadline: Timestamp,
        /// The requests of this countdown; an abort drops them.
        pending: Requests,
        /// The state to return to if the countdown is aborted.
        resume: Option<Resume>,
    },
    /// Canceled before D; nothing has left the server.
    Aborted {
        /// The canceled requests.
        asked: Requests,
    },
    /// Only sirens were requested, and they sound.
    SirenSounding,
    /// The incident is offered to the center, or the first contact is being called.
    Verifying(Verification),
    /// Dispatch was requested.
    Dispatching,
    /// Canceled by the first contact, on the first call.
    Cancelled,
    /// Found too late to act without a review.
    UnderReview,
    /// The incident is over.
    Closed,
}

/// The state that a second countdown interrupted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resume {
    /// Sirens were sounding alone.
    SirenSounding,
    /// The incident was under review.
    UnderReview,
}

/// The progress of the first call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verification {
    /// Offered to the center; from `until` on the automatic center takes it.
    Offered {
        /// The end of the offer.
        until: Timestamp,
    },
    /// The first contact is being called.
    Calling,
}

/// The party that acknowledged a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acknowledgment<'a> {
    /// The responders of this service accepted it.
    Responders(Service),
    /// An operator works on it.
    Operator(&'a Actor),
    /// A receiving center has the alarm, or works on it.
    Center,
    /// This contact confirmed it, was told of it, or is on the telephone.
    Contact(&'a Call),
}

/// An incident: the fold of its history (I15).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incident {
    /// Made by the client that raised it.
    pub id: IncidentId,
    /// The home.
    pub home: HomeId,
    /// Live or drill; never changes (I18).
    pub mode: Mode,
    /// In a drill: whether its starter wants the sirens to sound (R21).
    pub drill_sirens: bool,
    /// Why the home must not notice it before it is over, if it must not.
    pub quiet: Option<Quiet>,
    /// The latest incident that the home's own server named when it signaled to this one.
    pub home_incident: Option<IncidentId>,
    /// Where it was raised first.
    pub source: Source,
    /// Who raised it first.
    pub started_by: Actor,
    /// When it was raised, by the server's clock.
    pub started_at: Timestamp,
    /// D of the latest countdown.
    pub deadline: Timestamp,
    /// The home as it was when the incident began (I19).
    pub snapshot: Arc<Snapshot>,
    /// The requests in effect: neither aborted nor still counting down.
    pub requests: Requests,
    /// Who made each request that was not withdrawn, the last time for each person.
    pub asked: Vec<Asked>,
    /// The state.
    pub state: State,
    /// The state of the sirens.
    pub siren: Siren,
    /// Calls, in the order placed.
    pub calls: Vec<Call>,
    /// The number of repeated requests, without those of restricted devices.
    pub repeats: usize,
    /// The number of repeated requests of restricted devices.
    pub restricted_repeats: usize,
    /// Requested services, each at most once (I2).
    pub dispatches: Vec<Dispatch>,
    /// The operator who works on it, exclusively.
    pub assignee: Option<Actor>,
    /// The people at the center who were shown the details of the home: those who claimed it, and
    /// those whose view of it is recorded.
    pub shown_to: Vec<Actor>,
    /// Whether a third party's receiving center has the alarm; `None` if that is not known.
    pub signaled: Option<bool>,
    /// Reports of a center or a dispatch service that works on it elsewhere.
    pub external: ExternalReports,
    /// Since when the request waits for an acknowledgment, or waited for the latest one.
    pub asked_at: Option<Timestamp>,
    /// Whether nobody acknowledged it for [`ANSWER_WITHIN`] since then.
    pub is_unanswered: bool,
    /// Under review: whether something may have left the server before the incident was found.
    pub may_have_left: bool,
    /// Whether it comes from a database that was put back, which does not know its latest facts (I32).
    pub is_put_back: bool,
    /// People who tried to cancel too late (R18); each is recorded once.
    pub late_cancels: Vec<Actor>,
    /// Whether nobody else is called by itself, because the incident comes from a database that was
    /// put back (I32).
    pub calls_withheld: bool,
    /// How it ended, if it was closed.
    pub disposition: Option<Disposition>,
    /// When the latest event happened.
    pub touched_at: Timestamp,
    /// The number of its events.
    pub seq: u32,
}

/// How an incident ended.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Disposition {
    /// Every requested service closed its part.
    ServicesClosed,
    /// The sirens stopped, and nothing else was requested.
    SirenOver,
    /// Found too late for sirens, and nothing else was requested.
    SirenTooLate,
    /// A drill of sirens alone in which no siren was to sound.
    SilentPractice,
    /// A member of the home ended it.
    EndedByHome,
    /// Closed automatically: nobody who could send help is connected to this server.
    NobodyConnected,
    /// A real request ended the drill.
    ReplacedByLive,
    /// Reviewed, and nothing was sent.
    ReviewedNotSent,
    /// The center closed it.
    ClosedByCenter,
    /// The center closed it: help was given.
    HelpGiven,
    /// The center closed it: nobody had needed help.
    FalseAlarm,
}

impl Disposition {
    /// What it says of an incident here if a center elsewhere ended its own incident with it. How that
    /// server came to its end, such as by a review of what it found late, says nothing of this one.
    #[must_use]
    pub const fn from_elsewhere(self) -> Self {
        match self {
            Self::ServicesClosed | Self::HelpGiven | Self::FalseAlarm => self,
            _ => Self::ClosedByCenter,
        }
    }
}

impl Incident {
    /// Folds a whole history into an incident; `None` unless the history begins with a start. Also
    /// `None` if it runs and has a fact of an unknown kind.
    pub fn replay(id: IncidentId, home: HomeId, history: &[Recorded]) -> Option<Self> {
        let (first, rest) = history.split_first()?;
        let mut incident = Self::begin(id, home, first)?;
        for recorded in rest {
            incident.apply(recorded);
        }
        let is_known = || history.iter().all(|recorded| recorded.event != Event::Unknown);
        (incident.is_over() || is_known()).then_some(incident)
    }

    /// Whether it has reached a final state (I9).
    pub fn is_over(&self) -> bool {
        matches!(self.state, State::Aborted { .. } | State::Cancelled | State::Closed)
    }

    /// The requested services, including those still counting down, and those that were aborted
    /// with the incident.
    pub fn services(&self) -> Vec<Service> {
        let aborted = match self.state {
            State::Aborted { asked } => asked,
            _ => Requests::default(),
        };
        self.requests.union(self.pending()).union(aborted).services()
    }

    /// Whether dispatch of any service was requested.
    pub fn dispatch_requested(&self) -> bool {
        !self.dispatches.is_empty()
    }

    /// The contacts that this incident calls, in order; none for a quiet incident.
    pub fn callable(&self) -> &[Contact] {
        if self.quiet.is_some() { &[] } else { &self.snapshot.contacts }
    }

    /// Whether it is live, nobody who could send help is connected to this server, and no dispatch
    /// has progressed beyond the request.
    pub fn is_nobody_connected(&self) -> bool {
        let is_untouched = |d: &Dispatch| d.state == DispatchState::Requested;
        self.mode == Mode::Live
            && !self.snapshot.policy.connected
            && self.dispatches.iter().all(is_untouched)
    }

    /// Who has acknowledged the request, if anybody has: the party that is closest to sending help.
    /// That something was sent to a party is no acknowledgment by it (I27).
    pub fn acknowledgment(&self) -> Option<Acknowledgment<'_>> {
        let is_accepted = |d: &&Dispatch| d.state >= DispatchState::Accepted;
        let has_heard = |call: &&Call| {
            let told = matches!(call.outcome(), Some(CallOutcome::Confirmed | CallOutcome::Told));
            told || matches!(call.state, CallState::Answered { .. })
        };
        let accepted = self.dispatches.iter().chain(&self.external.early).find(is_accepted);
        let center = self.external.works_on_it() || self.signaled == Some(true);
        accepted
            .map(|d| Acknowledgment::Responders(d.service))
            .or(self.assignee.as_ref().map(Acknowledgment::Operator))
            .or(center.then_some(Acknowledgment::Center))
            .or_else(|| self.calls.iter().find(has_heard).map(Acknowledgment::Contact))
    }

    /// The services whose alarms the receiving center may have. The history cannot rule an alarm out: a
    /// server whose disk fails sends it before it is stored, and a restored database does not know what
    /// was sent after its copy was made.
    pub fn alarms_at_center(&self) -> Vec<Service> {
        match self.snapshot.policy.center {
            CenterMode::Receiver if self.is_put_back => {
                Request::ALL.into_iter().filter_map(Request::service).collect()
            }
            CenterMode::Receiver => self.requests.services(),
            _ => Vec::new(),
        }
    }

    /// Whether a member of the home may end it: dispatch was requested, the calls are over, and no
    /// center works on it (I23).
    pub fn may_be_ended_by_home(&self) -> bool {
        matches!(self.state, State::Dispatching)
            && self.open_call().is_none()
            && self.assignee.is_none()
            && !self.external.works_on_it()
    }

    /// The requests that were made since what `by` had been shown (I30). A family may share one
    /// account, so its own requests count as seen only if its client does not say what it showed.
    pub fn unseen(&self, by: &Actor, seen: Seen) -> Requests {
        self.unseen_asked(by, seen).map(|asked| asked.request).collect()
    }

    fn unseen_asked(&self, by: &Actor, seen: Seen) -> impl Iterator<Item = &Asked> {
        let is_unseen = move |asked: &&Asked| match seen {
            Seen::All => false,
            Seen::UpTo(seq) => asked.seq > seq,
            Seen::Before(at) => asked.by != *by && asked.at >= at,
            Seen::Only(seq) => asked.by != *by || asked.seq != seq,
        };
        self.asked.iter().filter(is_unseen)
    }

    /// The sequence number of the latest request, for [`Seen::UpTo`].
    pub fn latest_request(&self) -> u32 {
        self.asked.iter().map(|asked| asked.seq).max().unwrap_or_default()
    }

    /// The requests that were made since what `by` had been shown, and without which `by` may not end
    /// the incident or its sirens (I30). A restricted device holds up nobody's decision on what
    /// others asked for (I33).
    pub fn unseen_of_others(&self, by: &Actor, seen: Seen) -> Requests {
        self.unseen_asked(by, seen)
            .filter(|asked| !asked.restricted || self.is_restricted())
            .map(|asked| asked.request)
            .collect()
    }

    /// Whether every request was made by this person on restricted devices. Only such an incident may
    /// be controlled by a restricted device (I33).
    pub fn is_restricted_alone(&self, by: &Actor) -> bool {
        self.is_restricted() && self.asked.iter().all(|asked| asked.by == *by)
    }

    /// Whether every request was made on a restricted device.
    pub fn is_restricted(&self) -> bool {
        self.asked.iter().all(|asked| asked.restricted)
    }

    /// Whether all repeated requests are still recorded, of restricted devices or of others.
    pub fn has_few_repeats(&self, restricted: bool) -> bool {
        match restricted {
            true => self.restricted_repeats < RESTRICTED_REPEATS_MOST,
            false => self.repeats < REPEATS_MOST,
        }
    }

    fn pending(&self) -> Requests {
        match self.state {
            State::CountingDown { pending, .. } => pending,
            _ => Requests::default(),
        }
    }

    /// When a first contact last called off this incident or one before it, as far as an incident
    /// that begins now has to know.
    pub fn remembered_call_off(&self, now: Timestamp) -> Option<Timestamp> {
        let is_called_off = matches!(self.state, State::Cancelled) && self.mode == Mode::Live;
        let at = if is_called_off { Some(self.touched_at) } else { self.snapshot.called_off_at };
        at.filter(|at| now.since(*at) < CALL_OFF_REMEMBERED)
    }

    /// Whether the first contact is asked before help is dispatched.
    pub fn asks_first(&self) -> bool {
        !self.snapshot.asked_again
    }

    /// The contacts who wait to be informed, in order.
    pub fn waiting_contacts(&self) -> impl Iterator<Item = &Contact> {
        call_tree::waiting(self.callable(), &self.calls)
    }

    /// Returns the call that is ringing or answered, if any. Calls to contacts follow each other,
    /// except for the one to the former first contact, which nothing waits for.
    pub fn open_call(&self) -> Option<&Call> {
        self.open_calls().find(|call| !call.beside)
    }

    /// The calls that are ringing or answered.
    pub fn open_calls(&self) -> impl Iterator<Item = &Call> {
        self.calls.iter().filter(|call| call.is_open())
    }

    /// The number of the link whose page rings for a call.
    pub fn link_of(&self, call: CallId) -> u64 {
        let placed = self.calls.iter().find(|placed| placed.id == call);
        placed.and_then(|placed| self.called(placed)).map_or(0, |contact| contact.link)
    }

    /// The contact who is called, with name and number of the snapshot.
    pub fn called(&self, call: &Call) -> Option<&Contact> {
        let former = self.snapshot.former_first.as_ref().filter(|_| call.beside);
        former.or_else(|| self.snapshot.contacts.iter().find(|c| c.id == call.contact))
    }
}
