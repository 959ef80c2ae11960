//! The entries of an incident's timeline. The presenters of the server write them.

use crate::domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// An entry of the timeline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Line)]
pub struct TimelineEntry {
    /// The number of the event in the incident.
    pub seq: u32,
    /// When it happened.
    #[schema(value_type = String)]
    pub at: Timestamp,
    /// The kind of event.
    pub what: What,
    /// Who did it.
    pub by: Option<String>,
    /// The event as a sentence.
    pub text: String,
}

/// The kinds of entries. A client that is older than the server reads a kind that it does not know
/// as `Other`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum What {
    Started,
    Joined,
    Aborted,
    CountdownOver,
    SentNow,
    SirenOn,
    SirenConfirmed,
    SirenFailed,
    SirenStopped,
    SirenSilenced,
    SirenOver,
    Announced,
    CallPlaced,
    CallAnswered,
    CallEnded,
    CancelRefused,
    DispatchRequested,
    DispatchAccepted,
    DispatchRejected,
    EnRoute,
    OnScene,
    Cancelled,
    Reviewed,
    Note,
    Closed,
    #[serde(other)]
    Other,
}
