//! I32: nothing of a database that was put back acts by itself.

use super::{Case, Ledger};
use crate::{disk::Disk, machine::Boots, plan::OLDEST_COPY};
use buckler::{
    domain::{id::IncidentId, incident::event::Event, time::Timestamp},
    server::store::Batch,
};
use std::collections::{BTreeSet, VecDeque};

/// How to take back one batch.
pub struct Undo {
    stored: Timestamp,
    /// The cases before, `None` for one that began.
    cases: Vec<(IncidentId, Option<Case>)>,
    effects: Vec<String>,
    done: Vec<String>,
}

impl Ledger {
    /// A copy will be put back: from now on, what is stored can be taken back.
    pub fn keep_undo(&mut self) {
        self.undo = Some(VecDeque::new());
    }

    /// This batch is stored now.
    pub(super) fn keeps_undo(&mut self, now: Timestamp, batch: &Batch) {
        let Some(undo) = &mut self.undo else { return };
        let too_old = undo.partition_point(|undo| undo.stored + OLDEST_COPY < now);
        undo.drain(..too_old);
        let ids: BTreeSet<IncidentId> = batch.facts.iter().map(|(id, ..)| *id).collect();
        undo.push_back(Undo {
            stored: now,
            cases: ids.into_iter().map(|id| (id, self.cases.get(&id).cloned())).collect(),
            effects: batch.effects.iter().map(|effect| effect.key.clone()).collect(),
            done: batch.done.iter().filter(|key| !self.done.contains(*key)).cloned().collect(),
        });
    }

    /// The database is a copy as it was then: what was stored later is lost, also what was
    /// acknowledged.
    pub fn put_back(&mut self, then: Timestamp, disk: &Disk) {
        while let Some(last) =
            self.undo.as_mut().and_then(|undo| undo.pop_back_if(|undo| undo.stored > then))
        {
            for (id, case) in last.cases {
                match case {
                    Some(case) => self.cases.insert(id, case),
                    None => self.cases.remove(&id),
                };
            }
            last.effects.iter().for_each(|key| _ = self.effects.remove(key));
            last.done.iter().for_each(|key| _ = self.done.remove(key));
        }
        self.sirens_are_put_back();
        // The center still has the alarms of requests that the copy does not know.
        self.alarms.values_mut().for_each(BTreeSet::clear);
        self.owed.clear();
        self.elsewhere.is_forgotten();
        self.acknowledged.retain(|id, _| disk.request(*id).is_some());
        self.withdrawals_are_put_back(disk);
        let running = self.cases.values().filter(|case| !case.incident.is_over());
        self.running = running.map(|case| case.incident.id).collect();
        self.withheld = self.running.clone();
        self.stale = self.effects.keys().cloned().collect();
    }

    /// A fact of an incident that was put back: until somebody asks or decides, it does nothing.
    pub(super) fn does_nothing_by_itself(&mut self, id: IncidentId, event: &Event) {
        let acts = match event {
            Event::Joined { .. } | Event::Repeated { .. } | Event::Reviewed { .. } => {
                self.withheld.remove(&id);
                false
            }
            Event::CountdownOver { .. }
            | Event::CallPlaced { .. }
            | Event::DispatchRequested { .. }
            | Event::SirenOn { .. }
            | Event::Announced { .. } => self.withheld.contains(&id),
            _ => false,
        };
        self.demand(!acts, || format!("I32: {id} was put back, and {event:?} by itself"));
    }

    /// The machine has booted.
    pub fn boots(&mut self, how: Boots) {
        self.is_time_unknown |= how == Boots::Unknown;
    }

    /// The lateness that a countdown records is the true one (R22).
    pub(super) fn is_as_late_as_it_says(
        &mut self,
        id: IncidentId,
        late_ms: u64,
        due: Timestamp,
        at: Timestamp,
    ) {
        const LOOKS_MS: u64 = 1_600;
        let truth = at.since(due).as_millis() as u64;
        let part = if self.is_time_unknown { "I16/unsynchronized" } else { "I16/late" };
        self.demand(late_ms.abs_diff(truth) <= LOOKS_MS, || {
            format!("{part}: {id} says that it is {late_ms} ms late, and it is {truth} ms")
        });
    }
}
