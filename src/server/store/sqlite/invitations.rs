//! Invitations, by the hashes of their tokens.

use super::{accounts, center, column, failed, impossible, millis, moment, readable};
use crate::{
    domain::{access::InvitationScope, id::HomeId, time::Timestamp},
    server::store::{Invitation, StoreError},
};
use sqlx::{Row, SqliteConnection, SqliteExecutor, SqlitePool, sqlite::SqliteRow};

pub(super) async fn put(
    writer: &mut SqliteConnection,
    invitation: &Invitation,
) -> Result<(), StoreError> {
    let Invitation { token, scope, name, inviter, expires_at } = invitation;
    let (home, role) = match scope {
        InvitationScope::Home(home, role) => (Some(home.as_str()), accounts::role_name(*role)),
        InvitationScope::Center(role) => (None, center::name(*role)),
    };
    sqlx::query("INSERT INTO invitation (token, home, role, name, inviter, expires_at) VALUES (?, ?, ?, ?, ?, ?)")
        .bind(&token[..])
        .bind(home)
        .bind(role)
        .bind(name)
        .bind(inviter.as_str())
        .bind(millis(*expires_at))
        .execute(writer)
        .await
        .map_err(failed("store an invitation"))?;
    Ok(())
}

pub(super) async fn of_token<'e>(
    reader: impl SqliteExecutor<'e>,
    token: [u8; 32],
    now: Timestamp,
) -> Result<Option<Invitation>, StoreError> {
    let row = sqlx::query("SELECT token, home, role, name, inviter, expires_at FROM invitation WHERE token = ? AND expires_at > ?")
        .bind(&token[..])
        .bind(millis(now))
        .fetch_optional(reader)
        .await
        .map_err(failed("look for an invitation"))?;
    row.as_ref().map(invitation).transpose()
}

pub(super) async fn of(
    readers: &SqlitePool,
    home: Option<&HomeId>,
    now: Timestamp,
) -> Result<Vec<Invitation>, StoreError> {
    let rows = sqlx::query(
        "SELECT token, home, role, name, inviter, expires_at FROM invitation WHERE home IS ? AND expires_at > ? ORDER BY expires_at",
    )
    .bind(home.map(HomeId::as_str))
    .bind(millis(now))
    .fetch_all(readers)
    .await
    .map_err(failed("load invitations"))?;
    Ok(readable(&rows, "invitations", invitation))
}

pub(super) async fn end(writer: &mut SqliteConnection, token: [u8; 32]) -> Result<(), StoreError> {
    let end = sqlx::query("DELETE FROM invitation WHERE token = ?").bind(&token[..]);
    end.execute(writer).await.map_err(failed("end an invitation"))?;
    Ok(())
}

fn invitation(row: &SqliteRow) -> Result<Invitation, StoreError> {
    let role = column(row, 2, "the role of an invitation")?;
    Ok(Invitation {
        token: row
            .get::<&[u8], _>(0)
            .try_into()
            .map_err(|_| impossible("an invitation's token"))?,
        scope: match row.get::<Option<&[u8]>, _>(1) {
            Some(_) => InvitationScope::Home(accounts::slug(row, 1)?, accounts::role(role)),
            None => InvitationScope::Center(center::named(role)),
        },
        name: column(row, 3, "the name of an invitation")?,
        inviter: accounts::slug(row, 4)?,
        expires_at: moment(row, 5),
    })
}
