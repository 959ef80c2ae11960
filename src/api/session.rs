//! Signing in, and who is signed in.

use super::passkeys::Answered;
use crate::domain::{
    access::{CenterRole, Role},
    id::HomeId,
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What signing in needs.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignIn {
    /// The account's e-mail address.
    pub email: String,
    /// Its password.
    pub password: String,
}

/// A device on which somebody is signed in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = SignedInDevice)]
pub struct Device {
    /// Its short name.
    pub id: String,
    /// What it is: “Chrome on Android”.
    pub name: String,
    /// Whether it is the one that asks.
    pub here: bool,
    /// When it was signed in.
    #[schema(value_type = String)]
    pub signed_in_at: Timestamp,
    /// When it was last used, to within an hour.
    #[schema(value_type = String)]
    pub seen_at: Timestamp,
    /// Until when it does not request help, because it came without the account's passkey.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub held_until: Option<Timestamp>,
}

/// Changes the account's password.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EditPassword {
    /// What it was.
    pub current: String,
    /// 12 to 256 characters, and not easily guessed.
    pub password: String,
}

/// Who signed in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SignedIn {
    /// The account.
    pub user: User,
}

/// That it is the person whose account it is: the password given again, or a passkey.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Proof {
    /// The account's password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
    /// The authenticator's answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passkey: Option<Answered>,
}

/// An account, as its owner sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct User {
    /// Its short name.
    pub id: String,
    /// What people call its owner.
    pub name: String,
    /// Its e-mail address.
    pub email: String,
}

/// Who is signed in, and what that opens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Me {
    /// The account.
    pub user: User,
    /// Its homes, in the order in which it came to them.
    pub homes: Vec<MyHome>,
    /// What the account is at the monitoring center, if anything.
    pub center_role: Option<CenterRole>,
    /// The server's time.
    #[schema(value_type = String)]
    pub server_time: Timestamp,
}

/// A home, and what somebody is to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MyHome {
    /// Its short name.
    #[schema(value_type = String)]
    pub id: HomeId,
    /// What its people call it.
    pub name: String,
    /// What the account is to it.
    pub role: Role,
    /// Whether the server cannot read it: then it has no name, and no SOS can be raised in it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unreadable: bool,
}
