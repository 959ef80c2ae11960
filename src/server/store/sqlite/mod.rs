//! The store in one SQLite file: write-ahead log, full synchronization, one writing connection, one
//! reading connection for the engine, two for the rights of requests, and a few for everything else.

mod accounts;
mod apply;
mod audit;
mod backup;
pub mod ballast;
mod center;
mod contact_links;
mod deliveries;
pub mod epoch;
mod incidents;
mod inspect;
mod invitations;
mod migrations;
mod panels;
mod passkeys;
mod read;
mod reports;
mod restore;
mod sessions;
mod upkeep;

pub use audit::{Verdict, verify};
pub use backup::backup;
pub use inspect::inspect;
pub use read::{Wanted, each};
pub use restore::restore;

use super::{
    Batch, ChangeError, Cursor, Database, IncidentPage, IncidentReads, JournalReads, Reads,
    ReportRow, RequestRow, RunningRow, StoreError, Stored, Urgent, Write, Writes,
    records::{
        Account, AuditRow, ContactLink, Delivery, Invitation, PanelAlarms, Session, StoredPasskey,
    },
};
use crate::domain::{
    access::{CenterRole, Membership},
    audit::AuditAction,
    home::Home,
    id::{ContactId, HomeId, IncidentId, UserId},
    incident::effect::Effect,
    time::Timestamp,
};
use crate::server::{
    clock::Anchor,
    private,
    tasks::{compute, spawn_contained},
};
use async_trait::async_trait;
use ballast::Ballast;
use sqlx::{
    Connection, Decode, Row, Sqlite, SqliteConnection, SqlitePool, Type,
    sqlite::{
        SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteRow, SqliteSynchronous,
    },
};
use std::{fmt::Display, path::Path, sync::Arc, time::Duration};
use tokio::task::JoinHandle;

/// How long a writer waits for another process that holds the file. This is less than a person may
/// have to wait (F16).
const BUSY_TIMEOUT: Duration = Duration::from_millis(500);
/// The log is written back to the file when the store is idle, and at the latest after this many
/// transactions, of about eight pages of 4 kB each.
const WRITTEN_BACK_AFTER: u32 = 1_000;
/// A log with this many pages is written back within a transaction and starts over. Most of it is
/// in the file by then, so the rest does not take long; and overwriting a log is flushed faster
/// than growing one.
const WAL_PAGES_MOST: &str = "16000";
/// The number of reading connections for lists and records.
const READERS: u32 = 4;
/// The number of reading connections for sessions and roles.
const RIGHTS_READERS: u32 = 2;
/// How long a read waits for a connection. Then the server says that it cannot read now, which is
/// better than a screen that waits.
const ACQUIRED_WITHIN: Duration = Duration::from_secs(2);

/// The name of the database file in the data folder.
pub const DATABASE: &str = "buckler.db";

/// Opens the file, creates it if needed, and migrates it to the latest version.
///
/// # Errors
/// The file cannot be opened or migrated, SQLite is a version that may lose committed writes, or a
/// required setting is not in effect.
pub async fn open(file: &Path) -> Result<Database, StoreError> {
    make_private(file);
    let options = SqliteConnectOptions::new()
        .filename(file)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .pragma("wal_autocheckpoint", WAL_PAGES_MOST)
        .busy_timeout(BUSY_TIMEOUT);
    let mut writer =
        SqliteConnection::connect_with(&options).await.map_err(failed("open the database"))?;
    migrations::migrator().run(&mut writer).await.map_err(|e| {
        StoreError::Unusable(format!(
            "the database {} cannot be brought to this version: {e}",
            file.display()
        ))
    })?;
    assert_durable(&mut writer).await?;
    let journal = Arc::new(EngineReads(readers(&options, 1)));
    let reads = Arc::new(SqliteReads {
        rights: readers(&options, RIGHTS_READERS),
        queries: readers(&options, READERS),
    });
    let writes = SqliteWrites {
        options,
        connection: Some(writer),
        transactions: 0,
        writing_back: None,
        ballast: Ballast::beside(file),
    };
    Ok(Database { writes: Box::new(writes), journal, reads })
}

/// Reading connections, which are opened when they are needed, and kept. A pool that closes those
/// that were idle looks for them in a loop, which was once seen to spin without an end.
fn readers(options: &SqliteConnectOptions, most: u32) -> SqlitePool {
    SqlitePoolOptions::new()
        .max_connections(most)
        .acquire_timeout(ACQUIRED_WITHIN)
        .idle_timeout(None)
        .max_lifetime(None)
        .connect_lazy_with(options.clone().read_only(true))
}

/// The writing connection. It is dropped after a failure that may have left it unusable: SQLite
/// rolls back by itself when the disk is full, sqlx does not notice that, and every transaction on
/// the connection would fail until a restart.
#[derive(Debug)]
struct SqliteWrites {
    options: SqliteConnectOptions,
    connection: Option<SqliteConnection>,
    /// The number of transactions since the log was last written back.
    transactions: u32,
    /// Writes the log back over a connection of its own, so that no transaction waits for it.
    writing_back: Option<JoinHandle<()>>,
    ballast: Ballast,
}

impl SqliteWrites {
    /// Takes the connection, or opens a new one if the last failure dropped it.
    async fn take(&mut self) -> Result<SqliteConnection, StoreError> {
        match self.connection.take() {
            Some(connection) => Ok(connection),
            None => SqliteConnection::connect_with(&self.options)
                .await
                .map_err(failed("open the database again")),
        }
    }

    /// Keeps the connection unless the write may have left it unusable. Also starts to write the
    /// log back when that is due.
    fn give_back<T>(
        &mut self,
        connection: SqliteConnection,
        done: Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        if done.as_ref().err().is_none_or(StoreError::is_constraint) {
            self.connection = Some(connection);
            self.transactions += 1;
            if self.transactions >= WRITTEN_BACK_AFTER
                && self.writing_back.as_ref().is_none_or(JoinHandle::is_finished)
            {
                self.transactions = 0;
                self.writing_back = Some(spawn_contained(
                    "log of the database",
                    "write-back",
                    write_back(self.options.clone()),
                ));
            }
        } else {
            tracing::warn!("a write failed; the next write opens a new connection");
        }
        done
    }
}

async fn write_back(options: SqliteConnectOptions) {
    let done = async {
        let mut connection =
            SqliteConnection::connect_with(&options).await.map_err(failed("open the database"))?;
        upkeep::write_back(&mut connection).await
    };
    if let Err(error) = done.await {
        tracing::warn!(
            error = &error as &dyn std::error::Error,
            "could not write the log back; it grows until that succeeds"
        );
    }
}

/// Calls `$write(connection, …)` with the writing connection.
macro_rules! with_writer {
    ($writes:expr, $write:path $(, $argument:expr)*) => {{
        let mut connection = $writes.take().await?;
        let done = $write(&mut connection $(, $argument)*).await;
        $writes.give_back(connection, done)
    }};
}

#[async_trait]
impl Writes for SqliteWrites {
    async fn commit(&mut self, batch: &Batch) -> Result<(), StoreError> {
        let done = async { with_writer!(self, incidents::commit, batch) }.await;
        match done {
            Err(error) if error.is_full() && self.ballast.drop() => {
                with_writer!(self, incidents::commit, batch)
            }
            done => done,
        }
    }
    async fn apply(
        &mut self,
        writes: &[&Write],
        urgent: Urgent<'_>,
    ) -> Vec<Result<(), ChangeError>> {
        if !self.ballast.take_again() {
            let full = StoreError::Unusable(
                "the disk is full, and what is left of it is kept for incidents".into(),
            );
            return writes.iter().map(|_| Err(full.clone().into())).collect();
        }
        let done = async { with_writer!(self, apply::all, writes, urgent) }.await;
        done.unwrap_or_else(|error| writes.iter().map(|_| Err(error.clone().into())).collect())
    }
    async fn requests(&mut self, ids: &[IncidentId]) -> Result<Vec<RequestRow>, StoreError> {
        let mut connection = self.take().await?;
        let found = incidents::requests(&mut connection, ids).await;
        self.connection = found.is_ok().then_some(connection);
        found
    }
    async fn put_anchor(&mut self, anchor: &Anchor) -> Result<(), StoreError> {
        with_writer!(self, upkeep::put_anchor, anchor)
    }
    async fn tidy(&mut self) -> Result<bool, StoreError> {
        self.transactions = 0;
        with_writer!(self, upkeep::tidy)
    }
}

/// The engine's reading connection.
struct EngineReads(SqlitePool);

#[async_trait]
impl JournalReads for EngineReads {
    async fn requests(&self, ids: &[IncidentId]) -> Result<Vec<RequestRow>, StoreError> {
        incidents::requests(&self.0, ids).await
    }
    async fn running(&self) -> Result<Vec<RunningRow>, StoreError> {
        incidents::running(&self.0).await
    }
    async fn latest_over(&self, since: Timestamp) -> Result<Vec<Stored>, StoreError> {
        incidents::latest_over(&self.0, since).await
    }
    async fn pending(&self) -> Result<(Vec<Effect>, Vec<String>), StoreError> {
        incidents::pending(&self.0).await
    }
    async fn reports(&self, since: Timestamp) -> Result<Vec<ReportRow>, StoreError> {
        reports::since(&self.0, since).await
    }
    async fn anchor(&self) -> Result<Option<Anchor>, StoreError> {
        upkeep::anchor(&self.0).await
    }
    async fn incident(&self, id: IncidentId) -> Result<Option<Stored>, StoreError> {
        incidents::one(&self.0, id).await
    }
}

/// The reading connections of everything but the engine.
struct SqliteReads {
    /// For what every request asks first: who it is from, and what they may. These reads find one
    /// row by its key, and an SOS waits for them. It must not wait for a list that somebody else
    /// loads.
    rights: SqlitePool,
    queries: SqlitePool,
}

#[async_trait]
impl IncidentReads for SqliteReads {
    async fn incidents(
        &self,
        home: &HomeId,
        before: Timestamp,
        limit: u32,
    ) -> Result<Vec<Stored>, StoreError> {
        incidents::of_home(&self.queries, home, before, limit).await
    }
    async fn incident(&self, id: IncidentId) -> Result<Option<Stored>, StoreError> {
        incidents::one(&self.queries, id).await
    }
}

#[async_trait]
impl Reads for SqliteReads {
    async fn homes(&self) -> Result<(Vec<(Home, u64)>, Vec<(String, StoreError)>), StoreError> {
        accounts::homes(&self.queries).await
    }
    async fn account(&self, email: &str) -> Result<Option<Account>, StoreError> {
        accounts::by_email(&self.queries, email).await
    }
    async fn memberships(&self, account: &UserId) -> Result<Vec<(HomeId, Membership)>, StoreError> {
        accounts::memberships(&self.queries, account).await
    }
    async fn membership(
        &self,
        home: &HomeId,
        account: &UserId,
    ) -> Result<Option<Membership>, StoreError> {
        accounts::membership(&self.rights, home, account).await
    }
    async fn has_accounts(&self) -> Result<bool, StoreError> {
        accounts::any(&self.queries).await
    }
    async fn members(&self, home: &HomeId) -> Result<Vec<(Account, Membership)>, StoreError> {
        accounts::members(&self.queries, home).await
    }
    async fn session(
        &self,
        token: [u8; 32],
        now: Timestamp,
    ) -> Result<Option<(Account, Session)>, StoreError> {
        sessions::of_token(&self.rights, token, now).await
    }
    async fn sessions(&self, account: &UserId, now: Timestamp) -> Result<Vec<Session>, StoreError> {
        sessions::of_account(&self.queries, account, now).await
    }
    async fn center_role(&self, account: &UserId) -> Result<Option<CenterRole>, StoreError> {
        center::role(&self.rights, account).await
    }
    async fn center_people(&self) -> Result<Vec<(Account, CenterRole)>, StoreError> {
        center::people(&self.queries).await
    }
    async fn deliveries(&self, url: &str) -> Result<Vec<Delivery>, StoreError> {
        deliveries::all(&self.queries, url).await
    }
    async fn delivery(
        &self,
        url: &str,
        incident: IncidentId,
    ) -> Result<Option<Delivery>, StoreError> {
        deliveries::one(&self.queries, url, incident).await
    }
    async fn begun_since(&self, at: Timestamp) -> Result<Vec<IncidentId>, StoreError> {
        deliveries::begun_since(&self.queries, at).await
    }
    async fn incidents_since(
        &self,
        at: Timestamp,
        from: Option<Cursor>,
        limit: u32,
    ) -> Result<IncidentPage, StoreError> {
        incidents::since(&self.queries, at, from, limit).await
    }
    async fn invitation(
        &self,
        token: [u8; 32],
        now: Timestamp,
    ) -> Result<Option<Invitation>, StoreError> {
        invitations::of_token(&self.queries, token, now).await
    }
    async fn invitations(
        &self,
        home: Option<&HomeId>,
        now: Timestamp,
    ) -> Result<Vec<Invitation>, StoreError> {
        invitations::of(&self.queries, home, now).await
    }
    async fn audit(
        &self,
        home: &HomeId,
        account: &UserId,
        what: &[AuditAction],
        before: u64,
        limit: u32,
    ) -> Result<Vec<AuditRow>, StoreError> {
        audit::of(&self.queries, (home, account), what, before, limit).await
    }
    async fn passkeys(&self, account: &UserId) -> Result<Vec<StoredPasskey>, StoreError> {
        passkeys::of_account(&self.queries, account).await
    }
    async fn has_passkey(&self, account: &UserId) -> Result<bool, StoreError> {
        passkeys::any(&self.queries, account).await
    }
    async fn passkey(
        &self,
        credential: &[u8],
    ) -> Result<Option<(Account, StoredPasskey)>, StoreError> {
        passkeys::by_credential(&self.queries, credential).await
    }
    async fn recovery_codes_left(&self, account: &UserId) -> Result<u32, StoreError> {
        passkeys::codes_left(&self.queries, account).await
    }
    async fn contact_link(&self, token: [u8; 32]) -> Result<Option<ContactLink>, StoreError> {
        contact_links::one(&self.rights, token).await
    }
    async fn contact_links(
        &self,
        home: &HomeId,
    ) -> Result<Vec<(ContactId, u64, Option<String>)>, StoreError> {
        contact_links::of_home(&self.queries, home).await
    }
    async fn panel_alarms(&self) -> Result<Vec<PanelAlarms>, StoreError> {
        panels::all(&self.queries).await
    }
    async fn webhook_since(&self, url: &str) -> Result<Option<Timestamp>, StoreError> {
        deliveries::since(&self.queries, url).await
    }
    async fn has_recovery_code(
        &self,
        account: &UserId,
        hash: [u8; 32],
    ) -> Result<bool, StoreError> {
        passkeys::has_code(&self.queries, account, hash).await
    }
}

/// Makes the database private to this user. SQLite gives the files beside it the same permissions.
fn make_private(file: &Path) {
    // If the file cannot be created, SQLite reports that when it opens the file.
    if private::new_file(file).is_err() {
        private::database_files(file).iter().for_each(|file| private::tighten(file));
    }
}

/// Checks settings that a build or a file could silently override. SQLite 3.7.0 to 3.51.2 can lose
/// committed writes in WAL mode.
async fn assert_durable(connection: &mut SqliteConnection) -> Result<(), StoreError> {
    let row = sqlx::query(
        "SELECT sqlite_version(), (SELECT journal_mode FROM pragma_journal_mode), (SELECT synchronous FROM pragma_synchronous)",
    )
    .fetch_one(connection)
    .await
    .map_err(failed("read the database's settings"))?;
    let (version, journal, synchronous): (String, String, i64) =
        (row.get(0), row.get(1), row.get(2));
    let number: Vec<u32> = version.split('.').map(|part| part.parse().unwrap_or(0)).collect();
    if number < vec![3, 51, 3] {
        return Err(StoreError::Unusable(format!(
            "SQLite {version} can lose committed writes; 3.51.3 or newer is needed"
        )));
    }
    if journal != "wal" || synchronous != 2 {
        return Err(StoreError::Unusable(format!(
            "the database keeps journal “{journal}” and synchronous {synchronous}, not wal and 2"
        )));
    }
    Ok(())
}

pub(super) fn failed(operation: &'static str) -> impl Fn(sqlx::Error) -> StoreError {
    move |source| StoreError::Database { operation, source: Arc::new(source) }
}

/// A time as its column holds it.
fn millis(at: Timestamp) -> i64 {
    at.as_millis() as i64
}

/// Reads a time from a column.
fn moment(row: &SqliteRow, column: usize) -> Timestamp {
    Timestamp::from_millis(row.get::<i64, _>(column) as u64)
}

pub(super) fn impossible(what: impl Into<String>) -> StoreError {
    StoreError::Inconsistent { what: what.into() }
}

/// Parses rows beside the threads of the runtime: a page of histories takes tens of milliseconds.
async fn parsed<T: Send + 'static>(
    what: &'static str,
    rows: Vec<SqliteRow>,
    parse: impl FnOnce(&[SqliteRow]) -> T + Send + 'static,
) -> Result<T, StoreError> {
    let page = compute("rows of the database", what, move || parse(&rows)).await;
    page.ok_or_else(|| impossible(format!("{what}: the rows cannot be parsed")))
}

/// Parses the rows of a list. A row that cannot be read is logged and left out, so that it hides no
/// other.
fn readable<T>(
    rows: &[SqliteRow],
    list: impl Display,
    parse: impl Fn(&SqliteRow) -> Result<T, StoreError>,
) -> Vec<T> {
    let unread = |error: &StoreError| {
        tracing::error!(%list, error = error as &dyn std::error::Error, "a row cannot be read");
    };
    rows.iter().filter_map(|row| parse(row).inspect_err(unread).ok()).collect()
}

/// A column of a row. It may hold bytes that are no text.
fn column<'r, T: Decode<'r, Sqlite> + Type<Sqlite>>(
    row: &'r SqliteRow,
    index: usize,
    what: &str,
) -> Result<T, StoreError> {
    row.try_get(index).map_err(|error| impossible(format!("{what}: {error}")))
}

/// The text of a column, for what must be named even if it is no text.
fn lossy(row: &SqliteRow, index: usize) -> String {
    String::from_utf8_lossy(row.get(index)).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn rights_are_read_while_lists_take_all_other_connections() {
        let folder = tempfile::tempdir().unwrap();
        let options = SqliteConnectOptions::new().filename(folder.path().join(DATABASE));
        drop(open(&folder.path().join(DATABASE)).await.unwrap());
        let reads = SqliteReads { rights: readers(&options, 1), queries: readers(&options, 1) };
        let list = reads.queries.acquire().await.unwrap();
        assert!(reads.session([0; 32], Timestamp::default()).await.unwrap().is_none());
        assert!(reads.contact_link([0; 32]).await.unwrap().is_none());
        let account = "nobody".parse().unwrap();
        assert!(reads.center_role(&account).await.unwrap().is_none());
        assert!(reads.membership(&"home".parse().unwrap(), &account).await.unwrap().is_none());
        assert!(reads.queries.try_acquire().is_none(), "there is no connection for a list");
        drop(list);
        assert!(!reads.has_accounts().await.unwrap());
    }

    #[tokio::test]
    async fn read_that_gets_no_connection_fails_within_seconds() {
        let folder = tempfile::tempdir().unwrap();
        let options = SqliteConnectOptions::new().filename(folder.path().join(DATABASE));
        drop(open(&folder.path().join(DATABASE)).await.unwrap());
        let reads = SqliteReads { rights: readers(&options, 1), queries: readers(&options, 1) };
        let _list = reads.queries.acquire().await.unwrap();
        let read = tokio::time::timeout(4 * ACQUIRED_WITHIN, reads.has_accounts()).await;
        let error = read.expect("it does not wait for the list").unwrap_err();
        let StoreError::Database { source, .. } = &error else { panic!("{error}") };
        assert!(matches!(**source, sqlx::Error::PoolTimedOut), "{source}");
    }
}
