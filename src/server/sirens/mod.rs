//! Effect handlers for base stations, keypads and cameras with a siren.

pub mod precedence;
pub mod simulated;

use crate::{
    domain::{
        id::{DeviceId, HomeId, IncidentId},
        incident::{
            DRILL_SIREN, Mode, Siren,
            command::Command,
            effect::{Effect, EffectKind, Sound},
            event::Event,
        },
        time::Timestamp,
    },
    server::{
        clock::Clock,
        engine::{
            Current,
            outbox::{EffectHandler, ExecuteError},
        },
        tasks::spawn_contained,
    },
};
use async_trait::async_trait;
use std::{sync::Arc, time::Duration};
use tokio::sync::oneshot;

/// An effect handler for devices that also knows their reported state.
pub trait Devices: EffectHandler {
    /// Whether a device sounds now, as far as is known.
    fn is_sounding(&self, home: &HomeId, device: &DeviceId) -> bool;
    /// Whether a device can be reached now, as far as is known.
    fn is_online(&self, home: &HomeId, device: &DeviceId) -> bool;
}

/// The most tries of each command of a siren test.
const TELL: u32 = 3;
/// How long a tested siren sounds.
const TEST: Duration = Duration::from_secs(1);

/// The command with which a siren continues that was commanded to sound before the server stopped.
pub fn resumed(current: &Current, device: &DeviceId, until: Timestamp) -> Effect {
    let incident = &current.incident;
    let begun = current.history.iter().rev().find_map(|fact| match fact.event {
        Event::SirenOn { not_after, .. } => Some(not_after),
        _ => None,
    });
    let (seq, decided_at) = match &incident.siren {
        Siren::Sounding { seq, since, .. } => (*seq, *since),
        Siren::Silent | Siren::Silenced { .. } | Siren::Ended => (0, Timestamp::default()),
    };
    let sound = Sound::of(incident);
    Effect {
        key: resumed_key(incident.id),
        incident: incident.id,
        home: incident.home.clone(),
        // A siren that stops now stopped the command of this fact.
        seq,
        decided_at,
        mode: incident.mode,
        not_after: begun,
        kind: EffectKind::SirenOn { device: device.clone(), until, sound },
    }
}

fn resumed_key(incident: IncidentId) -> String {
    format!("{incident}/resumed")
}

/// The key of a siren test's command. Those of incidents have four parts.
fn test_key(test: IncidentId, seq: u32) -> String {
    format!("{test}/{seq}/test")
}

/// Sounds a siren for a second. Returns whether the siren confirmed that it sounds. The commands
/// have an incident id of their own, and an emergency that begins meanwhile takes precedence. OFF is
/// sent even if the caller no longer waits for the answer.
pub async fn sound_for_a_second(
    devices: Arc<dyn Devices>,
    clock: Arc<Clock>,
    home: HomeId,
    device: DeviceId,
) -> bool {
    let mut bits = [0; 16];
    if getrandom::fill(&mut bits).is_err() {
        return false;
    }
    let id = IncidentId(uuid::Builder::from_random_bytes(bits).into_uuid());
    let effect = move |seq, kind, not_after| {
        let (key, home) = (test_key(id, seq), home.clone());
        let decided_at = Timestamp::default();
        Effect { key, incident: id, home, seq, decided_at, mode: Mode::Live, not_after, kind }
    };
    let (tell, told) = oneshot::channel();
    spawn_contained("siren test", id, async move {
        let mut confirmed = false;
        // Each try sounds for a second from when it is sent, not from the first try.
        for seq in 1..=TELL {
            let until = clock.now() + TEST;
            let kind = EffectKind::SirenOn { device: device.clone(), until, sound: Sound::Alarm };
            if let Ok(said) = devices.execute(&effect(seq, kind, Some(until))).await {
                confirmed = matches!(said, Some(Command::SirenReported { sounding: true, .. }));
                break;
            }
        }
        // The caller may be gone.
        let _ = tell.send(confirmed);
        if confirmed {
            tokio::time::sleep(TEST).await;
        }
        let off = effect(TELL + 1, EffectKind::SirenOff { device }, None);
        for _ in 0..TELL {
            if devices.execute(&off).await.is_ok() {
                break;
            }
        }
    });
    told.await.unwrap_or(false)
}

/// Devices of a server without drivers: no siren sounds, and the incident records that at once.
pub struct NoDevices;

#[async_trait]
impl EffectHandler for NoDevices {
    async fn execute(&self, effect: &Effect) -> Result<Option<Command>, ExecuteError> {
        Ok(match &effect.kind {
            EffectKind::SirenOn { device, .. } => {
                Some(Command::SirenReported { device: device.clone(), sounding: false })
            }
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

/// The effect handler of drills for the same devices. It limits sirens to five seconds (R21).
pub struct DrillDevices {
    /// The time.
    pub clock: Arc<Clock>,
    /// The devices.
    pub devices: Arc<dyn Devices>,
}

#[async_trait]
impl EffectHandler for DrillDevices {
    fn queued(&self, effect: &Effect) {
        self.devices.queued(effect);
    }

    async fn execute(&self, effect: &Effect) -> Result<Option<Command>, ExecuteError> {
        let mut effect = effect.clone();
        if let EffectKind::SirenOn { until, .. } = &mut effect.kind {
            *until = (*until).min(self.clock.now() + DRILL_SIREN);
        }
        self.devices.execute(&effect).await
    }

    fn on_expired(&self, effect: &Effect) -> Option<Command> {
        self.devices.on_expired(effect)
    }

    fn resume(&self, current: &Current) {
        self.devices.resume(current);
    }
}
