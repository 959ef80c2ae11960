//! Passkeys: registering them, signing in and proving oneself with them, and the codes for whoever has lost them.

use super::{
    answer::{Problems, Refused},
    cookie::SessionCookie,
    extract::{Body, Proven, SignedIn},
    session::{self, By},
};
use crate::{
    api::{
        audit::Deed,
        passkeys::{Answered, Ceremony, Passkey, Passkeys, Recover, RecoveryCodes},
        problem::Code,
        session::SignedIn as SignedInAnswer,
    },
    domain::id::UserId,
    server::{
        App,
        auth::{
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
/// The longest recovery code as somebody may type it, bytes.
const CODE_MOST: usize = 64;

impl From<NotProven> for Refused {
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

fn document(stored: &StoredPasskey) -> Result<webauthn_rs::prelude::Passkey, Refused> {
    serde_json::from_str(&stored.document).map_err(|error| {
        tracing::error!(%error, account = %stored.account, "a stored passkey cannot be read");
        Refused::internal()
    })
}

fn kept(passkey: &webauthn_rs::prelude::Passkey) -> Result<String, Refused> {
    serde_json::to_string(passkey).map_err(|_| Refused::internal())
}

/// The passkeys of this account, and how many recovery codes are left.
#[utoipa::path(get, path = "/api/v1/passkeys", tag = "session", responses((status = 200, body = Passkeys), Problems))]
pub async fn list(State(app): State<Arc<App>>, SignedIn { account, .. }: SignedIn) -> Result<Json<Passkeys>, Refused> {
    of(&app, &account.id).await
}

async fn of(app: &App, account: &UserId) -> Result<Json<Passkeys>, Refused> {
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

/// Begins to register a passkey.
#[utoipa::path(post, path = "/api/v1/passkeys/options", tag = "session", responses((status = 200, body = Ceremony), Problems))]
pub async fn begin(State(app): State<Arc<App>>, Proven(SignedIn { account, .. }): Proven) -> Result<Json<Ceremony>, Refused> {
    let known = app.reads.passkeys(&account.id).await?;
    if known.len() >= MOST as usize {
        return Err(Guard::FewerPasskeys(account.id, MOST).into());
    }
    let known = known.iter().map(document).collect::<Result<_, _>>()?;
    let begun = app.passkeys.begin_registration(&account.id, &account.email, &account.name, known, app.clock.now())?;
    Ok(Json(begun.into()))
}

/// Registers a passkey.
#[utoipa::path(post, path = "/api/v1/passkeys", tag = "session", request_body = Answered, responses((status = 200, body = Passkeys), Problems))]
pub async fn add(
    State(app): State<Arc<App>>,
    Proven(signed_in): Proven,
    headers: HeaderMap,
    Body(Answered { ceremony, credential }): Body<Answered>,
) -> Result<Json<Passkeys>, Refused> {
    let (account, now) = (&signed_in.account, app.clock.now());
    let passkey = app.passkeys.end_registration(&ceremony, &account.id, &credential, now)?;
    let credential = passkey.cred_id().to_vec();
    let name = device::name(headers.get(header::USER_AGENT).and_then(|text| text.to_str().ok()).unwrap_or_default());
    let document = kept(&passkey)?;
    let change = signed_in
        .change(&app, Deed::PasskeyAdded, json!({"name": name}))
        .guard(Guard::CredentialFree(credential.clone()))
        .guard(Guard::FewerPasskeys(account.id.clone(), MOST));
    let stored = StoredPasskey { credential, account: account.id.clone(), name, document, created_at: now, used_at: now };
    app.changes.apply(change.op(Op::PutPasskey(stored))).await?;
    of(&app, &account.id).await
}

/// Removes a passkey.
#[utoipa::path(delete, path = "/api/v1/passkeys/{passkey}", tag = "session", params(("passkey" = String, Path)), responses((status = 200, body = Passkeys), Problems))]
pub async fn remove(State(app): State<Arc<App>>, Proven(signed_in): Proven, Path(id): Path<String>) -> Result<Json<Passkeys>, Refused> {
    let credential = URL_SAFE_NO_PAD.decode(&id).map_err(|_| Refused::not_found())?;
    let account = &signed_in.account;
    let all = app.reads.passkeys(&account.id).await?;
    let found = all.iter().find(|known| known.credential == credential).ok_or_else(Refused::not_found)?;
    let change = signed_in.change(&app, Deed::PasskeyRemoved, json!({"name": found.name}));
    app.changes.apply(change.op(Op::EndPasskey(account.id.clone(), credential))).await?;
    of(&app, &account.id).await
}

/// Makes recovery codes, shown this once; older ones work no more.
#[utoipa::path(post, path = "/api/v1/recovery-codes", tag = "session", responses((status = 200, body = RecoveryCodes), Problems))]
pub async fn recovery_codes(State(app): State<Arc<App>>, Proven(signed_in): Proven) -> Result<Json<RecoveryCodes>, Refused> {
    let codes = auth::new_recovery_codes();
    let hashes: Vec<_> = codes.iter().map(|code| auth::recovery_hash(code)).collect();
    let put = Op::PutRecoveryCodes(signed_in.account.id.clone(), hashes);
    app.changes.apply(signed_in.change(&app, Deed::CodesMade, json!({})).op(put)).await?;
    Ok(Json(RecoveryCodes { codes }))
}

/// Begins to use a passkey, to sign in or to prove oneself. Tells nothing about any account.
#[utoipa::path(post, path = "/api/v1/session/passkey/options", tag = "session", responses((status = 200, body = Ceremony), Problems))]
pub async fn ask(State(app): State<Arc<App>>) -> Result<Json<Ceremony>, Refused> {
    Ok(Json(app.passkeys.begin(app.clock.now())?.into()))
}

/// Signs in with a passkey.
#[utoipa::path(post, path = "/api/v1/session/passkey", tag = "session", request_body = Answered, responses((status = 200, description = "Signed in; the cookie is set", body = SignedInAnswer), Problems))]
pub async fn sign_in(
    State(app): State<Arc<App>>,
    cookie: SessionCookie,
    headers: HeaderMap,
    Body(answered): Body<Answered>,
) -> Result<impl IntoResponse, Refused> {
    let (account, used) = used(&app, &answered).await?;
    session::begin(&app, cookie, &headers, account, By::Passkey, |sign_in| sign_in.op(Op::PutPasskey(used))).await
}

/// Whose passkey that is, if the answer holds, and the passkey as it stands after that use.
pub(super) async fn used(app: &App, Answered { ceremony, credential }: &Answered) -> Result<(Account, StoredPasskey), Refused> {
    let now = app.clock.now();
    let answer = Ceremonies::read(credential)?;
    let unknown = || Refused::new(Code::NotSignedIn, "That passkey is not known here.");
    let (account, stored) = app.reads.passkey(answer.get_credential_id()).await?.ok_or_else(unknown)?;
    let passkey = app.passkeys.end(ceremony, &answer, &account.id, document(&stored)?, now)?;
    Ok((account, StoredPasskey { document: kept(&passkey)?, used_at: now, ..stored }))
}

/// Signs in with a recovery code, which then is used up.
#[utoipa::path(post, path = "/api/v1/session/recovery", tag = "session", request_body = Recover, responses(
    (status = 200, description = "Signed in; the cookie is set", body = SignedInAnswer),
    Problems,
))]
pub async fn recover(
    State(app): State<Arc<App>>,
    cookie: SessionCookie,
    headers: HeaderMap,
    Body(Recover { email, code }): Body<Recover>,
) -> Result<impl IntoResponse, Refused> {
    let email = email.trim().to_lowercase();
    if email.len() > session::EMAIL_MOST || code.len() > CODE_MOST {
        return Err(Refused::field("code", "That is too long."));
    }
    // Who is unknown takes as long: the same question is asked of nobody.
    let account = app.reads.account(&email).await?;
    let guess = session::guess(&app, account.as_ref(), &email)?;
    let id = account.as_ref().map_or_else(auth::new_account_id, |account| account.id.clone());
    let hash = auth::recovery_hash(&code);
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
