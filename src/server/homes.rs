//! Homes as they are set up now, in memory: every request needs one.

use super::store::{Store, StoreError};
use crate::domain::{home::Home, id::HomeId};
use std::{
    collections::HashMap,
    sync::{Arc, RwLock},
};

/// All homes.
#[derive(Debug, Default)]
pub struct Homes(RwLock<HashMap<HomeId, Arc<Home>>>);

impl Homes {
    /// Loads them.
    ///
    /// # Errors
    /// A store that cannot be read.
    pub async fn load(store: &dyn Store) -> Result<Self, StoreError> {
        let all = store.homes().await?.into_iter().map(|home| (home.id.clone(), Arc::new(home)));
        Ok(Self(RwLock::new(all.collect())))
    }

    /// One of them.
    pub fn get(&self, id: &HomeId) -> Option<Arc<Home>> {
        self.0.read().expect("no writer panics").get(id).cloned()
    }
}
