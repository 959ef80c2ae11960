//! What is told to other servers, and what they tell: an incident's steps, as signed messages (Standard Webhooks).

use super::{
    incident::{Audience, Stage},
    timeline,
};
use crate::domain::{
    home::{Address, ResponderNotes},
    id::{HomeId, IncidentId},
    incident::{
        CallOutcome, CallState, CenterMode, DispatchState, Disposition, Incident, Mode, Report, Service,
        event::{Event, Recorded},
        leaving::leaving,
    },
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Message {
    /// What happened: `incident.` and the name of the step, such as `incident.dispatch_moved`.
    #[serde(rename = "type")]
    pub kind: String,
    /// When it happened, by the sender's clock.
    #[schema(value_type = String, format = DateTime)]
    pub timestamp: Timestamp,
    /// What, and where.
    pub data: Data,
}

/// What a message says. Only what belongs to the kind of message is there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct Data {
    /// The incident, by the id of whoever began it.
    #[schema(value_type = Option<String>)]
    pub incident: Option<IncidentId>,
    /// The account at the monitoring center under which the home is known (ANSI/SIA DC-09).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// The number of the step: it only grows.
    pub seq: u32,
    /// Who did it, for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// A sentence, for people.
    pub text: String,
    /// A call that is over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub call: Option<CallTold>,
    /// How far a service has come.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dispatch: Option<DispatchTold>,
    /// How it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disposition: Option<Disposition>,
    /// The incident after the step.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub about: Option<About>,
}

/// An incident after a step of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct About {
    /// The home.
    #[schema(value_type = String)]
    pub home: HomeId,
    /// What it is called.
    pub name: String,
    /// Where help is sent.
    pub address: Option<Address>,
    /// What responders should know.
    pub notes: ResponderNotes,
    /// Whether it is real.
    pub mode: Mode,
    /// Where it stands.
    pub state: Stage,
    /// What was asked for.
    pub services: Vec<Service>,
    /// When its countdown ended.
    #[schema(value_type = String, format = DateTime)]
    pub since: Timestamp,
}

/// A call that is over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CallTold {
    /// Who was called.
    pub name: String,
    /// How it ended.
    pub outcome: CallOutcome,
}

/// How far a service has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DispatchTold {
    /// Which.
    pub service: Service,
    /// How far.
    pub state: DispatchState,
    /// The agency's own number for it.
    #[serde(default)]
    pub reference: Option<String>,
}

/// Whether a message changed anything: what comes twice, or too late, does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Heard {
    /// Whether it is in the incident's history now.
    pub recorded: bool,
}

/// What others may be told of an incident, in order, from that step on.
pub fn tell(incident: &Incident, history: &[Recorded], account: Option<&str>, from: u32) -> Vec<Message> {
    // What a home's own server tells others may be shown in the home.
    let audience = match incident.snapshot.policy.center {
        CenterMode::Operators => Audience::Center,
        CenterMode::Automatic | CenterMode::Receiver => Audience::Home,
    };
    let lines = timeline::tell(incident, history, audience);
    let told = leaving(incident, history).into_iter().filter(|(n, _)| lines[*n].seq >= from);
    told.map(|(n, then)| {
        let message = message(&history[n], &lines[n], &then, account);
        let is_secret = message.data.call.as_ref().is_some_and(|call| audience.outcome(incident, call.outcome).is_none());
        if is_secret { message.without_call() } else { message }
    })
    .collect()
}

fn message(fact: &Recorded, line: &timeline::Line, then: &Incident, account: Option<&str>) -> Message {
    let snapshot = &then.snapshot;
    let about = About {
        home: then.home.clone(),
        name: snapshot.home_name.clone(),
        address: snapshot.address.clone(),
        notes: snapshot.notes.clone(),
        mode: then.mode,
        state: Stage::from(&then.state),
        services: then.services(),
        since: then.deadline,
    };
    let told = Data {
        incident: Some(then.id),
        account: account.map(Into::into),
        seq: line.seq,
        by: line.by.clone(),
        text: line.text.clone(),
        about: Some(about),
        ..Data::default()
    };
    let dispatch = |service: Service, state: DispatchState, reference: Option<String>| Some(DispatchTold { service, state, reference });
    let data = match &fact.event {
        Event::CallEnded { call, outcome } => {
            let ended = then.calls.iter().find(|c| c.id == *call && matches!(c.state, CallState::Ended(_)));
            let name = ended.and_then(|call| then.contact(&call.contact)).map(|contact| contact.name().to_owned());
            Data { call: Some(CallTold { name: name.unwrap_or_default(), outcome: *outcome }), ..told }
        }
        Event::DispatchRequested { service } => Data { dispatch: dispatch(*service, DispatchState::Requested, None), ..told },
        Event::DispatchMoved { service, state, reference } => Data { dispatch: dispatch(*service, *state, reference.clone()), ..told },
        Event::Reported { report: Report::Moved { service, state, reference }, .. } => {
            Data { dispatch: dispatch(*service, *state, reference.clone()), ..told }
        }
        Event::Closed { disposition, .. } => Data { disposition: Some(*disposition), ..told },
        _ => told,
    };
    Message { kind: format!("incident.{}", fact.event.name()), timestamp: fact.at, data }
}

impl Message {
    /// Only that a call ended.
    fn without_call(self) -> Self {
        Self { data: Data { call: None, ..self.data }, ..self }
    }

    /// What a center or a dispatch service says by it; nothing where it says nothing that counts here.
    pub fn report(&self) -> Option<Report> {
        let Data { call, dispatch, disposition, .. } = &self.data;
        Some(match self.kind.strip_prefix("incident.")? {
            "claimed" => Report::Claimed,
            "released" => Report::Released,
            "call_ended" => call.as_ref().map(|call| Report::Called { name: call.name.clone(), outcome: call.outcome })?,
            "dispatch_requested" | "dispatch_moved" => {
                let DispatchTold { service, state, reference } = dispatch.clone()?;
                Report::Moved { service, state, reference }
            }
            // Whom they called gave the password there.
            "cancelled" => Report::Ended { disposition: Disposition::FalseAlarm },
            "closed" => Report::Ended { disposition: disposition.unwrap_or(Disposition::ClosedByCenter) },
            _ => return None,
        })
    }
}
