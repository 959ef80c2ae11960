//! What owners see and change of their home beyond the dashboard.

use super::invitations::Invited;
use crate::domain::{
    access::Role,
    camera::{CameraKind, Keep},
    contact::Standing,
    device::DeviceKind,
    home::{Address, ResponderNotes},
    id::{CameraId, ContactId, IncidentId, UserId},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What only owners see.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Household {
    /// Everybody with an account who may look at the home.
    pub people: Vec<Resident>,
    /// Who was invited and has not come yet.
    pub invitations: Vec<Invited<Role>>,
    /// Where cameras' pictures come from.
    pub streams: Vec<Stream>,
    /// Whether contacts can be counted on, in their order.
    #[serde(default)]
    pub contacts: Vec<Counted>,
    /// What responders should know.
    #[serde(default)]
    pub notes: ResponderNotes,
    /// Whether a verbal password is set. It is never readable.
    pub verbal_password_set: bool,
}

/// Whether a contact can be counted on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Counted {
    /// What the home calls this person.
    pub name: String,
    /// Whether, and why not.
    pub standing: Standing,
}

/// An incident of which another server does not take a step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Undelivered {
    /// Names it when it is tried again.
    pub id: String,
    /// Where that server is.
    pub host: String,
    /// The incident.
    #[schema(value_type = String)]
    pub incident: IncidentId,
    /// Since when it is not taken.
    #[schema(value_type = String, format = DateTime)]
    pub since: Timestamp,
    /// Why, in a few words.
    pub why: String,
    /// Whether it is not tried any more by itself.
    pub given_up: bool,
}

/// Somebody with an account who may look at the home.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Resident {
    /// The account.
    #[schema(value_type = String)]
    pub id: UserId,
    /// What people call them.
    pub name: String,
    /// The account's e-mail address.
    pub email: String,
    /// What they are to the home.
    pub role: Role,
    /// Whether the SOS right was taken from a shared user (R6).
    pub sos_withdrawn: bool,
    /// Whether it is the one who asks.
    pub you: bool,
}

/// Where a camera's pictures come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Stream {
    /// The camera.
    #[schema(value_type = String)]
    pub camera: CameraId,
    /// An RTSP address.
    pub address: String,
    /// Another one, of smaller pictures for small screens; empty where there is none.
    #[serde(default)]
    pub small: String,
    /// Whether a user name and a password are kept for it.
    #[serde(default)]
    pub has_login: bool,
    /// When its pictures are fetched.
    #[serde(default)]
    pub keep: Keep,
}

/// Changes what somebody may do.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EditResident {
    /// What they are to the home from now on.
    pub role: Role,
    /// Whether the SOS right is taken from a shared user (R6).
    #[serde(default)]
    pub sos_withdrawn: bool,
}

/// A name for something.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Rename {
    /// 1 to 100 characters.
    pub name: String,
}

/// Where help is sent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EditAddress {
    /// House and street.
    pub line1: String,
    /// Apartment or floor.
    #[serde(default)]
    pub line2: Option<String>,
    /// Town.
    pub city: String,
    /// State or province, where the country has them.
    #[serde(default)]
    pub region: String,
    /// ZIP or postal code.
    pub postal_code: String,
    /// ISO 3166-1 alpha-2.
    pub country: String,
}

impl From<EditAddress> for Address {
    fn from(EditAddress { line1, line2, city, region, postal_code, country }: EditAddress) -> Self {
        Self { line1, line2, city, region, postal_code, country }
    }
}

impl From<Address> for EditAddress {
    fn from(Address { line1, line2, city, region, postal_code, country }: Address) -> Self {
        Self { line1, line2, city, region, postal_code, country }
    }
}

/// How the household wants things done.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EditSettings {
    /// How long an SOS can be cancelled, 5 to 15 seconds (R10).
    pub countdown_s: u8,
    /// When sirens stop by themselves, 60 to 600 seconds (R19).
    pub siren_duration_s: u16,
    /// Whether cameras with a siren sound together with the base station (R12).
    pub cameras_sound_with_base_station: bool,
}

/// Whether devices that come without their account's passkey are held.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EditHolding {
    /// For a day they request no help; sirens and practice go on.
    pub hold_new_devices: bool,
}

/// Whom to call, in order: 2 to 10 people.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EditContacts {
    /// The list.
    pub contacts: Vec<EditContact>,
}

/// One contact, as an owner writes it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EditContact {
    /// The contact that it was; absent for a new one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub id: Option<ContactId>,
    /// What the home calls this person.
    pub name: String,
    /// A telephone number: international, or as it is dialed in the home's country.
    pub phone: String,
}

/// The link for a contact's phone. It is shown once; an older one stops to work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ContactLink {
    /// The path of the contact's phone page.
    pub path: String,
}

/// Sets the verbal password.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EditVerbalPassword {
    /// What contacts must say to call help off, at least 4 characters.
    pub password: String,
    /// What it was, where one is set.
    #[serde(default)]
    pub current: Option<String>,
}

/// Do you still know it?
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AskVerbalPassword {
    /// What an owner believes it to be.
    pub password: String,
}

/// Whether it was right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Known {
    /// Whether it was right.
    pub correct: bool,
}

/// Enrolls the cameras in SOS.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Enroll {
    /// Whether calling help off needs the verbal password (R15).
    pub verbal_password_required: bool,
    /// Must be true.
    pub accept_terms: bool,
}

/// A base station or keypad to add.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewDevice {
    /// What it is.
    pub kind: DeviceKind,
    /// `alarm`, `alarm_pro` or `keypad`.
    pub model: String,
    /// What the home calls it.
    pub name: String,
}

/// A camera or doorbell, as an owner writes it.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EditCamera {
    /// What it is; it stays what it was when it was added.
    pub kind: CameraKind,
    /// What the home calls it.
    pub name: String,
    /// Whether an SOS may be raised from its Live View.
    pub sos_compatible: bool,
    /// Whether it can sound.
    pub has_siren: bool,
    /// An RTSP address in the house's own network; empty where it is not known yet.
    #[serde(default)]
    pub stream: String,
    /// Another one, of smaller pictures for small screens; empty where there is none.
    #[serde(default)]
    pub small: String,
    /// When its pictures are fetched.
    #[serde(default)]
    pub keep: Keep,
}

/// How one signs in to a camera. It is kept sealed, and never read again by anybody.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EditLogin {
    /// The user name; empty for none.
    pub user: String,
    /// The password.
    pub password: String,
}

/// Whether nobody lives here yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FirstRun {
    /// Whether the first owner is still to come.
    pub needed: bool,
}

/// The first owner, with a home.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Welcome {
    /// The one-time token that the server printed when it started.
    pub token: String,
    /// What people call the owner.
    pub name: String,
    /// The owner's e-mail address.
    pub email: String,
    /// 12 to 256 characters.
    pub password: String,
    /// What the home is called.
    pub home: String,
    /// IANA name of its time zone.
    pub time_zone: String,
}
