//! When a slide counts. It acts only when it is released at the end; a touch beside the thumb moves
//! nothing.

/// The position from which the slide is at its end, of 100.
pub const END: u32 = 96;
/// The longest step of one movement, of 100; a longer one is a tap on the track.
const JUMP: u32 = 45;

/// The position of the thumb after the browser reports a new value.
pub fn moved(from: u32, to: u32, by_key: bool) -> u32 {
    if !by_key && to > from + JUMP { from } else { to.min(100) }
}

/// Whether a release at this position requests help.
pub fn released(at: u32) -> bool {
    at >= END
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tap_on_the_track_moves_nothing() {
        assert_eq!(moved(0, 100, false), 0);
        assert_eq!(moved(0, 100, true), 100, "a key may");
        assert_eq!(moved(30, 40, false), 40);
        assert_eq!(moved(90, 2, false), 2, "back is always allowed");
    }

    #[test]
    fn only_the_end_counts() {
        assert!(!released(0) && !released(95) && released(96) && released(100));
    }
}
