//! The only place that reads the time. Times run on the monotonic clock, so a jump of the wall
//! clock fires no timer early or late. What the machine sleeps counts as well, so that a deadline
//! that passed in its sleep is as late as it really is (R22).

use crate::domain::time::Timestamp;
use async_trait::async_trait;
use std::{
    fmt::Debug,
    sync::Mutex,
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use tokio::time::Instant;

/// A smaller correction of the wall clock is ignored.
const NOT_WORTH_KEEPING: Duration = Duration::from_millis(20);
/// How long the system may take to say whether its clock is synchronized. Emergencies may wait for
/// the answer.
#[cfg(target_os = "linux")]
const SAID_WITHIN: Duration = Duration::from_secs(2);

/// The source of the time of day.
#[async_trait]
pub trait TimeSource: Debug + Send + Sync + 'static {
    /// The wall clock, which people and machines may set forward and back.
    fn wall(&self) -> Timestamp;
    /// The current boot of the machine and the time since then. `None` if the machine does not
    /// report it.
    fn boot(&self) -> Option<Boot>;
    /// How long the machine has slept since its boot, which its monotonic clock leaves out. Too
    /// little rather than too much, so that nothing fires early. `None` if the machine does not
    /// report it.
    fn slept(&self) -> Option<Duration> {
        None
    }
    /// Whether a time server has set the wall clock since the boot. `None` if nobody can tell.
    async fn is_synchronized(&self) -> Option<bool> {
        Some(true)
    }
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

#[async_trait]
impl TimeSource for Machine {
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    fn wall(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        Timestamp::from_millis(since.as_millis() as u64)
    }

    #[cfg(target_os = "linux")]
    fn boot(&self) -> Option<Boot> {
        let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?.trim().to_owned();
        Some(Boot { id, uptime: since_boot(rustix::time::ClockId::Boottime)? })
    }

    #[cfg(target_os = "linux")]
    fn slept(&self) -> Option<Duration> {
        // In this order, because a pause between the two makes the difference too small.
        let all = since_boot(rustix::time::ClockId::Boottime)?;
        Some(all.saturating_sub(since_boot(rustix::time::ClockId::Monotonic)?))
    }

    #[cfg(target_os = "linux")]
    async fn is_synchronized(&self) -> Option<bool> {
        // Without a system bus only systemd's own time service can be asked.
        if std::path::Path::new("/run/systemd/timesync/synchronized").exists() {
            return Some(true);
        }
        let said = tokio::process::Command::new("timedatectl")
            .args(["show", "-p", "NTPSynchronized", "--value"])
            .kill_on_drop(true)
            .output();
        let said = tokio::time::timeout(SAID_WITHIN, said).await.ok()?.ok()?;
        match said.stdout.trim_ascii() {
            b"yes" => Some(true),
            b"no" => Some(false),
            _ => None,
        }
    }

    #[cfg(not(target_os = "linux"))]
    fn boot(&self) -> Option<Boot> {
        None
    }
}

#[cfg(target_os = "linux")]
fn since_boot(clock: rustix::time::ClockId) -> Option<Duration> {
    let time = rustix::time::clock_gettime(clock);
    Some(Duration::new(time.tv_sec.try_into().ok()?, time.tv_nsec.try_into().ok()?))
}

/// What the clock runs from.
#[derive(Clone, Copy, Debug)]
struct Tied {
    at: Timestamp,
    instant: Instant,
    /// What the machine had slept by then, and what it has slept by now.
    slept: (Duration, Duration),
}

impl Tied {
    fn new(at: Timestamp, slept: Duration) -> Self {
        Self { at, instant: instant(), slept: (slept, slept) }
    }

    /// How long the machine has slept since then.
    fn asleep(&self) -> Duration {
        self.slept.1.saturating_sub(self.slept.0)
    }
}

/// The server's clock.
#[derive(Debug)]
pub struct Clock {
    source: Box<dyn TimeSource>,
    tied: Mutex<Tied>,
    started: Instant,
}

impl Clock {
    /// Creates a clock that agrees with the wall clock now, and runs independently of it from now
    /// on.
    pub fn new(source: impl TimeSource) -> Self {
        // Too little at first would count as sleep later. A pause hardly hits all three.
        let slept = (0..3).filter_map(|_| source.slept()).max().unwrap_or_default();
        let tied = Tied::new(source.wall(), slept);
        Self { source: Box::new(source), started: tied.instant, tied: Mutex::new(tied) }
    }

    /// How long this clock runs, with the time that the machine slept. Unlike [`Clock::now`], it does
    /// not jump when a corrected wall clock is adopted, so it measures how long something takes.
    pub fn uptime(&self) -> Duration {
        let slept = self.tied().slept.1;
        self.started.elapsed() + slept
    }

    /// The current time.
    pub fn now(&self) -> Timestamp {
        let tied = self.tied();
        tied.at + (tied.instant.elapsed() + tied.asleep())
    }

    /// The instant of a time, if the machine does not sleep until then. A sleep until that instant
    /// never ends early (I16). If the machine does sleep, it ends late, because instants leave that
    /// out: who waits for a deadline looks at the clock now and then ([`Clock::machine_may_sleep`]).
    pub fn instant_of(&self, moment: Timestamp) -> Instant {
        let tied = self.tied();
        tied.instant + moment.since(tied.at).saturating_sub(tied.asleep())
    }

    /// Whether time may pass that instants leave out.
    pub fn machine_may_sleep(&self) -> bool {
        self.source.slept().is_some()
    }

    /// Whether nobody knows how long the server was down: the machine has booted since, and no time
    /// server has set its clock yet. A machine without a battery for its clock starts with the time
    /// at which it stopped.
    pub async fn is_unknown_since(&self, kept: Option<&Anchor>) -> bool {
        match (kept, self.source.boot()) {
            (Some(kept), Some(boot)) if kept.boot.id != boot.id => {
                self.source.is_synchronized().await != Some(true)
            }
            _ => false,
        }
    }

    /// Continues from where the server stopped, for running incidents. Within the same boot, the
    /// time is what it would have been without the stop, even if the wall clock was set in the
    /// meantime. Otherwise the wall clock counts, but it is never before `least`, so that a countdown
    /// never begins again.
    pub fn go_on(&self, kept: Option<&Anchor>, least: Timestamp) {
        let now = match (kept, self.source.boot()) {
            (Some(kept), Some(boot)) if kept.boot.id == boot.id => {
                kept.at + boot.uptime.saturating_sub(kept.boot.uptime)
            }
            _ => self.source.wall(),
        };
        self.tie(now.max(least));
    }

    /// The time of the wall clock, if it was set since this clock was tied to it. [`Clock::tie`]
    /// adopts it when no timer runs.
    pub fn correction(&self) -> Option<Timestamp> {
        let (now, wall) = (self.now(), self.source.wall());
        (now.since(wall).max(wall.since(now)) > NOT_WORTH_KEEPING).then_some(wall)
    }

    /// Sets the current time.
    pub fn tie(&self, now: Timestamp) {
        let slept = self.tied().slept.1;
        *self.tied.lock().expect("no holder panics") = Tied::new(now, slept);
    }

    /// The anchor to store, so that a restart continues with `at` as the time of now.
    pub fn anchor(&self, at: Timestamp) -> Option<Anchor> {
        Some(Anchor { boot: self.source.boot()?, at })
    }

    fn tied(&self) -> Tied {
        let slept = self.source.slept().unwrap_or_default();
        let mut tied = self.tied.lock().expect("no holder panics");
        // The most that was ever reported, so that time does not run back.
        tied.slept.1 = tied.slept.1.max(slept);
        *tied
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
    use std::sync::Arc;

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

    /// A machine that can sleep, and booted again since the anchor.
    #[derive(Debug)]
    struct Bed(Arc<Mutex<Duration>>, Option<bool>);

    #[async_trait]
    impl TimeSource for Bed {
        fn wall(&self) -> Timestamp {
            T
        }
        fn boot(&self) -> Option<Boot> {
            Some(Boot { id: "tuesday".into(), uptime: SECOND })
        }
        fn slept(&self) -> Option<Duration> {
            Some(*self.0.lock().unwrap())
        }
        async fn is_synchronized(&self) -> Option<bool> {
            self.1
        }
    }

    /// I16, R22.
    #[tokio::test(start_paused = true)]
    async fn sleep_of_the_machine_counts_and_never_runs_back() {
        let slept = Arc::new(Mutex::new(HOUR));
        let clock = Clock::new(Bed(slept.clone(), None));
        assert_eq!(clock.now(), T, "what it slept before is over");
        let begun = clock.instant_of(T);
        *slept.lock().unwrap() = 3 * HOUR;
        tokio::time::advance(SECOND).await;
        assert_eq!(clock.now(), T + 2 * HOUR + SECOND);
        assert_eq!(clock.instant_of(T + 2 * HOUR + 7 * SECOND), begun + 7 * SECOND);
        assert_eq!(clock.instant_of(T + HOUR), begun, "what passed in the sleep is due");
        // Two readings with a pause between them report too little.
        *slept.lock().unwrap() = 2 * HOUR;
        assert_eq!(clock.now(), T + 2 * HOUR + SECOND);
        clock.tie(T);
        *slept.lock().unwrap() = 3 * HOUR;
        assert_eq!(clock.now(), T);
    }

    /// I16, R22.
    #[tokio::test]
    async fn time_is_unknown_after_a_boot_until_it_is_synchronized() {
        let anchor = |boot: &str| Anchor { boot: Boot { id: boot.into(), uptime: SECOND }, at: T };
        for (synchronized, boot, unknown) in [
            (Some(true), "monday", false),
            (Some(false), "monday", true),
            (None, "monday", true),
            (Some(false), "tuesday", false),
        ] {
            let clock = Clock::new(Bed(Arc::default(), synchronized));
            let said = clock.is_unknown_since(Some(&anchor(boot))).await;
            assert_eq!(said, unknown, "{synchronized:?}, from {boot} to tuesday");
        }
        assert!(!Clock::new(Bed(Arc::default(), None)).is_unknown_since(None).await);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn machine_says_how_long_it_slept() {
        let slept = Machine.slept().expect("Linux has both clocks");
        assert!(slept <= Machine.boot().expect("Linux has a boot").uptime);
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
