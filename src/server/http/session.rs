//! Signing in and out.

use super::{
    cookie::SessionCookie,
    errors::{ApiError, HostProblems, Problems},
    extract::{Body, SignedIn, session_name},
    host::NotRebound,
    household::EditError,
};
use crate::{
    api::{
        audit::AuditAction,
        problem::Code,
        session::{Me, MyHome, SignIn, SignedIn as SignedInAnswer, User},
    },
    domain::{
        home::edit::{FieldError, Form},
        time::Timestamp,
    },
    server::{
        clock::Clock,
        homes::Homes,
        identity::{
            self, Hashing,
            attempts::{Attempts, Guess},
        },
        limits::Network,
        state::{AppState, handles},
        store::{
            Account, AuditEntry, Change, ChangeError, Changes, Guard, Op, Payer, Reads,
            SESSION_LEAVES, Session,
        },
    },
};
use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::IntoResponse,
};
use axum_extra::extract::CookieJar;
use serde_json::json;
use std::{net::IpAddr, sync::Arc};
use utoipa_axum::{router::OpenApiRouter, routes};

/// The longest e-mail address, bytes (RFC 5321, 4.5.3.1.3, without its brackets).
pub(super) const EMAIL_MOST: usize = 254;

/// The routes of signing in and out.
pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(sign_in, sign_out)).routes(routes!(me))
}

handles! {
    /// Checks who signs in, and begins and renews sessions.
    pub struct SigningIn {
        /// The accounts and their sessions.
        pub reads: Arc<dyn Reads>,
        /// Stores sessions.
        pub changes: Changes,
        /// The queues for hashing passwords.
        pub hashing: Arc<Hashing>,
        /// The limits on guessing.
        pub attempts: Arc<Attempts>,
        /// The clock.
        pub clock: Arc<Clock>,
    }
}

impl SigningIn {
    /// Whether this is the password of the signed-in account. The wrong attempts within 15 minutes
    /// are limited.
    pub async fn is_password(&self, account: &Account, password: String) -> Result<bool, ApiError> {
        if password.len() > 1_024 {
            return Ok(false);
        }
        let guess = Guess::Proof(account.id.clone());
        self.take(&guess)?;
        self.try_password(&guess, Some(account), password).await
    }

    /// Checks the form of a new account with this password, and hashes the password. `known` is what
    /// others know about the person. How the password would be guessed is estimated last, because
    /// that takes up to a second, and only as often as `tries` allows.
    pub async fn new_password(
        &self,
        mut form: Form,
        password: String,
        known: &[&str],
        tries: &Guess,
    ) -> Result<String, ApiError> {
        if let Some(fault) = identity::password::wrong_length(&password) {
            form.wrong("password", fault);
        }
        form.done(()).map_err(EditError::Invalid)?;
        self.take(tries)?;
        if let Some(fault) = self.hashing.sign_in.judged(&password, known).await? {
            let wrong = FieldError { field: "password".into(), fault };
            return Err(EditError::Invalid(vec![wrong]).into());
        }
        Ok(self.hashing.sign_in.hashed(password).await?)
    }

    /// Takes one of the remaining guesses.
    pub fn take(&self, guess: &Guess) -> Result<(), ApiError> {
        if self.attempts.take(guess, self.clock.now()) {
            return Ok(());
        }
        Err(ApiError::new(
            Code::TooManyAttempts,
            match guess {
                Guess::Recovery(..) | Guess::NobodysRecovery(..) => {
                    "Too many wrong recovery codes. Try again in 15 minutes."
                }
                Guess::Join(_) => "Too many tries. Try again in 15 minutes.",
                _ => "Too many wrong passwords. Try again in 15 minutes.",
            },
        ))
    }

    async fn try_password(
        &self,
        guess: &Guess,
        account: Option<&Account>,
        password: String,
    ) -> Result<bool, ApiError> {
        let right =
            self.hashing.sign_in.verify(password, account.map(|a| a.password.clone())).await?;
        if right {
            self.attempts.succeeded(guess);
        }
        Ok(right)
    }

    /// Notes a failed attempt to sign in; `account` is the account with the given address, if there
    /// is one. Attempts with unknown addresses are not recorded, because a flood of them would fill
    /// the disk; records of an account are limited. No answer waits for the record, and all
    /// attempts cause the same write, because the time would reveal whether the account exists.
    pub fn refused(&self, cookie: &SessionCookie, account: Option<&Account>, by: By) {
        let now = self.clock.now();
        let recorded = account
            .map(|account| account.id.clone())
            .filter(|account| self.attempts.take(&Guess::AnySignIn(account.clone()), now));
        let record = recorded.map(|account| AuditEntry {
            account: Some(account),
            address: cookie.address,
            ..AuditEntry::new(AuditAction::SignInRefused, now, json!({"by": by.word()}))
        });
        self.changes.note_refusal(record);
    }

    /// Begins a session, as a part of the change that `with` extends, and sets the cookie with its
    /// token. A device has one session, so its previous session ends.
    pub async fn begin(
        &self,
        cookie: SessionCookie,
        headers: &HeaderMap,
        account: Account,
        by: By,
        with: impl FnOnce(Change) -> Change,
    ) -> Result<(CookieJar, Json<SignedInAnswer>), ApiError> {
        let (token, now) = (identity::new_token(), self.clock.now());
        let device = identity::device::name(
            headers.get(header::USER_AGENT).and_then(|text| text.to_str().ok()).unwrap_or_default(),
        );
        // The owner of a passkey has it at hand. A sign-in without it may be by a stranger who
        // knows the password.
        let is_restricted = by != By::Passkey && self.reads.has_passkey(&account.id).await?;
        let restricted_until =
            if is_restricted { now + identity::RESTRICTED_FOR } else { Timestamp::from_millis(0) };
        let session = Session {
            token: identity::token_hash(&token),
            account: account.id.clone(),
            device,
            created_at: now,
            seen_at: now,
            expires_at: identity::session_ends(now, now),
            proven_at: now,
            restricted_until,
            replaces: None,
        };
        let entry = AuditEntry {
            account: Some(account.id.clone()),
            session: Some(session_name(&session.token)),
            address: cookie.address,
            ..AuditEntry::new(
                AuditAction::SignedIn,
                now,
                json!({"by": by.word(), "device": session.device, "held": is_restricted}),
            )
        };
        let other = match cookie.token().map(identity::token_hash) {
            Some(old) => {
                self.reads.session(old, now).await?.map(|(owner, _)| Op::EndSession(owner.id, old))
            }
            None => None,
        };
        let change = with(Change::new(entry)).ops(other).op(Op::PutSession(session));
        self.changes.apply(charged_to_network(change, cookie.address)).await.map_err(|error| {
            match error {
                ChangeError::Unmet(Guard::PasswordIs(..)) => not_together(),
                other => other.into(),
            }
        })?;
        Ok((cookie.set(&token), Json(SignedInAnswer { user: user(&account) })))
    }

    /// Stores a change with which the person proved their identity again, and gives the device a
    /// new token (ASVS 7.2.4). The old token gains no rights, and expires soon after the first use
    /// of the new one, so a lost answer signs nobody out. `change` gets the token that the device
    /// has from then on.
    pub async fn renew(
        &self,
        cookie: SessionCookie,
        old: &Session,
        change: impl Fn([u8; 32]) -> Change,
    ) -> Result<CookieJar, ApiError> {
        let (token, now) = (identity::new_token(), self.clock.now());
        let renewed = Session {
            token: identity::token_hash(&token),
            proven_at: now,
            replaces: Some(old.token),
            ..old.clone()
        };
        let address = cookie.address;
        // The replaced session must not leave its successor another budget.
        let change = |token| charged_to_network(change(token), address);
        if old.expires_at > now + SESSION_LEAVES {
            let change = change(renewed.token)
                .guard(Guard::NotReplaced(old.token))
                .op(Op::PutSession(renewed));
            match self.changes.apply(change).await {
                // Another request with the same token came first, and its answer may be lost.
                Err(ChangeError::Unmet(Guard::NotReplaced(_))) => {}
                done => return Ok(done.map(|()| cookie.set(&token))?),
            }
        }
        self.changes.apply(change(old.token).op(Op::ProveSession(old.token, now))).await?;
        Ok(cookie.keep())
    }
}

/// Charges the network with a new session, which would have a new budget each time.
fn charged_to_network(change: Change, address: Option<IpAddr>) -> Change {
    match address {
        Some(address) => change.charged_to(Payer::Network(Network::of(address))),
        None => change,
    }
}

fn user(account: &Account) -> User {
    User { id: account.id.to_string(), name: account.name.clone(), email: account.email.clone() }
}

/// Signs in with an e-mail address and a password.
#[utoipa::path(post, path = "/api/v1/session", tag = "session", request_body = SignIn, responses(
    (status = 200, description = "Signed in; the cookie is set", body = SignedInAnswer),
    Problems,
    HostProblems,
))]
pub async fn sign_in(
    State(signing_in): State<SigningIn>,
    _: NotRebound,
    cookie: SessionCookie,
    headers: HeaderMap,
    Body(SignIn { email, password }): Body<SignIn>,
) -> Result<impl IntoResponse, ApiError> {
    let email = email.trim().to_lowercase();
    if email.len() > EMAIL_MOST || password.len() > 1_024 {
        return Err(ApiError::field("password", "That is too long."));
    }
    let account = signing_in.reads.account(&email).await?;
    let guess = Guess::sign_in(account.as_ref().map(|account| &account.id), &email);
    signing_in.take(&guess)?;
    let right = signing_in.try_password(&guess, account.as_ref(), password).await?;
    if !right {
        signing_in.refused(&cookie, account.as_ref(), By::Password);
    }
    let account = account.filter(|_| right);
    let account = account.ok_or_else(not_together)?;
    // The password may be changed while it is checked.
    let compared = Guard::PasswordIs(account.id.clone(), account.password.clone());
    signing_in
        .begin(cookie, &headers, account, By::Password, |sign_in| sign_in.guard(compared))
        .await
}

fn not_together() -> ApiError {
    ApiError::new(Code::NotSignedIn, "That e-mail address and password do not belong together.")
}

/// The way of signing in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    /// The password, or the token for the first owner.
    Password,
    /// A passkey.
    Passkey,
    /// A recovery code, for a person who has lost the passkey.
    RecoveryCode,
}

impl By {
    const fn word(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Passkey => "passkey",
            Self::RecoveryCode => "recovery_code",
        }
    }
}

/// Signs out.
#[utoipa::path(
    delete,
    path = "/api/v1/session",
    tag = "session",
    responses((status = 204, description = "Signed out"), Problems),
)]
pub async fn sign_out(
    State(changes): State<Changes>,
    cookie: SessionCookie,
    signed_in: SignedIn,
) -> Result<impl IntoResponse, ApiError> {
    let end = Op::EndSession(signed_in.account.id.clone(), signed_in.session.token);
    changes.apply(signed_in.change(AuditAction::SignedOut, json!({})).op(end)).await?;
    Ok((cookie.unset(), StatusCode::NO_CONTENT))
}

/// The signed-in account, with its homes and its role at the monitoring center.
#[utoipa::path(
    get,
    path = "/api/v1/me",
    tag = "session",
    responses((status = 200, body = Me), Problems),
)]
pub async fn me(
    State(reads): State<Arc<dyn Reads>>,
    State(homes): State<Arc<Homes>>,
    State(clock): State<Arc<Clock>>,
    SignedIn { account, .. }: SignedIn,
) -> Result<Json<Me>, ApiError> {
    let memberships = reads.memberships(&account.id).await?;
    let home =
        |(id, membership): (crate::domain::id::HomeId, crate::domain::access::Membership)| {
            match homes.get(&id) {
                Some(home) => Some(MyHome {
                    id,
                    name: home.name.clone(),
                    role: membership.role.into(),
                    unreadable: false,
                }),
                None if homes.is_unreadable(&id) => Some(MyHome {
                    name: id.to_string(),
                    id,
                    role: membership.role.into(),
                    unreadable: true,
                }),
                None => None,
            }
        };
    let homes = memberships.into_iter().filter_map(home).collect();
    let center_role = reads.center_role(&account.id).await?.map(Into::into);
    Ok(Json(Me { user: user(&account), homes, center_role, server_time: clock.now() }))
}
