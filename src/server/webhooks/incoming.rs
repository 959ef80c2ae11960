//! Reporters: dispatch services and centers that may report the progress of help. Each has its own
//! secret. Their messages are parsed here.

use super::settings::{self, SettingsError, secret};
use crate::{
    api::webhooks::{Data, DispatchProgress, Message},
    domain::{
        id::HomeId,
        incident::{ByHome, Disposition, Incident, REPORTED_FOR, Report},
        time::Timestamp,
    },
    server::{
        engine::{Current, View},
        store::{IncidentReads, StoreError},
    },
};
use axum::http::HeaderMap;
use standardwebhooks::{HEADER_WEBHOOK_ID, HEADER_WEBHOOK_TIMESTAMP, Webhook};
use std::{collections::BTreeSet, sync::Arc};

/// The longest id of a message, bytes.
const ID_MOST: usize = 128;
/// The longest name or number in a report, characters; longer ones are cut.
const TEXT_MOST: usize = 100;
/// The most incidents of a home that are read to find which one a report means. If the last day has
/// more, that is not known.
const READ_MOST: u32 = 32;

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
        // The library computes how old the message is, which overflows long before 1970.
        headers.get(HEADER_WEBHOOK_TIMESTAMP)?.to_str().ok()?.parse::<u64>().ok()?;
        self.key.verify(body, headers).ok()?;
        let id = headers.get(HEADER_WEBHOOK_ID)?.to_str().ok()?;
        (!id.is_empty() && id.len() <= ID_MOST).then(|| id.to_owned())
    }
}

/// The report in a message of a center or a dispatch service, with its texts cut to a line of 100
/// characters each. `None` for types that change nothing here.
pub fn report(message: &Message) -> Option<Report> {
    let Data { call, dispatch, disposition, .. } = &message.data;
    Some(match message.kind.strip_prefix("incident.")? {
        "claimed" => Report::Claimed,
        "released" => Report::Released,
        "call_ended" => call
            .as_ref()
            .map(|call| Report::Called { name: short(&call.name), outcome: call.outcome })?,
        "dispatch_requested" | "dispatch_moved" => {
            let DispatchProgress { service, state, reference } = dispatch.clone()?;
            let reference = reference.map(|text| short(&text)).filter(|text| !text.is_empty());
            Report::Moved { service, state, reference }
        }
        // The contact whom they called gave the password there.
        "cancelled" => Report::Ended { disposition: Disposition::FalseAlarm },
        "closed" => Report::Ended {
            disposition: disposition.unwrap_or(Disposition::ClosedByCenter).from_elsewhere(),
        },
        _ => return None,
    })
}

/// A name or a number that others wrote, as one line of 100 characters at most.
pub fn short(text: &str) -> String {
    text.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).take(TEXT_MOST).collect()
}

/// Why no incident was found for a report.
#[derive(Debug, thiserror::Error)]
pub enum NotFound {
    /// The report names nothing here that its reporter may speak of.
    #[error("the report is about nothing here")]
    Unknown,
    /// The incidents cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The incident that a report is about.
pub struct Target {
    /// The incident.
    pub current: Arc<Current>,
    /// Whether the report is about this one and no other.
    pub is_sure: bool,
}

/// Where the incident of a report is searched for.
pub struct Search<'s> {
    /// The incidents that run.
    pub view: &'s View,
    /// Those that are stored.
    pub stored: &'s dyn IncidentReads,
    /// The time.
    pub now: Timestamp,
    /// The home of the account that the report names, if it names one that is known.
    pub by_account: Option<&'s HomeId>,
    /// Whether the reporter may speak of a home.
    pub may_speak_of: &'s (dyn Fn(&HomeId) -> bool + Sync),
}

impl Search<'_> {
    /// Finds the incident that a report is about: by the id that the home signaled, by the id that its
    /// webhooks told, or by the home's account. `None` if nothing runs there that it may be about.
    ///
    /// # Errors
    /// The report names nothing here, or the incidents cannot be read.
    pub async fn find(&self, message: &Message) -> Result<Option<Target>, NotFound> {
        let Data { incident, home_incident, .. } = &message.data;
        // A center serves many homes. One of them must not end the incident of another by its id.
        let may = |home: &HomeId| {
            let is_its = self.by_account.is_none_or(|of_account| of_account == home);
            if is_its && (self.may_speak_of)(home) { Ok(()) } else { Err(NotFound::Unknown) }
        };
        for id in [*home_incident, *incident].into_iter().flatten() {
            if let Some(current) = self.view.known(id) {
                return may(&current.incident.home)
                    .map(|()| Some(Target { current, is_sure: true }));
            }
            if let Some(stored) = self.stored.incident(id).await? {
                may(&stored.home)?;
                // After a call-off, what is said of the help that was on its way is recorded.
                let current = Current::load(stored).ok().map(Arc::new);
                return Ok(current.map(|current| Target { current, is_sure: true }));
            }
        }
        // A center that names an incident of the home does not mean another one.
        let home = self.by_account.filter(|_| home_incident.is_none()).ok_or(NotFound::Unknown)?;
        may(home)?;
        Ok(self.find_in(home, message.timestamp).await?)
    }

    /// Finds the running incident of a home that a report of this time is about.
    async fn find_in(
        &self,
        home: &HomeId,
        said_at: Timestamp,
    ) -> Result<Option<Target>, StoreError> {
        let (view, now) = (self.view, self.now);
        let running: Vec<_> =
            view.running_in(home).into_iter().chain(view.quiet_in(home)).collect();
        if running.is_empty() {
            return Ok(None);
        }
        let stored = self.stored.incidents(home, now + REPORTED_FOR, READ_MOST).await?;
        let before: Vec<Incident> =
            stored.iter().filter_map(|stored| stored.replay().ok()).collect();
        let is_whole_day = stored.len() < READ_MOST as usize
            || before.last().is_some_and(|oldest| now.since(oldest.started_at) > REPORTED_FOR);
        // An incident that cannot be read may be the one that the report is about.
        let is_read = before.len() == stored.len() && view.quarantined_in(home).is_empty();
        let found = ByHome::find(running.iter().map(|c| &c.incident), &before, said_at, now);
        Ok(found.and_then(|ByHome { incident, is_sure }| {
            let current = running.into_iter().find(|current| current.incident.id == incident)?;
            Some(Target { current, is_sure: is_sure && is_whole_day && is_read })
        }))
    }
}
