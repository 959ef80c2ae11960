//! Changes that owners make to a home. A change is validated as a whole: the faults of all fields
//! are returned at once, and nothing changes. No change affects a running incident, because it
//! carries its own snapshot (I19).

use super::{Address, Enrolment, Home, Plan, Settings, settings};
use crate::domain::{
    camera::{Camera, CameraKind, JudgeHost, Keep, StreamAddress},
    contact::Contact,
    device::{Device, DeviceKind},
    id::{CameraId, ContactId, DeviceId},
};
use serde::{Deserialize, Serialize};
use std::{ops::RangeInclusive, str::FromStr};

/// The number of contacts of a home that has any.
pub const CONTACTS: RangeInclusive<usize> = 2..=10;
/// The longest text in one line, characters.
const TEXT_MOST: usize = 100;
/// The most devices, and the most cameras, of one home.
const DEVICES_MOST: usize = 64;

/// A field with a fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError {
    /// Its path, such as `contacts[0].phone`.
    pub field: String,
    /// The fault.
    pub fault: ErrorCode,
}

/// A fault of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = Fault)]
pub enum ErrorCode {
    /// Empty.
    Missing,
    /// Longer than allowed.
    TooLong,
    /// Not two letters of ISO 3166-1.
    NotACountry,
    /// Not a telephone number in international form.
    NotAPhoneNumber,
    /// A telephone number with an extension, which cannot be dialed.
    HasExtension,
    /// The same as another.
    Twice,
    /// Fewer than two contacts.
    TooFew,
    /// More than are allowed.
    TooMany,
    /// Outside of the safe range.
    OutOfBounds,
    /// Not the expected value.
    NotRight,
    /// Shorter than required.
    TooShort,
    /// Among the first guesses of an attacker.
    EasilyGuessed,
    /// Both streams must come from the same camera.
    AnotherCamera,
    /// Not an address of a camera's stream.
    NotAStream,
    /// An address outside of private networks.
    NotPrivate,
    /// An address of the server itself, or a link-local one, which only the server's configuration
    /// allows.
    NotAllowed,
    /// A user name or password where it would be visible.
    HasCredentials,
    /// Not an e-mail address.
    NotAnEmail,
    /// Must be accepted first.
    NotAccepted,
    /// An account with it exists already.
    Known,
    /// A home keeps at least one owner.
    LastOwner,
    /// The monitoring center keeps at least one supervisor.
    LastSupervisor,
    /// The home has one already.
    OnlyOne,
    /// SOS for cameras needs a compatible camera.
    NoCompatibleCamera,
    /// The plan does not include it.
    PlanRequired,
}

/// All fields with a fault.
pub type FieldErrors = Vec<FieldError>;

/// Collects fields with a fault.
#[derive(Default)]
pub struct Form(FieldErrors);

impl Form {
    /// Records a fault of a field.
    pub fn wrong(&mut self, field: impl Into<String>, fault: ErrorCode) {
        self.0.push(FieldError { field: field.into(), fault });
    }

    /// Validates a line of text, and returns it without surrounding white space.
    pub fn line(&mut self, field: &str, text: &str) -> String {
        let text = text.trim();
        match text.chars().count() {
            0 => self.wrong(field, ErrorCode::Missing),
            n if n > TEXT_MOST || text.chars().any(char::is_control) => {
                self.wrong(field, ErrorCode::TooLong)
            }
            _ => {}
        }
        text.into()
    }

    /// # Errors
    /// The recorded faults, if any.
    pub fn done<T>(self, made: T) -> Result<T, FieldErrors> {
        if self.0.is_empty() { Ok(made) } else { Err(self.0) }
    }
}

/// What an owner chooses with the enrollment of cameras (R15).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AsksPassword {
    /// Canceling needs the verbal password.
    Yes,
    /// Canceling does not need it, unless the home has a base station.
    No {
        /// Whether the owner gave the current verbal password.
        given: bool,
    },
}

/// A contact as entered by an owner. The phone number is already in E.164.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrittenContact {
    /// The existing contact that it replaces, if any.
    pub id: Option<ContactId>,
    /// The name that the home gives this person.
    pub name: String,
    /// E.164, or the fault of the entered number.
    pub phone: Result<String, ErrorCode>,
}

impl Home {
    /// Names the home.
    ///
    /// # Errors
    /// An empty name, or one that is too long.
    pub fn rename(&mut self, name: &str) -> Result<(), FieldErrors> {
        let mut form = Form::default();
        let name = form.line("name", name);
        self.name = form.done(name)?;
        Ok(())
    }

    /// Sets the address that help is sent to.
    ///
    /// # Errors
    /// Each line that is missing or too long, and a country that is not two letters.
    pub fn move_to(&mut self, written: &Address) -> Result<(), FieldErrors> {
        let mut form = Form::default();
        let line2 = written.line2.as_deref().map(str::trim).filter(|l| !l.is_empty());
        let country = written.country.trim().to_ascii_uppercase();
        if country.len() != 2 || !country.bytes().all(|b| b.is_ascii_uppercase()) {
            form.wrong("country", ErrorCode::NotACountry);
        }
        let address = Address {
            line1: form.line("line1", &written.line1),
            line2: line2.map(|l| form.line("line2", l)),
            city: form.line("city", &written.city),
            region: if needs_region(&country) || !written.region.trim().is_empty() {
                form.line("region", &written.region)
            } else {
                String::new()
            },
            postal_code: form.line("postal_code", &written.postal_code),
            country,
        };
        self.address = Some(form.done(address)?);
        Ok(())
    }

    /// Changes the household's settings. Whether canceling needs the verbal password is chosen with
    /// the enrollment (R15).
    ///
    /// # Errors
    /// A countdown or a siren duration out of bounds (R10, R19).
    pub fn settle(
        &mut self,
        countdown_s: u8,
        siren_duration_s: u16,
        cameras_sound: bool,
    ) -> Result<(), FieldErrors> {
        let mut form = Form::default();
        if !settings::COUNTDOWN_S.contains(&countdown_s) {
            form.wrong("countdown_s", ErrorCode::OutOfBounds);
        }
        if !settings::SIREN_DURATION_S.contains(&siren_duration_s) {
            form.wrong("siren_duration_s", ErrorCode::OutOfBounds);
        }
        let settings = Settings {
            countdown_s,
            siren_duration_s,
            cameras_sound_with_base_station: cameras_sound,
            ..self.settings
        };
        self.settings = form.done(settings)?;
        Ok(())
    }

    /// Sets the emergency contacts, in order. A contact with a new number must agree again.
    ///
    /// # Errors
    /// Fewer than two or more than ten contacts; each invalid name or number; a duplicate number, or
    /// a contact that is replaced twice.
    pub fn set_contacts(&mut self, written: &[WrittenContact]) -> Result<(), FieldErrors> {
        let mut form = Form::default();
        match written.len() {
            n if n < *CONTACTS.start() => form.wrong("contacts", ErrorCode::TooFew),
            n if n > *CONTACTS.end() => form.wrong("contacts", ErrorCode::TooMany),
            _ => {}
        }
        let (mut contacts, mut is_new): (Vec<Contact>, Vec<usize>) = Default::default();
        for (at, one) in written.iter().enumerate() {
            let name = form.line(&format!("contacts[{at}].name"), &one.name);
            let field = format!("contacts[{at}].phone");
            let phone = one.phone.clone().unwrap_or_default();
            if let Err(fault) = one.phone {
                form.wrong(field, fault);
            } else if contacts.iter().any(|c| c.phone == phone) {
                form.wrong(field, ErrorCode::Twice);
            }
            let known = self.contacts.iter().find(|c| Some(&c.id) == one.id.as_ref());
            if known.is_some_and(|known| contacts.iter().any(|c| c.id == known.id)) {
                form.wrong(format!("contacts[{at}].id"), ErrorCode::Twice);
            }
            let taken: Vec<&str> =
                self.contacts.iter().chain(&contacts).map(|c| c.id.as_str()).collect();
            let id = known.map_or_else(|| new_id(&name, "contact", &taken), |c| c.id.clone());
            let mut contact = Contact::new(id, name, phone.clone());
            // A removed contact who is added again keeps the earlier link.
            let same = self
                .contacts
                .iter()
                .chain(self.contacts_of_changes())
                .find(|known| known.is_same_person(&contact))
                .cloned();
            match same {
                Some(same) => contact.keep_word_of(&same),
                None => is_new.push(at),
            }
            contacts.push(contact);
        }
        self.contacts = form.done(contacts)?;
        for at in is_new {
            self.contacts[at].link = self.next_link();
        }
        Ok(())
    }

    /// Enrolls the cameras in SOS (R2), with or without asking for the verbal password (R15). A
    /// home that asks for one stops only if it is given: otherwise a thief of an owner's account
    /// could name a contact of their own, who calls help off.
    ///
    /// # Errors
    /// Each requirement that is missing: a compatible camera, the plan, an address, two contacts,
    /// the password.
    pub fn enroll(&mut self, asks: AsksPassword) -> Result<(), FieldErrors> {
        let mut form = Form::default();
        if !self.cameras.iter().any(|c| c.sos_compatible) {
            form.wrong("cameras", ErrorCode::NoCompatibleCamera);
        }
        if self.subscription.plan != Plan::HomePremium {
            form.wrong("plan", ErrorCode::PlanRequired);
        }
        if self.address.is_none() {
            form.wrong("address", ErrorCode::Missing);
        }
        if self.contacts.len() < *CONTACTS.start() {
            form.wrong("contacts", ErrorCode::TooFew);
        }
        match asks {
            AsksPassword::Yes if self.verbal_password.is_none() => {
                form.wrong("verbal_password", ErrorCode::Missing);
            }
            AsksPassword::No { given: false }
                if self.asks_password() && self.base_station().is_none() =>
            {
                form.wrong("verbal_password", ErrorCode::NotRight);
            }
            _ => {}
        }
        form.done(())?;
        self.settings.verbal_password_required = asks == AsksPassword::Yes;
        self.subscription.sos_for_cameras = Enrolment::Enrolled;
        Ok(())
    }

    /// Ends SOS for cameras.
    pub fn end_enrolment(&mut self) {
        self.subscription.sos_for_cameras = Enrolment::NotEnrolled;
    }

    /// Adds a base station or a keypad.
    ///
    /// # Errors
    /// An invalid name or model, a second base station, or too many devices.
    pub fn add_device(
        &mut self,
        kind: DeviceKind,
        model: &str,
        name: &str,
    ) -> Result<DeviceId, FieldErrors> {
        let mut form = Form::default();
        let (name, model) = (form.line("name", name), form.line("model", model));
        if kind == DeviceKind::BaseStation && self.base_station().is_some() {
            form.wrong("kind", ErrorCode::OnlyOne);
        }
        if self.devices.len() >= DEVICES_MOST {
            form.wrong("name", ErrorCode::TooMany);
        }
        let device = Device { id: self.free_id(&name, "device"), kind, model, name };
        let device = form.done(device)?;
        let id = device.id.clone();
        self.devices.push(device);
        Ok(id)
    }

    /// Adds a camera or a doorbell.
    ///
    /// # Errors
    /// An invalid name or stream address, or too many cameras.
    pub fn add_camera(
        &mut self,
        kind: CameraKind,
        written: &WrittenCamera,
        judge: JudgeHost,
    ) -> Result<CameraId, FieldErrors> {
        let mut form = Form::default();
        if self.cameras.len() >= DEVICES_MOST {
            form.wrong("name", ErrorCode::TooMany);
        }
        let name = form.line("name", &written.name);
        let WrittenCamera { sos_compatible, has_siren, keep, .. } = *written;
        let (id, (stream, small)) =
            (self.free_id(&name, "camera"), streams(&mut form, written, judge));
        let camera =
            Camera { id, kind, name, sos_compatible, has_siren, stream, small, login: None, keep };
        let camera = form.done(camera)?;
        let id = camera.id.clone();
        self.cameras.push(camera);
        Ok(id)
    }

    /// Removes a device and the configuration of its siren. A home that asks for a verbal password
    /// because of its base station goes on asking for it, until an owner chooses otherwise with
    /// [`Self::enroll`], which takes that password.
    pub fn remove_device(&mut self, id: &DeviceId) {
        let asked = self.asks_password();
        self.devices.retain(|d| d.id != *id);
        if asked && self.base_station().is_none() {
            self.settings.verbal_password_required = true;
        }
        self.siren_bindings.retain(|b| b.device != *id);
    }

    /// Removes a camera and the configuration of its siren.
    pub fn remove_camera(&mut self, id: &CameraId) {
        self.cameras.retain(|c| c.id != *id);
        self.siren_bindings.retain(|b| b.device.as_str() != id.as_str());
    }

    /// Whether canceling needs the verbal password, and one is set.
    fn asks_password(&self) -> bool {
        self.verbal_password_required() && self.verbal_password.is_some()
    }

    fn free_id<T: FromStr>(&self, name: &str, otherwise: &str) -> T {
        let taken: Vec<&str> = self
            .devices
            .iter()
            .map(|d| d.id.as_str())
            .chain(self.cameras.iter().map(|c| c.id.as_str()))
            .collect();
        new_id(name, otherwise, &taken)
    }
}

/// A camera as entered by an owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrittenCamera {
    /// Its display name.
    pub name: String,
    /// Whether an SOS may be raised from its Live View.
    pub sos_compatible: bool,
    /// Whether it has a siren.
    pub has_siren: bool,
    /// The address of its stream; empty if not known yet.
    pub stream: String,
    /// The address of a stream with smaller pictures, for small screens; empty if there is none.
    pub small: String,
    /// When the server fetches its pictures.
    pub keep: Keep,
}

impl Camera {
    /// Changes the editable fields of a camera.
    ///
    /// # Errors
    /// An invalid name or stream address.
    pub fn edit(&mut self, written: &WrittenCamera, judge: JudgeHost) -> Result<(), FieldErrors> {
        let mut form = Form::default();
        let (name, (stream, small)) =
            (form.line("name", &written.name), streams(&mut form, written, judge));
        form.done(())?;
        // The password was given for the old host, and must not be sent to another one.
        if self.stream.as_ref().map(StreamAddress::host) != stream.as_ref().map(StreamAddress::host)
        {
            self.login = None;
        }
        (self.name, self.stream, self.small, self.keep) = (name, stream, small, written.keep);
        (self.sos_compatible, self.has_siren) = (written.sos_compatible, written.has_siren);
        Ok(())
    }
}

/// Parses both stream addresses. They must have the same host, because the camera's password must
/// not be sent to another one.
fn streams(
    form: &mut Form,
    written: &WrittenCamera,
    judge: JudgeHost,
) -> (Option<StreamAddress>, Option<StreamAddress>) {
    let mut read = |field, text: &str| {
        let text = text.trim();
        let judged = |address: StreamAddress| judge(address.host_name()).map(|()| address);
        (!text.is_empty())
            .then(|| text.parse().and_then(judged).map_err(|fault| form.wrong(field, fault)).ok())
            .flatten()
    };
    let (stream, small) = (read("stream", &written.stream), read("small", &written.small));
    if small.is_some()
        && stream.as_ref().map(StreamAddress::host) != small.as_ref().map(StreamAddress::host)
    {
        form.wrong("small", ErrorCode::AnotherCamera);
    }
    (stream, small)
}

/// Makes a free id from the display name, with a number appended if the id is taken.
fn new_id<T: FromStr>(name: &str, otherwise: &str, taken: &[&str]) -> T {
    let plain: String = name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' })
        .take(40)
        .collect();
    let mut stem = plain.split('-').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("-");
    if stem.is_empty() {
        stem = otherwise.into();
    }
    let free = (1..)
        .map(|n| if n == 1 { stem.clone() } else { format!("{stem}-{n}") })
        .find(|id| !taken.contains(&id.as_str()));
    free.and_then(|id| id.parse().ok()).unwrap_or_else(|| {
        unreachable!("some number is free, and letters, digits and hyphens make an id")
    })
}

/// Whether addresses of the country name a state or province (UPU S42).
fn needs_region(country: &str) -> bool {
    ["US", "CA", "AU", "BR", "MX", "IN", "CN", "JP"].contains(&country)
}
