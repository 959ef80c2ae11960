//! In a long history, the ledger checks incidents that are over once more, and then forgets them.

use super::{Case, Ledger, RETRIES};
use crate::disk::Disk;
use buckler::domain::{id::IncidentId, time::Timestamp};
use std::{collections::BTreeSet, time::Duration};

/// Nobody says anything about an incident that has been over for so long: no effect of it is tried
/// any more, and no command to it is on its way.
const REMEMBERED: Duration = Duration::from_secs(7 * 86_400);

impl Ledger {
    /// What was acknowledged of these incidents (I10), and all that was stored (I15), is on the
    /// disk.
    pub(super) fn is_on_the_disk(&mut self, disk: &Disk, which: impl Fn(&IncidentId) -> bool) {
        for (request, (incident, _)) in self.acknowledged.clone() {
            let row = which(&incident).then(|| disk.request(request));
            let is_there =
                row.is_none_or(|row| row.is_some_and(|row| row.incident() == Some(incident)));
            self.demand(is_there, || format!("I10: {request} is lost"));
        }
        for (id, case) in self.cases.iter().filter(|(id, _)| which(id)) {
            let stored = disk.incident(*id).map(|s| s.history.len() as u32);
            if stored != Some(case.facts) {
                let what = format!(
                    "I15: {id} has {stored:?} facts on the disk, {} were stored",
                    case.facts
                );
                return self.broken(what);
            }
        }
    }

    /// Forgets what has been over for long, except effects that are still pending. Each later word
    /// about it breaks an invariant, because it is about an unknown incident.
    pub fn forgets(&mut self, now: Timestamp, disk: &Disk) {
        let long_ago = now - REMEMBERED;
        let is_old = |case: &Case| case.over.is_some_and(|over| over < long_ago);
        let old: BTreeSet<IncidentId> =
            self.cases.iter().filter(|(_, case)| is_old(case)).map(|(id, _)| *id).collect();
        self.is_on_the_disk(disk, |id| old.contains(id));
        self.forgotten += old.len();
        self.cases.retain(|id, _| !old.contains(id));
        self.acknowledged.retain(|_, (id, _)| !old.contains(id));
        self.acts.retain(|id, _| !old.contains(id));
        self.called_off.retain(|call| !old.contains(&call.incident));
        self.not_reached.retain(|call| !old.contains(&call.incident));
        self.center_knows.retain(|id, _| !old.contains(id));
        self.alarms.retain(|id, _| !old.contains(id));
        self.elsewhere.forgets(&old);
        self.told.retain(|id, _| !old.contains(id));
        self.said.retain(|id, _| !old.contains(id));
        self.forgets_buttons(now);
        self.taps.retain(|_, tap| tap.at >= long_ago);
        let (carried, stale) = (&self.carried, &self.stale);
        let settled: BTreeSet<String> = self
            .effects
            .iter()
            .filter(|(key, (effect, _))| {
                let is_settled =
                    effect.not_after.is_some() || carried.contains(*key) || stale.contains(*key);
                old.contains(&effect.incident) && is_settled && !disk.holds_effect(key)
            })
            .map(|(key, _)| key.clone())
            .collect();
        for keys in [&mut self.carried, &mut self.done, &mut self.stale] {
            keys.retain(|key| !settled.contains(key));
        }
        self.effects.retain(|key, _| !settled.contains(key));
        // Every question is about something that is remembered.
        let begun = self.cases.values().map(|case| case.begun);
        let stored = self.effects.values().map(|(_, stored)| *stored);
        let earliest = begun.chain(stored).min().unwrap_or(now).min(long_ago);
        self.excuses.forget_before(earliest - RETRIES);
    }
}
