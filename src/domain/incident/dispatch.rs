//! The progress of one service's responders, and reports from elsewhere.

use super::{Actor, CallOutcome, Disposition, Service};
use crate::domain::time::Timestamp;
use serde::{Deserialize, Serialize};

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
}

/// What reports from elsewhere have established, as far as it still matters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExternalReports {
    /// The keys of all reports, so that none counts twice.
    pub keys: Vec<String>,
    /// The progress of services that this server has not requested yet.
    pub early: Vec<Dispatch>,
    /// Whether somebody there works on it.
    pub claimed: bool,
    /// Who reported the end, and how it ended, if anybody did.
    pub ended: Option<(Actor, Disposition)>,
}
