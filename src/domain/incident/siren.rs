//! The sirens of an incident. They affect its state only where sirens were requested alone.

use super::Actor;
use crate::domain::{id::DeviceId, time::Timestamp};
use serde::{Deserialize, Serialize};

/// The state of the sirens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Siren {
    /// Never sounded.
    Silent,
    /// Commanded to sound.
    Sounding {
        /// When they stop by themselves (R19).
        until: Timestamp,
        /// The commanded devices.
        devices: Vec<DeviceId>,
        /// The devices that confirmed that they sound.
        confirmed: Vec<DeviceId>,
    },
    /// Somebody silenced them.
    Silenced {
        /// The actor.
        by: Actor,
    },
    /// They stopped by themselves or with the incident.
    Ended,
}

impl Siren {
    /// Whether they were commanded to sound and not to stop.
    pub fn is_sounding(&self) -> bool {
        matches!(self, Self::Sounding { .. })
    }
}

/// Why a siren does not sound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SirenFault {
    /// It did not confirm that it sounds.
    NotConfirmed,
    /// The server was down when it should have begun (R22).
    TooLate,
}
