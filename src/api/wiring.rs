//! How sirens and buttons are reached through the broker, and how they are.

use crate::domain::{device::Trouble, id::DeviceId, time::Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What of a home is behind the broker.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Wiring {
    /// The kinds of sirens that can be chosen, by name; none where owners choose nothing.
    pub kinds: Vec<String>,
    /// How the names of this home's devices must begin.
    pub begins: String,
    /// Base station, keypads and cameras.
    pub sirens: Vec<WiredSiren>,
    /// Panic buttons and keypads, as buttons.
    pub buttons: Vec<WiredButton>,
}

/// A siren.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WiredSiren {
    /// The device or camera.
    #[schema(value_type = String)]
    pub device: DeviceId,
    /// Its kind.
    pub kind: String,
    /// What its topics call it.
    pub name: String,
    /// Whether an owner chose that; otherwise the server's settings say so.
    pub chosen: bool,
    /// Whether its kind can prove that it sounds.
    pub proves: bool,
    /// How it is.
    pub health: DeviceHealth,
}

/// A panic button or a keypad.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WiredButton {
    /// What the server's settings call it.
    pub name: String,
    /// How it is.
    pub health: DeviceHealth,
}

/// How something behind the broker is, by its own words.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeviceHealth {
    /// When it was heard last, since the server began to listen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub seen_at: Option<Timestamp>,
    /// What its battery has left, percent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub battery: Option<u8>,
    /// What is wrong.
    #[serde(default)]
    pub troubles: Vec<Trouble>,
}

/// How a siren is spoken to from now on.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EditWire {
    /// Its kind, one of those of [`Wiring::kinds`].
    pub kind: String,
    /// What its topics call it.
    pub name: String,
}

/// What came of letting a siren sound for a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Tested {
    /// Whether the siren itself said that it sounds.
    pub confirmed: bool,
}
