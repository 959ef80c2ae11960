//! A cache of all homes, because every request needs one. It is updated after each stored change.

use super::store::{Change, ChangeError, Changes, Guard, Op, Reads, StoreError};
use crate::domain::{home::Home, id::HomeId, time::Timestamp};
use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, RwLock},
};
use tokio::sync::Mutex;

/// The most repetitions of an edit after concurrent changes of the same home. Repeated edits take
/// turns.
const TRIES: usize = 8;

/// All homes, each with its revision.
#[derive(Debug, Default)]
pub struct Homes {
    all: RwLock<HashMap<HomeId, (Arc<Home>, u64)>>,
    /// The ids of homes that cannot be read, as stored. Nobody can change them, so the list holds
    /// until the next start.
    unreadable: Vec<String>,
    again: Mutex<()>,
}

impl Homes {
    /// Loads all homes. A home that cannot be read is logged and listed, and the others are
    /// available.
    ///
    /// # Errors
    /// The store cannot be read at all.
    pub async fn load(reads: &dyn Reads) -> Result<Self, StoreError> {
        let (homes, unreadable) = reads.homes().await?;
        for (home, error) in &unreadable {
            tracing::error!(
                home,
                error = error as &dyn std::error::Error,
                "a home is quarantined: it cannot be read"
            );
        }
        let all =
            homes.into_iter().map(|(home, revision)| (home.id.clone(), (Arc::new(home), revision)));
        let unreadable = unreadable.into_iter().map(|(home, _)| home).collect();
        Ok(Self { all: RwLock::new(all.collect()), unreadable, again: Mutex::default() })
    }

    /// The ids of homes that are stored and cannot be read.
    pub fn unreadable(&self) -> &[String] {
        &self.unreadable
    }

    /// Whether a home is stored and cannot be read.
    pub fn is_unreadable(&self, home: &HomeId) -> bool {
        self.unreadable.iter().any(|id| id == home.as_str())
    }

    /// Edits a home. `edit` refuses, or edits its copy of the home and returns the change to apply
    /// in the same transaction. It runs again on the current home if a concurrent edit was stored
    /// first.
    ///
    /// # Errors
    /// The error of `edit`, or why the change was not applied.
    pub async fn edit<T, E: From<ChangeError>>(
        &self,
        changes: &Changes,
        id: &HomeId,
        edit: impl Fn(&mut Home) -> Result<(T, Change), E>,
    ) -> Result<Option<T>, E> {
        let mut again = None;
        let mut tries = 0..TRIES;
        loop {
            let Some((known, revision)) = self.revision(id) else { return Ok(None) };
            let mut home = Home::clone(&known);
            let (made, change) = edit(&mut home)?;
            if home == *known && change.all_ops().is_empty() {
                return Ok(Some(made));
            }
            let at = change.at();
            let change = change
                .ops(ended_links(&known, &home, at))
                .op(Op::PutHome { home: Arc::new(home), revision: revision + 1 });
            match changes.apply(change.guard(Guard::HomeRevisionIs(id.clone(), revision))).await {
                Err(ChangeError::Unmet(Guard::HomeRevisionIs(..))) if tries.next().is_some() => {
                    if again.is_none() {
                        again = Some(self.again.lock().await);
                    }
                }
                done => return Ok(done.map(|()| Some(made))?),
            }
        }
    }

    /// Caches a stored home and returns the one that it replaces.
    pub fn committed(&self, home: &Arc<Home>, revision: u64) -> Option<Arc<Home>> {
        let before = self
            .all
            .write()
            .expect("no writer panics")
            .insert(home.id.clone(), (home.clone(), revision));
        before.map(|(home, _)| home)
    }

    fn revision(&self, id: &HomeId) -> Option<(Arc<Home>, u64)> {
        self.all.read().expect("no writer panics").get(id).cloned()
    }

    /// All homes.
    pub fn all(&self) -> Vec<Arc<Home>> {
        self.all.read().expect("no writer panics").values().map(|(home, _)| home.clone()).collect()
    }

    /// One home.
    pub fn get(&self, id: &HomeId) -> Option<Arc<Home>> {
        self.revision(id).map(|(home, _)| home)
    }
}

/// Ends the links that lead to nobody any more: neither to a contact, nor to one of before a change
/// that can be undone.
fn ended_links(before: &Home, now: &Home, at: Timestamp) -> Option<Op> {
    let links = |home: &Home| -> BTreeSet<_> {
        home.all_linked(at).map(|contact| (contact.id.clone(), contact.link)).collect()
    };
    let kept = links(now);
    let has_ended = !links(before).is_subset(&kept);
    has_ended
        .then(|| Op::KeepContactLinks { home: now.id.clone(), kept: kept.into_iter().collect() })
}
