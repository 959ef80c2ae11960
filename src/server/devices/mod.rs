//! Ways to base stations, keypads and cameras with a siren.

pub mod outside;
pub mod simulated;

use crate::{
    domain::incident::{
        command::Command,
        effect::{Effect, EffectKind},
    },
    server::engine::outbox::{NotCarried, WayOut},
};
use async_trait::async_trait;

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
