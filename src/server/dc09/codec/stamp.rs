//! The times in frames and in x-data: `HH:MM:SS,MM-DD-YYYY`, in UTC, to the second.

use crate::domain::time::Timestamp;
use jiff::{
    SignedDuration,
    civil::{self, DateTime},
};

/// As in `strftime`.
const FORMAT: &str = "%H:%M:%S,%m-%d-%Y";
/// A digit where one must stand, and everything else as it is.
const SHAPE: &[u8] = b"00:00:00,00-00-0000";
/// The beginning of the count of a [`Timestamp`]. A [`DateTime`] without a zone reaches to the end
/// of the year 9999, which the last moment of a [`jiff::Timestamp`] does not.
const EPOCH: DateTime = civil::date(1970, 1, 1).at(0, 0, 0, 0);

/// Formats a time. One that is later than the year 9999 is the last second of that year.
pub fn written(at: Timestamp) -> String {
    let since = SignedDuration::from_millis(at.as_millis().try_into().unwrap_or(i64::MAX));
    EPOCH.saturating_add(since).strftime(FORMAT).to_string()
}

/// Parses a time from 1970 to 9999. A leap second is the second before it.
pub fn read(text: &str) -> Option<Timestamp> {
    // A format alone also takes single digits, signs and spaces.
    let is_shaped = text.len() == SHAPE.len()
        && text.bytes().zip(SHAPE).all(|(byte, shape)| match shape {
            b'0' => byte.is_ascii_digit(),
            shape => byte == *shape,
        });
    let at = is_shaped.then(|| DateTime::strptime(FORMAT, text).ok())??;
    at.duration_since(EPOCH).as_millis().try_into().ok().map(Timestamp::from_millis)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The last millisecond of the year 9999.
    const LAST: u64 = 253_402_300_799_999;

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (text, rfc3339) in [
            ("00:00:00,01-01-1970", "1970-01-01T00:00:00Z"),
            ("07:00:59,11-23-2026", "2026-11-23T07:00:59Z"),
            ("12:00:00,02-29-2000", "2000-02-29T12:00:00Z"),
            ("23:59:59,02-29-2024", "2024-02-29T23:59:59Z"),
            ("00:00:00,03-01-2100", "2100-03-01T00:00:00Z"),
            ("23:59:59,12-31-9999", "9999-12-31T23:59:59Z"),
        ] {
            let at = rfc3339.parse().unwrap();
            assert_eq!((read(text), written(at).as_str()), (Some(at), text));
        }
        let leap_second = read("23:59:60,12-31-2016");
        assert!(leap_second.is_some() && leap_second == read("23:59:59,12-31-2016"));
        for end in [LAST, LAST + 1, u64::MAX] {
            assert_eq!(written(Timestamp::from_millis(end)), "23:59:59,12-31-9999");
        }
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "00:00:00,13-01-2026",
            "00:00:00,00-01-2026",
            "00:00:00,01-00-2026",
            "00:00:00,04-31-2026",
            "00:00:00,02-29-2023",
            "00:00:00,02-29-2100",
            "24:00:00,01-01-2026",
            "00:60:00,01-01-2026",
            "00:00:61,01-01-2026",
            "23:59:59,12-31-1969",
            "00:00:00,01-01-0000",
            "0:00:00,01-01-2026",
            " 0:00:00,01-01-2026",
            "+0:00:00,01-01-2026",
            "00-00-00,01-01-2026",
            "00:00:00,01:01:2026",
            "00:00:00 01-01-2026",
            "00:00:00,01-01-2026 ",
            "00:00:00,01-01-20260",
            "00:00:00,01-01--026",
            "00:00:0\u{660},01-01-26",
        ] {
            assert_eq!(read(text), None, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn a_time_survives_to_the_second(ms in 0..=LAST) {
            let at = Timestamp::from_millis(ms);
            let text = written(at);
            prop_assert_eq!(read(&text), Some(Timestamp::from_millis(ms / 1_000 * 1_000)));
            // Both libraries must count the days alike.
            let rfc3339 = at.to_string();
            let (date, time) = rfc3339.split_once('T').unwrap();
            prop_assert!(text.starts_with(&time[..8]) && text.ends_with(&date[..4]), "{}", text);
            prop_assert!(text.contains(&date[5..]), "{}", text);
        }
    }
}
