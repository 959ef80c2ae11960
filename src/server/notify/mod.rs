//! Ways to people and servers that are not looking.

pub mod webhooks;

use crate::{
    domain::incident::{command::Command, effect::Effect},
    server::engine::outbox::{NotCarried, WayOut},
};
use async_trait::async_trait;

/// The server's log: whoever runs the server is told there.
pub struct LogNotices;

#[async_trait]
impl WayOut for LogNotices {
    async fn carry_out(&self, effect: &Effect) -> Result<Option<Command>, NotCarried> {
        tracing::warn!(incident = %effect.incident, home = %effect.home, kind = ?effect.kind, "somebody must look at an incident");
        Ok(None)
    }
}
