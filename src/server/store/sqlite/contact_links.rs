//! The links on contacts' phones.

use super::{accounts::slug, column, failed, readable};
use crate::{
    domain::id::{ContactId, HomeId},
    server::store::{ContactLink, Numbered, StoreError},
};
use sqlx::{SqliteConnection, SqlitePool};

pub(super) async fn put(
    writer: &mut SqliteConnection,
    token: [u8; 32],
    home: &HomeId,
    contact: &ContactId,
    shown: Option<&str>,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT OR REPLACE INTO contact_link (token, home, contact, shown) VALUES (?, ?, ?, ?)",
    )
    .bind(&token[..])
    .bind(home.as_str())
    .bind(contact.as_str())
    .bind(shown)
    .execute(writer)
    .await
    .map_err(failed("store a contact's link"))?;
    Ok(())
}

/// Only the oldest link of a contact is kept: newer ones may be those of the person from whom the
/// contact is protected.
pub(super) async fn retire(
    writer: &mut SqliteConnection,
    home: &HomeId,
    contacts: &[Numbered],
    kept: &[Numbered],
) -> Result<(), StoreError> {
    for contact in contacts {
        of_contact(writer, home, contact, END_IF_FORMER).await?;
        of_contact(writer, home, contact, TO_FORMER).await?;
    }
    let kept = serde_json::to_string(kept).expect("names and numbers are JSON");
    sqlx::query(
        "DELETE FROM contact_link WHERE home = ? AND former_phone IS NOT NULL AND NOT EXISTS
         (SELECT 1 FROM json_each(?) WHERE value ->> 0 = contact AND value ->> 1 = former_phone)",
    )
    .bind(home.as_str())
    .bind(kept)
    .execute(writer)
    .await
    .map_err(failed("end former links"))?;
    Ok(())
}

pub(super) async fn restore(
    writer: &mut SqliteConnection,
    home: &HomeId,
    contacts: &[Numbered],
) -> Result<(), StoreError> {
    for contact in contacts {
        of_contact(writer, home, contact, END_IF_FORMER).await?;
        of_contact(writer, home, contact, TO_CURRENT).await?;
    }
    Ok(())
}

/// Ends today's link of a contact who has a former one with the same number.
const END_IF_FORMER: &str = "DELETE FROM contact_link
    WHERE home = ?1 AND contact = ?2 AND former_phone IS NULL AND EXISTS
    (SELECT 1 FROM contact_link WHERE home = ?1 AND contact = ?2 AND former_phone = ?3)";
const TO_FORMER: &str = "UPDATE contact_link SET former_phone = ?3
    WHERE home = ?1 AND contact = ?2 AND former_phone IS NULL";
const TO_CURRENT: &str = "UPDATE contact_link SET former_phone = NULL
    WHERE home = ?1 AND contact = ?2 AND former_phone = ?3";

async fn of_contact(
    writer: &mut SqliteConnection,
    home: &HomeId,
    (contact, phone): &Numbered,
    statement: &'static str,
) -> Result<(), StoreError> {
    sqlx::query(statement)
        .bind(home.as_str())
        .bind(contact.as_str())
        .bind(phone)
        .execute(writer)
        .await
        .map_err(failed("change a contact's links"))?;
    Ok(())
}

pub(super) async fn one(
    readers: &SqlitePool,
    token: [u8; 32],
) -> Result<Option<ContactLink>, StoreError> {
    let row = sqlx::query("SELECT home, contact, former_phone FROM contact_link WHERE token = ?")
        .bind(&token[..])
        .fetch_optional(readers)
        .await
        .map_err(failed("look for a contact's link"))?;
    let link = |row| {
        let former_phone = column(row, 2, "a contact's link")?;
        Ok(ContactLink { home: slug(row, 0)?, contact: slug(row, 1)?, former_phone })
    };
    row.as_ref().map(link).transpose()
}

pub(super) async fn of_home(
    readers: &SqlitePool,
    home: &HomeId,
) -> Result<Vec<(ContactId, Option<String>)>, StoreError> {
    let rows = sqlx::query(
        "SELECT contact, shown FROM contact_link WHERE home = ? AND former_phone IS NULL",
    )
    .bind(home.as_str())
    .fetch_all(readers)
    .await
    .map_err(failed("load contacts' links"))?;
    Ok(readable(&rows, format_args!("the contacts' links of {home}"), |row| {
        Ok((slug(row, 0)?, column(row, 1, "a contact's link")?))
    }))
}
