//! What stands in the hall and can sound: base station and keypads.

use super::id::DeviceId;
use serde::{Deserialize, Serialize};

/// What a device is.
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
    /// What it is.
    pub kind: DeviceKind,
    /// `alarm`, `alarm_pro` or `keypad`.
    pub model: String,
    /// What the home calls it.
    pub name: String,
}
