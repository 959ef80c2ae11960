//! What is kept, and the one way to write it.
//!
//! Everything is written over one connection, the [`writer`]'s: a [`Batch`] of the engine first, then a [`Change`] of a handler. Each is
//! stored whole or not at all, and is on the disk when its sender hears of it (I10). [`Op`], [`Guard`] and [`Batch`] are data, so each
//! database is an interpreter of the same closed set, and the same contract test holds for all.

mod change;
mod feed;
mod records;
pub mod sqlite;
pub mod writer;

use super::clock::Anchor;
use crate::domain::{
    access::{CenterRole, Membership},
    home::Home,
    id::{ContactId, HomeId, IncidentId, UserId},
    incident::{effect::Effect, event::Recorded},
    time::Timestamp,
};
use async_trait::async_trait;
pub use change::{Bookkeeping, Change, ChangeError, Guard, Op, Payer, Write};
pub use feed::Feed;
pub use records::{Account, Audited, Delivery, Entry, Failing, Invitation, Quarantined, RunningRow, Session, StoredPasskey};
use std::sync::Arc;
pub use writer::Changes;

/// Why the store did not answer. The operation is in the message, the cause in the source.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// The database refused or failed.
    #[error("cannot {operation}")]
    Database {
        /// What was being done.
        operation: &'static str,
        /// Why it failed.
        #[source]
        source: Arc<sqlx::Error>,
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
    /// Running incidents that are quarantined from now on.
    pub quarantined: Vec<Quarantined>,
    /// Incidents whose quarantine ends, because they can go on.
    pub resumed: Vec<IncidentId>,
}

impl Batch {
    /// Whether there is nothing to store.
    pub fn is_empty(&self) -> bool {
        let Self { begun: _, facts, over: _, requests, effects: _, done, quarantined, resumed } = self;
        facts.is_empty() && requests.is_empty() && done.is_empty() && quarantined.is_empty() && resumed.is_empty()
    }
}

/// What the engine reads and writes: incidents, what is to be done for them, and the time.
#[async_trait]
pub trait Journal: Send + Sync + 'static {
    /// Stores a batch durably and gives it back, or stores nothing of it.
    async fn commit(&self, batch: Batch) -> Result<Batch, StoreError>;
    /// Requests that were answered before, among these ids.
    async fn requests(&self, ids: &[IncidentId]) -> Result<Vec<RequestRow>, StoreError>;
    /// Incidents that are not over, whether or not they can be read.
    async fn running(&self) -> Result<Vec<RunningRow>, StoreError>;
    /// Effects that were not carried out yet, in the order of their incidents' facts, and the keys of those that cannot be read.
    async fn undone(&self) -> Result<(Vec<Effect>, Vec<String>), StoreError>;
    /// What the server's time was tied to.
    async fn anchor(&self) -> Result<Option<Anchor>, StoreError>;
    /// Keeps what the server's time is tied to.
    async fn put_anchor(&self, anchor: &Anchor) -> Result<(), StoreError>;
    /// Does a part of what can wait, now that nothing else waits. Whether there is more of it.
    async fn tidy(&self) -> Result<bool, StoreError>;
    /// One incident.
    async fn incident(&self, id: IncidentId) -> Result<Option<Stored>, StoreError>;
}

/// What the engine reads, on a connection that nobody else uses.
#[async_trait]
pub trait JournalReads: Send + Sync + 'static {
    /// See [`Journal::requests`].
    async fn requests(&self, ids: &[IncidentId]) -> Result<Vec<RequestRow>, StoreError>;
    /// See [`Journal::running`].
    async fn running(&self) -> Result<Vec<RunningRow>, StoreError>;
    /// See [`Journal::undone`].
    async fn undone(&self) -> Result<(Vec<Effect>, Vec<String>), StoreError>;
    /// See [`Journal::anchor`].
    async fn anchor(&self) -> Result<Option<Anchor>, StoreError>;
    /// See [`Journal::incident`].
    async fn incident(&self, id: IncidentId) -> Result<Option<Stored>, StoreError>;
}

/// The writing half of a database. The writer owns it.
#[async_trait]
pub trait Writes: Send + 'static {
    /// Stores a batch: all of it durably, or nothing.
    async fn commit(&mut self, batch: &Batch) -> Result<(), StoreError>;
    /// Makes these in one transaction, in this order, each of them whole or not at all: the first one, and the next as long as nothing
    /// is `urgent`. One result for each that was tried.
    async fn apply(&mut self, writes: &[&Write], urgent: Urgent<'_>) -> Vec<Result<(), ChangeError>>;
    /// See [`Journal::requests`]: what was just written is at hand here.
    async fn requests(&mut self, ids: &[IncidentId]) -> Result<Vec<RequestRow>, StoreError>;
    /// See [`Journal::put_anchor`].
    async fn put_anchor(&mut self, anchor: &Anchor) -> Result<(), StoreError>;
    /// See [`Journal::tidy`].
    async fn tidy(&mut self) -> Result<bool, StoreError>;
}

/// Says whether something waits that goes before changes.
pub type Urgent<'a> = &'a (dyn Fn() -> bool + Sync);

/// An opened database, before anything uses it.
pub struct Database {
    /// For the writer.
    pub writes: Box<dyn Writes>,
    /// For the engine.
    pub journal: Arc<dyn JournalReads>,
    /// For everybody else.
    pub reads: Arc<dyn Reads>,
}

impl Database {
    /// Makes a change where no writer runs.
    ///
    /// # Errors
    /// Why nothing was changed.
    pub async fn apply(&mut self, change: Change) -> Result<(), ChangeError> {
        self.writes.apply(&[&Write::Change(change)], &|| false).await.pop().unwrap_or(Ok(()))
    }
}

/// What everybody but the engine reads.
#[async_trait]
pub trait Reads: Send + Sync + 'static {
    /// One incident.
    async fn incident(&self, id: IncidentId) -> Result<Option<Stored>, StoreError>;
    /// A home's incidents that began before a moment, newest first.
    async fn incidents(&self, home: &HomeId, before: Timestamp, limit: u32) -> Result<Vec<Stored>, StoreError>;
    /// Incidents that began since then, the oldest first.
    async fn begun_since(&self, at: Timestamp) -> Result<Vec<IncidentId>, StoreError>;

    /// All homes, each with its revision, and the ids of those that cannot be read, each with the reason.
    async fn homes(&self) -> Result<(Vec<(Home, u64)>, Vec<(String, StoreError)>), StoreError>;
    /// The account with that e-mail address.
    async fn account(&self, email: &str) -> Result<Option<Account>, StoreError>;
    /// Whether there is any account.
    async fn has_accounts(&self) -> Result<bool, StoreError>;
    /// The homes of an account, with what it is to them, in the order in which it came to them.
    async fn memberships(&self, account: &UserId) -> Result<Vec<(HomeId, Membership)>, StoreError>;
    /// What an account is to a home, if anything.
    async fn membership(&self, home: &HomeId, account: &UserId) -> Result<Option<Membership>, StoreError>;
    /// The accounts of a home, with what they are to it, in the order in which they came.
    async fn members(&self, home: &HomeId) -> Result<Vec<(Account, Membership)>, StoreError>;

    /// The invitation of that token, if it still works.
    async fn invitation(&self, token: [u8; 32], now: Timestamp) -> Result<Option<Invitation>, StoreError>;
    /// The invitations into a home, or without one to the monitoring center, that still work.
    async fn invitations(&self, home: Option<&HomeId>, now: Timestamp) -> Result<Vec<Invitation>, StoreError>;

    /// What an account is at the monitoring center.
    async fn center_role(&self, account: &UserId) -> Result<Option<CenterRole>, StoreError>;
    /// Who works at the monitoring center, by name.
    async fn center_people(&self) -> Result<Vec<(Account, CenterRole)>, StoreError>;

    /// Since when the server at that address is told of incidents, if it is.
    async fn told_since(&self, url: &str) -> Result<Option<Timestamp>, StoreError>;
    /// How far an incident was told there, if it was.
    async fn delivery(&self, url: &str, incident: IncidentId) -> Result<Option<Delivery>, StoreError>;
    /// What is not taken there.
    async fn deliveries(&self, url: &str) -> Result<Vec<Delivery>, StoreError>;

    /// What the audit has of a home or an account, but for incidents' steps, before that number, the newest first.
    async fn audit(&self, home: &HomeId, account: &UserId, before: u64, limit: u32) -> Result<Vec<Audited>, StoreError>;

    /// The session of that token, and whose it is, if it still holds.
    async fn session(&self, token: [u8; 32], now: Timestamp) -> Result<Option<(Account, Session)>, StoreError>;
    /// The sessions of an account that still hold, the one that was used last first.
    async fn sessions(&self, account: &UserId, now: Timestamp) -> Result<Vec<Session>, StoreError>;

    /// The passkeys of an account, the oldest first.
    async fn passkeys(&self, account: &UserId) -> Result<Vec<StoredPasskey>, StoreError>;
    /// The passkey with that credential, and whose it is.
    async fn passkey(&self, credential: &[u8]) -> Result<Option<(Account, StoredPasskey)>, StoreError>;
    /// How many recovery codes were not used yet.
    async fn recovery_codes_left(&self, account: &UserId) -> Result<u32, StoreError>;
    /// Whether an account has that recovery code.
    async fn has_recovery_code(&self, account: &UserId, hash: [u8; 32]) -> Result<bool, StoreError>;

    /// Whose link that is.
    async fn contact_link(&self, token: [u8; 32]) -> Result<Option<(HomeId, ContactId)>, StoreError>;
    /// Which contacts of a home have a link, each with its token where it may be shown.
    async fn contact_links(&self, home: &HomeId) -> Result<Vec<(ContactId, Option<String>)>, StoreError>;
}
