//! A household's settings, within safe bounds.

use serde::{Deserialize, Serialize};
use std::{ops::RangeInclusive, time::Duration};

/// Countdown that a household may choose, seconds (R10): it may be longer than the default of five,
/// never shorter.
pub const COUNTDOWN_S: RangeInclusive<u8> = 5..=15;
/// Siren duration that a household may choose, seconds (R19).
pub const SIREN_DURATION_S: RangeInclusive<u16> = 60..=600;

/// A household's settings. A value out of bounds is clamped when it is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Settings {
    /// How long an SOS can be canceled, seconds.
    pub countdown_s: u8,
    /// After how long sirens stop by themselves, seconds.
    pub siren_duration_s: u16,
    /// Whether cameras with a siren sound together with the base station (R12, R13).
    pub cameras_sound_with_base_station: bool,
    /// For a home without a base station: whether canceling needs the verbal password (R15).
    pub verbal_password_required: bool,
    /// Whether a device that was signed in without the account's passkey is restricted for a day,
    /// so that it cannot request help.
    #[serde(default = "restricts_new_devices", rename = "hold_new_devices")]
    pub restrict_new_devices: bool,
}

fn restricts_new_devices() -> bool {
    true
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            countdown_s: 5,
            siren_duration_s: 600,
            cameras_sound_with_base_station: false,
            verbal_password_required: true,
            restrict_new_devices: true,
        }
    }
}

impl Settings {
    /// The countdown, never shorter than five seconds.
    pub fn countdown(self) -> Duration {
        Duration::from_secs(self.countdown_s.clamp(*COUNTDOWN_S.start(), *COUNTDOWN_S.end()).into())
    }

    /// How long sirens sound.
    pub fn siren_duration(self) -> Duration {
        let (least, most) = (*SIREN_DURATION_S.start(), *SIREN_DURATION_S.end());
        Duration::from_secs(self.siren_duration_s.clamp(least, most).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// R10.
    #[test]
    fn countdown_can_be_lengthened_but_never_shortened() {
        let seconds =
            |countdown_s| Settings { countdown_s, ..Settings::default() }.countdown().as_secs();
        assert_eq!((seconds(0), seconds(5), seconds(9), seconds(255)), (5, 5, 9, 15));
    }

    /// R19.
    #[test]
    fn sirens_are_always_bounded() {
        let seconds = |siren_duration_s| {
            Settings { siren_duration_s, ..Settings::default() }.siren_duration().as_secs()
        };
        assert_eq!((seconds(0), seconds(300), seconds(u16::MAX)), (60, 300, 600));
    }
}
