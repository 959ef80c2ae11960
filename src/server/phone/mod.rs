//! Ways to a contact's telephone.

pub mod number;

use crate::{
    domain::incident::{command::Command, effect::Effect},
    server::engine::outbox::{NotCarried, WayOut},
};
use async_trait::async_trait;

/// Telephones that are web pages: the page reads the call from the incident, so that it rings as soon as the call is stored.
pub struct WebPhones;

#[async_trait]
impl WayOut for WebPhones {
    async fn carry_out(&self, _effect: &Effect) -> Result<Option<Command>, NotCarried> {
        Ok(None)
    }
}
