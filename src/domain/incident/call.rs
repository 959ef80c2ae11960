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
    /// To confirm the emergency or call it off: only the first call (R15).
    Verify,
    /// To be told (R17).
    Inform,
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CallOutcome {
    /// The contact confirmed the emergency.
    Confirmed,
    /// The contact called it off, authenticated. Only this prevents dispatch (I5).
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
    /// Answered, and the talk timeout came without a decision.
    NoDecision,
    /// Tried to call it off with a wrong password. The caller never learns that (R16, I17).
    WrongPassword,
    /// Was told.
    Told,
}

/// Where a call stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallState {
    /// It rings.
    Ringing {
        /// Until the ring timeout.
        until: Timestamp,
    },
    /// Somebody answered.
    Answered {
        /// Until the talk timeout.
        until: Timestamp,
    },
    /// It is over.
    Ended(CallOutcome),
}

/// One call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// Its name.
    pub id: CallId,
    /// Who is called.
    pub contact: ContactId,
    /// Why.
    pub purpose: Purpose,
    /// When it was placed.
    pub placed_at: Timestamp,
    /// Where it stands.
    pub state: CallState,
}

impl Call {
    /// Whether it rings or is being talked on.
    pub fn is_open(&self) -> bool {
        !matches!(self.state, CallState::Ended(_))
    }

    /// How it ended, if it has.
    pub fn outcome(&self) -> Option<CallOutcome> {
        match self.state {
            CallState::Ended(outcome) => Some(outcome),
            _ => None,
        }
    }
}
