//! What the responders of one service say, and what is said of them from elsewhere.

use super::{Actor, CallOutcome, Disposition, Service};
use crate::domain::time::Timestamp;
use serde::{Deserialize, Serialize};

/// How far a service has come. The words are those of ASAP-to-PSAP (APCO/TMA 2.101.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DispatchState {
    /// Asked for.
    Requested,
    /// Refused; somebody at the center must act. It can still be accepted.
    Rejected,
    /// Taken on.
    Accepted,
    /// On the way.
    EnRoute,
    /// There.
    OnScene,
    /// Done.
    Closed,
}

impl DispatchState {
    /// Whether responders may go from here to `next`. Reports come late and twice: only forward counts.
    pub fn may_become(self, next: Self) -> bool {
        next > self && !(next == Self::Rejected && self != Self::Requested)
    }
}

/// One requested service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dispatch {
    /// Which.
    pub service: Service,
    /// How far it has come.
    pub state: DispatchState,
    /// The agency's own number for it.
    pub reference: Option<String>,
    /// When it came to this state.
    pub at: Timestamp,
}

/// What a center or a dispatch service that works on the incident elsewhere says of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum Report {
    /// Somebody there took it.
    Claimed,
    /// Nobody there works on it now.
    Released,
    /// They called somebody.
    Called {
        /// Whom, as they call them.
        name: String,
        /// How that ended.
        outcome: CallOutcome,
    },
    /// Responders came further.
    Moved {
        /// Which.
        service: Service,
        /// How far.
        state: DispatchState,
        /// The agency's own number for it.
        reference: Option<String>,
    },
    /// It is over for them.
    Ended {
        /// How it ended.
        disposition: Disposition,
    },
}

/// What was said from elsewhere, as far as it still matters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Elsewhere {
    /// The keys of everything that was said: nothing counts twice.
    pub keys: Vec<String>,
    /// How far services have come that this side has not requested yet.
    pub ahead: Vec<Dispatch>,
    /// Whether somebody there works on it.
    pub claimed: bool,
    /// It is over for them, and how.
    pub ended: Option<(Actor, Disposition)>,
}
