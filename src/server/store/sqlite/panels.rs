//! The alarms that were acknowledged to panels.

use super::{column, failed, readable};
use crate::server::store::{PanelAlarms, StoreError};
use sqlx::{SqliteConnection, SqlitePool, sqlite::SqliteRow};

pub(super) async fn all(readers: &SqlitePool) -> Result<Vec<PanelAlarms>, StoreError> {
    let rows = sqlx::query("SELECT account, alarms FROM panel_alarms")
        .fetch_all(readers)
        .await
        .map_err(failed("load the alarms of panels"))?;
    Ok(readable(&rows, "the alarms of panels", of))
}

fn of(row: &SqliteRow) -> Result<PanelAlarms, StoreError> {
    let account: String = column(row, 0, "the account of a panel")?;
    let what = format!("the alarms of panel {account}");
    let alarms: String = column(row, 1, &what)?;
    match serde_json::from_str(&alarms) {
        Ok(alarms) => Ok(PanelAlarms { account, alarms }),
        Err(_) => Err(StoreError::Inconsistent { what }),
    }
}

pub(super) async fn put(
    writer: &mut SqliteConnection,
    all: &[PanelAlarms],
) -> Result<(), StoreError> {
    for PanelAlarms { account, alarms } in all {
        let alarms = serde_json::to_string(alarms).expect("names and numbers can be written");
        sqlx::query("INSERT OR REPLACE INTO panel_alarms (account, alarms) VALUES (?, ?)")
            .bind(account)
            .bind(alarms)
            .execute(&mut *writer)
            .await
            .map_err(failed("keep the alarms of panels"))?;
    }
    Ok(())
}
