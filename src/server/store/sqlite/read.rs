//! Reads incidents one after another and changes nothing, also while a server uses the file.

use super::{failed, impossible, incidents, lossy, millis};
use crate::{
    domain::{
        id::{HomeId, IncidentId},
        time::Timestamp,
    },
    server::store::{StoreError, Stored},
};
use sqlx::{
    SqlitePool,
    sqlite::{SqliteConnectOptions, SqlitePoolOptions},
};
use std::path::Path;

/// Selects incidents.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Only this one.
    pub incident: Option<IncidentId>,
    /// Only of this home.
    pub home: Option<HomeId>,
    /// Only those that began at this time or later.
    pub since: Option<Timestamp>,
}

/// Calls `with` for each selected incident, the oldest first, with its id and what was read.
///
/// # Errors
/// The incidents cannot be listed, or `with` failed.
pub async fn each<E: From<StoreError>>(
    file: &Path,
    wanted: &Wanted,
    mut with: impl FnMut(&str, Result<Stored, StoreError>) -> Result<(), E>,
) -> Result<(), E> {
    let reader = reader(file).await?;
    let rows = sqlx::query(
        "SELECT id FROM incident WHERE (?1 IS NULL OR id = ?1) AND (?2 IS NULL OR home = ?2) AND started_at >= ?3 ORDER BY started_at, id",
    )
    .bind(wanted.incident.map(|id| id.to_string()))
    .bind(wanted.home.as_ref().map(|home| home.as_str().to_owned()))
    .bind(millis(wanted.since.unwrap_or_default()))
    .fetch_all(&reader)
    .await
    .map_err(failed("list the incidents"))?;
    for row in &rows {
        let id = lossy(row, 0);
        with(&id, stored(&reader, &id).await)?;
    }
    Ok(())
}

/// Opens a file to read it.
pub(super) async fn reader(file: &Path) -> Result<SqlitePool, StoreError> {
    let options = SqliteConnectOptions::new().filename(file).read_only(true);
    SqlitePoolOptions::new()
        .max_connections(1)
        .idle_timeout(None)
        .max_lifetime(None)
        .connect_with(options)
        .await
        .map_err(failed("open the database"))
}

async fn stored(reader: &SqlitePool, id: &str) -> Result<Stored, StoreError> {
    let id: IncidentId = id.parse().map_err(|_| impossible("an incident's id"))?;
    incidents::any(reader, id)
        .await?
        .ok_or_else(|| impossible(format!("incident {id} has no history")))
}
