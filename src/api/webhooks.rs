//! Webhook messages: the steps of an incident that this server sends to other servers, and the
//! reports that it receives, both signed (Standard Webhooks).

use super::{home::RecentChange, incident::Stage};
use crate::domain::{
    home::{Address, ResponderNotes},
    id::{HomeId, IncidentId},
    incident::{CallOutcome, DispatchState, Disposition, Mode, Service},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A webhook message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Message {
    /// The type of event: `incident.` and the name of the step, such as `incident.dispatch_moved`.
    #[serde(rename = "type")]
    pub kind: String,
    /// When it happened, by the sender's clock.
    #[schema(value_type = String, format = DateTime)]
    pub timestamp: Timestamp,
    /// The details of the event.
    pub data: Data,
}

/// The details of a message. Only the fields of its type are present.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct Data {
    /// The id of the incident, as the client that raised it generated it.
    #[schema(value_type = Option<String>)]
    pub incident: Option<IncidentId>,
    /// The id of the incident at the home's own server, if that signaled it with its id (ANSI/SIA
    /// DC-09). A center that reports names it, so that the home knows which incident it means.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub home_incident: Option<IncidentId>,
    /// The account of the home at the monitoring center (ANSI/SIA DC-09).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// The number of the step in the incident. It only grows.
    pub seq: u32,
    /// The name of who did it, for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// The event as a sentence, for people.
    pub text: String,
    /// A call that is over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub call: Option<EndedCall>,
    /// The progress of a service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dispatch: Option<DispatchProgress>,
    /// How the incident ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disposition: Option<Disposition>,
    /// The incident after the step.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub about: Option<About>,
}

/// An incident after one of its steps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct About {
    /// The home's id.
    #[schema(value_type = String)]
    pub home: HomeId,
    /// The home's name.
    pub name: String,
    /// The address that help is sent to.
    pub address: Option<Address>,
    /// Notes for responders.
    pub notes: ResponderNotes,
    /// Live or drill.
    pub mode: Mode,
    /// The stage of the incident.
    pub state: Stage,
    /// The requested services.
    pub services: Vec<Service>,
    /// When its countdown ended.
    #[schema(value_type = String, format = DateTime)]
    pub since: Timestamp,
    /// What was changed in the last day before it began of the address, the contacts and their
    /// links, oldest first.
    #[serde(default)]
    pub recent_changes: Vec<RecentChange>,
}

/// A call that is over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = CallTold)]
pub struct EndedCall {
    /// The name of the contact who was called.
    pub name: String,
    /// How it ended.
    pub outcome: CallOutcome,
}

/// The progress of a service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = DispatchTold)]
pub struct DispatchProgress {
    /// The service.
    pub service: Service,
    /// The state that it has reached.
    pub state: DispatchState,
    /// The agency's own reference number.
    #[serde(default)]
    pub reference: Option<String>,
}

/// Whether a report was recorded. A repeated or late report is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Heard)]
pub struct Receipt {
    /// Whether the incident's history has the report. A report that is sent again gets the answer of
    /// the first time.
    pub recorded: bool,
}
