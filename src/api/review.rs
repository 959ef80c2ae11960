//! What somebody decides on an incident that was found long after its time (R22).

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A decision, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Review {
    /// What to do.
    pub decision: Decision,
    /// Why; 500 characters at most.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schema(max_length = 500)]
    pub note: String,
}

/// What to do with an incident that was found late.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// Help is needed still: the first contact is called, as after the countdown.
    Proceed,
    /// Nobody needs help any more: nothing is sent.
    Close,
}
