//! Backup copies of the database, also while a server uses it. A backup never overwrites a file.

use super::{epoch, failed};
use crate::server::{private, store::StoreError};
use sqlx::{Connection, SqliteConnection, sqlite::SqliteConnectOptions};
use std::{fs::File, path::Path};

/// Copies the database `file`, in its state at one moment, into the new file `copy`. The copy is on
/// the disk when this returns.
///
/// # Errors
/// The copy exists already or cannot be written; the database cannot be read.
pub async fn backup(file: &Path, copy: &Path) -> Result<(), StoreError> {
    let unusable =
        |what: &str, path: &Path| StoreError::Unusable(format!("{what} {}", path.display()));
    if copy.symlink_metadata().is_ok() {
        return Err(unusable("there is already a file", copy));
    }
    let mut part = copy.as_os_str().to_owned();
    part.push(".part");
    let part = Path::new(&part);
    let name = part.to_str().ok_or_else(|| unusable("not a name for a copy:", copy))?;
    // An earlier backup that was interrupted left this file.
    if part.symlink_metadata().is_ok() {
        std::fs::remove_file(part)
            .map_err(|e| StoreError::Unusable(format!("cannot remove {name}: {e}")))?;
    }
    // SQLite writes only into a file that is empty or does not exist. This one is private to this
    // user, and is no link.
    private::new_file(part)
        .map_err(|e| StoreError::Unusable(format!("cannot write {name}: {e}")))?;
    let options = SqliteConnectOptions::new().filename(file).read_only(true);
    let mut reader =
        SqliteConnection::connect_with(&options).await.map_err(failed("open the database"))?;
    sqlx::query("VACUUM INTO ?")
        .bind(name)
        .execute(&mut reader)
        .await
        .map_err(failed("copy the database"))?;
    let options = SqliteConnectOptions::new().filename(part);
    let mut copied =
        SqliteConnection::connect_with(&options).await.map_err(failed("open the copy"))?;
    epoch::mark_copy(&mut copied).await?;
    copied.close().await.map_err(failed("close the copy"))?;
    let flushed =
        File::open(part).and_then(|f| f.sync_all()).and_then(|()| std::fs::rename(part, copy));
    flushed
        .and_then(|()| private::sync_folder_of(copy))
        .map_err(|e| StoreError::Unusable(format!("cannot write {}: {e}", copy.display())))
}
