//! Puts a backup back in the place of the database. Nothing is lost, and nothing of it acts by
//! itself (I32).

use super::{BUSY_TIMEOUT, DATABASE, backup, epoch, failed, inspect::check_copy, migrations};
use crate::{
    domain::time::Timestamp,
    server::{private, store::StoreError},
};
use sqlx::{Connection, SqliteConnection, sqlite::SqliteConnectOptions};
use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

/// The name under which a copy is prepared in the data folder.
const PREPARED: &str = "buckler.db.restoring";

/// Puts `copy` into the data folder as its database. Returns the name of the database that was there
/// before, if there was one. No server may run on the folder.
///
/// # Errors
/// The copy cannot be used, or the folder cannot be written. The database that was there is then
/// still in its place.
pub async fn restore(
    copy: &Path,
    folder: &Path,
    now: Timestamp,
) -> Result<Option<PathBuf>, StoreError> {
    check_copy(copy).await?;
    let (file, prepared) = (folder.join(DATABASE), folder.join(PREPARED));
    let unusable =
        |error: io::Error| StoreError::Unusable(format!("cannot put {DATABASE} back: {error}"));
    // An earlier attempt that was interrupted left these files.
    private::database_files(&prepared).iter().try_for_each(remove).map_err(unusable)?;
    backup(copy, &prepared).await?;
    prepare(&prepared).await?;
    let before = match file.exists() {
        true => Some(keep(&file, now).map_err(unusable)?),
        false => None,
    };
    if before.is_some()
        && let Err(error) = fold(&file).await
    {
        tracing::warn!(
            error = &error as &dyn std::error::Error,
            "the log of the database before could not be written back; it is kept beside it"
        );
    }
    // A log beside the copy would be taken for its own.
    let [_, logs @ ..] = private::database_files(&file);
    logs.iter().try_for_each(remove).map_err(unusable)?;
    File::open(&prepared)
        .and_then(|prepared| prepared.sync_all())
        .and_then(|()| fs::rename(&prepared, &file))
        .and_then(|()| private::sync_folder_of(&file))
        .map_err(unusable)?;
    Ok(before)
}

fn remove(file: &PathBuf) -> io::Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Brings the copy to this version, so that it can be marked whatever version made it.
async fn prepare(file: &Path) -> Result<(), StoreError> {
    let options = SqliteConnectOptions::new().filename(file).foreign_keys(true);
    let mut copy =
        SqliteConnection::connect_with(&options).await.map_err(failed("open the copy"))?;
    migrations::migrator().run(&mut copy).await.map_err(|e| {
        StoreError::Unusable(format!("the backup cannot be brought to this version: {e}"))
    })?;
    epoch::mark_copy(&mut copy).await?;
    copy.close().await.map_err(failed("close the copy"))
}

/// Copies the database and its log to a name with the date, byte by byte, before anything opens them:
/// SQLite changes what it opens, also what is damaged.
fn keep(file: &Path, now: Timestamp) -> io::Result<PathBuf> {
    let date: String = now.to_string().chars().filter(char::is_ascii_alphanumeric).collect();
    let before = file.with_file_name(format!("{DATABASE}.before-{date}"));
    let names = private::database_files(file).into_iter().zip(private::database_files(&before));
    // The third is made anew from the log.
    for (file, kept) in names.take(2).filter(|(file, _)| file.exists()) {
        fs::copy(file, &kept)?;
        File::open(&kept)?.sync_all()?;
    }
    private::sync_folder_of(&before)?;
    Ok(before)
}

/// Writes the log of a database back, so that its file is the whole of it if a crash leaves it in its
/// place.
async fn fold(file: &Path) -> Result<(), StoreError> {
    let options = SqliteConnectOptions::new().filename(file).busy_timeout(BUSY_TIMEOUT);
    let mut connection =
        SqliteConnection::connect_with(&options).await.map_err(failed("open the database"))?;
    sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)")
        .execute(&mut connection)
        .await
        .map_err(failed("write the log back"))?;
    connection.close().await.map_err(failed("close the database"))
}
