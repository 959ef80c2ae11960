//! Homes as they are set up now, in memory: every request needs one. The writer keeps them as it stores them.

use super::store::{Change, ChangeError, Changes, Guard, Op, Reads, StoreError};
use crate::domain::{contact::Contact, home::Home, id::HomeId};
use std::{
    collections::HashMap,
    sync::{Arc, RwLock},
};
use tokio::sync::Mutex;

/// How often an edit is made again because somebody else changed the home meanwhile. All but the first wait for each other.
const TRIES: usize = 8;

/// All homes, each with its revision.
#[derive(Debug, Default)]
pub struct Homes {
    all: RwLock<HashMap<HomeId, (Arc<Home>, u64)>>,
    again: Mutex<()>,
}

impl Homes {
    /// Loads them.
    ///
    /// # Errors
    /// A store that cannot be read.
    pub async fn load(reads: &dyn Reads) -> Result<Self, StoreError> {
        let all = reads.homes().await?.into_iter().map(|(home, revision)| (home.id.clone(), (Arc::new(home), revision)));
        Ok(Self { all: RwLock::new(all.collect()), again: Mutex::default() })
    }

    /// Changes a home: `edit` says no, or makes something of the home and says what else is to be done together with that. It is asked
    /// again where somebody else was quicker.
    ///
    /// # Errors
    /// What `edit` says, or why nothing was changed.
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
            let change = change.ops(ended_links(&known, &home)).op(Op::PutHome { home: Arc::new(home), revision: revision + 1 });
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

    /// Takes note of what was stored.
    pub fn committed(&self, change: &Change) {
        for op in change.all_ops() {
            if let Op::PutHome { home, revision } = op {
                self.all.write().expect("no writer panics").insert(home.id.clone(), (home.clone(), *revision));
            }
        }
    }

    fn revision(&self, id: &HomeId) -> Option<(Arc<Home>, u64)> {
        self.all.read().expect("no writer panics").get(id).cloned()
    }

    /// All of them.
    pub fn all(&self) -> Vec<Arc<Home>> {
        self.all.read().expect("no writer panics").values().map(|(home, _)| home.clone()).collect()
    }

    /// One of them.
    pub fn get(&self, id: &HomeId) -> Option<Arc<Home>> {
        self.revision(id).map(|(home, _)| home)
    }
}

/// Who is not asked any more, or has another telephone, has no link any more.
fn ended_links(before: &Home, now: &Home) -> Vec<Op> {
    let stays = |contact: &Contact| now.contacts.iter().any(|kept| kept.id == contact.id && kept.phone == contact.phone);
    let gone = before.contacts.iter().filter(|contact| !stays(contact));
    gone.map(|contact| Op::EndContactLinks(now.id.clone(), contact.id.clone())).collect()
}
