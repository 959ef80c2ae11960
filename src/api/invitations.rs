//! Invitations: links with which owners invite people into a home, and supervisors invite people to
//! the monitoring center.

use super::heard::Heard;
use crate::domain::{
    access::{CenterRole, Role},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Invites a person.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Invite<R> {
    /// The name of the invited person, as the inviter enters it.
    pub name: String,
    /// The role that the person is invited to.
    pub role: R,
}

/// The link of an invitation. It is shown only once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct InvitationLink {
    /// The path of the page that it opens.
    pub path: String,
}

/// An invitation that nobody has accepted yet, as the people who may invite see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Invited<R> {
    /// The id of the invitation, for paths.
    pub id: String,
    /// The name of the invited person.
    pub name: String,
    /// The role that the person is invited to.
    #[schema(value_type = R)]
    pub role: Heard<R>,
    /// When the link stops working.
    #[schema(value_type = String)]
    pub expires_at: Timestamp,
}

/// An invitation, as a person with its link sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Invitation {
    /// The name of the inviter.
    pub inviter: String,
    /// The name of the invited person.
    pub name: String,
    /// The place and the role.
    pub to: InvitedTo,
}

/// The place and the role that a person is invited to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "place", rename_all = "snake_case")]
pub enum InvitedTo {
    /// A home.
    Home {
        /// The name of the home.
        name: String,
        /// The role in the home.
        #[schema(value_type = Role)]
        role: Heard<Role>,
    },
    /// The monitoring center.
    Center {
        /// The role at the center.
        #[schema(value_type = CenterRole)]
        role: Heard<CenterRole>,
    },
    /// A place that only a newer server knows.
    #[serde(other)]
    Other,
}

/// Accepts an invitation with a new account.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Join {
    /// The person's name.
    pub name: String,
    /// The e-mail address to sign in with.
    pub email: String,
    /// 12 to 256 characters, and not easily guessed.
    pub password: String,
}
