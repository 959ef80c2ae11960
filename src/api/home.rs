//! A home, in one answer: everything that the dashboard needs.

use super::{incident::Incident, path};
pub use crate::domain::readiness::CheckKind;
use crate::domain::{
    access::Role,
    camera::CameraKind,
    contact::Readiness,
    device::DeviceKind,
    eligibility::{Reason, Route},
    home::{Address, Home, Settings, Subscription},
    id::{CameraId, ContactId, DeviceId, HomeId, IncidentId},
    time::Timestamp,
};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{MapAccess, Visitor},
};
use utoipa::ToSchema;

/// The whole home, for one member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HomeAnswer {
    /// The server's time.
    #[schema(value_type = String)]
    pub server_time: Timestamp,
    /// What the member is to the home.
    pub role: Role,
    /// Name and place.
    pub home: HomeFacts,
    /// What was bought.
    pub subscription: Subscription,
    /// Where an SOS can be raised, and whether it would work.
    pub sos: Sos,
    /// How the household wants things done.
    pub settings: Settings,
    /// Base station and keypads.
    pub devices: Vec<Device>,
    /// Cameras and doorbells.
    pub cameras: Vec<Camera>,
    /// Whom the center calls, in order.
    pub contacts: Vec<Contact>,
    /// The incident that runs.
    pub incident: Option<Incident>,
    /// For owners: what was changed within the last day and can be undone, the newest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<Change>,
    /// Incidents that the server cannot advance. The newest stands first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub quarantined: Vec<Quarantined>,
}

impl HomeAnswer {
    /// Whether the server cannot advance that incident.
    pub fn is_quarantined(&self, incident: IncidentId) -> bool {
        self.quarantined.iter().any(|one| one.id == incident.to_string())
    }
}

/// An incident that the server cannot read or decide: nothing more happens in it by itself. An owner who has dealt with it ends it:
/// `DELETE /api/v1/homes/{home}/quarantine/{id}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Quarantined {
    /// The incident.
    pub id: String,
    /// Since when.
    #[schema(value_type = String)]
    pub since: Timestamp,
}

/// A change that can be undone: `POST /api/v1/homes/{home}/changes/{number}/undo`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Change {
    /// Its number.
    pub number: u64,
    /// When it was made.
    #[schema(value_type = String)]
    pub at: Timestamp,
    /// Who made it, by name.
    pub who: String,
    /// What was changed.
    pub what: Changed,
    /// What it was before, in one line.
    pub was: String,
}

/// What can be undone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Changed {
    /// Where help is sent.
    Address,
    /// Whom to call.
    Contacts,
}

/// Name and place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HomeFacts {
    /// Its short name.
    #[schema(value_type = String)]
    pub id: HomeId,
    /// What its people call it.
    pub name: String,
    /// IANA name of its time zone.
    pub time_zone: String,
    /// Where help is sent.
    pub address: Option<Address>,
}

impl HomeFacts {
    /// Those of a home.
    pub fn of(home: &Home) -> Self {
        Self { id: home.id.clone(), name: home.name.clone(), time_zone: home.time_zone.clone(), address: home.address.clone() }
    }
}

/// Where an SOS can be raised, and whether it would work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Sos {
    /// The dashboard's shield.
    pub dashboard: Availability,
    /// Each camera's shield.
    #[schema(value_type = std::collections::BTreeMap<String, Availability>)]
    pub live_view: ByCamera,
    /// Sound Siren Only.
    pub siren: Availability,
    /// Would it work now?
    pub ready: Ready,
    /// Until when the device that asks requests no help: it came without its account's passkey.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub held_until: Option<Timestamp>,
}

/// Each camera's shield, in the order of the cameras; an object on the wire. A home has few cameras, so a list is map enough.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ByCamera(pub Vec<(CameraId, Availability)>);

impl ByCamera {
    /// The shield of one camera.
    pub fn get(&self, camera: &CameraId) -> Option<&Availability> {
        self.0.iter().find(|(id, _)| id == camera).map(|(_, availability)| availability)
    }
}

impl Serialize for ByCamera {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(id, availability)| (id, availability)))
    }
}

impl<'de> Deserialize<'de> for ByCamera {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Cameras;
        impl<'de> Visitor<'de> for Cameras {
            type Value = ByCamera;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object with a field for each camera")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<ByCamera, A::Error> {
                let mut all = Vec::new();
                while let Some(field) = fields.next_entry()? {
                    all.push(field);
                }
                Ok(ByCamera(all))
            }
        }
        deserializer.deserialize_map(Cameras)
    }
}

/// Whether something can be used, by which route, or why not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Availability {
    /// Whether it can.
    pub available: bool,
    /// By which routes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub via: Vec<Route>,
    /// Why not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

impl From<Result<Vec<Route>, Reason>> for Availability {
    fn from(answer: Result<Vec<Route>, Reason>) -> Self {
        match answer {
            Ok(via) => Self { available: true, via, reason: None },
            Err(reason) => Self { available: false, via: Vec::new(), reason: Some(reason) },
        }
    }
}

/// Whether an SOS would work now (R23).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Ready {
    /// Whether every check holds.
    pub ok: bool,
    /// What was checked.
    pub checks: Vec<Check>,
}

impl Ready {
    /// What an SOS lacks. Devices that need a look keep no help away.
    pub fn lacks(&self) -> Vec<CheckKind> {
        self.checks.iter().filter(|check| !check.ok && check.what != CheckKind::Devices).map(|check| check.what).collect()
    }
}

/// One thing that an SOS needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Check {
    /// What.
    pub what: CheckKind,
    /// Whether it holds.
    pub ok: bool,
    /// When that was last proved.
    #[schema(value_type = String)]
    pub at: Timestamp,
    /// In a few words.
    pub detail: String,
    /// How many there are, of what is counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
}

/// Whether a siren sounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SirenState {
    /// It is quiet.
    Silent,
    /// It sounds.
    Sounding,
}

/// A base station or keypad with its state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Device {
    /// Its short name.
    #[schema(value_type = String)]
    pub id: DeviceId,
    /// What it is.
    pub kind: DeviceKind,
    /// `alarm`, `alarm_pro` or `keypad`.
    pub model: String,
    /// What the home calls it.
    pub name: String,
    /// Whether it is connected.
    pub online: bool,
    /// Whether it sounds.
    pub siren: SirenState,
}

/// A camera with its state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Camera {
    /// Its short name.
    #[schema(value_type = String)]
    pub id: CameraId,
    /// What it is.
    pub kind: CameraKind,
    /// What the home calls it.
    pub name: String,
    /// Whether it is connected.
    pub online: bool,
    /// Whether an SOS may be raised from its Live View.
    pub sos_compatible: bool,
    /// Whether it can sound.
    pub has_siren: bool,
    /// Whether it sounds.
    pub siren: SirenState,
    /// Whether its picture can be watched: `GET /api/v1/cameras/{id}/live`.
    pub live: bool,
    /// Whether there is a still of it: `GET /api/v1/cameras/{id}/still`.
    #[serde(default)]
    pub still: bool,
}

impl Camera {
    /// Where its latest picture is, if it has any.
    pub fn still(&self, home: &HomeId) -> Option<String> {
        self.still.then(|| path::still(home, &self.id))
    }
}

/// An emergency contact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Contact {
    /// Its short name.
    #[schema(value_type = String)]
    pub id: ContactId,
    /// Its place in the order, from 1.
    pub order: u8,
    /// What the home calls this person.
    pub name: String,
    /// E.164.
    pub phone: String,
    /// Whether the person has agreed.
    pub ready: Readiness,
    /// Whether there is a link by which the person can agree, and be called.
    #[serde(default)]
    pub linked: bool,
    /// When this person last answered a call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub reached_at: Option<Timestamp>,
    /// In a demo: the path of the contact's phone page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone_link: Option<String>,
}
