//! The monitoring center of this server: the operators at the console, and responders, simulated or
//! missing. What operators do is in `http/console.rs`, and the line to another receiving center in
//! `dc09/`. The automatic center needs no handler, because the domain walks the call tree.

pub mod presence;
pub mod responders;

use crate::{
    domain::incident::{command::Command, effect::Effect},
    server::engine::outbox::{EffectHandler, ExecuteError},
};
use async_trait::async_trait;

/// An effect handler that does nothing, for servers without a third party's receiving center.
pub struct NoTransmitter;

#[async_trait]
impl EffectHandler for NoTransmitter {
    async fn execute(&self, _effect: &Effect) -> Result<Option<Command>, ExecuteError> {
        Ok(None)
    }
}
