//! Signing in, and the account that is signed in.

use super::{
    heard::{self, Heard},
    passkeys::Answered,
};
use crate::domain::{
    access::{CenterRole, Role},
    id::HomeId,
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Signs in with an e-mail address and a password.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignIn {
    /// The account's e-mail address.
    pub email: String,
    /// Its password.
    pub password: String,
}

/// A device on which the account is signed in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = SignedInDevice)]
pub struct Device {
    /// The id of the device's session.
    pub id: String,
    /// A description of the device, such as “Chrome on Android”.
    pub name: String,
    /// Whether this is the requesting device.
    pub here: bool,
    /// When it was signed in.
    #[schema(value_type = String)]
    pub signed_in_at: Timestamp,
    /// When it was last used, to within an hour.
    #[schema(value_type = String)]
    pub seen_at: Timestamp,
    /// When the restriction of the device ends. Until then it may not request help, because it was
    /// signed in without the account's passkey.
    #[serde(default, rename = "held_until", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub restricted_until: Option<Timestamp>,
}

/// Changes the account's password. The person proves their identity with the current password or
/// with a passkey.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EditPassword {
    /// The current password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current: Option<String>,
    /// The authenticator's answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passkey: Option<Answered>,
    /// The new password: 12 to 256 characters, and not easily guessed.
    pub password: String,
}

/// The account that signed in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SignedIn {
    /// The account.
    pub user: User,
}

/// A proof of identity: the account's password, given again, or a passkey.
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
    /// The account's id.
    pub id: String,
    /// The owner's name.
    pub name: String,
    /// Its e-mail address.
    pub email: String,
}

/// The signed-in account, with its homes and its role at the monitoring center.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Me {
    /// The account.
    pub user: User,
    /// Its homes, in the order in which it joined them.
    #[serde(deserialize_with = "heard::readable")]
    pub homes: Vec<MyHome>,
    /// The account's role at the monitoring center, if it has one.
    #[schema(value_type = Option<CenterRole>)]
    pub center_role: Option<Heard<CenterRole>>,
    /// The server's time.
    #[schema(value_type = String)]
    pub server_time: Timestamp,
}

/// A home of the account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MyHome {
    /// The home's id.
    #[schema(value_type = String)]
    pub id: HomeId,
    /// The home's name, or its id if the server cannot read the home.
    pub name: String,
    /// The account's role in the home.
    #[schema(value_type = Role)]
    pub role: Heard<Role>,
    /// Whether the server cannot read the home. Then no SOS can be raised in it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unreadable: bool,
}
