//! Ways to the monitoring center and to responders. The automatic center needs none: it walks the call tree in the domain.

pub mod dc09;
pub mod desk;
pub mod listener;
pub mod receiver;
pub mod reports;
pub mod responders;
pub mod settings;

use crate::{
    domain::incident::{command::Command, effect::Effect},
    server::engine::outbox::{NotCarried, WayOut},
};
use async_trait::async_trait;

/// There is no third party's receiving center.
pub struct NoReceiver;

#[async_trait]
impl WayOut for NoReceiver {
    async fn carry_out(&self, _effect: &Effect) -> Result<Option<Command>, NotCarried> {
        Ok(None)
    }
}
