//! The contents of the disk. It enforces the constraints of the database, and forgets nothing
//! before the history is over.

use super::plan::OLDEST_COPY;
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
    collections::{BTreeMap, BTreeSet, VecDeque},
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
    /// The requests that were acknowledged.
    requests: BTreeMap<IncidentId, RequestRow>,
    /// Those that were withdrawn before they arrived.
    withdrawn: BTreeMap<IncidentId, RequestRow>,
    dispatches: BTreeSet<Dispatched>,
    outbox: BTreeMap<String, Effect>,
    anchor: Option<Anchor>,
    /// How to take back what was written lately, if a copy will be put back.
    undo: Option<VecDeque<Undo>>,
}

/// How to take back one batch.
#[derive(Debug)]
struct Undo {
    written: Timestamp,
    running: BTreeMap<(HomeId, bool), IncidentId>,
    /// The number of facts of incidents before, `None` for one that began.
    facts: BTreeMap<IncidentId, Option<usize>>,
    requests: Vec<IncidentId>,
    dispatches: Vec<Dispatched>,
    effects: Vec<String>,
    done: Vec<Effect>,
}

/// A service of an incident, and the fact that requests it.
type Dispatched = (IncidentId, Service, u32);

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
        let mut begins = BTreeSet::new();
        for Begun { id, home, quiet, .. } in &batch.begun {
            let place = (home.clone(), *quiet);
            let runs = self.running.get(&place).is_some_and(|id| !batch.over.contains(id));
            if self.incidents.contains_key(id)
                || (!batch.over.contains(id) && (runs || !begins.insert(place)))
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
        let mut requested = BTreeSet::new();
        for effect in &batch.effects {
            let is_twice = |of: Dispatched| self.dispatches.contains(&of) || !requested.insert(of);
            if dispatched(effect).is_some_and(is_twice) || self.outbox.contains_key(&effect.key) {
                return Err(refused(format!("the effect {} is there already", effect.key)));
            }
        }
        let mut requests = BTreeSet::new();
        let mut acknowledged = batch.requests.iter().filter(|row| row.incident().is_some());
        match acknowledged.find(|r| self.requests.contains_key(&r.id) || !requests.insert(r.id)) {
            Some(request) => Err(refused(format!("the request {} is there already", request.id))),
            None => Ok(()),
        }
    }

    /// How to take back a batch that is taken next.
    fn undo(&self, written: Timestamp, batch: &Batch) -> Undo {
        let facts = |id: IncidentId| self.incidents.get(&id).map(|(_, facts)| facts.len());
        Undo {
            written,
            running: self.running.clone(),
            facts: batch.facts.iter().map(|(id, ..)| (*id, facts(*id))).collect(),
            requests: batch.requests.iter().map(|request| request.id).collect(),
            dispatches: batch.effects.iter().filter_map(dispatched).collect(),
            effects: batch.effects.iter().map(|effect| effect.key.clone()).collect(),
            done: batch.done.iter().filter_map(|key| self.outbox.get(key).cloned()).collect(),
        }
    }

    fn take_back(&mut self, undo: Undo) {
        self.running = undo.running;
        for (id, facts) in undo.facts {
            match (facts, self.incidents.get_mut(&id)) {
                (Some(facts), Some((_, history))) => history.truncate(facts),
                _ => _ = self.incidents.remove(&id),
            }
        }
        for id in undo.requests {
            self.requests.remove(&id);
            self.withdrawn.remove(&id);
        }
        undo.dispatches.iter().for_each(|of| _ = self.dispatches.remove(of));
        undo.effects.iter().for_each(|key| _ = self.outbox.remove(key));
        self.outbox.extend(undo.done.into_iter().map(|effect| (effect.key.clone(), effect)));
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
        for row in &batch.requests {
            match row.incident() {
                Some(_) => self.requests.insert(row.id, row.clone()),
                None => self.withdrawn.insert(row.id, row.clone()),
            };
        }
        for effect in &batch.effects {
            self.dispatches.extend(dispatched(effect));
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

/// What an effect asks responders for.
fn dispatched(effect: &Effect) -> Option<Dispatched> {
    match effect.kind {
        EffectKind::RequestDispatch { service } => Some((effect.incident, service, effect.seq)),
        _ => None,
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
        if tables.undo.is_some() {
            let this = tables.undo(at, batch);
            let undo = tables.undo.get_or_insert_default();
            let too_old = undo.partition_point(|undo| undo.written + OLDEST_COPY < at);
            undo.drain(..too_old);
            undo.push_back(this);
        }
        tables.take(batch);
        Ok(())
    }

    /// A copy will be put back: from now on, what is written can be taken back.
    pub fn keep_undo(&self) {
        self.tables().undo.get_or_insert_default();
    }

    /// A copy as it was then is put back.
    pub fn put_back(&self, then: Timestamp) {
        let mut tables = self.tables();
        let last = |tables: &mut Tables| {
            let undo = tables.undo.as_mut().expect("the plan says that a copy will be put back");
            undo.pop_back_if(|undo| undo.written > then)
        };
        while let Some(undo) = last(&mut tables) {
            tables.take_back(undo);
        }
    }

    pub fn request(&self, id: IncidentId) -> Option<RequestRow> {
        let tables = self.tables();
        tables.requests.get(&id).or_else(|| tables.withdrawn.get(&id)).cloned()
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

    /// A home's incidents that began before a time, the newest first.
    pub fn incidents(&self, home: &HomeId, before: Timestamp, limit: u32) -> Vec<Stored> {
        let tables = self.tables();
        let of_home = tables.incidents.iter().filter(|(_, (of, _))| of == home);
        let begun = |facts: &[Recorded]| facts.first().map(|fact| fact.at);
        let mut all: Vec<_> = of_home
            .filter_map(|(id, (_, facts))| Some((begun(facts)?, *id)))
            .filter(|(at, _)| *at < before)
            .collect();
        all.sort_by(|one, other| other.cmp(one));
        let newest = all.into_iter().take(limit as usize);
        newest.filter_map(|(_, id)| tables.stored(id)).collect()
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
