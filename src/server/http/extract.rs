//! Extractors: who sends a request and what it contains, parsed once. The arguments of a handler
//! show how it is protected.

use super::{cookie::SessionCookie, errors::ApiError};
use crate::{
    api::{audit::AuditAction, problem::Code},
    domain::{
        access::{Action, CenterAction, Membership},
        home::Home,
        id::{HomeId, IncidentId},
        incident::{Actor, command::Seen},
        time::Timestamp,
    },
    server::{
        clock::Clock,
        engine::{Current, Engine},
        homes::Homes,
        identity,
        state::{AppState, handles},
        store::{
            Account, AuditEntry, Bookkeeping, Change, ChangeError, Changes, Guard, Reads,
            SESSION_LEAVES, Session,
        },
        tasks::spawn_contained,
    },
};
use axum::{
    Json,
    extract::{
        FromRef, FromRequest, FromRequestParts, Path, Query, Request,
        rejection::{BytesRejection, FailedToBufferBody, JsonRejection},
    },
    http::request::Parts,
};
use data_encoding::HEXLOWER;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::{net::IpAddr, str::FromStr, sync::Arc, time::Duration};

/// The name of a session in paths and in audit records: the start of the hash of its token, which
/// grants no access.
pub fn session_name(token: &[u8; 32]) -> String {
    HEXLOWER.encode(&token[..8])
}

handles! {
    /// Finds the session of a request.
    struct SessionLookup {
        reads: Arc<dyn Reads>,
        changes: Changes,
        clock: Arc<Clock>,
        proof_lasts: Duration,
    }
}

handles! {
    /// Finds the home of a request, and what the account may do there.
    struct MemberLookup {
        reads: Arc<dyn Reads>,
        homes: Arc<Homes>,
    }
}

/// A signed-in account.
pub struct SignedIn {
    /// The account.
    pub account: Account,
    /// The device's session.
    pub session: Session,
    /// The network address that the request came from.
    address: Option<IpAddr>,
    clock: Arc<Clock>,
    /// How long after a proof of identity the device may change a home.
    proof_lasts: Duration,
}

impl SignedIn {
    /// Creates an audit record of what this person did on this device.
    pub fn entry(&self, what: AuditAction, detail: Value) -> AuditEntry {
        AuditEntry {
            account: Some(self.account.id.clone()),
            session: Some(session_name(&self.session.token)),
            address: self.address,
            ..AuditEntry::new(what, self.clock.now(), detail)
        }
    }

    /// Creates a change of the account, guarded by the session.
    pub fn change(&self, what: AuditAction, detail: Value) -> Change {
        Change::new(self.entry(what, detail))
            .guard(Guard::SessionStands(self.session.token, self.clock.now()))
    }

    fn is_proven(&self) -> Result<(), ApiError> {
        let fresh = self.clock.now().since(self.session.proven_at) < self.proof_lasts;
        fresh.then_some(()).ok_or_else(|| {
            ApiError::new(Code::ProofNeeded, "Give your password again to change this.")
        })
    }

    /// Whether the device is restricted, whatever its homes say.
    pub fn is_restricted(&self) -> bool {
        self.clock.now() < self.session.restricted_until
    }

    /// When the restriction of this device in a home ends, if it is restricted there.
    pub fn restricted_until(&self, home: &Home) -> Option<Timestamp> {
        restricted_until(home, self.session.restricted_until, self.clock.now())
    }
}

/// A person who proved their identity recently. Changes to how an account can be signed in to
/// require this.
pub struct RecentAuth(pub SignedIn);

impl FromRequestParts<AppState> for RecentAuth {
    type Rejection = ApiError;
    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, ApiError> {
        let signed_in = SignedIn::from_request_parts(parts, app).await?;
        signed_in.is_proven()?;
        Ok(Self(signed_in))
    }
}

impl FromRequestParts<AppState> for SignedIn {
    type Rejection = ApiError;
    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, ApiError> {
        let cookie = SessionCookie::from_request_parts(parts, app).await?;
        let no_session = || ApiError::new(Code::NotSignedIn, "Sign in first.");
        let token = identity::token_hash(cookie.token().ok_or_else(no_session)?);
        let SessionLookup { reads, changes, clock, proof_lasts } = SessionLookup::from_ref(app);
        let now = clock.now();
        let (account, session) = reads.session(token, now).await?.ok_or_else(no_session)?;
        if now.since(session.seen_at) > identity::SESSION_NOTED || session.replaces.is_some() {
            note_use(clock.clone(), changes, session.clone());
        }
        Ok(Self { account, session, address: cookie.address, clock, proof_lasts })
    }
}

/// Records the use of a session, and ends the session that it replaces, in a task of its own: no
/// request waits for this or fails with it.
fn note_use(clock: Arc<Clock>, changes: Changes, session: Session) {
    spawn_contained("use of a session", session.account.clone(), async move {
        let (at, token) = (clock.now(), session.token);
        let (expires_at, replaced_ends) =
            (identity::session_ends(session.created_at, at), at + SESSION_LEAVES);
        let noted =
            changes.note(Bookkeeping::SessionUsed { token, at, expires_at, replaced_ends }).await;
        // If the queue is full, the next request records the use.
        if let Err(error) = noted
            && !matches!(error, ChangeError::Busy)
        {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "could not record the use of a session"
            );
        }
    });
}

/// A member of the home in the path.
pub struct Member {
    /// The account and the session of the device.
    pub signed_in: SignedIn,
    /// The home.
    pub home: Arc<Home>,
    /// The account's membership of the home.
    pub membership: Membership,
}

impl Member {
    pub(super) async fn of(
        signed_in: SignedIn,
        home: &HomeId,
        app: &AppState,
    ) -> Result<Self, ApiError> {
        let MemberLookup { reads, homes } = MemberLookup::from_ref(app);
        let membership = reads.membership(home, &signed_in.account.id).await?;
        let membership = membership.ok_or_else(ApiError::not_found)?;
        let home = homes.get(home).ok_or_else(|| missing(&homes, home))?;
        Ok(Self { signed_in, home, membership })
    }

    /// The member as the actor of an incident.
    pub fn actor(&self) -> Actor {
        Actor::Person {
            id: self.signed_in.account.id.clone(),
            name: self.signed_in.account.name.clone(),
        }
    }

    /// When the restriction of this device in this home ends, if it is restricted.
    pub fn restricted_until(&self) -> Option<Timestamp> {
        self.signed_in.restricted_until(&self.home)
    }

    /// R6: a member who may not raise an SOS may not control one either. What a restricted device
    /// may control is decided with the command (I33).
    pub fn may_steer(&self) -> Result<(), ApiError> {
        self.membership.may(Action::Raise).then_some(()).ok_or_else(|| {
            ApiError::new(Code::NotAllowed, "You may look at this incident, not change it.")
        })
    }
}

/// The answer about a home that is not there.
pub(super) fn missing(homes: &Homes, home: &HomeId) -> ApiError {
    if homes.is_unreadable(home) { ApiError::unreadable() } else { ApiError::not_found() }
}

/// When the restriction of a device in a home ends, if the home restricts devices and this one is
/// restricted.
pub fn restricted_until(
    home: &Home,
    restricted_until: Timestamp,
    now: Timestamp,
) -> Option<Timestamp> {
    Some(restricted_until).filter(|until| *until > now && home.settings.restrict_new_devices)
}

impl FromRequestParts<AppState> for Member {
    type Rejection = ApiError;
    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, ApiError> {
        let signed_in = SignedIn::from_request_parts(parts, app).await?;
        let home: HomeId = parameter(parts, app).await?;
        Self::of(signed_in, &home, app).await
    }
}

/// An owner of the home in the path. Changes also require a recent proof of identity on this
/// device, so that an unlocked telephone that lies about can call for help but change nothing.
pub struct Owner(pub Member);

impl Owner {
    /// Creates a change of the home, guarded by the session and by the account's right to change
    /// the home.
    pub fn change(&self, what: AuditAction, detail: Value) -> Change {
        let Member { signed_in, home, .. } = &self.0;
        let entry = AuditEntry { home: Some(home.id.clone()), ..signed_in.entry(what, detail) };
        Change::new(entry)
            .guard(Guard::SessionStands(signed_in.session.token, signed_in.clock.now()))
            .guard(Guard::MayConfigure(home.id.clone(), signed_in.account.id.clone()))
    }
}

impl FromRequestParts<AppState> for Owner {
    type Rejection = ApiError;
    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, ApiError> {
        let member = Member::from_request_parts(parts, app).await?;
        let refused = || ApiError::new(Code::NotAllowed, "Only an owner of this home can do that.");
        if !member.membership.may(Action::Configure) {
            return Err(refused());
        }
        if !parts.method.is_safe() {
            member.signed_in.is_proven()?;
        }
        Ok(Self(member))
    }
}

/// A person who works at the monitoring center. For everybody else the center does not exist.
pub struct Operator(pub SignedIn);

impl FromRequestParts<AppState> for Operator {
    type Rejection = ApiError;
    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, ApiError> {
        Ok(Self(at_center(parts, app, CenterAction::Work).await?))
    }
}

/// A supervisor of the monitoring center. Changes also require a recent proof of identity.
pub struct Supervisor(pub SignedIn);

impl Supervisor {
    /// Creates a change of the monitoring center, guarded by the session and by the account's right
    /// to change the center.
    pub fn change(&self, what: AuditAction, detail: Value) -> Change {
        self.0
            .change(what, detail)
            .guard(Guard::MayAtCenter(self.0.account.id.clone(), CenterAction::Lead))
    }
}

impl FromRequestParts<AppState> for Supervisor {
    type Rejection = ApiError;
    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, ApiError> {
        let signed_in = at_center(parts, app, CenterAction::Lead).await?;
        if !parts.method.is_safe() {
            signed_in.is_proven()?;
        }
        Ok(Self(signed_in))
    }
}

async fn at_center(
    parts: &mut Parts,
    app: &AppState,
    action: CenterAction,
) -> Result<SignedIn, ApiError> {
    let signed_in = SignedIn::from_request_parts(parts, app).await?;
    let reads = Arc::<dyn Reads>::from_ref(app);
    let role = reads.center_role(&signed_in.account.id).await?.ok_or_else(ApiError::not_found)?;
    let refused = || {
        ApiError::new(Code::NotAllowed, "Only a supervisor of the monitoring center can do that.")
    };
    if !role.may(action) {
        return Err(refused());
    }
    Ok(signed_in)
}

/// The first parameter of the path, for handlers with no other extractor that reads it.
pub struct PathId<T>(pub T);

impl<T: FromStr + Send> FromRequestParts<AppState> for PathId<T> {
    type Rejection = ApiError;
    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, ApiError> {
        Ok(Self(parameter(parts, app).await?))
    }
}

/// The second parameter of the path: a resource of the home.
pub struct ResourceId<T>(pub T);

impl<T: FromStr + Send> FromRequestParts<AppState> for ResourceId<T> {
    type Rejection = ApiError;
    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, ApiError> {
        Ok(Self(nth_parameter(1, parts, app).await?))
    }
}

/// The incident in the path, and the requesting member of its home (I21).
pub struct OfIncident {
    /// The member.
    pub member: Member,
    /// The incident, running or over.
    pub current: Arc<Current>,
}

impl FromRequestParts<AppState> for OfIncident {
    type Rejection = ApiError;
    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, ApiError> {
        let signed_in = SignedIn::from_request_parts(parts, app).await?;
        let id: IncidentId = parameter(parts, app).await?;
        let (engine, reads) = (Engine::from_ref(app), Arc::<dyn Reads>::from_ref(app));
        let current = match engine.view().known(id) {
            Some(current) => current,
            None => {
                Arc::new(Current::load(reads.incident(id).await?.ok_or_else(ApiError::not_found)?)?)
            }
        };
        // An incident that is hidden from the home does not exist for the home until it is over.
        if current.incident.quiet.is_some() && !current.incident.is_over() {
            return Err(ApiError::not_found());
        }
        let member = Member::of(signed_in, &current.incident.home, app).await?;
        Ok(Self { member, current })
    }
}

/// The incident in the path, if the member may control it and not only view it (R6).
pub struct IncidentControl(pub OfIncident);

impl FromRequestParts<AppState> for IncidentControl {
    type Rejection = ApiError;
    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, ApiError> {
        let of = OfIncident::from_request_parts(parts, app).await?;
        of.member.may_steer()?;
        Ok(Self(of))
    }
}

/// What the author of a command says that their screen showed (I30).
#[derive(serde::Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct SeenQuery {
    /// The `latest_request` of the incident or call that the author's screen showed. What somebody else asked
    /// for since goes on. Without it, the author has seen what is older than a second.
    seen: Option<u32>,
}

/// What the author of the command had been shown.
pub struct SeenByAuthor(pub Seen);

/// The age of what a client has shown that does not say what it shows: live events arrive within
/// milliseconds, and people take longer to decide.
const SHOWN_WITHIN: Duration = Duration::from_secs(1);

impl FromRequestParts<AppState> for SeenByAuthor {
    type Rejection = ApiError;
    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, ApiError> {
        let Query(SeenQuery { seen }) =
            Query::from_request_parts(parts, app).await.map_err(|_| {
                ApiError::field("seen", "Expected the “latest_request” of the incident.")
            })?;
        let now = Arc::<Clock>::from_ref(app).now();
        Ok(Self(seen.map_or(Seen::Before(now - SHOWN_WITHIN), Seen::UpTo)))
    }
}

/// The first parameter of the path. A value that cannot be parsed is not found.
pub(super) async fn parameter<T: FromStr>(
    parts: &mut Parts,
    app: &AppState,
) -> Result<T, ApiError> {
    nth_parameter(0, parts, app).await
}

async fn nth_parameter<T: FromStr>(
    nth: usize,
    parts: &mut Parts,
    app: &AppState,
) -> Result<T, ApiError> {
    let Path(all): Path<Vec<(String, String)>> =
        Path::from_request_parts(parts, app).await.map_err(|_| ApiError::not_found())?;
    all.get(nth).and_then(|(_, value)| value.parse().ok()).ok_or_else(ApiError::not_found)
}

/// A JSON body.
pub struct Body<T>(pub T);

impl<T: DeserializeOwned> FromRequest<AppState> for Body<T> {
    type Rejection = ApiError;
    async fn from_request(request: Request, app: &AppState) -> Result<Self, ApiError> {
        match Json::from_request(request, app).await {
            Ok(Json(value)) => Ok(Self(value)),
            Err(JsonRejection::BytesRejection(BytesRejection::FailedToBufferBody(
                FailedToBufferBody::LengthLimitError(_),
            ))) => Err(ApiError::new(Code::TooLarge, "A body may have 64 KiB at most.")),
            Err(JsonRejection::JsonDataError(error)) => {
                Err(ApiError::field("body", &source_of(&error)))
            }
            Err(JsonRejection::JsonSyntaxError(_)) => {
                Err(ApiError::field("body", "This is not JSON."))
            }
            Err(_) => {
                Err(ApiError::field("body", "Expected JSON, with content type application/json."))
            }
        }
    }
}

/// The message of serde, without the prefix of axum.
fn source_of(error: &dyn std::error::Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}
