//! The offset between the server's clock and this one.

/// A difference beyond this means that one of the clocks was set, not that the network was slow.
/// Milliseconds.
const SET_MS: i64 = 2_000;

/// Returns the best estimate of `server - here`, milliseconds, after another server time was
/// received. A server time is slightly old when it arrives, so the largest difference is the most
/// accurate.
pub fn better_offset(known: Option<i64>, server_ms: u64, here_ms: u64) -> i64 {
    let sample = server_ms as i64 - here_ms as i64;
    match known {
        Some(known) if (known - sample).abs() < SET_MS => known.max(sample),
        _ => sample,
    }
}

#[cfg(test)]
mod tests {
    use super::better_offset;

    /// F18.
    #[test]
    fn fastest_answer_tells_the_clock_offset() {
        let first = better_offset(None, 10_000, 4_300);
        assert_eq!(first, 5_700);
        let better = better_offset(Some(first), 20_000, 14_100);
        assert_eq!(better, 5_900);
        assert_eq!(
            better_offset(Some(better), 30_000, 24_900),
            5_900,
            "a slow answer changes nothing"
        );
    }

    /// F18.
    #[test]
    fn clock_that_was_set_is_believed() {
        assert_eq!(better_offset(Some(0), 3_600_000, 0), 3_600_000);
        assert_eq!(better_offset(Some(3_600_000), 5_000, 5_000), 0);
    }
}
