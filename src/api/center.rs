//! What the monitoring center sees.

use super::{
    home::HomeFacts,
    incident::{Incident, Stage},
    invitations::Invited,
};
use crate::domain::{
    access::CenterRole,
    home::{Address, ResponderNotes},
    id::{CameraId, IncidentId, UserId},
    incident::{DispatchState, Quiet, Service},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What waits for the center, and who is there to work on it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Queue {
    /// Counts changes: whoever names it is answered when it is another one.
    pub version: u64,
    /// What comes first stands first: life, then age.
    pub cases: Vec<Case>,
    /// Incidents that the server cannot advance. They have no place in the order: what they ask for may not be known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub quarantined: Vec<QuarantinedCase>,
    /// Who has the console open.
    pub on_duty: Vec<OnDuty>,
    /// When it was told.
    #[schema(value_type = String, format = DateTime)]
    pub server_time: Timestamp,
}

/// An incident that the server cannot read or decide, with what is known of its home. An operator who has dealt with it ends it:
/// `DELETE /api/v1/center/quarantine/{id}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct QuarantinedCase {
    /// The incident.
    pub id: String,
    /// What the home is called.
    pub home: String,
    /// Whether the home must not notice it.
    pub quiet: bool,
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    pub since: Timestamp,
    /// Where the home is, if that can be read.
    pub address: Option<Address>,
    /// Whom to call, in order.
    pub contacts: Vec<Reach>,
}

/// Somebody who has the console open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OnDuty {
    /// The account.
    #[schema(value_type = String)]
    pub id: UserId,
    /// What people call them.
    pub name: String,
}

/// Whom a supervisor gives an incident.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Assign {
    /// The account of somebody who has the console open.
    #[schema(value_type = String)]
    pub to: UserId,
}

/// A camera whose picture may be seen at the center, while the incident is open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Shown {
    /// The camera.
    #[schema(value_type = String)]
    pub id: CameraId,
    /// What the home calls it.
    pub name: String,
}

/// An incident that waits for the center, or is worked on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Case {
    /// The incident.
    #[schema(value_type = String)]
    pub id: IncidentId,
    /// What the home is called.
    pub home: String,
    /// What was asked for.
    pub services: Vec<Service>,
    /// Whether the home must not notice it, and why: nobody there may be called.
    #[serde(default)]
    pub quiet: Option<Quiet>,
    /// How often the same was asked for again.
    #[serde(default)]
    pub repeats: u32,
    /// Where it stands.
    pub state: Stage,
    /// When its countdown was over.
    #[schema(value_type = String, format = DateTime)]
    pub since: Timestamp,
    /// Who works on it.
    #[serde(default)]
    pub holder: Option<String>,
    /// Whether that is the one who asks.
    pub mine: bool,
    /// Whether nobody took it in time.
    pub unclaimed: bool,
    /// All of it: for whoever works on it, and where anybody must decide.
    #[serde(default)]
    pub whole: Option<Box<Whole>>,
}

/// All that the center knows of an incident.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Whole {
    /// The home.
    pub home: HomeFacts,
    /// The incident.
    pub incident: Incident,
    /// Whom to call, in order, as it was when the incident began.
    pub contacts: Vec<Reach>,
    /// What responders should know.
    #[serde(default)]
    pub notes: ResponderNotes,
    /// The home's cameras that may raise an SOS, and have a picture: for whoever works on it.
    #[serde(default)]
    pub cameras: Vec<Shown>,
    /// Whether calling it off needs the verbal password.
    pub password_required: bool,
    /// What is to be done now.
    pub step: Step,
}

/// What is to be done now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Look at what was found late, and decide.
    Decide,
    /// Call the first contact.
    CallFirst,
    /// Ask for help for each service, and say how far it has come.
    Dispatch,
    /// Every service has been asked: follow it, and close.
    Follow,
}

/// How the call to the first contact went, in the operator's word.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Called {
    /// How.
    pub outcome: CalledOutcome,
    /// What the contact said, where the contact called it off.
    #[serde(default)]
    pub verbal_password: String,
}

/// How the call to the first contact went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CalledOutcome {
    /// The contact confirmed the emergency.
    Confirmed,
    /// The contact called it off.
    CalledOff,
    /// Nobody answered.
    NoAnswer,
    /// A machine answered.
    Voicemail,
    /// Busy, or declined.
    Busy,
    /// It could not be placed.
    Failed,
    /// Answered, and did not decide.
    HungUp,
}

/// What came of it, for the operator's ears (R16).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Heard {
    /// Whether it was called off. If not: carry on, and tell nobody why.
    pub accepted: bool,
}

/// How far a service has come, in the operator's word.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Moved {
    /// How far.
    pub state: DispatchState,
    /// The agency's own number for it.
    #[serde(default)]
    pub reference: String,
}

/// Something for the record.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewNote {
    /// What, up to 500 characters.
    pub text: String,
}

/// How the center closes an incident.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Closing {
    /// How it ended.
    pub disposition: Ended,
    /// Why, for the record.
    #[serde(default)]
    pub note: String,
}

/// How it ended, in the operator's word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// Help was given.
    HelpGiven,
    /// Nobody had needed help.
    FalseAlarm,
    /// Something else.
    Other,
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
