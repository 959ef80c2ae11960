//! Passkeys: registering them, and signing in or proving one's identity with them. Recovery codes,
//! for people who have lost their passkeys.

use super::{
    cookie::SessionCookie,
    errors::{ApiError, HostProblems, Problems},
    extract::{Body, RecentAuth, SignedIn},
    host::NotRebound,
    session::{self, By, SigningIn},
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
        clock::Clock,
        identity::{
            self,
            attempts::Guess,
            device,
            passkeys::{Begun, NotProven, Passkeys as Ceremonies},
        },
        limits::{LogLimit, Network},
        state::{AppState, handles},
        store::{Account, Change, Changes, Guard, Op, Reads, StoredPasskey},
    },
};
use axum::{
    Json,
    extract::{Path, State},
    http::{HeaderMap, header},
    response::IntoResponse,
};
use data_encoding::BASE64URL_NOPAD;
use serde_json::json;
use std::sync::{Arc, LazyLock};
use utoipa_axum::{router::OpenApiRouter, routes};

/// The most passkeys of one account.
const MOST: u32 = 20;
/// The longest recovery code that is accepted, bytes.
const CODE_MOST: usize = 64;
/// Anybody can send answers that no authenticator has made.
static REFUSALS: LazyLock<LogLimit> = LazyLock::new(LogLimit::new);

/// The routes of passkeys and recovery codes.
pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list, add))
        .routes(routes!(begin))
        .routes(routes!(remove))
        .routes(routes!(recovery_codes))
        .routes(routes!(ask))
        .routes(routes!(sign_in))
        .routes(routes!(recover))
}

handles! {
    /// Registers, lists and verifies passkeys.
    pub struct Keyring {
        passkeys: Arc<Ceremonies>,
        reads: Arc<dyn Reads>,
        changes: Changes,
        clock: Arc<Clock>,
    }
}

impl Keyring {
    /// The answer with the passkeys of an account.
    async fn of(&self, account: &UserId) -> Result<Json<Passkeys>, ApiError> {
        let passkey = |p: StoredPasskey| Passkey {
            id: BASE64URL_NOPAD.encode(&p.credential),
            name: p.name,
            created_at: p.created_at,
            used_at: p.used_at,
        };
        Ok(Json(Passkeys {
            host: self.passkeys.host().map(str::to_owned),
            passkeys: self.reads.passkeys(account).await?.into_iter().map(passkey).collect(),
            recovery_codes_left: self.reads.recovery_codes_left(account).await?,
        }))
    }

    /// Verifies the answer of a passkey. Returns its account, and the passkey as it is after this
    /// use.
    pub async fn used(
        &self,
        Answered { ceremony, credential }: &Answered,
    ) -> Result<(Account, StoredPasskey), ApiError> {
        let now = self.clock.now();
        let answer = Ceremonies::read(credential)?;
        let unknown = || ApiError::new(Code::NotSignedIn, "That passkey is not known here.");
        let (account, stored) =
            self.reads.passkey(answer.get_credential_id()).await?.ok_or_else(unknown)?;
        let passkey = self.passkeys.end(ceremony, &answer, &account.id, document(&stored)?, now)?;
        Ok((account, StoredPasskey { document: kept(&passkey)?, used_at: now, ..stored }))
    }

    /// Like [`Self::used`], for a passkey of this account.
    pub async fn used_by(
        &self,
        account: &Account,
        answered: &Answered,
    ) -> Result<StoredPasskey, ApiError> {
        let (owner, used) = self.used(answered).await?;
        if owner.id != account.id {
            return Err(ApiError::field("passkey", "That is a passkey of another account."));
        }
        Ok(used)
    }
}

/// Makes a change depend on the passkey that proved it, and stores the use of the passkey.
pub fn proven_by(change: Change, used: &StoredPasskey) -> Change {
    let stands = Guard::PasskeyStands(used.account.clone(), used.credential.clone());
    change.guard(stands).op(Op::PutPasskey(used.clone()))
}

impl From<NotProven> for ApiError {
    fn from(not: NotProven) -> Self {
        match not {
            NotProven::NoSite => Self::field(
                "passkey",
                "There are no passkeys on this server: it does not know its own address.",
            ),
            NotProven::NotOpen => Self::new(Code::NotSignedIn, "That took too long. Try again."),
            NotProven::Wrong(_) | NotProven::Unreadable(_) => {
                if REFUSALS.allows() {
                    tracing::info!(
                        error = &not as &dyn std::error::Error,
                        "an authenticator's answer was refused"
                    );
                }
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
#[utoipa::path(
    get,
    path = "/api/v1/passkeys",
    tag = "session",
    responses((status = 200, body = Passkeys), Problems),
)]
pub async fn list(
    State(keyring): State<Keyring>,
    SignedIn { account, .. }: SignedIn,
) -> Result<Json<Passkeys>, ApiError> {
    keyring.of(&account.id).await
}

/// Begins the registration of a passkey.
#[utoipa::path(
    post,
    path = "/api/v1/passkeys/options",
    tag = "session",
    responses((status = 200, body = Ceremony), Problems),
)]
pub async fn begin(
    State(keyring): State<Keyring>,
    RecentAuth(SignedIn { account, .. }): RecentAuth,
) -> Result<Json<Ceremony>, ApiError> {
    let known = keyring.reads.passkeys(&account.id).await?;
    if known.len() >= MOST as usize {
        return Err(Guard::FewerPasskeys(account.id, MOST).into());
    }
    let known = known.iter().map(document).collect::<Result<_, _>>()?;
    let begun = keyring.passkeys.begin_registration(
        &account.id,
        &account.email,
        &account.name,
        known,
        keyring.clock.now(),
    )?;
    Ok(Json(begun.into()))
}

/// Completes the registration of a passkey.
#[utoipa::path(
    post,
    path = "/api/v1/passkeys",
    tag = "session",
    request_body = Answered,
    responses((status = 200, body = Passkeys), Problems),
)]
pub async fn add(
    State(keyring): State<Keyring>,
    RecentAuth(signed_in): RecentAuth,
    headers: HeaderMap,
    Body(Answered { ceremony, credential }): Body<Answered>,
) -> Result<Json<Passkeys>, ApiError> {
    let (account, now) = (&signed_in.account, keyring.clock.now());
    let passkey = keyring.passkeys.end_registration(&ceremony, &account.id, &credential, now)?;
    let credential = passkey.cred_id().to_vec();
    let name = device::name(
        headers.get(header::USER_AGENT).and_then(|text| text.to_str().ok()).unwrap_or_default(),
    );
    let document = kept(&passkey)?;
    let change = signed_in
        .change(AuditAction::PasskeyAdded, json!({"name": name}))
        .guard(Guard::CredentialFree(credential.clone()))
        .guard(Guard::FewerPasskeys(account.id.clone(), MOST));
    let stored = StoredPasskey {
        credential,
        account: account.id.clone(),
        name,
        document,
        created_at: now,
        used_at: now,
    };
    keyring.changes.apply(change.op(Op::PutPasskey(stored))).await?;
    keyring.of(&account.id).await
}

/// Removes a passkey.
#[utoipa::path(
    delete,
    path = "/api/v1/passkeys/{passkey}",
    tag = "session",
    params(("passkey" = String, Path)),
    responses((status = 200, body = Passkeys), Problems),
)]
pub async fn remove(
    State(keyring): State<Keyring>,
    RecentAuth(signed_in): RecentAuth,
    Path(id): Path<String>,
) -> Result<Json<Passkeys>, ApiError> {
    let credential = BASE64URL_NOPAD.decode(id.as_bytes()).map_err(|_| ApiError::not_found())?;
    let account = &signed_in.account;
    let all = keyring.reads.passkeys(&account.id).await?;
    let found =
        all.iter().find(|known| known.credential == credential).ok_or_else(ApiError::not_found)?;
    let change = signed_in.change(AuditAction::PasskeyRemoved, json!({"name": found.name}));
    keyring.changes.apply(change.op(Op::EndPasskey(account.id.clone(), credential))).await?;
    keyring.of(&account.id).await
}

/// Makes recovery codes, which are shown only once. Older codes no longer work.
#[utoipa::path(
    post,
    path = "/api/v1/recovery-codes",
    tag = "session",
    responses((status = 200, body = RecoveryCodes), Problems),
)]
pub async fn recovery_codes(
    State(changes): State<Changes>,
    RecentAuth(signed_in): RecentAuth,
) -> Result<Json<RecoveryCodes>, ApiError> {
    let codes = identity::new_recovery_codes();
    let hashes: Vec<_> = codes.iter().map(|code| identity::recovery_hash(code)).collect();
    let put = Op::PutRecoveryCodes(signed_in.account.id.clone(), hashes);
    changes.apply(signed_in.change(AuditAction::CodesMade, json!({})).op(put)).await?;
    Ok(Json(RecoveryCodes { codes }))
}

/// Begins the use of a passkey, to sign in or to prove one's identity. It reveals nothing about any
/// account.
#[utoipa::path(
    post,
    path = "/api/v1/session/passkey/options",
    tag = "session",
    responses((status = 200, body = Ceremony), Problems),
)]
pub async fn ask(State(keyring): State<Keyring>) -> Result<Json<Ceremony>, ApiError> {
    Ok(Json(keyring.passkeys.begin(keyring.clock.now())?.into()))
}

/// Signs in with a passkey.
#[utoipa::path(
    post,
    path = "/api/v1/session/passkey",
    tag = "session",
    request_body = Answered,
    responses((status = 200, description = "Signed in; the cookie is set", body = SignedInAnswer), Problems),
)]
pub async fn sign_in(
    State(keyring): State<Keyring>,
    State(signing_in): State<SigningIn>,
    cookie: SessionCookie,
    headers: HeaderMap,
    Body(answered): Body<Answered>,
) -> Result<impl IntoResponse, ApiError> {
    let (account, used) = keyring.used(&answered).await?;
    signing_in
        .begin(cookie, &headers, account, By::Passkey, |sign_in| proven_by(sign_in, &used))
        .await
}

/// Signs in with a recovery code. The code cannot be used again.
#[utoipa::path(post, path = "/api/v1/session/recovery", tag = "session", request_body = Recover, responses(
    (status = 200, description = "Signed in; the cookie is set", body = SignedInAnswer),
    Problems,
    HostProblems,
))]
pub async fn recover(
    State(signing_in): State<SigningIn>,
    _: NotRebound,
    cookie: SessionCookie,
    headers: HeaderMap,
    Body(Recover { email, code }): Body<Recover>,
) -> Result<impl IntoResponse, ApiError> {
    let email = email.trim().to_lowercase();
    if email.len() > session::EMAIL_MOST || code.len() > CODE_MOST {
        return Err(ApiError::field("code", "That is too long."));
    }
    // An unknown address takes the same time, because the same queries run for it.
    let account = signing_in.reads.account(&email).await?;
    let from = cookie.address.map(Network::of);
    let guess = Guess::recovery(account.as_ref().map(|account| &account.id), &email, from);
    signing_in.take(&guess)?;
    let id = account.as_ref().map_or_else(identity::new_account_id, |account| account.id.clone());
    let hash = identity::recovery_hash(&code);
    let is_right = signing_in.reads.has_recovery_code(&id, hash).await?;
    match account {
        Some(account) if is_right => {
            signing_in.attempts.succeeded(&guess);
            let used = |sign_in: Change| {
                sign_in
                    .guard(Guard::RecoveryCodeUnused(id.clone(), hash))
                    .op(Op::EndRecoveryCode(id, hash))
            };
            signing_in.begin(cookie, &headers, account, By::RecoveryCode, used).await
        }
        known => {
            signing_in.refused(&cookie, known.as_ref(), By::RecoveryCode);
            Err(Guard::RecoveryCodeUnused(id, hash).into())
        }
    }
}
