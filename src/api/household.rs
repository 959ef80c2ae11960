//! What only owners see and change of a home, beyond the dashboard.

use super::{heard::Heard, invitations::Invited};
use crate::domain::{
    access::Role,
    camera::{CameraKind, Keep},
    contact::Standing,
    device::DeviceKind,
    home::{Address, ResponderNotes},
    id::{CameraId, ContactId, IncidentId, UserId},
    time::Timestamp,
};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

/// The part of a home that only owners see.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Household {
    /// The people with an account who may view the home.
    pub people: Vec<Resident>,
    /// Invitations that nobody has accepted yet.
    pub invitations: Vec<Invited<Role>>,
    /// The streams of the cameras.
    pub streams: Vec<Stream>,
    /// Whether each emergency contact counts as ready, in call order.
    #[serde(default)]
    pub contacts: Vec<Counted>,
    /// Notes for responders.
    #[serde(default, deserialize_with = "notes")]
    pub notes: ResponderNotes,
    /// Whether a verbal password is set. It is never readable.
    pub verbal_password_set: bool,
}

/// Reads notes in an answer. Stored notes and those of a request have these fields and no others; an
/// answer may have a note that only a newer server knows, which is left out.
pub(super) fn notes<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<ResponderNotes, D::Error> {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Notes {
        gate: String,
        pets: String,
        medical: String,
        permit: String,
        permit_until: String,
    }
    let Notes { gate, pets, medical, permit, permit_until } = Notes::deserialize(deserializer)?;
    Ok(ResponderNotes { gate, pets, medical, permit, permit_until })
}

/// Whether an emergency contact counts as ready.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Counted {
    /// The name that the home gave this person.
    pub name: String,
    /// Whether the contact counts as ready, and why not.
    #[schema(value_type = Standing)]
    pub standing: Heard<Standing>,
}

/// An incident whose webhook messages another server does not accept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Undelivered {
    /// The id of the delivery, for sending it again.
    pub id: String,
    /// The host of that server.
    pub host: String,
    /// The incident.
    #[schema(value_type = String)]
    pub incident: IncidentId,
    /// Since when the deliveries fail.
    #[schema(value_type = String, format = DateTime)]
    pub since: Timestamp,
    /// The reason, in a few words.
    pub why: String,
    /// Whether the server no longer retries by itself.
    pub given_up: bool,
}

/// A person with an account who may view the home.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Resident {
    /// The account.
    #[schema(value_type = String)]
    pub id: UserId,
    /// The person's name.
    pub name: String,
    /// The account's e-mail address.
    pub email: String,
    /// The person's role in the home.
    #[schema(value_type = Role)]
    pub role: Heard<Role>,
    /// Whether an owner withdrew the right to request help from a shared user (R6).
    pub sos_withdrawn: bool,
    /// Whether this is the requesting account.
    pub you: bool,
}

/// The stream of a camera.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Stream {
    /// The camera.
    #[schema(value_type = String)]
    pub camera: CameraId,
    /// The RTSP address.
    pub address: String,
    /// The RTSP address of a stream with smaller pictures, for small screens; empty if there is
    /// none.
    #[serde(default)]
    pub small: String,
    /// Whether a user name and a password are stored for it.
    #[serde(default)]
    pub has_login: bool,
    /// When the server fetches its pictures.
    #[serde(default = "on_demand")]
    #[schema(value_type = Keep)]
    pub keep: Heard<Keep>,
}

fn on_demand() -> Heard<Keep> {
    Keep::default().into()
}

/// Changes a person's role and rights in a home.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EditResident {
    /// The new role.
    pub role: Role,
    /// Whether to withdraw the right to request help from a shared user (R6).
    #[serde(default)]
    pub sos_withdrawn: bool,
}

/// A new name.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Rename {
    /// 1 to 100 characters.
    pub name: String,
}

/// The address that help is sent to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EditAddress {
    /// House and street.
    pub line1: String,
    /// Apartment or floor.
    #[serde(default)]
    pub line2: Option<String>,
    /// City or town.
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

/// The settings of the household.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EditSettings {
    /// The countdown in which an SOS can be canceled, 5 to 15 seconds (R10).
    pub countdown_s: u8,
    /// After how long sirens stop by themselves, 60 to 600 seconds (R19).
    pub siren_duration_s: u16,
    /// Whether cameras with a siren sound together with the base station (R12).
    pub cameras_sound_with_base_station: bool,
}

/// Whether devices are restricted that sign in without their account's passkey.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = EditHolding)]
pub struct EditDeviceRestriction {
    /// Whether such a device may not request help for a day. It may sound sirens and run drills.
    #[serde(rename = "hold_new_devices")]
    pub restrict_new_devices: bool,
}

/// The emergency contacts, in call order: 2 to 10 people.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EditContacts {
    /// The contacts.
    pub contacts: Vec<EditContact>,
}

/// An emergency contact, as an owner enters it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EditContact {
    /// The id of an existing contact; absent for a new one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub id: Option<ContactId>,
    /// The name that the home gives this person.
    pub name: String,
    /// A telephone number: international, or as it is dialed in the home's country.
    pub phone: String,
}

/// The link for a contact's phone. It is shown only once, and older links stop working.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ContactLink {
    /// The path of the contact's phone page.
    pub path: String,
}

/// Sets the verbal password.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EditVerbalPassword {
    /// The password that contacts must say to cancel, at least 4 characters.
    pub password: String,
    /// The current password, if one is set.
    #[serde(default)]
    pub current: Option<String>,
}

/// Checks whether an owner still knows the verbal password.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AskVerbalPassword {
    /// The password that the owner believes to be set.
    pub password: String,
}

/// The result of a check of the verbal password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Known)]
pub struct VerbalPasswordCheck {
    /// Whether the password was right.
    pub correct: bool,
}

/// Enrolls the cameras in SOS.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Enroll {
    /// Whether canceling requires the verbal password (R15).
    pub verbal_password_required: bool,
    /// The current verbal password. It is needed where this ends that canceling requires it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verbal_password: Option<String>,
    /// Must be true.
    pub accept_terms: bool,
}

/// A base station or keypad to add.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewDevice {
    /// The kind of device.
    pub kind: DeviceKind,
    /// `alarm`, `alarm_pro` or `keypad`.
    pub model: String,
    /// The name that the home gives it.
    pub name: String,
}

/// A camera or doorbell, as an owner enters it.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EditCamera {
    /// The kind of camera. It cannot be changed after the camera was added.
    pub kind: CameraKind,
    /// The name that the home gives it.
    pub name: String,
    /// Whether an SOS may be raised from its Live View.
    pub sos_compatible: bool,
    /// Whether it has a siren.
    pub has_siren: bool,
    /// An RTSP address in a private network, or in one that the server's configuration allows;
    /// empty if not known yet.
    #[serde(default)]
    pub stream: String,
    /// The RTSP address of a stream with smaller pictures, for small screens; empty if there is
    /// none.
    #[serde(default)]
    pub small: String,
    /// When the server fetches its pictures.
    #[serde(default)]
    pub keep: Keep,
    /// Its credentials, stored in the same step. Without this field, the stored ones stay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login: Option<EditLogin>,
}

/// The credentials of a camera. The server stores them encrypted and never returns them.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EditLogin {
    /// The user name; empty for none.
    pub user: String,
    /// The password.
    pub password: String,
}

/// Whether the server still needs its first owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FirstRun {
    /// Whether the first owner must still be created.
    pub needed: bool,
}

/// Creates the first owner, with a home.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Welcome {
    /// The one-time token that the server printed when it started.
    pub token: String,
    /// The owner's name.
    pub name: String,
    /// The owner's e-mail address.
    pub email: String,
    /// 12 to 256 characters.
    pub password: String,
    /// The name of the home.
    pub home: String,
    /// The IANA name of its time zone.
    pub time_zone: String,
}
