//! Emergency contacts' telephones: an effect handler, and the parsing of numbers.

pub mod number;
pub mod pages;

use crate::{
    domain::incident::{
        command::{CallStep, Command},
        effect::{Effect, EffectKind},
    },
    server::engine::outbox::{EffectHandler, ExecuteError},
};
use async_trait::async_trait;
use pages::{ContactPages, Page};
use std::sync::Arc;

/// Telephones that are web pages. The page reads the call from the incident, so it rings as soon as
/// the call is stored. A contact whose page is not open cannot be rung, and the incident goes on at
/// once (F25).
pub struct WebPhones(pub Arc<ContactPages>);

#[async_trait]
impl EffectHandler for WebPhones {
    async fn execute(&self, effect: &Effect) -> Result<Option<Command>, ExecuteError> {
        Ok(match &effect.kind {
            EffectKind::CallContact { call, contact, link, .. } => {
                let (home, contact) = (effect.home.clone(), contact.clone());
                let page = Page { home, contact, link: *link };
                let cannot_ring = Command::Call { call: *call, step: CallStep::CannotRing };
                (!self.0.may_ring(&page)).then_some(cannot_ring)
            }
            _ => None,
        })
    }
}
