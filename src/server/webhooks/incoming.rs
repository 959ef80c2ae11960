//! Reporters: dispatch services and centers that may report the progress of help. Each has its own
//! secret.

use super::settings::{self, SettingsError, secret};
use crate::domain::id::HomeId;
use axum::http::HeaderMap;
use standardwebhooks::{HEADER_WEBHOOK_ID, Webhook};
use std::collections::BTreeSet;

/// The longest id of a message, bytes.
const ID_MOST: usize = 128;

/// A reporter.
pub struct Reporter {
    /// The short name in the path.
    pub name: String,
    /// Its name on the timeline.
    pub title: String,
    homes: BTreeSet<HomeId>,
    key: Webhook,
}

impl Reporter {
    /// Creates a reporter from the configuration.
    ///
    /// # Errors
    /// A secret that cannot be read.
    pub fn new(settings: &settings::Reporter) -> Result<Self, SettingsError> {
        let settings::Reporter { name, title, secret_file, homes } = settings.clone();
        Ok(Self { name, title, homes, key: secret(&secret_file)? })
    }

    /// Whether it may report on that home.
    pub fn may_speak_of(&self, home: &HomeId) -> bool {
        self.homes.is_empty() || self.homes.contains(home)
    }

    /// Returns the id of a message, if the reporter signed the message within the last five
    /// minutes.
    pub fn signed(&self, body: &[u8], headers: &HeaderMap) -> Option<String> {
        self.key.verify(body, headers).ok()?;
        let id = headers.get(HEADER_WEBHOOK_ID)?.to_str().ok()?;
        (!id.is_empty() && id.len() <= ID_MOST).then(|| id.to_owned())
    }
}
