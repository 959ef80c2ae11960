//! Invitations: an owner creates a link into the home, or a supervisor one to the monitoring
//! center. One person can use the link, with a new account or with their own.

use super::{
    center,
    cookie::SessionCookie,
    errors::{ApiError, Problems},
    extract::{Body, Owner, PathId, ResourceId, SignedIn, Supervisor, session_name},
    household::{self, EditError},
    people::is_email,
    session::{By, SigningIn},
};
use crate::{
    api::{
        audit::AuditAction,
        center::CenterPeople,
        household::Household,
        invitations::{
            Invitation as InvitationAnswer, InvitationLink, Invite, Invited, InvitedTo, Join,
        },
        session::SignedIn as SignedInAnswer,
    },
    domain::{
        access::{Action, CenterAction, CenterRole, InvitationScope, Membership, Role},
        home::edit::{ErrorCode, Form},
        id::{HomeId, UserId},
        time::Timestamp,
    },
    server::{
        clock::Clock,
        homes::Homes,
        identity::{self, attempts::Guess},
        state::{AppState, handles},
        store::{Account, AuditEntry, Change, ChangeError, Changes, Guard, Invitation, Op, Reads},
    },
};
use axum::{
    Json,
    extract::{FromRef, FromRequestParts, Path, State},
    http::{HeaderMap, StatusCode, request::Parts},
    response::IntoResponse,
};
use serde::Serialize;
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};
use utoipa_axum::{router::OpenApiRouter, routes};

/// How long the link of an invitation works.
const LASTS: Duration = Duration::from_secs(7 * 24 * 3_600);
/// The most open invitations into a home, and to the center.
const MOST: u32 = 20;

/// The routes of invitations.
pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(invite))
        .routes(routes!(withdraw))
        .routes(routes!(invite_to_center))
        .routes(routes!(withdraw_from_center))
        .routes(routes!(one, join, accept))
}

handles! {
    /// Makes, lists and withdraws invitations.
    pub struct Invitations {
        reads: Arc<dyn Reads>,
        changes: Changes,
        clock: Arc<Clock>,
    }
}

impl Invitations {
    async fn make<R: Serialize>(
        &self,
        by: &SignedIn,
        scope: InvitationScope,
        asked: &Invite<R>,
        change: impl FnOnce(Value) -> Change,
    ) -> Result<Json<InvitationLink>, ApiError> {
        let mut form = Form::default();
        let (name, now) = (form.line("name", &asked.name), self.clock.now());
        form.done(()).map_err(EditError::Invalid)?;
        let token = identity::new_token();
        let home =
            if let InvitationScope::Home(home, _) = &scope { Some(home.clone()) } else { None };
        let change = change(json!({"invited": name, "role": asked.role}))
            .guard(Guard::FewerInvitations(home, now, MOST));
        let invitation = Invitation {
            token: identity::token_hash(&token),
            scope,
            name,
            inviter: by.account.id.clone(),
            expires_at: now + LASTS,
        };
        self.changes.apply(change.op(Op::PutInvitation(invitation))).await?;
        Ok(Json(InvitationLink { path: format!("/invite/{token}") }))
    }

    /// Finds the invitation with that short name.
    async fn named(&self, home: Option<&HomeId>, id: &str) -> Result<Invitation, ApiError> {
        let all = self.reads.invitations(home, self.clock.now()).await?;
        all.into_iter().find(|i| session_name(&i.token) == id).ok_or_else(ApiError::not_found)
    }

    /// Ends an invitation that nobody has accepted, as a part of this change.
    async fn end(
        &self,
        token: [u8; 32],
        home: Option<HomeId>,
        change: Change,
    ) -> Result<(), ChangeError> {
        let stands = Guard::InvitationStands(token, self.clock.now());
        self.changes.apply(change.guard(stands).op(Op::EndInvitation { token, home })).await
    }
}

/// Invites a person to a home: a link, shown only once, that works for a week and for one person.
#[utoipa::path(
    post,
    path = "/api/v1/homes/{home}/invitations",
    tag = "household",
    params(("home" = String, Path)),
    request_body = Invite<Role>,
    responses((status = 200, body = InvitationLink), Problems),
)]
pub async fn invite(
    State(invitations): State<Invitations>,
    owner: Owner,
    Body(asked): Body<Invite<Role>>,
) -> Result<Json<InvitationLink>, ApiError> {
    let scope = InvitationScope::Home(owner.0.home.id.clone(), asked.role);
    invitations
        .make(&owner.0.signed_in, scope, &asked, |detail| {
            owner.change(AuditAction::Invited, detail)
        })
        .await
}

/// Invites a person to work at the center: a link, shown only once, that works for a week and for
/// one person.
#[utoipa::path(
    post,
    path = "/api/v1/center/invitations",
    tag = "center",
    request_body = Invite<CenterRole>,
    responses((status = 200, body = InvitationLink), Problems),
)]
pub async fn invite_to_center(
    State(invitations): State<Invitations>,
    supervisor: Supervisor,
    Body(asked): Body<Invite<CenterRole>>,
) -> Result<Json<InvitationLink>, ApiError> {
    let scope = InvitationScope::Center(asked.role);
    invitations
        .make(&supervisor.0, scope, &asked, |detail| {
            supervisor.change(AuditAction::Invited, detail)
        })
        .await
}

/// The invitations into a home that nobody has accepted yet.
pub(super) async fn into_home(
    reads: &dyn Reads,
    home: &HomeId,
    now: Timestamp,
) -> Result<Vec<Invited<Role>>, ApiError> {
    let role = |scope: &InvitationScope| {
        if let InvitationScope::Home(_, role) = scope { Some(*role) } else { None }
    };
    Ok(told_as(reads.invitations(Some(home), now).await?, role))
}

/// The invitations to the center that nobody has accepted yet.
pub(super) async fn to_center(
    reads: &dyn Reads,
    now: Timestamp,
) -> Result<Vec<Invited<CenterRole>>, ApiError> {
    let role = |scope: &InvitationScope| {
        if let InvitationScope::Center(role) = scope { Some(*role) } else { None }
    };
    Ok(told_as(reads.invitations(None, now).await?, role))
}

fn told_as<R>(
    all: Vec<Invitation>,
    role: impl Fn(&InvitationScope) -> Option<R>,
) -> Vec<Invited<R>> {
    let told = |i: Invitation| {
        Some(Invited {
            id: session_name(&i.token),
            role: role(&i.scope)?.into(),
            name: i.name,
            expires_at: i.expires_at,
        })
    };
    all.into_iter().filter_map(told).collect()
}

/// Withdraws an invitation to a home. Its link no longer works.
#[utoipa::path(
    delete,
    path = "/api/v1/homes/{home}/invitations/{invitation}",
    tag = "household",
    params(("home" = String, Path), ("invitation" = String, Path)),
    responses((status = 200, body = Household), Problems),
)]
pub async fn withdraw(
    State(invitations): State<Invitations>,
    owner: Owner,
    ResourceId(id): ResourceId<String>,
) -> Result<Json<Household>, ApiError> {
    let home = &owner.0.home.id;
    let Invitation { token, name, .. } = invitations.named(Some(home), &id).await?;
    let change = owner.change(AuditAction::PersonChanged, json!({"invited": name, "role": null}));
    invitations.end(token, Some(home.clone()), change).await?;
    household::one(State(invitations.reads), State(invitations.clock), owner).await
}

/// Withdraws an invitation to the center. Its link no longer works.
#[utoipa::path(
    delete,
    path = "/api/v1/center/invitations/{invitation}",
    tag = "center",
    params(("invitation" = String, Path)),
    responses((status = 200, body = CenterPeople), Problems),
)]
pub async fn withdraw_from_center(
    State(invitations): State<Invitations>,
    supervisor: Supervisor,
    PathId(id): PathId<String>,
) -> Result<Json<CenterPeople>, ApiError> {
    let Invitation { token, name, .. } = invitations.named(None, &id).await?;
    let change = supervisor
        .change(AuditAction::PersonChanged, json!({"invited": name, "center_role": null}));
    invitations.end(token, None, change).await?;
    center::people(State(invitations.reads), State(invitations.clock), supervisor).await
}

/// The invitation in the path, if its link still works, and the name of its inviter.
pub struct Opened {
    invitation: Invitation,
    inviter: String,
}

impl FromRequestParts<AppState> for Opened {
    type Rejection = ApiError;
    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, ApiError> {
        let token = Path::<String>::from_request_parts(parts, app)
            .await
            .map_err(|_| ApiError::not_found())?;
        let (reads, clock) = (Arc::<dyn Reads>::from_ref(app), Arc::<Clock>::from_ref(app));
        let found = reads.invitation(identity::token_hash(&token), clock.now()).await?;
        let invitation = found.ok_or_else(ApiError::not_found)?;
        // An invitation ends when its inviter loses the right to invite.
        let may: Vec<Account> = match &invitation.scope {
            InvitationScope::Home(home, _) => {
                let members = reads.members(home).await?.into_iter();
                members
                    .filter(|(_, membership)| membership.may(Action::Configure))
                    .map(|(account, _)| account)
                    .collect()
            }
            InvitationScope::Center(_) => {
                let people = reads.center_people().await?.into_iter();
                people
                    .filter(|(_, role)| role.may(CenterAction::Lead))
                    .map(|(account, _)| account)
                    .collect()
            }
        };
        let inviter = may.into_iter().find(|account| account.id == invitation.inviter);
        Ok(Self { inviter: inviter.ok_or_else(ApiError::not_found)?.name, invitation })
    }
}

/// The inviter, and the place and role that the invitation is for.
#[utoipa::path(
    get,
    path = "/api/v1/invitations/{token}",
    tag = "session",
    params(("token" = String, Path)),
    responses((status = 200, body = InvitationAnswer), Problems),
)]
pub async fn one(
    State(homes): State<Arc<Homes>>,
    Opened { invitation, inviter }: Opened,
) -> Result<Json<InvitationAnswer>, ApiError> {
    let to = match invitation.scope {
        InvitationScope::Home(home, role) => InvitedTo::Home {
            name: homes.get(&home).ok_or_else(ApiError::not_found)?.name.clone(),
            role: role.into(),
        },
        InvitationScope::Center(role) => InvitedTo::Center { role: role.into() },
    };
    Ok(Json(InvitationAnswer { inviter, name: invitation.name, to }))
}

/// Accepts an invitation with a new account, and signs the account in.
#[utoipa::path(
    post,
    path = "/api/v1/invitations/{token}",
    tag = "session",
    params(("token" = String, Path)),
    request_body = Join,
    responses((status = 200, description = "Signed in; the cookie is set", body = SignedInAnswer), Problems),
)]
pub async fn join(
    State(signing_in): State<SigningIn>,
    cookie: SessionCookie,
    headers: HeaderMap,
    Opened { invitation, .. }: Opened,
    Body(asked): Body<Join>,
) -> Result<impl IntoResponse, ApiError> {
    let mut form = Form::default();
    let (name, email) =
        (form.line("name", &asked.name), form.line("email", &asked.email).to_lowercase());
    if !email.is_empty() && !is_email(&email) {
        form.wrong("email", ErrorCode::NotAnEmail);
    } else if signing_in.reads.account(&email).await?.is_some() {
        form.wrong("email", ErrorCode::Known);
    }
    let tries = Guess::Join(invitation.token);
    let password = signing_in.new_password(form, asked.password, &[&email, &name], &tries).await?;
    let account = Account { id: identity::new_account_id(), email, name, password };
    let (entry, accept) = joined(invitation, &account.id, signing_in.clock.now());
    let (free, put) = (Guard::EmailFree(account.email.clone()), Op::PutAccount(account.clone()));
    let first = |sign_in: Change| accept(sign_in.record_first(entry).guard(free).op(put));
    signing_in.begin(cookie, &headers, account, By::Password, first).await
}

/// Accepts an invitation with the account that is signed in.
#[utoipa::path(
    put,
    path = "/api/v1/invitations/{token}",
    tag = "session",
    params(("token" = String, Path)),
    responses((status = 204, description = "The home is theirs, too"), Problems),
)]
pub async fn accept(
    State(changes): State<Changes>,
    State(clock): State<Arc<Clock>>,
    signed_in: SignedIn,
    Opened { invitation, .. }: Opened,
) -> Result<StatusCode, ApiError> {
    let account = &signed_in.account.id;
    let is_new = match &invitation.scope {
        InvitationScope::Home(home, _) => Guard::IsNoMember(home.clone(), account.clone()),
        InvitationScope::Center(_) => Guard::CenterRoleIs(account.clone(), None),
    };
    let (entry, accept) = joined(invitation, account, clock.now());
    let stands = Guard::SessionStands(signed_in.session.token, clock.now());
    changes.apply(accept(Change::new(entry).guard(stands).guard(is_new))).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The audit record of an accepted invitation, and the rest of the change. If two people use the
/// link at the same time, only one of them joins.
fn joined(
    Invitation { token, scope, inviter, .. }: Invitation,
    account: &UserId,
    now: Timestamp,
) -> (AuditEntry, impl FnOnce(Change) -> Change + use<>) {
    let (home, op, detail) = match scope {
        InvitationScope::Home(home, role) => {
            let put = Op::PutMembership(
                home.clone(),
                account.clone(),
                Membership { role, sos_withdrawn: false },
            );
            (Some(home), put, json!({"person": account, "role": role, "invited_by": inviter}))
        }
        InvitationScope::Center(role) => {
            let set = Op::SetCenterRole(account.clone(), Some(role));
            (None, set, json!({"person": account, "center_role": role, "invited_by": inviter}))
        }
    };
    let end = Op::EndInvitation { token, home: home.clone() };
    let entry = AuditEntry {
        account: Some(account.clone()),
        home,
        ..AuditEntry::new(AuditAction::Joined, now, detail)
    };
    (entry, move |change| change.guard(Guard::InvitationOpen(token, now)).op(end).op(op))
}
