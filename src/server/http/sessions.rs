//! The signed-in devices of an account, and its password. Changing the password signs out every
//! other device.

use super::{
    cookie::SessionCookie,
    errors::{ApiError, Problems},
    extract::{Body, RecentAuth, SignedIn, session_name},
    household::EditError,
    passkeys::{Keyring, proven_by},
    session::SigningIn,
};
use crate::{
    api::{
        audit::AuditAction,
        session::{Device, EditPassword, Proof},
    },
    domain::{
        home::edit::{ErrorCode, FieldError, Form},
        time::Timestamp,
    },
    server::{
        clock::Clock,
        state::AppState,
        store::{Account, Changes, Guard, Op, Reads, SESSION_LEAVES, Session},
    },
};
use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use axum_extra::extract::CookieJar;
use serde_json::json;
use std::sync::Arc;
use utoipa_axum::{router::OpenApiRouter, routes};

/// The routes of an account's devices and password.
pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list, end_others))
        .routes(routes!(end))
        .routes(routes!(password))
        .routes(routes!(prove))
        .routes(routes!(release))
}

fn name(session: &Session) -> String {
    session_name(&session.token)
}

/// The devices on which this account is signed in, the most recently used first.
#[utoipa::path(
    get,
    path = "/api/v1/sessions",
    tag = "session",
    responses((status = 200, body = Vec<Device>), Problems),
)]
pub async fn list(
    State(reads): State<Arc<dyn Reads>>,
    State(clock): State<Arc<Clock>>,
    signed_in: SignedIn,
) -> Result<Json<Vec<Device>>, ApiError> {
    let now = clock.now();
    let all = reads.sessions(&signed_in.account.id, now).await?;
    // A replaced session was this device's own and is about to end.
    let all = all.into_iter().filter(|session| session.expires_at > now + SESSION_LEAVES);
    let device = |session: Session| Device {
        id: name(&session),
        here: session.token == signed_in.session.token,
        name: session.device,
        signed_in_at: session.created_at,
        seen_at: session.seen_at,
        restricted_until: Some(session.restricted_until).filter(|until| *until > now),
    };
    Ok(Json(all.map(device).collect()))
}

/// Signs out a device. Its streams end within seconds.
#[utoipa::path(
    delete,
    path = "/api/v1/sessions/{session}",
    tag = "session",
    params(("session" = String, Path)),
    responses((status = 200, body = Vec<Device>), Problems),
)]
pub async fn end(
    State(reads): State<Arc<dyn Reads>>,
    State(clock): State<Arc<Clock>>,
    State(changes): State<Changes>,
    RecentAuth(signed_in): RecentAuth,
    Path(id): Path<String>,
) -> Result<Json<Vec<Device>>, ApiError> {
    let all = reads.sessions(&signed_in.account.id, clock.now()).await?;
    let found = all.iter().find(|session| name(session) == id).ok_or_else(ApiError::not_found)?;
    let detail = json!({"session": id, "device": found.device});
    let end = Op::EndSession(signed_in.account.id.clone(), found.token);
    changes.apply(signed_in.change(AuditAction::DevicesSignedOut, detail).op(end)).await?;
    list(State(reads), State(clock), signed_in).await
}

/// Lifts the restriction of another device of this account, which was signed in without the
/// account's passkey.
#[utoipa::path(
    post,
    path = "/api/v1/sessions/{session}/release",
    tag = "session",
    params(("session" = String, Path)),
    responses((status = 200, body = Vec<Device>), Problems),
)]
pub async fn release(
    State(reads): State<Arc<dyn Reads>>,
    State(clock): State<Arc<Clock>>,
    State(changes): State<Changes>,
    RecentAuth(signed_in): RecentAuth,
    Path(id): Path<String>,
) -> Result<Json<Vec<Device>>, ApiError> {
    let all = reads.sessions(&signed_in.account.id, clock.now()).await?;
    let found = all.iter().find(|session| name(session) == id).ok_or_else(ApiError::not_found)?;
    let detail = json!({"session": id, "device": found.device});
    let release = Op::ReleaseSession(signed_in.account.id.clone(), found.token);
    changes.apply(signed_in.change(AuditAction::DeviceAllowed, detail).op(release)).await?;
    list(State(reads), State(clock), signed_in).await
}

/// Signs out every other device.
#[utoipa::path(
    delete,
    path = "/api/v1/sessions",
    tag = "session",
    responses((status = 200, body = Vec<Device>), Problems),
)]
pub async fn end_others(
    State(reads): State<Arc<dyn Reads>>,
    State(clock): State<Arc<Clock>>,
    State(changes): State<Changes>,
    RecentAuth(signed_in): RecentAuth,
) -> Result<Json<Vec<Device>>, ApiError> {
    let end = Op::EndSessions {
        account: signed_in.account.id.clone(),
        except: vec![signed_in.session.token],
    };
    changes
        .apply(signed_in.change(AuditAction::DevicesSignedOut, json!({"all": true})).op(end))
        .await?;
    list(State(reads), State(clock), signed_in).await
}

/// Proves the person's identity again on this device, with the password or a passkey. Changes of a
/// home require a recent proof. A passkey also lifts the restriction of a device that was signed in
/// without one.
#[utoipa::path(
    put,
    path = "/api/v1/session/proof",
    tag = "session",
    request_body = Proof,
    responses((status = 204, description = "It is"), Problems),
)]
pub async fn prove(
    State(signing_in): State<SigningIn>,
    State(keyring): State<Keyring>,
    cookie: SessionCookie,
    mut signed_in: SignedIn,
    Body(Proof { password, passkey }): Body<Proof>,
) -> Result<(CookieJar, StatusCode), ApiError> {
    let account = &signed_in.account;
    let used = match (password, passkey) {
        (_, Some(passkey)) => {
            let used = keyring.used_by(account, &passkey).await?;
            signed_in.session.restricted_until = Timestamp::from_millis(0);
            Some(used)
        }
        (password, None) => {
            if !signing_in.is_password(account, password.unwrap_or_default()).await? {
                signing_in
                    .changes
                    .apply(signed_in.change(AuditAction::ProofRefused, json!({"by": "password"})))
                    .await?;
                return Err(EditError::Invalid(vec![FieldError {
                    field: "password".into(),
                    fault: ErrorCode::NotRight,
                }])
                .into());
            }
            None
        }
    };
    let by = if used.is_some() { "passkey" } else { "password" };
    let proven = |token: [u8; 32]| {
        let change = signed_in
            .change(AuditAction::Proven, json!({"by": by, "session": session_name(&token)}));
        let Some(used) = &used else { return change };
        let release = Op::ReleaseSession(account.id.clone(), signed_in.session.token);
        proven_by(change.op(release), used)
    };
    let jar = signing_in.renew(cookie, &signed_in.session, proven).await?;
    Ok((jar, StatusCode::NO_CONTENT))
}

/// Changes the account's password, and signs out every other device. A passkey is enough where the
/// current password is forgotten, or a thief has changed it.
#[utoipa::path(
    put,
    path = "/api/v1/password",
    tag = "session",
    request_body = EditPassword,
    responses((status = 204, description = "Changed"), Problems),
)]
pub async fn password(
    State(signing_in): State<SigningIn>,
    State(keyring): State<Keyring>,
    cookie: SessionCookie,
    signed_in: SignedIn,
    Body(EditPassword { current, passkey, password }): Body<EditPassword>,
) -> Result<(CookieJar, StatusCode), ApiError> {
    let account = &signed_in.account;
    let used = match &passkey {
        Some(passkey) => Some(keyring.used_by(account, passkey).await?),
        None => None,
    };
    let mut form = Form::default();
    // The new password is checked only after the proof, because the check takes up to a second.
    if used.is_none() && !signing_in.is_password(account, current.unwrap_or_default()).await? {
        form.wrong("current", ErrorCode::NotRight);
    } else if let Some(fault) =
        signing_in.hashing.sign_in.judged(&password, &[&account.email, &account.name]).await?
    {
        form.wrong("password", fault);
    }
    form.done(()).map_err(EditError::Invalid)?;
    let password = signing_in.hashing.sign_in.hashed(password).await?;
    let by = if used.is_some() { "passkey" } else { "password" };
    let changed = |token: [u8; 32]| {
        let detail = json!({"by": by, "session": session_name(&token)});
        let change = signed_in.change(AuditAction::PasswordChanged, detail);
        let change = match &used {
            Some(used) => proven_by(change, used),
            // Another device may have changed it, so the comparison was with an old password.
            None => change.guard(Guard::PasswordIs(account.id.clone(), account.password.clone())),
        };
        let except = vec![signed_in.session.token, token];
        change
            .op(Op::PutAccount(Account { password: password.clone(), ..account.clone() }))
            .op(Op::EndSessions { account: account.id.clone(), except })
    };
    let jar = signing_in.renew(cookie, &signed_in.session, changed).await?;
    Ok((jar, StatusCode::NO_CONTENT))
}
