//! The contact's phone: the token in the link is the permission.

use crate::domain::{
    contact::Readiness,
    id::CallId,
    incident::{Purpose, Service},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a contact's phone shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Phone {
    /// The contact.
    pub name: String,
    /// The home's name.
    pub home: String,
    /// Whether the contact has agreed to be one.
    pub ready: Readiness,
    /// Whether the contact is to say whether they remember the verbal password.
    #[serde(default)]
    pub asks_password: bool,
    /// The call that rings or is answered now.
    pub call: Option<PhoneCall>,
    /// The server's time.
    #[schema(value_type = String)]
    pub server_time: Timestamp,
}

/// Whether a contact remembers the verbal password, in their own word. It is never asked for itself: whoever has the link could guess.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Remembers {
    /// Whether they do.
    pub remembers: bool,
}

/// A call on the contact's phone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PhoneCall {
    /// Names the call when something is done on it.
    #[schema(value_type = String)]
    pub id: CallId,
    /// Where it stands.
    pub state: PhoneState,
    /// Why the contact is called.
    pub purpose: Purpose,
    /// What was asked for.
    pub services: Vec<Service>,
    /// Whether it is practice.
    pub drill: bool,
    /// Whether calling it off needs the verbal password.
    pub password_required: bool,
    /// When ringing or talking ends.
    #[schema(value_type = String)]
    pub ends_at: Timestamp,
}

/// Where a call stands that is not over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PhoneState {
    /// It rings.
    Ringing,
    /// Answered.
    Answered,
}

/// What a contact says to call it off.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CallOff {
    /// The verbal password, where one is required.
    #[serde(default)]
    pub verbal_password: Option<String>,
}

/// The same answer whether the password was right or wrong (I17).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Received {
    /// Always true.
    pub received: bool,
}
