//! The progress of one service's responders, and reports from elsewhere.

use super::{Actor, CallOutcome, Disposition, Incident, Service};
use crate::domain::{id::IncidentId, time::Timestamp};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// A claim by a report lapses if nothing more is reported for this long. It is as long as
/// [`super::STALE_AFTER`]: a center that works on an emergency has something to say within a quarter
/// of an hour, and a household must not be held by one that has fallen silent (I23).
pub const CLAIM_LASTS: Duration = Duration::from_secs(15 * 60);
/// A service that nobody has accepted for this long is requested again by the next press (R20).
pub const REQUESTED_AGAIN_AFTER: Duration = Duration::from_secs(10 * 60);
/// How long after its end a center may still report on an incident. A center closes its case after
/// the home, often at the end of a shift.
pub const REPORTED_FOR: Duration = Duration::from_secs(24 * 3_600);

/// The progress of a service. The terms are those of ASAP-to-PSAP (APCO/TMA 2.101.3).
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum DispatchState {
    /// Requested.
    Requested,
    /// Refused; somebody at the center must act. It can still be accepted.
    Rejected,
    /// Accepted by the agency.
    Accepted,
    /// On the way.
    EnRoute,
    /// At the scene.
    OnScene,
    /// Completed.
    Closed,
}

impl DispatchState {
    /// Whether the state may change to `next`. Only changes forward count, because reports arrive
    /// late and repeatedly.
    pub fn may_become(self, next: Self) -> bool {
        next > self && !(next == Self::Rejected && self != Self::Requested)
    }
}

/// One requested service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dispatch {
    /// The service.
    pub service: Service,
    /// Its progress.
    pub state: DispatchState,
    /// The agency's reference number.
    pub reference: Option<String>,
    /// When it came to this state.
    pub at: Timestamp,
    /// Whether responders were at the scene.
    pub came: bool,
    /// The sequence number of the fact that requested it, or requested it again.
    pub request: u32,
    /// How it was requested again, if it was.
    pub again: Option<RequestedAgain>,
}

/// The latest time that a service was requested again (R20). What was said of it before is about an
/// earlier request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestedAgain {
    /// When.
    pub at: Timestamp,
    /// The sequence number of the press that caused it.
    pub press: u32,
}

/// A report of a center or a dispatch service that works on the incident elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum Report {
    /// Somebody there claimed it.
    Claimed,
    /// Nobody there works on it now.
    Released,
    /// They called somebody.
    Called {
        /// The name that they use for that person.
        name: String,
        /// The outcome of the call.
        outcome: CallOutcome,
    },
    /// A service made progress.
    Moved {
        /// The service.
        service: Service,
        /// Its new state.
        state: DispatchState,
        /// The agency's reference number.
        reference: Option<String>,
    },
    /// The incident is over for them.
    Ended {
        /// How it ended.
        disposition: Disposition,
    },
    /// They said this of the home, and it may be about another incident of it. It changes nothing.
    Unnamed {
        /// What they said.
        said: Box<Self>,
    },
}

/// What reports from elsewhere have established, as far as it still matters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExternalReports {
    /// The keys of all reports, so that none counts twice.
    pub keys: Vec<String>,
    /// The progress of services that this server has not requested yet.
    pub early: Vec<Dispatch>,
    /// Whether the reports say that somebody there works on it.
    pub claimed: bool,
    /// When the latest report came, by this server's clock.
    pub heard_at: Timestamp,
    /// Whether nothing was reported for [`CLAIM_LASTS`] since then.
    pub lapsed: bool,
    /// Who reported the end, and how it ended, if anybody did.
    pub ended: Option<(Actor, Disposition)>,
}

impl ExternalReports {
    /// Whether somebody there works on it, and has been heard of lately.
    pub fn works_on_it(&self) -> bool {
        self.claimed && !self.lapsed
    }
}

/// How far the clock of another server may be behind. A report from longer before the end of a
/// countdown is about an earlier alarm.
const CLOCK_BEHIND: Duration = Duration::from_secs(120);

/// The incident that a report is about whose sender names only the home.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ByHome {
    /// The incident that runs.
    pub incident: IncidentId,
    /// Whether it is the only one that the sender can speak of, and the sender spoke after it began
    /// (I24). Otherwise the report is only a note.
    pub is_sure: bool,
}

impl ByHome {
    /// Finds that incident for a report that was made at `said_at`. `running` are the running
    /// incidents of the home, first the one that the home may see. `before` are its other incidents of
    /// the last [`REPORTED_FOR`], or more of them.
    pub fn find<'i>(
        running: impl IntoIterator<Item = &'i Incident>,
        before: impl IntoIterator<Item = &'i Incident>,
        said_at: Timestamp,
        now: Timestamp,
    ) -> Option<Self> {
        let mut running = running.into_iter().filter(|incident| incident.may_be_reported_on(now));
        let Incident { id: incident, deadline, snapshot, .. } = running.next()?;
        let (incident, is_of_this) = (*incident, said_at + CLOCK_BEHIND >= *deadline);
        // Before the countdown began, there was nothing of this incident to speak of.
        let is_since = said_at >= *deadline - Duration::from_millis(snapshot.countdown_ms);
        let is_another = |other: &Incident| other.id != incident && other.may_be_reported_on(now);
        let is_only = running.next().is_none() && !before.into_iter().any(is_another);
        is_of_this.then_some(Self { incident, is_sure: is_only && is_since })
    }
}

impl Incident {
    /// Whether a repeated request acts again (R20): help was requested, and is over, or nobody has
    /// accepted it for [`REQUESTED_AGAIN_AFTER`]. What was withheld when a database was put back
    /// (I32) does not have to wait.
    pub fn is_requested_anew(&self, service: Service, now: Timestamp) -> bool {
        let is_old = |at: Timestamp| now.since(at) >= REQUESTED_AGAIN_AFTER;
        let is_withheld = self.is_unanswered && self.asked_at.is_none();
        let mut dispatches = self.dispatches.iter();
        dispatches.find(|d| d.service == service).is_some_and(|d| match d.state {
            DispatchState::Closed => true,
            DispatchState::Requested | DispatchState::Rejected => {
                self.acknowledgment().is_none() && (is_withheld || is_old(d.at))
            }
            DispatchState::Accepted | DispatchState::EnRoute | DispatchState::OnScene => false,
        })
    }

    /// Whether a center or a dispatch service may have been told of it, and may still report on it. A
    /// drill may have been sent as a test; a request that was canceled in the countdown was not sent.
    pub fn may_be_reported_on(&self, now: Timestamp) -> bool {
        let was_told = !self.requests.services().is_empty();
        was_told && (!self.is_over() || now.since(self.touched_at) < REPORTED_FOR)
    }
}
