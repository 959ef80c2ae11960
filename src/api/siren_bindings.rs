//! How the server reaches sirens and buttons through the MQTT broker, and their condition.

use super::heard::Heard;
use crate::domain::{device::DeviceFault, id::DeviceId, time::Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The sirens and buttons of a home behind the MQTT broker.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Wiring)]
pub struct SirenBindings {
    /// The kinds of sirens that owners can choose, by name; empty if owners cannot choose.
    pub kinds: Vec<String>,
    /// The prefix that the names of this home's devices must have.
    pub begins: String,
    /// The base station, keypads and cameras.
    pub sirens: Vec<SirenStatus>,
    /// The panic buttons, and keypads in their role as buttons.
    pub buttons: Vec<ButtonStatus>,
}

/// A siren behind the broker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = WiredSiren)]
pub struct SirenStatus {
    /// The id of the device or camera.
    #[schema(value_type = String)]
    pub device: DeviceId,
    /// The kind of siren.
    pub kind: String,
    /// Its name in MQTT topics.
    pub name: String,
    /// Whether an owner chose the kind and the name. Otherwise they come from the server's
    /// settings.
    pub chosen: bool,
    /// Whether its kind can confirm that it sounds.
    pub proves: bool,
    /// Its condition.
    pub health: DeviceHealth,
}

/// A panic button or a keypad.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = WiredButton)]
pub struct ButtonStatus {
    /// Its name in the server's settings.
    pub name: String,
    /// Its condition.
    pub health: DeviceHealth,
}

/// The condition of a device behind the broker.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeviceHealth {
    /// When the server last received a message from it, since the server began to listen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub seen_at: Option<Timestamp>,
    /// The remaining charge of its battery, percent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub battery: Option<u8>,
    /// Its problems.
    #[serde(default, rename = "troubles")]
    #[schema(value_type = Vec<DeviceFault>)]
    pub faults: Vec<Heard<DeviceFault>>,
}

/// Chooses how the server reaches a siren.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = EditWire)]
pub struct EditSirenBinding {
    /// The kind of siren, one of [`SirenBindings::kinds`].
    pub kind: String,
    /// Its name in MQTT topics.
    pub name: String,
}

/// The result of sounding a siren for a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Tested {
    /// Whether the siren confirmed that it sounds.
    pub confirmed: bool,
}
