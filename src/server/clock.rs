//! The only place that asks what time it is. Moments run on the monotonic clock, so a jump of the wall clock fires nothing early or late.

use crate::domain::time::Timestamp;
use std::{
    sync::Mutex,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

/// Gives the time, for as long as the server runs.
#[derive(Debug)]
pub struct Clock {
    anchor: Mutex<Anchor>,
}

#[derive(Clone, Copy, Debug)]
struct Anchor {
    wall: Timestamp,
    instant: Instant,
}

impl Anchor {
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    fn here() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        Self { wall: Timestamp::from_millis(since.as_millis() as u64), instant: Instant::now() }
    }
}

impl Clock {
    /// A clock that agrees with the wall clock now, and runs on its own from here.
    pub fn new() -> Self {
        Self { anchor: Mutex::new(Anchor::here()) }
    }

    /// The present moment.
    pub fn now(&self) -> Timestamp {
        let anchor = *self.anchor.lock().expect("the anchor is never poisoned");
        anchor.wall + anchor.instant.elapsed()
    }

    /// The instant at which `moment` comes; rounded up, so that a sleeper never wakes early (I16).
    pub fn instant_of(&self, moment: Timestamp) -> Instant {
        let anchor = *self.anchor.lock().expect("the anchor is never poisoned");
        anchor.instant + moment.since(anchor.wall)
    }

    /// Takes the wall clock's correction over. Only for when no timer runs.
    pub fn set_by_the_wall(&self) {
        *self.anchor.lock().expect("the anchor is never poisoned") = Anchor::here();
    }
}
