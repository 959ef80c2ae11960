//! How the monitoring center does: how long things take, and how often nobody had needed help. It names no home.

use crate::domain::{
    id::IncidentId,
    incident::{
        Actor, CallOutcome, DispatchState, Disposition, Incident, Mode, Purpose, Service,
        event::{Event, Recorded},
    },
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What the center did since some time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Statistics {
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    pub since: Timestamp,
    /// How many incidents reached the center.
    pub incidents: usize,
    /// How many of them were called off, or closed because nobody had needed help.
    pub false_alarms: usize,
    /// From the end of the countdown until somebody took it.
    pub to_claim: Times,
    /// … until it was known how the first call went.
    pub to_call: Times,
    /// … until help was requested.
    pub to_dispatch: Times,
    /// … until the first agency accepted.
    pub to_accepted: Times,
    /// Panels that signal here, by their account.
    pub panels: Vec<Panel>,
}

/// A panel that signals here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Panel {
    /// Its account.
    pub account: String,
    /// When it was heard last; nothing since this server started.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub heard_at: Option<Timestamp>,
}

/// How long something took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Times {
    /// How often it happened.
    pub count: usize,
    /// Half of them were quicker, milliseconds.
    pub median_ms: u64,
    /// Nine of ten were quicker, milliseconds.
    pub p90_ms: u64,
    /// The longest, milliseconds.
    pub most_ms: u64,
}

impl Times {
    fn of(times: impl Iterator<Item = u64>) -> Self {
        let mut times: Vec<u64> = times.collect();
        times.sort_unstable();
        // The nearest rank: the smallest that is not below that part of all.
        let rank = |part: usize| times.get((times.len() * part).div_ceil(100).saturating_sub(1)).copied().unwrap_or_default();
        Self { count: times.len(), median_ms: rank(50), p90_ms: rank(90), most_ms: rank(100) }
    }
}

/// What the center did with one incident; times are milliseconds since its countdown ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handled {
    /// Which.
    pub incident: IncidentId,
    /// What was asked for.
    pub services: Vec<Service>,
    /// When its countdown ended.
    pub since: Timestamp,
    /// Somebody took it.
    pub claimed_ms: Option<u64>,
    /// It was known how the first call went.
    pub called_ms: Option<u64>,
    /// Help was requested.
    pub requested_ms: Option<u64>,
    /// The first agency accepted.
    pub accepted_ms: Option<u64>,
    /// It was over.
    pub over_ms: Option<u64>,
    /// How the first call went.
    pub outcome: Option<CallOutcome>,
    /// Whether nobody had needed help.
    pub false_alarm: bool,
    /// Who took it, in order.
    pub operators: Vec<String>,
}

impl Handled {
    /// What was done with an incident; nothing for a drill, for sirens alone, and for what never reached the center.
    pub fn of(incident: &Incident, history: &[Recorded]) -> Option<Self> {
        let is_sent =
            |fact: &&Recorded| matches!(fact.event, Event::CountdownOver { .. } | Event::SentNow { .. } | Event::FoundLate { .. });
        let since = history.iter().find(is_sent)?.at;
        let services = incident.requests.services();
        if incident.mode == Mode::Drill || services.is_empty() {
            return None;
        }
        let after = |which: &dyn Fn(&Event) -> bool| {
            history.iter().find(|fact| which(&fact.event)).map(|fact| fact.at.since(since).as_millis() as u64)
        };
        let first = incident.calls.iter().find(|call| call.purpose == Purpose::Verify);
        let first_ended = |event: &Event| matches!(event, Event::CallEnded { call, .. } if first.is_some_and(|first| first.id == *call));
        let accepted = |event: &Event| matches!(event, Event::DispatchMoved { state: DispatchState::Accepted, .. });
        let mut operators: Vec<String> = history
            .iter()
            .filter_map(|fact| match &fact.event {
                Event::Claimed { by: Actor::Operator { name, .. } } => Some(name.clone()),
                _ => None,
            })
            .collect();
        operators.dedup();
        let cancelled = history.iter().any(|fact| matches!(fact.event, Event::Cancelled { .. }));
        Some(Self {
            incident: incident.id,
            services,
            since,
            claimed_ms: after(&|event| matches!(event, Event::Claimed { .. })),
            called_ms: after(&first_ended),
            requested_ms: after(&|event| matches!(event, Event::DispatchRequested { .. })),
            accepted_ms: after(&accepted),
            over_ms: after(&|event| matches!(event, Event::Cancelled { .. } | Event::Closed { .. })),
            outcome: first.and_then(|call| call.outcome()),
            false_alarm: cancelled || incident.disposition == Some(Disposition::FalseAlarm),
            operators,
        })
    }
}

impl Statistics {
    /// Of these incidents.
    pub fn of(since: Timestamp, all: &[Handled], panels: Vec<Panel>) -> Self {
        let times = |which: fn(&Handled) -> Option<u64>| Times::of(all.iter().filter_map(which));
        Self {
            since,
            incidents: all.len(),
            false_alarms: all.iter().filter(|handled| handled.false_alarm).count(),
            to_claim: times(|handled| handled.claimed_ms),
            to_call: times(|handled| handled.called_ms),
            to_dispatch: times(|handled| handled.requested_ms),
            to_accepted: times(|handled| handled.accepted_ms),
            panels,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_median_is_a_time_that_was_measured() {
        let times = |all: &[u64]| Times::of(all.iter().copied());
        assert_eq!(times(&[]), Times::default());
        assert_eq!(times(&[7]), Times { count: 1, median_ms: 7, p90_ms: 7, most_ms: 7 });
        let ten: Vec<u64> = (1..=10).rev().collect();
        assert_eq!(times(&ten), Times { count: 10, median_ms: 5, p90_ms: 9, most_ms: 10 });
    }
}
