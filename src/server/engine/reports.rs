//! Reports of other servers count once (F28). One that comes again is answered as the first time, and
//! neither acts on nor is recorded in another incident, also after a restart.

use super::{Denied, Engine, batch::Job};
use crate::{
    domain::{
        id::IncidentId,
        incident::{Actor, Report, command::Command, event::Event},
        time::Timestamp,
    },
    server::store::{REPORTS_REMEMBERED, ReportRow},
};
use std::collections::{HashMap, VecDeque};

/// The most reports of one reporter that are remembered. More are refused, so that none is forgotten
/// too early.
const MOST: usize = 10_000;

/// A report of another server whose signature was verified.
#[derive(Clone, Debug)]
pub struct SignedReport {
    /// The reporting party.
    pub by: Actor,
    /// The name of the reporter, a slash, and the id of the message.
    pub key: String,
    /// The SHA-256 of the message's body.
    pub body: [u8; 32],
    /// When they said so, by their clock.
    pub said_at: Timestamp,
    /// The report.
    pub report: Report,
}

impl SignedReport {
    /// The command to the incident that the report is about.
    pub(super) fn command(&self) -> Command {
        let Self { by, key, said_at, report, .. } = self.clone();
        Command::Report { by, key, said_at, report }
    }

    /// The fact that records it.
    pub(super) fn fact(&self) -> Event {
        let Self { by, key, said_at, report, .. } = self.clone();
        Event::Reported { by, key, said_at, report }
    }
}

impl Engine {
    /// Whether an incident recorded a report that was answered before; `None` if it was not answered.
    pub fn answered_report(&self, key: &str, body: &[u8; 32]) -> Option<bool> {
        // A report that is only in memory is not acknowledged (I10).
        let stored = !self.view.store_fails();
        self.view.report(key).filter(|_| stored).map(|row| row.is_recorded(body))
    }

    /// Gives a report to the incident that it is about, `None` if that is none. Returns whether the
    /// incident recorded it.
    ///
    /// # Errors
    /// Why that is not stored. Its sender repeats it.
    pub async fn report(
        &self,
        incident: Option<IncidentId>,
        report: SignedReport,
    ) -> Result<bool, Denied> {
        let fact = report.fact();
        let report = Box::new(report);
        match self.ask(|reply| Job::Report { incident, report, reply }).await {
            Ok(answer) => Ok(answer.current.history.iter().any(|known| known.event == fact)),
            Err(Denied::Unknown) => Ok(false),
            Err(denied) => Err(denied),
        }
    }
}

/// The reports that were answered lately, by reporter. Reporters stand in the configuration.
#[derive(Debug, Default)]
pub(super) struct KnownReports(HashMap<String, Answered>);

/// The reports of one reporter.
#[derive(Debug, Default)]
struct Answered {
    rows: HashMap<String, ReportRow>,
    /// The keys of the rows, the oldest first.
    order: VecDeque<String>,
}

impl KnownReports {
    /// What became of a report, if it was answered.
    pub(super) fn get(&self, key: &str) -> Option<&ReportRow> {
        self.0.get(reporter_of(key))?.rows.get(key)
    }

    /// Whether one more report of the same reporter can be remembered.
    pub(super) fn has_room(&self, key: &str, now: Timestamp) -> bool {
        self.0.get(reporter_of(key)).is_none_or(|of| of.rows.len() < MOST || of.is_old(now))
    }

    /// Remembers reports. They come in the order of their times.
    pub(super) fn extend(&mut self, rows: impl IntoIterator<Item = ReportRow>) {
        for row in rows {
            let of = self.0.entry(reporter_of(&row.key).into()).or_default();
            while of.is_old(row.at)
                && let Some(oldest) = of.order.pop_front()
            {
                of.rows.remove(&oldest);
            }
            let (key, before) = (row.key.clone(), of.rows.insert(row.key.clone(), row));
            if before.is_none() {
                of.order.push_back(key);
            }
        }
    }
}

impl Answered {
    /// Whether the oldest one may be forgotten.
    fn is_old(&self, now: Timestamp) -> bool {
        let oldest = self.order.front().and_then(|key| self.rows.get(key));
        oldest.is_some_and(|row| now.since(row.at) >= REPORTS_REMEMBERED)
    }
}

fn reporter_of(key: &str) -> &str {
    key.split_once('/').map_or(key, |(reporter, _)| reporter)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const NOON: Timestamp = Timestamp::from_millis(1_795_435_200_000);

    fn row(key: &str, at: Timestamp) -> ReportRow {
        ReportRow { key: key.into(), body: [7; 32], incident: None, at }
    }

    #[test]
    fn report_is_known_for_an_hour_by_its_reporter_and_id() {
        let mut known = KnownReports::default();
        known.extend([row("harbor/1", NOON)]);
        assert!(known.get("harbor/1").is_some() && known.get("coast/1").is_none());
        let before = NOON + REPORTS_REMEMBERED - Duration::from_millis(1);
        known.extend([row("harbor/2", before)]);
        assert!(known.get("harbor/1").is_some());
        known.extend([row("harbor/3", NOON + REPORTS_REMEMBERED)]);
        assert!(known.get("harbor/1").is_none() && known.get("harbor/2").is_some());
    }

    #[test]
    fn flood_of_reports_is_refused_and_forgets_none() {
        let mut known = KnownReports::default();
        let key = |n: usize| format!("harbor/{n}");
        let mut taken = 0;
        for n in 0..2 * MOST {
            if known.has_room(&key(n), NOON) {
                known.extend([row(&key(n), NOON)]);
                taken += 1;
            }
        }
        assert_eq!(taken, MOST);
        assert!(known.get(&key(0)).is_some(), "a replay of the first is still known");
        assert!(known.has_room("coast/1", NOON), "another reporter is not refused");
        assert!(known.has_room(&key(MOST), NOON + REPORTS_REMEMBERED));
    }

    #[test]
    fn report_with_another_body_is_not_the_recorded_one() {
        let recorded = ReportRow {
            incident: Some(IncidentId(uuid::Uuid::from_u128(1))),
            ..row("harbor/1", NOON)
        };
        assert!(recorded.is_recorded(&[7; 32]) && !recorded.is_recorded(&[8; 32]));
        assert!(!row("harbor/1", NOON).is_recorded(&[7; 32]));
    }
}
