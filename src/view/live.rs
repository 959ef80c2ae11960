//! Texts of a live stream in Live View, and the keyboard shortcuts there.

use super::words::Word;

/// The state of a camera's live stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Picture {
    /// The camera has no stream.
    None,
    /// Requested, no picture yet.
    Connecting,
    /// The picture is live.
    Live,
    /// The stream is open and delivers nothing; the last picture stays.
    Stalled,
    /// The stream is lost, and is requested again until it returns.
    Offline,
    /// This browser cannot show it.
    Unsupported,
}

impl Picture {
    /// Parses the state from the player's name for it.
    pub fn of(name: &str) -> Self {
        match name {
            "live" => Self::Live,
            "stalled" => Self::Stalled,
            "offline" => Self::Offline,
            "unsupported" => Self::Unsupported,
            _ => Self::Connecting,
        }
    }

    /// The text for the state.
    pub const fn word(self) -> Word {
        match self {
            Self::None => Word::NoPicture,
            Self::Connecting => Word::PictureConnecting,
            Self::Live => Word::PictureLive,
            Self::Stalled => Word::PictureStalled,
            Self::Offline => Word::PictureOffline,
            Self::Unsupported => Word::PictureUnsupported,
        }
    }
}

/// The action of a key in Live View.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// Goes to the camera at this index.
    Camera(usize),
    /// Opens the SOS sheet.
    Sos,
}

/// Returns the action of a key, if any, with the camera at index `at` of `count` on the screen. The
/// cameras wrap around.
pub fn key(name: &str, at: usize, count: usize) -> Option<Key> {
    match name {
        "ArrowRight" if count > 1 => Some(Key::Camera((at + 1) % count)),
        "ArrowLeft" if count > 1 => Some(Key::Camera((at + count - 1) % count)),
        "s" | "S" => Some(Key::Sos),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_live_picture_is_called_live() {
        for name in ["connecting", "stalled", "offline", "unsupported", "anything"] {
            assert_ne!(Picture::of(name).word(), Word::PictureLive, "{name}");
        }
        assert_eq!(Picture::of("live").word(), Word::PictureLive);
    }

    #[test]
    fn arrows_go_round_the_cameras_and_s_asks_for_help() {
        assert_eq!(key("ArrowRight", 2, 3), Some(Key::Camera(0)));
        assert_eq!(key("ArrowLeft", 0, 3), Some(Key::Camera(2)));
        assert_eq!(key("ArrowLeft", 0, 1), None, "a single camera has no neighbor");
        assert_eq!(key("s", 0, 1), Some(Key::Sos));
        assert_eq!(key("x", 0, 3), None);
    }
}
