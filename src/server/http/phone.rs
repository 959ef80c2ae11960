//! The phone page of an emergency contact. The token in the link grants access. No answer reveals
//! whether a password was right.

use super::{
    errors::{ApiError, Problems},
    extract::{Body, SeenByAuthor, SeenQuery, missing},
    household::EditError,
};
use crate::{
    api::{
        audit::AuditAction,
        phone::{CallOff, Phone, Received, Remembers},
        problem::Code,
    },
    domain::{
        contact::{Contact, Memory, Readiness},
        home::Home,
        id::CallId,
        incident::{
            Call,
            command::{CallStep, Command, NotReached},
        },
    },
    server::{
        clock::Clock,
        engine::{Current, Engine},
        homes::Homes,
        identity::{
            self, Hashing,
            attempts::{Attempts, Guess},
        },
        snapshots::Snapshots,
        state::{AppState, handles},
        store::{AuditEntry, Change, Changes, Guard, Payer, Reads},
        tasks::run_to_end,
        telephony::pages::Page,
    },
};
use axum::{
    Json,
    extract::{FromRef, FromRequest, FromRequestParts, Path, Request, State},
    http::{StatusCode, request::Parts},
};
use serde_json::json;
use std::{collections::HashMap, sync::Arc, time::Duration};
use utoipa_axum::{router::OpenApiRouter, routes};

/// The routes of a contact's phone.
pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(one))
        .routes(routes!(accept))
        .routes(routes!(opt_out))
        .routes(routes!(memory))
        .routes(routes!(answer))
        .routes(routes!(decline))
        .routes(routes!(confirm))
        .routes(routes!(cancel))
        .routes(routes!(hang_up))
}

handles! {
    /// Changes the state of contacts and of their calls.
    pub struct Phones {
        engine: Engine,
        reads: Arc<dyn Reads>,
        homes: Arc<Homes>,
        changes: Changes,
        snapshots: Arc<Snapshots>,
        clock: Arc<Clock>,
    }
}

/// How long the answer to whether the verbal password is remembered counts as the same answer.
const SAID_AGAIN_AFTER: Duration = Duration::from_secs(24 * 3_600);

handles! {
    /// Checks verbal passwords that contacts say on a call.
    pub struct CallPasswords {
        attempts: Arc<Attempts>,
        hashing: Arc<Hashing>,
        clock: Arc<Clock>,
    }
}

impl CallPasswords {
    /// Whether the contact said the verbal password on a call, or none is required.
    pub async fn is_authenticated(
        &self,
        current: &Current,
        call: CallId,
        said: &str,
    ) -> Result<bool, ApiError> {
        if said.len() > 256 {
            return Err(ApiError::field("verbal_password", "That is too long."));
        }
        if !self.attempts.take(&Guess::Call(call), self.clock.now()) {
            return Err(ApiError::new(Code::TooManyAttempts, "Too many attempts on this call."));
        }
        let snapshot = &current.incident.snapshot;
        // Checked even if none is required, so that the time reveals nothing.
        let right =
            self.hashing.calls.verify_spoken(said, snapshot.verbal_password.clone()).await?;
        Ok(right || !snapshot.password_required)
    }
}

/// The contact to whom the link in the path belongs.
pub struct Caller {
    /// The contact's home.
    pub home: Arc<Home>,
    /// The contact.
    pub contact: Contact,
    /// The hash of the link's token.
    pub token: [u8; 32],
    /// The call in the path, if it names one.
    call: Option<CallId>,
}

impl FromRequestParts<AppState> for Caller {
    type Rejection = ApiError;
    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, ApiError> {
        let Path(mut path): Path<HashMap<String, String>> =
            Path::from_request_parts(parts, app).await.map_err(|_| ApiError::not_found())?;
        let token = path.remove("token").ok_or_else(ApiError::not_found)?;
        let token = identity::token_hash(&token);
        let links = Links::from_ref(app);
        let Linked { home, contact } =
            links.contact_of(token).await?.ok_or_else(ApiError::not_found)?;
        let call = path
            .remove("call")
            .map(|id| id.parse().map_err(|_| ApiError::not_found()))
            .transpose()?;
        Ok(Self { home, contact, token, call })
    }
}

handles! {
    /// Finds the contacts of links.
    pub struct Links {
        reads: Arc<dyn Reads>,
        homes: Arc<Homes>,
        snapshots: Arc<Snapshots>,
        clock: Arc<Clock>,
    }
}

/// What a link leads to.
pub struct Linked {
    /// The home.
    pub home: Arc<Home>,
    /// The contact, for a former link as of before the change.
    pub contact: Contact,
}

impl Links {
    /// The contact of a link, whose page is there now. A link that an owner ended or replaced while
    /// its contact is called still answers that call (I19).
    pub async fn contact_of(&self, token: [u8; 32]) -> Result<Option<Linked>, ApiError> {
        let Some(link) = self.reads.contact_link(token).await? else {
            return Ok(self.called_behind(token));
        };
        let home = self.homes.get(&link.home).ok_or_else(|| missing(&self.homes, &link.home))?;
        let contact = home.linked(&link.contact, link.number, self.clock.now()).cloned();
        if contact.as_ref().is_none_or(|contact| home.is_former(contact))
            && let Some(called) = self.called_behind(token)
        {
            return Ok(Some(called));
        }
        Ok(contact.map(|contact| {
            self.snapshots.pages.sees(token, Page::of(&home, &contact));
            Linked { home, contact }
        }))
    }

    /// The contact whose link this was when the call was placed that rings or is answered now.
    fn called_behind(&self, token: [u8; 32]) -> Option<Linked> {
        let pages = &self.snapshots.pages;
        let home = self.homes.get(&pages.home_of(token)?)?;
        let current = self.snapshots.engine.view().running_in(&home.id)?;
        let incident = &current.incident;
        let call = incident.open_calls().find(|call| pages.had_link(token, incident, call))?;
        let contact = incident.called(call)?.clone();
        Some(Linked { home, contact })
    }
}

impl Caller {
    /// The contact's page.
    pub fn page(&self) -> Page {
        Page::of(&self.home, &self.contact)
    }

    /// The call in the path with its incident, if it is a call to this contact.
    async fn call(&self, phones: &Phones) -> Result<(Arc<Current>, Call), ApiError> {
        let id = self.call.ok_or_else(ApiError::not_found)?;
        let current = match phones.engine.view().known(id.incident) {
            Some(current) => current,
            None => Arc::new(Current::load(
                phones.reads.incident(id.incident).await?.ok_or_else(ApiError::not_found)?,
            )?),
        };
        let mine = current
            .incident
            .calls
            .iter()
            .find(|c| c.id == id && self.page().is_of(&current.incident, c))
            .cloned();
        let call = mine
            .filter(|_| current.incident.home == self.home.id)
            .ok_or_else(ApiError::not_found)?;
        Ok((current, call))
    }

    async fn step(&self, phones: &Phones, step: CallStep) -> Result<(), ApiError> {
        let (current, call) = self.call(phones).await?;
        let engine = phones.engine.on_behalf_of(self.token);
        let answer =
            engine.give(current.incident.id, Command::Call { call: call.id, step }).await?;
        answer.refusal.map_or(Ok(()), |refusal| Err(refusal.into()))
    }

    /// Changes what the home stores about this contact. It stores nothing about former ones.
    async fn changed(
        &self,
        phones: &Phones,
        change: impl Fn(&mut Contact),
    ) -> Result<Json<Phone>, ApiError> {
        let edit = |home: &mut Home| -> Result<_, EditError> {
            let contact = home
                .contacts
                .iter_mut()
                .find(|c| c.is_by_same_link(&self.contact))
                .ok_or(EditError::Gone)?;
            change(contact);
            let remembers = contact.memory.map(|memory| memory.remembers);
            let detail =
                json!({"contact": contact.id, "ready": contact.readiness, "remembers": remembers});
            let entry = AuditEntry {
                home: Some(self.home.id.clone()),
                ..AuditEntry::new(AuditAction::ContactAnswered, phones.clock.now(), detail)
            };
            let payer = Payer::Link(self.home.id.clone(), contact.id.clone());
            let stands = Guard::LinkStands(self.token);
            Ok((contact.clone(), Change::new(entry).charged_to(payer).guard(stands)))
        };
        let contact = phones
            .homes
            .edit(&phones.changes, &self.home.id, edit)
            .await?
            .ok_or_else(ApiError::not_found)?;
        Ok(Json(phones.snapshots.present_phone(&self.home, &contact)))
    }

    async fn stepped(&self, phones: &Phones, step: CallStep) -> Result<Json<Phone>, ApiError> {
        self.step(phones, step).await?;
        Ok(Json(phones.snapshots.present_phone(&self.home, &self.contact)))
    }
}

/// The state of the contact's phone page.
#[utoipa::path(
    get,
    path = "/api/v1/contact/{token}",
    tag = "phone",
    params(("token" = String, Path)),
    responses((status = 200, body = Phone), Problems),
)]
pub async fn one(State(snapshots): State<Arc<Snapshots>>, caller: Caller) -> Json<Phone> {
    Json(snapshots.present_phone(&caller.home, &caller.contact))
}

/// Agrees to be an emergency contact.
#[utoipa::path(
    post,
    path = "/api/v1/contact/{token}/accept",
    tag = "phone",
    params(("token" = String, Path)),
    responses((status = 200, body = Phone), Problems),
)]
pub async fn accept(State(phones): State<Phones>, caller: Caller) -> Result<Json<Phone>, ApiError> {
    let now = phones.clock.now();
    caller.changed(&phones, |contact| contact.agree(now)).await
}

/// Stops being an emergency contact. The owners of the home see that.
#[utoipa::path(
    post,
    path = "/api/v1/contact/{token}/opt-out",
    tag = "phone",
    params(("token" = String, Path)),
    responses((status = 200, body = Phone), Problems),
)]
pub async fn opt_out(
    State(phones): State<Phones>,
    caller: Caller,
) -> Result<Json<Phone>, ApiError> {
    caller.changed(&phones, |contact| contact.readiness = Readiness::OptedOut).await
}

/// Reports whether the contact remembers the verbal password. The owners see if the contact does
/// not.
#[utoipa::path(
    post,
    path = "/api/v1/contact/{token}/memory",
    tag = "phone",
    params(("token" = String, Path)),
    request_body = Remembers,
    responses((status = 200, body = Phone), Problems),
)]
pub async fn memory(
    State(phones): State<Phones>,
    caller: Caller,
    Body(Remembers { remembers }): Body<Remembers>,
) -> Result<Json<Phone>, ApiError> {
    let at = phones.clock.now();
    let is_known = |contact: &Contact| {
        contact.memory.is_some_and(|memory| {
            memory.remembers == remembers && at.since(memory.at) < SAID_AGAIN_AFTER
        })
    };
    let said = |contact: &mut Contact| {
        // The same word again is no change, which the audit would keep forever.
        if is_known(contact) {
            return;
        }
        (contact.memory, contact.reached_at) = (Some(Memory { at, remembers }), Some(at))
    };
    caller.changed(&phones, said).await
}

/// Answers the call.
#[utoipa::path(
    post,
    path = "/api/v1/contact/{token}/calls/{call}/answer",
    tag = "phone",
    params(("token" = String, Path), ("call" = String, Path)),
    responses((status = 200, body = Phone), Problems),
)]
pub async fn answer(State(phones): State<Phones>, caller: Caller) -> Result<Json<Phone>, ApiError> {
    let call = caller.contact.id.clone();
    let answered = run_to_end("answered call", call, async move {
        let answer = caller.stepped(&phones, CallStep::Answer).await?;
        let now = phones.clock.now();
        let reached = |contact: &mut Contact| contact.reached_at = Some(now);
        // The call itself succeeded. That it was answered is stored for the dashboard only, so a
        // failure is acceptable.
        if !caller.home.is_former(&caller.contact)
            && let Err(refused) = caller.changed(&phones, reached).await
        {
            tracing::warn!(?refused, "could not store that a contact was reached");
        }
        Ok(answer)
    });
    answered.await.unwrap_or_else(|| Err(ApiError::internal()))
}

/// Declines the call.
#[utoipa::path(
    post,
    path = "/api/v1/contact/{token}/calls/{call}/decline",
    tag = "phone",
    params(("token" = String, Path), ("call" = String, Path)),
    responses((status = 200, body = Phone), Problems),
)]
pub async fn decline(
    State(phones): State<Phones>,
    caller: Caller,
) -> Result<Json<Phone>, ApiError> {
    caller.stepped(&phones, CallStep::NotReached(NotReached::Busy)).await
}

/// Confirms the emergency, or that the contact has been informed.
#[utoipa::path(
    post,
    path = "/api/v1/contact/{token}/calls/{call}/confirm",
    tag = "phone",
    params(("token" = String, Path), ("call" = String, Path)),
    responses((status = 200, body = Phone), Problems),
)]
pub async fn confirm(
    State(phones): State<Phones>,
    caller: Caller,
) -> Result<Json<Phone>, ApiError> {
    caller.stepped(&phones, CallStep::Confirm).await
}

/// Hangs up the call.
#[utoipa::path(
    post,
    path = "/api/v1/contact/{token}/calls/{call}/hang-up",
    tag = "phone",
    params(("token" = String, Path), ("call" = String, Path)),
    responses((status = 200, body = Phone), Problems),
)]
pub async fn hang_up(
    State(phones): State<Phones>,
    caller: Caller,
) -> Result<Json<Phone>, ApiError> {
    caller.stepped(&phones, CallStep::HangUp).await
}

/// Cancels the incident. The answer is the same, and takes the same time, whether the verbal
/// password was right or wrong.
#[utoipa::path(post, path = "/api/v1/contact/{token}/calls/{call}/cancel", tag = "phone", params(("token" = String, Path), ("call" = String, Path), SeenQuery),
    request_body = CallOff, responses((status = 202, body = Received), Problems))]
pub async fn cancel(
    State(phones): State<Phones>,
    State(passwords): State<CallPasswords>,
    caller: Caller,
    SeenByAuthor(seen): SeenByAuthor,
    body: CallOffBody,
) -> Result<(StatusCode, Json<Received>), ApiError> {
    let said = body.0.verbal_password.unwrap_or_default();
    let (current, call) = caller.call(&phones).await?;
    let authenticated = passwords.is_authenticated(&current, call.id, &said).await?;
    caller.step(&phones, CallStep::Cancel { authenticated, seen }).await?;
    Ok((StatusCode::ACCEPTED, Json(Received { received: true })))
}

/// The body of [`cancel`]. It may be missing.
pub struct CallOffBody(CallOff);

impl FromRequest<AppState> for CallOffBody {
    type Rejection = ApiError;
    async fn from_request(request: Request, app: &AppState) -> Result<Self, ApiError> {
        if request.headers().get("content-length").is_none_or(|length| length == "0")
            && request.headers().get("content-type").is_none()
        {
            return Ok(Self(CallOff::default()));
        }
        Body::from_request(request, app).await.map(|body| Self(body.0))
    }
}
