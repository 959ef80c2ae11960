//! The only place that reads the time. Times run on the monotonic clock, so a jump of the wall
//! clock fires no timer early or late.

use crate::domain::time::Timestamp;
use std::{
    fmt::Debug,
    sync::Mutex,
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use tokio::time::Instant;

/// A smaller correction of the wall clock is ignored.
const NOT_WORTH_KEEPING: Duration = Duration::from_millis(20);

/// The source of the time of day.
pub trait TimeSource: Debug + Send + Sync + 'static {
    /// The wall clock, which people and machines may set forward and back.
    fn wall(&self) -> Timestamp;
    /// The current boot of the machine and the time since then. `None` if the machine does not
    /// report it.
    fn boot(&self) -> Option<Boot>;
}

/// A boot of the machine, which setting the wall clock does not affect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Boot {
    /// Differs for each boot.
    pub id: String,
    /// The time since the boot, including suspension.
    pub uptime: Duration,
}

/// What the server's time is tied to. It is stored, so that it survives restarts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Anchor {
    /// The boot and the uptime.
    pub boot: Boot,
    /// The server's time at that uptime.
    pub at: Timestamp,
}

/// This machine: its wall clock, and the boot that Linux reports.
#[derive(Debug)]
pub struct Machine;

impl TimeSource for Machine {
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    fn wall(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        Timestamp::from_millis(since.as_millis() as u64)
    }

    #[cfg(target_os = "linux")]
    fn boot(&self) -> Option<Boot> {
        let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?.trim().to_owned();
        let uptime = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
        Some(Boot {
            id,
            uptime: Duration::new(uptime.tv_sec.try_into().ok()?, uptime.tv_nsec.try_into().ok()?),
        })
    }

    #[cfg(not(target_os = "linux"))]
    fn boot(&self) -> Option<Boot> {
        None
    }
}

/// The server's clock.
#[derive(Debug)]
pub struct Clock {
    source: Box<dyn TimeSource>,
    tied: Mutex<(Timestamp, Instant)>,
}

impl Clock {
    /// Creates a clock that agrees with the wall clock now, and runs independently of it from now
    /// on.
    pub fn new(source: impl TimeSource) -> Self {
        let tied = (source.wall(), instant());
        Self { source: Box::new(source), tied: Mutex::new(tied) }
    }

    /// The current time.
    pub fn now(&self) -> Timestamp {
        let (at, instant) = self.tied();
        at + instant.elapsed()
    }

    /// The instant of a time. A sleep until that instant never ends early (I16).
    pub fn instant_of(&self, moment: Timestamp) -> Instant {
        let (at, instant) = self.tied();
        instant + moment.since(at)
    }

    /// Continues from where the server stopped, for running incidents. Within the same boot, the
    /// time is what it would have been without the stop, even if the wall clock was set in the
    /// meantime. Otherwise the wall clock counts, but never backwards, so that a countdown never
    /// begins again.
    pub fn go_on(&self, kept: Option<&Anchor>, latest_fact: Timestamp) {
        let now = match (kept, self.source.boot()) {
            (Some(kept), Some(boot)) if kept.boot.id == boot.id => {
                kept.at + boot.uptime.saturating_sub(kept.boot.uptime)
            }
            _ => self.source.wall(),
        };
        self.tie(now.max(latest_fact));
    }

    /// The time of the wall clock, if it was set since this clock was tied to it. [`Clock::tie`]
    /// adopts it when no timer runs.
    pub fn correction(&self) -> Option<Timestamp> {
        let (now, wall) = (self.now(), self.source.wall());
        (now.since(wall).max(wall.since(now)) > NOT_WORTH_KEEPING).then_some(wall)
    }

    /// Sets the current time.
    pub fn tie(&self, now: Timestamp) {
        *self.tied.lock().expect("no holder panics") = (now, instant());
    }

    /// The anchor to store, so that a restart continues with `at` as the time of now.
    pub fn anchor(&self, at: Timestamp) -> Option<Anchor> {
        Some(Anchor { boot: self.source.boot()?, at })
    }

    fn tied(&self) -> (Timestamp, Instant) {
        *self.tied.lock().expect("no holder panics")
    }
}

/// Waits until that moment, or for ever.
pub(crate) async fn sleep_until(wake: Option<Instant>) {
    match wake {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// The monotonic clock, for measuring.
#[expect(clippy::disallowed_methods, reason = "this is the clock")]
pub(super) fn instant() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const HOUR: Duration = Duration::from_secs(3_600);
    const T: Timestamp = Timestamp::from_millis(1_795_435_200_000);

    #[derive(Debug)]
    struct FixedTime(Timestamp, &'static str, u64);

    impl TimeSource for FixedTime {
        fn wall(&self) -> Timestamp {
            self.0
        }
        fn boot(&self) -> Option<Boot> {
            Some(Boot { id: self.1.into(), uptime: Duration::from_secs(self.2) })
        }
    }

    fn at_restart(wall: Timestamp, boot: &'static str, uptime_s: u64) -> Timestamp {
        let kept =
            Anchor { boot: Boot { id: "monday".into(), uptime: Duration::from_secs(100) }, at: T };
        let clock = Clock::new(FixedTime(wall, boot, uptime_s));
        clock.go_on(Some(&kept), T + 3 * SECOND);
        clock.now()
    }

    /// F17.
    #[tokio::test(start_paused = true)]
    async fn restart_goes_on_however_the_wall_clock_was_set_meanwhile() {
        for wall in [T + HOUR, T - HOUR, T + 7 * SECOND] {
            assert_eq!(at_restart(wall, "monday", 107), T + 7 * SECOND);
        }
    }

    /// F17.
    #[tokio::test(start_paused = true)]
    async fn wall_clock_counts_after_a_reboot_but_never_backward() {
        assert_eq!(at_restart(T + HOUR, "tuesday", 5), T + HOUR);
        assert_eq!(
            at_restart(T - HOUR, "tuesday", 5),
            T + 3 * SECOND,
            "the latest fact is the least that it can be"
        );
    }

    /// F17.
    #[tokio::test(start_paused = true)]
    async fn running_clock_is_offered_only_a_real_correction() {
        let clock = Clock::new(FixedTime(T, "monday", 0));
        assert_eq!(clock.correction(), None);
        tokio::time::advance(SECOND).await;
        assert_eq!(
            (clock.now(), clock.correction()),
            (T + SECOND, Some(T)),
            "time passes though the wall clock stands"
        );
    }
}
