//! Roles in a home and at the monitoring center, and what each role permits.

use super::id::HomeId;
use serde::{Deserialize, Serialize};

/// A person's role in a home.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Owns the home's settings.
    Owner,
    /// The home is shared with this person.
    Shared,
    /// May view the home, may not request help.
    Guest,
}

/// A person's membership of a home.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Membership {
    /// The person's role.
    pub role: Role,
    /// Whether an owner withdrew the right to request help from a shared user (R6).
    pub sos_withdrawn: bool,
}

/// A person's role at the monitoring center. It grants no access to a home.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CenterRole {
    /// Works on incidents.
    Operator,
    /// Works on incidents and manages the operators.
    Supervisor,
}

/// The place and the role that an invitation offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InvitationScope {
    /// In a home.
    Home(HomeId, Role),
    /// At the monitoring center.
    Center(CenterRole),
}

/// An action at the monitoring center.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CenterAction {
    /// View the incidents that wait for the center, and decide on them.
    Work,
    /// View the center's staff, invite people, and remove them.
    Lead,
}

impl CenterRole {
    /// Whether this role permits the action.
    pub fn may(self, action: CenterAction) -> bool {
        match (self, action) {
            (_, CenterAction::Work) | (Self::Supervisor, CenterAction::Lead) => true,
            (Self::Operator, CenterAction::Lead) => false,
        }
    }
}

/// An action on a home.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// View the home, its cameras and its incidents.
    Look,
    /// Raise an SOS or a drill; also cancel, send now and silence, no matter which member raised
    /// it.
    Raise,
    /// Change its setup: address, contacts, devices, people.
    Configure,
}

impl Membership {
    /// Whether this membership permits the action. The API uses no other table of rights in a home,
    /// and a test requests every route with every role (R6).
    pub fn may(self, action: Action) -> bool {
        match (self.role, action) {
            (Role::Owner, _) | (_, Action::Look) => true,
            (Role::Shared, Action::Raise) => !self.sos_withdrawn,
            (Role::Shared, Action::Configure)
            | (Role::Guest, Action::Raise | Action::Configure) => false,
        }
    }
}
