//! What owners change of their home. Each change answers with the whole home, and every listener is told.

use super::{
    answer::{Problems, Refused},
    audit,
    extract::{Body, Owner, Part, held_until},
};
use crate::{
    api::{
        audit::Deed,
        home::HomeAnswer,
        household::{
            AskVerbalPassword, ContactLink, Counted, EditAddress, EditContact, EditContacts, EditHolding, EditSettings, EditVerbalPassword,
            Enroll, Household, Known, Rename, Resident, Stream,
        },
        problem::{Code, Problem},
    },
    domain::{
        contact::{Contact, Readiness},
        home::{
            Home, ResponderNotes,
            edit::{Fault, Form, WrittenContact, Wrongs},
            undo::NotUndone,
        },
        id::ContactId,
    },
    server::{
        App,
        auth::{self, attempts::Guess},
        phone::number::e164,
        store::{ChangeError, Entry, Op},
    },
};
use axum::{Json, extract::State};
use serde_json::json;
use std::sync::Arc;

/// The least that a verbal password has, characters: it is spoken, and a wrong one ends the call.
const VERBAL_LEAST: usize = 4;

/// Why an edit did not happen.
pub(super) enum NotEdited {
    /// Fields are wrong.
    Wrong(Wrongs),
    /// It could not be stored.
    Change(ChangeError),
    /// What was to be edited is not there.
    Gone,
}

impl From<Wrongs> for NotEdited {
    fn from(wrongs: Wrongs) -> Self {
        Self::Wrong(wrongs)
    }
}

impl From<ChangeError> for NotEdited {
    fn from(error: ChangeError) -> Self {
        Self::Change(error)
    }
}

impl From<NotEdited> for Refused {
    fn from(not: NotEdited) -> Self {
        match not {
            NotEdited::Wrong(wrongs) => Self(Problem::fields(wrongs)),
            NotEdited::Change(error) => error.into(),
            NotEdited::Gone => Self::not_found(),
        }
    }
}

/// Changes the owner's home and answers with the home as it is now.
pub(super) async fn edited<T, E: Into<NotEdited>>(
    app: &App,
    owner: &Owner,
    edit: impl Fn(&mut Home) -> Result<T, E>,
) -> Result<Json<HomeAnswer>, Refused> {
    let member = &owner.0;
    let id = &member.home.id;
    let change = |home: &mut Home| {
        let before = home.clone();
        edit(home).map_err(Into::into)?;
        let who = &member.signed_in.account;
        home.note_changes(&before, &who.id, &who.name, app.clock.now());
        let detail = audit::changes(&before, home);
        Ok::<_, NotEdited>(((), owner.change(app, Deed::HomeChanged, detail)))
    };
    app.homes.edit(&app.changes, id, change).await?.ok_or_else(Refused::not_found)?;
    let home = app.homes.get(id).ok_or_else(Refused::not_found)?;
    Ok(Json(app.tell_home(&home, member.membership, held_until(&home, member.signed_in.session.held_until, app.clock.now())).await?))
}

/// What only owners see.
#[utoipa::path(get, path = "/api/v1/homes/{home}/household", tag = "household", params(("home" = String, Path)), responses((status = 200, body = Household), Problems))]
pub async fn one(State(app): State<Arc<App>>, owner: Owner) -> Result<Json<Household>, Refused> {
    let invitations = super::invitations::into_home(&app, &owner.0.home.id).await?;
    let member = owner.0;
    let people = app.reads.members(&member.home.id).await?.into_iter().map(|(account, membership)| Resident {
        you: account.id == member.signed_in.account.id,
        id: account.id,
        name: account.name,
        email: account.email,
        role: membership.role,
        sos_withdrawn: membership.sos_withdrawn,
    });
    let stream = |c: &crate::domain::camera::Camera| {
        let (has_login, keep) = (c.login.is_some(), c.keep);
        c.stream.as_ref().map(|s| Stream {
            camera: c.id.clone(),
            address: s.as_str().into(),
            small: c.small.as_ref().map(|small| small.as_str().into()).unwrap_or_default(),
            has_login,
            keep,
        })
    };
    let (password, now) = (member.home.verbal_password_required(), app.clock.now());
    let counted = |c: &Contact| Counted { name: c.name.clone(), standing: c.standing(password, now) };
    Ok(Json(Household {
        people: people.collect(),
        invitations,
        streams: member.home.cameras.iter().filter_map(stream).collect(),
        contacts: member.home.contacts.iter().map(counted).collect(),
        notes: member.home.notes.clone(),
        verbal_password_set: member.home.verbal_password.is_some(),
    }))
}

/// Names the home.
#[utoipa::path(put, path = "/api/v1/homes/{home}/name", tag = "household", params(("home" = String, Path)), request_body = Rename, responses((status = 200, body = HomeAnswer), Problems))]
pub async fn rename(State(app): State<Arc<App>>, owner: Owner, Body(Rename { name }): Body<Rename>) -> Result<Json<HomeAnswer>, Refused> {
    edited(&app, &owner, |home| home.rename(&name)).await
}

/// Sets where help is sent.
#[utoipa::path(put, path = "/api/v1/homes/{home}/address", tag = "household", params(("home" = String, Path)), request_body = EditAddress, responses((status = 200, body = HomeAnswer), Problems))]
pub async fn address(State(app): State<Arc<App>>, owner: Owner, Body(written): Body<EditAddress>) -> Result<Json<HomeAnswer>, Refused> {
    let address = written.into();
    edited(&app, &owner, |home| home.move_to(&address)).await
}

/// Sets what responders should know.
#[utoipa::path(put, path = "/api/v1/homes/{home}/notes", tag = "household", params(("home" = String, Path)), request_body = ResponderNotes, responses((status = 200, body = HomeAnswer), Problems))]
pub async fn notes(State(app): State<Arc<App>>, owner: Owner, Body(written): Body<ResponderNotes>) -> Result<Json<HomeAnswer>, Refused> {
    edited(&app, &owner, |home| home.note(&written)).await
}

/// Sets how the household wants things done.
#[utoipa::path(put, path = "/api/v1/homes/{home}/settings", tag = "household", params(("home" = String, Path)), request_body = EditSettings, responses((status = 200, body = HomeAnswer), Problems))]
pub async fn settings(State(app): State<Arc<App>>, owner: Owner, Body(written): Body<EditSettings>) -> Result<Json<HomeAnswer>, Refused> {
    let EditSettings { countdown_s, siren_duration_s, cameras_sound_with_base_station } = written;
    edited(&app, &owner, |home| home.settle(countdown_s, siren_duration_s, cameras_sound_with_base_station)).await
}

/// Sets whether devices that come without a passkey are held.
#[utoipa::path(put, path = "/api/v1/homes/{home}/holding", tag = "household", params(("home" = String, Path)), request_body = EditHolding, responses((status = 200, body = HomeAnswer), Problems))]
pub async fn holding(State(app): State<Arc<App>>, owner: Owner, Body(written): Body<EditHolding>) -> Result<Json<HomeAnswer>, Refused> {
    owner.0.signed_in.is_free(&app)?;
    edited(&app, &owner, |home| {
        home.settings.hold_new_devices = written.hold_new_devices;
        Ok::<_, NotEdited>(())
    })
    .await
}

/// Sets whom to call, in order.
#[utoipa::path(put, path = "/api/v1/homes/{home}/contacts", tag = "household", params(("home" = String, Path)), request_body = EditContacts, responses((status = 200, body = HomeAnswer), Problems))]
pub async fn contacts(State(app): State<Arc<App>>, owner: Owner, Body(written): Body<EditContacts>) -> Result<Json<HomeAnswer>, Refused> {
    let edit = |home: &mut Home| {
        let country = home.address.as_ref().map(|a| a.country.clone());
        let read = |c: &EditContact| WrittenContact { phone: e164(&c.phone, country.as_deref()), id: c.id.clone(), name: c.name.clone() };
        home.set_contacts(&written.contacts.iter().map(read).collect::<Vec<_>>())
    };
    edited(&app, &owner, edit).await
}

/// Makes the address or the contacts what they were before a change of the last day.
#[utoipa::path(post, path = "/api/v1/homes/{home}/changes/{change}/undo", tag = "household", params(("home" = String, Path), ("change" = u64, Path)), responses((status = 200, body = HomeAnswer), Problems))]
pub async fn undo(State(app): State<Arc<App>>, owner: Owner, Part(change): Part<u64>) -> Result<Json<HomeAnswer>, Refused> {
    let now = app.clock.now();
    edited(&app, &owner, |home| home.undo(change, now).map_err(|NotUndone| NotEdited::Gone)).await
}

/// Issues the link for a contact's phone, shown once. Older ones stop working, and the person has to agree again: what rang was the
/// old link's page.
#[utoipa::path(post, path = "/api/v1/homes/{home}/contacts/{contact}/link", tag = "household", params(("home" = String, Path), ("contact" = String, Path)), responses((status = 200, body = ContactLink), Problems))]
pub async fn link(State(app): State<Arc<App>>, owner: Owner, Part(contact): Part<ContactId>) -> Result<Json<ContactLink>, Refused> {
    let Owner(member) = &owner;
    let (id, token) = (&member.home.id, auth::new_token());
    let edit = |home: &mut Home| -> Result<_, NotEdited> {
        let before = home.clone();
        let known = home.contacts.iter_mut().find(|c| c.id == contact).ok_or(NotEdited::Gone)?;
        if known.readiness == Readiness::Accepted {
            known.readiness = Readiness::Invited;
        }
        let mut change = owner.change(&app, Deed::LinkMade, json!({"contact": contact}));
        if *home != before {
            let asked_again = member.signed_in.entry(&app, Deed::HomeChanged, audit::changes(&before, home));
            change = change.record_first(Entry { home: Some(id.clone()), ..asked_again });
        }
        let (home, contact, shown) = (id.clone(), contact.clone(), app.demo.then(|| token.clone()));
        let put = Op::PutContactLink { token: auth::token_hash(&token), home, contact: contact.clone(), shown };
        Ok(((), change.op(Op::EndContactLinks(id.clone(), contact)).op(put)))
    };
    app.homes.edit(&app.changes, id, edit).await?.ok_or_else(Refused::not_found)?;
    Ok(Json(ContactLink { path: format!("/contact/{token}") }))
}

/// Sets the verbal password; it is never readable.
#[utoipa::path(put, path = "/api/v1/homes/{home}/verbal-password", tag = "household", params(("home" = String, Path)), request_body = EditVerbalPassword, responses((status = 200, body = HomeAnswer), Problems))]
pub async fn verbal_password(
    State(app): State<Arc<App>>,
    owner: Owner,
    Body(EditVerbalPassword { password, current }): Body<EditVerbalPassword>,
) -> Result<Json<HomeAnswer>, Refused> {
    let known = owner.0.home.verbal_password.clone();
    let mut form = Form::default();
    let spoken = auth::spoken(&form.line("password", &password));
    if !spoken.is_empty() && spoken.chars().count() < VERBAL_LEAST {
        form.wrong("password", Fault::TooShort);
    }
    if known.is_some() && !is_right(&app, &owner, current.unwrap_or_default()).await? {
        form.wrong("current", Fault::NotRight);
    }
    form.done(()).map_err(NotEdited::Wrong)?;
    let hash = app.hashing.sign_in.hashed(spoken).await?;
    edited(&app, &owner, |home| {
        // Another owner was quicker: what was compared is no longer what is set.
        if home.verbal_password != known {
            let mut form = Form::default();
            form.wrong("current", Fault::NotRight);
            return form.done(());
        }
        home.verbal_password = Some(hash.clone());
        // A new one is for everybody to learn.
        home.contacts.iter_mut().for_each(|contact| contact.memory = None);
        Ok(())
    })
    .await
}

/// Do you still know it?
#[utoipa::path(post, path = "/api/v1/homes/{home}/verbal-password/check", tag = "household", params(("home" = String, Path)), request_body = AskVerbalPassword, responses((status = 200, body = Known), Problems))]
pub async fn check_verbal_password(
    State(app): State<Arc<App>>,
    owner: Owner,
    Body(AskVerbalPassword { password }): Body<AskVerbalPassword>,
) -> Result<Json<Known>, Refused> {
    Ok(Json(Known { correct: is_right(&app, &owner, password).await? }))
}

/// Whether that is the verbal password; only so many tries in a quarter of an hour.
async fn is_right(app: &App, Owner(member): &Owner, password: String) -> Result<bool, Refused> {
    let guess = Guess::Verbal(member.home.id.clone());
    if password.len() > 256 {
        return Ok(false);
    }
    if !app.attempts.take(&guess, app.clock.now()) {
        return Err(Refused::new(Code::TooManyAttempts, "Too many tries. Try again in 15 minutes."));
    }
    let right = app.hashing.sign_in.verify_spoken(&password, member.home.verbal_password.clone()).await?;
    if right {
        app.attempts.succeeded(&guess);
    }
    Ok(right)
}

/// Enrolls the cameras in SOS.
#[utoipa::path(post, path = "/api/v1/homes/{home}/sos-for-cameras", tag = "household", params(("home" = String, Path)), request_body = Enroll, responses((status = 200, body = HomeAnswer), Problems))]
pub async fn enroll(State(app): State<Arc<App>>, owner: Owner, Body(asked): Body<Enroll>) -> Result<Json<HomeAnswer>, Refused> {
    edited(&app, &owner, |home| {
        let mut wrongs = home.enroll(asked.verbal_password_required).err().unwrap_or_default();
        if !asked.accept_terms {
            wrongs.push(crate::domain::home::edit::Wrong { field: "accept_terms".into(), fault: Fault::NotAccepted });
        }
        if wrongs.is_empty() { Ok(()) } else { Err(wrongs) }
    })
    .await
}

/// Ends SOS for cameras. What runs goes on (R5).
#[utoipa::path(delete, path = "/api/v1/homes/{home}/sos-for-cameras", tag = "household", params(("home" = String, Path)), responses((status = 200, body = HomeAnswer), Problems))]
pub async fn end_enrolment(State(app): State<Arc<App>>, owner: Owner) -> Result<Json<HomeAnswer>, Refused> {
    edited(&app, &owner, |home| -> Result<(), Wrongs> {
        home.end_enrolment();
        Ok(())
    })
    .await
}
