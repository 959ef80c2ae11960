//! The progress of webhook deliveries.

use super::{column, failed, incidents, millis, readable};
use crate::{
    domain::{id::IncidentId, time::Timestamp},
    server::store::{Delivery, Failing, StoreError},
};
use sqlx::{Row, SqliteConnection, SqlitePool, sqlite::SqliteRow};

pub(super) async fn since(
    readers: &SqlitePool,
    url: &str,
) -> Result<Option<Timestamp>, StoreError> {
    let since: Option<i64> = sqlx::query_scalar("SELECT since FROM webhook WHERE url = ?")
        .bind(url)
        .fetch_optional(readers)
        .await
        .map_err(failed("read since when a webhook is told"))?;
    Ok(since.map(|since| Timestamp::from_millis(since as u64)))
}

pub(super) async fn put_since(
    writer: &mut SqliteConnection,
    url: &str,
    since: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO webhook (url, since) VALUES (?, ?) ON CONFLICT (url) DO NOTHING")
        .bind(url)
        .bind(millis(since))
        .execute(writer)
        .await
        .map_err(failed("keep since when a webhook is told"))?;
    Ok(())
}

pub(super) async fn all(readers: &SqlitePool, url: &str) -> Result<Vec<Delivery>, StoreError> {
    let rows =
        sqlx::query("SELECT incident, next, failing_since, failure, given_up FROM delivery WHERE url = ? AND failing_since IS NOT NULL")
            .bind(url)
            .fetch_all(readers)
            .await
            .map_err(failed("load what webhooks were told"))?;
    Ok(readable(&rows, "the deliveries of a webhook", |row| delivery(url, row)))
}

fn delivery(url: &str, row: &SqliteRow) -> Result<Delivery, StoreError> {
    let incident = incidents::id(row, 0)?;
    let what = format!("a delivery of incident {incident}");
    let why: Option<String> = column(row, 3, &what)?;
    let since: Option<i64> = row.get(2);
    let failing = since.map(|since| Failing {
        since: Timestamp::from_millis(since as u64),
        why: why.unwrap_or_default(),
        given_up: row.get::<i64, _>(4) != 0,
    });
    Ok(Delivery { url: url.into(), incident, next: row.get::<i64, _>(1) as u32, failing })
}

pub(super) async fn one(
    readers: &SqlitePool,
    url: &str,
    incident: IncidentId,
) -> Result<Option<Delivery>, StoreError> {
    let row = sqlx::query("SELECT incident, next, failing_since, failure, given_up FROM delivery WHERE url = ? AND incident = ?")
        .bind(url)
        .bind(incident.to_string())
        .fetch_optional(readers)
        .await
        .map_err(failed("load what a webhook was told"))?;
    row.as_ref().map(|row| delivery(url, row)).transpose()
}

pub(super) async fn put(writer: &mut SqliteConnection, all: &[Delivery]) -> Result<(), StoreError> {
    let problem = failed("keep what webhooks were told");
    for Delivery { url, incident, next, failing } in all {
        sqlx::query("INSERT OR REPLACE INTO delivery (url, incident, next, failing_since, failure, given_up) VALUES (?, ?, ?, ?, ?, ?)")
            .bind(url)
            .bind(incident.to_string())
            .bind(next)
            .bind(failing.as_ref().map(|f| millis(f.since)))
            .bind(failing.as_ref().map(|f| f.why.as_str()))
            .bind(failing.as_ref().is_some_and(|f| f.given_up))
            .execute(&mut *writer)
            .await
            .map_err(&problem)?;
    }
    Ok(())
}

pub(super) async fn begun_since(
    readers: &SqlitePool,
    at: Timestamp,
) -> Result<Vec<IncidentId>, StoreError> {
    let rows = sqlx::query("SELECT id FROM incident WHERE started_at >= ? ORDER BY started_at, id")
        .bind(millis(at))
        .fetch_all(readers)
        .await
        .map_err(failed("list what began"))?;
    Ok(readable(&rows, "what began", |row| incidents::id(row, 0)))
}
