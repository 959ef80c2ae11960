//! Passkeys: registering them, and signing in or proving one's identity with them. Recovery codes, for people who have lost their passkeys.

use super::{
    cookie::SessionCookie,
    errors::{ApiError, Problems},
    extract::{Body, RecentAuth, SignedIn},
    session::{self, By},
};
use crate::{
    api::{
        audit::AuditAction,
        passkeys::{Answered, Ceremony, Passkey, Passkeys, Recover, RecoveryCodes},
        problem::Code,
        session::SignedIn as SignedInAnswer,
    },
    domain::id::UserId,
    server::{
        App,
        identity::{
            self, device,
            passkeys::{Begun, NotProven, Passkeys as Ceremonies},
        },
        store::{Account, Change, Guard, Op, StoredPasskey},
    },
};
use axum::{
    Json,
    extract::{Path, State},
    http::{HeaderMap, header},
    response::IntoResponse,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::json;
use std::sync::Arc;

/// The most passkeys of one account.
const MOST: u32 = 20;
/// The longest recovery code that is accepted, bytes.
const CODE_MOST: usize = 64;

impl From<NotProven> for ApiError {
    fn from(not: NotProven) -> Self {
        match not {
            NotProven::NoSite => Self::field("passkey", "There are no passkeys on this server: it does not know its own address."),
            NotProven::NotOpen => Self::new(Code::NotSignedIn, "That took too long. Try again."),
            NotProven::Wrong(_) | NotProven::Unreadable(_) => {
                tracing::info!(error = &not as &dyn std::error::Error, "an authenticator's answer was refused");
                Self::new(Code::NotSignedIn, "That passkey is not known here.")
            }
        }
    }
}

impl From<Begun> for Ceremony {
    fn from(Begun { ceremony, options }: Begun) -> Self {
        Self { ceremony, options }
    }
}

fn document(stored: &StoredPasskey) -> Result<webauthn_rs::prelude::Passkey, ApiError> {
    serde_json::from_str(&stored.document).map_err(|error| {
        tracing::error!(%error, account = %stored.account, "a stored passkey cannot be read");
        ApiError::internal()
    })
}

fn kept(passkey: &webauthn_rs::prelude::Passkey) -> Result<String, ApiError> {
    serde_json::to_string(passkey).map_err(|_| ApiError::internal())
}

/// The passkeys of this account, and the number of unused recovery codes.
#[utoipa::path(get, path = "/api/v1/passkeys", tag = "session", responses((status = 200, body = Passkeys), Problems))]
pub async fn list(State(app): State<Arc<App>>, SignedIn { account, .. }: SignedIn) -> Result<Json<Passkeys>, ApiError> {
    of(&app, &account.id).await
}

async fn of(app: &App, account: &UserId) -> Result<Json<Passkeys>, ApiError> {
    let passkey = |p: StoredPasskey| Passkey {
        id: URL_SAFE_NO_PAD.encode(&p.credential),
        name: p.name,
        created_at: p.created_at,
        used_at: p.used_at,
    };
    Ok(Json(Passkeys {
        host: app.passkeys.host().map(str::to_owned),
        passkeys: app.reads.passkeys(account).await?.into_iter().map(passkey).collect(),
        recovery_codes_left: app.reads.recovery_codes_left(account).await?,
    }))
}

/// Begins the registration of a passkey.
#[utoipa::path(post, path = "/api/v1/passkeys/options", tag = "session", responses((status = 200, body = Ceremony), Problems))]
pub async fn begin(State(app): State<Arc<App>>, RecentAuth(SignedIn { account, .. }): RecentAuth) -> Result<Json<Ceremony>, ApiError> {
    let known = app.reads.passkeys(&account.id).await?;
    if known.len() >= MOST as usize {
        return Err(Guard::FewerPasskeys(account.id, MOST).into());
    }
    let known = known.iter().map(document).collect::<Result<_, _>>()?;
    let begun = app.passkeys.begin_registration(&account.id, &account.email, &account.name, known, app.clock.now())?;
    Ok(Json(begun.into()))
}

/// Completes the registration of a passkey.
#[utoipa::path(post, path = "/api/v1/passkeys", tag = "session", request_body = Answered, responses((status = 200, body = Passkeys), Problems))]
pub async fn add(
    State(app): State<Arc<App>>,
    RecentAuth(signed_in): RecentAuth,
    headers: HeaderMap,
    Body(Answered { ceremony, credential }): Body<Answered>,
) -> Result<Json<Passkeys>, ApiError> {
    let (account, now) = (&signed_in.account, app.clock.now());
    let passkey = app.passkeys.end_registration(&ceremony, &account.id, &credential, now)?;
    let credential = passkey.cred_id().to_vec();
    let name = device::name(headers.get(header::USER_AGENT).and_then(|text| text.to_str().ok()).unwrap_or_default());
    let document = kept(&passkey)?;
    let change = signed_in
        .change(&app, AuditAction::PasskeyAdded, json!({"name": name}))
        .guard(Guard::CredentialFree(credential.clone()))
        .guard(Guard::FewerPasskeys(account.id.clone(), MOST));
    let stored = StoredPasskey { credential, account: account.id.clone(), name, document, created_at: now, used_at: now };
    app.changes.apply(change.op(Op::PutPasskey(stored))).await?;
    of(&app, &account.id).await
}

/// Removes a passkey.
#[utoipa::path(delete, path = "/api/v1/passkeys/{passkey}", tag = "session", params(("passkey" = String, Path)), responses((status = 200, body = Passkeys), Problems))]
pub async fn remove(
    State(app): State<Arc<App>>,
    RecentAuth(signed_in): RecentAuth,
    Path(id): Path<String>,
) -> Result<Json<Passkeys>, ApiError> {
    let credential = URL_SAFE_NO_PAD.decode(&id).map_err(|_| ApiError::not_found())?;
    let account = &signed_in.account;
    let all = app.reads.passkeys(&account.id).await?;
    let found = all.iter().find(|known| known.credential == credential).ok_or_else(ApiError::not_found)?;
    let change = signed_in.change(&app, AuditAction::PasskeyRemoved, json!({"name": found.name}));
    app.changes.apply(change.op(Op::EndPasskey(account.id.clone(), credential))).await?;
    of(&app, &account.id).await
}

/// Makes recovery codes, which are shown only once. Older codes no longer work.
#[utoipa::path(post, path = "/api/v1/recovery-codes", tag = "session", responses((status = 200, body = RecoveryCodes), Problems))]
pub async fn recovery_codes(State(app): State<Arc<App>>, RecentAuth(signed_in): RecentAuth) -> Result<Json<RecoveryCodes>, ApiError> {
    let codes = identity::new_recovery_codes();
    let hashes: Vec<_> = codes.iter().map(|code| identity::recovery_hash(code)).collect();
    let put = Op::PutRecoveryCodes(signed_in.account.id.clone(), hashes);
    app.changes.apply(signed_in.change(&app, AuditAction::CodesMade, json!({})).op(put)).await?;
    Ok(Json(RecoveryCodes { codes }))
}

/// Begins the use of a passkey, to sign in or to prove one's identity. It reveals nothing about any account.
#[utoipa::path(post, path = "/api/v1/session/passkey/options", tag = "session", responses((status = 200, body = Ceremony), Problems))]
pub async fn ask(State(app): State<Arc<App>>) -> Result<Json<Ceremony>, ApiError> {
    Ok(Json(app.passkeys.begin(app.clock.now())?.into()))
}

/// Signs in with a passkey.
#[utoipa::path(post, path = "/api/v1/session/passkey", tag = "session", request_body = Answered, responses((status = 200, description = "Signed in; the cookie is set", body = SignedInAnswer), Problems))]
pub async fn sign_in(
    State(app): State<Arc<App>>,
    cookie: SessionCookie,
    headers: HeaderMap,
    Body(answered): Body<Answered>,
) -> Result<impl IntoResponse, ApiError> {
    let (account, used) = used(&app, &answered).await?;
    session::begin(&app, cookie, &headers, account, By::Passkey, |sign_in| {
        let stands = Guard::PasskeyStands(used.account.clone(), used.credential.clone());
        sign_in.guard(stands).op(Op::PutPasskey(used))
    })
    .await
}

/// Verifies the answer of a passkey. Returns its account, and the passkey as it is after this use.
pub(super) async fn used(app: &App, Answered { ceremony, credential }: &Answered) -> Result<(Account, StoredPasskey), ApiError> {
    let now = app.clock.now();
    let answer = Ceremonies::read(credential)?;
    let unknown = || ApiError::new(Code::NotSignedIn, "That passkey is not known here.");
    let (account, stored) = app.reads.passkey(answer.get_credential_id()).await?.ok_or_else(unknown)?;
    let passkey = app.passkeys.end(ceremony, &answer, &account.id, document(&stored)?, now)?;
    Ok((account, StoredPasskey { document: kept(&passkey)?, used_at: now, ..stored }))
}

/// Signs in with a recovery code. The code cannot be used again.
#[utoipa::path(post, path = "/api/v1/session/recovery", tag = "session", request_body = Recover, responses(
    (status = 200, description = "Signed in; the cookie is set", body = SignedInAnswer),
    Problems,
))]
pub async fn recover(
    State(app): State<Arc<App>>,
    cookie: SessionCookie,
    headers: HeaderMap,
    Body(Recover { email, code }): Body<Recover>,
) -> Result<impl IntoResponse, ApiError> {
    let email = email.trim().to_lowercase();
    if email.len() > session::EMAIL_MOST || code.len() > CODE_MOST {
        return Err(ApiError::field("code", "That is too long."));
    }
    // An unknown address takes the same time, because the same queries run for it.
    let account = app.reads.account(&email).await?;
    let guess = session::guess(&app, account.as_ref(), &email)?;
    let id = account.as_ref().map_or_else(identity::new_account_id, |account| account.id.clone());
    let hash = identity::recovery_hash(&code);
    let is_right = app.reads.has_recovery_code(&id, hash).await?;
    match account {
        Some(account) if is_right => {
            app.attempts.succeeded(&guess);
            let used = |sign_in: Change| sign_in.guard(Guard::RecoveryCodeUnused(id.clone(), hash)).op(Op::EndRecoveryCode(id, hash));
            session::begin(&app, cookie, &headers, account, By::RecoveryCode, used).await
        }
        known => {
            if let Some(account) = &known {
                session::refused(&app, &cookie, account, By::RecoveryCode);
            }
            Err(Guard::RecoveryCodeUnused(id, hash).into())
        }
    }
}
