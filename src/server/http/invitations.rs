//! Invitations: an owner makes a link into the home, a supervisor one to the monitoring center, and whoever has it comes in once, with a
//! new account or with their own.

use super::{
    answer::{Problems, Refused},
    center,
    cookie::SessionCookie,
    extract::{Body, Named, Owner, Part, SignedIn, Supervisor, Unrestricted, session_name},
    household::NotEdited,
    people::is_email,
    session::{self, By},
};
use crate::{
    api::{
        audit::Deed,
        center::CenterPeople,
        household::Household,
        invitations::{Invitation as InvitationAnswer, InvitationLink, Invite, Invited, InvitedTo, Join},
        session::SignedIn as SignedInAnswer,
    },
    domain::{
        access::{Action, CenterAction, CenterRole, Membership, Role, Seat},
        home::edit::{Fault, Form, Wrong},
        id::{HomeId, UserId},
    },
    server::{
        App, auth,
        store::{Account, Change, Entry, Guard, Invitation, Op},
    },
};
use axum::{
    Json,
    extract::{FromRequestParts, Path, State},
    http::{HeaderMap, StatusCode, request::Parts},
    response::IntoResponse,
};
use serde::Serialize;
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};

/// How long a link works.
const LASTS: Duration = Duration::from_secs(7 * 24 * 3_600);
/// The most open invitations into a home, and to the center.
const MOST: u32 = 20;

/// Invites somebody: a link, shown this once, that works for a week and for one person.
#[utoipa::path(post, path = "/api/v1/homes/{home}/invitations", tag = "household", params(("home" = String, Path)), request_body = Invite<Role>, responses((status = 200, body = InvitationLink), Problems))]
pub async fn invite(State(app): State<Arc<App>>, owner: Owner, Body(asked): Body<Invite<Role>>) -> Result<Json<InvitationLink>, Refused> {
    let seat = Seat::Home(owner.0.home.id.clone(), asked.role);
    make(&app, &owner.0.signed_in, seat, &asked, |detail| owner.change(&app, Deed::Invited, detail)).await
}

/// Invites somebody to work at the center: a link, shown this once, that works for a week and for one person.
#[utoipa::path(post, path = "/api/v1/center/invitations", tag = "center", request_body = Invite<CenterRole>, responses((status = 200, body = InvitationLink), Problems))]
pub async fn invite_to_center(
    State(app): State<Arc<App>>,
    supervisor: Supervisor,
    Body(asked): Body<Invite<CenterRole>>,
) -> Result<Json<InvitationLink>, Refused> {
    make(&app, &supervisor.0, Seat::Center(asked.role), &asked, |detail| supervisor.change(&app, Deed::Invited, detail)).await
}

async fn make<R: Serialize>(
    app: &App,
    by: &SignedIn,
    seat: Seat,
    asked: &Invite<R>,
    change: impl FnOnce(Value) -> Change,
) -> Result<Json<InvitationLink>, Refused> {
    // Whoever comes in could request help, or decide on it, at once: a device that may not does not let anybody in.
    by.is_free(app)?;
    let mut form = Form::default();
    let (name, now) = (form.line("name", &asked.name), app.clock.now());
    form.done(()).map_err(NotEdited::Wrong)?;
    let token = auth::new_token();
    let home = if let Seat::Home(home, _) = &seat { Some(home.clone()) } else { None };
    let change = change(json!({"invited": name, "role": asked.role})).guard(Guard::FewerInvitations(home, now, MOST));
    let invitation = Invitation { token: auth::token_hash(&token), seat, name, inviter: by.account.id.clone(), expires_at: now + LASTS };
    app.changes.apply(change.op(Op::PutInvitation(invitation))).await?;
    Ok(Json(InvitationLink { path: format!("/invite/{token}") }))
}

/// The invitations into a home that nobody has taken yet.
pub(super) async fn into_home(app: &App, home: &HomeId) -> Result<Vec<Invited<Role>>, Refused> {
    let role = |seat: &Seat| if let Seat::Home(_, role) = seat { Some(*role) } else { None };
    Ok(told_as(app.reads.invitations(Some(home), app.clock.now()).await?, role))
}

/// The invitations to the center that nobody has taken yet.
pub(super) async fn to_center(app: &App) -> Result<Vec<Invited<CenterRole>>, Refused> {
    let role = |seat: &Seat| if let Seat::Center(role) = seat { Some(*role) } else { None };
    Ok(told_as(app.reads.invitations(None, app.clock.now()).await?, role))
}

fn told_as<R>(all: Vec<Invitation>, role: impl Fn(&Seat) -> Option<R>) -> Vec<Invited<R>> {
    let told = |i: Invitation| Some(Invited { id: session_name(&i.token), role: role(&i.seat)?, name: i.name, expires_at: i.expires_at });
    all.into_iter().filter_map(told).collect()
}

/// Takes an invitation back: its link works no more.
#[utoipa::path(delete, path = "/api/v1/homes/{home}/invitations/{invitation}", tag = "household", params(("home" = String, Path), ("invitation" = String, Path)), responses((status = 200, body = Household), Problems))]
pub async fn withdraw(State(app): State<Arc<App>>, owner: Owner, Part(id): Part<String>) -> Result<Json<Household>, Refused> {
    let home = &owner.0.home.id;
    let Invitation { token, name, .. } = named(&app, Some(home), &id).await?;
    let change = owner.change(&app, Deed::PersonChanged, json!({"invited": name, "role": null}));
    app.changes.apply(change.guard(Guard::InvitationStands(token, app.clock.now())).op(Op::EndInvitation(token))).await?;
    app.hub.home_changed(home.clone());
    super::household::one(State(app), owner).await
}

/// Takes an invitation to the center back: its link works no more.
#[utoipa::path(delete, path = "/api/v1/center/invitations/{invitation}", tag = "center", params(("invitation" = String, Path)), responses((status = 200, body = CenterPeople), Problems))]
pub async fn withdraw_from_center(
    State(app): State<Arc<App>>,
    supervisor: Supervisor,
    Named(id): Named<String>,
) -> Result<Json<CenterPeople>, Refused> {
    let Invitation { token, name, .. } = named(&app, None, &id).await?;
    let change = supervisor.change(&app, Deed::PersonChanged, json!({"invited": name, "center_role": null}));
    app.changes.apply(change.guard(Guard::InvitationStands(token, app.clock.now())).op(Op::EndInvitation(token))).await?;
    center::people(State(app), supervisor).await
}

/// The invitation of that short name.
async fn named(app: &App, home: Option<&HomeId>, id: &str) -> Result<Invitation, Refused> {
    let all = app.reads.invitations(home, app.clock.now()).await?;
    all.into_iter().find(|i| session_name(&i.token) == id).ok_or_else(Refused::not_found)
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
        let found = app.reads.invitation(auth::token_hash(&token), app.clock.now()).await?;
        let invitation = found.ok_or_else(Refused::not_found)?;
        // Whoever might invite then and may not now invites nobody.
        let may: Vec<Account> = match &invitation.seat {
            Seat::Home(home, _) => {
                let members = app.reads.members(home).await?.into_iter();
                members.filter(|(_, membership)| membership.may(Action::Configure)).map(|(account, _)| account).collect()
            }
            Seat::Center(_) => {
                let people = app.reads.center_people().await?.into_iter();
                people.filter(|(_, role)| role.may(CenterAction::Lead)).map(|(account, _)| account).collect()
            }
        };
        let inviter = may.into_iter().find(|account| account.id == invitation.inviter);
        Ok(Self { inviter: inviter.ok_or_else(Refused::not_found)?.name, invitation })
    }
}

/// Who invites, to what.
#[utoipa::path(get, path = "/api/v1/invitations/{token}", tag = "session", params(("token" = String, Path)), responses((status = 200, body = InvitationAnswer), Problems))]
pub async fn one(State(app): State<Arc<App>>, Opened { invitation, inviter }: Opened) -> Result<Json<InvitationAnswer>, Refused> {
    let to = match invitation.seat {
        Seat::Home(home, role) => InvitedTo::Home { name: app.homes.get(&home).ok_or_else(Refused::not_found)?.name.clone(), role },
        Seat::Center(role) => InvitedTo::Center { role },
    };
    Ok(Json(InvitationAnswer { inviter, name: invitation.name, to }))
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
    } else if app.reads.account(&email).await?.is_some() {
        form.wrong("email", Fault::Known);
    }
    if let Some(fault) = auth::password::wrong_length(&asked.password) {
        form.wrong("password", fault);
    }
    form.done(()).map_err(NotEdited::Wrong)?;
    if let Some(fault) = app.hashing.sign_in.judged(&asked.password, &[&email, &name]).await? {
        return Err(NotEdited::Wrong(vec![Wrong { field: "password".into(), fault }]).into());
    }
    let password = app.hashing.sign_in.hashed(asked.password).await?;
    let account = Account { id: auth::new_account_id(), email, name, password };
    let (entry, come_in) = joined(&app, invitation, &account.id);
    let (free, put) = (Guard::EmailFree(account.email.clone()), Op::PutAccount(account.clone()));
    let first = |sign_in: Change| come_in(sign_in.record_first(entry).guard(free).op(put));
    session::begin(&app, cookie, &headers, account, By::Password, first).await
}

/// Takes an invitation with the account that is signed in.
#[utoipa::path(put, path = "/api/v1/invitations/{token}", tag = "session", params(("token" = String, Path)), responses((status = 204, description = "The home is theirs, too"), Problems))]
pub async fn accept(
    State(app): State<Arc<App>>,
    Unrestricted(signed_in): Unrestricted,
    Opened { invitation, .. }: Opened,
) -> Result<StatusCode, Refused> {
    let account = &signed_in.account.id;
    let is_new = match &invitation.seat {
        Seat::Home(home, _) => Guard::IsNoMember(home.clone(), account.clone()),
        Seat::Center(_) => Guard::CenterRoleIs(account.clone(), None),
    };
    let (entry, come_in) = joined(&app, invitation, account);
    app.changes.apply(come_in(Change::new(entry).guard(is_new))).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The record of an invitation that is used, and what is done then. Of two who use it at the same time one comes in.
fn joined(
    app: &App,
    Invitation { token, seat, inviter, .. }: Invitation,
    account: &UserId,
) -> (Entry, impl FnOnce(Change) -> Change + use<>) {
    let now = app.clock.now();
    let (home, op, detail) = match seat {
        Seat::Home(home, role) => {
            let put = Op::PutMembership(home.clone(), account.clone(), Membership { role, sos_withdrawn: false });
            (Some(home), put, json!({"person": account, "role": role, "invited_by": inviter}))
        }
        Seat::Center(role) => {
            let set = Op::SetCenterRole(account.clone(), Some(role));
            (None, set, json!({"person": account, "center_role": role, "invited_by": inviter}))
        }
    };
    let entry = Entry { account: Some(account.clone()), home, ..Entry::new(Deed::Joined, now, detail) };
    (entry, move |change| change.guard(Guard::InvitationOpen(token, now)).op(Op::EndInvitation(token)).op(op))
}
