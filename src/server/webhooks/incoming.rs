//! Reporters: dispatch services and centers that may report the progress of help. Each has its own
//! secret. Their messages are parsed here.

use super::settings::{self, SettingsError, secret};
use crate::{
    api::webhooks::{Data, DispatchProgress, Message},
    domain::{
        id::HomeId,
        incident::{Disposition, Report},
    },
};
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

/// The report in a message of a center or a dispatch service. `None` for types that change nothing
/// here.
pub fn report(message: &Message) -> Option<Report> {
    let Data { call, dispatch, disposition, .. } = &message.data;
    Some(match message.kind.strip_prefix("incident.")? {
        "claimed" => Report::Claimed,
        "released" => Report::Released,
        "call_ended" => call
            .as_ref()
            .map(|call| Report::Called { name: call.name.clone(), outcome: call.outcome })?,
        "dispatch_requested" | "dispatch_moved" => {
            let DispatchProgress { service, state, reference } = dispatch.clone()?;
            Report::Moved { service, state, reference }
        }
        // The contact whom they called gave the password there.
        "cancelled" => Report::Ended { disposition: Disposition::FalseAlarm },
        "closed" => {
            Report::Ended { disposition: disposition.unwrap_or(Disposition::ClosedByCenter) }
        }
        _ => return None,
    })
}
