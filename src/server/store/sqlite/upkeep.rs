//! The server's time, and the maintenance of the database file.

use super::{audit, failed, millis, moment};
use crate::server::{
    clock::{Anchor, Boot},
    store::StoreError,
};
use sqlx::{Row, SqliteConnection, SqlitePool};
use std::time::Duration;

pub(super) async fn anchor(readers: &SqlitePool) -> Result<Option<Anchor>, StoreError> {
    let row = sqlx::query("SELECT boot, uptime_ms, at FROM clock")
        .fetch_optional(readers)
        .await
        .map_err(failed("read the clock"))?;
    Ok(row.map(|row| Anchor {
        boot: Boot { id: row.get(0), uptime: Duration::from_millis(row.get::<i64, _>(1) as u64) },
        at: moment(&row, 2),
    }))
}

pub(super) async fn put_anchor(
    writer: &mut SqliteConnection,
    Anchor { boot, at }: &Anchor,
) -> Result<(), StoreError> {
    sqlx::query("INSERT OR REPLACE INTO clock (only, boot, uptime_ms, at) VALUES (1, ?, ?, ?)")
        .bind(&boot.id)
        .bind(boot.uptime.as_millis() as i64)
        .bind(millis(*at))
        .execute(writer)
        .await
        .map_err(failed("keep the time"))?;
    Ok(())
}

pub(super) async fn tidy(writer: &mut SqliteConnection) -> Result<bool, StoreError> {
    let more = audit::catch_up(writer).await?;
    if !more {
        write_back(writer).await?;
    }
    Ok(more)
}

/// Copies the log into the file, as far as no reader prevents it.
pub(super) async fn write_back(connection: &mut SqliteConnection) -> Result<(), StoreError> {
    sqlx::query("PRAGMA wal_checkpoint(PASSIVE)")
        .execute(connection)
        .await
        .map_err(failed("write the log back"))?;
    Ok(())
}

/// Writes one row, within a transaction like every other write.
pub(super) async fn probe(writer: &mut SqliteConnection) -> Result<(), StoreError> {
    let count =
        "INSERT INTO probe (only, count) VALUES (1, 1) ON CONFLICT DO UPDATE SET count = count + 1";
    sqlx::query(count).execute(writer).await.map_err(failed("write a probe"))?;
    Ok(())
}
