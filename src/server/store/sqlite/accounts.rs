//! Homes, accounts and memberships.

use super::{column, failed, impossible, lossy, readable};
use crate::{
    domain::{
        access::{Membership, Role},
        home::Home,
        id::{HomeId, UserId},
    },
    server::store::{Account, StoreError},
};
use sqlx::{Row, SqliteConnection, SqliteExecutor, SqlitePool, sqlite::SqliteRow};
use std::str::FromStr;

pub(super) async fn homes(
    readers: &SqlitePool,
) -> Result<(Vec<(Home, u64)>, Vec<(String, StoreError)>), StoreError> {
    let rows = sqlx::query("SELECT document, revision, id FROM home ORDER BY id")
        .fetch_all(readers)
        .await
        .map_err(failed("load homes"))?;
    let (mut homes, mut unreadable) = (Vec::with_capacity(rows.len()), Vec::new());
    for row in &rows {
        let id = lossy(row, 2);
        let text = column(row, 0, &format!("home {id}"));
        let home = text.and_then(|text| {
            serde_json::from_str::<Home>(text).map_err(|e| impossible(format!("home {id}: {e}")))
        });
        match home.and_then(|home| {
            if home.id.as_str() == id {
                Ok(home)
            } else {
                Err(impossible(format!("home {id} is stored as {}", home.id)))
            }
        }) {
            Ok(home) => homes.push((home, row.get::<i64, _>(1) as u64)),
            Err(error) => unreadable.push((id, error)),
        }
    }
    Ok((homes, unreadable))
}

pub(super) async fn put_home(
    writer: &mut SqliteConnection,
    home: &Home,
    revision: u64,
) -> Result<(), StoreError> {
    let document = serde_json::to_string(home).map_err(|e| impossible(format!("a home: {e}")))?;
    sqlx::query(
        "INSERT INTO home (id, document, revision) VALUES (?, ?, ?)
         ON CONFLICT (id) DO UPDATE SET document = excluded.document, revision = excluded.revision",
    )
    .bind(home.id.as_str())
    .bind(document)
    .bind(revision as i64)
    .execute(writer)
    .await
    .map_err(failed("store a home"))?;
    Ok(())
}

pub(super) async fn put(
    writer: &mut SqliteConnection,
    account: &Account,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO account (id, email, name, password) VALUES (?, ?, ?, ?)
         ON CONFLICT (id) DO UPDATE SET email = excluded.email, name = excluded.name, password = excluded.password",
    )
    .bind(account.id.as_str())
    .bind(&account.email)
    .bind(&account.name)
    .bind(&account.password)
    .execute(writer)
    .await
    .map_err(failed("store an account"))?;
    Ok(())
}

pub(super) async fn by_email(
    readers: &SqlitePool,
    email: &str,
) -> Result<Option<Account>, StoreError> {
    let row = sqlx::query("SELECT id, email, name, password FROM account WHERE email = ?")
        .bind(email.to_lowercase())
        .fetch_optional(readers)
        .await
        .map_err(failed("look for an account"))?;
    row.as_ref().map(account).transpose()
}

pub(super) async fn put_membership(
    writer: &mut SqliteConnection,
    home: &HomeId,
    account: &UserId,
    membership: Membership,
) -> Result<(), StoreError> {
    let role = role_name(membership.role);
    sqlx::query(
        "INSERT INTO membership (home, account, role, sos_withdrawn) VALUES (?, ?, ?, ?)
         ON CONFLICT (home, account) DO UPDATE SET role = excluded.role, sos_withdrawn = excluded.sos_withdrawn",
    )
    .bind(home.as_str())
    .bind(account.as_str())
    .bind(role)
    .bind(membership.sos_withdrawn)
    .execute(writer)
    .await
    .map_err(failed("store a membership"))?;
    Ok(())
}

pub(super) async fn memberships(
    readers: &SqlitePool,
    account: &UserId,
) -> Result<Vec<(HomeId, Membership)>, StoreError> {
    let rows = sqlx::query(
        "SELECT home, role, sos_withdrawn FROM membership WHERE account = ? ORDER BY rowid",
    )
    .bind(account.as_str())
    .fetch_all(readers)
    .await
    .map_err(failed("load memberships"))?;
    Ok(readable(&rows, format_args!("the homes of {account}"), |row| {
        Ok((slug(row, 0)?, membership_of(row, 1)?))
    }))
}

pub(super) async fn membership<'e>(
    reader: impl SqliteExecutor<'e>,
    home: &HomeId,
    account: &UserId,
) -> Result<Option<Membership>, StoreError> {
    let row =
        sqlx::query("SELECT role, sos_withdrawn FROM membership WHERE home = ? AND account = ?")
            .bind(home.as_str())
            .bind(account.as_str())
            .fetch_optional(reader)
            .await
            .map_err(failed("look for a membership"))?;
    row.as_ref().map(|row| membership_of(row, 0)).transpose()
}

pub(super) async fn any(readers: &SqlitePool) -> Result<bool, StoreError> {
    let row = sqlx::query("SELECT EXISTS (SELECT 1 FROM account)")
        .fetch_one(readers)
        .await
        .map_err(failed("look for accounts"))?;
    Ok(row.get(0))
}

pub(super) async fn members(
    readers: &SqlitePool,
    home: &HomeId,
) -> Result<Vec<(Account, Membership)>, StoreError> {
    let rows = sqlx::query(
        "SELECT account.id, email, name, password, role, sos_withdrawn FROM membership JOIN account ON account.id = membership.account
         WHERE home = ? ORDER BY membership.rowid",
    )
    .bind(home.as_str())
    .fetch_all(readers)
    .await
    .map_err(failed("load the people of a home"))?;
    Ok(readable(&rows, format_args!("the people of {home}"), |row| {
        Ok((account(row)?, membership_of(row, 4)?))
    }))
}

pub(super) async fn end_membership(
    writer: &mut SqliteConnection,
    home: &HomeId,
    account: &UserId,
) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM membership WHERE home = ? AND account = ?")
        .bind(home.as_str())
        .bind(account.as_str())
        .execute(writer)
        .await
        .map_err(failed("end a membership"))?;
    Ok(())
}

pub(super) const fn role_name(role: Role) -> &'static str {
    match role {
        Role::Owner => "owner",
        Role::Shared => "shared",
        Role::Guest => "guest",
    }
}

pub(super) fn role(name: &str) -> Role {
    match name {
        "owner" => Role::Owner,
        "shared" => Role::Shared,
        _ => Role::Guest,
    }
}

fn membership_of(row: &SqliteRow, first: usize) -> Result<Membership, StoreError> {
    Ok(Membership {
        role: role(column(row, first, "a role")?),
        sos_withdrawn: column(row, first + 1, "a membership")?,
    })
}

pub(super) fn account(row: &SqliteRow) -> Result<Account, StoreError> {
    let id: UserId = slug(row, 0)?;
    let text = |index| column(row, index, &format!("account {id}"));
    Ok(Account { email: text(1)?, name: text(2)?, password: text(3)?, id })
}

pub(super) fn slug<T: FromStr>(row: &SqliteRow, index: usize) -> Result<T, StoreError> {
    let wrong = |_| impossible(format!("“{}” is no identifier", lossy(row, index)));
    column::<&str>(row, index, "an identifier")?.parse().map_err(wrong)
}
