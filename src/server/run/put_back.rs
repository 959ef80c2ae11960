//! Looks whether the database is the one that this server wrote last, before anything of it runs.

use crate::server::{
    clock::{Machine, TimeSource},
    engine::{self, PutBack},
    store::{Database, StoreError, sqlite::epoch},
};
use std::{path::Path, time::Duration};

/// How long the end of the server waits for the disk.
const AT_THE_END: Duration = Duration::from_secs(1);

/// Withholds everything of a database that was put back (I32), and makes this database the one that
/// was written last. That comes second, so that a crash between the two withholds again.
///
/// # Errors
/// The database cannot be read, or what was decided cannot be stored. Without that nothing may run.
pub(super) async fn withhold(
    file: &Path,
    database: &mut Database,
) -> Result<Option<PutBack>, StoreError> {
    let put_back = match epoch::is_put_back(file).await? {
        true => Some(decide(database).await?),
        false => None,
    };
    renew(file).await;
    Ok(put_back)
}

async fn decide(database: &mut Database) -> Result<PutBack, StoreError> {
    let (running, (pending, unreadable)) =
        (database.journal.running().await?, database.journal.pending().await?);
    let (mut batch, mut put_back) = engine::put_back(running, &pending, Machine.wall());
    // A later version may be able to read these, and must not carry them out either.
    batch.done.extend(unreadable.iter().cloned());
    put_back.withheld.extend(unreadable);
    if !batch.is_empty() {
        database.writes.commit(&batch).await?;
    }
    let PutBack { incidents, withheld } = &put_back;
    tracing::error!(
        incidents,
        withheld = withheld.len(),
        "the database is a backup or a copy, not the one that this server wrote last: its incidents wait for a person, and what was still to be done is not done"
    );
    for key in withheld {
        tracing::error!(key, "an effect of a database that was put back is not carried out");
    }
    Ok(put_back)
}

async fn renew(file: &Path) {
    if let Err(error) = epoch::renew(file).await {
        tracing::warn!(
            error = &error as &dyn std::error::Error,
            "a copy of the database that is made now cannot be told from it later"
        );
    }
}

/// Makes all copies known that were made while the server ran.
pub(super) async fn at_the_end(file: &Path) {
    // A disk that hangs must not keep the server from ending.
    let _ = tokio::time::timeout(AT_THE_END, renew(file)).await;
}
