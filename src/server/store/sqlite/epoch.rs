//! Tells the database that this server wrote last from a backup or a copy that was put in its place
//! (I32). The database and a file beside it hold the same value, which changes at each start and
//! each stop. It also tells the log of a killed server from the log of a copy.

use super::{BUSY_TIMEOUT, failed, upkeep};
use crate::{
    domain::time::Timestamp,
    server::{private, store::StoreError},
};
use data_encoding::HEXLOWER;
use sqlx::{
    Connection, Row, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteSynchronous},
};
use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// The name of the file beside the database. It belongs to its folder, and to no copy.
pub const FILE: &str = "epoch";
/// What stands for the value of a database that has none yet, and for a file that is not there.
const NONE: &str = "none";
/// A line of the file: the database has its value without its log, too. No value is like it.
const IN_THE_FILE: &str = "in the file";
/// The value of a copy that Buckler made. No file has it.
const COPY: &str = "copy";

/// Whether a database is not the one that was written here last. `file` has a value in each line.
/// A folder of an earlier version has neither, and is adopted.
fn differs(file: Option<&str>, database: Option<&str>) -> bool {
    let database = database.unwrap_or(NONE);
    !file.unwrap_or(NONE).lines().any(|known| known == database)
}

/// Whether a database was replaced, so that a log beside it belongs to another one. `alone` is its
/// value without the log. If the log was not written back since the value changed, only the log has
/// the new value, and nothing can be said.
fn is_replaced(file: &str, alone: Option<&str>) -> bool {
    let (new, is_in_the_file) = (file.lines().next(), file.lines().any(|line| line == IN_THE_FILE));
    is_in_the_file && new != Some(alone.unwrap_or(NONE))
}

/// The values of the file in the steps of a change from `old`. Between them the database changes.
/// Whatever the last step was before a crash, the file knows the value that the database has.
fn steps(old: &str, new: &str) -> [String; 2] {
    [format!("{old}\n{new}\n"), format!("{new}\n")]
}

/// Moves the log away if the database beside it was replaced by a copy: SQLite would take it for the
/// copy's own, and mix the two. No server may run on the folder.
///
/// # Errors
/// The log cannot be moved, or the file not be written. Without that nothing may be stored.
pub async fn set_foreign_log_aside(database: &Path, now: Timestamp) -> Result<(), StoreError> {
    let file = fs::read_to_string(database.with_file_name(FILE)).unwrap_or_default();
    // A file that cannot be read alone may be whole with its log.
    let Ok(alone) = value_without_log(database).await else { return Ok(()) };
    if !is_replaced(&file, alone.as_deref()) {
        return Ok(());
    }
    let [_, log, index] = private::database_files(database);
    if fs::metadata(&log).is_ok_and(|log| log.len() > 0) {
        let date: String = now.to_string().chars().filter(char::is_ascii_alphanumeric).collect();
        let mut name = log.as_os_str().to_owned();
        name.push(format!(".before-{date}"));
        let name = PathBuf::from(name);
        let moved = fs::rename(&log, &name).and_then(|()| private::sync_folder_of(&name));
        moved.map_err(|error| {
            StoreError::Unusable(format!("cannot move the log of another database away: {error}"))
        })?;
        // Without its log it means nothing, and SQLite makes it anew.
        let _ = fs::remove_file(index);
        tracing::error!(
            log = %name.display(),
            "the database was replaced by a copy, and the log beside it belongs to the one before: it is kept under another name"
        );
    }
    // The log that the copy gets is its own.
    let known = file.lines().filter(|line| *line != IN_THE_FILE);
    keep(database, known.map(|line| format!("{line}\n")).collect()).await
}

/// Whether the database is a backup or a copy that was put into its folder.
///
/// # Errors
/// The database cannot be read.
pub async fn is_put_back(database: &Path) -> Result<bool, StoreError> {
    let beside = database.with_file_name(FILE);
    let file = match fs::read_to_string(&beside) {
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
    keep(database, only_new.clone()).await?;
    let in_the_file = async {
        upkeep::write_back(&mut connection).await?;
        // A reader may have prevented a part of it.
        if value_without_log(database).await?.is_some_and(|alone| alone == new) {
            flush(database).await?;
            keep(database, format!("{only_new}{IN_THE_FILE}\n")).await?;
        }
        Ok::<_, StoreError>(())
    };
    if let Err(error) = in_the_file.await {
        tracing::warn!(
            error = &error as &dyn std::error::Error,
            "a log beside a copy of the database cannot be told from the copy's own"
        );
    }
    connection.close().await.map_err(failed("close the database"))
}

/// Flushes the database file. SQLite flushes it only after a checkpoint of the whole log. Runs on a
/// blocking thread, as [`keep`] does.
async fn flush(database: &Path) -> Result<(), StoreError> {
    let file = database.to_owned();
    let flushed = tokio::task::spawn_blocking(move || fs::File::open(file)?.sync_all()).await;
    flushed
        .map_err(io::Error::other)
        .flatten()
        .map_err(|error| StoreError::Unusable(format!("cannot flush the database: {error}")))
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

/// The value in the file itself.
async fn value_without_log(database: &Path) -> Result<Option<String>, StoreError> {
    let options = SqliteConnectOptions::new().filename(database).read_only(true).immutable(true);
    let mut connection =
        SqliteConnection::connect_with(&options).await.map_err(failed("open the database"))?;
    let value = value(&mut connection).await?;
    connection.close().await.map_err(failed("close the database"))?;
    Ok(value)
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

    /// I32. A log that a killed server left is its own until the database has another value than the one
    /// that was written into it.
    #[test]
    fn log_is_foreign_only_beside_a_file_that_was_replaced() {
        let file = format!("b\n{IN_THE_FILE}\n");
        assert!(!is_replaced(&file, Some("b")));
        assert!(is_replaced(&file, Some("a")), "an older copy");
        assert!(is_replaced(&file, Some(COPY)), "a backup");
        assert!(is_replaced(&file, None), "the copy of an earlier version");
        for file in ["", "b\n", "a\nb\n"] {
            assert!(!is_replaced(file, Some("a")), "the log may have the value: {file:?}");
        }
        assert!(!differs(Some(&file), Some("b")) && differs(Some(&file), Some("a")));
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
