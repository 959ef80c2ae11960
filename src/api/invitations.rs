//! Links by which owners let somebody into a home, and supervisors to the monitoring center.

use crate::domain::{
    access::{CenterRole, Role},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Invites somebody.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Invite<R> {
    /// Whom, as whoever invites calls them.
    pub name: String,
    /// As what.
    pub role: R,
}

/// The link, shown this once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct InvitationLink {
    /// The path of the page that it opens.
    pub path: String,
}

/// An invitation that nobody has taken yet, as whoever may invite sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Invited<R> {
    /// Its short name in paths.
    pub id: String,
    /// Whom.
    pub name: String,
    /// As what.
    pub role: R,
    /// When the link stops to work.
    #[schema(value_type = String)]
    pub expires_at: Timestamp,
}

/// An invitation, as whoever has the link sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Invitation {
    /// Who invites, by name.
    pub inviter: String,
    /// Whom.
    pub name: String,
    /// To what.
    pub to: InvitedTo,
}

/// What an invitation opens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "place", rename_all = "snake_case")]
pub enum InvitedTo {
    /// A home.
    Home {
        /// Which, by name.
        name: String,
        /// What they will be to it.
        role: Role,
    },
    /// The monitoring center.
    Center {
        /// What they will be there.
        role: CenterRole,
    },
}

/// Takes an invitation, with a new account.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Join {
    /// What people call you.
    pub name: String,
    /// The e-mail address to sign in with.
    pub email: String,
    /// 12 to 256 characters, and not easily guessed.
    pub password: String,
}
