//! What was changed, for those who keep something of it in memory: caches, listeners, streams.

use super::Change;
use std::sync::RwLock;

type Follower = Box<dyn Fn(&Change) + Send + Sync>;

/// Everybody who follows what is changed.
#[derive(Default)]
pub struct Feed(RwLock<Vec<Follower>>);

impl Feed {
    /// Calls `follower` after each change that was stored, before whoever asked for it hears of it, and in the order of the changes. The
    /// writer waits for it: it only takes notes.
    pub fn follow(&self, follower: impl Fn(&Change) + Send + Sync + 'static) {
        self.0.write().expect("no follower is added by another").push(Box::new(follower));
    }

    /// Tells everybody.
    pub(super) fn committed(&self, change: &Change) {
        self.0.read().expect("no follower is added by another").iter().for_each(|follower| follower(change));
    }
}
