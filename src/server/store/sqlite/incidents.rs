//! Incidents, their facts, and the outbox. A batch goes in by one statement a table, however many incidents it holds.

use super::{failed, impossible};
use crate::{
    domain::{
        id::{HomeId, IncidentId},
        incident::{
            effect::{Effect, EffectKind},
            event::Recorded,
        },
        time::Timestamp,
    },
    server::store::{Batch, RequestRow, StoreError, Stored},
};
use serde_json::{Value, json};
use sqlx::{Row, SqliteConnection, SqlitePool, sqlite::SqliteRow};

const BEGIN: &str = "INSERT INTO incident (id, home, started_at, running)
    SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3 FROM json_each(?)";
const FACTS: &str = "INSERT INTO fact (incident, seq, body) SELECT value ->> 0, value ->> 1, value -> 2 FROM json_each(?)";
const OVER: &str = "UPDATE incident SET running = NULL WHERE id IN (SELECT value FROM json_each(?))";
const REQUESTS: &str = "INSERT INTO request (id, incident, fingerprint)
    SELECT value ->> 0, value ->> 1, unhex(value ->> 2) FROM json_each(?)";
const EFFECTS: &str = "INSERT INTO outbox (key, incident, once, body)
    SELECT value ->> 0, value ->> 1, value ->> 2, value -> 3 FROM json_each(?)";
const DONE: &str = "UPDATE outbox SET done_at = e.value ->> 1 FROM json_each(?) AS e WHERE outbox.key = e.value ->> 0";

pub(super) async fn commit(writer: &mut SqliteConnection, batch: &Batch) -> Result<(), StoreError> {
    let ids = |r: &RequestRow| json!([r.id, r.incident, hex(&r.fingerprint)]);
    let once = |e: &Effect| match &e.kind {
        EffectKind::RequestDispatch { service } => json!(service),
        _ => Value::Null,
    };
    let running = |id: &IncidentId| (!batch.over.contains(id)).then_some(1);
    // What ends makes room for what begins, so it goes first.
    let statements: [(&'static str, Vec<Value>); 6] = [
        (OVER, batch.over.iter().map(|id| json!(id)).collect()),
        (BEGIN, batch.begun.iter().map(|(id, home, at)| json!([id, home, at.as_millis(), running(id)])).collect()),
        (FACTS, batch.facts.iter().map(|(id, seq, fact)| json!([id, seq, fact])).collect()),
        (REQUESTS, batch.requests.iter().map(ids).collect()),
        (EFFECTS, batch.effects.iter().map(|e| json!([e.key, e.incident, once(e), e])).collect()),
        (DONE, batch.done.iter().map(|(key, at)| json!([key, at.as_millis()])).collect()),
    ];
    let problem = failed("store what happened");
    sqlx::query("BEGIN IMMEDIATE").execute(&mut *writer).await.map_err(&problem)?;
    for (statement, rows) in statements.into_iter().filter(|(_, rows)| !rows.is_empty()) {
        let written = sqlx::query(statement).bind(Value::Array(rows).to_string()).execute(&mut *writer).await;
        if let Err(error) = written {
            roll_back(writer).await;
            return Err(problem(error));
        }
    }
    if let Err(error) = sqlx::query("COMMIT").execute(&mut *writer).await {
        roll_back(writer).await;
        return Err(problem(error));
    }
    Ok(())
}

/// SQLite rolls some failures back by itself, and then says that there is nothing to roll back.
async fn roll_back(writer: &mut SqliteConnection) {
    let _ = sqlx::query("ROLLBACK").execute(writer).await;
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(super) async fn requests(writer: &mut SqliteConnection, ids: &[IncidentId]) -> Result<Vec<RequestRow>, StoreError> {
    let rows = sqlx::query("SELECT id, incident, fingerprint FROM request WHERE id IN (SELECT value FROM json_each(?))")
        .bind(json!(ids).to_string())
        .fetch_all(writer)
        .await
        .map_err(failed("look for earlier requests"))?;
    let parse = |row: &SqliteRow| {
        let fingerprint = row.get::<Vec<u8>, _>(2).try_into().map_err(|_| impossible("a request's fingerprint"))?;
        Ok(RequestRow { id: id(row, 0)?, incident: id(row, 1)?, fingerprint })
    };
    rows.iter().map(parse).collect()
}

pub(super) async fn running(readers: &SqlitePool) -> Result<Vec<Stored>, StoreError> {
    let rows = sqlx::query(
        "SELECT incident.id, incident.home, fact.body FROM incident JOIN fact ON fact.incident = incident.id
         WHERE incident.running = 1 ORDER BY incident.id, fact.seq",
    )
    .fetch_all(readers)
    .await
    .map_err(failed("load running incidents"))?;
    gather(&rows)
}

pub(super) async fn undone(readers: &SqlitePool) -> Result<Vec<Effect>, StoreError> {
    let rows = sqlx::query("SELECT body FROM outbox WHERE done_at IS NULL ORDER BY key")
        .fetch_all(readers)
        .await
        .map_err(failed("load the outbox"))?;
    rows.iter().map(|row| serde_json::from_str(row.get(0)).map_err(|e| impossible(format!("an effect in the outbox: {e}")))).collect()
}

pub(super) async fn one(readers: &SqlitePool, id: IncidentId) -> Result<Option<Stored>, StoreError> {
    let rows = sqlx::query(
        "SELECT incident.id, incident.home, fact.body FROM incident JOIN fact ON fact.incident = incident.id
         WHERE incident.id = ? ORDER BY fact.seq",
    )
    .bind(id.to_string())
    .fetch_all(readers)
    .await
    .map_err(failed("load an incident"))?;
    Ok(gather(&rows)?.pop())
}

pub(super) async fn of_home(readers: &SqlitePool, home: &HomeId, before: Timestamp, limit: u32) -> Result<Vec<Stored>, StoreError> {
    let rows = sqlx::query(
        "SELECT newest.id, newest.home, fact.body
         FROM (SELECT id, home, started_at FROM incident WHERE home = ? AND started_at < ? ORDER BY started_at DESC, id LIMIT ?) AS newest
         JOIN fact ON fact.incident = newest.id ORDER BY newest.started_at DESC, newest.id, fact.seq",
    )
    .bind(home.as_str())
    .bind(before.as_millis() as i64)
    .bind(limit)
    .fetch_all(readers)
    .await
    .map_err(failed("load a home's incidents"))?;
    gather(&rows)
}

/// Rows of (incident, home, fact), grouped by incident, in the order they come.
fn gather(rows: &[SqliteRow]) -> Result<Vec<Stored>, StoreError> {
    let mut all: Vec<Stored> = Vec::new();
    for row in rows {
        let id: IncidentId = id(row, 0)?;
        let fact: Recorded = serde_json::from_str(row.get(2)).map_err(|e| impossible(format!("a fact of incident {id}: {e}")))?;
        match all.last_mut().filter(|last| last.id == id) {
            Some(stored) => stored.history.push(fact),
            None => {
                let home = row.get::<&str, _>(1).parse().map_err(|_| impossible(format!("the home of incident {id}")))?;
                all.push(Stored { id, home, history: vec![fact] });
            }
        }
    }
    Ok(all)
}

fn id(row: &SqliteRow, column: usize) -> Result<IncidentId, StoreError> {
    row.get::<&str, _>(column).parse().map_err(|_| impossible("an incident's id"))
}
