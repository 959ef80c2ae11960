//! What is kept. One trait; each database is an implementation of its own, and the same contract test holds for all.
//!
//! A [`Batch`] is committed whole or not at all, and is on the disk when [`Store::commit`] returns (I10).

pub mod memory;
pub mod sqlite;

use super::clock::Anchor;
use crate::api::audit::Deed;
use crate::domain::{
    access::{CenterRole, Membership, Seat},
    home::Home,
    id::{ContactId, HomeId, IncidentId, UserId},
    incident::{effect::Effect, event::Recorded},
    time::Timestamp,
};
use async_trait::async_trait;

/// Why the store did not answer. The operation is in the message, the cause in the source.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database refused or failed.
    #[error("cannot {operation}")]
    Database {
        /// What was being done.
        operation: &'static str,
        /// Why it failed.
        #[source]
        source: sqlx::Error,
    },
    /// What is stored cannot be.
    #[error("what is stored is impossible: {what}")]
    Inconsistent {
        /// What and where.
        what: String,
    },
    /// The database cannot be used at all.
    #[error("{0}")]
    Unusable(String),
}

impl StoreError {
    /// Whether a constraint refused what was to be stored. The connection is as it was before.
    pub fn is_constraint(&self) -> bool {
        use sqlx::error::ErrorKind;
        let kind = match self {
            Self::Database { source, .. } => source.as_database_error().map(|error| error.kind()),
            Self::Inconsistent { .. } | Self::Unusable(_) => None,
        };
        kind.is_some_and(|kind| {
            matches!(
                kind,
                ErrorKind::UniqueViolation | ErrorKind::ForeignKeyViolation | ErrorKind::NotNullViolation | ErrorKind::CheckViolation
            )
        })
    }

    /// Whether a part of a batch may be at fault: then the rest is worth trying without it. Otherwise nothing could be stored now.
    pub fn may_be_about_one(&self) -> bool {
        match self {
            Self::Database { source, .. } => source.as_database_error().is_some_and(|e| e.kind() != sqlx::error::ErrorKind::Other),
            Self::Inconsistent { .. } => true,
            Self::Unusable(_) => false,
        }
    }
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
    /// Whom, as whoever invites calls them.
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
    /// Something that was done by nobody in particular.
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

/// One incident with its whole history.
#[derive(Clone, Debug)]
pub struct Stored {
    /// Its id.
    pub id: IncidentId,
    /// Whose.
    pub home: HomeId,
    /// Everything that happened, in order.
    pub history: Vec<Recorded>,
}

/// A client's request, by its id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestRow {
    /// Made by the client.
    pub id: IncidentId,
    /// The incident that it became or joined.
    pub incident: IncidentId,
    /// The hash of what was asked.
    pub fingerprint: [u8; 32],
}

/// An incident that begins.
#[derive(Clone, Debug)]
pub struct Begun {
    /// Its id.
    pub id: IncidentId,
    /// Whose.
    pub home: HomeId,
    /// When.
    pub at: Timestamp,
    /// Whether the home must not notice it.
    pub quiet: bool,
}

/// What one transaction stores.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// Incidents that begin.
    pub begun: Vec<Begun>,
    /// The facts of each decision, with the number of the first.
    pub facts: Vec<(IncidentId, u32, Vec<Recorded>)>,
    /// Incidents that are over now.
    pub over: Vec<IncidentId>,
    /// Requests that were answered.
    pub requests: Vec<RequestRow>,
    /// Effects that the facts cause.
    pub effects: Vec<Effect>,
    /// Keys of effects that were carried out or given up.
    pub done: Vec<String>,
}

impl Batch {
    /// Whether there is nothing to store.
    pub fn is_empty(&self) -> bool {
        self.facts.is_empty() && self.requests.is_empty() && self.done.is_empty()
    }
}

/// What the durable loop keeps: incidents, what is to be done for them, and the time.
#[async_trait]
pub trait Journal: Send + Sync + 'static {
    /// Stores a batch: all of it durably, or nothing.
    async fn commit(&self, batch: &Batch) -> Result<(), StoreError>;
    /// Requests that were answered before, among these ids.
    async fn requests(&self, ids: &[IncidentId]) -> Result<Vec<RequestRow>, StoreError>;
    /// Incidents that are not over.
    async fn running(&self) -> Result<Vec<Stored>, StoreError>;
    /// Effects that were not carried out yet.
    async fn undone(&self) -> Result<Vec<Effect>, StoreError>;
    /// What the server's time was tied to.
    async fn anchor(&self) -> Result<Option<Anchor>, StoreError>;
    /// Keeps what the server's time is tied to.
    async fn put_anchor(&self, anchor: &Anchor) -> Result<(), StoreError>;
    /// Does a part of what can wait, now that nothing else waits. Whether there is more of it.
    async fn tidy(&self) -> Result<bool, StoreError>;
    /// One incident.
    async fn incident(&self, id: IncidentId) -> Result<Option<Stored>, StoreError>;
}

/// Everything that is kept.
#[async_trait]
pub trait Store: Journal {
    /// Writes something small as everything else is written: whether what people do would be stored now.
    async fn probe(&self) -> Result<(), StoreError>;

    /// A home's incidents that began before a moment, newest first.
    async fn incidents(&self, home: &HomeId, before: Timestamp, limit: u32) -> Result<Vec<Stored>, StoreError>;

    /// All homes.
    async fn homes(&self) -> Result<Vec<Home>, StoreError>;
    /// Adds or replaces a home.
    async fn put_home(&self, home: &Home) -> Result<(), StoreError>;
    /// Keeps what was changed of a home, and adds to the audit who did it: both or neither.
    async fn change_home(&self, home: &Home, entry: &Entry) -> Result<(), StoreError>;
    /// Adds an account, or replaces the one with the same id.
    async fn put_account(&self, account: &Account) -> Result<(), StoreError>;
    /// The account with that e-mail address.
    async fn account(&self, email: &str) -> Result<Option<Account>, StoreError>;
    /// Sets what somebody is to a home.
    async fn put_membership(&self, home: &HomeId, account: &UserId, membership: Membership) -> Result<(), StoreError>;
    /// The homes of an account, with what it is to them, in the order in which it came to them.
    async fn memberships(&self, account: &UserId) -> Result<Vec<(HomeId, Membership)>, StoreError>;
    /// What an account is to a home, if anything.
    async fn membership(&self, home: &HomeId, account: &UserId) -> Result<Option<Membership>, StoreError>;

    /// Whether there is any account.
    async fn has_accounts(&self) -> Result<bool, StoreError>;
    /// The accounts of a home, with what they are to it, in the order in which they came.
    async fn members(&self, home: &HomeId) -> Result<Vec<(Account, Membership)>, StoreError>;
    /// Takes an account out of a home.
    async fn end_membership(&self, home: &HomeId, account: &UserId) -> Result<(), StoreError>;

    /// Keeps an invitation.
    async fn put_invitation(&self, invitation: &Invitation) -> Result<(), StoreError>;
    /// The invitation of that token, if it still works.
    async fn invitation(&self, token: [u8; 32], now: Timestamp) -> Result<Option<Invitation>, StoreError>;
    /// The invitations into a home, or without one to the monitoring center, that still work.
    async fn invitations(&self, home: Option<&HomeId>, now: Timestamp) -> Result<Vec<Invitation>, StoreError>;
    /// Ends an invitation; false if it was over already.
    async fn end_invitation(&self, token: [u8; 32]) -> Result<bool, StoreError>;

    /// Says what an account is at the monitoring center; nothing, if anything, from now on.
    async fn put_center_role(&self, account: &UserId, role: Option<CenterRole>) -> Result<(), StoreError>;
    /// What an account is at the monitoring center.
    async fn center_role(&self, account: &UserId) -> Result<Option<CenterRole>, StoreError>;
    /// Who works at the monitoring center, by name.
    async fn center_people(&self) -> Result<Vec<(Account, CenterRole)>, StoreError>;

    /// Since when the server at that address is told of incidents: from now on, if it was not known.
    async fn told_since(&self, url: &str, now: Timestamp) -> Result<Timestamp, StoreError>;
    /// How far an incident was told there, if it was.
    async fn delivery(&self, url: &str, incident: IncidentId) -> Result<Option<Delivery>, StoreError>;
    /// What is not taken there.
    async fn deliveries(&self, url: &str) -> Result<Vec<Delivery>, StoreError>;
    /// Keeps how far incidents were told.
    async fn put_deliveries(&self, all: &[Delivery]) -> Result<(), StoreError>;
    /// Incidents that began since then, the oldest first.
    async fn begun_since(&self, at: Timestamp) -> Result<Vec<IncidentId>, StoreError>;

    /// Adds to the audit, for ever.
    async fn record(&self, entry: &Entry) -> Result<(), StoreError>;
    /// What the audit has of a home or an account, but for incidents' steps, before that number, the newest first.
    async fn audit(&self, home: &HomeId, account: &UserId, before: u64, limit: u32) -> Result<Vec<Audited>, StoreError>;

    /// Keeps a session; those that are over go. False, and nothing is kept, if another one replaces the same.
    async fn put_session(&self, session: &Session) -> Result<bool, StoreError>;
    /// Lets the session that this one replaces end by then.
    async fn end_replaced(&self, token: [u8; 32], by: Timestamp) -> Result<(), StoreError>;
    /// The session of that token, and whose it is, if it still holds.
    async fn session(&self, token: [u8; 32], now: Timestamp) -> Result<Option<(Account, Session)>, StoreError>;
    /// The sessions of an account that still hold, the one that was used last first.
    async fn sessions(&self, account: &UserId, now: Timestamp) -> Result<Vec<Session>, StoreError>;
    /// Notes that a session was used, and when it ends now, unless it is about to.
    async fn session_seen(&self, token: [u8; 32], now: Timestamp, expires_at: Timestamp) -> Result<(), StoreError>;
    /// Notes that the password was given on a device, or a passkey used.
    async fn session_proven(&self, token: [u8; 32], at: Timestamp) -> Result<(), StoreError>;
    /// Lets a device request help.
    async fn release_session(&self, token: [u8; 32]) -> Result<(), StoreError>;
    /// Ends a session, and the one that it replaces.
    async fn end_session(&self, token: [u8; 32]) -> Result<(), StoreError>;

    /// Adds a passkey, or notes how one that is the account's stands after it was used.
    async fn put_passkey(&self, passkey: &StoredPasskey) -> Result<(), StoreError>;
    /// The passkeys of an account, the oldest first.
    async fn passkeys(&self, account: &UserId) -> Result<Vec<StoredPasskey>, StoreError>;
    /// The passkey with that credential, and whose it is.
    async fn passkey(&self, credential: &[u8]) -> Result<Option<(Account, StoredPasskey)>, StoreError>;
    /// Removes a passkey.
    async fn end_passkey(&self, account: &UserId, credential: &[u8]) -> Result<(), StoreError>;
    /// Replaces the recovery codes of an account, kept as hashes.
    async fn put_recovery_codes(&self, account: &UserId, hashes: &[[u8; 32]]) -> Result<(), StoreError>;
    /// How many recovery codes were not used yet.
    async fn recovery_codes_left(&self, account: &UserId) -> Result<u32, StoreError>;
    /// Uses up a recovery code; false if the account has no such one.
    async fn take_recovery_code(&self, account: &UserId, hash: [u8; 32]) -> Result<bool, StoreError>;

    /// Keeps a contact's link by the hash of its token; `shown` only in a demo.
    async fn put_contact_link(&self, token: [u8; 32], home: &HomeId, contact: &ContactId, shown: Option<&str>) -> Result<(), StoreError>;
    /// Ends the links of a contact.
    async fn end_contact_links(&self, home: &HomeId, contact: &ContactId) -> Result<(), StoreError>;
    /// Whose link that is.
    async fn contact_link(&self, token: [u8; 32]) -> Result<Option<(HomeId, ContactId)>, StoreError>;
    /// Which contacts of a home have a link, each with its token where it may be shown.
    async fn contact_links(&self, home: &HomeId) -> Result<Vec<(ContactId, Option<String>)>, StoreError>;
}
