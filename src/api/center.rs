//! What the monitoring center sees.

use super::{home::HomeFacts, incident::Incident, invitations::Invited};
use crate::domain::{access::CenterRole, id::UserId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// An incident that waits for the center, and the home in which it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Waiting {
    /// The home.
    pub home: HomeFacts,
    /// The incident.
    pub incident: Incident,
    /// Whom to call, in order, as it was when the incident began.
    pub contacts: Vec<Reach>,
}

/// Somebody to call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Reach {
    /// What the home calls this person.
    pub name: String,
    /// E.164.
    pub phone: String,
}

/// Who works at the center.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CenterPeople {
    /// Everybody, by name.
    pub people: Vec<CenterPerson>,
    /// Who was invited and has not come yet.
    pub invitations: Vec<Invited<CenterRole>>,
}

/// Somebody who works at the center.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CenterPerson {
    /// The account.
    #[schema(value_type = String)]
    pub id: UserId,
    /// What people call them.
    pub name: String,
    /// The account's e-mail address.
    pub email: String,
    /// As what.
    pub role: CenterRole,
    /// Whether it is the one who asks.
    pub you: bool,
}
