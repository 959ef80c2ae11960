//! I32: nothing of a database that was put back acts by itself.

use super::Ledger;
use crate::{disk::Disk, machine::Boots};
use buckler::domain::{id::IncidentId, incident::event::Event, time::Timestamp};
use std::collections::BTreeSet;

impl Ledger {
    /// The database is a copy as it was then: what was stored later is lost, also what was
    /// acknowledged.
    pub fn put_back(&mut self, then: Timestamp, disk: &Disk) {
        self.cases.clear();
        self.effects.clear();
        self.done.clear();
        self.withheld.clear();
        // The center still has the alarms of requests that the copy does not know.
        self.alarms.values_mut().for_each(BTreeSet::clear);
        let tells = std::mem::take(&mut self.tells);
        for (times, batch) in self.log.replace(Vec::new()).unwrap_or_default() {
            if times[2] <= then {
                self.committed(times, &batch);
            }
        }
        self.tells = tells;
        self.owed.clear();
        self.acknowledged.retain(|id, _| disk.request(*id).is_some());
        let running = self.cases.values().filter(|case| !case.incident.is_over());
        self.withheld = running.map(|case| case.incident.id).collect();
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
