//! Statistics of the monitoring center: how long its steps take, and how often nobody had needed
//! help. They name no home.

use crate::domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The statistics of the monitoring center since a point in time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Statistics {
    /// The start of the period.
    #[schema(value_type = String, format = DateTime)]
    pub since: Timestamp,
    /// How many incidents reached the center.
    pub incidents: usize,
    /// How many of them were canceled, or closed because nobody had needed help.
    pub false_alarms: usize,
    /// The time from the end of the countdown until an operator claimed the incident.
    pub to_claim: Times,
    /// The time from the end of the countdown until the outcome of the first call was known.
    pub to_call: Times,
    /// The time from the end of the countdown until help was requested.
    pub to_dispatch: Times,
    /// The time from the end of the countdown until the first agency accepted.
    pub to_accepted: Times,
    /// The alarm panels that signal to this server, by account.
    pub panels: Vec<Panel>,
}

/// An alarm panel that signals to this server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Panel {
    /// Its account.
    pub account: String,
    /// When the server last received a message from it; `null` if never since the server started.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub heard_at: Option<Timestamp>,
}

/// The distribution of a duration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Times {
    /// The number of durations.
    pub count: usize,
    /// The median: half of them were shorter, milliseconds.
    pub median_ms: u64,
    /// The 90th percentile: nine of ten were shorter, milliseconds.
    pub p90_ms: u64,
    /// The longest, milliseconds.
    pub most_ms: u64,
}
