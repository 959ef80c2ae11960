//! Ways to base stations, keypads and cameras with a siren.

pub mod assistant;
pub mod buttons;
pub mod care;
pub mod codes;
pub mod mqtt;
pub mod outside;
pub mod simulated;

use crate::{
    domain::{
        id::{DeviceId, HomeId, IncidentId},
        incident::{
            DRILL_SIREN, Mode,
            command::Command,
            effect::{Effect, EffectKind, Sound},
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
use std::{sync::Arc, time::Duration};
use tokio::sync::oneshot;

/// A way to devices, and what they say of themselves.
pub trait Devices: WayOut {
    /// Whether a device sounds now, as far as it is known.
    fn is_sounding(&self, home: &HomeId, device: &DeviceId) -> bool;
    /// Whether a device can be reached now, as far as it is known.
    fn is_online(&self, home: &HomeId, device: &DeviceId) -> bool;
}

/// How often a siren that is tested is told, where it does not say that it obeyed.
const TELL: u32 = 3;
/// How long a siren that is tested sounds.
const TEST: Duration = Duration::from_secs(1);

/// Lets a siren sound for a second, and answers whether it said that it does. It neither outlasts an emergency that begins meanwhile nor
/// silences its siren, and it is silenced also when nobody waits for the answer any more.
pub async fn sound_for_a_second(devices: Arc<dyn Devices>, clock: Arc<Clock>, home: HomeId, device: DeviceId) -> bool {
    let mut bits = [0; 16];
    if getrandom::fill(&mut bits).is_err() {
        return false;
    }
    let id = IncidentId(uuid::Builder::from_random_bytes(bits).into_uuid());
    let effect = move |seq, kind, not_after| {
        let (key, home) = (format!("{id}/{seq}/test"), home.clone());
        Effect { key, incident: id, home, seq, mode: Mode::Live, not_after, kind }
    };
    let (tell, told) = oneshot::channel();
    tokio::spawn(async move {
        let mut confirmed = false;
        // Each try is a second from when it is told, not from the first.
        for seq in 1..=TELL {
            let until = clock.now() + TEST;
            let kind = EffectKind::SirenOn { device: device.clone(), until, sound: Sound::Alarm };
            if let Ok(said) = devices.carry_out(&effect(seq, kind, Some(until))).await {
                confirmed = matches!(said, Some(Command::SirenReported { sounding: true, .. }));
                break;
            }
        }
        // Whoever asked may be gone.
        let _ = tell.send(confirmed);
        if confirmed {
            tokio::time::sleep(TEST).await;
        }
        let off = effect(TELL + 1, EffectKind::SirenOff { device }, None);
        for _ in 0..TELL {
            if devices.carry_out(&off).await.is_ok() {
                break;
            }
        }
    });
    told.await.unwrap_or(false)
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
