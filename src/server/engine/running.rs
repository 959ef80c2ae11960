//! The running incidents, for readers that do not go through the event loop.

use super::{PutBack, reports::KnownReports};
use crate::{
    domain::{
        id::{HomeId, IncidentId},
        incident::{Incident, effect::Effect, event::Recorded},
        time::Timestamp,
    },
    server::{
        clock::instant,
        store::{Batch, Quarantined, ReportRow, RunningRow, StoreError, Stored},
    },
};
use std::{
    collections::BTreeMap,
    sync::{
        Arc, OnceLock, RwLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::time::Instant;

/// An incident with its history. The incident is the fold of the history.
#[derive(Clone, Debug)]
pub struct Current {
    /// The state of the incident.
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
        Ok(Self { incident: stored.replay()?, history: stored.history })
    }
}

/// Whether an incident is hidden from its home. A home has one incident of each kind at a time.
pub(super) type IsQuiet = bool;

/// The latest incident of each home since the start of the server, running or over.
#[derive(Debug, Default)]
pub struct View {
    homes: RwLock<BTreeMap<(HomeId, IsQuiet), Arc<Current>>>,
    running: RwLock<BTreeMap<IncidentId, (HomeId, IsQuiet)>>,
    /// The keys of effects that are stored and not completed, each with the time since when this
    /// server knows of it.
    under_way: RwLock<BTreeMap<String, Instant>>,
    store_fails: AtomicBool,
    /// Incidents that are ahead of the store (I25), also those that are over.
    ahead: RwLock<BTreeMap<IncidentId, Arc<Current>>>,
    /// By the id of the incident.
    quarantined: RwLock<BTreeMap<String, Quarantined>>,
    /// Keys of stored effects that cannot be read.
    unreadable_effects: RwLock<Vec<String>>,
    put_back: OnceLock<PutBack>,
    /// The reports of other servers that were answered lately.
    reports: RwLock<KnownReports>,
}

impl View {
    /// Puts the readable incidents into the view and quarantines the others. A quarantined incident
    /// resumes if it can be read now and its home has no other running one. Returns what must be
    /// stored of that.
    pub(super) fn restore(&self, rows: Vec<RunningRow>, now: Timestamp) -> Batch {
        let mut changes = Batch::default();
        let (quarantined, running): (Vec<_>, Vec<_>) =
            rows.into_iter().partition(|row| row.quarantined.is_some());
        for RunningRow { incident, home, quiet, quarantined, stored } in
            running.into_iter().chain(quarantined)
        {
            match (stored.and_then(Current::load), quarantined) {
                (Ok(current), None) => self.put(Arc::new(current)),
                (Ok(current), Some(_))
                    if self.running_of(&current.incident.home, quiet).is_none() =>
                {
                    tracing::warn!(incident, "a quarantined incident resumes: it can be read");
                    changes.resumed.push(current.incident.id);
                    self.put(Arc::new(current));
                }
                (Ok(_), Some(quarantined)) => self.quarantine(quarantined),
                (Err(error), quarantined) => {
                    tracing::error!(
                        incident,
                        home,
                        error = &error as &dyn std::error::Error,
                        "an incident is quarantined: it cannot be read"
                    );
                    let is_new = quarantined.is_none();
                    let why = error.to_string();
                    let quarantined = quarantined.unwrap_or(Quarantined {
                        incident,
                        home,
                        quiet,
                        since: now,
                        why,
                    });
                    if is_new {
                        changes.quarantined.push(quarantined.clone());
                    }
                    self.quarantine(quarantined);
                }
            }
        }
        changes
    }

    /// The latest incident of a home, if it is not hidden from the home.
    pub fn latest(&self, home: &HomeId) -> Option<Arc<Current>> {
        self.latest_of(home, false)
    }

    /// The running incident of a home that is not hidden from the home.
    pub fn running_in(&self, home: &HomeId) -> Option<Arc<Current>> {
        self.running_of(home, false)
    }

    /// The running incident of a home that is hidden from the home. Only the monitoring center sees
    /// it.
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

    /// An incident that runs, or that is ahead of the store. Every other one is in the store.
    pub fn known(&self, id: IncidentId) -> Option<Arc<Current>> {
        let ahead = self.ahead.read().expect("no writer panics").get(&id).cloned();
        ahead.or_else(|| self.by_id(id))
    }

    /// Notes that these incidents are ahead of the store.
    pub(super) fn go_ahead(&self, changed: &[Arc<Current>]) {
        let changed = changed.iter().map(|current| (current.incident.id, current.clone()));
        self.ahead.write().expect("no writer panics").extend(changed);
    }

    /// The store has everything.
    pub(super) fn caught_up(&self) {
        self.ahead.write().expect("no writer panics").clear();
    }

    /// Whether any incident runs.
    pub fn anything_runs(&self) -> bool {
        !self.running.read().expect("no writer panics").is_empty()
    }

    /// The number of effects that are stored and not completed, and how long this server has known
    /// of the oldest one.
    pub fn under_way(&self) -> (usize, Duration) {
        let under_way = self.under_way.read().expect("no writer panics");
        (under_way.len(), under_way.values().min().map(Instant::elapsed).unwrap_or_default())
    }

    pub(super) fn stored<'a>(
        &self,
        effects: impl IntoIterator<Item = &'a Effect>,
        done: &[String],
    ) {
        let mut under_way = self.under_way.write().expect("no writer panics");
        let now = instant();
        under_way.extend(effects.into_iter().map(|effect| (effect.key.clone(), now)));
        done.iter().for_each(|key| _ = under_way.remove(key));
    }

    /// What became of a report of another server, if it was answered lately.
    pub(super) fn report(&self, key: &str) -> Option<ReportRow> {
        self.reports.read().expect("no writer panics").get(key).cloned()
    }

    /// Whether another report of the same reporter can be remembered.
    pub(super) fn has_room_for_report(&self, key: &str, now: Timestamp) -> bool {
        self.reports.read().expect("no writer panics").has_room(key, now)
    }

    /// Remembers reports that are answered.
    pub(super) fn answered(&self, reports: Vec<ReportRow>) {
        if !reports.is_empty() {
            self.reports.write().expect("no writer panics").extend(reports);
        }
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

    /// The quarantined incidents of a home that are not hidden from the home.
    pub fn quarantined_in(&self, home: &HomeId) -> Vec<Quarantined> {
        let mut all = self.quarantined();
        all.retain(|quarantined| quarantined.home == home.as_str() && !quarantined.quiet);
        all
    }

    pub(super) fn is_quarantined(&self, id: IncidentId) -> bool {
        let quarantined = self.quarantined.read().expect("no writer panics");
        !quarantined.is_empty() && quarantined.contains_key(&id.to_string())
    }

    /// Moves an incident from the running ones to the quarantined ones.
    pub(super) fn quarantine(&self, quarantined: Quarantined) {
        if let Ok(id) = quarantined.incident.parse() {
            self.running.write().expect("no writer panics").remove(&id);
            self.homes
                .write()
                .expect("no writer panics")
                .retain(|_, current| current.incident.id != id);
        }
        self.quarantined
            .write()
            .expect("no writer panics")
            .insert(quarantined.incident.clone(), quarantined);
    }

    /// Removes an incident from the quarantined ones, after a person has handled it.
    pub fn end_quarantine(&self, incident: &str) {
        self.quarantined.write().expect("no writer panics").remove(incident);
    }

    /// The keys of stored effects that cannot be read and are therefore not executed.
    pub fn unreadable_effects(&self) -> Vec<String> {
        self.unreadable_effects.read().expect("no writer panics").clone()
    }

    pub(super) fn note_unreadable_effects(&self, keys: Vec<String>) {
        *self.unreadable_effects.write().expect("no writer panics") = keys;
    }

    /// What was withheld, if this server started on a database that was put back.
    pub fn put_back(&self) -> Option<&PutBack> {
        self.put_back.get()
    }

    /// Notes what was withheld at the start.
    pub fn note_put_back(&self, put_back: PutBack) {
        let _ = self.put_back.set(put_back);
    }

    /// All running incidents.
    pub fn running(&self) -> Vec<Arc<Current>> {
        self.homes
            .read()
            .expect("no writer panics")
            .values()
            .filter(|c| !c.incident.is_over())
            .cloned()
            .collect()
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
        if !current.incident.is_over()
            || homes.get(&place).is_none_or(|c| c.incident.is_over() || c.incident.id == id)
        {
            homes.insert(place, current);
        }
    }
}
