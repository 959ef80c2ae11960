//! Emergency contacts: people with a telephone, in order. The first one can call help off.

use super::{id::ContactId, time::Timestamp};
use serde::{Deserialize, Serialize};

/// A person to call. The order is that of the list that holds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contact {
    /// Unique within the home.
    pub id: ContactId,
    /// What the home calls this person.
    pub name: String,
    /// E.164, such as `+15035550101`.
    pub phone: String,
    /// Whether the person has agreed to be called.
    pub readiness: Readiness,
    /// When this person last answered a call of the center.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reached_at: Option<Timestamp>,
}

/// How far an emergency contact has come in agreeing to be one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Readiness {
    /// Asked, no answer yet.
    Invited,
    /// Agreed.
    Accepted,
    /// Refused.
    OptedOut,
}
