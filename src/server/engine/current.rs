//! What runs now, for whoever wants to look without asking the loop.

use crate::{
    domain::{
        id::{HomeId, IncidentId},
        incident::{Incident, event::Recorded},
    },
    server::store::{StoreError, Stored},
};
use std::{
    collections::BTreeMap,
    sync::{Arc, RwLock},
};

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

/// The latest incident of each home since the server started, running or just over.
#[derive(Debug, Default)]
pub struct View {
    homes: RwLock<BTreeMap<HomeId, Arc<Current>>>,
    running: RwLock<BTreeMap<IncidentId, HomeId>>,
}

impl View {
    /// The latest incident of a home.
    pub fn latest(&self, home: &HomeId) -> Option<Arc<Current>> {
        self.homes.read().expect("no writer panics").get(home).cloned()
    }

    /// The incident that runs in a home.
    pub fn running_in(&self, home: &HomeId) -> Option<Arc<Current>> {
        self.latest(home).filter(|c| !c.incident.is_over())
    }

    /// A running incident by its id.
    pub fn by_id(&self, id: IncidentId) -> Option<Arc<Current>> {
        let home = self.running.read().expect("no writer panics").get(&id).cloned()?;
        self.running_in(&home).filter(|c| c.incident.id == id)
    }

    /// Whether any incident runs.
    pub fn anything_runs(&self) -> bool {
        !self.running.read().expect("no writer panics").is_empty()
    }

    /// All that run.
    pub fn running(&self) -> Vec<Arc<Current>> {
        self.homes.read().expect("no writer panics").values().filter(|c| !c.incident.is_over()).cloned().collect()
    }

    pub(super) fn put(&self, current: Arc<Current>) {
        let (id, home) = (current.incident.id, current.incident.home.clone());
        let mut running = self.running.write().expect("no writer panics");
        if current.incident.is_over() {
            running.remove(&id);
        } else {
            running.insert(id, home.clone());
        }
        let mut homes = self.homes.write().expect("no writer panics");
        // A drill that a real request replaced is over and must not hide its successor.
        if !current.incident.is_over() || homes.get(&home).is_none_or(|c| c.incident.is_over() || c.incident.id == id) {
            homes.insert(home, current);
        }
    }
}
