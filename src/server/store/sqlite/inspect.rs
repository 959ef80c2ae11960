//! Checks a database without changing it, also while a server uses it.

use super::{
    audit::{Verdict, verify},
    failed, incidents, lossy, migrations,
    read::reader,
};
use crate::{domain::id::IncidentId, server::store::StoreError};
use sqlx::{Row, SqlitePool};
use std::path::Path;

/// Returns the findings about the file: whether each is good, and a sentence.
///
/// # Errors
/// The file cannot be read at all.
pub async fn inspect(file: &Path) -> Result<Vec<(bool, String)>, StoreError> {
    let reader = reader(file).await?;
    let mut found = vec![whole(&reader).await?, version(&reader).await?, histories(&reader).await?];
    // The file of an older version has no audit records.
    if let Ok(verdict) = verify(file, None).await {
        found.push((matches!(verdict, Verdict::Whole { .. }), format!("audit: {verdict}")));
    }
    Ok(found)
}

/// Checks that a backup can be put back.
///
/// # Errors
/// Why it cannot.
pub(super) async fn check_copy(file: &Path) -> Result<(), StoreError> {
    let reader = reader(file).await?;
    for (good, text) in [whole(&reader).await?, version(&reader).await?] {
        if !good {
            return Err(StoreError::Unusable(format!("{} is {text}", file.display())));
        }
    }
    Ok(())
}

async fn whole(reader: &SqlitePool) -> Result<(bool, String), StoreError> {
    let rows = sqlx::query("PRAGMA integrity_check(5)")
        .fetch_all(reader)
        .await
        .map_err(failed("check the database"))?;
    let said: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    Ok(match said == ["ok"] {
        true => (true, "every page is whole".into()),
        false => (false, format!("damaged; restore a backup: {}", said.join("; "))),
    })
}

async fn version(reader: &SqlitePool) -> Result<(bool, String), StoreError> {
    let newest = migrations::newest();
    let at: i64 = sqlx::query_scalar("SELECT coalesce(max(version), 0) FROM _sqlx_migrations")
        .fetch_one(reader)
        .await
        .map_err(failed("read the database's version"))?;
    Ok(match at {
        at if at > newest => {
            (false, format!("version {at}, of a newer Buckler; this one knows {newest}"))
        }
        at if at < newest => (true, format!("version {at}; the next start brings it to {newest}")),
        at => (true, format!("version {at}")),
    })
}

/// Checks that every history can be read and begins with a start (I15).
async fn histories(reader: &SqlitePool) -> Result<(bool, String), StoreError> {
    let rows = sqlx::query("SELECT id FROM incident")
        .fetch_all(reader)
        .await
        .map_err(failed("list the incidents"))?;
    let mut running = 0;
    for row in &rows {
        let id = lossy(row, 0);
        let known = match id.parse().map(IncidentId) {
            Ok(known) => incidents::any(reader, known).await,
            Err(_) => return Ok((false, format!("“{id}” is no incident's id"))),
        };
        match known.and_then(|stored| stored.map(|stored| stored.replay()).transpose()) {
            Ok(Some(incident)) => running += usize::from(!incident.is_over()),
            Ok(None) => return Ok((false, format!("incident {id} has no history"))),
            Err(error) => return Ok((false, format!("incident {id}: {error}"))),
        }
    }
    Ok((true, format!("{} incidents can be read, {running} of them run", rows.len())))
}
