//! What a countdown shows. It is computed from the server's deadline, never by counting.

use super::words::{Said, Word};
use crate::{
    api::{incident::Incident, timeline::What},
    domain::time::Timestamp,
};
use std::time::Duration;

/// A countdown at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Countdown {
    /// The number in the ring: whole seconds, rounded up; 0 from the deadline on.
    pub seconds: u32,
    /// How much of the ring is left, 1,000 to 0.
    pub left_permille: u32,
}

/// The countdown to `deadline` at `now`, both by the server's clock. Its full length is `whole_ms`.
pub fn countdown(deadline: Timestamp, now: Timestamp, whole_ms: u64) -> Countdown {
    let left_ms = (deadline.since(now).as_millis() as u64).min(whole_ms.max(1));
    Countdown {
        seconds: left_ms.div_ceil(1_000) as u32,
        left_permille: (left_ms * 1_000 / whole_ms.max(1)) as u32,
    }
}

/// How long after the deadline a screen waits for the server's word. Then it says that nothing is
/// confirmed, and shows the emergency number first (I28).
const HEARD_WITHIN: Duration = Duration::from_secs(2);

/// Whether the server should have said by now what happened at the deadline.
pub fn is_unconfirmed(deadline: Timestamp, now: Timestamp) -> bool {
    now.since(deadline) >= HEARD_WITHIN
}

/// Whether a screen reader speaks these whole seconds: at the start, at 3 and at 1, so that speech
/// does not lag behind.
pub fn is_spoken(seconds: u32, whole_ms: u64) -> bool {
    seconds == 3 || seconds == 1 || u64::from(seconds) == whole_ms.div_ceil(1_000)
}

/// Who asked last since the incident began, and how many requests that makes, so that nobody cancels
/// what they were not shown (I30).
pub fn asked_since(incident: &Incident) -> Option<String> {
    let mut joined = incident.timeline.iter().filter(|line| line.what == What::Joined);
    let count = joined.clone().count();
    let name = joined.next_back()?.by.as_deref().unwrap_or_default();
    Some(match count {
        1 => Word::AlsoAsked.fill(&[name]),
        count => Word::AlsoAskedTimes.fill(&[name, &count.to_string()]),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_is_rounded_up_and_the_ring_empties_evenly() {
        let d = Timestamp::from_millis(105_000);
        let at = |ms| countdown(d, Timestamp::from_millis(ms), 5_000);
        assert_eq!(at(100_000), Countdown { seconds: 5, left_permille: 1_000 });
        assert_eq!(at(100_001).seconds, 5);
        assert_eq!(at(102_500), Countdown { seconds: 3, left_permille: 500 });
        assert_eq!(at(104_999).seconds, 1);
        assert_eq!(at(105_000), Countdown { seconds: 0, left_permille: 0 });
        assert_eq!(at(999_999), Countdown { seconds: 0, left_permille: 0 });
    }

    /// I28.
    #[test]
    fn countdown_without_a_word_is_unconfirmed_after_two_seconds() {
        let d = Timestamp::from_millis(105_000);
        let at = |ms| is_unconfirmed(d, Timestamp::from_millis(ms));
        assert!(!at(100_000) && !at(106_999));
        assert!(at(107_000));
    }

    /// F18.
    #[test]
    fn clock_that_is_behind_never_shows_more_time_than_is_left() {
        assert_eq!(
            countdown(Timestamp::from_millis(105_000), Timestamp::from_millis(5_000), 5_000)
                .seconds,
            5
        );
    }

    #[test]
    fn five_three_and_one_are_spoken() {
        let spoken: Vec<u32> = (0..=5).filter(|s| is_spoken(*s, 5_000)).collect();
        assert_eq!(spoken, [1, 3, 5]);
    }
}
