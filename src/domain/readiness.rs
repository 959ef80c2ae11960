//! What an SOS needs to work (R23).

use serde::{Deserialize, Serialize};

/// A requirement of a working SOS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CheckKind {
    /// The monitoring center.
    Center,
    /// The base station.
    BaseStation,
    /// Contacts who can be reached.
    Contacts,
    /// A way to ring contacts. Help comes without it, and nobody is asked first (F25).
    Ring,
    /// The address.
    Address,
    /// Devices with a problem: a low battery, silence, or tampering. Help comes without them.
    Devices,
}
