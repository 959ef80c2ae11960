//! The monitoring center and responders: effect handlers, the console, and DC-09. The automatic
//! center needs no handler, because the domain walks the call tree.

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
