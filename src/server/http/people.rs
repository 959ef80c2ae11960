//! Who may look at a home and ask for help there, changed by its owners; and the first owner of all.

use super::{
    answer::{Problems, Refused},
    cookie::SessionCookie,
    extract::{Body, Owner, Part},
    household::NotEdited,
    session::{self, By},
};
use crate::{
    api::{
        audit::Deed,
        household::{EditResident, FirstRun, Household, Welcome},
        problem::Code,
        session::SignedIn,
    },
    domain::{
        access::{Membership, Role},
        home::{
            Enrolment, Home, Plan, Settings, Subscription,
            edit::{Fault, Form, Wrong},
        },
        id::UserId,
    },
    server::{
        App, auth,
        store::{Account, Entry},
    },
};
use axum::{Json, extract::State, http::HeaderMap, response::IntoResponse};
use serde_json::{Value, json};
use std::sync::Arc;

/// Changes what somebody may do.
#[utoipa::path(put, path = "/api/v1/homes/{home}/people/{person}", tag = "household", params(("home" = String, Path), ("person" = String, Path)), request_body = EditResident, responses((status = 200, body = Household), Problems))]
pub async fn edit(
    State(app): State<Arc<App>>,
    owner: Owner,
    Part(person): Part<UserId>,
    Body(EditResident { role, sos_withdrawn }): Body<EditResident>,
) -> Result<Json<Household>, Refused> {
    // Whoever is given the right could request help at once: a device that may not gives it to nobody.
    owner.0.signed_in.is_free(&app)?;
    keeps_an_owner(&app, &owner, &person, role == Role::Owner).await?;
    let membership = Membership { role, sos_withdrawn: sos_withdrawn && role == Role::Shared };
    app.store.put_membership(&owner.0.home.id, &person, membership).await?;
    let detail = json!({"person": person, "role": role, "sos_withdrawn": membership.sos_withdrawn});
    told(app, owner, detail).await
}

/// Takes somebody out of the home. Their streams end.
#[utoipa::path(delete, path = "/api/v1/homes/{home}/people/{person}", tag = "household", params(("home" = String, Path), ("person" = String, Path)), responses((status = 200, body = Household), Problems))]
pub async fn remove(State(app): State<Arc<App>>, owner: Owner, Part(person): Part<UserId>) -> Result<Json<Household>, Refused> {
    keeps_an_owner(&app, &owner, &person, false).await?;
    app.store.end_membership(&owner.0.home.id, &person).await?;
    told(app, owner, json!({"person": person, "role": null})).await
}

pub(super) async fn told(app: Arc<App>, owner: Owner, detail: Value) -> Result<Json<Household>, Refused> {
    owner.0.signed_in.did(&app, Deed::PersonChanged, Some(&owner.0.home.id), detail).await?;
    app.sessions_changed.send_modify(|n| *n += 1);
    app.hub.home_changed(owner.0.home.id.clone());
    super::household::one(State(app), owner).await
}

/// A home keeps at least one owner, and only its own people are changed.
async fn keeps_an_owner(app: &App, owner: &Owner, person: &UserId, stays_owner: bool) -> Result<(), Refused> {
    let people = app.store.members(&owner.0.home.id).await?;
    if !people.iter().any(|(account, _)| account.id == *person) {
        return Err(Refused::not_found());
    }
    let others = people.iter().filter(|(account, membership)| account.id != *person && membership.role == Role::Owner).count();
    if others == 0 && !stays_owner {
        return Err(NotEdited::Wrong(vec![Wrong { field: "role".into(), fault: Fault::LastOwner }]).into());
    }
    Ok(())
}

/// Whether the first owner is still to come.
#[utoipa::path(get, path = "/api/v1/welcome", tag = "session", responses((status = 200, body = FirstRun), Problems))]
pub async fn first_run(State(app): State<Arc<App>>) -> Json<FirstRun> {
    Json(FirstRun { needed: app.welcome.lock().await.is_some() })
}

/// Makes the first owner, with a home, and signs them in. The token was printed where the server runs, and works once.
#[utoipa::path(post, path = "/api/v1/welcome", tag = "session", request_body = Welcome, responses((status = 200, description = "Signed in; the cookie is set", body = SignedIn), Problems))]
pub async fn welcome(
    State(app): State<Arc<App>>,
    cookie: SessionCookie,
    headers: HeaderMap,
    Body(asked): Body<Welcome>,
) -> Result<impl IntoResponse, Refused> {
    let mut token = app.welcome.lock().await;
    if *token != Some(auth::token_hash(&asked.token)) {
        return Err(Refused::new(Code::NotAllowed, "That is not the token that the server printed when it started, or it was used."));
    }
    let mut form = Form::default();
    let (name, home_name) = (form.line("name", &asked.name), form.line("home", &asked.home));
    let (email, time_zone) = (form.line("email", &asked.email).to_lowercase(), form.line("time_zone", &asked.time_zone));
    if !email.is_empty() && !is_email(&email) {
        form.wrong("email", Fault::NotAnEmail);
    }
    if let Some(fault) = auth::password::wrong_length(&asked.password) {
        form.wrong("password", fault);
    }
    form.done(()).map_err(NotEdited::Wrong)?;
    if let Some(fault) = auth::judged(&asked.password, &[&email, &name]).await? {
        return Err(NotEdited::Wrong(vec![Wrong { field: "password".into(), fault }]).into());
    }
    let password = auth::hashed(asked.password).await?;
    let account = Account { id: slug("owner"), email, name, password };
    let home = first_home(home_name, crate::server::time_zone::known(&time_zone));
    let id = home.id.clone();
    app.store.put_account(&account).await?;
    app.homes.put(&*app.store, home).await?;
    app.store.put_membership(&id, &account.id, Membership { role: Role::Owner, sos_withdrawn: false }).await?;
    *token = None;
    let entry = Entry { account: Some(account.id.clone()), home: Some(id), ..Entry::new(Deed::FirstOwner, app.clock.now(), json!({})) };
    app.store.record(&entry).await?;
    session::begin(&app, cookie, &headers, account, By::Password).await
}

/// One local part, one `@`, one domain with a dot, no spaces: the rest is told by a message that arrives.
pub(super) fn is_email(text: &str) -> bool {
    let parts = text.split_once('@');
    parts.is_some_and(|(local, domain)| {
        !local.is_empty() && !domain.contains('@') && domain.split('.').count() > 1 && domain.split('.').all(|part| !part.is_empty())
    }) && !text.contains(char::is_whitespace)
}

/// What a server of one's own gives to its first home.
fn first_home(name: String, time_zone: String) -> Home {
    Home {
        id: slug("home"),
        name,
        time_zone,
        address: None,
        subscription: Subscription { plan: Plan::HomePremium, professional_monitoring: true, sos_for_cameras: Enrolment::NotEnrolled },
        settings: Settings::default(),
        devices: Vec::new(),
        cameras: Vec::new(),
        contacts: Vec::new(),
        verbal_password: None,
        changes: Vec::new(),
        wires: Vec::new(),
        notes: Default::default(),
    }
}

fn slug<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().expect("these names are well-formed")
}
