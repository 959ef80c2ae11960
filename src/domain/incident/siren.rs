//! The sirens of an incident. They affect its state only where sirens were requested alone.

use super::Actor;
use crate::domain::{id::DeviceId, time::Timestamp};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Sirens that stop within this time are commanded again by a repeated request.
pub const SIREN_ENDS_SOON: Duration = Duration::from_secs(60);
/// How long a repeated request leaves a siren to the command that it has. A new command has a new
/// key, so a siren that is slow to confirm would never do so while somebody hammers.
pub const SIREN_PROVES_WITHIN: Duration = Duration::from_secs(5);

/// The state of the sirens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Siren {
    /// Never sounded.
    Silent,
    /// Commanded to sound.
    Sounding {
        /// The number of the fact that commanded them.
        seq: u32,
        /// When they were commanded.
        since: Timestamp,
        /// When they stop by themselves (R19).
        until: Timestamp,
        /// The commanded devices.
        devices: Vec<DeviceId>,
        /// The devices that confirmed that they sound, and have not stopped since.
        confirmed: Vec<DeviceId>,
        /// The devices that stopped too early: by themselves, or by their own button.
        stopped: Vec<DeviceId>,
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

    /// Whether a repeated request must command them again (I22): unless each of them has confirmed
    /// and sounds for more than [`SIREN_ENDS_SOON`]. A command younger than `pause` is left to its
    /// sirens, except where one of them stopped.
    pub fn must_be_told_again(&self, now: Timestamp, pause: Duration) -> bool {
        let Self::Sounding { since, until, devices, confirmed, stopped, .. } = self else {
            return true;
        };
        let ends_soon = until.since(now) <= SIREN_ENDS_SOON;
        let is_proven = devices.iter().all(|device| confirmed.contains(device));
        !stopped.is_empty() || (ends_soon || !is_proven) && now.since(*since) >= pause
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
