//! The statistics of the monitoring center, computed from the histories of its incidents.

use crate::{
    api::statistics::{Panel, Statistics, Times},
    domain::{
        id::IncidentId,
        incident::{
            Actor, CallOutcome, DispatchState, Disposition, Incident, Mode, Purpose, Report,
            Service,
            event::{Event, Recorded},
        },
        time::Timestamp,
    },
};

/// Summarizes these incidents.
pub fn present(since: Timestamp, all: &[Handled], panels: Vec<Panel>) -> Statistics {
    let times = |which: fn(&Handled) -> Option<u64>| spread(all.iter().filter_map(which));
    Statistics {
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

fn spread(times: impl Iterator<Item = u64>) -> Times {
    let mut times: Vec<u64> = times.collect();
    times.sort_unstable();
    // The nearest rank: the smallest duration that is not below this share of all durations.
    let rank = |part: usize| {
        times.get((times.len() * part).div_ceil(100).saturating_sub(1)).copied().unwrap_or_default()
    };
    Times { count: times.len(), median_ms: rank(50), p90_ms: rank(90), most_ms: rank(100) }
}

/// How the center handled one incident. Times are milliseconds since the end of its countdown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handled {
    /// The incident.
    pub incident: IncidentId,
    /// The requested services.
    pub services: Vec<Service>,
    /// When its countdown ended.
    pub since: Timestamp,
    /// When an operator claimed it.
    pub claimed_ms: Option<u64>,
    /// When the outcome of the first call was known.
    pub called_ms: Option<u64>,
    /// When help was requested.
    pub requested_ms: Option<u64>,
    /// When the first agency accepted.
    pub accepted_ms: Option<u64>,
    /// When it was over.
    pub over_ms: Option<u64>,
    /// The outcome of the first call.
    pub outcome: Option<CallOutcome>,
    /// Whether nobody had needed help.
    pub false_alarm: bool,
    /// The names of the operators who claimed it, in order.
    pub operators: Vec<String>,
}

impl Handled {
    /// Summarizes an incident. `None` for a drill, for sirens alone, and for an incident that never
    /// reached the center.
    pub fn of(incident: &Incident, history: &[Recorded]) -> Option<Self> {
        let is_sent = |fact: &&Recorded| {
            matches!(
                fact.event,
                Event::CountdownOver { .. } | Event::SentNow { .. } | Event::FoundLate { .. }
            )
        };
        let since = history.iter().find(is_sent)?.at;
        let services = incident.requests.services();
        if incident.mode == Mode::Drill || services.is_empty() {
            return None;
        }
        let after = |which: &dyn Fn(&Event) -> bool| {
            history
                .iter()
                .find(|fact| which(&fact.event))
                .map(|fact| fact.at.since(since).as_millis() as u64)
        };
        let first = incident.calls.iter().find(|call| call.purpose == Purpose::Verify);
        let first_ended = |event: &Event| matches!(event, Event::CallEnded { call, .. } if first.is_some_and(|first| first.id == *call));
        let accepted = |event: &Event| {
            let state = match event {
                Event::DispatchMoved { state, .. }
                | Event::Reported { report: Report::Moved { state, .. }, .. } => state,
                _ => return false,
            };
            *state == DispatchState::Accepted
        };
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
            over_ms: after(&|event| {
                matches!(event, Event::Cancelled { .. } | Event::Closed { .. })
            }),
            outcome: first.and_then(|call| call.outcome()),
            false_alarm: cancelled || incident.disposition == Some(Disposition::FalseAlarm),
            operators,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_median_is_a_time_that_was_measured() {
        let times = |all: &[u64]| spread(all.iter().copied());
        assert_eq!(times(&[]), Times::default());
        assert_eq!(times(&[7]), Times { count: 1, median_ms: 7, p90_ms: 7, most_ms: 7 });
        let ten: Vec<u64> = (1..=10).rev().collect();
        assert_eq!(times(&ten), Times { count: 10, median_ms: 5, p90_ms: 9, most_ms: 10 });
    }
}
