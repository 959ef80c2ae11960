//! Who somebody is to a home, and what that allows.

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

impl Membership {
    /// R6: owners and shared users may raise an SOS, unless the right was taken from a shared user.
    /// Whoever may raise one may also abort, send now and silence, whoever raised it.
    pub fn may_raise(self) -> bool {
        match self.role {
            Role::Owner => true,
            Role::Shared => !self.sos_withdrawn,
            Role::Guest => false,
        }
    }
}
