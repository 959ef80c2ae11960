//! Requests, their sources, and actors.

use crate::domain::{
    id::{CameraId, ContactId, UserId},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};

/// A service that help can be requested from.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Service {
    /// Police.
    Police,
    /// Fire department.
    Fire,
    /// Medical help.
    Medical,
}

/// What one gesture requests.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema,
)]
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
    /// All of them, in the order of the SOS sheet.
    pub const ALL: [Self; 4] = [Self::Police, Self::Fire, Self::Medical, Self::Siren];

    /// The requested service, if any.
    pub fn service(self) -> Option<Service> {
        match self {
            Self::Police => Some(Service::Police),
            Self::Fire => Some(Service::Fire),
            Self::Medical => Some(Service::Medical),
            Self::Siren => None,
        }
    }

    /// Whether a device may make it that was signed in without the account's passkey, as a thief of
    /// the password would do (I33). Such a device only sounds sirens and runs drills.
    pub fn is_open_to_restricted(self, mode: Mode) -> bool {
        self == Self::Siren || mode == Mode::Drill
    }

    /// R12: whether it sounds sirens. Medical never does (I1).
    pub fn sounds_sirens(self) -> bool {
        self != Self::Medical
    }
}

/// A set of requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Requests(u8);

impl FromIterator<Request> for Requests {
    fn from_iter<I: IntoIterator<Item = Request>>(all: I) -> Self {
        all.into_iter().fold(Self::default(), Self::with)
    }
}

/// A request of an incident, as somebody made it the last time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The request.
    pub request: Request,
    /// Who made it.
    pub by: Actor,
    /// When it was recorded.
    pub at: Timestamp,
    /// The sequence number of its fact.
    pub seq: u32,
    /// Whether it came from a restricted device (I33).
    pub restricted: bool,
}

impl Requests {
    /// Whether the set contains the request.
    pub fn contains(self, request: Request) -> bool {
        self.0 & (1 << request as u8) != 0
    }

    /// The set with the request added.
    #[must_use]
    pub fn with(self, request: Request) -> Self {
        Self(self.0 | 1 << request as u8)
    }

    /// The union of both sets.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The set without the members of the other.
    #[must_use]
    pub fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Its members, in the order of the SOS sheet.
    pub fn iter(self) -> impl Iterator<Item = Request> {
        Request::ALL.into_iter().filter(move |r| self.contains(*r))
    }

    /// The services in the set.
    pub fn services(self) -> Vec<Service> {
        self.iter().filter_map(Request::service).collect()
    }

    /// Whether a request in the set sounds sirens.
    pub fn sound_sirens(self) -> bool {
        self.iter().any(Request::sounds_sirens)
    }
}

/// Whether an incident is real or a drill. Fixed when it begins (I18).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Real.
    Live,
    /// Practice: nothing reaches real responders.
    Drill,
}

/// Why an incident makes no sound and shows no sign in the home until it is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Quiet {
    /// A person is under duress (Contact ID 121).
    Duress,
    /// A silent hold-up button was pressed (Contact ID 122, SIA HA).
    HoldUp,
}

/// Where a request came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(tag = "surface", rename_all = "snake_case")]
pub enum Source {
    /// The shield on the dashboard.
    Dashboard,
    /// The shield in a camera's Live View.
    LiveView {
        /// The camera.
        #[schema(value_type = String)]
        camera: CameraId,
    },
    /// A panic button or a keypad. Only the server itself sets this source; clients may not.
    Device,
}

impl Source {
    /// The source of further requests in the app, once an incident runs.
    pub fn for_more(&self) -> Self {
        match self {
            Self::LiveView { .. } => self.clone(),
            Self::Dashboard | Self::Device => Self::Dashboard,
        }
    }
}

/// The author of a fact.
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
    /// A panic button or a keypad; the person who pressed it is unknown.
    Device {
        /// Its name in the configuration at that moment.
        name: String,
    },
    /// A center or a dispatch service that works on it elsewhere.
    Outside {
        /// The name that it reported, or its name in the configuration.
        name: String,
    },
    /// An operator of the monitoring center.
    Operator {
        /// The account.
        id: UserId,
        /// The name at that moment.
        name: String,
    },
    /// The monitoring center, automatically.
    Center,
    /// Buckler, automatically.
    Buckler,
}

impl Actor {
    /// The name that a timeline shows.
    pub fn name(&self) -> &str {
        match self {
            Self::Person { name, .. }
            | Self::Contact { name, .. }
            | Self::Operator { name, .. } => name,
            Self::Device { name } | Self::Outside { name } => name,
            Self::Center => "Monitoring center",
            Self::Buckler => "Buckler",
        }
    }
}
