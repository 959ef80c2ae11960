//! Signing in and out.

use super::{
    answer::{Problems, Refused},
    extract::{Body, COOKIE, SignedIn},
};
use crate::{
    api::{
        problem::Code,
        session::{Me, MyHome, SignIn, SignedIn as SignedInAnswer, User},
    },
    server::{App, auth, store::Account},
};
use axum::{Json, extract::State, http::StatusCode, response::IntoResponse};
use axum_extra::extract::{CookieJar, cookie::Cookie};
use std::sync::Arc;

fn user(account: &Account) -> User {
    User { id: account.id.to_string(), name: account.name.clone(), email: account.email.clone() }
}

fn cookie(token: &str) -> Cookie<'static> {
    let lasts_s = auth::SESSION_LASTS.as_secs();
    let text = format!("{COOKIE}={token}; HttpOnly; SameSite=Lax; Path=/; Max-Age={lasts_s}");
    Cookie::parse(text).expect("a token is made of letters that a cookie may have")
}

/// Signs in.
#[utoipa::path(post, path = "/api/v1/session", tag = "session", request_body = SignIn, responses(
    (status = 200, description = "Signed in; the cookie is set", body = SignedInAnswer),
    (status = 429, description = "Too many wrong passwords", body = crate::api::problem::Problem, content_type = "application/problem+json"),
    Problems,
))]
pub async fn sign_in(
    State(app): State<Arc<App>>,
    jar: CookieJar,
    Body(SignIn { email, password }): Body<SignIn>,
) -> Result<impl IntoResponse, Refused> {
    let (email, now) = (email.trim().to_lowercase(), app.clock.now());
    if email.len() > 254 || password.len() > 1_024 {
        return Err(Refused::field("password", "That is too long."));
    }
    if !app.attempts.may_try(&email, now) {
        return Err(Refused::new(Code::TooManyAttempts, "Too many wrong passwords. Try again in 15 minutes."));
    }
    let account = app.store.account(&email).await?;
    if !auth::verify(password, account.as_ref().map(|a| a.password.clone())).await {
        app.attempts.failed(&email, now);
        return Err(Refused::new(Code::NotSignedIn, "That e-mail address and password do not belong together."));
    }
    let account = account.ok_or_else(Refused::not_found)?;
    app.attempts.succeeded(&email);
    begin(&app, jar, account).await
}

/// Begins a session: keeps it, and gives its token as a cookie.
pub(super) async fn begin(app: &App, jar: CookieJar, account: Account) -> Result<(CookieJar, Json<SignedInAnswer>), Refused> {
    let (token, now) = (auth::new_token(), app.clock.now());
    app.store.put_session(auth::token_hash(&token), &account.id, now, now + auth::SESSION_LASTS).await?;
    Ok((jar.add(cookie(&token)), Json(SignedInAnswer { user: user(&account) })))
}

/// Signs out.
#[utoipa::path(delete, path = "/api/v1/session", tag = "session", responses((status = 204, description = "Signed out"), Problems))]
pub async fn sign_out(State(app): State<Arc<App>>, jar: CookieJar, signed_in: SignedIn) -> Result<impl IntoResponse, Refused> {
    app.store.end_session(signed_in.token).await?;
    app.sessions_changed.send_modify(|n| *n += 1);
    Ok((jar.remove(Cookie::build(COOKIE).path("/")), StatusCode::NO_CONTENT))
}

/// Who is signed in.
#[utoipa::path(get, path = "/api/v1/me", tag = "session", responses((status = 200, body = Me), Problems))]
pub async fn me(State(app): State<Arc<App>>, SignedIn { account, .. }: SignedIn) -> Result<Json<Me>, Refused> {
    let memberships = app.store.memberships(&account.id).await?;
    let home = |(id, membership): (crate::domain::id::HomeId, crate::domain::access::Membership)| {
        app.homes.get(&id).map(|home| MyHome { id, name: home.name.clone(), role: membership.role })
    };
    let homes = memberships.into_iter().filter_map(home).collect();
    Ok(Json(Me { user: user(&account), homes, center_role: None, server_time: app.clock.now() }))
}
