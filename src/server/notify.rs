//! Notices to people who are not looking at the app. So far they are lines in the log.

use crate::{
    domain::incident::{command::Command, effect::Effect},
    server::engine::outbox::{EffectHandler, ExecuteError},
};
use async_trait::async_trait;

/// An effect handler that writes notices to the server's log, for its administrator.
pub struct LogNotices;

#[async_trait]
impl EffectHandler for LogNotices {
    async fn execute(&self, effect: &Effect) -> Result<Option<Command>, ExecuteError> {
        tracing::warn!(incident = %effect.incident, home = %effect.home, kind = ?effect.kind, "an incident needs attention");
        Ok(None)
    }
}
