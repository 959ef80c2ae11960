//! Who may report how far help has come: a dispatch service, or the center that has the alarm. Each has a secret of its own.

use crate::{
    domain::id::HomeId,
    server::notify::webhooks::settings::{self, secret},
};
use axum::http::HeaderMap;
use standardwebhooks::{HEADER_WEBHOOK_ID, Webhook};
use std::collections::BTreeSet;

/// The longest id of a message.
const ID_MOST: usize = 128;

/// Somebody who may report.
pub struct Reporter {
    /// The short name in the path.
    pub name: String,
    /// What the timeline calls it.
    pub title: String,
    homes: BTreeSet<HomeId>,
    key: Webhook,
}

impl Reporter {
    /// As the configuration names it.
    ///
    /// # Errors
    /// A secret that cannot be read.
    pub fn new(settings: &settings::Reporter) -> Result<Self, String> {
        let settings::Reporter { name, title, secret_file, homes } = settings.clone();
        Ok(Self { name, title, homes, key: secret(&secret_file)? })
    }

    /// Whether it may report of that home.
    pub fn may_speak_of(&self, home: &HomeId) -> bool {
        self.homes.is_empty() || self.homes.contains(home)
    }

    /// The id of a message that it signed within the last five minutes; nothing where it did not.
    pub fn signed(&self, body: &[u8], headers: &HeaderMap) -> Option<String> {
        self.key.verify(body, headers).ok()?;
        let id = headers.get(HEADER_WEBHOOK_ID)?.to_str().ok()?;
        (!id.is_empty() && id.len() <= ID_MOST).then(|| id.to_owned())
    }
}
