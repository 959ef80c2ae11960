//! The decision of a person on an incident that was found long after its time (R22).

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A decision, with a reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Review {
    /// The decision.
    pub decision: Decision,
    /// The reason; 500 characters at most.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schema(max_length = 500)]
    pub note: String,
}

/// The decision on an incident that was found late.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// Help is still needed: the first contact is called, as after the countdown.
    Proceed,
    /// Nobody needs help any more: nothing is sent.
    Close,
}
