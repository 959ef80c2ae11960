//! What runs now, for whoever wants to look without asking the loop.

use crate::{
    domain::{
        id::{HomeId, IncidentId},
        incident::{Incident, effect::Effect, event::Recorded},
    },
    server::{
        clock::instant,
        store::{Quarantined, StoreError, Stored},
    },
};
use std::{
    collections::BTreeMap,
    sync::{
        Arc, RwLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::time::Instant;

/// An incident with the history that it is the fold of.
#[derive(Clone, Debug)]
pub struct Current {
    /// Where it stands.
    pub incident: Incident,
    /// Everything that happened, in order.
    pub history: Vec<Recorded>,
}

impl Current {
    /// Folds a stored history (I15).
    ///
    /// # Errors
    /// A history that does not begin with a start.
    pub fn load(stored: Stored) -> Result<Self, StoreError> {
        let Stored { id, home, history } = stored;
        let incident = Incident::replay(id, home, &history)
            .ok_or_else(|| StoreError::Inconsistent { what: format!("incident {id} does not begin with a start") })?;
        Ok(Self { incident, history })
    }
}

/// Whether an incident is hidden from its home. A home has one incident of each kind at a time.
pub(super) type IsQuiet = bool;

/// The latest incident of each home since the server started, running or just over.
#[derive(Debug, Default)]
pub struct View {
    homes: RwLock<BTreeMap<(HomeId, IsQuiet), Arc<Current>>>,
    running: RwLock<BTreeMap<IncidentId, (HomeId, IsQuiet)>>,
    /// Keys of effects that are stored and not done, and since when this server knows of them.
    under_way: RwLock<BTreeMap<String, Instant>>,
    store_fails: AtomicBool,
    /// By incident.
    quarantined: RwLock<BTreeMap<String, Quarantined>>,
    /// Keys of stored effects that cannot be read.
    unreadable_effects: RwLock<Vec<String>>,
}

impl View {
    /// The latest incident of a home that it may notice.
    pub fn latest(&self, home: &HomeId) -> Option<Arc<Current>> {
        self.latest_of(home, false)
    }

    /// The incident that runs in a home, and that it may notice.
    pub fn running_in(&self, home: &HomeId) -> Option<Arc<Current>> {
        self.running_of(home, false)
    }

    /// The incident that runs in a home unnoticed: for the monitoring center alone.
    pub fn quiet_in(&self, home: &HomeId) -> Option<Arc<Current>> {
        self.running_of(home, true)
    }

    pub(super) fn running_of(&self, home: &HomeId, quiet: IsQuiet) -> Option<Arc<Current>> {
        self.latest_of(home, quiet).filter(|c| !c.incident.is_over())
    }

    fn latest_of(&self, home: &HomeId, quiet: IsQuiet) -> Option<Arc<Current>> {
        self.homes.read().expect("no writer panics").get(&(home.clone(), quiet)).cloned()
    }

    /// A running incident by its id.
    pub fn by_id(&self, id: IncidentId) -> Option<Arc<Current>> {
        let (home, quiet) = self.running.read().expect("no writer panics").get(&id).cloned()?;
        self.running_of(&home, quiet).filter(|c| c.incident.id == id)
    }

    /// Whether any incident runs.
    pub fn anything_runs(&self) -> bool {
        !self.running.read().expect("no writer panics").is_empty()
    }

    /// How many effects are stored and not done, and how long the oldest has been under way since this server knows of it.
    pub fn under_way(&self) -> (usize, Duration) {
        let under_way = self.under_way.read().expect("no writer panics");
        (under_way.len(), under_way.values().min().map(Instant::elapsed).unwrap_or_default())
    }

    pub(super) fn stored<'a>(&self, effects: impl IntoIterator<Item = &'a Effect>, done: &[String]) {
        let mut under_way = self.under_way.write().expect("no writer panics");
        let now = instant();
        under_way.extend(effects.into_iter().map(|effect| (effect.key.clone(), now)));
        done.iter().for_each(|key| _ = under_way.remove(key));
    }

    /// Whether the last attempt to store something failed.
    pub fn store_fails(&self) -> bool {
        self.store_fails.load(Ordering::Relaxed)
    }

    pub(super) fn note_store(&self, fails: bool) {
        self.store_fails.store(fails, Ordering::Relaxed);
    }

    /// Incidents that the engine does not advance, because they cannot be read or decided.
    pub fn quarantined(&self) -> Vec<Quarantined> {
        self.quarantined.read().expect("no writer panics").values().cloned().collect()
    }

    /// Those of a home that it may notice.
    pub fn quarantined_in(&self, home: &HomeId) -> Vec<Quarantined> {
        let mut all = self.quarantined();
        all.retain(|quarantined| quarantined.home == home.as_str() && !quarantined.quiet);
        all
    }

    pub(super) fn is_quarantined(&self, id: IncidentId) -> bool {
        self.quarantined.read().expect("no writer panics").contains_key(&id.to_string())
    }

    /// Takes an incident out of those that run.
    pub(super) fn quarantine(&self, quarantined: Quarantined) {
        if let Ok(id) = quarantined.incident.parse() {
            self.running.write().expect("no writer panics").remove(&id);
            self.homes.write().expect("no writer panics").retain(|_, current| current.incident.id != id);
        }
        self.quarantined.write().expect("no writer panics").insert(quarantined.incident.clone(), quarantined);
    }

    /// Somebody has dealt with it.
    pub fn end_quarantine(&self, incident: &str) {
        self.quarantined.write().expect("no writer panics").remove(incident);
    }

    /// Keys of effects that are stored and cannot be read, so nobody carries them out.
    pub fn unreadable_effects(&self) -> Vec<String> {
        self.unreadable_effects.read().expect("no writer panics").clone()
    }

    pub(super) fn note_unreadable_effects(&self, keys: Vec<String>) {
        *self.unreadable_effects.write().expect("no writer panics") = keys;
    }

    /// All that run.
    pub fn running(&self) -> Vec<Arc<Current>> {
        self.homes.read().expect("no writer panics").values().filter(|c| !c.incident.is_over()).cloned().collect()
    }

    pub(super) fn put(&self, current: Arc<Current>) {
        let id = current.incident.id;
        let place = (current.incident.home.clone(), current.incident.quiet.is_some());
        let mut running = self.running.write().expect("no writer panics");
        if current.incident.is_over() {
            running.remove(&id);
        } else {
            running.insert(id, place.clone());
        }
        let mut homes = self.homes.write().expect("no writer panics");
        // A drill that a real request replaced is over and must not hide its successor.
        if !current.incident.is_over() || homes.get(&place).is_none_or(|c| c.incident.is_over() || c.incident.id == id) {
            homes.insert(place, current);
        }
    }
}
