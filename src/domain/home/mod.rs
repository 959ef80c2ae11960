//! One location: address, subscription, devices, cameras, contacts and settings.

pub mod edit;
mod former;
pub mod responders;
pub mod settings;
pub mod undo;

use super::{
    camera::Camera,
    contact::Contact,
    device::{Device, DeviceKind, SirenBinding},
    id::{CameraId, DeviceId, HomeId},
};
pub use former::FormerFirst;
pub use responders::ResponderNotes;
use serde::{Deserialize, Serialize};
pub use settings::Settings;
pub use undo::{Change, ChangedPart, RecentChange};

/// A home and its setup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Home {
    /// Its id, as in paths.
    pub id: HomeId,
    /// Its display name.
    pub name: String,
    /// IANA name of its time zone.
    pub time_zone: String,
    /// The address that help is sent to; without one there is no SOS.
    pub address: Option<Address>,
    /// The purchased services.
    pub subscription: Subscription,
    /// The household's settings.
    pub settings: Settings,
    /// Base station and keypads.
    pub devices: Vec<Device>,
    /// Cameras and doorbells.
    pub cameras: Vec<Camera>,
    /// The emergency contacts, in the order of calls.
    pub contacts: Vec<Contact>,
    /// Argon2id hash of the verbal password, in PHC form. Never leaves the server.
    pub verbal_password: Option<String>,
    /// Changes of the last day that can be undone, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<Change>,
    /// The first contacts of before the changes of the last day, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub former: Vec<FormerFirst>,
    /// The highest number of a contact's link so far.
    #[serde(default)]
    pub last_link: u64,
    /// How sirens are reached, as configured by owners. The server's configuration takes
    /// precedence.
    #[serde(default, rename = "wires", skip_serializing_if = "Vec::is_empty")]
    pub siren_bindings: Vec<SirenBinding>,
    /// Notes for responders.
    #[serde(default, skip_serializing_if = "ResponderNotes::is_empty")]
    pub notes: ResponderNotes,
}

/// A postal address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Address {
    /// House and street.
    pub line1: String,
    /// Apartment or floor.
    pub line2: Option<String>,
    /// Town.
    pub city: String,
    /// State or province.
    pub region: String,
    /// ZIP or postal code.
    pub postal_code: String,
    /// ISO 3166-1 alpha-2.
    pub country: String,
}

/// A home's subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Subscription {
    /// The plan.
    pub plan: Plan,
    /// Whether the monitoring center watches the alarm; without it the alarm is self-monitored.
    pub professional_monitoring: bool,
    /// The enrollment that lets compatible cameras raise an SOS.
    pub sos_for_cameras: Enrolment,
}

/// A home's plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Plan {
    /// No plan.
    None,
    /// A plan without SOS.
    Basic,
    /// The plan that SOS needs.
    HomePremium,
}

/// Whether cameras may raise an SOS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Enrolment {
    /// Not requested.
    NotEnrolled,
    /// Requested, with the terms accepted.
    Enrolled,
}

impl Home {
    /// Creates a home with every service but SOS for cameras, in which nothing is set up yet.
    pub fn new(id: HomeId, name: String, time_zone: String) -> Self {
        Self {
            id,
            name,
            time_zone,
            address: None,
            subscription: Subscription {
                plan: Plan::HomePremium,
                professional_monitoring: true,
                sos_for_cameras: Enrolment::NotEnrolled,
            },
            settings: Settings::default(),
            devices: Vec::new(),
            cameras: Vec::new(),
            contacts: Vec::new(),
            verbal_password: None,
            changes: Vec::new(),
            former: Vec::new(),
            last_link: 0,
            siren_bindings: Vec::new(),
            notes: ResponderNotes::default(),
        }
    }

    /// Its base station, if it has one.
    pub fn base_station(&self) -> Option<&Device> {
        self.devices.iter().find(|d| d.kind == DeviceKind::BaseStation)
    }

    /// Returns the display name of a device or camera, if it exists.
    pub fn name_of(&self, device: &DeviceId) -> Option<&str> {
        let devices = self.devices.iter().map(|d| (d.id.as_str(), d.name.as_str()));
        let cameras = self.cameras.iter().map(|c| (c.id.as_str(), c.name.as_str()));
        devices.chain(cameras).find(|(id, _)| *id == device.as_str()).map(|(_, name)| name)
    }

    /// Whether a device or camera has a siren.
    pub fn has_siren(&self, device: &DeviceId) -> bool {
        self.devices.iter().any(|d| d.id == *device)
            || self.cameras.iter().any(|c| c.has_siren && c.id.as_str() == device.as_str())
    }

    /// Returns the camera with this id, if it exists.
    pub fn camera(&self, id: &CameraId) -> Option<&Camera> {
        self.cameras.iter().find(|c| c.id == *id)
    }

    /// Whether canceling needs the verbal password: always with a base station, otherwise as chosen
    /// at enrollment (R15).
    pub fn verbal_password_required(&self) -> bool {
        self.base_station().is_some() || self.settings.verbal_password_required
    }
}

impl Address {
    /// The address in one line, as responders are told.
    pub fn one_line(&self) -> String {
        let street = match &self.line2 {
            Some(line2) => format!("{}, {line2}", self.line1),
            None => self.line1.clone(),
        };
        let town = [&self.city, &self.region]
            .into_iter()
            .filter(|part| !part.is_empty())
            .cloned()
            .collect::<Vec<_>>()
            .join(", ");
        format!("{street}, {town} {}, {}", self.postal_code, self.country)
    }

    /// The country's emergency number.
    pub fn emergency_number(&self) -> &'static str {
        emergency_number(&self.country)
    }
}

/// The emergency number of a country, ISO 3166-1 alpha-2. 112 is answered from every mobile network
/// (3GPP TS 22.101).
pub fn emergency_number(country: &str) -> &'static str {
    match country {
        "US" | "CA" | "MX" => "911",
        "GB" | "IE" => "999",
        "AU" => "000",
        "NZ" => "111",
        _ => "112",
    }
}
