//! Decides on reports of other servers: each counts once, in one incident (F28).

use super::{BatchBuilder, Outcome, Verdict};
use crate::{
    domain::id::IncidentId,
    server::{
        engine::{Denied, reports::SignedReport},
        store::{Journal, ReportRow, StoreError},
    },
};

impl BatchBuilder<'_> {
    /// Gives a report to its incident, and remembers what became of it. One that was answered before
    /// changes nothing: the answer is the incident that recorded it.
    pub(super) async fn report(
        &mut self,
        incident: Option<IncidentId>,
        report: &SignedReport,
        store: &dyn Journal,
    ) -> Result<Outcome, StoreError> {
        let of_round = self.batch.reports.iter().find(|row| row.key == report.key).cloned();
        if let Some(known) = of_round.or_else(|| self.view.report(&report.key)) {
            let recorded = known.incident.filter(|_| known.body == report.body);
            let Some(incident) = recorded else { return Ok(Err(Denied::Unknown)) };
            return Ok(match self.stage(incident, store).await? {
                true => Ok(Verdict { incident, created: false, joined: false, refusal: None }),
                false => Err(Denied::Unknown),
            });
        }
        if !self.view.has_room_for_report(&report.key, self.now) {
            return Ok(Err(Denied::Busy));
        }
        let outcome = match incident {
            Some(incident) => self.give(incident, report.command(), store).await?,
            None => Err(Denied::Unknown),
        };
        // What could not be decided is not answered, and its sender repeats it.
        if matches!(outcome, Ok(_) | Err(Denied::Unknown)) {
            let incident = incident.filter(|incident| self.has_recorded(*incident, report));
            let SignedReport { key, body, .. } = report.clone();
            self.batch.reports.push(ReportRow { key, body, incident, at: self.now });
        }
        Ok(outcome)
    }

    fn has_recorded(&self, incident: IncidentId, report: &SignedReport) -> bool {
        let Some(draft) = self.drafts.get(&incident) else { return false };
        let before = draft.before.iter().flat_map(|before| &before.history);
        before.chain(&draft.facts).any(|known| known.event == report.fact())
    }
}
