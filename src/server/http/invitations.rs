//! Invitations: an owner makes a link, and whoever has it comes in once, with a new account or with their own.

use super::{
    answer::{Problems, Refused},
    cookie::SessionCookie,
    extract::{Body, Owner, SignedIn, session_name},
    household::NotEdited,
    people::{is_email, told},
    session::{self, By},
};
use crate::{
    api::{
        audit::Deed,
        household::Household,
        invitations::{Invitation as InvitationAnswer, InvitationLink, Invite, Invited, Join},
        session::SignedIn as SignedInAnswer,
    },
    domain::{
        access::{Membership, Role},
        home::edit::{Fault, Form},
        id::UserId,
    },
    server::{
        App, auth,
        store::{Account, Entry, Invitation},
    },
};
use axum::{
    Json,
    extract::{FromRequestParts, Path, State},
    http::{HeaderMap, StatusCode, request::Parts},
    response::IntoResponse,
};
use serde_json::json;
use std::{sync::Arc, time::Duration};

/// How long a link works.
const LASTS: Duration = Duration::from_secs(7 * 24 * 3_600);
/// The most open invitations of a home.
const MOST: usize = 20;

/// Invites somebody: a link, shown this once, that works for a week and for one person.
#[utoipa::path(post, path = "/api/v1/homes/{home}/invitations", tag = "household", params(("home" = String, Path)), request_body = Invite, responses((status = 200, body = InvitationLink), Problems))]
pub async fn invite(State(app): State<Arc<App>>, owner: Owner, Body(asked): Body<Invite>) -> Result<Json<InvitationLink>, Refused> {
    let member = &owner.0;
    // Whoever comes in could request help at once: a device that may not does not let anybody in.
    member.signed_in.is_free(&app)?;
    let mut form = Form::default();
    let (name, now, home) = (form.line("name", &asked.name), app.clock.now(), member.home.id.clone());
    if app.store.invitations(&home, now).await?.len() >= MOST {
        form.wrong("name", Fault::TooMany);
    }
    form.done(()).map_err(NotEdited::Wrong)?;
    let token = auth::new_token();
    let inviter = member.signed_in.account.id.clone();
    let invitation = Invitation { token: auth::token_hash(&token), home, role: asked.role, name, inviter, expires_at: now + LASTS };
    app.store.put_invitation(&invitation).await?;
    let detail = json!({"invited": invitation.name, "role": invitation.role});
    member.signed_in.did(&app, Deed::Invited, Some(&member.home.id), detail).await?;
    Ok(Json(InvitationLink { path: format!("/invite/{token}") }))
}

/// The invitations of a home that nobody has taken yet.
pub(super) async fn open(app: &App, owner: &Owner) -> Result<Vec<Invited>, Refused> {
    let all = app.store.invitations(&owner.0.home.id, app.clock.now()).await?;
    let told = |i: Invitation| Invited { id: session_name(&i.token), name: i.name, role: i.role, expires_at: i.expires_at };
    Ok(all.into_iter().map(told).collect())
}

/// Takes an invitation back: its link works no more.
#[utoipa::path(delete, path = "/api/v1/homes/{home}/invitations/{invitation}", tag = "household", params(("home" = String, Path), ("invitation" = String, Path)), responses((status = 200, body = Household), Problems))]
pub async fn withdraw(
    State(app): State<Arc<App>>,
    owner: Owner,
    Path((_, id)): Path<(String, String)>,
) -> Result<Json<Household>, Refused> {
    let all = app.store.invitations(&owner.0.home.id, app.clock.now()).await?;
    let found = all.iter().find(|i| session_name(&i.token) == id).ok_or_else(Refused::not_found)?;
    app.store.end_invitation(found.token).await?;
    told(app, owner, json!({"invited": found.name, "role": null})).await
}

/// Whoever has the link of an invitation that still works, and the name of who invites.
pub struct Opened {
    invitation: Invitation,
    inviter: String,
}

impl FromRequestParts<Arc<App>> for Opened {
    type Rejection = Refused;
    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Refused> {
        let token = Path::<String>::from_request_parts(parts, app).await.map_err(|_| Refused::not_found())?;
        let found = app.store.invitation(auth::token_hash(&token), app.clock.now()).await?;
        let invitation = found.ok_or_else(Refused::not_found)?;
        // Whoever owned the home then and does not now invites nobody.
        let owners = app.store.members(&invitation.home).await?.into_iter().filter(|(_, membership)| membership.role == Role::Owner);
        let inviter = owners.map(|(account, _)| account).find(|account| account.id == invitation.inviter);
        Ok(Self { inviter: inviter.ok_or_else(Refused::not_found)?.name, invitation })
    }
}

/// Who invites, to what.
#[utoipa::path(get, path = "/api/v1/invitations/{token}", tag = "session", params(("token" = String, Path)), responses((status = 200, body = InvitationAnswer), Problems))]
pub async fn one(State(app): State<Arc<App>>, Opened { invitation, inviter }: Opened) -> Result<Json<InvitationAnswer>, Refused> {
    let Invitation { home, role, name, .. } = invitation;
    let home = app.homes.get(&home).ok_or_else(Refused::not_found)?.name.clone();
    Ok(Json(InvitationAnswer { inviter, home, name, role }))
}

/// Takes an invitation with a new account, and signs it in.
#[utoipa::path(post, path = "/api/v1/invitations/{token}", tag = "session", params(("token" = String, Path)), request_body = Join, responses((status = 200, description = "Signed in; the cookie is set", body = SignedInAnswer), Problems))]
pub async fn join(
    State(app): State<Arc<App>>,
    cookie: SessionCookie,
    headers: HeaderMap,
    Opened { invitation, .. }: Opened,
    Body(asked): Body<Join>,
) -> Result<impl IntoResponse, Refused> {
    let mut form = Form::default();
    let (name, email) = (form.line("name", &asked.name), form.line("email", &asked.email).to_lowercase());
    if !email.is_empty() && !is_email(&email) {
        form.wrong("email", Fault::NotAnEmail);
    } else if app.store.account(&email).await?.is_some() {
        form.wrong("email", Fault::Known);
    }
    if let Some(fault) = auth::password::fault(&asked.password, &[&email, &name]) {
        form.wrong("password", fault);
    }
    form.done(()).map_err(NotEdited::Wrong)?;
    let password = auth::hashed(asked.password).await?;
    let account = Account { id: auth::new_account_id(), email, name, password };
    take(&app, &invitation).await?;
    app.store.put_account(&account).await?;
    come_in(&app, invitation, &account.id).await?;
    session::begin(&app, cookie, &headers, account, By::Password).await
}

/// Takes an invitation with the account that is signed in.
#[utoipa::path(put, path = "/api/v1/invitations/{token}", tag = "session", params(("token" = String, Path)), responses((status = 204, description = "The home is theirs, too"), Problems))]
pub async fn accept(State(app): State<Arc<App>>, signed_in: SignedIn, Opened { invitation, .. }: Opened) -> Result<StatusCode, Refused> {
    if app.store.membership(&invitation.home, &signed_in.account.id).await?.is_some() {
        return Err(Refused::field("invitation", "You belong to this home already."));
    }
    take(&app, &invitation).await?;
    come_in(&app, invitation, &signed_in.account.id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Of two who take it at the same time one does.
async fn take(app: &App, invitation: &Invitation) -> Result<(), Refused> {
    app.store.end_invitation(invitation.token).await?.then_some(()).ok_or_else(Refused::not_found)
}

async fn come_in(app: &App, invitation: Invitation, account: &UserId) -> Result<(), Refused> {
    let Invitation { home, role, inviter, .. } = invitation;
    app.store.put_membership(&home, account, Membership { role, sos_withdrawn: false }).await?;
    let detail = json!({"person": account, "role": role, "invited_by": inviter});
    let entry = Entry { account: Some(account.clone()), home: Some(home.clone()), ..Entry::new(Deed::Joined, app.clock.now(), detail) };
    app.store.record(&entry).await?;
    app.hub.home_changed(home);
    Ok(())
}
