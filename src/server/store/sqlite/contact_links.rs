//! The links on contacts' phones.

use super::{accounts::slug, column, failed, readable};
use crate::{
    domain::id::{ContactId, HomeId},
    server::store::{ContactLink, StoreError},
};
use sqlx::{SqliteConnection, SqlitePool, sqlite::SqliteRow};

pub(super) async fn put(
    writer: &mut SqliteConnection,
    token: [u8; 32],
    link: &ContactLink,
    shown: Option<&str>,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT OR REPLACE INTO contact_link (token, home, contact, number, shown) VALUES (?, ?, ?, ?, ?)",
    )
    .bind(&token[..])
    .bind(link.home.as_str())
    .bind(link.contact.as_str())
    .bind(link.number as i64)
    .bind(shown)
    .execute(writer)
    .await
    .map_err(failed("store a contact's link"))?;
    Ok(())
}

pub(super) async fn keep(
    writer: &mut SqliteConnection,
    home: &HomeId,
    kept: &[(ContactId, u64)],
) -> Result<(), StoreError> {
    let kept = serde_json::to_string(kept).expect("names and numbers are JSON");
    sqlx::query(
        "DELETE FROM contact_link WHERE home = ? AND NOT EXISTS
         (SELECT 1 FROM json_each(?) WHERE value ->> 0 = contact AND value ->> 1 = number)",
    )
    .bind(home.as_str())
    .bind(kept)
    .execute(writer)
    .await
    .map_err(failed("end contacts' links"))?;
    Ok(())
}

pub(super) async fn one(
    readers: &SqlitePool,
    token: [u8; 32],
) -> Result<Option<ContactLink>, StoreError> {
    let row = sqlx::query("SELECT home, contact, number FROM contact_link WHERE token = ?")
        .bind(&token[..])
        .fetch_optional(readers)
        .await
        .map_err(failed("look for a contact's link"))?;
    let link = |row| {
        Ok(ContactLink { home: slug(row, 0)?, contact: slug(row, 1)?, number: number(row, 2)? })
    };
    row.as_ref().map(link).transpose()
}

pub(super) async fn of_home(
    readers: &SqlitePool,
    home: &HomeId,
) -> Result<Vec<(ContactId, u64, Option<String>)>, StoreError> {
    let rows = sqlx::query("SELECT contact, number, shown FROM contact_link WHERE home = ?")
        .bind(home.as_str())
        .fetch_all(readers)
        .await
        .map_err(failed("load contacts' links"))?;
    Ok(readable(&rows, format_args!("the contacts' links of {home}"), |row| {
        Ok((slug(row, 0)?, number(row, 1)?, column(row, 2, "a contact's link")?))
    }))
}

fn number(row: &SqliteRow, index: usize) -> Result<u64, StoreError> {
    Ok(column::<i64>(row, index, "a contact's link")? as u64)
}
