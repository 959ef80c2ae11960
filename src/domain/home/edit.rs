//! Changes that owners make to a home. Each is checked whole: what is wrong is said for every field at once, and then nothing changes.
//! No change touches an incident that runs (I19): it carries its own copy.

use super::{Address, Enrolment, Home, Plan, Settings, settings};
use crate::domain::{
    camera::{Allows, Camera, CameraKind, Keep, StreamAddress},
    contact::Contact,
    device::{Device, DeviceKind},
    id::{CameraId, ContactId, DeviceId},
};
use serde::{Deserialize, Serialize};
use std::{ops::RangeInclusive, str::FromStr};

/// How many contacts a home has, once it has any.
pub const CONTACTS: RangeInclusive<usize> = 2..=10;
/// The longest text that is asked for in one line, characters.
const TEXT_MOST: usize = 100;
/// The most devices, and the most cameras, of one home.
const DEVICES_MOST: usize = 64;

/// A field that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// Its path, such as `contacts[0].phone`.
    pub field: String,
    /// What is wrong with it.
    pub fault: Fault,
}

/// What can be wrong with a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// There is nothing in it.
    Missing,
    /// More than it may hold.
    TooLong,
    /// Not two letters of ISO 3166-1.
    NotACountry,
    /// Not a telephone number in international form.
    NotAPhoneNumber,
    /// A telephone number with an extension, which cannot be dialed.
    HasExtension,
    /// The same as another.
    Twice,
    /// Fewer contacts than two.
    TooFew,
    /// More than are allowed.
    TooMany,
    /// Outside of the bounds that safety sets.
    OutOfBounds,
    /// Not what is known.
    NotRight,
    /// Less than it must hold.
    TooShort,
    /// Among the first that would be tried.
    EasilyGuessed,
    /// Not the same camera.
    AnotherCamera,
    /// Not an address of a camera's stream.
    NotAStream,
    /// Not in this house: an address outside of private networks.
    NotPrivate,
    /// A user name or password where it would be seen.
    HasCredentials,
    /// Not an e-mail address.
    NotAnEmail,
    /// Must be accepted first.
    NotAccepted,
    /// There is an account with it already.
    Known,
    /// A home keeps at least one owner.
    LastOwner,
    /// There is one already.
    OnlyOne,
    /// SOS for cameras needs a compatible camera.
    NoCompatibleCamera,
    /// The plan does not include it.
    PlanRequired,
}

impl Fault {
    /// In a sentence.
    pub const fn english(self) -> &'static str {
        match self {
            Self::Missing => "Fill this in.",
            Self::TooLong => "That is too long.",
            Self::NotACountry => "Give the country as two letters, such as US.",
            Self::NotAPhoneNumber => "Give the whole number with its country code, such as +1 503 555 0101.",
            Self::HasExtension => "Extensions cannot be dialed. Give a number that rings this person directly.",
            Self::Twice => "This number is in the list twice.",
            Self::TooFew => "Name at least two people: one may not hear the phone.",
            Self::TooMany => "That is more than a home can have.",
            Self::OutOfBounds => "That is outside of what is allowed.",
            Self::NotRight => "That is not right.",
            Self::TooShort => "That is too short.",
            Self::EasilyGuessed => "That is easily guessed. Take a few words that have nothing to do with each other.",
            Self::NotAStream => "Give an address that begins with rtsp://.",
            Self::AnotherCamera => "Both streams must come from the same camera: the same name or number, and port.",
            Self::NotPrivate => "Give an address in your own network.",
            Self::HasCredentials => "Leave user name and password out of the address.",
            Self::NotAnEmail => "That is not an e-mail address.",
            Self::NotAccepted => "Accept this to go on.",
            Self::Known => "There is an account with this address. Sign in, and open the link again.",
            Self::LastOwner => "A home keeps at least one owner.",
            Self::OnlyOne => "A home has one base station.",
            Self::NoCompatibleCamera => "Add a camera that can raise an SOS first.",
            Self::PlanRequired => "This needs the Home Premium plan.",
        }
    }
}

/// What is wrong, all of it.
pub type Wrongs = Vec<Wrong>;

/// Gathers what is wrong.
#[derive(Default)]
pub struct Form(Wrongs);

impl Form {
    /// Notes that a field is wrong.
    pub fn wrong(&mut self, field: impl Into<String>, fault: Fault) {
        self.0.push(Wrong { field: field.into(), fault });
    }

    /// A line of text, without the spaces around it.
    pub fn line(&mut self, field: &str, text: &str) -> String {
        let text = text.trim();
        match text.chars().count() {
            0 => self.wrong(field, Fault::Missing),
            n if n > TEXT_MOST || text.chars().any(char::is_control) => self.wrong(field, Fault::TooLong),
            _ => {}
        }
        text.into()
    }

    /// # Errors
    /// Whatever was noted.
    pub fn done<T>(self, made: T) -> Result<T, Wrongs> {
        if self.0.is_empty() { Ok(made) } else { Err(self.0) }
    }
}

/// A contact as an owner writes it. The phone number is in E.164 already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrittenContact {
    /// The contact that it was, if it was one.
    pub id: Option<ContactId>,
    /// What the home calls this person.
    pub name: String,
    /// E.164, or what is wrong with what was written.
    pub phone: Result<String, Fault>,
}

impl Home {
    /// Names the home.
    ///
    /// # Errors
    /// A name that says nothing or too much.
    pub fn rename(&mut self, name: &str) -> Result<(), Wrongs> {
        let mut form = Form::default();
        let name = form.line("name", name);
        self.name = form.done(name)?;
        Ok(())
    }

    /// Sets where help is sent.
    ///
    /// # Errors
    /// Each line that is missing or too long, and a country that is none.
    pub fn move_to(&mut self, written: &Address) -> Result<(), Wrongs> {
        let mut form = Form::default();
        let line2 = written.line2.as_deref().map(str::trim).filter(|l| !l.is_empty());
        let country = written.country.trim().to_ascii_uppercase();
        if country.len() != 2 || !country.bytes().all(|b| b.is_ascii_uppercase()) {
            form.wrong("country", Fault::NotACountry);
        }
        let address = Address {
            line1: form.line("line1", &written.line1),
            line2: line2.map(|l| form.line("line2", l)),
            city: form.line("city", &written.city),
            region: if needs_region(&country) { form.line("region", &written.region) } else { written.region.trim().into() },
            postal_code: form.line("postal_code", &written.postal_code),
            country,
        };
        self.address = Some(form.done(address)?);
        Ok(())
    }

    /// Sets how the household wants things done. Whether calling off needs the password is chosen with the enrolment (R15).
    ///
    /// # Errors
    /// A countdown or a siren duration out of bounds (R10, R19).
    pub fn settle(&mut self, countdown_s: u8, siren_duration_s: u16, cameras_sound: bool) -> Result<(), Wrongs> {
        let mut form = Form::default();
        if !settings::COUNTDOWN_S.contains(&countdown_s) {
            form.wrong("countdown_s", Fault::OutOfBounds);
        }
        if !settings::SIREN_DURATION_S.contains(&siren_duration_s) {
            form.wrong("siren_duration_s", Fault::OutOfBounds);
        }
        let settings = Settings { countdown_s, siren_duration_s, cameras_sound_with_base_station: cameras_sound, ..self.settings };
        self.settings = form.done(settings)?;
        Ok(())
    }

    /// Sets whom to call, in order. Who has a new number is asked anew.
    ///
    /// # Errors
    /// Fewer than two or more than ten; each name or number that is wrong; a number twice.
    pub fn set_contacts(&mut self, written: &[WrittenContact]) -> Result<(), Wrongs> {
        let mut form = Form::default();
        match written.len() {
            n if n < *CONTACTS.start() => form.wrong("contacts", Fault::TooFew),
            n if n > *CONTACTS.end() => form.wrong("contacts", Fault::TooMany),
            _ => {}
        }
        let mut contacts: Vec<Contact> = Vec::new();
        for (at, one) in written.iter().enumerate() {
            let name = form.line(&format!("contacts[{at}].name"), &one.name);
            let field = format!("contacts[{at}].phone");
            let phone = one.phone.clone().unwrap_or_default();
            if let Err(fault) = one.phone {
                form.wrong(field, fault);
            } else if contacts.iter().any(|c| c.phone == phone) {
                form.wrong(field, Fault::Twice);
            }
            let known = self.contacts.iter().find(|c| Some(&c.id) == one.id.as_ref());
            let same = known.filter(|c| c.phone == phone);
            let taken: Vec<&str> = self.contacts.iter().chain(&contacts).map(|c| c.id.as_str()).collect();
            let id = known.map_or_else(|| new_id(&name, "contact", &taken), |c| c.id.clone());
            let mut contact = Contact::new(id, name, phone.clone());
            if let Some(same) = same {
                contact.keep_word_of(same);
            }
            contacts.push(contact);
        }
        self.contacts = form.done(contacts)?;
        Ok(())
    }

    /// Enrolls the cameras in SOS (R2), with or without asking for the verbal password (R15).
    ///
    /// # Errors
    /// What is missing for it: a compatible camera, the plan, an address, two contacts, the password.
    pub fn enroll(&mut self, password_required: bool) -> Result<(), Wrongs> {
        let mut form = Form::default();
        if !self.cameras.iter().any(|c| c.sos_compatible) {
            form.wrong("cameras", Fault::NoCompatibleCamera);
        }
        if self.subscription.plan != Plan::HomePremium {
            form.wrong("plan", Fault::PlanRequired);
        }
        if self.address.is_none() {
            form.wrong("address", Fault::Missing);
        }
        if self.contacts.len() < *CONTACTS.start() {
            form.wrong("contacts", Fault::TooFew);
        }
        if password_required && self.verbal_password.is_none() {
            form.wrong("verbal_password", Fault::Missing);
        }
        form.done(())?;
        self.settings.verbal_password_required = password_required;
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
    /// A name that is wrong, a second base station, or too many.
    pub fn add_device(&mut self, kind: DeviceKind, model: &str, name: &str) -> Result<DeviceId, Wrongs> {
        let mut form = Form::default();
        let (name, model) = (form.line("name", name), form.line("model", model));
        if kind == DeviceKind::BaseStation && self.base_station().is_some() {
            form.wrong("kind", Fault::OnlyOne);
        }
        if self.devices.len() >= DEVICES_MOST {
            form.wrong("name", Fault::TooMany);
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
    /// A name or a stream's address that is wrong, or too many.
    pub fn add_camera(&mut self, kind: CameraKind, written: &WrittenCamera, allows: Allows) -> Result<CameraId, Wrongs> {
        let mut form = Form::default();
        if self.cameras.len() >= DEVICES_MOST {
            form.wrong("name", Fault::TooMany);
        }
        let name = form.line("name", &written.name);
        let WrittenCamera { sos_compatible, has_siren, keep, .. } = *written;
        let (id, (stream, small)) = (self.free_id(&name, "camera"), streams(&mut form, written, allows));
        let camera = Camera { id, kind, name, sos_compatible, has_siren, stream, small, login: None, keep };
        let camera = form.done(camera)?;
        let id = camera.id.clone();
        self.cameras.push(camera);
        Ok(id)
    }

    /// Removes a device, with how its siren was spoken to.
    pub fn remove_device(&mut self, id: &DeviceId) {
        self.devices.retain(|d| d.id != *id);
        self.wires.retain(|w| w.device != *id);
    }

    /// Removes a camera, with how its siren was spoken to.
    pub fn remove_camera(&mut self, id: &CameraId) {
        self.cameras.retain(|c| c.id != *id);
        self.wires.retain(|w| w.device.as_str() != id.as_str());
    }

    fn free_id<T: FromStr>(&self, name: &str, otherwise: &str) -> T {
        let taken: Vec<&str> = self.devices.iter().map(|d| d.id.as_str()).chain(self.cameras.iter().map(|c| c.id.as_str())).collect();
        new_id(name, otherwise, &taken)
    }
}

/// A camera as an owner writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrittenCamera {
    /// What the home calls it.
    pub name: String,
    /// Whether an SOS may be raised from its Live View.
    pub sos_compatible: bool,
    /// Whether it can sound.
    pub has_siren: bool,
    /// Where its pictures come from; empty where that is not known yet.
    pub stream: String,
    /// Where smaller ones come from, for small screens; empty where there are none.
    pub small: String,
    /// When its pictures are fetched.
    pub keep: Keep,
}

impl Camera {
    /// Changes what can be changed of a camera.
    ///
    /// # Errors
    /// A name or a stream's address that is wrong.
    pub fn edit(&mut self, written: &WrittenCamera, allows: Allows) -> Result<(), Wrongs> {
        let mut form = Form::default();
        let (name, (stream, small)) = (form.line("name", &written.name), streams(&mut form, written, allows));
        form.done(())?;
        // A password is for the camera that it was given for, and is shown to no other.
        if self.stream.as_ref().map(StreamAddress::host) != stream.as_ref().map(StreamAddress::host) {
            self.login = None;
        }
        (self.name, self.stream, self.small, self.keep) = (name, stream, small, written.keep);
        (self.sos_compatible, self.has_siren) = (written.sos_compatible, written.has_siren);
        Ok(())
    }
}

/// Both streams. They lead to one and the same camera: its password is given to no other.
fn streams(form: &mut Form, written: &WrittenCamera, allows: Allows) -> (Option<StreamAddress>, Option<StreamAddress>) {
    let mut read = |field, text: &str| {
        let text = text.trim();
        let inside = |address: StreamAddress| address.is_inside(allows).then_some(address).ok_or(Fault::NotPrivate);
        (!text.is_empty()).then(|| text.parse().and_then(inside).map_err(|fault| form.wrong(field, fault)).ok()).flatten()
    };
    let (stream, small) = (read("stream", &written.stream), read("small", &written.small));
    if small.is_some() && stream.as_ref().map(StreamAddress::host) != small.as_ref().map(StreamAddress::host) {
        form.wrong("small", Fault::AnotherCamera);
    }
    (stream, small)
}

/// A short name that is not taken: from what people call it, with a number where that is taken.
fn new_id<T: FromStr>(name: &str, otherwise: &str, taken: &[&str]) -> T {
    let plain: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).take(40).collect();
    let mut stem = plain.split('-').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("-");
    if stem.is_empty() {
        stem = otherwise.into();
    }
    let free = (1..).map(|n| if n == 1 { stem.clone() } else { format!("{stem}-{n}") }).find(|id| !taken.contains(&id.as_str()));
    free.and_then(|id| id.parse().ok()).unwrap_or_else(|| unreachable!("some number is free, and letters, digits and hyphens make an id"))
}

/// Countries whose addresses name a state or province (UPU S42).
fn needs_region(country: &str) -> bool {
    ["US", "CA", "AU", "BR", "MX", "IN", "CN", "JP"].contains(&country)
}
