//! Applies changes: checks guards, runs operations and appends audit records in one transaction.

use super::{
    accounts, audit, center, contact_links, deliveries, failed, incidents, invitations, millis,
    panels, passkeys, sessions, upkeep,
};
use crate::{
    domain::{
        access::{Action, CenterAction, CenterRole, InvitationScope, Role},
        id::{HomeId, UserId},
        time::Timestamp,
    },
    server::store::{
        Bookkeeping, Change, ChangeError, Guard, Invitation, Op, StoreError, Urgent, Write,
    },
};
use sqlx::{Connection, SqliteConnection, query, query_scalar};

/// Applies writes in order, each in its own savepoint of one transaction. Stops before the next one
/// if something is urgent.
///
/// # Errors
/// The transaction failed, so that none of the writes is stored.
pub(super) async fn all(
    writer: &mut SqliteConnection,
    writes: &[&Write],
    urgent: Urgent<'_>,
) -> Result<Vec<Result<(), ChangeError>>, StoreError> {
    let problem = failed("store changes");
    let mut transaction = writer.begin_with("BEGIN IMMEDIATE").await.map_err(&problem)?;
    let mut results = Vec::with_capacity(writes.len());
    for write in writes {
        if !results.is_empty() && urgent() {
            break;
        }
        query("SAVEPOINT one").execute(&mut *transaction).await.map_err(&problem)?;
        let result = one(&mut transaction, write).await;
        match &result {
            Ok(()) => {}
            // The whole transaction may be lost.
            Err(ChangeError::Store(error)) if !error.may_be_about_one() => {
                return Err(error.clone());
            }
            Err(_) => {
                query("ROLLBACK TO one").execute(&mut *transaction).await.map_err(&problem)?;
            }
        }
        query("RELEASE one").execute(&mut *transaction).await.map_err(&problem)?;
        results.push(result);
    }
    transaction.commit().await.map_err(&problem)?;
    Ok(results)
}

async fn one(writer: &mut SqliteConnection, write: &Write) -> Result<(), ChangeError> {
    let change = match write {
        Write::Change(change) => change,
        Write::Bookkeeping(note) => return Ok(keep(writer, note).await?),
    };
    for guard in change.guards() {
        if !holds(writer, guard).await? {
            return Err(ChangeError::Unmet(guard.clone()));
        }
    }
    for op in change.all_ops() {
        make(writer, op).await?;
    }
    record(writer, change).await?;
    Ok(())
}

async fn record(writer: &mut SqliteConnection, change: &Change) -> Result<(), StoreError> {
    audit::append(writer, change.audit()).await.map_err(failed("record what was done"))
}

async fn keep(writer: &mut SqliteConnection, note: &Bookkeeping) -> Result<(), StoreError> {
    match note {
        Bookkeeping::SessionUsed { token, at, expires_at, replaced_ends } => {
            sessions::seen(writer, *token, *at, *expires_at).await?;
            sessions::end_replaced(writer, *token, *replaced_ends).await
        }
        Bookkeeping::WebhookSince(url, since) => deliveries::put_since(writer, url, *since).await,
        Bookkeeping::Deliveries(all) => deliveries::put(writer, all).await,
        Bookkeeping::PanelAlarms(all) => panels::put(writer, all).await,
        Bookkeeping::Probe => upkeep::probe(writer).await,
    }
}

async fn make(writer: &mut SqliteConnection, op: &Op) -> Result<(), StoreError> {
    match op {
        Op::PutHome { home, revision } => accounts::put_home(writer, home, *revision).await,
        Op::PutAccount(account) => accounts::put(writer, account).await,
        Op::PutMembership(home, account, membership) => {
            accounts::put_membership(writer, home, account, *membership).await
        }
        Op::EndMembership(home, account) => accounts::end_membership(writer, home, account).await,
        Op::SetCenterRole(account, role) => center::put(writer, account, *role).await,
        Op::PutInvitation(invitation) => invitations::put(writer, invitation).await,
        Op::EndInvitation { token, .. } => invitations::end(writer, *token).await,
        Op::PutSession(session) => sessions::put(writer, session).await,
        Op::EndSession(account, token) => sessions::end(writer, account, *token).await,
        Op::EndSessions { account, except } => sessions::end_all(writer, account, except).await,
        Op::ProveSession(token, at) => sessions::proven(writer, *token, *at).await,
        Op::ReleaseSession(account, token) => sessions::release(writer, account, *token).await,
        Op::PutPasskey(passkey) => passkeys::put(writer, passkey).await,
        Op::EndPasskey(account, credential) => passkeys::end(writer, account, credential).await,
        Op::PutRecoveryCodes(account, hashes) => passkeys::put_codes(writer, account, hashes).await,
        Op::EndRecoveryCode(account, hash) => passkeys::end_code(writer, account, *hash).await,
        Op::PutContactLink { token, link, shown } => {
            contact_links::put(writer, *token, link, shown.as_deref()).await
        }
        Op::KeepContactLinks { home, kept } => contact_links::keep(writer, home, kept).await,
        Op::EndQuarantined { incident, home, .. } => {
            incidents::end_quarantined(writer, incident, home).await
        }
    }
}

async fn holds(writer: &mut SqliteConnection, guard: &Guard) -> Result<bool, StoreError> {
    let question = match guard {
        Guard::HomeRevisionIs(home, revision) => {
            query_scalar("SELECT EXISTS (SELECT 1 FROM home WHERE id = ? AND revision = ?)").bind(home.as_str()).bind(*revision as i64)
        }
        Guard::SessionStands(token, now) => query_scalar("SELECT EXISTS (SELECT 1 FROM session WHERE token = ? AND expires_at > ?)")
            .bind(&token[..])
            .bind(millis(*now)),
        Guard::MayConfigure(home, account) => return may_configure(writer, home, account).await,
        Guard::MayAtCenter(account, action) => return may_at_center(writer, account, *action).await,
        Guard::IsQuarantined(incident, home) => {
            query_scalar("SELECT EXISTS (SELECT 1 FROM incident WHERE id = ? AND home = ? AND running = 1 AND quarantined_at IS NOT NULL)")
                .bind(incident)
                .bind(home.as_str())
        }
        Guard::LinkStands(token) => {
            query_scalar("SELECT EXISTS (SELECT 1 FROM contact_link WHERE token = ?)").bind(&token[..])
        }
        Guard::IsMember(home, account) => query_scalar("SELECT EXISTS (SELECT 1 FROM membership WHERE home = ? AND account = ?)")
            .bind(home.as_str())
            .bind(account.as_str()),
        Guard::IsNoMember(home, account) => query_scalar("SELECT NOT EXISTS (SELECT 1 FROM membership WHERE home = ? AND account = ?)")
            .bind(home.as_str())
            .bind(account.as_str()),
        Guard::HasOtherOwner(home, but) => query_scalar("SELECT EXISTS (SELECT 1 FROM membership WHERE home = ? AND account <> ? AND role = ?)")
            .bind(home.as_str())
            .bind(but.as_str())
            .bind(accounts::role_name(Role::Owner)),
        Guard::HasOtherSupervisor(but) => query_scalar("SELECT EXISTS (SELECT 1 FROM center WHERE account <> ? AND role = ?)")
            .bind(but.as_str())
            .bind(center::name(CenterRole::Supervisor)),
        Guard::CenterRoleIs(account, role) => {
            query_scalar("SELECT (SELECT role FROM center WHERE account = ?) IS ?").bind(account.as_str()).bind(role.map(center::name))
        }
        Guard::InvitationOpen(token, now) => return is_open(writer, *token, *now).await,
        Guard::InvitationStands(token, now) => return Ok(invitations::of_token(writer, *token, *now).await?.is_some()),
        Guard::FewerInvitations(home, now, most) => {
            query_scalar("SELECT count(*) < ?3 FROM invitation WHERE home IS ?1 AND expires_at > ?2")
                .bind(home.as_ref().map(|home| home.as_str()))
                .bind(millis(*now))
                .bind(*most)
        }
        Guard::NoAccounts => query_scalar("SELECT NOT EXISTS (SELECT 1 FROM account)"),
        Guard::EmailFree(email) => query_scalar("SELECT NOT EXISTS (SELECT 1 FROM account WHERE email = ?)").bind(email),
        Guard::PasswordIs(account, hash) => {
            query_scalar("SELECT EXISTS (SELECT 1 FROM account WHERE id = ? AND password = ?)").bind(account.as_str()).bind(hash)
        }
        Guard::NotReplaced(token) => query_scalar("SELECT NOT EXISTS (SELECT 1 FROM session WHERE replaces = ?)").bind(&token[..]),
        Guard::CredentialFree(credential) => {
            query_scalar("SELECT NOT EXISTS (SELECT 1 FROM passkey WHERE credential = ?)").bind(credential)
        }
        Guard::PasskeyStands(account, credential) => {
            query_scalar("SELECT EXISTS (SELECT 1 FROM passkey WHERE account = ? AND credential = ?)")
                .bind(account.as_str())
                .bind(credential)
        }
        Guard::FewerPasskeys(account, most) => {
            query_scalar("SELECT count(*) < ?2 FROM passkey WHERE account = ?1").bind(account.as_str()).bind(*most)
        }
        Guard::RecoveryCodeUnused(account, hash) => {
            query_scalar("SELECT EXISTS (SELECT 1 FROM recovery_code WHERE account = ? AND hash = ?)")
                .bind(account.as_str())
                .bind(&hash[..])
        }
    };
    question.fetch_one(writer).await.map_err(failed("look whether a change may be made"))
}

/// Whether an invitation has not expired and its inviter still has the right to invite.
async fn is_open(
    writer: &mut SqliteConnection,
    token: [u8; 32],
    now: Timestamp,
) -> Result<bool, StoreError> {
    let Some(Invitation { scope, inviter, .. }) =
        invitations::of_token(&mut *writer, token, now).await?
    else {
        return Ok(false);
    };
    match scope {
        InvitationScope::Home(home, _) => may_configure(writer, &home, &inviter).await,
        InvitationScope::Center(_) => may_at_center(writer, &inviter, CenterAction::Lead).await,
    }
}

async fn may_configure(
    writer: &mut SqliteConnection,
    home: &HomeId,
    account: &UserId,
) -> Result<bool, StoreError> {
    Ok(accounts::membership(writer, home, account)
        .await?
        .is_some_and(|membership| membership.may(Action::Configure)))
}

async fn may_at_center(
    writer: &mut SqliteConnection,
    account: &UserId,
    action: CenterAction,
) -> Result<bool, StoreError> {
    Ok(center::role(writer, account).await?.is_some_and(|role| role.may(action)))
}
