//! The stored records of accounts, homes and other servers, as types.

use super::{StoreError, Stored};
use crate::domain::{
    access::InvitationScope,
    audit::AuditAction,
    id::{ContactId, HomeId, IncidentId, UserId},
    time::Timestamp,
};
use std::{net::IpAddr, time::Duration};

/// A running incident that the engine does not advance. The ids of the incident and its home are
/// text as stored, because they may be what cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quarantined {
    /// The incident.
    pub incident: String,
    /// Its home.
    pub home: String,
    /// Whether the incident must stay hidden from the home.
    pub quiet: bool,
    /// When it was quarantined.
    pub since: Timestamp,
    /// The reason, for the log.
    pub why: String,
}

/// A row of an incident that is not over.
#[derive(Clone, Debug)]
pub struct RunningRow {
    /// The incident.
    pub incident: String,
    /// Its home.
    pub home: String,
    /// Whether the incident must stay hidden from the home.
    pub quiet: bool,
    /// Its quarantine, if it is quarantined.
    pub quarantined: Option<Quarantined>,
    /// The incident, or why it cannot be read.
    pub stored: Result<Stored, StoreError>,
}

/// An account.
#[derive(Clone, Debug)]
pub struct Account {
    /// The account's id.
    pub id: UserId,
    /// The e-mail address, in lower case.
    pub email: String,
    /// The name of its owner.
    pub name: String,
    /// The hash of the password: Argon2id, in PHC form.
    pub password: String,
}

/// A session that was replaced ends this long after the new one is used.
pub const SESSION_LEAVES: Duration = Duration::from_secs(10);

/// A signed-in device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// The hash of its token. Only the device knows the token itself.
    pub token: [u8; 32],
    /// The account.
    pub account: UserId,
    /// A description of the device for people, such as “Chrome on Android”.
    pub device: String,
    /// When it was signed in.
    pub created_at: Timestamp,
    /// When it was last used, to within an hour.
    pub seen_at: Timestamp,
    /// When it ends unless it is used.
    pub expires_at: Timestamp,
    /// When the password was last given on it, or a passkey used.
    pub proven_at: Timestamp,
    /// When its restriction ends. Until then it may not request help in the account's name. A time
    /// in the past if it is not restricted.
    pub restricted_until: Timestamp,
    /// The session that this one replaces, until the first use of this one's token.
    pub replaces: Option<[u8; 32]>,
}

/// The contact that a link belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContactLink {
    /// The contact's home.
    pub home: HomeId,
    /// The contact.
    pub contact: ContactId,
    /// The number of the link: see [`crate::domain::contact::Contact::link`].
    pub number: u64,
}

/// A registered passkey.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredPasskey {
    /// The id of the credential.
    pub credential: Vec<u8>,
    /// The account.
    pub account: UserId,
    /// A name for people: the device on which it was made.
    pub name: String,
    /// The credential, as the WebAuthn library stores it.
    pub document: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last used.
    pub used_at: Timestamp,
}

/// An invitation: a link with which a person joins a home or the monitoring center.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invitation {
    /// The hash of its token.
    pub token: [u8; 32],
    /// The place and the role.
    pub scope: InvitationScope,
    /// The name of the invited person, as the inviter entered it.
    pub name: String,
    /// The account that invites.
    pub inviter: UserId,
    /// When the link stops working.
    pub expires_at: Timestamp,
}

/// The progress of the webhook deliveries about an incident to another server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The address of that server.
    pub url: String,
    /// The incident.
    pub incident: IncidentId,
    /// The number of the first step that the server has not acknowledged.
    pub next: u32,
    /// The failure, if deliveries fail.
    pub failing: Option<Failing>,
}

/// The alarms of a panel that were acknowledged, and that it has not restored since.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PanelAlarms {
    /// The account of the panel.
    pub account: String,
    /// Each with the name of its signal and its zone, the oldest first.
    pub alarms: Vec<(String, u16)>,
}

/// How long a report is remembered, at least. Its signature is accepted for ten minutes at most, from
/// five minutes before its time until five minutes after it. The rest is for clocks that are corrected
/// meanwhile.
pub const REPORTS_REMEMBERED: Duration = Duration::from_secs(3_600);

/// A report of another server that was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportRow {
    /// The name of the reporter, a slash, and the id of the message.
    pub key: String,
    /// The SHA-256 of the message's body.
    pub body: [u8; 32],
    /// The incident that recorded it, if one did.
    pub incident: Option<IncidentId>,
    /// When it came.
    pub at: Timestamp,
}

impl ReportRow {
    /// Whether an incident recorded the message with this body.
    pub fn is_recorded(&self, body: &[u8; 32]) -> bool {
        self.incident.is_some() && self.body == *body
    }
}

/// A failure of webhook deliveries to another server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failing {
    /// When the failure began.
    pub since: Timestamp,
    /// The reason, in a few words.
    pub why: String,
    /// Whether retries have ended until a person asks for one.
    pub given_up: bool,
}

/// An audit record to be stored.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditEntry {
    /// When the action happened.
    pub at: Timestamp,
    /// The action.
    pub what: AuditAction,
    /// The account that did it, or whose sign-in was tried.
    pub account: Option<UserId>,
    /// The home that it concerns.
    pub home: Option<HomeId>,
    /// The short name of the device's session.
    pub session: Option<String>,
    /// The network address that the request came from.
    pub address: Option<IpAddr>,
    /// The details, such as the values before and after a change. No secrets.
    pub detail: serde_json::Value,
}

impl AuditEntry {
    /// Creates a record without account, home, session and address.
    pub fn new(what: AuditAction, at: Timestamp, detail: serde_json::Value) -> Self {
        Self { at, what, account: None, home: None, session: None, address: None, detail }
    }
}

/// A stored audit record.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditRow {
    /// Its number.
    pub number: u64,
    /// When the action happened.
    pub at: Timestamp,
    /// The action.
    pub what: AuditAction,
    /// The name of the account's owner.
    pub who: Option<String>,
    /// The network address that the request came from.
    pub address: Option<String>,
    /// The details, such as the values before and after a change.
    pub detail: serde_json::Value,
}
