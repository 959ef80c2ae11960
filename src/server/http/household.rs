//! Changes of a home by its owners. Each change answers with the whole home, and every open stream
//! gets an event.

use super::{
    audit,
    errors::{ApiError, Problems},
    extract::{Body, Owner, ResourceId},
    invitations,
};
use crate::{
    api::{
        audit::AuditAction,
        home::HomeAnswer,
        household::{
            AskVerbalPassword, ContactLink, Counted, EditAddress, EditContact, EditContacts,
            EditDeviceRestriction, EditSettings, EditVerbalPassword, Enroll, Household, Rename,
            Resident, Stream, VerbalPasswordCheck,
        },
        problem::Code,
    },
    domain::{
        contact::Contact,
        home::{
            Home, ResponderNotes,
            edit::{AsksPassword, ErrorCode, FieldError, FieldErrors, Form, WrittenContact},
            undo::NotUndone,
        },
        id::ContactId,
    },
    server::{
        clock::Clock,
        homes::Homes,
        identity::{
            self, Hashing,
            attempts::{Attempts, Guess},
        },
        mqtt::SirenError,
        presenters::problem::fields,
        snapshots::Snapshots,
        state::{AppState, handles},
        store::{self, AuditEntry, ChangeError, Changes, Op, Reads},
        telephony::number::e164,
    },
};
use axum::{Json, extract::State};
use serde_json::json;
use std::sync::Arc;
use utoipa_axum::{router::OpenApiRouter, routes};

/// The shortest verbal password, characters. It can be this short, because it is spoken and a wrong
/// one ends the call.
const VERBAL_LEAST: usize = 4;

/// The routes of the household.
pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(one))
        .routes(routes!(rename))
        .routes(routes!(address))
        .routes(routes!(notes))
        .routes(routes!(settings))
        .routes(routes!(restrict_new_devices))
        .routes(routes!(contacts))
        .routes(routes!(undo))
        .routes(routes!(link))
        .routes(routes!(verbal_password))
        .routes(routes!(check_verbal_password))
        .routes(routes!(enroll, end_enrolment))
}

/// Why an edit was not made.
pub(super) enum EditError {
    /// Fields are wrong.
    Invalid(FieldErrors),
    /// The change was not stored.
    Change(ChangeError),
    /// The thing to edit does not exist.
    Gone,
    /// The credentials of a camera could not be encrypted.
    NotSealed(std::io::Error),
    /// A siren cannot be reached like that.
    Siren(SirenError),
}

impl From<FieldErrors> for EditError {
    fn from(wrongs: FieldErrors) -> Self {
        Self::Invalid(wrongs)
    }
}

impl From<ChangeError> for EditError {
    fn from(error: ChangeError) -> Self {
        Self::Change(error)
    }
}

impl From<EditError> for ApiError {
    fn from(not: EditError) -> Self {
        match not {
            EditError::Invalid(wrongs) => Self(fields(wrongs)),
            EditError::Change(error) => error.into(),
            EditError::Gone => Self::not_found(),
            EditError::Siren(error) => Self::field("name", &error.to_string()),
            EditError::NotSealed(error) => {
                tracing::error!(%error, "could not encrypt the credentials of a camera");
                Self::new(Code::StorageUnavailable, "The server cannot keep the password now.")
            }
        }
    }
}

handles! {
    /// Edits homes.
    pub struct Editing {
        homes: Arc<Homes>,
        changes: Changes,
        snapshots: Arc<Snapshots>,
        clock: Arc<Clock>,
    }
}

impl Editing {
    /// Edits the owner's home, and answers with the home after the edit.
    pub async fn edited<T, E: Into<EditError>>(
        &self,
        owner: &Owner,
        edit: impl Fn(&mut Home) -> Result<T, E>,
    ) -> Result<Json<HomeAnswer>, ApiError> {
        let member = &owner.0;
        let id = &member.home.id;
        let change = |home: &mut Home| {
            let before = home.clone();
            edit(home).map_err(Into::into)?;
            let who = &member.signed_in.account;
            home.note_changes(&before, &who.id, &who.name, self.clock.now());
            let detail = audit::changes(&before, home);
            Ok::<_, EditError>(((), owner.change(AuditAction::HomeChanged, detail)))
        };
        self.homes.edit(&self.changes, id, change).await?.ok_or_else(ApiError::not_found)?;
        let home = self.homes.get(id).ok_or_else(ApiError::not_found)?;
        Ok(Json(
            self.snapshots
                .present_home(&home, member.membership, member.signed_in.restricted_until(&home))
                .await?,
        ))
    }
}

handles! {
    /// Makes links for contacts' phones.
    pub struct ContactLinks {
        homes: Arc<Homes>,
        changes: Changes,
        clock: Arc<Clock>,
        /// Whether links may be shown again.
        demo: bool,
    }
}

handles! {
    /// Checks and hashes verbal passwords.
    pub struct VerbalPasswords {
        attempts: Arc<Attempts>,
        hashing: Arc<Hashing>,
        clock: Arc<Clock>,
    }
}

impl VerbalPasswords {
    /// Whether this is the verbal password. The attempts within 15 minutes are limited.
    async fn is_right(&self, Owner(member): &Owner, password: String) -> Result<bool, ApiError> {
        let guess = Guess::Verbal(member.home.id.clone());
        if password.len() > 256 {
            return Ok(false);
        }
        if !self.attempts.take(&guess, self.clock.now()) {
            return Err(ApiError::new(
                Code::TooManyAttempts,
                "Too many tries. Try again in 15 minutes.",
            ));
        }
        let right = self
            .hashing
            .sign_in
            .verify_spoken(&password, member.home.verbal_password.clone())
            .await?;
        if right {
            self.attempts.succeeded(&guess);
        }
        Ok(right)
    }
}

/// The part of a home that only owners see.
#[utoipa::path(
    get,
    path = "/api/v1/homes/{home}/household",
    tag = "household",
    params(("home" = String, Path)),
    responses((status = 200, body = Household), Problems),
)]
pub async fn one(
    State(reads): State<Arc<dyn Reads>>,
    State(clock): State<Arc<Clock>>,
    owner: Owner,
) -> Result<Json<Household>, ApiError> {
    let invitations = invitations::into_home(&*reads, &owner.0.home.id, clock.now()).await?;
    let member = owner.0;
    let people =
        reads.members(&member.home.id).await?.into_iter().map(|(account, membership)| Resident {
            you: account.id == member.signed_in.account.id,
            id: account.id,
            name: account.name,
            email: account.email,
            role: membership.role.into(),
            sos_withdrawn: membership.sos_withdrawn,
        });
    let stream = |c: &crate::domain::camera::Camera| {
        let (has_login, keep) = (c.login.is_some(), c.keep.into());
        c.stream.as_ref().map(|s| Stream {
            camera: c.id.clone(),
            address: s.as_str().into(),
            small: c.small.as_ref().map(|small| small.as_str().into()).unwrap_or_default(),
            has_login,
            keep,
        })
    };
    let (password, now) = (member.home.verbal_password_required(), clock.now());
    let counted =
        |c: &Contact| Counted { name: c.name.clone(), standing: c.standing(password, now).into() };
    // A restricted device may be a stranger's, who must not learn the gate code.
    let is_restricted = member.restricted_until().is_some();
    Ok(Json(Household {
        people: people.collect(),
        invitations,
        streams: member.home.cameras.iter().filter_map(stream).collect(),
        contacts: member.home.contacts.iter().map(counted).collect(),
        notes: if is_restricted { Default::default() } else { member.home.notes.clone() },
        verbal_password_set: member.home.verbal_password.is_some(),
    }))
}

/// Renames the home.
#[utoipa::path(
    put,
    path = "/api/v1/homes/{home}/name",
    tag = "household",
    params(("home" = String, Path)),
    request_body = Rename,
    responses((status = 200, body = HomeAnswer), Problems),
)]
pub async fn rename(
    State(editing): State<Editing>,
    owner: Owner,
    Body(Rename { name }): Body<Rename>,
) -> Result<Json<HomeAnswer>, ApiError> {
    editing.edited(&owner, |home| home.rename(&name)).await
}

/// Sets the address that help is sent to.
#[utoipa::path(
    put,
    path = "/api/v1/homes/{home}/address",
    tag = "household",
    params(("home" = String, Path)),
    request_body = EditAddress,
    responses((status = 200, body = HomeAnswer), Problems),
)]
pub async fn address(
    State(editing): State<Editing>,
    owner: Owner,
    Body(written): Body<EditAddress>,
) -> Result<Json<HomeAnswer>, ApiError> {
    let address = written.into();
    editing.edited(&owner, |home| home.move_to(&address)).await
}

/// Sets the notes for responders.
#[utoipa::path(
    put,
    path = "/api/v1/homes/{home}/notes",
    tag = "household",
    params(("home" = String, Path)),
    request_body = ResponderNotes,
    responses((status = 200, body = HomeAnswer), Problems),
)]
pub async fn notes(
    State(editing): State<Editing>,
    owner: Owner,
    Body(written): Body<ResponderNotes>,
) -> Result<Json<HomeAnswer>, ApiError> {
    editing.edited(&owner, |home| home.note(&written)).await
}

/// Sets the settings of the household.
#[utoipa::path(
    put,
    path = "/api/v1/homes/{home}/settings",
    tag = "household",
    params(("home" = String, Path)),
    request_body = EditSettings,
    responses((status = 200, body = HomeAnswer), Problems),
)]
pub async fn settings(
    State(editing): State<Editing>,
    owner: Owner,
    Body(written): Body<EditSettings>,
) -> Result<Json<HomeAnswer>, ApiError> {
    let EditSettings { countdown_s, siren_duration_s, cameras_sound_with_base_station } = written;
    editing
        .edited(&owner, |home| {
            home.settle(countdown_s, siren_duration_s, cameras_sound_with_base_station)
        })
        .await
}

/// Sets whether devices are restricted that sign in without their account's passkey.
#[utoipa::path(
    put,
    path = "/api/v1/homes/{home}/holding",
    operation_id = "holding",
    tag = "household",
    params(("home" = String, Path)),
    request_body = EditDeviceRestriction,
    responses((status = 200, body = HomeAnswer), Problems),
)]
pub async fn restrict_new_devices(
    State(editing): State<Editing>,
    owner: Owner,
    Body(written): Body<EditDeviceRestriction>,
) -> Result<Json<HomeAnswer>, ApiError> {
    editing
        .edited(&owner, |home| {
            home.settings.restrict_new_devices = written.restrict_new_devices;
            Ok::<_, EditError>(())
        })
        .await
}

/// Sets the emergency contacts and their order.
#[utoipa::path(
    put,
    path = "/api/v1/homes/{home}/contacts",
    tag = "household",
    params(("home" = String, Path)),
    request_body = EditContacts,
    responses((status = 200, body = HomeAnswer), Problems),
)]
pub async fn contacts(
    State(editing): State<Editing>,
    owner: Owner,
    Body(written): Body<EditContacts>,
) -> Result<Json<HomeAnswer>, ApiError> {
    let edit = |home: &mut Home| {
        let country = home.address.as_ref().map(|a| a.country.clone());
        let read = |c: &EditContact| WrittenContact {
            phone: e164(&c.phone, country.as_deref()),
            id: c.id.clone(),
            name: c.name.clone(),
        };
        home.set_contacts(&written.contacts.iter().map(read).collect::<Vec<_>>())
    };
    editing.edited(&owner, edit).await
}

/// Undoes a change of the address or the contacts that is less than a day old.
#[utoipa::path(
    post,
    path = "/api/v1/homes/{home}/changes/{change}/undo",
    tag = "household",
    params(("home" = String, Path), ("change" = u64, Path)),
    responses((status = 200, body = HomeAnswer), Problems),
)]
pub async fn undo(
    State(editing): State<Editing>,
    owner: Owner,
    ResourceId(change): ResourceId<u64>,
) -> Result<Json<HomeAnswer>, ApiError> {
    let now = editing.clock.now();
    editing.edited(&owner, |home| home.undo(change, now).map_err(|NotUndone| EditError::Gone)).await
}

/// Issues a new link for a contact's phone, which is shown only once. The person has to agree again,
/// because calls rang on the page of the old link. If they had agreed by it, that page can still
/// answer for a day if this is the first contact (R15). Other older links stop working.
#[utoipa::path(
    post,
    path = "/api/v1/homes/{home}/contacts/{contact}/link",
    tag = "household",
    params(("home" = String, Path), ("contact" = String, Path)),
    responses((status = 200, body = ContactLink), Problems),
)]
pub async fn link(
    State(links): State<ContactLinks>,
    owner: Owner,
    ResourceId(contact): ResourceId<ContactId>,
) -> Result<Json<ContactLink>, ApiError> {
    let Owner(member) = &owner;
    let (id, token) = (&member.home.id, identity::new_token());
    let edit = |home: &mut Home| -> Result<_, EditError> {
        let (before, who) = (home.clone(), &member.signed_in.account);
        let number = home
            .renew_link(&contact, (&who.id, &who.name), links.clock.now())
            .map_err(|NotUndone| EditError::Gone)?;
        let asked_again =
            member.signed_in.entry(AuditAction::HomeChanged, audit::changes(&before, home));
        let change = owner
            .change(AuditAction::LinkMade, json!({"contact": contact}))
            .record_first(AuditEntry { home: Some(id.clone()), ..asked_again });
        let put = Op::PutContactLink {
            token: identity::token_hash(&token),
            link: store::ContactLink { home: id.clone(), contact: contact.clone(), number },
            shown: links.demo.then(|| token.clone()),
        };
        Ok(((), change.op(put)))
    };
    links.homes.edit(&links.changes, id, edit).await?.ok_or_else(ApiError::not_found)?;
    Ok(Json(ContactLink { path: format!("/contact/{token}") }))
}

/// Sets the verbal password. It can never be read.
#[utoipa::path(
    put,
    path = "/api/v1/homes/{home}/verbal-password",
    tag = "household",
    params(("home" = String, Path)),
    request_body = EditVerbalPassword,
    responses((status = 200, body = HomeAnswer), Problems),
)]
pub async fn verbal_password(
    State(editing): State<Editing>,
    State(passwords): State<VerbalPasswords>,
    owner: Owner,
    Body(EditVerbalPassword { password, current }): Body<EditVerbalPassword>,
) -> Result<Json<HomeAnswer>, ApiError> {
    let known = owner.0.home.verbal_password.clone();
    let mut form = Form::default();
    let spoken = identity::spoken(&form.line("password", &password));
    if !spoken.is_empty() && spoken.chars().count() < VERBAL_LEAST {
        form.wrong("password", ErrorCode::TooShort);
    }
    if known.is_some() && !passwords.is_right(&owner, current.unwrap_or_default()).await? {
        form.wrong("current", ErrorCode::NotRight);
    }
    form.done(()).map_err(EditError::Invalid)?;
    let hash = passwords.hashing.sign_in.hashed(spoken).await?;
    editing
        .edited(&owner, |home| {
            // Another owner changed it first, so the comparison was with an old password.
            if home.verbal_password != known {
                let mut form = Form::default();
                form.wrong("current", ErrorCode::NotRight);
                return form.done(());
            }
            if known.is_some() {
                // Only a person who belongs here knows it, so the contacts of today are right.
                home.former.clear();
            }
            home.verbal_password = Some(hash.clone());
            // Every contact has to learn the new password.
            home.contacts.iter_mut().for_each(|contact| contact.memory = None);
            Ok(())
        })
        .await
}

/// Checks whether the owner still knows the verbal password.
#[utoipa::path(
    post,
    path = "/api/v1/homes/{home}/verbal-password/check",
    tag = "household",
    params(("home" = String, Path)),
    request_body = AskVerbalPassword,
    responses((status = 200, body = VerbalPasswordCheck), Problems),
)]
pub async fn check_verbal_password(
    State(passwords): State<VerbalPasswords>,
    owner: Owner,
    Body(AskVerbalPassword { password }): Body<AskVerbalPassword>,
) -> Result<Json<VerbalPasswordCheck>, ApiError> {
    Ok(Json(VerbalPasswordCheck { correct: passwords.is_right(&owner, password).await? }))
}

/// Enrolls the cameras in SOS. A home that asks for its verbal password stops only if that is
/// given.
#[utoipa::path(
    post,
    path = "/api/v1/homes/{home}/sos-for-cameras",
    tag = "household",
    params(("home" = String, Path)),
    request_body = Enroll,
    responses((status = 200, body = HomeAnswer), Problems),
)]
pub async fn enroll(
    State(editing): State<Editing>,
    State(passwords): State<VerbalPasswords>,
    owner: Owner,
    Body(Enroll { verbal_password_required, verbal_password, accept_terms }): Body<Enroll>,
) -> Result<Json<HomeAnswer>, ApiError> {
    let known = owner.0.home.verbal_password.clone();
    let is_right = match verbal_password.filter(|_| !verbal_password_required && known.is_some()) {
        Some(given) => passwords.is_right(&owner, given).await?,
        None => false,
    };
    editing
        .edited(&owner, |home| {
            // Another owner may have changed it, so the comparison was with an old password.
            let given = is_right && home.verbal_password == known;
            let asks = match verbal_password_required {
                true => AsksPassword::Yes,
                false => AsksPassword::No { given },
            };
            let mut wrongs = home.enroll(asks).err().unwrap_or_default();
            if !accept_terms {
                wrongs.push(FieldError {
                    field: "accept_terms".into(),
                    fault: ErrorCode::NotAccepted,
                });
            }
            if wrongs.is_empty() { Ok(()) } else { Err(wrongs) }
        })
        .await
}

/// Ends the enrollment of the cameras in SOS. A running incident continues (R5).
#[utoipa::path(
    delete,
    path = "/api/v1/homes/{home}/sos-for-cameras",
    tag = "household",
    params(("home" = String, Path)),
    responses((status = 200, body = HomeAnswer), Problems),
)]
pub async fn end_enrolment(
    State(editing): State<Editing>,
    owner: Owner,
) -> Result<Json<HomeAnswer>, ApiError> {
    editing
        .edited(&owner, |home| -> Result<(), FieldErrors> {
            home.end_enrolment();
            Ok(())
        })
        .await
}
