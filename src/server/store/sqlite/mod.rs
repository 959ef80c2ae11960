//! The store in one SQLite file: write-ahead log, full synchronisation, one writer.

mod accounts;
mod audit;
mod backup;
mod center;
mod deliveries;
mod incidents;
mod inspect;
mod invitations;
mod passkeys;
mod read;
mod sessions;
mod upkeep;

pub use audit::{Verdict, verify};
pub use backup::backup;
pub use inspect::inspect;
pub use read::{Wanted, each};

use super::{Batch, Journal, RequestRow, Store, StoreError, Stored};
use crate::domain::{
    access::{CenterRole, Membership},
    home::Home,
    id::{ContactId, HomeId, IncidentId, UserId},
    incident::effect::Effect,
    time::Timestamp,
};
use crate::server::{
    clock::Anchor,
    private,
    store::{Account, Audited, Delivery, Entry, Invitation, Session, StoredPasskey},
};
use async_trait::async_trait;
use sqlx::{
    Connection, Row, SqliteConnection, SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use std::{path::Path, time::Duration};
use tokio::sync::{Mutex, MutexGuard};

/// How long a writer waits for another process that holds the file, before it says so: short of what a person may wait (F16).
const BUSY_TIMEOUT: Duration = Duration::from_millis(500);
/// The log is written back to the file when nothing waits; at the latest when it has this many pages of 4 kB.
const WAL_PAGES_MOST: &str = "16000";
/// Readers beside the one writer.
const READERS: u32 = 4;

/// The file in the data folder.
pub const DATABASE: &str = "buckler.db";

/// A store in an SQLite file.
#[derive(Debug)]
pub struct SqliteStore {
    options: SqliteConnectOptions,
    /// The connection that writes. It is not there while somebody writes, nor after a failure that may have left it unusable.
    writer: Mutex<Option<SqliteConnection>>,
    readers: SqlitePool,
}

/// The writing connection, for one write. It goes back to its place only when the write is known to have left it as it was: SQLite
/// rolls back by itself when the disk is full, sqlx does not learn of it, and every transaction on that connection would fail until
/// a restart. A request that is dropped half-way does not give it back either.
struct Writer<'s> {
    place: MutexGuard<'s, Option<SqliteConnection>>,
    connection: SqliteConnection,
}

impl Writer<'_> {
    fn give_back<T>(mut self, done: Result<T, StoreError>) -> Result<T, StoreError> {
        if done.as_ref().err().is_none_or(StoreError::is_constraint) {
            *self.place = Some(self.connection);
        } else {
            tracing::warn!("the writing connection is opened anew after a failure");
        }
        done
    }
}

/// Calls `$write(connection, …)` with the writing connection.
macro_rules! with_writer {
    ($store:expr, $write:path $(, $argument:expr)*) => {{
        let mut writer = $store.writer().await?;
        let done = $write(&mut writer.connection $(, $argument)*).await;
        writer.give_back(done)
    }};
}

impl SqliteStore {
    /// Opens the file, making it if need be, and brings it to the newest form.
    ///
    /// # Errors
    /// A file that cannot be opened or migrated, an SQLite that may lose what was committed, or settings that do not hold.
    pub async fn open(file: &Path) -> Result<Self, StoreError> {
        make_private(file);
        let options = SqliteConnectOptions::new()
            .filename(file)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .pragma("wal_autocheckpoint", WAL_PAGES_MOST)
            .busy_timeout(BUSY_TIMEOUT);
        let mut writer = SqliteConnection::connect_with(&options).await.map_err(failed("open the database"))?;
        sqlx::migrate!("src/server/store/sqlite/migrations")
            .run(&mut writer)
            .await
            .map_err(|e| StoreError::Unusable(format!("the database {} cannot be brought to this version: {e}", file.display())))?;
        assert_durable(&mut writer).await?;
        let readers = SqlitePoolOptions::new().max_connections(READERS).connect_lazy_with(options.clone().read_only(true));
        Ok(Self { options, writer: Mutex::new(Some(writer)), readers })
    }

    /// The writing connection, opened anew if the last write left none.
    async fn writer(&self) -> Result<Writer<'_>, StoreError> {
        let mut place = self.writer.lock().await;
        let connection = match place.take() {
            Some(connection) => connection,
            None => SqliteConnection::connect_with(&self.options).await.map_err(failed("open the database again"))?,
        };
        Ok(Writer { place, connection })
    }
}

/// SQLite gives the files beside the database the rights of the database itself.
fn make_private(file: &Path) {
    // What keeps it from being made is said when SQLite opens it.
    if private::new_file(file).is_err() {
        private::database_files(file).iter().for_each(|file| private::tighten(file));
    }
}

/// Settings that a build or a file could silently have otherwise. SQLite 3.7.0 to 3.51.2 can lose committed writes in WAL mode.
async fn assert_durable(connection: &mut SqliteConnection) -> Result<(), StoreError> {
    let row = sqlx::query(
        "SELECT sqlite_version(), (SELECT journal_mode FROM pragma_journal_mode), (SELECT synchronous FROM pragma_synchronous)",
    )
    .fetch_one(connection)
    .await
    .map_err(failed("read the database's settings"))?;
    let (version, journal, synchronous): (String, String, i64) = (row.get(0), row.get(1), row.get(2));
    let number: Vec<u32> = version.split('.').map(|part| part.parse().unwrap_or(0)).collect();
    if number < vec![3, 51, 3] {
        return Err(StoreError::Unusable(format!("SQLite {version} can lose committed writes; 3.51.3 or newer is needed")));
    }
    if journal != "wal" || synchronous != 2 {
        return Err(StoreError::Unusable(format!("the database keeps journal “{journal}” and synchronous {synchronous}, not wal and 2")));
    }
    Ok(())
}

pub(super) fn failed(operation: &'static str) -> impl Fn(sqlx::Error) -> StoreError {
    move |source| StoreError::Database { operation, source }
}

pub(super) fn impossible(what: impl Into<String>) -> StoreError {
    StoreError::Inconsistent { what: what.into() }
}

#[async_trait]
impl Journal for SqliteStore {
    async fn commit(&self, batch: &Batch) -> Result<(), StoreError> {
        with_writer!(self, incidents::commit, batch)
    }
    async fn requests(&self, ids: &[IncidentId]) -> Result<Vec<RequestRow>, StoreError> {
        with_writer!(self, incidents::requests, ids)
    }
    async fn running(&self) -> Result<Vec<Stored>, StoreError> {
        incidents::running(&self.readers).await
    }
    async fn undone(&self) -> Result<Vec<Effect>, StoreError> {
        incidents::undone(&self.readers).await
    }
    async fn anchor(&self) -> Result<Option<Anchor>, StoreError> {
        upkeep::anchor(&self.readers).await
    }
    async fn put_anchor(&self, anchor: &Anchor) -> Result<(), StoreError> {
        with_writer!(self, upkeep::put_anchor, anchor)
    }
    async fn tidy(&self) -> Result<bool, StoreError> {
        with_writer!(self, upkeep::tidy)
    }
    async fn incident(&self, id: IncidentId) -> Result<Option<Stored>, StoreError> {
        incidents::one(&self.readers, id).await
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn probe(&self) -> Result<(), StoreError> {
        with_writer!(self, upkeep::probe)
    }
    async fn incidents(&self, home: &HomeId, before: Timestamp, limit: u32) -> Result<Vec<Stored>, StoreError> {
        incidents::of_home(&self.readers, home, before, limit).await
    }
    async fn homes(&self) -> Result<Vec<Home>, StoreError> {
        accounts::homes(&self.readers).await
    }
    async fn put_home(&self, home: &Home) -> Result<(), StoreError> {
        with_writer!(self, accounts::put_home, home)
    }
    async fn change_home(&self, home: &Home, entry: &Entry) -> Result<(), StoreError> {
        with_writer!(self, accounts::change_home, home, entry)
    }
    async fn put_account(&self, account: &Account) -> Result<(), StoreError> {
        with_writer!(self, accounts::put, account)
    }
    async fn account(&self, email: &str) -> Result<Option<Account>, StoreError> {
        accounts::by_email(&self.readers, email).await
    }
    async fn put_membership(&self, home: &HomeId, account: &UserId, membership: Membership) -> Result<(), StoreError> {
        with_writer!(self, accounts::put_membership, home, account, membership)
    }
    async fn memberships(&self, account: &UserId) -> Result<Vec<(HomeId, Membership)>, StoreError> {
        accounts::memberships(&self.readers, account).await
    }
    async fn membership(&self, home: &HomeId, account: &UserId) -> Result<Option<Membership>, StoreError> {
        accounts::membership(&self.readers, home, account).await
    }
    async fn has_accounts(&self) -> Result<bool, StoreError> {
        accounts::any(&self.readers).await
    }
    async fn members(&self, home: &HomeId) -> Result<Vec<(Account, Membership)>, StoreError> {
        accounts::members(&self.readers, home).await
    }
    async fn end_membership(&self, home: &HomeId, account: &UserId) -> Result<(), StoreError> {
        with_writer!(self, accounts::end_membership, home, account)
    }
    async fn put_session(&self, session: &Session) -> Result<bool, StoreError> {
        with_writer!(self, sessions::put, session)
    }
    async fn end_replaced(&self, token: [u8; 32], by: Timestamp) -> Result<(), StoreError> {
        with_writer!(self, sessions::end_replaced, token, by)
    }
    async fn session(&self, token: [u8; 32], now: Timestamp) -> Result<Option<(Account, Session)>, StoreError> {
        sessions::of_token(&self.readers, token, now).await
    }
    async fn sessions(&self, account: &UserId, now: Timestamp) -> Result<Vec<Session>, StoreError> {
        sessions::of_account(&self.readers, account, now).await
    }
    async fn session_seen(&self, token: [u8; 32], now: Timestamp, expires_at: Timestamp) -> Result<(), StoreError> {
        with_writer!(self, sessions::seen, token, now, expires_at)
    }
    async fn session_proven(&self, token: [u8; 32], at: Timestamp) -> Result<(), StoreError> {
        with_writer!(self, sessions::proven, token, at)
    }
    async fn end_session(&self, token: [u8; 32]) -> Result<(), StoreError> {
        with_writer!(self, sessions::end, token)
    }
    async fn put_center_role(&self, account: &UserId, role: Option<CenterRole>) -> Result<(), StoreError> {
        with_writer!(self, center::put, account, role)
    }
    async fn center_role(&self, account: &UserId) -> Result<Option<CenterRole>, StoreError> {
        center::role(&self.readers, account).await
    }
    async fn center_people(&self) -> Result<Vec<(Account, CenterRole)>, StoreError> {
        center::people(&self.readers).await
    }
    async fn told_since(&self, url: &str, now: Timestamp) -> Result<Timestamp, StoreError> {
        with_writer!(self, deliveries::since, url, now)
    }
    async fn deliveries(&self, url: &str) -> Result<Vec<Delivery>, StoreError> {
        deliveries::all(&self.readers, url).await
    }
    async fn delivery(&self, url: &str, incident: IncidentId) -> Result<Option<Delivery>, StoreError> {
        deliveries::one(&self.readers, url, incident).await
    }
    async fn put_deliveries(&self, all: &[Delivery]) -> Result<(), StoreError> {
        with_writer!(self, deliveries::put, all)
    }
    async fn begun_since(&self, at: Timestamp) -> Result<Vec<IncidentId>, StoreError> {
        deliveries::begun_since(&self.readers, at).await
    }
    async fn put_invitation(&self, invitation: &Invitation) -> Result<(), StoreError> {
        with_writer!(self, invitations::put, invitation)
    }
    async fn invitation(&self, token: [u8; 32], now: Timestamp) -> Result<Option<Invitation>, StoreError> {
        invitations::of_token(&self.readers, token, now).await
    }
    async fn invitations(&self, home: Option<&HomeId>, now: Timestamp) -> Result<Vec<Invitation>, StoreError> {
        invitations::of(&self.readers, home, now).await
    }
    async fn end_invitation(&self, token: [u8; 32]) -> Result<bool, StoreError> {
        with_writer!(self, invitations::end, token)
    }
    async fn record(&self, entry: &Entry) -> Result<(), StoreError> {
        with_writer!(self, audit::record, entry)
    }
    async fn audit(&self, home: &HomeId, account: &UserId, before: u64, limit: u32) -> Result<Vec<Audited>, StoreError> {
        audit::of(&self.readers, home, account, before, limit).await
    }
    async fn release_session(&self, token: [u8; 32]) -> Result<(), StoreError> {
        with_writer!(self, sessions::release, token)
    }
    async fn put_passkey(&self, passkey: &StoredPasskey) -> Result<(), StoreError> {
        with_writer!(self, passkeys::put, passkey)
    }
    async fn passkeys(&self, account: &UserId) -> Result<Vec<StoredPasskey>, StoreError> {
        passkeys::of_account(&self.readers, account).await
    }
    async fn passkey(&self, credential: &[u8]) -> Result<Option<(Account, StoredPasskey)>, StoreError> {
        passkeys::by_credential(&self.readers, credential).await
    }
    async fn end_passkey(&self, account: &UserId, credential: &[u8]) -> Result<(), StoreError> {
        with_writer!(self, passkeys::end, account, credential)
    }
    async fn put_recovery_codes(&self, account: &UserId, hashes: &[[u8; 32]]) -> Result<(), StoreError> {
        with_writer!(self, passkeys::put_codes, account, hashes)
    }
    async fn recovery_codes_left(&self, account: &UserId) -> Result<u32, StoreError> {
        passkeys::codes_left(&self.readers, account).await
    }
    async fn take_recovery_code(&self, account: &UserId, hash: [u8; 32]) -> Result<bool, StoreError> {
        with_writer!(self, passkeys::take_code, account, hash)
    }
    async fn put_contact_link(&self, token: [u8; 32], home: &HomeId, contact: &ContactId, shown: Option<&str>) -> Result<(), StoreError> {
        with_writer!(self, accounts::put_contact_link, token, home, contact, shown)
    }
    async fn end_contact_links(&self, home: &HomeId, contact: &ContactId) -> Result<(), StoreError> {
        with_writer!(self, accounts::end_contact_links, home, contact)
    }
    async fn contact_link(&self, token: [u8; 32]) -> Result<Option<(HomeId, ContactId)>, StoreError> {
        accounts::contact_link(&self.readers, token).await
    }
    async fn contact_links(&self, home: &HomeId) -> Result<Vec<(ContactId, Option<String>)>, StoreError> {
        accounts::contact_links(&self.readers, home).await
    }
}
