//! Who asks and what they send, parsed once. A handler's arguments show how it is protected.

use super::{answer::Refused, cookie::SessionCookie};
use crate::{
    api::{audit::Deed, problem::Code},
    domain::{
        access::{Action, CenterAction, Membership},
        home::Home,
        id::{HomeId, IncidentId},
        incident::{Actor, Incident, Mode},
        time::Timestamp,
    },
    server::{
        App, auth,
        engine::Current,
        store::{Account, Bookkeeping, Change, ChangeError, Entry, Guard, Session},
    },
};
use axum::{
    Json,
    extract::{
        FromRequest, FromRequestParts, Path, Request,
        rejection::{BytesRejection, FailedToBufferBody, JsonRejection},
    },
    http::request::Parts,
};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::{fmt::Write, net::IpAddr, str::FromStr, sync::Arc};

/// The name of a session in paths and in the audit: the beginning of the hash of its token, which opens nothing.
pub fn session_name(token: &[u8; 32]) -> String {
    token.iter().take(8).fold(String::new(), |mut name, byte| {
        let _ = write!(name, "{byte:02x}");
        name
    })
}

/// A signed-in account.
pub struct SignedIn {
    /// Whose.
    pub account: Account,
    /// The device's session.
    pub session: Session,
    /// From which network address.
    address: Option<IpAddr>,
}

impl SignedIn {
    /// What this person did on this device, for the audit.
    pub fn entry(&self, app: &App, what: Deed, detail: Value) -> Entry {
        Entry {
            account: Some(self.account.id.clone()),
            session: Some(session_name(&self.session.token)),
            address: self.address.map(|address| address.to_string()),
            ..Entry::new(what, app.clock.now(), detail)
        }
    }

    /// A change that this person makes to the account, while the session stands.
    pub fn change(&self, app: &App, what: Deed, detail: Value) -> Change {
        Change::new(self.entry(app, what, detail)).guard(Guard::SessionStands(self.session.token, app.clock.now()))
    }

    fn is_proven(&self, app: &App) -> Result<(), Refused> {
        let fresh = app.clock.now().since(self.session.proven_at) < app.proof_lasts;
        fresh.then_some(()).ok_or_else(|| Refused::new(Code::ProofNeeded, "Give your password again to change this."))
    }

    /// That the device is not held: what would let it go is not for itself to do.
    pub fn is_free(&self, app: &App) -> Result<(), Refused> {
        (self.session.held_until <= app.clock.now()).then_some(()).ok_or_else(Refused::held)
    }
}

/// Somebody who is signed in on a device that is not held.
pub struct Unrestricted(pub SignedIn);

impl FromRequestParts<Arc<App>> for Unrestricted {
    type Rejection = Refused;
    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Refused> {
        let signed_in = SignedIn::from_request_parts(parts, app).await?;
        signed_in.is_free(app)?;
        Ok(Self(signed_in))
    }
}

/// Somebody who has proven a short while ago who they are, on a device that is not held: whoever changes how an account is opened.
pub struct Proven(pub SignedIn);

impl FromRequestParts<Arc<App>> for Proven {
    type Rejection = Refused;
    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Refused> {
        let Unrestricted(signed_in) = Unrestricted::from_request_parts(parts, app).await?;
        signed_in.is_proven(app)?;
        Ok(Self(signed_in))
    }
}

impl FromRequestParts<Arc<App>> for SignedIn {
    type Rejection = Refused;
    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Refused> {
        let cookie = SessionCookie::from_request_parts(parts, app).await?;
        let no_session = || Refused::new(Code::NotSignedIn, "Sign in first.");
        let token = auth::token_hash(cookie.token().ok_or_else(no_session)?);
        let now = app.clock.now();
        let (account, session) = app.reads.session(token, now).await?.ok_or_else(no_session)?;
        if now.since(session.seen_at) > auth::SESSION_NOTED || session.replaces.is_some() {
            note_use(app.clone(), session.clone());
        }
        Ok(Self { account, session, address: cookie.address })
    }
}

/// Notes beside everything else that a session is used, and ends the one that it replaces: no request waits for that, or fails with it.
fn note_use(app: Arc<App>, session: Session) {
    tokio::spawn(async move {
        let (at, token) = (app.clock.now(), session.token);
        let (expires_at, replaced_ends) = (auth::session_ends(session.created_at, at), at + auth::SESSION_LEAVES);
        let noted = app.changes.note(Bookkeeping::SessionUsed { token, at, expires_at, replaced_ends }).await;
        // What is busy now is noted with the next request.
        if let Err(error) = noted
            && !matches!(error, ChangeError::Busy)
        {
            tracing::warn!(error = &error as &dyn std::error::Error, "that a session was used could not be noted");
        }
    });
}

/// A member of the home in the path.
pub struct Member {
    /// Who, on which device.
    pub signed_in: SignedIn,
    /// Which home.
    pub home: Arc<Home>,
    /// What the account is to it.
    pub membership: Membership,
}

impl Member {
    async fn of(signed_in: SignedIn, home: &HomeId, app: &App) -> Result<Self, Refused> {
        let membership = app.reads.membership(home, &signed_in.account.id).await?.ok_or_else(Refused::not_found)?;
        let missing = || if app.homes.is_unreadable(home) { Refused::unreadable() } else { Refused::not_found() };
        let home = app.homes.get(home).ok_or_else(missing)?;
        Ok(Self { signed_in, home, membership })
    }

    /// The member as the incident knows them.
    pub fn actor(&self) -> Actor {
        Actor::Person { id: self.signed_in.account.id.clone(), name: self.signed_in.account.name.clone() }
    }

    /// Until when this device requests no help in this home.
    pub fn held_until(&self, now: Timestamp) -> Option<Timestamp> {
        held_until(&self.home, self.signed_in.session.held_until, now)
    }

    /// R6, I33: whoever may not raise an SOS may not steer one either, and a restricted device steers only what it may request itself.
    fn may_steer(&self, incident: &Incident, now: Timestamp) -> Result<(), Refused> {
        if !self.membership.may(Action::Raise) {
            return Err(Refused::new(Code::NotAllowed, "You may look at this incident, not change it."));
        }
        let asks_for_help = incident.mode == Mode::Live && !incident.services().is_empty();
        if asks_for_help && self.held_until(now).is_some() {
            return Err(Refused::held());
        }
        Ok(())
    }
}

/// Until when a device requests no help in a home.
pub fn held_until(home: &Home, held_until: Timestamp, now: Timestamp) -> Option<Timestamp> {
    Some(held_until).filter(|until| *until > now && home.settings.hold_new_devices)
}

impl FromRequestParts<Arc<App>> for Member {
    type Rejection = Refused;
    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Refused> {
        let signed_in = SignedIn::from_request_parts(parts, app).await?;
        let home: HomeId = parameter(parts, app).await?;
        Self::of(signed_in, &home, app).await
    }
}

/// An owner of the home in the path. Whoever changes something has given the password on this device a short while ago: a telephone that
/// lies about unlocked can call for help, and change nothing.
pub struct Owner(pub Member);

impl Owner {
    /// A change of the home, while the session stands and its account may change the home.
    pub fn change(&self, app: &App, what: Deed, detail: Value) -> Change {
        let Member { signed_in, home, .. } = &self.0;
        let entry = Entry { home: Some(home.id.clone()), ..signed_in.entry(app, what, detail) };
        Change::new(entry)
            .guard(Guard::SessionStands(signed_in.session.token, app.clock.now()))
            .guard(Guard::MayConfigure(home.id.clone(), signed_in.account.id.clone()))
    }
}

impl FromRequestParts<Arc<App>> for Owner {
    type Rejection = Refused;
    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Refused> {
        let member = Member::from_request_parts(parts, app).await?;
        let refused = || Refused::new(Code::NotAllowed, "Only an owner of this home can do that.");
        if !member.membership.may(Action::Configure) {
            return Err(refused());
        }
        if !parts.method.is_safe() {
            if member.held_until(app.clock.now()).is_some() {
                return Err(Refused::held());
            }
            member.signed_in.is_proven(app)?;
        }
        Ok(Self(member))
    }
}

/// Somebody who works at the monitoring center; whoever changes something there, on a device that is not held. For everybody else there
/// is no center.
pub struct Operator(pub SignedIn);

impl FromRequestParts<Arc<App>> for Operator {
    type Rejection = Refused;
    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Refused> {
        Ok(Self(at_center(parts, app, CenterAction::Work).await?))
    }
}

/// Somebody who leads the monitoring center; whoever changes something has proven a short while ago who they are.
pub struct Supervisor(pub SignedIn);

impl Supervisor {
    /// A change of the monitoring center, while the session stands and its account may change the center.
    pub fn change(&self, app: &App, what: Deed, detail: Value) -> Change {
        self.0.change(app, what, detail).guard(Guard::MayAtCenter(self.0.account.id.clone(), CenterAction::Lead))
    }
}

impl FromRequestParts<Arc<App>> for Supervisor {
    type Rejection = Refused;
    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Refused> {
        let signed_in = at_center(parts, app, CenterAction::Lead).await?;
        if !parts.method.is_safe() {
            signed_in.is_proven(app)?;
        }
        Ok(Self(signed_in))
    }
}

async fn at_center(parts: &mut Parts, app: &Arc<App>, action: CenterAction) -> Result<SignedIn, Refused> {
    let signed_in = SignedIn::from_request_parts(parts, app).await?;
    let role = app.reads.center_role(&signed_in.account.id).await?.ok_or_else(Refused::not_found)?;
    let refused = || Refused::new(Code::NotAllowed, "Only a supervisor of the monitoring center can do that.");
    if !role.may(action) {
        return Err(refused());
    }
    if !parts.method.is_safe() {
        signed_in.is_free(app)?;
    }
    Ok(signed_in)
}

/// The first parameter of the path, where nothing else reads it.
pub struct Named<T>(pub T);

impl<T: FromStr + Send> FromRequestParts<Arc<App>> for Named<T> {
    type Rejection = Refused;
    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Refused> {
        Ok(Self(parameter(parts, app).await?))
    }
}

/// The second parameter of the path: something of the home.
pub struct Part<T>(pub T);

impl<T: FromStr + Send> FromRequestParts<Arc<App>> for Part<T> {
    type Rejection = Refused;
    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Refused> {
        Ok(Self(nth_parameter(1, parts, app).await?))
    }
}

/// A member of the home whose incident is in the path, and the incident (I21).
pub struct OfIncident {
    /// Who.
    pub member: Member,
    /// The incident, running or over.
    pub current: Arc<Current>,
}

impl FromRequestParts<Arc<App>> for OfIncident {
    type Rejection = Refused;
    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Refused> {
        let signed_in = SignedIn::from_request_parts(parts, app).await?;
        let id: IncidentId = parameter(parts, app).await?;
        let current = match app.engine.view().by_id(id) {
            Some(current) => current,
            None => Arc::new(Current::load(app.reads.incident(id).await?.ok_or_else(Refused::not_found)?)?),
        };
        // What the home must not notice is not there before it is over.
        if current.incident.quiet.is_some() && !current.incident.is_over() {
            return Err(Refused::not_found());
        }
        let member = Member::of(signed_in, &current.incident.home, app).await?;
        Ok(Self { member, current })
    }
}

/// An incident that its home's member may steer, not only look at (R6).
pub struct Steered(pub OfIncident);

impl FromRequestParts<Arc<App>> for Steered {
    type Rejection = Refused;
    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Refused> {
        let of = OfIncident::from_request_parts(parts, app).await?;
        of.member.may_steer(&of.current.incident, app.clock.now())?;
        Ok(Self(of))
    }
}

/// The first parameter of the path; what cannot be one names nothing.
async fn parameter<T: FromStr>(parts: &mut Parts, app: &Arc<App>) -> Result<T, Refused> {
    nth_parameter(0, parts, app).await
}

async fn nth_parameter<T: FromStr>(nth: usize, parts: &mut Parts, app: &Arc<App>) -> Result<T, Refused> {
    let Path(all): Path<Vec<(String, String)>> = Path::from_request_parts(parts, app).await.map_err(|_| Refused::not_found())?;
    all.get(nth).and_then(|(_, value)| value.parse().ok()).ok_or_else(Refused::not_found)
}

/// A JSON body.
pub struct Body<T>(pub T);

impl<T: DeserializeOwned> FromRequest<Arc<App>> for Body<T> {
    type Rejection = Refused;
    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Refused> {
        match Json::from_request(request, app).await {
            Ok(Json(value)) => Ok(Self(value)),
            Err(JsonRejection::BytesRejection(BytesRejection::FailedToBufferBody(FailedToBufferBody::LengthLimitError(_)))) => {
                Err(Refused::new(Code::TooLarge, "A body may have 64 KiB at most."))
            }
            Err(JsonRejection::JsonDataError(error)) => Err(Refused::field("body", &source_of(&error))),
            Err(JsonRejection::JsonSyntaxError(_)) => Err(Refused::field("body", "This is not JSON.")),
            Err(_) => Err(Refused::field("body", "Expected JSON, with content type application/json.")),
        }
    }
}

/// What serde says is wrong, without axum's preface.
fn source_of(error: &dyn std::error::Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}
