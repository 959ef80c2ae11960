//! The reports of other servers that were answered.

use super::{column, failed, impossible, millis, moment, readable};
use crate::{
    domain::{id::IncidentId, time::Timestamp},
    server::store::{ReportRow, StoreError},
};
use data_encoding::HEXLOWER;
use sqlx::{SqlitePool, sqlite::SqliteRow};

/// A row as the JSON that the statements below read.
pub(super) fn row(report: &ReportRow) -> (&str, String, Option<IncidentId>, u64) {
    let ReportRow { key, body, incident, at } = report;
    (key, HEXLOWER.encode(body), *incident, at.as_millis())
}

/// Deletes reports that are older than the newest new one by
/// [`crate::server::store::REPORTS_REMEMBERED`].
pub(super) const FORGET: &str =
    "DELETE FROM report WHERE at <= (SELECT max(value ->> 3) FROM json_each(?)) - 3600000";

/// Adds rows. A row that is there is replaced, because a report must not keep what is decided with it
/// from being stored.
pub(super) const PUT: &str = "INSERT OR REPLACE INTO report (key, body, incident, at)
    SELECT value ->> 0, unhex(value ->> 1), value ->> 2, value ->> 3 FROM json_each(?)";

pub(super) async fn since(
    readers: &SqlitePool,
    since: Timestamp,
) -> Result<Vec<ReportRow>, StoreError> {
    let rows =
        sqlx::query("SELECT key, body, incident, at FROM report WHERE at > ? ORDER BY at, key")
            .bind(millis(since))
            .fetch_all(readers)
            .await
            .map_err(failed("load the reports of other servers"))?;
    Ok(readable(&rows, "the reports of other servers", of))
}

fn of(row: &SqliteRow) -> Result<ReportRow, StoreError> {
    let key: String = column(row, 0, "the key of a report")?;
    let what = format!("the report {key}");
    let body: Vec<u8> = column(row, 1, &what)?;
    let incident: Option<&str> = column(row, 2, &what)?;
    let wrong = || impossible(what.clone());
    Ok(ReportRow {
        body: body.try_into().map_err(|_| wrong())?,
        incident: incident.map(str::parse).transpose().map_err(|_| wrong())?,
        at: moment(row, 3),
        key,
    })
}

#[cfg(test)]
mod tests {
    use super::FORGET;
    use crate::server::store::REPORTS_REMEMBERED;

    #[test]
    fn reports_are_deleted_when_the_engine_forgets_them() {
        let after = format!("- {}", REPORTS_REMEMBERED.as_millis());
        assert!(FORGET.ends_with(&after), "{FORGET}");
    }
}
