//! The people of a home and their roles, changed by its owners. Also the creation of the first
//! owner.

use super::{
    cookie::SessionCookie,
    errors::{ApiError, Problems},
    extract::{Body, Owner, ResourceId},
    household,
    session::{By, SigningIn},
};
use crate::{
    api::{
        audit::AuditAction,
        household::{EditResident, FirstRun, Household, Welcome},
        session::SignedIn,
    },
    domain::{
        access::{Membership, Role},
        home::{
            Home,
            edit::{ErrorCode, Form},
        },
        id::UserId,
    },
    server::{
        clock::Clock,
        identity::{self, attempts::Guess, first_owner::FirstOwner},
        state::AppState,
        store::{Account, AuditEntry, Change, Changes, Guard, Op, Reads},
    },
};
use axum::{Json, extract::State, http::HeaderMap, response::IntoResponse};
use serde_json::{Value, json};
use std::sync::Arc;
use utoipa_axum::{router::OpenApiRouter, routes};

/// The routes of a home's people, and of the first owner.
pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(edit, remove)).routes(routes!(first_run, welcome))
}

/// Changes a person's role and rights in a home.
#[utoipa::path(
    put,
    path = "/api/v1/homes/{home}/people/{person}",
    tag = "household",
    params(("home" = String, Path), ("person" = String, Path)),
    request_body = EditResident,
    responses((status = 200, body = Household), Problems),
)]
pub async fn edit(
    State(reads): State<Arc<dyn Reads>>,
    State(clock): State<Arc<Clock>>,
    State(changes): State<Changes>,
    owner: Owner,
    ResourceId(person): ResourceId<UserId>,
    Body(EditResident { role, sos_withdrawn }): Body<EditResident>,
) -> Result<Json<Household>, ApiError> {
    let membership = Membership { role, sos_withdrawn: sos_withdrawn && role == Role::Shared };
    let detail = json!({"person": person, "role": role, "sos_withdrawn": membership.sos_withdrawn});
    let change = of_person(&owner, &person, role == Role::Owner, detail);
    changes
        .apply(change.op(Op::PutMembership(owner.0.home.id.clone(), person, membership)))
        .await?;
    household::one(State(reads), State(clock), owner).await
}

/// Removes a person from the home. Their streams end.
#[utoipa::path(
    delete,
    path = "/api/v1/homes/{home}/people/{person}",
    tag = "household",
    params(("home" = String, Path), ("person" = String, Path)),
    responses((status = 200, body = Household), Problems),
)]
pub async fn remove(
    State(reads): State<Arc<dyn Reads>>,
    State(clock): State<Arc<Clock>>,
    State(changes): State<Changes>,
    owner: Owner,
    ResourceId(person): ResourceId<UserId>,
) -> Result<Json<Household>, ApiError> {
    let change = of_person(&owner, &person, false, json!({"person": person, "role": null}));
    changes.apply(change.op(Op::EndMembership(owner.0.home.id.clone(), person))).await?;
    household::one(State(reads), State(clock), owner).await
}

/// Creates a change of a person's role in the home. A home keeps at least one owner.
fn of_person(owner: &Owner, person: &UserId, stays_owner: bool, detail: Value) -> Change {
    let home = owner.0.home.id.clone();
    let change = owner
        .change(AuditAction::PersonChanged, detail)
        .guard(Guard::IsMember(home.clone(), person.clone()));
    if stays_owner { change } else { change.guard(Guard::HasOtherOwner(home, person.clone())) }
}

/// Whether the server still needs its first owner.
#[utoipa::path(
    get,
    path = "/api/v1/welcome",
    tag = "session",
    responses((status = 200, body = FirstRun), Problems),
)]
pub async fn first_run(State(first_owner): State<Arc<FirstOwner>>) -> Json<FirstRun> {
    Json(FirstRun { needed: first_owner.is_needed() })
}

/// Creates the first owner, with a home, and signs them in.
/// The token was printed where the server runs, and works only once.
#[utoipa::path(
    post,
    path = "/api/v1/welcome",
    tag = "session",
    request_body = Welcome,
    responses((status = 200, description = "Signed in; the cookie is set", body = SignedIn), Problems),
)]
pub async fn welcome(
    State(first_owner): State<Arc<FirstOwner>>,
    State(signing_in): State<SigningIn>,
    cookie: SessionCookie,
    headers: HeaderMap,
    Body(asked): Body<Welcome>,
) -> Result<impl IntoResponse, ApiError> {
    let token = identity::token_hash(&asked.token);
    if !first_owner.is_for(token) {
        return Err(Guard::NoAccounts.into());
    }
    let mut form = Form::default();
    let (name, home_name) = (form.line("name", &asked.name), form.line("home", &asked.home));
    let (email, time_zone) =
        (form.line("email", &asked.email).to_lowercase(), form.line("time_zone", &asked.time_zone));
    if !email.is_empty() && !is_email(&email) {
        form.wrong("email", ErrorCode::NotAnEmail);
    }
    let tries = Guess::Join(token);
    let password = signing_in.new_password(form, asked.password, &[&email, &name], &tries).await?;
    let account = Account { id: slug("owner"), email, name, password };
    let time_zone = crate::server::time_zone::known(&time_zone);
    let home = Home::new(slug("home"), home_name, time_zone);
    let id = home.id.clone();
    let entry = AuditEntry {
        account: Some(account.id.clone()),
        home: Some(id.clone()),
        ..AuditEntry::new(AuditAction::FirstOwner, signing_in.clock.now(), json!({}))
    };
    let membership = Membership { role: Role::Owner, sos_withdrawn: false };
    let ops = [
        Op::PutAccount(account.clone()),
        Op::PutHome { home: Arc::new(home), revision: 0 },
        Op::PutMembership(id, account.id.clone(), membership),
    ];
    let first = |sign_in: Change| sign_in.guard(Guard::NoAccounts).record_first(entry).ops(ops);
    signing_in.begin(cookie, &headers, account, By::Password, first).await
}

/// Whether the text has one local part, one `@`, one domain with a dot, and no spaces. Only a
/// delivered message could verify more.
pub(super) fn is_email(text: &str) -> bool {
    let parts = text.split_once('@');
    parts.is_some_and(|(local, domain)| {
        !local.is_empty()
            && !domain.contains('@')
            && domain.split('.').count() > 1
            && domain.split('.').all(|part| !part.is_empty())
    }) && !text.contains(char::is_whitespace)
}

fn slug<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().expect("these names are well-formed")
}
