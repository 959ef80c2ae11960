//! A home with everything that the dashboard needs, in one answer.

use super::{
    heard::{self, Heard},
    incident::Incident,
    path,
};
pub use crate::domain::readiness::CheckKind;
use crate::domain::{
    access::Role,
    camera::CameraKind,
    contact::Readiness,
    device::DeviceKind,
    eligibility::{Reason, Route},
    home::{self, Address, Enrolment, Home, Plan, Settings, undo},
    id::{CameraId, ContactId, DeviceId, HomeId, IncidentId},
    time::Timestamp,
};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{MapAccess, Visitor},
};
use utoipa::ToSchema;

/// A home as one of its members sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HomeAnswer {
    /// The server's time.
    #[schema(value_type = String)]
    pub server_time: Timestamp,
    /// The member's role in the home.
    #[schema(value_type = Role)]
    pub role: Heard<Role>,
    /// The name and the place of the home.
    pub home: HomeFacts,
    /// The subscription of the home.
    pub subscription: Subscription,
    /// Where an SOS can be raised, and whether it would work.
    pub sos: Sos,
    /// The settings of the household.
    pub settings: Settings,
    /// The base station and the keypads.
    #[serde(deserialize_with = "heard::readable")]
    pub devices: Vec<Device>,
    /// The cameras and doorbells.
    #[serde(deserialize_with = "heard::readable")]
    pub cameras: Vec<Camera>,
    /// The emergency contacts, in call order.
    #[serde(deserialize_with = "heard::readable")]
    pub contacts: Vec<Contact>,
    /// The running incident.
    pub incident: Option<Incident>,
    /// For owners: the changes of the last day that can be undone, the newest first.
    #[serde(default, deserialize_with = "heard::readable", skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<Change>,
    /// Incidents that the server cannot advance, the newest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub quarantined: Vec<Quarantined>,
}

impl HomeAnswer {
    /// Whether the server cannot advance this incident.
    pub fn is_quarantined(&self, incident: IncidentId) -> bool {
        self.quarantined.iter().any(|one| one.id == incident.to_string())
    }
}

/// An incident that the server cannot read or decide, so that it does not advance. An owner who has
/// handled it ends it: `DELETE /api/v1/homes/{home}/quarantine/{id}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Quarantined {
    /// The id of the incident.
    pub id: String,
    /// When it was quarantined.
    #[schema(value_type = String)]
    pub since: Timestamp,
}

/// A change that can be undone: `POST /api/v1/homes/{home}/changes/{number}/undo`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Change {
    /// Its number, unique within the home.
    pub number: u64,
    /// When it was made.
    #[schema(value_type = String)]
    pub at: Timestamp,
    /// The name of the person who made it.
    pub who: String,
    /// What was changed.
    pub what: Changed,
    /// The value before the change, in one line.
    pub was: String,
}

/// A change of the last day before an incident began, for the people who decide on the incident.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RecentChange {
    /// What was changed.
    pub what: Changed,
    /// When it was made.
    #[schema(value_type = String)]
    pub at: Timestamp,
    /// The name of the person who made it.
    pub who: String,
}

impl From<&undo::RecentChange> for RecentChange {
    fn from(change: &undo::RecentChange) -> Self {
        Self { what: change.what.into(), at: change.at, who: change.by.clone() }
    }
}

impl From<undo::ChangedPart> for Changed {
    fn from(part: undo::ChangedPart) -> Self {
        match part {
            undo::ChangedPart::Address => Self::Address,
            undo::ChangedPart::Contacts => Self::Contacts,
            undo::ChangedPart::Link => Self::Link,
        }
    }
}

/// The values whose changes can be undone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Changed {
    /// The address that help is sent to.
    Address,
    /// The emergency contacts.
    Contacts,
    /// The link of a contact's page.
    Link,
    /// A word that only a newer server knows.
    #[serde(other)]
    Other,
}

/// A home's subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Subscription {
    /// The plan.
    #[schema(value_type = Plan)]
    pub plan: Heard<Plan>,
    /// Whether the monitoring center watches the alarm; without it the alarm is self-monitored.
    pub professional_monitoring: bool,
    /// The enrollment that lets compatible cameras raise an SOS.
    #[schema(value_type = Enrolment)]
    pub sos_for_cameras: Heard<Enrolment>,
}

impl From<home::Subscription> for Subscription {
    fn from(bought: home::Subscription) -> Self {
        Self {
            plan: bought.plan.into(),
            professional_monitoring: bought.professional_monitoring,
            sos_for_cameras: bought.sos_for_cameras.into(),
        }
    }
}

/// The name and the place of a home.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HomeFacts {
    /// The home's id.
    #[schema(value_type = String)]
    pub id: HomeId,
    /// The home's name.
    pub name: String,
    /// IANA name of its time zone.
    pub time_zone: String,
    /// The address that help is sent to.
    pub address: Option<Address>,
}

impl HomeFacts {
    /// Creates it from a home.
    pub fn of(home: &Home) -> Self {
        Self {
            id: home.id.clone(),
            name: home.name.clone(),
            time_zone: home.time_zone.clone(),
            address: home.address.clone(),
        }
    }
}

/// Where an SOS can be raised, and whether it would work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Sos {
    /// Whether the shield on the dashboard is available.
    pub dashboard: Availability,
    /// Whether the shield in each camera's Live View is available, by the id of the camera.
    #[schema(value_type = std::collections::BTreeMap<String, Availability>)]
    pub live_view: ByCamera,
    /// Whether Sound Siren Only is available.
    pub siren: Availability,
    /// Whether an SOS would work now (R23).
    pub ready: Ready,
    /// When the restriction of the requesting device ends. Until then it may not request help,
    /// because it was signed in without the account's passkey.
    #[serde(default, rename = "held_until", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub restricted_until: Option<Timestamp>,
}

/// The availability of each camera's shield, in the order of the cameras; an object on the wire. A
/// list is sufficient, because a home has few cameras.
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
                let all = std::iter::from_fn(|| fields.next_entry().transpose());
                all.collect::<Result<_, _>>().map(ByCamera)
            }
        }
        deserializer.deserialize_map(Cameras)
    }
}

/// Whether an action is available, by which routes, or why not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Availability {
    /// Whether the action is available.
    pub available: bool,
    /// The routes by which it is available.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<Route>)]
    pub via: Vec<Heard<Route>>,
    /// Why it is not available.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Reason>)]
    pub reason: Option<Heard<Reason>>,
}

impl From<Result<Vec<Route>, Reason>> for Availability {
    fn from(answer: Result<Vec<Route>, Reason>) -> Self {
        match answer {
            Ok(via) => Self { available: true, via: Heard::all(via), reason: None },
            Err(reason) => Self { available: false, via: Vec::new(), reason: Some(reason.into()) },
        }
    }
}

/// Whether an SOS would work now (R23).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Ready {
    /// Whether every check holds. Problems of devices do not count.
    pub ok: bool,
    /// The checks.
    pub checks: Vec<Check>,
}

/// A check of one requirement of a working SOS.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Check {
    /// The requirement.
    #[schema(value_type = CheckKind)]
    pub what: Heard<CheckKind>,
    /// Whether the requirement is met.
    pub ok: bool,
    /// When that was last confirmed.
    #[schema(value_type = String)]
    pub at: Timestamp,
    /// A short description of the state.
    pub detail: String,
    /// The number of items, for checks that count some, such as ready contacts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
}

/// Whether a siren sounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SirenState {
    /// It is silent.
    Silent,
    /// It sounds.
    Sounding,
    /// A word that only a newer server knows.
    #[serde(other)]
    Other,
}

/// A base station or keypad with its state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Device {
    /// The device's id.
    #[schema(value_type = String)]
    pub id: DeviceId,
    /// The kind of device.
    #[schema(value_type = DeviceKind)]
    pub kind: Heard<DeviceKind>,
    /// `alarm`, `alarm_pro` or `keypad`.
    pub model: String,
    /// The name that the home gave it.
    pub name: String,
    /// Whether it is connected.
    pub online: bool,
    /// Whether it sounds.
    pub siren: SirenState,
}

/// A camera with its state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Camera {
    /// The camera's id.
    #[schema(value_type = String)]
    pub id: CameraId,
    /// The kind of camera.
    #[schema(value_type = CameraKind)]
    pub kind: Heard<CameraKind>,
    /// The name that the home gave it.
    pub name: String,
    /// Whether it is connected.
    pub online: bool,
    /// Whether an SOS may be raised from its Live View.
    pub sos_compatible: bool,
    /// Whether it has a siren.
    pub has_siren: bool,
    /// Whether it sounds.
    pub siren: SirenState,
    /// Whether its stream can be watched: `GET /api/v1/cameras/{id}/live`.
    pub live: bool,
    /// Whether it has a still: `GET /api/v1/cameras/{id}/still`.
    #[serde(default)]
    pub still: bool,
}

impl Camera {
    /// The path of its latest still, if it has one.
    pub fn still(&self, home: &HomeId) -> Option<String> {
        self.still.then(|| path::still(home, &self.id))
    }
}

/// An emergency contact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Contact {
    /// The contact's id.
    #[schema(value_type = String)]
    pub id: ContactId,
    /// The place in the call order, from 1.
    pub order: u8,
    /// The name that the home gave this person.
    pub name: String,
    /// The telephone number, E.164.
    pub phone: String,
    /// Whether the person has agreed to be a contact.
    #[schema(value_type = Readiness)]
    pub ready: Heard<Readiness>,
    /// Whether there is a link with which the person can agree and be called.
    #[serde(default)]
    pub linked: bool,
    /// When this person last answered a call, or a question about the verbal password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub reached_at: Option<Timestamp>,
    /// In a demo: the path of the contact's phone page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone_link: Option<String>,
}
