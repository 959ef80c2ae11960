//! Feed of committed changes, for caches, live events and open streams.

use super::Change;
use std::sync::RwLock;

type Follower = Box<dyn Fn(&Change) + Send + Sync>;

/// The followers of committed changes.
#[derive(Default)]
pub struct Feed(RwLock<Vec<Follower>>);

impl Feed {
    /// Calls `follower` after each commit, in commit order, and before the requester gets its
    /// answer. It runs in the writer task and must not block.
    pub fn follow(&self, follower: impl Fn(&Change) + Send + Sync + 'static) {
        self.0.write().expect("no follower is added by another").push(Box::new(follower));
    }

    /// Calls all followers.
    pub(super) fn committed(&self, change: &Change) {
        self.0
            .read()
            .expect("no follower is added by another")
            .iter()
            .for_each(|follower| follower(change));
    }
}
