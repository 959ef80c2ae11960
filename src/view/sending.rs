//! Whether a request for help is sent again by itself, or the person is asked first (F5).

use crate::{
    api::problem::Code,
    domain::{incident::command::STALE, time::Timestamp},
};
use std::time::Duration;

/// A moment by both clocks of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// By the wall clock, which can be wrong and can be set. Milliseconds.
    pub wall_ms: u64,
    /// By the monotonic clock, which is never set, but stands still while some devices sleep.
    /// Milliseconds.
    pub monotonic_ms: u64,
}

impl Moment {
    /// The time since `earlier`, by the clock on which more has passed: a clock that was set back
    /// or has slept must not make an old tap look new.
    pub const fn since(self, earlier: Self) -> Duration {
        let wall = self.wall_ms.saturating_sub(earlier.wall_ms);
        let monotonic = self.monotonic_ms.saturating_sub(earlier.monotonic_ms);
        Duration::from_millis(if wall > monotonic { wall } else { monotonic })
    }
}

/// Whether a tap is so old that the person must be asked before it is sent.
pub fn must_ask(age: Duration) -> bool {
    age > STALE
}

/// Whether a server that failed says itself that it stored nothing, so that there is no need to wait
/// for an acknowledgment. What a newer server says may mean something else.
pub fn says_not_sent(code: Option<Code>) -> bool {
    code.is_some_and(|code| code != Code::Other)
}

/// Whether the app sends a request again by itself that the server refused as too old.
///
/// It does so once, with the server's time, if the tap is `age` old and that is not too old: then
/// the device's clock was wrong. A server that does not tell its time cannot correct a clock.
pub fn is_sent_again(age: Duration, server_time: Option<Timestamp>, was_sent_again: bool) -> bool {
    server_time.is_some() && !was_sent_again && !must_ask(age)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Option<Timestamp> = Some(Timestamp::from_millis(1_795_435_200_000));

    fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// F5, F18.
    #[test]
    fn request_of_a_wrong_clock_is_sent_again_once() {
        assert!(is_sent_again(s(1), NOW, false));
        assert!(is_sent_again(s(60), NOW, false));
        assert!(!is_sent_again(s(1), NOW, true), "the server refused the corrected time, too");
        assert!(!is_sent_again(s(1), None, false), "an older server tells no time");
        assert!(!is_sent_again(s(61), NOW, false), "the tap itself is old");
    }

    #[test]
    fn failure_that_only_a_newer_server_knows_is_not_not_sent() {
        assert!(says_not_sent(Some(Code::StorageUnavailable)));
        assert!(!says_not_sent(Some(Code::Other)));
        assert!(!says_not_sent(None), "an error page of a proxy");
    }

    /// F5.
    #[test]
    fn tap_is_as_old_as_the_clock_says_on_which_more_passed() {
        let tap = Moment { wall_ms: 100_000, monotonic_ms: 5_000 };
        let after = |wall_ms, monotonic_ms| Moment { wall_ms, monotonic_ms }.since(tap);
        assert_eq!(after(103_000, 8_000), s(3));
        assert_eq!(after(13_000, 8_000), s(3), "the wall clock was set back by 90 seconds");
        assert_eq!(after(700_000, 6_000), s(600), "the device slept for ten minutes");
        assert!(must_ask(after(700_000, 6_000)));
    }
}
