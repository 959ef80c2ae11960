//! A cache of all homes, because every request needs one. It is updated after each stored change.

use super::store::{Change, ChangeError, Changes, Guard, Op, Reads, StoreError};
use crate::domain::{contact::Contact, home::Home, id::HomeId, time::Timestamp};
use std::{
    collections::HashMap,
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
                .ops(changed_links(&known, &home, at))
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

/// Ends the links of contacts that were removed or whose telephone number changed, and brings them
/// back with the contacts. In between they are former links.
fn changed_links(before: &Home, now: &Home, at: Timestamp) -> Vec<Op> {
    let numbered = |contact: &Contact| (contact.id.clone(), contact.phone.clone());
    let stays = |contact: &Contact| now.contacts.iter().any(|kept| kept.is_same_person(contact));
    let is_former = |contact: &Contact| now.former_contacts(at).any(|c| c.is_same_person(contact));
    let gone: Vec<_> = before.contacts.iter().filter(|c| !stays(c)).map(numbered).collect();
    let back: Vec<_> = before
        .former_contacts(at)
        .filter(|contact| stays(contact) && !is_former(contact))
        .map(numbered)
        .collect();
    let home = now.id.clone();
    let restore = Op::RestoreContactLinks { home: home.clone(), contacts: back.clone() };
    let kept = now.former_contacts(at).map(numbered).collect();
    let retire = Op::RetireContactLinks { home, contacts: gone.clone(), kept };
    let (restore, retire) =
        ((!back.is_empty()).then_some(restore), (!gone.is_empty()).then_some(retire));
    restore.into_iter().chain(retire).collect()
}
