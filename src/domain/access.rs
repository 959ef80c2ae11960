//! Who somebody is to a home, and what that allows.

use super::id::HomeId;
use serde::{Deserialize, Serialize};

/// What a person is to a home.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Owns the home's settings.
    Owner,
    /// The home is shared with this person.
    Shared,
    /// May look, may not call for help.
    Guest,
}

/// A person's place in a home.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Membership {
    /// What the person is to the home.
    pub role: Role,
    /// The owner may take the SOS right from a shared user (R6).
    pub sos_withdrawn: bool,
}

/// What a person is at the monitoring center. To a home it makes them nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CenterRole {
    /// Works on incidents.
    Operator,
    /// And watches over operators.
    Supervisor,
}

/// Where somebody is invited, and as what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seat {
    /// In a home.
    Home(HomeId, Role),
    /// At the monitoring center.
    Center(CenterRole),
}

/// What can be done at the monitoring center.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CenterAction {
    /// See what waits for the center, and decide on it.
    Work,
    /// See who works there, invite, and end that.
    Lead,
}

impl CenterRole {
    /// The center's part of the table.
    pub fn may(self, action: CenterAction) -> bool {
        match (self, action) {
            (_, CenterAction::Work) | (Self::Supervisor, CenterAction::Lead) => true,
            (Self::Operator, CenterAction::Lead) => false,
        }
    }
}

/// What can be done with a home.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// See it, its cameras and its incidents.
    Look,
    /// Raise an SOS or a drill. Whoever may raise one may also abort, send now and silence, whoever raised it.
    Raise,
    /// Set it up: address, contacts, devices, people.
    Configure,
}

impl Membership {
    /// Who may do what. This table is all there is: the API asks nothing else, and a test walks every route with every role (R6).
    pub fn may(self, action: Action) -> bool {
        match (self.role, action) {
            (Role::Owner, _) | (_, Action::Look) => true,
            // The owner may take the SOS right from a shared user.
            (Role::Shared, Action::Raise) => !self.sos_withdrawn,
            (Role::Shared, Action::Configure) | (Role::Guest, Action::Raise | Action::Configure) => false,
        }
    }
}
