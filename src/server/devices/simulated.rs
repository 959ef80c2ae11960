//! Simulated base stations, keypads and cameras. Like real ones they hold their siren's state, know a command that they have seen,
//! stop by themselves, and say what they do.

use super::Devices;
use crate::{
    domain::{
        id::{DeviceId, HomeId, IncidentId},
        incident::{
            Siren,
            command::Command,
            effect::{Effect, EffectKind},
        },
        time::Timestamp,
    },
    server::{
        clock::Clock,
        engine::{
            Current,
            outbox::{NotCarried, WayOut},
        },
        hub::Hub,
    },
};
use async_trait::async_trait;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

/// What one device remembers.
#[derive(Clone, Debug, Default)]
struct Memory {
    /// Sounds until then.
    until: Option<Timestamp>,
    /// The latest command of that incident that it obeyed; an older one that comes late is not obeyed.
    latest: Option<(IncidentId, u32)>,
    /// How often it began to sound.
    sounded: u32,
}

/// All simulated devices.
#[derive(Debug)]
pub struct SimulatedDevices {
    clock: Arc<Clock>,
    hub: Arc<Hub>,
    memory: Mutex<HashMap<(HomeId, DeviceId), Memory>>,
}

impl SimulatedDevices {
    /// Devices that are quiet.
    pub fn new(clock: Arc<Clock>, hub: Arc<Hub>) -> Self {
        Self { clock, hub, memory: Mutex::new(HashMap::new()) }
    }

    /// How often a device has begun to sound.
    pub fn times_sounded(&self, home: &HomeId, device: &DeviceId) -> u32 {
        self.memory.lock().expect("no holder panics").get(&(home.clone(), device.clone())).map_or(0, |m| m.sounded)
    }

    fn obey(&self, home: &HomeId, device: &DeviceId, order: (IncidentId, u32), until: Option<Timestamp>) {
        let now = self.clock.now();
        {
            let mut all = self.memory.lock().expect("no holder panics");
            let memory = all.entry((home.clone(), device.clone())).or_default();
            if memory.latest.is_some_and(|(incident, seq)| incident == order.0 && seq >= order.1) {
                return;
            }
            let sounds = memory.until.is_some_and(|u| u > now);
            if until.is_some() && !sounds {
                memory.sounded += 1;
            }
            memory.latest = Some(order);
            memory.until = until;
        }
        self.hub.device_changed(home.clone(), device.clone());
    }
}

#[async_trait]
impl WayOut for SimulatedDevices {
    async fn carry_out(&self, effect: &Effect) -> Result<Option<Command>, NotCarried> {
        let order = (effect.incident, effect.seq);
        Ok(match &effect.kind {
            EffectKind::SirenOn { device, until, .. } => {
                self.obey(&effect.home, device, order, Some(*until));
                Some(Command::SirenReported { device: device.clone(), sounding: true })
            }
            EffectKind::SirenOff { device } => {
                self.obey(&effect.home, device, order, None);
                None
            }
            _ => None,
        })
    }

    fn gave_up(&self, effect: &Effect) -> Option<Command> {
        match &effect.kind {
            EffectKind::SirenOn { device, .. } => Some(Command::SirenReported { device: device.clone(), sounding: false }),
            _ => None,
        }
    }

    /// The simulation lives in the server's memory: after a restart the devices that were sounding sound on.
    fn resume(&self, current: &Current) {
        if let Siren::Sounding { until, confirmed, .. } = &current.incident.siren {
            for device in confirmed {
                self.obey(&current.incident.home, device, (current.incident.id, 0), Some(*until));
            }
        }
    }
}

impl Devices for SimulatedDevices {
    fn is_sounding(&self, home: &HomeId, device: &DeviceId) -> bool {
        let now = self.clock.now();
        let memory = self.memory.lock().expect("no holder panics");
        memory.get(&(home.clone(), device.clone())).is_some_and(|m| m.until.is_some_and(|until| until > now))
    }

    fn is_online(&self, _: &HomeId, _: &DeviceId) -> bool {
        true
    }
}
