//! Links by which owners let somebody into a home.

use crate::domain::{access::Role, time::Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Invites somebody.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Invite {
    /// Whom, as the owner calls them.
    pub name: String,
    /// What they will be to the home.
    pub role: Role,
}

/// The link, shown this once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct InvitationLink {
    /// The path of the page that it opens.
    pub path: String,
}

/// An invitation that nobody has taken yet, as owners see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Invited {
    /// Its short name in paths.
    pub id: String,
    /// Whom.
    pub name: String,
    /// What they will be to the home.
    pub role: Role,
    /// When the link stops to work.
    #[schema(value_type = String)]
    pub expires_at: Timestamp,
}

/// An invitation, as whoever has the link sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Invitation {
    /// Who invites, by name.
    pub inviter: String,
    /// To which home, by name.
    pub home: String,
    /// Whom.
    pub name: String,
    /// What they will be to the home.
    pub role: Role,
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
