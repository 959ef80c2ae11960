//! Base stations and keypads, how sirens are reached, and the health of devices.

use super::{id::DeviceId, time::Timestamp};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The kind of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeviceKind {
    /// The alarm hub; has a siren and a voice.
    BaseStation,
    /// Has a siren.
    Keypad,
}

/// A base station or a keypad.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    /// Unique among the devices and cameras of the home.
    pub id: DeviceId,
    /// Base station or keypad.
    pub kind: DeviceKind,
    /// `alarm`, `alarm_pro` or `keypad`.
    pub model: String,
    /// Its display name.
    pub name: String,
}

/// How the siren of a device or camera is reached through the MQTT broker, as configured by an
/// owner.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SirenBinding {
    /// The device or camera.
    pub device: DeviceId,
    /// The kind of siren.
    pub profile: String,
    /// Its name in MQTT topics.
    pub name: String,
}

/// A battery below this level is reported, percent.
const BATTERY_LOW: u8 = 15;

/// The health that a device, or its bridge, reported last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// When the device itself was last heard.
    pub seen_at: Option<Timestamp>,
    /// Whether it can be reached.
    pub online: Option<bool>,
    /// The level of its battery, percent.
    pub battery: Option<u8>,
    /// Whether it was opened, or torn from its wall.
    pub tampered: Option<bool>,
}

/// A problem with a device.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[schema(as = Trouble)]
pub enum DeviceFault {
    /// It cannot be reached.
    Offline,
    /// It has not been heard for longer than its longest normal silence.
    Silent,
    /// It was opened, or torn from its wall.
    Tampered,
    /// Its battery is nearly empty.
    BatteryLow,
}

impl Health {
    /// Returns its current problems. `listening_since` is when the server began to listen to it;
    /// `silent_after` is its longest normal silence, if known.
    pub fn faults(
        &self,
        listening_since: Timestamp,
        now: Timestamp,
        silent_after: Option<Duration>,
    ) -> Vec<DeviceFault> {
        let heard = self.seen_at.map_or(listening_since, |seen| seen.max(listening_since));
        let wrong = [
            (self.online == Some(false), DeviceFault::Offline),
            // An offline device is silent anyway.
            (
                self.online != Some(false)
                    && silent_after.is_some_and(|after| now.since(heard) > after),
                DeviceFault::Silent,
            ),
            (self.tampered == Some(true), DeviceFault::Tampered),
            (self.battery.is_some_and(|left| left < BATTERY_LOW), DeviceFault::BatteryLow),
        ];
        wrong.into_iter().filter_map(|(is, fault)| is.then_some(fault)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn device_trouble_follows_from_its_reports_and_its_silence() {
        let at = |hours: u64| Timestamp::from_millis(1_790_000_000_000 + hours * 3_600_000);
        let day = Some(Duration::from_secs(25 * 3_600));
        let healthy = Health {
            seen_at: Some(at(0)),
            online: Some(true),
            battery: Some(15),
            tampered: Some(false),
        };
        assert_eq!(healthy.faults(at(0), at(25), day), []);
        assert_eq!(healthy.faults(at(0), at(26), day), [DeviceFault::Silent]);
        assert_eq!(
            healthy.faults(at(0), at(2_600), None),
            [],
            "nobody knows how long it may be silent"
        );
        assert_eq!(healthy.faults(at(10), at(30), day), [], "nobody listened before");
        assert_eq!(
            Health::default().faults(at(0), at(26), day),
            [DeviceFault::Silent],
            "never heard"
        );
        let worn = Health {
            seen_at: Some(at(0)),
            online: Some(false),
            battery: Some(14),
            tampered: Some(true),
        };
        assert_eq!(
            worn.faults(at(0), at(26), day),
            [DeviceFault::Offline, DeviceFault::Tampered, DeviceFault::BatteryLow]
        );
    }
}
