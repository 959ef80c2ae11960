//! Signed-in devices, by the hashes of their tokens.

use super::{accounts, column, failed, millis, moment, readable};
use crate::{
    domain::{id::UserId, time::Timestamp},
    server::store::{Account, SESSION_LEAVES, Session, StoreError},
};
use data_encoding::HEXLOWER;
use serde_json::json;
use sqlx::{Row, SqliteConnection, SqlitePool, sqlite::SqliteRow};

pub(super) async fn put(
    writer: &mut SqliteConnection,
    session: &Session,
) -> Result<(), StoreError> {
    let problem = failed("store a session");
    sqlx::query("DELETE FROM session WHERE expires_at <= ?")
        .bind(millis(session.seen_at))
        .execute(&mut *writer)
        .await
        .map_err(&problem)?;
    let insert = "INSERT INTO session (token, account, created_at, expires_at, device, seen_at, proven_at, held_until, replaces)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)";
    sqlx::query(insert)
        .bind(&session.token[..])
        .bind(session.account.as_str())
        .bind(millis(session.created_at))
        .bind(millis(session.expires_at))
        .bind(&session.device)
        .bind(millis(session.seen_at))
        .bind(millis(session.proven_at))
        .bind(millis(session.restricted_until))
        .bind(session.replaces.as_ref().map(|old| &old[..]))
        .execute(writer)
        .await
        .map_err(&problem)?;
    Ok(())
}

pub(super) async fn end_replaced(
    writer: &mut SqliteConnection,
    token: [u8; 32],
    by: Timestamp,
) -> Result<(), StoreError> {
    let problem = failed("end a session that was replaced");
    sqlx::query("UPDATE session SET expires_at = min(expires_at, ?) WHERE token = (SELECT replaces FROM session WHERE token = ?)")
        .bind(millis(by))
        .bind(&token[..])
        .execute(&mut *writer)
        .await
        .map_err(&problem)?;
    let replaced =
        sqlx::query("UPDATE session SET replaces = NULL WHERE token = ?").bind(&token[..]);
    replaced.execute(writer).await.map_err(&problem)?;
    Ok(())
}

pub(super) async fn of_token(
    readers: &SqlitePool,
    token: [u8; 32],
    now: Timestamp,
) -> Result<Option<(Account, Session)>, StoreError> {
    let row = sqlx::query(
        "SELECT account.id, email, name, password, token, created_at, expires_at, device, seen_at, proven_at, held_until, replaces
         FROM session JOIN account ON account.id = session.account WHERE token = ? AND expires_at > ?",
    )
    .bind(&token[..])
    .bind(millis(now))
    .fetch_optional(readers)
    .await
    .map_err(failed("look for a session"))?;
    row.as_ref().map(|row| Ok((accounts::account(row)?, session(row)?))).transpose()
}

pub(super) async fn of_account(
    readers: &SqlitePool,
    account: &UserId,
    now: Timestamp,
) -> Result<Vec<Session>, StoreError> {
    let rows = sqlx::query(
        "SELECT account, '', '', '', token, created_at, expires_at, device, seen_at, proven_at, held_until, replaces FROM session
         WHERE account = ? AND expires_at > ? ORDER BY seen_at DESC",
    )
    .bind(account.as_str())
    .bind(millis(now))
    .fetch_all(readers)
    .await
    .map_err(failed("load the devices of an account"))?;
    Ok(readable(&rows, format_args!("the devices of {account}"), session))
}

pub(super) async fn seen(
    writer: &mut SqliteConnection,
    token: [u8; 32],
    now: Timestamp,
    expires_at: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE session SET seen_at = ?, expires_at = ? WHERE token = ? AND expires_at > ?",
    )
    .bind(millis(now))
    .bind(millis(expires_at))
    .bind(&token[..])
    .bind(millis(now + SESSION_LEAVES))
    .execute(writer)
    .await
    .map_err(failed("note that a device was used"))?;
    Ok(())
}

pub(super) async fn proven(
    writer: &mut SqliteConnection,
    token: [u8; 32],
    at: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE session SET proven_at = ? WHERE token = ?")
        .bind(millis(at))
        .bind(&token[..])
        .execute(writer)
        .await
        .map_err(failed("note that the password was given"))?;
    Ok(())
}

pub(super) async fn release(
    writer: &mut SqliteConnection,
    account: &UserId,
    token: [u8; 32],
) -> Result<(), StoreError> {
    sqlx::query("UPDATE session SET held_until = 0 WHERE account = ? AND token = ?")
        .bind(account.as_str())
        .bind(&token[..])
        .execute(writer)
        .await
        .map_err(failed("let a device request help"))?;
    Ok(())
}

pub(super) async fn end(
    writer: &mut SqliteConnection,
    account: &UserId,
    token: [u8; 32],
) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM session WHERE account = ?1 AND (token = ?2 OR token = (SELECT replaces FROM session WHERE token = ?2))")
        .bind(account.as_str())
        .bind(&token[..])
        .execute(writer)
        .await
        .map_err(failed("end a session"))?;
    Ok(())
}

pub(super) async fn end_all(
    writer: &mut SqliteConnection,
    account: &UserId,
    except: &[[u8; 32]],
) -> Result<(), StoreError> {
    let except: Vec<String> = except.iter().map(|token| HEXLOWER.encode(token)).collect();
    sqlx::query("DELETE FROM session WHERE account = ? AND lower(hex(token)) NOT IN (SELECT value FROM json_each(?))")
        .bind(account.as_str())
        .bind(json!(except).to_string())
        .execute(writer)
        .await
        .map_err(failed("end the sessions of an account"))?;
    Ok(())
}

/// Builds a session from the columns of the queries above.
fn session(row: &SqliteRow) -> Result<Session, StoreError> {
    let hash = |bytes: &[u8]| {
        <[u8; 32]>::try_from(bytes).map_err(|_| super::impossible("a session's token"))
    };
    let token = hash(row.get(4))?;
    Ok(Session {
        token,
        account: accounts::slug(row, 0)?,
        created_at: moment(row, 5),
        expires_at: moment(row, 6),
        device: column(row, 7, "the device of a session")?,
        seen_at: moment(row, 8),
        proven_at: moment(row, 9),
        restricted_until: moment(row, 10),
        replaces: row.get::<Option<&[u8]>, _>(11).map(hash).transpose()?,
    })
}
