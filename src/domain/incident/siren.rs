//! The sirens of an incident. They never change where the incident itself stands.

use super::Actor;
use crate::domain::{id::DeviceId, time::Timestamp};
use serde::{Deserialize, Serialize};

/// Where the sirens stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Siren {
    /// Never sounded.
    Silent,
    /// Asked to sound.
    Sounding {
        /// When they stop by themselves (R19).
        until: Timestamp,
        /// Which were asked.
        devices: Vec<DeviceId>,
        /// Which said that they do.
        confirmed: Vec<DeviceId>,
    },
    /// Somebody silenced them.
    Silenced {
        /// Who.
        by: Actor,
    },
    /// They stopped by themselves or with the incident.
    Ended,
}

impl Siren {
    /// Whether they were asked to sound and not to stop.
    pub fn is_sounding(&self) -> bool {
        matches!(self, Self::Sounding { .. })
    }
}

/// Why a siren does not sound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SirenFault {
    /// It did not say that it sounds.
    NotConfirmed,
    /// The server was down when it should have begun (R22).
    TooLate,
}
