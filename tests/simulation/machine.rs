//! The machine of the server: true time, its wall clock, its boots and its sleep.

use super::world::World;
use async_trait::async_trait;
use buckler::{
    domain::time::Timestamp,
    server::clock::{Boot, TimeSource},
};
use std::{sync::Arc, time::Duration};
use tokio::time::Instant;

/// How the machine starts again after a power cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Boots {
    /// Only the server was killed.
    No,
    /// With the right time.
    Right,
    /// With the time at which it stopped, and nobody sets its clock.
    Unknown,
}

/// The time of a world, and what its machine knows of it.
pub struct Time {
    /// True time and the runtime's time when it last went on. Between lives, time stops.
    base: Timestamp,
    since: Option<Instant>,
    pub wall_offset_ms: i64,
    /// The server's time minus true time when it was killed.
    pub server_offset_ms: i64,
    boot: (u32, Timestamp),
    /// How long it has slept; `None` for a machine that never sleeps.
    slept: Option<Duration>,
    is_synchronized: bool,
}

impl Time {
    pub fn new(beginning: Timestamp, sleeps: bool) -> Self {
        Self {
            base: beginning,
            since: None,
            wall_offset_ms: 0,
            server_offset_ms: 0,
            boot: (1, beginning),
            slept: sleeps.then_some(Duration::ZERO),
            is_synchronized: true,
        }
    }

    #[expect(clippy::disallowed_methods, reason = "this is the simulated world's own time")]
    fn now(&self) -> Timestamp {
        self.base + self.since.map_or(Duration::ZERO, |since| Instant::now() - since)
    }

    /// Time goes on, in the runtime of the life that runs.
    #[expect(clippy::disallowed_methods, reason = "this is the simulated world's own time")]
    pub fn goes_on(&mut self) {
        self.since = Some(Instant::now());
    }

    /// Time stops, because the runtime of this life is not driven: until the next step, or after a kill.
    pub fn stops(&mut self) {
        (self.base, self.since) = (self.now(), None);
    }

    /// No life runs, and it is this late.
    pub fn passes(&mut self, at: Timestamp) {
        self.base = self.base.max(at);
    }

    /// The machine sleeps until then: true time goes on, and the runtime's time stands still.
    pub fn sleeps_until(&mut self, at: Timestamp) {
        let sleep = at.since(self.now());
        self.base = self.base + sleep;
        self.slept = self.slept.map(|slept| slept + sleep);
    }

    /// The machine boots, after it was off for so long.
    pub fn boots(&mut self, how: Boots, down: Duration) {
        let down_ms = down.as_millis().cast_signed() as i64;
        match how {
            Boots::No => return,
            Boots::Right => self.wall_offset_ms = self.server_offset_ms,
            Boots::Unknown => self.wall_offset_ms = self.server_offset_ms - down_ms,
        }
        self.boot = (self.boot.0 + 1, self.base);
        self.is_synchronized = how == Boots::Right;
        self.slept = self.slept.map(|_| Duration::ZERO);
    }

    /// The runtime's time at that true time.
    fn instant_of(&self, truth: Timestamp) -> Instant {
        self.since.expect("a life runs") + truth.since(self.base)
    }
}

impl World {
    /// The true time, no matter how clocks were set.
    pub fn truth(&self) -> Timestamp {
        self.lock(&self.time).now()
    }

    pub fn instant_of(&self, truth: Timestamp) -> Instant {
        self.lock(&self.time).instant_of(truth)
    }
}

/// The machine, as its server reads it.
#[derive(Clone)]
pub struct SimulatedMachine(pub Arc<World>);

impl std::fmt::Debug for SimulatedMachine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a simulated machine")
    }
}

#[async_trait]
impl TimeSource for SimulatedMachine {
    fn wall(&self) -> Timestamp {
        let time = self.0.lock(&self.0.time);
        Timestamp::from_millis(time.now().as_millis().saturating_add_signed(time.wall_offset_ms))
    }
    fn boot(&self) -> Option<Boot> {
        let time = self.0.lock(&self.0.time);
        let (number, at) = time.boot;
        Some(Boot { id: format!("boot-{number}"), uptime: time.now().since(at) })
    }
    fn slept(&self) -> Option<Duration> {
        self.0.lock(&self.0.time).slept
    }
    async fn is_synchronized(&self) -> Option<bool> {
        Some(self.0.lock(&self.0.time).is_synchronized)
    }
}
