//! One location: address, subscription, devices, cameras, contacts, and how the household wants things done.

pub mod edit;
pub mod responders;
pub mod settings;
pub mod undo;

use super::{
    camera::Camera,
    contact::Contact,
    device::{Device, DeviceKind, Wire},
    id::{CameraId, DeviceId, HomeId},
};
pub use responders::ResponderNotes;
use serde::{Deserialize, Serialize};
pub use settings::Settings;
pub use undo::Change;

/// A home, as it is set up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Home {
    /// Its short name in paths.
    pub id: HomeId,
    /// What its people call it.
    pub name: String,
    /// IANA name of its time zone.
    pub time_zone: String,
    /// Where help is sent; without one there is no SOS.
    pub address: Option<Address>,
    /// What was bought.
    pub subscription: Subscription,
    /// How the household wants things done.
    pub settings: Settings,
    /// Base station and keypads.
    pub devices: Vec<Device>,
    /// Cameras and doorbells.
    pub cameras: Vec<Camera>,
    /// Whom to call, in order.
    pub contacts: Vec<Contact>,
    /// Argon2id hash of the verbal password, in PHC form. Never leaves the server.
    pub verbal_password: Option<String>,
    /// What was changed within the last day and can be undone, the oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<Change>,
    /// How sirens are spoken to, as far as owners chose it; the server's configuration goes before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub wires: Vec<Wire>,
    /// What responders should know.
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

/// What a home has bought.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Subscription {
    /// The plan.
    pub plan: Plan,
    /// Whether the monitoring center watches the alarm; without it the alarm is self-monitored.
    pub professional_monitoring: bool,
    /// The enrolment that lets compatible cameras raise an SOS.
    pub sos_for_cameras: Enrolment,
}

/// A home's plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Plan {
    /// No plan.
    None,
    /// The small one.
    Basic,
    /// The one that SOS needs.
    HomePremium,
}

/// Whether cameras may raise an SOS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Enrolment {
    /// Not asked for.
    NotEnrolled,
    /// Asked for and accepted.
    Enrolled,
}

impl Home {
    /// Its base station, if it has one.
    pub fn base_station(&self) -> Option<&Device> {
        self.devices.iter().find(|d| d.kind == DeviceKind::BaseStation)
    }

    /// What the home calls a device or camera.
    pub fn name_of(&self, device: &DeviceId) -> Option<&str> {
        let devices = self.devices.iter().map(|d| (d.id.as_str(), d.name.as_str()));
        let cameras = self.cameras.iter().map(|c| (c.id.as_str(), c.name.as_str()));
        devices.chain(cameras).find(|(id, _)| *id == device.as_str()).map(|(_, name)| name)
    }

    /// Whether a device or camera can sound.
    pub fn has_siren(&self, device: &DeviceId) -> bool {
        self.devices.iter().any(|d| d.id == *device) || self.cameras.iter().any(|c| c.has_siren && c.id.as_str() == device.as_str())
    }

    /// The camera of that name.
    pub fn camera(&self, id: &CameraId) -> Option<&Camera> {
        self.cameras.iter().find(|c| c.id == *id)
    }

    /// Whether calling help off needs the verbal password: always with an alarm; otherwise as chosen at enrolment (R15).
    pub fn verbal_password_required(&self) -> bool {
        self.base_station().is_some() || self.settings.verbal_password_required
    }
}

impl Address {
    /// In one line, as it is said to responders.
    pub fn one_line(&self) -> String {
        let street = match &self.line2 {
            Some(line2) => format!("{}, {line2}", self.line1),
            None => self.line1.clone(),
        };
        let town = [&self.city, &self.region].into_iter().filter(|part| !part.is_empty()).cloned().collect::<Vec<_>>().join(", ");
        format!("{street}, {town} {}, {}", self.postal_code, self.country)
    }

    /// The country's emergency number.
    pub fn emergency_number(&self) -> &'static str {
        emergency_number(&self.country)
    }
}

/// The emergency number of a country, ISO 3166-1 alpha-2. 112 is answered from every mobile network (3GPP TS 22.101).
pub fn emergency_number(country: &str) -> &'static str {
    match country {
        "US" | "CA" | "MX" => "911",
        "GB" | "IE" => "999",
        "AU" => "000",
        "NZ" => "111",
        _ => "112",
    }
}
