//! Tells the database that this server wrote last from a backup or a copy that was put in its place
//! (I32). The database and a file beside it hold the same value, which changes at each start and
//! each stop.

use super::{BUSY_TIMEOUT, failed};
use crate::server::{private, store::StoreError};
use data_encoding::HEXLOWER;
use sqlx::{
    Connection, Row, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteSynchronous},
};
use std::{io, path::Path};

/// The name of the file beside the database. It belongs to its folder, and to no copy.
pub const FILE: &str = "epoch";
/// What stands for the value of a database that has none yet, and for a file that is not there.
const NONE: &str = "none";
/// The value of a copy that Buckler made. No file has it.
const COPY: &str = "copy";

/// Whether a database is not the one that was written here last. `file` has a value in each line.
/// A folder of an earlier version has neither, and is adopted.
fn differs(file: Option<&str>, database: Option<&str>) -> bool {
    let database = database.unwrap_or(NONE);
    !file.unwrap_or(NONE).lines().any(|known| known == database)
}

/// The values of the file in the steps of a change from `old`. Between them the database changes.
/// Whatever the last step was before a crash, the file knows the value that the database has.
fn steps(old: &str, new: &str) -> [String; 2] {
    [format!("{old}\n{new}\n"), format!("{new}\n")]
}

/// Whether the database is a backup or a copy that was put into its folder.
///
/// # Errors
/// The database cannot be read.
pub async fn is_put_back(database: &Path) -> Result<bool, StoreError> {
    let beside = database.with_file_name(FILE);
    let file = match std::fs::read_to_string(&beside) {
        Ok(text) => Some(text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => {
            tracing::error!(file = %beside.display(), %error, "cannot read what tells the database from a copy");
            Some(String::new())
        }
    };
    let mut connection = connect(database).await?;
    let value = value(&mut connection).await?;
    connection.close().await.map_err(failed("close the database"))?;
    Ok(differs(file.as_deref(), value.as_deref()))
}

/// Changes the value, so that every copy that was made until now is known as one. Both places have
/// it on the disk when this returns.
///
/// # Errors
/// The file or the database cannot be written. The database still counts as the one that was written
/// last.
pub async fn renew(database: &Path) -> Result<(), StoreError> {
    let mut connection = connect(database).await?;
    let old = value(&mut connection).await?;
    let mut bits = [0; 16];
    getrandom::fill(&mut bits).map_err(|e| StoreError::Unusable(format!("no randomness: {e}")))?;
    let new = HEXLOWER.encode(&bits);
    let [both, only_new] = steps(old.as_deref().unwrap_or(NONE), &new);
    keep(database, both).await?;
    put(&mut connection, &new).await?;
    keep(database, only_new).await?;
    connection.close().await.map_err(failed("close the database"))
}

/// Marks a copy, so that a server that starts on it knows it as one.
pub(super) async fn mark_copy(connection: &mut SqliteConnection) -> Result<(), StoreError> {
    let tables = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'epoch'";
    let tables: i64 = sqlx::query_scalar(tables)
        .fetch_one(&mut *connection)
        .await
        .map_err(failed("mark the copy"))?;
    // An earlier version has no place for it.
    if tables == 0 { Ok(()) } else { put(connection, COPY).await }
}

async fn connect(database: &Path) -> Result<SqliteConnection, StoreError> {
    let options = SqliteConnectOptions::new()
        .filename(database)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(BUSY_TIMEOUT);
    SqliteConnection::connect_with(&options).await.map_err(failed("open the database"))
}

async fn value(connection: &mut SqliteConnection) -> Result<Option<String>, StoreError> {
    let row = sqlx::query("SELECT value FROM epoch").fetch_optional(connection).await;
    Ok(row.map_err(failed("read the epoch"))?.map(|row| row.get(0)))
}

async fn put(connection: &mut SqliteConnection, value: &str) -> Result<(), StoreError> {
    sqlx::query("INSERT OR REPLACE INTO epoch (only, value) VALUES (1, ?)")
        .bind(value)
        .execute(connection)
        .await
        .map_err(failed("change the epoch"))?;
    Ok(())
}

/// Writes the file. On a thread of its own, because a disk that hangs must not stop the server.
async fn keep(database: &Path, text: String) -> Result<(), StoreError> {
    let file = database.with_file_name(FILE);
    let name = file.display().to_string();
    let written = tokio::task::spawn_blocking(move || private::replace(&file, &text)).await;
    written
        .map_err(io::Error::other)
        .flatten()
        .map_err(|error| StoreError::Unusable(format!("cannot write {name}: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// I32.
    #[test]
    fn database_that_was_not_written_last_differs() {
        assert!(!differs(None, None), "the folder of an earlier version");
        assert!(!differs(Some("b\n"), Some("b")));
        assert!(differs(Some("b\n"), Some("a")), "an older copy");
        assert!(differs(Some("b\n"), None), "the copy of an earlier version");
        assert!(differs(None, Some("b")), "a copy in a new folder");
        for file in [None, Some("b\n"), Some(""), Some("none\nb\n")] {
            assert!(differs(file, Some(COPY)), "a backup beside {file:?}");
        }
        assert!(differs(Some(""), Some("b")), "a file that was cut");
    }

    /// I32. A crash is not taken for a copy, wherever it happens.
    #[test]
    fn crash_between_the_steps_is_no_copy() {
        for old in [None, Some("a")] {
            let [both, only_new] = steps(old.unwrap_or(NONE), "b");
            assert!(!differs(Some(&both), old), "before the database");
            assert!(!differs(Some(&both), Some("b")), "after the database");
            assert!(!differs(Some(&only_new), Some("b")), "after all");
            assert!(differs(Some(&only_new), old), "a copy from before");
        }
    }
}
