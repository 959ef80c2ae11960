//! What an SOS needs so that it works (R23).

use serde::{Deserialize, Serialize};

/// The things that an SOS needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CheckKind {
    /// The monitoring center.
    Center,
    /// The base station.
    BaseStation,
    /// Contacts who can be reached.
    Contacts,
    /// The address.
    Address,
    /// Devices that need a look: a battery, one that has fallen silent or was torn off. Help comes without them.
    Devices,
}
