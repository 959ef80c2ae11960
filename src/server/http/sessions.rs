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
        id::UserId,
        time::Timestamp,
    },
    server::{
        App, auth,
        store::{Account, Session},
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
    let all = app.store.sessions(&signed_in.account.id, now).await?;
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
    let all = app.store.sessions(&signed_in.account.id, app.clock.now()).await?;
    let found = all.iter().find(|session| name(session) == id).ok_or_else(Refused::not_found)?;
    if found.token != signed_in.session.token {
        signed_in.is_free(&app)?;
    }
    app.store.end_session(found.token).await?;
    signed_in.did(&app, Deed::DevicesSignedOut, None, json!({"session": id, "device": found.device})).await?;
    app.sessions_changed.send_modify(|n| *n += 1);
    list(State(app), signed_in).await
}

/// Lets another device of this account request help, which came without the account's passkey. Not from one that is held itself.
#[utoipa::path(post, path = "/api/v1/sessions/{session}/release", tag = "session", params(("session" = String, Path)), responses((status = 200, body = Vec<Device>), Problems))]
pub async fn release(State(app): State<Arc<App>>, Proven(signed_in): Proven, Path(id): Path<String>) -> Result<Json<Vec<Device>>, Refused> {
    let all = app.store.sessions(&signed_in.account.id, app.clock.now()).await?;
    let found = all.iter().find(|session| name(session) == id).ok_or_else(Refused::not_found)?;
    let_go(&app, &signed_in.account.id, found.token).await?;
    signed_in.did(&app, Deed::DeviceAllowed, None, json!({"session": id, "device": found.device})).await?;
    list(State(app), signed_in).await
}

/// The device may request help, and sees so at once.
async fn let_go(app: &App, account: &UserId, token: [u8; 32]) -> Result<(), Refused> {
    app.store.release_session(token).await?;
    for (home, _) in app.store.memberships(account).await? {
        app.hub.home_changed(home);
    }
    Ok(())
}

/// Signs every other device out.
#[utoipa::path(delete, path = "/api/v1/sessions", tag = "session", responses((status = 200, body = Vec<Device>), Problems))]
pub async fn end_others(State(app): State<Arc<App>>, Unrestricted(signed_in): Unrestricted) -> Result<Json<Vec<Device>>, Refused> {
    end_all(&app, &signed_in.account.id, |session| session.token == signed_in.session.token).await?;
    signed_in.did(&app, Deed::DevicesSignedOut, None, json!({"all": true})).await?;
    list(State(app), signed_in).await
}

async fn end_all(app: &App, account: &UserId, but: impl Fn(&Session) -> bool) -> Result<(), Refused> {
    for session in app.store.sessions(account, app.clock.now()).await? {
        if !but(&session) {
            app.store.end_session(session.token).await?;
        }
    }
    app.sessions_changed.send_modify(|n| *n += 1);
    Ok(())
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
    let by = if passkey.is_some() { "passkey" } else { "password" };
    match (password, passkey) {
        (_, Some(passkey)) => {
            if passkeys::used(&app, &passkey).await?.id != account.id {
                return Err(Refused::field("passkey", "That is a passkey of another account."));
            }
            let_go(&app, &account.id, signed_in.session.token).await?;
            signed_in.session.held_until = Timestamp::from_millis(0);
        }
        (password, None) => {
            if !session::is_password(&app, account, password.unwrap_or_default()).await? {
                signed_in.did(&app, Deed::ProofRefused, None, json!({"by": by})).await?;
                return Err(NotEdited::Wrong(vec![Wrong { field: "password".into(), fault: Fault::NotRight }]).into());
            }
        }
    }
    let (jar, renewed) = session::renew(&app, cookie, &signed_in.session).await?;
    signed_in.did(&app, Deed::Proven, None, json!({"by": by, "session": renewed})).await?;
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
    } else if let Some(fault) = auth::judged(&password, &[&account.email, &account.name]).await? {
        form.wrong("password", fault);
    }
    form.done(()).map_err(NotEdited::Wrong)?;
    let password = auth::hashed(password).await?;
    app.store.put_account(&Account { password, ..account.clone() }).await?;
    let old = signed_in.session.token;
    let (jar, renewed) = session::renew(&app, cookie, &signed_in.session).await?;
    end_all(&app, &account.id, |session| session.token == old || name(session) == renewed).await?;
    signed_in.did(&app, Deed::PasswordChanged, None, json!({"session": renewed})).await?;
    Ok((jar, StatusCode::NO_CONTENT))
}
