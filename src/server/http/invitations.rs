//! Invitations: an owner makes a link into the home, a supervisor one to the monitoring center, and whoever has it comes in once, with a
//! new account or with their own.

use super::{
    answer::{Problems, Refused},
    center,
    cookie::SessionCookie,
    extract::{Body, Member, Named, Owner, Part, SignedIn, Supervisor, Unrestricted, session_name},
    household::NotEdited,
    people::{is_email, told},
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
        store::{Account, Entry, Invitation},
    },
};
use axum::{
    Json,
    extract::{FromRequestParts, Path, State},
    http::{HeaderMap, StatusCode, request::Parts},
    response::IntoResponse,
};
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};

/// How long a link works.
const LASTS: Duration = Duration::from_secs(7 * 24 * 3_600);
/// The most open invitations into a home, and to the center.
const MOST: usize = 20;

/// Invites somebody: a link, shown this once, that works for a week and for one person.
#[utoipa::path(post, path = "/api/v1/homes/{home}/invitations", tag = "household", params(("home" = String, Path)), request_body = Invite<Role>, responses((status = 200, body = InvitationLink), Problems))]
pub async fn invite(State(app): State<Arc<App>>, owner: Owner, Body(asked): Body<Invite<Role>>) -> Result<Json<InvitationLink>, Refused> {
    let Member { signed_in, home, .. } = owner.0;
    make(&app, &signed_in, Some(&home.id), Seat::Home(home.id.clone(), asked.role), &asked.name, json!(asked.role)).await
}

/// Invites somebody to work at the center: a link, shown this once, that works for a week and for one person.
#[utoipa::path(post, path = "/api/v1/center/invitations", tag = "center", request_body = Invite<CenterRole>, responses((status = 200, body = InvitationLink), Problems))]
pub async fn invite_to_center(
    State(app): State<Arc<App>>,
    Supervisor(signed_in): Supervisor,
    Body(asked): Body<Invite<CenterRole>>,
) -> Result<Json<InvitationLink>, Refused> {
    make(&app, &signed_in, None, Seat::Center(asked.role), &asked.name, json!(asked.role)).await
}

async fn make(
    app: &App,
    by: &SignedIn,
    home: Option<&HomeId>,
    seat: Seat,
    name: &str,
    role: Value,
) -> Result<Json<InvitationLink>, Refused> {
    // Whoever comes in could request help, or decide on it, at once: a device that may not does not let anybody in.
    by.is_free(app)?;
    let mut form = Form::default();
    let (name, now) = (form.line("name", name), app.clock.now());
    if app.store.invitations(home, now).await?.len() >= MOST {
        form.wrong("name", Fault::TooMany);
    }
    form.done(()).map_err(NotEdited::Wrong)?;
    let token = auth::new_token();
    let detail = json!({"invited": name, "role": role});
    let invitation = Invitation { token: auth::token_hash(&token), seat, name, inviter: by.account.id.clone(), expires_at: now + LASTS };
    app.store.put_invitation(&invitation).await?;
    by.did(app, Deed::Invited, home, detail).await?;
    Ok(Json(InvitationLink { path: format!("/invite/{token}") }))
}

/// The invitations into a home that nobody has taken yet.
pub(super) async fn into_home(app: &App, home: &HomeId) -> Result<Vec<Invited<Role>>, Refused> {
    let role = |seat: &Seat| if let Seat::Home(_, role) = seat { Some(*role) } else { None };
    Ok(told_as(app.store.invitations(Some(home), app.clock.now()).await?, role))
}

/// The invitations to the center that nobody has taken yet.
pub(super) async fn to_center(app: &App) -> Result<Vec<Invited<CenterRole>>, Refused> {
    let role = |seat: &Seat| if let Seat::Center(role) = seat { Some(*role) } else { None };
    Ok(told_as(app.store.invitations(None, app.clock.now()).await?, role))
}

fn told_as<R>(all: Vec<Invitation>, role: impl Fn(&Seat) -> Option<R>) -> Vec<Invited<R>> {
    let told = |i: Invitation| Some(Invited { id: session_name(&i.token), role: role(&i.seat)?, name: i.name, expires_at: i.expires_at });
    all.into_iter().filter_map(told).collect()
}

/// Takes an invitation back: its link works no more.
#[utoipa::path(delete, path = "/api/v1/homes/{home}/invitations/{invitation}", tag = "household", params(("home" = String, Path), ("invitation" = String, Path)), responses((status = 200, body = Household), Problems))]
pub async fn withdraw(State(app): State<Arc<App>>, owner: Owner, Part(id): Part<String>) -> Result<Json<Household>, Refused> {
    let name = take_back(&app, Some(&owner.0.home.id), &id).await?;
    told(app, owner, json!({"invited": name, "role": null})).await
}

/// Takes an invitation to the center back: its link works no more.
#[utoipa::path(delete, path = "/api/v1/center/invitations/{invitation}", tag = "center", params(("invitation" = String, Path)), responses((status = 200, body = CenterPeople), Problems))]
pub async fn withdraw_from_center(
    State(app): State<Arc<App>>,
    supervisor: Supervisor,
    Named(id): Named<String>,
) -> Result<Json<CenterPeople>, Refused> {
    let name = take_back(&app, None, &id).await?;
    supervisor.0.did(&app, Deed::PersonChanged, None, json!({"invited": name, "center_role": null})).await?;
    center::people(State(app), supervisor).await
}

/// Ends the invitation of that short name, and tells whom it was for.
async fn take_back(app: &App, home: Option<&HomeId>, id: &str) -> Result<String, Refused> {
    let all = app.store.invitations(home, app.clock.now()).await?;
    let found = all.into_iter().find(|i| session_name(&i.token) == id).ok_or_else(Refused::not_found)?;
    app.store.end_invitation(found.token).await?;
    Ok(found.name)
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
        // Whoever might invite then and may not now invites nobody.
        let may: Vec<Account> = match &invitation.seat {
            Seat::Home(home, _) => {
                let members = app.store.members(home).await?.into_iter();
                members.filter(|(_, membership)| membership.may(Action::Configure)).map(|(account, _)| account).collect()
            }
            Seat::Center(_) => {
                let people = app.store.center_people().await?.into_iter();
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
    } else if app.store.account(&email).await?.is_some() {
        form.wrong("email", Fault::Known);
    }
    if let Some(fault) = auth::password::wrong_length(&asked.password) {
        form.wrong("password", fault);
    }
    form.done(()).map_err(NotEdited::Wrong)?;
    if let Some(fault) = auth::judged(&asked.password, &[&email, &name]).await? {
        return Err(NotEdited::Wrong(vec![Wrong { field: "password".into(), fault }]).into());
    }
    let password = auth::hashed(asked.password).await?;
    let account = Account { id: auth::new_account_id(), email, name, password };
    take(&app, &invitation).await?;
    app.store.put_account(&account).await?;
    come_in(&app, invitation, &account.id).await?;
    session::begin(&app, cookie, &headers, account, By::Password).await
}

/// Takes an invitation with the account that is signed in.
#[utoipa::path(put, path = "/api/v1/invitations/{token}", tag = "session", params(("token" = String, Path)), responses((status = 204, description = "The home is theirs, too"), Problems))]
pub async fn accept(
    State(app): State<Arc<App>>,
    Unrestricted(signed_in): Unrestricted,
    Opened { invitation, .. }: Opened,
) -> Result<StatusCode, Refused> {
    let account = &signed_in.account.id;
    let there = match &invitation.seat {
        Seat::Home(home, _) => app.store.membership(home, account).await?.map(|_| "You belong to this home already."),
        Seat::Center(_) => app.store.center_role(account).await?.map(|_| "You work at the monitoring center already."),
    };
    if let Some(there) = there {
        return Err(Refused::field("invitation", there));
    }
    take(&app, &invitation).await?;
    come_in(&app, invitation, account).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Of two who take it at the same time one does.
async fn take(app: &App, invitation: &Invitation) -> Result<(), Refused> {
    app.store.end_invitation(invitation.token).await?.then_some(()).ok_or_else(Refused::not_found)
}

async fn come_in(app: &App, Invitation { seat, inviter, .. }: Invitation, account: &UserId) -> Result<(), Refused> {
    let (home, detail) = match seat {
        Seat::Home(home, role) => {
            app.store.put_membership(&home, account, Membership { role, sos_withdrawn: false }).await?;
            (Some(home), json!({"person": account, "role": role, "invited_by": inviter}))
        }
        Seat::Center(role) => {
            app.store.put_center_role(account, Some(role)).await?;
            (None, json!({"person": account, "center_role": role, "invited_by": inviter}))
        }
    };
    let entry = Entry { account: Some(account.clone()), home: home.clone(), ..Entry::new(Deed::Joined, app.clock.now(), detail) };
    app.store.record(&entry).await?;
    if let Some(home) = home {
        app.hub.home_changed(home);
    }
    Ok(())
}
