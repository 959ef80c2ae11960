//! What the receiving center is told of a review (I12), and which incident its reports are about (I24).

use super::Ledger;
use buckler::{
    domain::{
        id::{HomeId, IncidentId},
        incident::{
            ByHome, Disposition,
            effect::{Effect, EffectKind, Signal},
            event::Event,
        },
        time::Timestamp,
    },
    server::{engine::Current, store::Batch},
};

impl Ledger {
    /// The center has another alarm: one for each request at most.
    pub(super) fn alarms_once(&mut self, alarm: &Effect) {
        // The request of one that left from memory is not on the disk yet (I25).
        if !self.effects.contains_key(&alarm.key) {
            return;
        }
        let alarms = self.alarms.entry(alarm.incident).or_default();
        alarms.insert(alarm.key.clone());
        let (count, id) = (alarms.len(), alarm.incident);
        let presses = self.cases.get(&id).map_or(0, |case| {
            case.presses.iter().filter(|press| press.request.service().is_some()).count()
        });
        // One that nobody acknowledged may not have arrived, and is repeated.
        let is_acknowledged =
            self.cases.get(&id).is_some_and(|case| case.incident.signaled == Some(true));
        self.demand(count <= presses || !is_acknowledged, || {
            format!("I12/once: {count} alarms of {id}, which has {presses} requests")
        });
    }

    /// A decision to send nothing withdraws the alarms that the center has.
    pub(super) fn withdraws(&mut self, batch: &Batch) {
        for (id, _, facts) in &batch.facts {
            let is_dropped = facts.iter().any(|fact| {
                let dropped = Disposition::ReviewedNotSent;
                matches!(fact.event, Event::Closed { disposition, .. } if disposition == dropped)
            });
            let told = batch.effects.iter().any(|effect| {
                let cancel = Signal::Cancel;
                effect.incident == *id
                    && matches!(effect.kind, EffectKind::SignalReceiver { signal, .. } if signal == cancel)
            });
            let has = self.alarms.contains_key(id);
            self.demand(!is_dropped || !has || told, || {
                format!("I12/withdrawn: {id} is dropped, and the center keeps its alarm")
            });
        }
    }
}

impl Ledger {
    /// The incident that a report of the center is about if it names only the home of this one.
    pub fn meant_by_account(
        &self,
        told: IncidentId,
        running: Option<&Current>,
        said_at: Timestamp,
        now: Timestamp,
    ) -> Option<ByHome> {
        let home = &self.cases.get(&told)?.incident.home;
        let all = self.cases.values().map(|case| &case.incident);
        let before = all.filter(|incident| incident.home == *home);
        ByHome::find(running.map(|current| &current.incident), before, said_at, now)
    }

    /// The home of an incident that is stored.
    pub fn home_of(&self, id: IncidentId) -> Option<HomeId> {
        self.cases.get(&id).map(|case| case.incident.home.clone())
    }
}
