//! Incidents, their facts, and the outbox. A batch takes one statement for each table, however many
//! incidents it contains.

use super::{column, failed, impossible, lossy, millis, moment, parsed, reports};
use crate::{
    domain::{
        id::{HomeId, IncidentId},
        incident::{
            Mode,
            effect::{Effect, EffectKind},
            event::Recorded,
        },
        time::Timestamp,
    },
    server::store::{
        Batch, Cursor, Fate, IncidentPage, Quarantined, RequestRow, RunningRow, StoreError, Stored,
    },
};
use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sqlx::{AssertSqlSafe, Row, SqliteConnection, SqliteExecutor, SqlitePool, sqlite::SqliteRow};
use std::borrow::Cow;

const BEGIN: &str = "INSERT INTO incident (id, home, started_at, running, quiet)
    SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4 FROM json_each(?)";
const FACTS: &str = "INSERT INTO facts (incident, first, body) SELECT value ->> 0, value ->> 1, value -> 2 FROM json_each(?)";
const UNAUDITED: &str = "INSERT OR IGNORE INTO unaudited (incident) SELECT value FROM json_each(?)";
const OVER: &str =
    "UPDATE incident SET running = NULL WHERE id IN (SELECT value FROM json_each(?))";
const REQUESTS: &str = "INSERT INTO request (id, incident, fingerprint, seq)
    SELECT value ->> 0, value ->> 1, unhex(value ->> 2), value ->> 3 FROM json_each(?)";
const WITHDRAWN: &str =
    "INSERT OR IGNORE INTO withdrawal (id, home) SELECT value ->> 0, value ->> 1 FROM json_each(?)";
/// A copy of an older one is refused because of its age (F5), unless the clock of its device is fast.
/// The limit keeps a member from filling the disk.
const FEW_WITHDRAWN: &str = "DELETE FROM withdrawal WHERE home IN (SELECT value ->> 1 FROM json_each(?))
    AND seq <= (SELECT seq FROM withdrawal AS later WHERE later.home = withdrawal.home ORDER BY seq DESC LIMIT 1 OFFSET 512)";
const DISPATCHES: &str = "INSERT INTO dispatch (incident, service, seq) SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each(?)";
const EFFECTS: &str =
    "INSERT INTO outbox (key, body) SELECT value ->> 0, value -> 1 FROM json_each(?)";
const QUARANTINED: &str =
    "UPDATE incident SET quarantined_at = value ->> 1, quarantine = value ->> 2
    FROM json_each(?) WHERE incident.id = value ->> 0";
const RESUMED: &str = "UPDATE incident SET quarantined_at = NULL, quarantine = NULL WHERE id IN (SELECT value FROM json_each(?))";
const DONE: &str = "DELETE FROM outbox WHERE key IN (SELECT value FROM json_each(?))";

/// The rows of one statement, as the JSON that the statement reads; `None` if there are no rows.
fn rows<T: Serialize>(rows: impl Iterator<Item = T>) -> Result<Option<String>, StoreError> {
    let rows: Vec<T> = rows.collect();
    if rows.is_empty() {
        return Ok(None);
    }
    serde_json::to_string(&rows)
        .map(Some)
        .map_err(|e| impossible(format!("what is to be stored: {e}")))
}

pub(super) async fn commit(writer: &mut SqliteConnection, batch: &Batch) -> Result<(), StoreError> {
    let running = |id: &IncidentId| (!batch.over.contains(id)).then_some(1);
    let dispatch = |e: &Effect| match e.kind {
        EffectKind::RequestDispatch { service } => Some((e.incident, service, e.seq)),
        _ => None,
    };
    let acknowledged = |request: &RequestRow| match &request.fate {
        Fate::Acknowledged { incident, fingerprint, seq } => {
            Some((request.id, *incident, HEXLOWER.encode(fingerprint), *seq))
        }
        Fate::Withdrawn { .. } => None,
    };
    let withdrawn = rows(batch.requests.iter().filter_map(|request| match &request.fate {
        Fate::Withdrawn { home } => Some((request.id, home)),
        Fate::Acknowledged { .. } => None,
    }))?;
    let answered = rows(batch.reports.iter().map(reports::row))?;
    // Ends go before beginnings, because an incident that ends makes room for a new one of its
    // home.
    let statements =
        [
            (OVER, rows(batch.over.iter())?),
            (
                QUARANTINED,
                rows(batch.quarantined.iter().map(|q| (&q.incident, q.since.as_millis(), &q.why)))?,
            ),
            (RESUMED, rows(batch.resumed.iter())?),
            (
                BEGIN,
                rows(batch.begun.iter().map(|b| {
                    (b.id, &b.home, b.at.as_millis(), running(&b.id), u8::from(b.quiet))
                }))?,
            ),
            (FACTS, rows(batch.facts.iter())?),
            (UNAUDITED, rows(batch.facts.iter().map(|(id, ..)| id))?),
            (REQUESTS, rows(batch.requests.iter().filter_map(acknowledged))?),
            (WITHDRAWN, withdrawn.clone()),
            (FEW_WITHDRAWN, withdrawn),
            (DISPATCHES, rows(batch.effects.iter().filter_map(dispatch))?),
            (EFFECTS, rows(batch.effects.iter().map(|e| (&e.key, Outgoing::of(e))))?),
            (DONE, rows(batch.done.iter())?),
            (reports::FORGET, answered.clone()),
            (reports::PUT, answered),
        ];
    // One request to the connection's thread: with one for each statement, waking the threads takes
    // longer than the flush.
    let mut transaction = String::from("BEGIN IMMEDIATE");
    let mut all_rows = Vec::new();
    for (statement, rows) in statements {
        let Some(rows) = rows else { continue };
        transaction.push_str(";\n");
        transaction.push_str(statement);
        all_rows.push(rows);
    }
    transaction.push_str(";\nCOMMIT");
    let query = all_rows
        .into_iter()
        .fold(sqlx::query(AssertSqlSafe(transaction)), |query, rows| query.bind(rows));
    if let Err(error) = query.execute(&mut *writer).await {
        roll_back(writer).await;
        return Err(failed("store what happened")(error));
    }
    Ok(())
}

/// A stored effect. The parts that its key contains are not stored again.
#[derive(Serialize, Deserialize)]
struct Outgoing<'a> {
    home: Cow<'a, HomeId>,
    mode: Mode,
    not_after: Option<Timestamp>,
    /// Absent in effects that an earlier version stored.
    #[serde(default)]
    decided_at: Timestamp,
    #[serde(flatten)]
    kind: Cow<'a, EffectKind>,
}

impl<'a> Outgoing<'a> {
    fn of(effect: &'a Effect) -> Self {
        let Effect { home, mode, not_after, decided_at, kind, .. } = effect;
        Self {
            home: Cow::Borrowed(home),
            mode: *mode,
            not_after: *not_after,
            decided_at: *decided_at,
            kind: Cow::Borrowed(kind),
        }
    }

    fn effect(key: &str, body: &str) -> Option<Effect> {
        let mut parts = key.split('/');
        let (incident, seq) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        let Outgoing { home, mode, not_after, decided_at, kind } =
            serde_json::from_str(body).ok()?;
        Some(Effect {
            key: key.into(),
            incident,
            home: home.into_owned(),
            seq,
            decided_at,
            mode,
            not_after,
            kind: kind.into_owned(),
        })
    }
}

/// SQLite rolls back by itself after some failures. The error that there is nothing to roll back is
/// ignored.
async fn roll_back(writer: &mut SqliteConnection) {
    let _ = sqlx::query("ROLLBACK").execute(writer).await;
}

pub(super) async fn requests<'e>(
    reader: impl SqliteExecutor<'e>,
    ids: &[IncidentId],
) -> Result<Vec<RequestRow>, StoreError> {
    let rows = sqlx::query(
        "SELECT id, incident, fingerprint, seq, NULL FROM request WHERE id IN (SELECT value FROM json_each(?1))
         UNION ALL SELECT id, NULL, NULL, NULL, home FROM withdrawal WHERE id IN (SELECT value FROM json_each(?1))",
    )
    .bind(json!(ids).to_string())
    .fetch_all(reader)
    .await
    .map_err(failed("look for earlier requests"))?;
    let parse = |row: &SqliteRow| {
        let fate = if row.get::<Option<&str>, _>(4).is_some() {
            let home = column::<&str>(row, 4, "the home of a withdrawn request")?;
            let wrong = |_| impossible(format!("“{home}” is no home's id"));
            Fate::Withdrawn { home: home.parse().map_err(wrong)? }
        } else {
            let fingerprint = row
                .get::<Vec<u8>, _>(2)
                .try_into()
                .map_err(|_| impossible("a request's fingerprint"))?;
            Fate::Acknowledged { incident: id(row, 1)?, fingerprint, seq: row.get(3) }
        };
        Ok(RequestRow { id: id(row, 0)?, fate })
    };
    rows.iter().map(parse).collect()
}

pub(super) async fn running(readers: &SqlitePool) -> Result<Vec<RunningRow>, StoreError> {
    let rows = sqlx::query(
        "SELECT incident.id, incident.home, facts.body, quiet, quarantined_at, quarantine
         FROM incident LEFT JOIN facts ON facts.incident = incident.id
         WHERE incident.running = 1 ORDER BY incident.id, facts.first",
    )
    .fetch_all(readers)
    .await
    .map_err(failed("load running incidents"))?;
    let row = |rows: &[SqliteRow]| {
        let (incident, home, quiet) = (lossy(&rows[0], 0), lossy(&rows[0], 1), rows[0].get(3));
        let quarantined = rows[0].get::<Option<i64>, _>(4).map(|since| Quarantined {
            incident: incident.clone(),
            home: home.clone(),
            quiet,
            since: Timestamp::from_millis(since as u64),
            why: rows[0].try_get(5).unwrap_or_default(),
        });
        RunningRow { incident, home, quiet, quarantined, stored: gathered(rows) }
    };
    Ok(rows.chunk_by(same_incident).map(row).collect())
}

pub(super) async fn latest_over(
    readers: &SqlitePool,
    since: Timestamp,
) -> Result<Vec<Stored>, StoreError> {
    // With `max`, SQLite takes the other columns from the row with the largest value.
    let rows = sqlx::query(
        "SELECT latest.id, latest.home, facts.body
         FROM (SELECT id, home, max(started_at) FROM incident
               WHERE started_at >= ? AND running IS NULL AND quiet = 0 AND quarantined_at IS NULL GROUP BY home) AS latest
         LEFT JOIN facts ON facts.incident = latest.id ORDER BY latest.id, facts.first",
    )
    .bind(millis(since))
    .fetch_all(readers)
    .await
    .map_err(failed("load the latest incidents"))?;
    Ok(rows.chunk_by(same_incident).filter_map(readable).collect())
}

pub(super) async fn end_quarantined(
    writer: &mut SqliteConnection,
    incident: &str,
    home: &HomeId,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE incident SET running = NULL WHERE id = ? AND home = ? AND quarantined_at IS NOT NULL")
        .bind(incident)
        .bind(home.as_str())
        .execute(writer)
        .await
        .map_err(failed("end a quarantined incident"))?;
    Ok(())
}

pub(super) async fn pending(
    readers: &SqlitePool,
) -> Result<(Vec<Effect>, Vec<String>), StoreError> {
    let rows = sqlx::query("SELECT key, body FROM outbox ORDER BY key")
        .fetch_all(readers)
        .await
        .map_err(failed("load the outbox"))?;
    let (mut effects, mut unreadable) = (Vec::with_capacity(rows.len()), Vec::new());
    for row in &rows {
        let key = &lossy(row, 0);
        match row.try_get(1).ok().and_then(|body| Outgoing::effect(key, body)) {
            Some(effect) => effects.push(effect),
            None => unreadable.push(key.to_owned()),
        }
    }
    Ok((effects, unreadable))
}

/// One incident, unless it is or was quarantined: its facts end somewhere in the middle, and nobody
/// may go on from there.
pub(super) async fn one(
    readers: &SqlitePool,
    id: IncidentId,
) -> Result<Option<Stored>, StoreError> {
    load(readers, id, "quarantined_at IS NULL").await
}

/// One incident, quarantined or not.
pub(super) async fn any(
    readers: &SqlitePool,
    id: IncidentId,
) -> Result<Option<Stored>, StoreError> {
    load(readers, id, "TRUE").await
}

async fn load(
    readers: &SqlitePool,
    id: IncidentId,
    which: &'static str,
) -> Result<Option<Stored>, StoreError> {
    let query = format!(
        "SELECT incident.id, incident.home, facts.body FROM incident JOIN facts ON facts.incident = incident.id
         WHERE incident.id = ? AND {which} ORDER BY facts.first"
    );
    let rows = sqlx::query(sqlx::AssertSqlSafe(query))
        .bind(id.to_string())
        .fetch_all(readers)
        .await
        .map_err(failed("load an incident"))?;
    if rows.is_empty() { Ok(None) } else { gathered(&rows).map(Some) }
}

/// A home's incidents before a time, the newest first. Those that cannot be read are left out, and
/// older ones take their places.
pub(super) async fn of_home(
    readers: &SqlitePool,
    home: &HomeId,
    before: Timestamp,
    limit: u32,
) -> Result<Vec<Stored>, StoreError> {
    let (mut all, mut before) = (Vec::new(), millis(before));
    loop {
        let missing = limit - all.len() as u32;
        let rows = sqlx::query(
            "SELECT newest.id, newest.home, facts.body, newest.started_at
             FROM (SELECT id, home, started_at FROM incident WHERE home = ? AND started_at < ? AND (quiet = 0 OR running IS NULL)
                   AND quarantined_at IS NULL ORDER BY started_at DESC, id LIMIT ?) AS newest
             LEFT JOIN facts ON facts.incident = newest.id ORDER BY newest.started_at DESC, newest.id, facts.first",
        )
        .bind(home.as_str())
        .bind(before)
        .bind(missing)
        .fetch_all(readers)
        .await
        .map_err(failed("load a home's incidents"))?;
        let parse = move |rows: &[SqliteRow]| {
            let is_full = rows.chunk_by(same_incident).count() as u32 == missing;
            let last = rows.last().filter(|_| is_full).map(|last| last.get::<i64, _>(3));
            (rows.chunk_by(same_incident).filter_map(readable).collect::<Vec<_>>(), last)
        };
        let (page, last) = parsed("a home's incidents", rows, parse).await?;
        all.extend(page);
        match last {
            Some(last) if (all.len() as u32) < limit => before = last,
            _ => return Ok(all),
        }
    }
}

/// A page of the incidents of all homes that began at that time or later, the newest first. Those
/// that cannot be read are left out.
pub(super) async fn since(
    readers: &SqlitePool,
    at: Timestamp,
    from: Option<Cursor>,
    limit: u32,
) -> Result<IncidentPage, StoreError> {
    let (before, before_id) =
        from.map_or((i64::MAX, Vec::new()), |cursor| (millis(cursor.started_at), cursor.id));
    // Without facts, an incident still counts for the page.
    let rows = sqlx::query(
        "SELECT page.id, page.home, facts.body, page.started_at
         FROM (SELECT id, home, started_at FROM incident WHERE started_at >= ? AND (started_at, id) < (?, CAST(? AS TEXT))
               AND quarantined_at IS NULL ORDER BY started_at DESC, id DESC LIMIT ?) AS page
         LEFT JOIN facts ON facts.incident = page.id ORDER BY page.started_at DESC, page.id DESC, facts.first",
    )
    .bind(millis(at))
    .bind(before)
    .bind(before_id)
    .bind(limit)
    .fetch_all(readers)
    .await
    .map_err(failed("load what began"))?;
    let parse = move |rows: &[SqliteRow]| {
        let is_full = rows.chunk_by(same_incident).count() as u32 == limit;
        let last = rows.last().filter(|_| is_full);
        IncidentPage {
            incidents: rows.chunk_by(same_incident).filter_map(readable).collect(),
            next: last.map(|last| Cursor { started_at: moment(last, 3), id: last.get(0) }),
        }
    };
    parsed("incidents", rows, parse).await
}

/// Parses one incident. An incident that cannot be read is left out, so that the other incidents of
/// the home can be read.
fn readable(rows: &[SqliteRow]) -> Option<Stored> {
    let unread = |error: &StoreError| {
        tracing::error!(error = error as &dyn std::error::Error, "an incident cannot be read")
    };
    gathered(rows).and_then(|stored| stored.replay().map(|_| stored)).inspect_err(unread).ok()
}

fn same_incident(one: &SqliteRow, other: &SqliteRow) -> bool {
    one.get::<&[u8], _>(0) == other.get::<&[u8], _>(0)
}

/// Builds one incident from its rows (incident, home, facts). `rows` must not be empty.
fn gathered(rows: &[SqliteRow]) -> Result<Stored, StoreError> {
    let id = id(&rows[0], 0)?;
    let home = column::<&str>(&rows[0], 1, "the home of an incident")?
        .parse()
        .map_err(|_| impossible(format!("the home of incident {id}")))?;
    let mut history: Vec<Recorded> = Vec::new();
    for row in rows {
        let body: Option<&str> =
            row.try_get(2).map_err(|e| impossible(format!("facts of incident {id}: {e}")))?;
        let body = body.ok_or_else(|| impossible(format!("incident {id} has no history")))?;
        let facts: Vec<Recorded> = serde_json::from_str(body)
            .map_err(|e| impossible(format!("facts of incident {id}: {e}")))?;
        history.extend(facts);
    }
    Ok(Stored { id, home, history })
}

pub(super) fn id(row: &SqliteRow, index: usize) -> Result<IncidentId, StoreError> {
    let wrong = |_| impossible(format!("“{}” is no incident's id", lossy(row, index)));
    column::<&str>(row, index, "an incident's id")?.parse().map_err(wrong)
}
