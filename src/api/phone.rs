//! The phone page of an emergency contact. The token in its link grants access to it.

use super::heard::Heard;
use crate::domain::{
    contact::Readiness,
    id::CallId,
    incident::{Purpose, Service},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The state of an emergency contact's phone page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Phone {
    /// The contact's name.
    pub name: String,
    /// The home's name.
    pub home: String,
    /// Whether the page was opened by a link of before a change that can still be undone.
    #[serde(default)]
    pub is_former: bool,
    /// Whether the contact has agreed to be a contact.
    #[schema(value_type = Readiness)]
    pub ready: Heard<Readiness>,
    /// Whether to ask the contact if they remember the verbal password.
    #[serde(default)]
    pub asks_password: bool,
    /// The change by which this person stopped being the first contact, or by whose link they were
    /// asked.
    #[serde(default)]
    pub changed: Option<PhoneChange>,
    /// The call that rings or is answered now.
    pub call: Option<PhoneCall>,
    /// The server's time.
    #[schema(value_type = String)]
    pub server_time: Timestamp,
}

/// A change of the emergency contacts or of their links in the last day, as a contact of before sees
/// it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PhoneChange {
    /// When it was made.
    #[schema(value_type = String)]
    pub at: Timestamp,
    /// The name of the person who made it.
    pub by: String,
    /// Whether this contact is asked beside the first contact of today.
    pub is_asked: bool,
    /// Until when the change can be undone, and this contact is asked.
    #[schema(value_type = String)]
    pub until: Timestamp,
}

/// A contact's own statement about whether they remember the verbal password. The password itself
/// is never asked for here, because a person with the link could guess it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Remembers {
    /// Whether they remember it.
    pub remembers: bool,
}

/// A call on the contact's phone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PhoneCall {
    /// The id of the call, for actions on it.
    #[schema(value_type = String)]
    pub id: CallId,
    /// The state of the call.
    pub state: PhoneState,
    /// Why the contact is called.
    #[schema(value_type = Purpose)]
    pub purpose: Heard<Purpose>,
    /// The requested services.
    #[schema(value_type = Vec<Service>)]
    pub services: Vec<Heard<Service>>,
    /// Whether it is a drill.
    pub drill: bool,
    /// Whether canceling requires the verbal password.
    pub password_required: bool,
    /// When the ringing or the answered call times out.
    #[schema(value_type = String)]
    pub ends_at: Timestamp,
    /// The sequence number of the latest request. A cancel names it as `seen`.
    #[serde(default)]
    pub latest_request: u32,
}

/// The states of a call that is not over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PhoneState {
    /// It rings.
    Ringing,
    /// Answered.
    Answered,
    /// A word that only a newer server knows.
    #[serde(other)]
    Other,
}

/// Cancels the incident on a call.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CallOff {
    /// The verbal password, where one is required.
    #[serde(default)]
    pub verbal_password: Option<String>,
}

/// The answer to a cancel. It is the same whether the password was right or wrong (I17).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Received {
    /// Always true.
    pub received: bool,
}
