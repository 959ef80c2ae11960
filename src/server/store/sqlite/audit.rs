//! The audit records, as a hash chain: each record is bound to the one before it.

use super::{accounts, column, failed, impossible, millis, moment, parsed, readable};
use crate::{
    domain::{
        audit::AuditAction,
        id::{HomeId, UserId},
        incident::event::Recorded,
    },
    server::store::{AuditEntry, AuditRow, StoreError},
};
use data_encoding::HEXLOWER;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use sqlx::{
    Connection, Row, SqliteConnection, SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteRow},
};
use std::{cmp::Reverse, fmt, path::Path};

/// The hash before the first record.
const BEGINNING: [u8; 32] = [0; 32];
/// The most incidents in one transaction. A request for help waits until that transaction ends.
const AT_ONCE: i64 = 20;

/// The hash of a record: over the hash before it, and a JSON list of its columns in their order.
fn bound(before: &[u8], number: i64, columns: &[Value; 7]) -> [u8; 32] {
    let [at, what, account, home, session, address, detail] = columns;
    let text = json!([number, at, what, account, home, session, address, detail]).to_string();
    Sha256::new().chain_update(before).chain_update(text).finalize().into()
}

/// Appends records to the chain, within a transaction.
pub(super) async fn append(
    writer: &mut SqliteConnection,
    entries: &[AuditEntry],
) -> Result<(), sqlx::Error> {
    let last = sqlx::query("SELECT number, hash FROM audit ORDER BY number DESC LIMIT 1")
        .fetch_optional(&mut *writer)
        .await?;
    let (mut number, mut before) =
        last.map_or((0, BEGINNING.to_vec()), |row| (row.get(0), row.get(1)));
    for entry in entries {
        let AuditEntry { at, what, account, home, session, address, detail } = entry;
        number += 1;
        let at = millis(*at);
        let (what, detail) = (name(*what), detail.to_string());
        let (account, home, address) = (
            account.as_ref().map(ToString::to_string),
            home.as_ref().map(ToString::to_string),
            address.map(|address| address.to_string()),
        );
        let columns = [
            json!(at),
            json!(what),
            json!(account),
            json!(home),
            json!(session),
            json!(address),
            json!(detail),
        ];
        before = bound(&before, number, &columns).to_vec();
        sqlx::query(
            "INSERT INTO audit (number, at, what, account, home, session, address, detail, hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(number)
        .bind(at)
        .bind(what)
        .bind(account)
        .bind(home)
        .bind(session)
        .bind(address)
        .bind(detail)
        .bind(&before)
        .execute(&mut *writer)
        .await?;
    }
    Ok(())
}

/// The name of an action in the API.
fn name(what: AuditAction) -> String {
    json!(what).as_str().unwrap_or_default().to_owned()
}

/// Appends the decisions of incidents that have no audit record yet, each with the hash of its
/// facts. Returns whether there are more.
pub(super) async fn catch_up(writer: &mut SqliteConnection) -> Result<bool, StoreError> {
    let problem = failed("audit what happened");
    let mut change = writer.begin_with("BEGIN IMMEDIATE").await.map_err(&problem)?;
    let incidents: Vec<String> = sqlx::query_scalar("SELECT incident FROM unaudited LIMIT ?")
        .bind(AT_ONCE)
        .fetch_all(&mut *change)
        .await
        .map_err(&problem)?;
    for incident in &incidents {
        let rows = sqlx::query(
            "SELECT first, CAST(body AS BLOB), home, started_at FROM facts JOIN incident ON id = facts.incident LEFT JOIN audited USING (incident)
             WHERE facts.incident = ? AND first > coalesce(upto, 0) ORDER BY first",
        );
        let rows = rows.bind(incident).fetch_all(&mut *change).await.map_err(&problem)?;
        let entries: Vec<_> = rows.iter().map(|row| decision(incident, row)).collect();
        append(&mut change, &entries).await.map_err(&problem)?;
        if let Some(last) = rows.last() {
            let upto = "INSERT INTO audited (incident, upto) VALUES (?, ?) ON CONFLICT DO UPDATE SET upto = excluded.upto";
            sqlx::query(upto)
                .bind(incident)
                .bind(last.get::<i64, _>(0))
                .execute(&mut *change)
                .await
                .map_err(&problem)?;
        }
        sqlx::query("DELETE FROM unaudited WHERE incident = ?")
            .bind(incident)
            .execute(&mut *change)
            .await
            .map_err(&problem)?;
    }
    change.commit().await.map_err(&problem)?;
    Ok(incidents.len() as i64 == AT_ONCE)
}

/// The audit record of one decision of an incident. If its facts cannot be parsed, the record has
/// the time of the incident's start, so that other records do not wait for it.
fn decision(incident: &str, row: &SqliteRow) -> AuditEntry {
    let (first, body): (i64, &[u8]) = (row.get(0), row.get(1));
    let facts: Vec<Recorded> = serde_json::from_slice(body).unwrap_or_default();
    let at = facts.first().map_or(moment(row, 3), |fact| fact.at);
    let detail = json!({"incident": incident, "first": first, "facts": sha256(body)});
    // Of a home whose id cannot be read, the record names the incident alone.
    let home = accounts::slug(row, 2).ok();
    AuditEntry { home, ..AuditEntry::new(AuditAction::Incident, at, detail) }
}

fn sha256(text: impl AsRef<[u8]>) -> String {
    HEXLOWER.encode(&Sha256::digest(text.as_ref()))
}

/// The audit records of a home, and those of an account that concern no home, of these actions or of
/// all, without incidents' steps, the newest first. Those that cannot be read are left out, and older
/// ones take their places.
pub(super) async fn of(
    readers: &SqlitePool,
    whose: (&HomeId, &UserId),
    what: &[AuditAction],
    before: u64,
    limit: u32,
) -> Result<Vec<AuditRow>, StoreError> {
    let (mut all, mut before) = (Vec::new(), i64::try_from(before).unwrap_or(i64::MAX));
    loop {
        let missing = limit - all.len() as u32;
        let rows = match what {
            [] => page(readers, None, whose, before, missing).await?,
            what => of_actions(readers, whose, what, before, missing).await?,
        };
        let parse = move |rows: &[SqliteRow]| {
            let last = rows.last().filter(|_| rows.len() as u32 == missing);
            let last = last.map(|last| last.get::<i64, _>(0));
            (readable(rows, "the audit", record), last)
        };
        let (page, last) = parsed("the audit", rows, parse).await?;
        all.extend(page);
        match last {
            Some(last) if (all.len() as u32) < limit => before = last,
            _ => return Ok(all),
        }
    }
}

/// The rows of all actions.
const EVERY: &str = "SELECT number, at, what, account.name, address, detail FROM audit LEFT JOIN account ON account.id = audit.account
    WHERE what <> 'incident' AND (home = ?1 OR (home IS NULL AND audit.account = ?2)) AND number < ?3 ORDER BY number DESC LIMIT ?4";

/// The rows of one action. Each part reads its own index backwards, and no more rows than it returns.
const OF_ACTION: &str = "SELECT number, at, what, account.name, address, detail FROM (
        SELECT * FROM (SELECT * FROM audit WHERE home = ?1 AND what = ?5 AND what <> 'incident' AND number < ?3 ORDER BY number DESC LIMIT ?4)
        UNION ALL
        SELECT * FROM (SELECT * FROM audit WHERE home IS NULL AND account = ?2 AND what = ?5 AND what <> 'incident' AND number < ?3 ORDER BY number DESC LIMIT ?4)
    ) AS audit LEFT JOIN account ON account.id = audit.account ORDER BY number DESC LIMIT ?4";

/// The rows of these actions, the newest first. One statement for all of them would read every row of
/// the home: an actor who fills the log with one action would make the others slow to find.
async fn of_actions(
    readers: &SqlitePool,
    whose: (&HomeId, &UserId),
    what: &[AuditAction],
    before: i64,
    limit: u32,
) -> Result<Vec<SqliteRow>, StoreError> {
    let mut rows = Vec::new();
    for action in what {
        rows.extend(page(readers, Some(*action), whose, before, limit).await?);
    }
    rows.sort_by_key(|row| Reverse(row.get::<i64, _>(0)));
    rows.truncate(limit as usize);
    Ok(rows)
}

async fn page(
    readers: &SqlitePool,
    action: Option<AuditAction>,
    (home, account): (&HomeId, &UserId),
    before: i64,
    limit: u32,
) -> Result<Vec<SqliteRow>, StoreError> {
    let query = sqlx::query(if action.is_some() { OF_ACTION } else { EVERY });
    let query = query.bind(home.as_str()).bind(account.as_str()).bind(before).bind(limit);
    let query = match action {
        Some(action) => query.bind(name(action)),
        None => query,
    };
    query.fetch_all(readers).await.map_err(failed("read the audit"))
}

/// Builds a record from the columns of the query above.
fn record(row: &SqliteRow) -> Result<AuditRow, StoreError> {
    let number = row.get::<i64, _>(0) as u64;
    let name = format!("record {number} of the audit");
    let wrong = |error: serde_json::Error| impossible(format!("{name}: {error}"));
    Ok(AuditRow {
        number,
        at: moment(row, 1),
        what: serde_json::from_value(json!(column::<&str>(row, 2, &name)?)).map_err(wrong)?,
        who: column(row, 3, &name)?,
        address: column(row, 4, &name)?,
        detail: serde_json::from_str(column(row, 5, &name)?).map_err(wrong)?,
    })
}

/// The result of verifying the chain.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Every record is as it was written, and so are the facts of incidents.
    Whole {
        /// The number of records.
        records: u64,
        /// The number of incidents with decisions that have no audit record yet.
        waiting: u64,
        /// The hash of the last record. Kept elsewhere, it later shows that no record was removed
        /// from the end.
        head: String,
    },
    /// The first change that was found, and where.
    Broken(String),
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Broken(what) => f.write_str(what),
            Self::Whole { records, waiting, head } => {
                write!(
                    f,
                    "{records} records, each as it was written; the hash of the last is {head}"
                )?;
                match waiting {
                    0 => Ok(()),
                    n => write!(
                        f,
                        "; {n} incidents went on since and are taken over while the server runs"
                    ),
                }
            }
        }
    }
}

/// Verifies the whole chain in that file and the facts that it covers. With `expect`, also looks
/// for a record with that hash, which was once the last.
///
/// # Errors
/// The file cannot be read.
pub async fn verify(file: &Path, expect: Option<&str>) -> Result<Verdict, StoreError> {
    let problem = failed("read the audit");
    let options = SqliteConnectOptions::new().filename(file).read_only(true);
    let mut reader =
        SqliteConnection::connect_with(&options).await.map_err(failed("open the database"))?;
    // A transaction, to read one state of a file that a server may be writing to.
    let mut reader = reader.begin().await.map_err(&problem)?;
    let (mut number, mut before, mut met) = (0i64, BEGINNING.to_vec(), expect.is_none());
    loop {
        let rows = sqlx::query(
            "SELECT number, at, what, account, home, session, address, detail, hash FROM audit WHERE number > ? ORDER BY number LIMIT 1000",
        );
        let rows = rows.bind(number).fetch_all(&mut *reader).await.map_err(&problem)?;
        for row in &rows {
            number += 1;
            if let Some(broken) =
                broken(&mut reader, row, number, &before).await.map_err(&problem)?
            {
                return Ok(Verdict::Broken(broken));
            }
            before = row.get(8);
            met = met
                || expect.is_some_and(|expect| HEXLOWER.encode(&before) == expect.to_lowercase());
        }
        if rows.is_empty() {
            break;
        }
    }
    if !met {
        return Ok(Verdict::Broken("no record has the expected hash: some were taken off the end, or all were written anew".into()));
    }
    let missing: Option<String> = sqlx::query_scalar(
        "SELECT facts.incident FROM facts LEFT JOIN audited USING (incident) WHERE first > coalesce(upto, 0)
         AND facts.incident NOT IN (SELECT incident FROM unaudited) LIMIT 1",
    )
    .fetch_optional(&mut *reader)
    .await
    .map_err(&problem)?;
    if let Some(incident) = missing {
        return Ok(Verdict::Broken(format!(
            "incident {incident} went on and the audit was not told"
        )));
    }
    let waiting: i64 = sqlx::query_scalar("SELECT count(*) FROM unaudited")
        .fetch_one(&mut *reader)
        .await
        .map_err(&problem)?;
    Ok(Verdict::Whole {
        records: number as u64,
        waiting: waiting as u64,
        head: HEXLOWER.encode(&before),
    })
}

/// The columns of a record that its hash covers. `None` if one of them is no text, so that it was
/// not written here.
fn columns_of(row: &SqliteRow) -> Option<[Value; 7]> {
    let text = |index: usize| row.try_get::<Option<&str>, _>(index).ok().map(|text| json!(text));
    Some([json!(row.get::<i64, _>(1)), text(2)?, text(3)?, text(4)?, text(5)?, text(6)?, text(7)?])
}

/// Returns what is wrong with a record, if anything.
async fn broken(
    reader: &mut SqliteConnection,
    row: &SqliteRow,
    number: i64,
    before: &[u8],
) -> Result<Option<String>, sqlx::Error> {
    if row.get::<i64, _>(0) != number {
        return Ok(Some(format!("record {number} is missing")));
    }
    let is_whole =
        |columns: &[Value; 7]| bound(before, number, columns)[..] == row.get::<Vec<u8>, _>(8)[..];
    let Some(columns) = columns_of(row).filter(is_whole) else {
        return Ok(Some(format!("record {number} is not as it was written")));
    };
    if columns[1] != json!(AuditAction::Incident) {
        return Ok(None);
    }
    let detail: Value = serde_json::from_str(row.get(7)).unwrap_or_default();
    let (incident, first) =
        (detail["incident"].as_str().unwrap_or_default(), detail["first"].as_i64());
    let body: Option<Vec<u8>> =
        sqlx::query_scalar("SELECT CAST(body AS BLOB) FROM facts WHERE incident = ? AND first = ?")
            .bind(incident)
            .bind(first)
            .fetch_optional(reader)
            .await?;
    let same = body.is_some_and(|body| detail["facts"] == sha256(&body));
    Ok((!same).then(|| format!("what incident {incident} did is not what record {number} says")))
}
