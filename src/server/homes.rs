//! Homes as they are set up now, in memory: every request needs one.

use super::store::{Entry, Store, StoreError};
use crate::domain::{home::Home, id::HomeId};
use std::{
    collections::HashMap,
    sync::{Arc, RwLock},
};
use tokio::sync::Mutex;

/// All homes.
#[derive(Debug, Default)]
pub struct Homes {
    all: RwLock<HashMap<HomeId, Arc<Home>>>,
    /// One change at a time: each sees what the last one left.
    changing: Mutex<()>,
}

impl Homes {
    /// Loads them.
    ///
    /// # Errors
    /// A store that cannot be read.
    pub async fn load(store: &dyn Store) -> Result<Self, StoreError> {
        let all = store.homes().await?.into_iter().map(|home| (home.id.clone(), Arc::new(home)));
        Ok(Self { all: RwLock::new(all.collect()), changing: Mutex::default() })
    }

    /// Changes a home: `edit` says no, or what it made of the home is stored together with its record in the audit, and then stands.
    ///
    /// # Errors
    /// What `edit` says, or a store that cannot be written.
    pub async fn edit<T, E: From<StoreError>>(
        &self,
        store: &dyn Store,
        id: &HomeId,
        edit: impl FnOnce(&mut Home) -> Result<(T, Entry), E>,
    ) -> Result<Option<T>, E> {
        let _alone = self.changing.lock().await;
        let Some(known) = self.get(id) else { return Ok(None) };
        let mut home = Home::clone(&known);
        let (made, entry) = edit(&mut home)?;
        if home != *known {
            store.change_home(&home, &Entry { home: Some(id.clone()), ..entry }).await?;
            self.keep(home);
        }
        Ok(Some(made))
    }

    /// Adds a home, or replaces the one with the same id.
    ///
    /// # Errors
    /// A store that cannot be written.
    pub async fn put(&self, store: &dyn Store, home: Home) -> Result<(), StoreError> {
        store.put_home(&home).await?;
        self.keep(home);
        Ok(())
    }

    fn keep(&self, home: Home) {
        self.all.write().expect("no writer panics").insert(home.id.clone(), Arc::new(home));
    }

    /// All of them.
    pub fn all(&self) -> Vec<Arc<Home>> {
        self.all.read().expect("no writer panics").values().cloned().collect()
    }

    /// One of them.
    pub fn get(&self, id: &HomeId) -> Option<Arc<Home>> {
        self.all.read().expect("no writer panics").get(id).cloned()
    }
}
