//! Simulated base stations, keypads and cameras. Like real ones, they hold the state of their
//! siren, ignore duplicate commands, stop by themselves, and report what they do.

use super::{Devices, precedence::Precedence, resumed};
use crate::{
    domain::{
        id::{DeviceId, HomeId},
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
            outbox::{EffectHandler, ExecuteError},
        },
        live_events::LiveEvents,
    },
};
use async_trait::async_trait;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

/// The state of one device.
#[derive(Clone, Debug, Default)]
struct Memory {
    /// When it stops sounding.
    until: Option<Timestamp>,
    /// Which command holds.
    precedence: Precedence,
    /// The last command that it obeyed.
    latest: Option<String>,
    /// How often it has begun to sound.
    sounded: u32,
}

/// All simulated devices.
#[derive(Debug)]
pub struct SimulatedDevices {
    clock: Arc<Clock>,
    live_events: Arc<LiveEvents>,
    memory: Mutex<HashMap<(HomeId, DeviceId), Memory>>,
}

impl SimulatedDevices {
    /// Creates devices that are quiet.
    pub fn new(clock: Arc<Clock>, live_events: Arc<LiveEvents>) -> Self {
        Self { clock, live_events, memory: Mutex::new(HashMap::new()) }
    }

    /// How often a device has begun to sound.
    pub fn times_sounded(&self, home: &HomeId, device: &DeviceId) -> u32 {
        self.memory
            .lock()
            .expect("no holder panics")
            .get(&(home.clone(), device.clone()))
            .map_or(0, |m| m.sounded)
    }

    /// Returns whether the device obeys the command: now, or before, if it is a duplicate.
    fn obey(&self, effect: &Effect, device: &DeviceId, until: Option<Timestamp>) -> bool {
        let now = self.clock.now();
        let home = &effect.home;
        {
            let mut all = self.memory.lock().expect("no holder panics");
            let memory = all.entry((home.clone(), device.clone())).or_default();
            if memory.latest.as_ref() == Some(&effect.key) {
                return true;
            }
            if !memory.precedence.take(effect, now) {
                return false;
            }
            let sounds = memory.until.is_some_and(|u| u > now);
            if until.is_some() && !sounds {
                memory.sounded += 1;
            }
            memory.latest = Some(effect.key.clone());
            memory.until = until;
        }
        self.live_events.device_changed(home.clone(), device.clone());
        true
    }
}

#[async_trait]
impl EffectHandler for SimulatedDevices {
    async fn execute(&self, effect: &Effect) -> Result<Option<Command>, ExecuteError> {
        Ok(match &effect.kind {
            EffectKind::SirenOn { device, until, .. } => {
                let obeyed = self.obey(effect, device, Some(*until));
                obeyed.then(|| Command::SirenReported { device: device.clone(), sounding: true })
            }
            EffectKind::SirenOff { device } => {
                self.obey(effect, device, None);
                None
            }
            _ => None,
        })
    }

    fn on_expired(&self, effect: &Effect) -> Option<Command> {
        match &effect.kind {
            EffectKind::SirenOn { device, .. } => {
                Some(Command::SirenReported { device: device.clone(), sounding: false })
            }
            _ => None,
        }
    }

    /// The simulation is in the server's memory: after a restart, the devices that had confirmed
    /// that they sound continue.
    fn resume(&self, current: &Current) {
        if let Siren::Sounding { until, confirmed, .. } = &current.incident.siren {
            for device in confirmed {
                self.obey(&resumed(current, device, *until), device, Some(*until));
            }
        }
    }
}

impl Devices for SimulatedDevices {
    fn is_sounding(&self, home: &HomeId, device: &DeviceId) -> bool {
        let now = self.clock.now();
        let memory = self.memory.lock().expect("no holder panics");
        memory
            .get(&(home.clone(), device.clone()))
            .is_some_and(|m| m.until.is_some_and(|until| until > now))
    }

    fn is_online(&self, _: &HomeId, _: &DeviceId) -> bool {
        true
    }
}
