//! The server's time, and what keeps the file itself in order.

use super::{audit, failed};
use crate::{
    domain::time::Timestamp,
    server::{
        clock::{Anchor, Boot},
        store::StoreError,
    },
};
use sqlx::{Connection, Row, SqliteConnection, SqlitePool};
use std::time::Duration;

pub(super) async fn anchor(readers: &SqlitePool) -> Result<Option<Anchor>, StoreError> {
    let row = sqlx::query("SELECT boot, uptime_ms, at FROM clock").fetch_optional(readers).await.map_err(failed("read the clock"))?;
    Ok(row.map(|row| Anchor {
        boot: Boot { id: row.get(0), uptime: Duration::from_millis(row.get::<i64, _>(1) as u64) },
        at: Timestamp::from_millis(row.get::<i64, _>(2) as u64),
    }))
}

pub(super) async fn put_anchor(writer: &mut SqliteConnection, Anchor { boot, at }: &Anchor) -> Result<(), StoreError> {
    sqlx::query("INSERT OR REPLACE INTO clock (only, boot, uptime_ms, at) VALUES (1, ?, ?, ?)")
        .bind(&boot.id)
        .bind(boot.uptime.as_millis() as i64)
        .bind(at.as_millis() as i64)
        .execute(writer)
        .await
        .map_err(failed("keep the time"))?;
    Ok(())
}

pub(super) async fn tidy(writer: &mut SqliteConnection) -> Result<bool, StoreError> {
    let more = audit::catch_up(writer).await?;
    if !more {
        sqlx::query("PRAGMA wal_checkpoint(PASSIVE)").execute(writer).await.map_err(failed("write the log back"))?;
    }
    Ok(more)
}

/// A write as every other is: a transaction by sqlx, one row, a flush.
pub(super) async fn probe(writer: &mut SqliteConnection) -> Result<(), StoreError> {
    let problem = failed("write a probe");
    let mut change = writer.begin_with("BEGIN IMMEDIATE").await.map_err(&problem)?;
    let count = "INSERT INTO probe (only, count) VALUES (1, 1) ON CONFLICT DO UPDATE SET count = count + 1";
    sqlx::query(count).execute(&mut *change).await.map_err(&problem)?;
    change.commit().await.map_err(&problem)
}
