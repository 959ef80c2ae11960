//! Ways to base stations, keypads and cameras with a siren.

pub mod buttons;
pub mod mqtt;
pub mod outside;
pub mod simulated;

use crate::{
    domain::{
        id::{DeviceId, HomeId},
        incident::{
            DRILL_SIREN,
            command::Command,
            effect::{Effect, EffectKind},
        },
    },
    server::{
        clock::Clock,
        engine::{
            Current,
            outbox::{NotCarried, WayOut},
        },
    },
};
use async_trait::async_trait;
use std::sync::Arc;

/// A way to devices, and what they say of themselves.
pub trait Devices: WayOut {
    /// Whether a device sounds now, as far as it is known.
    fn is_sounding(&self, home: &HomeId, device: &DeviceId) -> bool;
    /// Whether a device can be reached now, as far as it is known.
    fn is_online(&self, home: &HomeId, device: &DeviceId) -> bool;
}

/// A server without drivers: no siren sounds, and the incident says so at once.
pub struct NoDevices;

#[async_trait]
impl WayOut for NoDevices {
    async fn carry_out(&self, effect: &Effect) -> Result<Option<Command>, NotCarried> {
        Ok(match &effect.kind {
            EffectKind::SirenOn { device, .. } => Some(Command::SirenReported { device: device.clone(), sounding: false }),
            _ => None,
        })
    }
}

impl Devices for NoDevices {
    fn is_sounding(&self, _: &HomeId, _: &DeviceId) -> bool {
        false
    }
    fn is_online(&self, _: &HomeId, _: &DeviceId) -> bool {
        false
    }
}

/// The way to the same devices for drills: whatever is asked, five seconds are the most (R21).
pub struct DrillDevices {
    /// The time.
    pub clock: Arc<Clock>,
    /// The devices.
    pub devices: Arc<dyn Devices>,
}

#[async_trait]
impl WayOut for DrillDevices {
    async fn carry_out(&self, effect: &Effect) -> Result<Option<Command>, NotCarried> {
        let mut effect = effect.clone();
        if let EffectKind::SirenOn { until, .. } = &mut effect.kind {
            *until = (*until).min(self.clock.now() + DRILL_SIREN);
        }
        self.devices.carry_out(&effect).await
    }

    fn gave_up(&self, effect: &Effect) -> Option<Command> {
        self.devices.gave_up(effect)
    }

    fn resume(&self, current: &Current) {
        self.devices.resume(current);
    }
}
