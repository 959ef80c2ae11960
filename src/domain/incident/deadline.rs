//! The timers of an incident: moments in its state, never callbacks. Restart is: load, and ask again.

use super::{CallState, Incident, Siren, State, UNATTENDED, Verification};
use crate::domain::{id::CallId, time::Timestamp};

/// What a moment means when it comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Timer {
    /// The countdown ends: D.
    Countdown,
    /// Nobody at the center took it.
    Unclaimed,
    /// The ring timeout.
    Ring(CallId),
    /// The talk timeout.
    Talk(CallId),
    /// The sirens have sounded long enough.
    SirenOver,
    /// Nobody is connected who could end it, and nothing has happened for long.
    Unattended,
}

impl Incident {
    /// When to tick next, if ever.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.next_timer().map(|(at, _)| at)
    }

    /// The earliest timer; where two fall together, the one that stands first here goes first.
    pub(super) fn next_timer(&self) -> Option<(Timestamp, Timer)> {
        if self.is_over() {
            return None;
        }
        let line = match self.state {
            State::CountingDown { deadline, .. } => Some((deadline, Timer::Countdown)),
            State::Verifying(Verification::Offered { until }) => Some((until, Timer::Unclaimed)),
            _ => None,
        };
        let call = self.open_call().and_then(|call| match call.state {
            CallState::Ringing { until } => Some((until, Timer::Ring(call.id))),
            CallState::Answered { until } => Some((until, Timer::Talk(call.id))),
            CallState::Ended(_) => None,
        });
        let siren = match self.siren {
            Siren::Sounding { until, .. } => Some((until, Timer::SirenOver)),
            _ => None,
        };
        let waits = matches!(self.state, State::Dispatching) && self.open_call().is_none() && !self.siren.is_sounding();
        let unattended = (waits && self.is_nobody_connected()).then(|| (self.touched_at + UNATTENDED, Timer::Unattended));
        [line, call, siren, unattended].into_iter().flatten().min_by_key(|(at, _)| *at)
    }
}
