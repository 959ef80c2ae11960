//! The records that are kept of accounts, homes and other servers, as code sees them.

use super::{StoreError, Stored};
use crate::{
    api::audit::Deed,
    domain::{
        access::Seat,
        id::{HomeId, IncidentId, UserId},
        time::Timestamp,
    },
};

/// A running incident that the engine does not advance. Its id and home are as stored: they may be what cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quarantined {
    /// The incident.
    pub incident: String,
    /// Its home.
    pub home: String,
    /// Whether the home must not notice it.
    pub quiet: bool,
    /// Since when.
    pub since: Timestamp,
    /// Why, for the log.
    pub why: String,
}

/// A row of an incident that is not over.
#[derive(Clone, Debug)]
pub struct RunningRow {
    /// The incident.
    pub incident: String,
    /// Its home.
    pub home: String,
    /// Whether the home must not notice it.
    pub quiet: bool,
    /// The quarantine that it is in.
    pub quarantined: Option<Quarantined>,
    /// What was read, or why it cannot be.
    pub stored: Result<Stored, StoreError>,
}

/// An account.
#[derive(Clone, Debug)]
pub struct Account {
    /// Its short name.
    pub id: UserId,
    /// Lower case.
    pub email: String,
    /// What people call its owner.
    pub name: String,
    /// Argon2id, PHC form.
    pub password: String,
}

/// A signed-in device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// The hash of its token; the token itself is known to the device alone.
    pub token: [u8; 32],
    /// Whose.
    pub account: UserId,
    /// What it is, for people: “Chrome on Android”.
    pub device: String,
    /// When it was signed in.
    pub created_at: Timestamp,
    /// When it was last used, to within an hour.
    pub seen_at: Timestamp,
    /// When it ends unless it is used.
    pub expires_at: Timestamp,
    /// When the password was given on it for the last time, or a passkey used.
    pub proven_at: Timestamp,
    /// Until when it does not request help in the account's name; long ago if it does.
    pub held_until: Timestamp,
    /// The session that this one replaces, until its own token was used for the first time.
    pub replaces: Option<[u8; 32]>,
}

/// What an authenticator registered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredPasskey {
    /// The id of the credential.
    pub credential: Vec<u8>,
    /// Whose.
    pub account: UserId,
    /// What it is, for people: the device on which it was made.
    pub name: String,
    /// The credential, as the WebAuthn library keeps it.
    pub document: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was used for the last time.
    pub used_at: Timestamp,
}

/// A link by which somebody comes into a home, or to the monitoring center.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invitation {
    /// The hash of its token.
    pub token: [u8; 32],
    /// Where, and as what.
    pub seat: Seat,
    /// The invited person, as the inviter calls them.
    pub name: String,
    /// Who invites.
    pub inviter: UserId,
    /// When it stops to work.
    pub expires_at: Timestamp,
}

/// How far an incident was told to another server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Where that server is.
    pub url: String,
    /// Which incident.
    pub incident: IncidentId,
    /// The number of the first step that it has not acknowledged.
    pub next: u32,
    /// That it does not take it.
    pub failing: Option<Failing>,
}

/// Another server does not take what it is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failing {
    /// Since when.
    pub since: Timestamp,
    /// Why, in a few words.
    pub why: String,
    /// Whether it is not tried any more, until somebody asks for it.
    pub given_up: bool,
}

/// Something that was done, for the audit.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// When.
    pub at: Timestamp,
    /// What.
    pub what: Deed,
    /// Whose account did it, or was tried.
    pub account: Option<UserId>,
    /// Which home it concerns.
    pub home: Option<HomeId>,
    /// The short name of the device's session.
    pub session: Option<String>,
    /// From which network address.
    pub address: Option<String>,
    /// What was before, what came after. No secrets.
    pub detail: serde_json::Value,
}

impl Entry {
    /// An entry without account, home, session or address.
    pub fn new(what: Deed, at: Timestamp, detail: serde_json::Value) -> Self {
        Self { at, what, account: None, home: None, session: None, address: None, detail }
    }
}

/// A record of the audit, as it is read.
#[derive(Clone, Debug, PartialEq)]
pub struct Audited {
    /// Its number.
    pub number: u64,
    /// When it was done.
    pub at: Timestamp,
    /// What was done.
    pub what: Deed,
    /// The name of the account.
    pub who: Option<String>,
    /// From which network address.
    pub address: Option<String>,
    /// What was before, what came after.
    pub detail: serde_json::Value,
}
