//! What the responders of one service say.

use super::Service;
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
