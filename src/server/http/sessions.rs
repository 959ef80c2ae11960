//! Signed-in devices, and the account's password. Whoever changes it signs every other device out.

use super::{
    answer::{Problems, Refused},
    cookie::SessionCookie,
    extract::{Body, Proven, SignedIn, Unrestricted, session_name},
    household::NotEdited,
    passkeys, session,
};
use crate::{
    api::{
        audit::Deed,
        session::{Device, EditPassword, Proof},
    },
    domain::{
        home::edit::{Fault, Form, Wrong},
        time::Timestamp,
    },
    server::{
        App, auth,
        store::{Account, Guard, Op, Session},
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

fn name(session: &Session) -> String {
    session_name(&session.token)
}

/// The devices on which this account is signed in, the one that was used last first.
#[utoipa::path(get, path = "/api/v1/sessions", tag = "session", responses((status = 200, body = Vec<Device>), Problems))]
pub async fn list(State(app): State<Arc<App>>, signed_in: SignedIn) -> Result<Json<Vec<Device>>, Refused> {
    let now = app.clock.now();
    let all = app.reads.sessions(&signed_in.account.id, now).await?;
    // A session that was replaced is about to end, and was this device's.
    let all = all.into_iter().filter(|session| session.expires_at > now + auth::SESSION_LEAVES);
    let device = |session: Session| Device {
        id: name(&session),
        here: session.token == signed_in.session.token,
        name: session.device,
        signed_in_at: session.created_at,
        seen_at: session.seen_at,
        held_until: Some(session.held_until).filter(|until| *until > now),
    };
    Ok(Json(all.map(device).collect()))
}

/// Signs a device out. Its streams end within seconds.
#[utoipa::path(delete, path = "/api/v1/sessions/{session}", tag = "session", params(("session" = String, Path)), responses((status = 200, body = Vec<Device>), Problems))]
pub async fn end(State(app): State<Arc<App>>, signed_in: SignedIn, Path(id): Path<String>) -> Result<Json<Vec<Device>>, Refused> {
    let all = app.reads.sessions(&signed_in.account.id, app.clock.now()).await?;
    let found = all.iter().find(|session| name(session) == id).ok_or_else(Refused::not_found)?;
    if found.token != signed_in.session.token {
        signed_in.is_free(&app)?;
    }
    let detail = json!({"session": id, "device": found.device});
    let end = Op::EndSession(signed_in.account.id.clone(), found.token);
    app.changes.apply(signed_in.change(&app, Deed::DevicesSignedOut, detail).op(end)).await?;
    list(State(app), signed_in).await
}

/// Lets another device of this account request help, which came without the account's passkey. Not from one that is held itself.
#[utoipa::path(post, path = "/api/v1/sessions/{session}/release", tag = "session", params(("session" = String, Path)), responses((status = 200, body = Vec<Device>), Problems))]
pub async fn release(State(app): State<Arc<App>>, Proven(signed_in): Proven, Path(id): Path<String>) -> Result<Json<Vec<Device>>, Refused> {
    let all = app.reads.sessions(&signed_in.account.id, app.clock.now()).await?;
    let found = all.iter().find(|session| name(session) == id).ok_or_else(Refused::not_found)?;
    let detail = json!({"session": id, "device": found.device});
    let release = Op::ReleaseSession(signed_in.account.id.clone(), found.token);
    app.changes.apply(signed_in.change(&app, Deed::DeviceAllowed, detail).op(release)).await?;
    list(State(app), signed_in).await
}

/// Signs every other device out.
#[utoipa::path(delete, path = "/api/v1/sessions", tag = "session", responses((status = 200, body = Vec<Device>), Problems))]
pub async fn end_others(State(app): State<Arc<App>>, Unrestricted(signed_in): Unrestricted) -> Result<Json<Vec<Device>>, Refused> {
    let end = Op::EndSessions { account: signed_in.account.id.clone(), except: vec![signed_in.session.token] };
    app.changes.apply(signed_in.change(&app, Deed::DevicesSignedOut, json!({"all": true})).op(end)).await?;
    list(State(app), signed_in).await
}

/// Gives the password again on this device, which a change of a home asks for when that was some time ago; or uses a passkey, which also
/// lets a device request help that came without one.
#[utoipa::path(put, path = "/api/v1/session/proof", tag = "session", request_body = Proof, responses((status = 204, description = "It is"), Problems))]
pub async fn prove(
    State(app): State<Arc<App>>,
    cookie: SessionCookie,
    mut signed_in: SignedIn,
    Body(Proof { password, passkey }): Body<Proof>,
) -> Result<(CookieJar, StatusCode), Refused> {
    let account = &signed_in.account;
    let used = match (password, passkey) {
        (_, Some(passkey)) => {
            let (owner, used) = passkeys::used(&app, &passkey).await?;
            if owner.id != account.id {
                return Err(Refused::field("passkey", "That is a passkey of another account."));
            }
            signed_in.session.held_until = Timestamp::from_millis(0);
            Some(used)
        }
        (password, None) => {
            if !session::is_password(&app, account, password.unwrap_or_default()).await? {
                app.changes.apply(signed_in.change(&app, Deed::ProofRefused, json!({"by": "password"}))).await?;
                return Err(NotEdited::Wrong(vec![Wrong { field: "password".into(), fault: Fault::NotRight }]).into());
            }
            None
        }
    };
    let by = if used.is_some() { "passkey" } else { "password" };
    let proven = |token: [u8; 32]| {
        let change = signed_in.change(&app, Deed::Proven, json!({"by": by, "session": session_name(&token)}));
        let release = used.iter().map(|_| Op::ReleaseSession(account.id.clone(), signed_in.session.token));
        change.ops(release).ops(used.clone().map(Op::PutPasskey))
    };
    let jar = session::renew(&app, cookie, &signed_in.session, proven).await?;
    Ok((jar, StatusCode::NO_CONTENT))
}

/// Changes the account's password. Every device is signed out but this one.
#[utoipa::path(put, path = "/api/v1/password", tag = "session", request_body = EditPassword, responses((status = 204, description = "Changed"), Problems))]
pub async fn password(
    State(app): State<Arc<App>>,
    cookie: SessionCookie,
    Unrestricted(signed_in): Unrestricted,
    Body(EditPassword { current, password }): Body<EditPassword>,
) -> Result<(CookieJar, StatusCode), Refused> {
    let account = &signed_in.account;
    let mut form = Form::default();
    // Whoever does not know the password has no other one judged: that costs up to a second.
    if !session::is_password(&app, account, current).await? {
        form.wrong("current", Fault::NotRight);
    } else if let Some(fault) = app.hashing.sign_in.judged(&password, &[&account.email, &account.name]).await? {
        form.wrong("password", fault);
    }
    form.done(()).map_err(NotEdited::Wrong)?;
    let password = app.hashing.sign_in.hashed(password).await?;
    let changed = |token: [u8; 32]| {
        let change = signed_in.change(&app, Deed::PasswordChanged, json!({"session": session_name(&token)}));
        // Another device was quicker: what was compared is no longer the password.
        let change = change.guard(Guard::PasswordIs(account.id.clone(), account.password.clone()));
        let except = vec![signed_in.session.token, token];
        change
            .op(Op::PutAccount(Account { password: password.clone(), ..account.clone() }))
            .op(Op::EndSessions { account: account.id.clone(), except })
    };
    let jar = session::renew(&app, cookie, &signed_in.session, changed).await?;
    Ok((jar, StatusCode::NO_CONTENT))
}
