//! The monitoring center: its queue, its staff, and the reports of its operators.

use super::{
    heard::{self, Heard},
    home::{HomeFacts, RecentChange},
    household::notes,
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

/// The open incidents of the monitoring center, and the operators who have the console open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Queue {
    /// The version of the queue, which grows with each change. A request that names the current
    /// version waits for a newer one.
    pub version: u64,
    /// The open incidents. Those with medical requests come first, then fire, then police; within
    /// these, the earliest `since` first.
    #[serde(rename = "cases")]
    pub items: Vec<QueueItem>,
    /// Incidents that the server cannot advance, the oldest first. They are not ordered by urgency,
    /// because the requested services may be unknown.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub quarantined: Vec<QuarantinedIncident>,
    /// The operators who have the console open.
    #[serde(rename = "on_duty")]
    pub present: Vec<PresentOperator>,
    /// The server's time.
    #[schema(value_type = String, format = DateTime)]
    pub server_time: Timestamp,
}

/// An incident that the server cannot read or decide, with what is known about its home. An
/// operator who has handled it ends it: `DELETE /api/v1/center/quarantine/{id}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = QuarantinedCase)]
pub struct QuarantinedIncident {
    /// The id of the incident.
    pub id: String,
    /// The name of the home, or its id if the home cannot be read.
    pub home: String,
    /// Whether the incident must stay hidden from the home.
    pub quiet: bool,
    /// When it was quarantined.
    #[schema(value_type = String, format = DateTime)]
    pub since: Timestamp,
    /// The address of the home, if the home can be read.
    pub address: Option<Address>,
    /// The emergency contacts, in call order.
    pub contacts: Vec<Reach>,
}

/// An operator who has the console open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = OnDuty)]
pub struct PresentOperator {
    /// The account.
    #[schema(value_type = String)]
    pub id: UserId,
    /// The operator's name.
    pub name: String,
}

/// Assigns an incident to an operator.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Assign {
    /// The account of an operator who has the console open.
    #[schema(value_type = String)]
    pub to: UserId,
}

/// A camera that the center may watch while the incident is open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Shown)]
pub struct WatchableCamera {
    /// The camera.
    #[schema(value_type = String)]
    pub id: CameraId,
    /// The name that the home gave the camera.
    pub name: String,
}

/// An incident that waits for the center or is being worked on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Case)]
pub struct QueueItem {
    /// The incident.
    #[schema(value_type = String)]
    pub id: IncidentId,
    /// The name of the home.
    pub home: String,
    /// The requested services.
    #[schema(value_type = Vec<Service>)]
    pub services: Vec<Heard<Service>>,
    /// Why the incident must stay hidden from the home, if it must. Then nobody in the home may be
    /// called.
    #[serde(default)]
    #[schema(value_type = Option<Quiet>)]
    pub quiet: Option<Heard<Quiet>>,
    /// How often the same request was repeated.
    #[serde(default)]
    pub repeats: u32,
    /// The stage of the incident.
    pub state: Stage,
    /// When its countdown ended.
    #[schema(value_type = String, format = DateTime)]
    pub since: Timestamp,
    /// The name of the operator who works on it.
    #[serde(default, rename = "holder")]
    pub assignee: Option<String>,
    /// Whether the requesting operator works on it.
    pub mine: bool,
    /// Whether no operator claimed it in time, and nobody works on it now.
    pub unclaimed: bool,
    /// The details: for the operator who works on it, for supervisors, and for everybody while it
    /// is under review.
    #[serde(default, rename = "whole")]
    pub detail: Option<Box<IncidentDetail>>,
}

/// Everything that the center knows about an incident.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Whole)]
pub struct IncidentDetail {
    /// The home.
    pub home: HomeFacts,
    /// The incident.
    pub incident: Incident,
    /// The emergency contacts in call order, as they were when the incident began.
    pub contacts: Vec<Reach>,
    /// The first contact of before the changes of the last day, who is asked as well.
    #[serde(default)]
    pub former_first: Option<Reach>,
    /// What was changed in the last day before the incident began, oldest first.
    #[serde(default, deserialize_with = "heard::readable")]
    pub recent_changes: Vec<RecentChange>,
    /// Notes for responders; empty until it is recorded that the requesting person was shown the
    /// details.
    #[serde(default, deserialize_with = "notes")]
    pub notes: ResponderNotes,
    /// The home's cameras that may raise an SOS and have a stream; empty unless the requesting
    /// operator works on the incident.
    #[serde(default)]
    pub cameras: Vec<WatchableCamera>,
    /// Whether canceling requires the verbal password.
    pub password_required: bool,
    /// The operator's next step.
    pub step: Step,
}

/// The next step of the operator who works on an incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Review an incident that was found late, and decide on it.
    Decide,
    /// Call the first contact.
    CallFirst,
    /// Request help from each service, and report its progress.
    Dispatch,
    /// Every service has accepted: follow their progress, and close the incident.
    Follow,
    /// A word that only a newer server knows.
    #[serde(other)]
    Other,
}

/// The operator's report on the call to the first contact.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Called {
    /// The outcome of the call.
    pub outcome: CalledOutcome,
    /// The verbal password that the contact said, if the contact canceled.
    #[serde(default)]
    pub verbal_password: String,
}

/// The outcome of the call to the first contact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CalledOutcome {
    /// The contact confirmed the emergency.
    Confirmed,
    /// The contact canceled.
    CalledOff,
    /// Nobody answered.
    NoAnswer,
    /// An answering machine answered.
    Voicemail,
    /// The line was busy, or the contact declined.
    Busy,
    /// The call could not be placed.
    Failed,
    /// The contact answered and hung up without a decision.
    HungUp,
    /// The contact has answered. From now on the operator has the time of a conversation to report a
    /// decision.
    Answered,
}

/// The result of a report on a call, for the operator only (R16).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CallResult {
    /// Whether the incident was canceled. If not, the operator carries on and tells nobody why.
    pub accepted: bool,
}

/// The operator's report on the progress of a service.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Moved {
    /// The state that the service has reached.
    pub state: DispatchState,
    /// The agency's own reference number.
    #[serde(default)]
    pub reference: String,
}

/// A note for the record.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewNote {
    /// The text, up to 500 characters.
    pub text: String,
}

/// How the center closes an incident.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Closing {
    /// How it ended.
    pub disposition: Ended,
    /// The reason, for the record.
    #[serde(default)]
    pub note: String,
}

/// How an incident ended, as the operator reports it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// Help was given.
    HelpGiven,
    /// Nobody had needed help.
    FalseAlarm,
    /// It ended otherwise.
    Other,
}

/// A person to call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Reach {
    /// The name that the home gave this person.
    pub name: String,
    /// The telephone number, E.164.
    pub phone: String,
}

/// The staff of the monitoring center.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CenterPeople {
    /// The staff, sorted by name.
    pub people: Vec<CenterPerson>,
    /// Invitations that nobody has accepted yet.
    pub invitations: Vec<Invited<CenterRole>>,
}

/// A member of the center's staff.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CenterPerson {
    /// The account.
    #[schema(value_type = String)]
    pub id: UserId,
    /// The person's name.
    pub name: String,
    /// The account's e-mail address.
    pub email: String,
    /// The person's role.
    #[schema(value_type = CenterRole)]
    pub role: Heard<CenterRole>,
    /// Whether this is the requesting account.
    pub you: bool,
}
