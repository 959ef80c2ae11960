//! One use of the shield, as a pure state machine. It never asks for the time, never acts, and never forgets.
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
//!  more than 15 min after D when it is found ──▶ under_review ──the center or an owner decides──▶ verifying | dispatching | closed ■
//! ```
//!
//! Sirens are a part of the incident beside that line ([`Siren`]): nothing about them ever changes the line.
//! [`decide`](decide::decide) turns a command into events, [`Incident::apply`] folds events into a state,
//! [`Incident::next_deadline`] says when to tick, and [`effects`](effect::effects) says what an event makes happen outside.

pub mod arrows;
mod call;
pub mod command;
mod deadline;
pub mod decide;
mod dispatch;
pub mod effect;
pub mod event;
mod evolve;
pub mod leaving;
mod request;
mod siren;
mod snapshot;

use super::{
    id::{HomeId, IncidentId},
    time::Timestamp,
};
pub use call::{Call, CallOutcome, CallState, Purpose};
pub use dispatch::{Dispatch, DispatchState, Elsewhere, Report};
use event::Recorded;
pub use request::{Actor, Mode, Quiet, Request, Requests, Service, Source};
pub use siren::{Siren, SirenFault};
pub use snapshot::{CenterMode, Policy, Snapshot, Sounder};
use std::{sync::Arc, time::Duration};

/// Later than this after D nothing is sent by itself: somebody must look at it first (R22).
pub const STALE_AFTER: Duration = Duration::from_secs(15 * 60);
/// A siren command older than this is dropped: sirens long after the event frighten and mislead (R22, I13).
pub const SIREN_NOT_AFTER: Duration = Duration::from_secs(60);
/// How long sirens sound that could not be stored, and so cannot be silenced in the app (F15).
pub const UNSTORED_SIREN: Duration = Duration::from_secs(60);
/// The longest that sirens sound in a drill (R21).
pub const DRILL_SIREN: Duration = Duration::from_secs(5);

/// A server that is connected to nobody closes an incident by itself when nothing has happened in it for so long: nobody else can.
pub const UNATTENDED: Duration = Duration::from_secs(10 * 60);
/// Repeated presses that one incident records. A button that is pressed every three seconds takes ten minutes to get there.
pub const REPEATS_MOST: usize = 200;

/// Where an incident stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Nothing has happened yet; it can still be cancelled.
    CountingDown {
        /// D: when the countdown ends.
        deadline: Timestamp,
        /// What was asked in this countdown; an abort drops it.
        pending: Requests,
        /// What the incident goes back to when the countdown is aborted.
        resume: Option<Resume>,
    },
    /// Cancelled in time; nothing ever left.
    Aborted {
        /// What had been asked.
        asked: Requests,
    },
    /// Only sirens were asked for, and they sound.
    SirenSounding,
    /// The first contact is being asked.
    Verifying(Verification),
    /// Help was requested.
    Dispatching,
    /// Called off by the first contact, on the first call.
    Cancelled,
    /// Found too late to act on unseen.
    UnderReview,
    /// Over.
    Closed,
}

/// What a second countdown interrupted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resume {
    /// Sirens were sounding alone.
    SirenSounding,
    /// Somebody had to look at it.
    UnderReview,
}

/// How far the first call has come.
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

/// One incident: the fold of its history (I15).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incident {
    /// Made by the client that raised it.
    pub id: IncidentId,
    /// Whose it is.
    pub home: HomeId,
    /// Live or drill; never changes (I18).
    pub mode: Mode,
    /// In a drill: whether its starter wants the sirens to sound (R21).
    pub drill_sirens: bool,
    /// Whether the home must not notice it before it is over, and why.
    pub quiet: Option<Quiet>,
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
    /// Everything that people asked for and did not abort.
    pub requests: Requests,
    /// Where it stands.
    pub state: State,
    /// The sirens, beside the line.
    pub siren: Siren,
    /// Calls, in the order placed.
    pub calls: Vec<Call>,
    /// How often the same was asked for again.
    pub repeats: usize,
    /// Requested services, each at most once (I2).
    pub dispatches: Vec<Dispatch>,
    /// Who at the center works on it: nobody else does.
    pub holder: Option<Actor>,
    /// Whether a third party's receiving center has the alarm; nothing where that is not known.
    pub signaled: Option<bool>,
    /// What a center or a dispatch service that works on it elsewhere has said.
    pub elsewhere: Elsewhere,
    /// People who wanted to cancel when it was too late (R18); each is recorded once.
    pub late_cancels: Vec<Actor>,
    /// How it ended, in the center's or the machine's word.
    pub disposition: Option<Disposition>,
    /// When the latest event happened.
    pub touched_at: Timestamp,
    /// How many events it has.
    pub seq: u32,
}

/// How an incident ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Disposition {
    /// Every requested service closed its part.
    ServicesClosed,
    /// The sirens stopped, and nothing else was asked.
    SirenOver,
    /// Found too late for sirens, and nothing else was asked.
    SirenTooLate,
    /// Practice of sirens alone, without any that sound.
    SilentPractice,
    /// A member of the home said that it is over.
    EndedByHome,
    /// Closed by itself: this server is connected to nobody who could send help.
    NobodyConnected,
    /// A real request ended the drill.
    ReplacedByLive,
    /// Looked at and not sent.
    ReviewedNotSent,
    /// The center closed it.
    ClosedByCenter,
    /// The center closed it: help was given.
    HelpGiven,
    /// The center closed it: nobody had needed help.
    FalseAlarm,
}

impl Incident {
    /// The state that a whole history leads to; `None` unless it begins with a start.
    pub fn replay(id: IncidentId, home: HomeId, history: &[Recorded]) -> Option<Self> {
        let (first, rest) = history.split_first()?;
        let mut incident = Self::begin(id, home, first)?;
        for recorded in rest {
            incident.apply(recorded);
        }
        Some(incident)
    }

    /// Whether nothing can happen to it any more (I9).
    pub fn is_over(&self) -> bool {
        matches!(self.state, State::Aborted { .. } | State::Cancelled | State::Closed)
    }

    /// The services that were asked for, including those still counting down, and those that were aborted with the incident.
    pub fn services(&self) -> Vec<Service> {
        let aborted = match self.state {
            State::Aborted { asked } => asked,
            _ => Requests::default(),
        };
        self.requests.union(self.pending()).union(aborted).services()
    }

    /// Whether help was requested for any service.
    pub fn dispatch_requested(&self) -> bool {
        !self.dispatches.is_empty()
    }

    /// Whom this incident calls, in order: nobody where the home must not notice it.
    pub fn callable(&self) -> &[crate::domain::contact::Contact] {
        if self.quiet.is_some() { &[] } else { &self.snapshot.contacts }
    }

    /// Whether nobody is connected to this server who could send help, and nobody has said that help comes.
    pub fn is_nobody_connected(&self) -> bool {
        let is_untouched = |d: &Dispatch| d.state == DispatchState::Requested;
        self.mode == Mode::Live && !self.snapshot.policy.connected && self.dispatches.iter().all(is_untouched)
    }

    /// Whether a member of the home may say that it is over: help was requested, the calls are over, and no center works on it (I23).
    pub fn may_be_ended_by_home(&self) -> bool {
        matches!(self.state, State::Dispatching) && self.open_call().is_none() && self.holder.is_none() && !self.elsewhere.claimed
    }

    fn pending(&self) -> Requests {
        match self.state {
            State::CountingDown { pending, .. } => pending,
            _ => Requests::default(),
        }
    }

    /// The call that is neither queued nor over.
    pub fn open_call(&self) -> Option<&Call> {
        self.calls.iter().find(|c| c.is_open())
    }
}
