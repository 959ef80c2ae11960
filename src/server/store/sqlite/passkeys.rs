//! Passkeys by the ids of their credentials, and recovery codes by their hashes.

use super::{accounts, column, failed, millis, moment, readable};
use crate::{
    domain::id::UserId,
    server::store::{Account, StoreError, StoredPasskey},
};
use sqlx::{Row, SqliteConnection, SqlitePool, sqlite::SqliteRow};

pub(super) async fn put(
    writer: &mut SqliteConnection,
    passkey: &StoredPasskey,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO passkey (credential, account, name, document, created_at, used_at) VALUES (?, ?, ?, ?, ?, ?)
         ON CONFLICT (credential) DO UPDATE SET document = excluded.document, used_at = excluded.used_at WHERE account = excluded.account",
    )
    .bind(&passkey.credential)
    .bind(passkey.account.as_str())
    .bind(&passkey.name)
    .bind(&passkey.document)
    .bind(millis(passkey.created_at))
    .bind(millis(passkey.used_at))
    .execute(writer)
    .await
    .map_err(failed("store a passkey"))?;
    Ok(())
}

pub(super) async fn of_account(
    readers: &SqlitePool,
    account: &UserId,
) -> Result<Vec<StoredPasskey>, StoreError> {
    let rows = sqlx::query(
        "SELECT account, '', '', '', credential, name, document, created_at, used_at FROM passkey WHERE account = ? ORDER BY created_at",
    )
    .bind(account.as_str())
    .fetch_all(readers)
    .await
    .map_err(failed("load the passkeys of an account"))?;
    Ok(readable(&rows, format_args!("the passkeys of {account}"), passkey))
}

pub(super) async fn any(readers: &SqlitePool, account: &UserId) -> Result<bool, StoreError> {
    sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM passkey WHERE account = ?)")
        .bind(account.as_str())
        .fetch_one(readers)
        .await
        .map_err(failed("look for the passkeys of an account"))
}

pub(super) async fn by_credential(
    readers: &SqlitePool,
    credential: &[u8],
) -> Result<Option<(Account, StoredPasskey)>, StoreError> {
    let row = sqlx::query(
        "SELECT account.id, email, account.name, password, credential, passkey.name, document, created_at, used_at
         FROM passkey JOIN account ON account.id = passkey.account WHERE credential = ?",
    )
    .bind(credential)
    .fetch_optional(readers)
    .await
    .map_err(failed("look for a passkey"))?;
    row.as_ref().map(|row| Ok((accounts::account(row)?, passkey(row)?))).transpose()
}

pub(super) async fn end(
    writer: &mut SqliteConnection,
    account: &UserId,
    credential: &[u8],
) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM passkey WHERE account = ? AND credential = ?")
        .bind(account.as_str())
        .bind(credential)
        .execute(writer)
        .await
        .map_err(failed("remove a passkey"))?;
    Ok(())
}

pub(super) async fn put_codes(
    writer: &mut SqliteConnection,
    account: &UserId,
    hashes: &[[u8; 32]],
) -> Result<(), StoreError> {
    let problem = failed("store recovery codes");
    sqlx::query("DELETE FROM recovery_code WHERE account = ?")
        .bind(account.as_str())
        .execute(&mut *writer)
        .await
        .map_err(&problem)?;
    for hash in hashes {
        sqlx::query("INSERT INTO recovery_code (hash, account) VALUES (?, ?)")
            .bind(&hash[..])
            .bind(account.as_str())
            .execute(&mut *writer)
            .await
            .map_err(&problem)?;
    }
    Ok(())
}

pub(super) async fn codes_left(readers: &SqlitePool, account: &UserId) -> Result<u32, StoreError> {
    let row = sqlx::query("SELECT count(*) FROM recovery_code WHERE account = ?")
        .bind(account.as_str())
        .fetch_one(readers)
        .await
        .map_err(failed("count recovery codes"))?;
    Ok(row.get::<i64, _>(0) as u32)
}

pub(super) async fn has_code(
    readers: &SqlitePool,
    account: &UserId,
    hash: [u8; 32],
) -> Result<bool, StoreError> {
    sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM recovery_code WHERE account = ? AND hash = ?)")
        .bind(account.as_str())
        .bind(&hash[..])
        .fetch_one(readers)
        .await
        .map_err(failed("look for a recovery code"))
}

pub(super) async fn end_code(
    writer: &mut SqliteConnection,
    account: &UserId,
    hash: [u8; 32],
) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM recovery_code WHERE account = ? AND hash = ?")
        .bind(account.as_str())
        .bind(&hash[..])
        .execute(writer)
        .await
        .map_err(failed("use a recovery code"))?;
    Ok(())
}

/// Builds a passkey from the columns after those of the account.
fn passkey(row: &SqliteRow) -> Result<StoredPasskey, StoreError> {
    Ok(StoredPasskey {
        account: accounts::slug(row, 0)?,
        credential: row.get(4),
        name: column(row, 5, "the name of a passkey")?,
        document: column(row, 6, "a passkey")?,
        created_at: moment(row, 7),
        used_at: moment(row, 8),
    })
}
