//! The contents of the disk. It enforces the constraints of the database, and forgets nothing
//! before the history is over.

use buckler::{
    domain::{
        id::{HomeId, IncidentId},
        incident::{
            Service,
            effect::{Effect, EffectKind},
            event::{Event, Recorded},
        },
        time::Timestamp,
    },
    server::{
        clock::Anchor,
        store::{Batch, Begun, RequestRow, RunningRow, StoreError, Stored},
    },
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, MutexGuard},
};

/// The tables of the engine.
#[derive(Debug, Default)]
pub struct Platter(Mutex<Tables>);

#[derive(Debug, Default)]
struct Tables {
    incidents: BTreeMap<IncidentId, (HomeId, Vec<Recorded>)>,
    /// By home, and by whether the incident is hidden from it.
    running: BTreeMap<(HomeId, bool), IncidentId>,
    requests: BTreeMap<IncidentId, RequestRow>,
    dispatches: BTreeSet<(IncidentId, Service)>,
    outbox: BTreeMap<String, Effect>,
    anchor: Option<Anchor>,
    /// Everything that was written, and when, if a copy will be put back.
    log: Option<Vec<(Timestamp, Batch)>>,
}

fn refused(what: impl Into<String>) -> StoreError {
    StoreError::Inconsistent { what: what.into() }
}

impl Tables {
    /// Checks the database constraints before anything is changed.
    fn check(&self, batch: &Batch) -> Result<(), StoreError> {
        if let Some(quarantined) = batch.quarantined.first() {
            return Err(refused(format!(
                "{} is quarantined: {}",
                quarantined.incident, quarantined.why
            )));
        }
        let mut running = self.running.clone();
        running.retain(|_, id| !batch.over.contains(id));
        for Begun { id, home, quiet, .. } in &batch.begun {
            if self.incidents.contains_key(id)
                || (!batch.over.contains(id)
                    && running.insert((home.clone(), *quiet), *id).is_some())
            {
                return Err(refused(format!(
                    "a second incident runs in {home}, or {id} begins again"
                )));
            }
        }
        for (id, first, _) in &batch.facts {
            let kept = self.incidents.get(id).map_or(0, |(_, facts)| facts.len() as u32);
            let before: u32 = batch
                .facts
                .iter()
                .filter(|(other, at, _)| other == id && at < first)
                .map(|(.., f)| f.len() as u32)
                .sum();
            if *first != kept + before + 1 {
                return Err(refused(format!(
                    "fact {first} of incident {id} stands where {} comes next",
                    kept + before + 1
                )));
            }
        }
        let mut dispatched = BTreeSet::new();
        for effect in &batch.effects {
            let twice = matches!(effect.kind, EffectKind::RequestDispatch { service }
                if self.dispatches.contains(&(effect.incident, service)) || !dispatched.insert((effect.incident, service)));
            if twice || self.outbox.contains_key(&effect.key) {
                return Err(refused(format!("the effect {} is there already", effect.key)));
            }
        }
        let mut requests = BTreeSet::new();
        match batch
            .requests
            .iter()
            .find(|r| self.requests.contains_key(&r.id) || !requests.insert(r.id))
        {
            Some(request) => Err(refused(format!("the request {} is there already", request.id))),
            None => Ok(()),
        }
    }

    fn take(&mut self, batch: &Batch) {
        self.running.retain(|_, id| !batch.over.contains(id));
        for Begun { id, home, quiet, .. } in &batch.begun {
            self.incidents.insert(*id, (home.clone(), Vec::new()));
            if !batch.over.contains(id) {
                self.running.insert((home.clone(), *quiet), *id);
            }
        }
        for (id, _, facts) in &batch.facts {
            self.incidents.get_mut(id).expect("checked").1.extend(facts.iter().cloned());
        }
        self.requests.extend(batch.requests.iter().map(|r| (r.id, r.clone())));
        for effect in &batch.effects {
            if let EffectKind::RequestDispatch { service } = effect.kind {
                self.dispatches.insert((effect.incident, service));
            }
            self.outbox.insert(effect.key.clone(), effect.clone());
        }
        batch.done.iter().for_each(|key| _ = self.outbox.remove(key));
    }

    fn stored(&self, id: IncidentId) -> Option<Stored> {
        self.incidents.get(&id).map(|(home, history)| Stored {
            id,
            home: home.clone(),
            history: history.clone(),
        })
    }
}

impl Platter {
    /// Checks the database constraints for this batch.
    pub fn check(&self, batch: &Batch) -> Result<(), StoreError> {
        self.tables().check(batch)
    }

    pub fn commit(&self, batch: &Batch, at: Timestamp) -> Result<(), StoreError> {
        let mut tables = self.tables();
        tables.check(batch)?;
        tables.take(batch);
        if let Some(log) = &mut tables.log {
            log.push((at, batch.clone()));
        }
        Ok(())
    }

    /// Keeps what is written, because a copy will be put back.
    pub fn keep_log(&self) {
        self.tables().log.get_or_insert_default();
    }

    /// A copy as it was then is put back.
    pub fn put_back(&self, then: Timestamp) {
        let mut tables = self.tables();
        let Tables { log, anchor, .. } = std::mem::take(&mut *tables);
        let mut log = log.expect("the plan says that a copy will be put back");
        log.retain(|(at, _)| *at <= then);
        log.iter().for_each(|(_, batch)| tables.take(batch));
        (tables.anchor, tables.log) = (anchor, Some(log));
    }

    pub fn request(&self, id: IncidentId) -> Option<RequestRow> {
        self.tables().requests.get(&id).cloned()
    }

    pub fn running(&self) -> Vec<RunningRow> {
        let tables = self.tables();
        let row = |((home, quiet), id): (&(HomeId, bool), &IncidentId)| RunningRow {
            incident: id.to_string(),
            home: home.to_string(),
            quiet: *quiet,
            quarantined: None,
            stored: tables
                .stored(*id)
                .ok_or_else(|| refused(format!("incident {id} is not there"))),
        };
        tables.running.iter().map(row).collect()
    }

    pub fn latest_over(&self, since: Timestamp) -> Vec<Stored> {
        let tables = self.tables();
        let mut latest = BTreeMap::new();
        let runs = |id: &IncidentId| tables.running.values().any(|running| running == id);
        for (id, (home, facts)) in tables.incidents.iter().filter(|(id, _)| !runs(id)) {
            let Some(Recorded { at, event: Event::Started { quiet: None, .. } }) = facts.first()
            else {
                continue;
            };
            if *at >= since && latest.get(home).is_none_or(|(_, before)| before < at) {
                latest.insert(home.clone(), (*id, *at));
            }
        }
        latest.into_values().filter_map(|(id, _)| tables.stored(id)).collect()
    }

    pub fn pending(&self) -> Vec<Effect> {
        self.tables().outbox.values().cloned().collect()
    }

    /// Whether this effect is still pending.
    pub fn has_effect(&self, key: &str) -> bool {
        self.tables().outbox.contains_key(key)
    }

    pub fn anchor(&self) -> Option<Anchor> {
        self.tables().anchor.clone()
    }

    pub fn put_anchor(&self, anchor: &Anchor) {
        self.tables().anchor = Some(anchor.clone());
    }

    pub fn incident(&self, id: IncidentId) -> Option<Stored> {
        self.tables().stored(id)
    }

    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.0.lock().expect("no holder panics")
    }
}
