//! Feed of committed changes, for caches, live events and open streams.

use super::Change;
use crate::server::tasks::contained_now;
use std::sync::RwLock;

type Follower = Box<dyn Fn(&Change) + Send + Sync>;

/// The followers of committed changes.
#[derive(Default)]
pub struct Feed(RwLock<Vec<Follower>>);

impl Feed {
    /// Calls `follower` after each commit, in commit order, and before the requester gets its
    /// answer. Neither the writer nor the engine waits for it, but later answers do, so it must not
    /// block. If it panics, the other followers and later changes go on.
    pub fn follow(&self, follower: impl Fn(&Change) + Send + Sync + 'static) {
        self.0.write().expect("no follower is added by another").push(Box::new(follower));
    }

    /// Calls all followers.
    pub(super) fn committed(&self, change: &Change) {
        let of = change.home().map_or("no home", |home| home.as_str());
        for follower in &*self.0.read().expect("no follower is added by another") {
            contained_now("committed change", of, || follower(change));
        }
    }
}
