//! Emergency contacts' telephones: an effect handler, and the parsing of numbers.

pub mod number;

use crate::{
    domain::incident::{command::Command, effect::Effect},
    server::engine::outbox::{EffectHandler, ExecuteError},
};
use async_trait::async_trait;

/// Telephones that are web pages. The page reads the call from the incident, so it rings as soon as
/// the call is stored. The handler does nothing.
pub struct WebPhones;

#[async_trait]
impl EffectHandler for WebPhones {
    async fn execute(&self, _effect: &Effect) -> Result<Option<Command>, ExecuteError> {
        Ok(None)
    }
}
