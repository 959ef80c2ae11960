//! When a slide counts. It acts only when it is let go at the end; a touch beside the thumb moves nothing.

/// From here on the slide is at its end, of 100.
pub const END: f64 = 96.0;
/// The farthest that one movement can go; more is a tap on the track, of 100.
const JUMP: f64 = 45.0;

/// Where the thumb stands after the browser reports a new value.
pub fn moved(from: f64, to: f64, by_key: bool) -> f64 {
    if !by_key && (to - from) > JUMP { from } else { to.clamp(0.0, 100.0) }
}

/// Whether letting go here asks for help.
pub fn released(at: f64) -> bool {
    at >= END
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tap_on_the_track_moves_nothing() {
        assert_eq!(moved(0.0, 100.0, false), 0.0);
        assert_eq!(moved(0.0, 100.0, true), 100.0, "a key may");
        assert_eq!(moved(30.0, 40.0, false), 40.0);
        assert_eq!(moved(90.0, 2.0, false), 2.0, "back is always allowed");
    }

    #[test]
    fn only_the_end_counts() {
        assert!(!released(0.0) && !released(95.0) && released(96.0) && released(100.0));
    }
}
