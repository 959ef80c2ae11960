//! One telephone call of an incident.

use crate::domain::{
    id::{CallId, ContactId},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};

/// Why a contact is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// To confirm the emergency or cancel it; only the first call (R15).
    Verify,
    /// To inform the contact (R17).
    Inform,
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CallOutcome {
    /// The contact confirmed the emergency.
    Confirmed,
    /// The contact canceled the emergency, authenticated. Only this prevents dispatch (I5).
    Cancelled,
    /// It rang until the ring timeout.
    NoAnswer,
    /// A machine answered.
    Voicemail,
    /// Busy, or declined.
    Busy,
    /// It could not be placed.
    Failed,
    /// Answered and hung up without a decision.
    HungUp,
    /// Answered, and the talk timeout passed without a decision.
    NoDecision,
    /// The contact tried to cancel with a wrong password, and is never told so (R16, I17).
    WrongPassword,
    /// The contact was informed.
    Told,
    /// The incident ended while the call was open.
    Withdrawn,
}

/// The state of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallState {
    /// It rings.
    Ringing {
        /// The end of the ring timeout.
        until: Timestamp,
    },
    /// Somebody answered.
    Answered {
        /// The end of the talk timeout.
        until: Timestamp,
    },
    /// It is over.
    Ended(CallOutcome),
}

/// One call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// Its id.
    pub id: CallId,
    /// The contact who is called.
    pub contact: ContactId,
    /// Its purpose.
    pub purpose: Purpose,
    /// Whether it is a call to the first contact of before a recent change, beside the other calls
    /// (R15).
    pub beside: bool,
    /// When it was placed.
    pub placed_at: Timestamp,
    /// Its state.
    pub state: CallState,
}

impl Call {
    /// Whether it is ringing or answered.
    pub fn is_open(&self) -> bool {
        !matches!(self.state, CallState::Ended(_))
    }

    /// Whether the call asked for a decision and reached nobody.
    pub fn reached_nobody(&self) -> bool {
        use CallOutcome::{Busy, Failed, NoAnswer, Voicemail};
        self.purpose == Purpose::Verify
            && matches!(self.outcome(), Some(NoAnswer | Voicemail | Busy | Failed))
    }

    /// Returns the outcome, if the call has ended.
    pub fn outcome(&self) -> Option<CallOutcome> {
        match self.state {
            CallState::Ended(outcome) => Some(outcome),
            _ => None,
        }
    }
}
