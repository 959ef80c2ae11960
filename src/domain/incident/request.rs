//! What people ask for, from where, and who they are.

use crate::domain::id::{CameraId, ContactId, UserId};
use serde::{Deserialize, Serialize};

/// Whom help can be requested from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Service {
    /// Police.
    Police,
    /// Fire department.
    Fire,
    /// Medical help.
    Medical,
}

/// What a person asks for with one gesture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    /// Police.
    Police,
    /// Fire department.
    Fire,
    /// Medical help.
    Medical,
    /// Sirens, and nothing else.
    Siren,
}

impl Request {
    /// All of them, in the order of the sheet.
    pub const ALL: [Self; 4] = [Self::Police, Self::Fire, Self::Medical, Self::Siren];

    /// The service that it asks for, if any.
    pub fn service(self) -> Option<Service> {
        match self {
            Self::Police => Some(Service::Police),
            Self::Fire => Some(Service::Fire),
            Self::Medical => Some(Service::Medical),
            Self::Siren => None,
        }
    }

    /// R12: whether it sounds sirens. Medical never does (I1).
    pub fn sounds_sirens(self) -> bool {
        self != Self::Medical
    }
}

/// A set of requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Requests(u8);

impl Requests {
    /// Whether it holds the request.
    pub fn contains(self, request: Request) -> bool {
        self.0 & (1 << request as u8) != 0
    }

    /// The set with that request too.
    #[must_use]
    pub fn with(self, request: Request) -> Self {
        Self(self.0 | 1 << request as u8)
    }

    /// Both together.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Its members, in the order of the sheet.
    pub fn iter(self) -> impl Iterator<Item = Request> {
        Request::ALL.into_iter().filter(move |r| self.contains(*r))
    }

    /// The services among them.
    pub fn services(self) -> Vec<Service> {
        self.iter().filter_map(Request::service).collect()
    }

    /// Whether a person asked for something that sounds sirens.
    pub fn sound_sirens(self) -> bool {
        self.iter().any(Request::sounds_sirens)
    }
}

/// Whether an incident is the real thing. Fixed when it begins (I18).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Real.
    Live,
    /// Practice: nothing ever reaches real responders.
    Drill,
}

/// Why an incident makes no sound and shows no sign in the home until it is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Quiet {
    /// Somebody is forced (Contact ID 121).
    Duress,
    /// A silent hold-up button was pressed (Contact ID 122, SIA HA).
    HoldUp,
}

/// Where the shield was, or what was pressed instead.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(tag = "surface", rename_all = "snake_case")]
pub enum Source {
    /// On the dashboard.
    Dashboard,
    /// In a camera's Live View.
    LiveView {
        /// Which camera.
        #[schema(value_type = String)]
        camera: CameraId,
    },
    /// Nowhere: whoever did it is a panic button or a keypad. Only the server itself says so.
    Device,
}

impl Source {
    /// From where more help is asked for in the app, once an incident runs.
    pub fn for_more(&self) -> Self {
        match self {
            Self::LiveView { .. } => self.clone(),
            Self::Dashboard | Self::Device => Self::Dashboard,
        }
    }
}

/// Who did something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "actor", rename_all = "snake_case")]
pub enum Actor {
    /// A member of the home.
    Person {
        /// The account.
        id: UserId,
        /// The name at that moment.
        name: String,
    },
    /// An emergency contact.
    Contact {
        /// The contact.
        id: ContactId,
        /// The name at that moment.
        name: String,
    },
    /// A panic button or a keypad, pressed by whoever stood there.
    Device {
        /// What the configuration called it at that moment.
        name: String,
    },
    /// A center or a dispatch service that works on it elsewhere.
    Outside {
        /// What it calls whoever says so, or what the configuration calls it.
        name: String,
    },
    /// An operator of the monitoring center.
    Operator {
        /// The account.
        id: UserId,
        /// The name at that moment.
        name: String,
    },
    /// The monitoring center, by itself.
    Center,
    /// Buckler, by itself.
    Buckler,
}

impl Actor {
    /// The name that a timeline shows.
    pub fn name(&self) -> &str {
        match self {
            Self::Person { name, .. } | Self::Contact { name, .. } | Self::Operator { name, .. } => name,
            Self::Device { name } | Self::Outside { name } => name,
            Self::Center => "Monitoring center",
            Self::Buckler => "Buckler",
        }
    }
}
