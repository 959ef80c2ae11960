//! The timers of an incident. They are times in its state, never callbacks, so that a restart only
//! loads the state and asks again.

use super::{
    ANSWER_WITHIN, CLAIM_LASTS, Call, CallState, Incident, Mode, SIREN_NOT_AFTER, Siren, State,
    UNATTENDED, Verification,
};
use crate::domain::{id::CallId, time::Timestamp};

/// A timer, by what it means when it fires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Timer {
    /// The countdown ends: D.
    Countdown,
    /// The offer to the center ends.
    Unclaimed,
    /// The ring timeout.
    Ring(CallId),
    /// The talk timeout.
    Talk(CallId),
    /// The siren duration ends.
    SirenOver,
    /// Nobody has acknowledged the request for [`ANSWER_WITHIN`].
    Unanswered,
    /// Nobody elsewhere has reported for [`CLAIM_LASTS`], and a claim by a report lapses.
    ClaimLapses,
    /// Nobody who could send help is connected, and nothing has happened for [`UNATTENDED`].
    Unattended,
}

impl Incident {
    /// Returns the next deadline, if any.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.next_timer().map(|(at, _)| at)
    }

    /// Returns when a countdown that ran would end without sirens, if one runs. A server that does
    /// not know how late it is continues there at the earliest (R22).
    pub fn too_late_for_sirens_at(&self) -> Option<Timestamp> {
        match self.state {
            State::CountingDown { deadline, .. } => Some(deadline + SIREN_NOT_AFTER),
            _ => None,
        }
    }

    /// Returns the earliest timer, if any. Of timers for the same moment, the first in the order of
    /// this function fires first.
    pub(super) fn next_timer(&self) -> Option<(Timestamp, Timer)> {
        if self.is_over() {
            return None;
        }
        let line = match self.state {
            State::CountingDown { deadline, .. } => Some((deadline, Timer::Countdown)),
            State::Verifying(Verification::Offered { until }) => Some((until, Timer::Unclaimed)),
            _ => None,
        };
        let of_call = |call: &Call| match call.state {
            CallState::Ringing { until } => Some((until, Timer::Ring(call.id))),
            CallState::Answered { until } => Some((until, Timer::Talk(call.id))),
            CallState::Ended(_) => None,
        };
        let call = self.open_calls().filter_map(of_call).min_by_key(|(at, _)| *at);
        let siren = match self.siren {
            Siren::Sounding { until, .. } => Some((until, Timer::SirenOver)),
            _ => None,
        };
        let waits = matches!(self.state, State::Dispatching)
            && self.open_call().is_none()
            && !self.siren.is_sounding();
        let unattended = (waits && self.is_nobody_connected())
            .then(|| (self.touched_at + UNATTENDED, Timer::Unattended));
        let external = &self.external;
        let claim =
            external.works_on_it().then(|| (external.heard_at + CLAIM_LASTS, Timer::ClaimLapses));
        [line, self.unanswered_at(), call, siren, claim, unattended]
            .into_iter()
            .flatten()
            .min_by_key(|(at, _)| *at)
    }

    /// When the request counts as unanswered, unless somebody acknowledges it before. In a drill
    /// nobody real is asked, and a quiet incident must not show at home.
    fn unanswered_at(&self) -> Option<(Timestamp, Timer)> {
        let runs = matches!(self.state, State::Verifying(_) | State::Dispatching);
        let is_loud = self.mode == Mode::Live && self.quiet.is_none();
        let waits = runs && is_loud && !self.is_unanswered;
        self.asked_at
            .filter(|_| waits && self.acknowledgment().is_none())
            .map(|at| (at + ANSWER_WITHIN, Timer::Unanswered))
    }
}
