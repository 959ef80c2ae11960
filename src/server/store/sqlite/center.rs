//! The staff of the monitoring center.

use super::{accounts, column, failed, readable};
use crate::{
    domain::{access::CenterRole, id::UserId},
    server::store::{Account, StoreError},
};
use sqlx::{SqliteConnection, SqliteExecutor, SqlitePool};

pub(super) async fn put(
    writer: &mut SqliteConnection,
    account: &UserId,
    role: Option<CenterRole>,
) -> Result<(), StoreError> {
    let problem = failed("store who works at the center");
    let Some(role) = role else {
        sqlx::query("DELETE FROM center WHERE account = ?")
            .bind(account.as_str())
            .execute(writer)
            .await
            .map_err(problem)?;
        return Ok(());
    };
    sqlx::query("INSERT INTO center (account, role) VALUES (?, ?) ON CONFLICT (account) DO UPDATE SET role = excluded.role")
        .bind(account.as_str())
        .bind(name(role))
        .execute(writer)
        .await
        .map_err(problem)?;
    Ok(())
}

pub(super) async fn role<'e>(
    reader: impl SqliteExecutor<'e>,
    account: &UserId,
) -> Result<Option<CenterRole>, StoreError> {
    let row = sqlx::query("SELECT role FROM center WHERE account = ?")
        .bind(account.as_str())
        .fetch_optional(reader)
        .await
        .map_err(failed("look who works at the center"))?;
    row.map(|row| Ok(named(column(&row, 0, "a role at the center")?))).transpose()
}

pub(super) async fn people(readers: &SqlitePool) -> Result<Vec<(Account, CenterRole)>, StoreError> {
    let rows = sqlx::query("SELECT id, email, name, password, role FROM center JOIN account ON id = account ORDER BY name, id")
        .fetch_all(readers)
        .await
        .map_err(failed("load who works at the center"))?;
    Ok(readable(&rows, "the people of the center", |row| {
        Ok((accounts::account(row)?, named(column(row, 4, "a role at the center")?)))
    }))
}

pub(super) const fn name(role: CenterRole) -> &'static str {
    match role {
        CenterRole::Operator => "operator",
        CenterRole::Supervisor => "supervisor",
    }
}

pub(super) fn named(name: &str) -> CenterRole {
    if name == "supervisor" { CenterRole::Supervisor } else { CenterRole::Operator }
}
