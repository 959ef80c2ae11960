//! The messages about an incident that leave for other servers.

use super::timeline;
use crate::{
    api::{
        incident::Stage,
        timeline::TimelineEntry,
        webhooks::{About, Data, DispatchProgress, EndedCall, Message},
    },
    domain::incident::{
        CallState, CenterMode, DispatchState, Incident, Report, Service,
        disclosure::{Audience, disclosures},
        event::{Event, Recorded},
    },
};

/// The messages about an incident that may be sent to another server, in order, from step `from`
/// on.
pub fn messages(
    incident: &Incident,
    history: &[Recorded],
    account: Option<&str>,
    from: u32,
) -> Vec<Message> {
    // Messages of a home's own server may contain what the home may see.
    let audience = match incident.snapshot.policy.center {
        CenterMode::Operators => Audience::Center,
        CenterMode::Automatic | CenterMode::Receiver => Audience::Home,
    };
    let lines = timeline::lines(incident, history, audience);
    let data = disclosures(incident, history).into_iter().filter(|(n, _)| lines[*n].seq >= from);
    data.map(|(n, then)| {
        let message = message(&history[n], &lines[n], &then, account);
        let is_secret = message
            .data
            .call
            .as_ref()
            .is_some_and(|call| audience.outcome(incident, call.outcome).is_none());
        if is_secret {
            // The message says only that the call ended.
            Message { data: Data { call: None, ..message.data }, ..message }
        } else {
            message
        }
    })
    .collect()
}

fn message(
    fact: &Recorded,
    line: &TimelineEntry,
    then: &Incident,
    account: Option<&str>,
) -> Message {
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
        recent_changes: snapshot.recent_changes.iter().map(Into::into).collect(),
    };
    let data = Data {
        incident: Some(then.id),
        home_incident: then.home_incident,
        account: account.map(Into::into),
        seq: line.seq,
        by: line.by.clone(),
        text: line.text.clone(),
        about: Some(about),
        ..Data::default()
    };
    let dispatch = |service: Service, state: DispatchState, reference: Option<String>| {
        Some(DispatchProgress { service, state, reference })
    };
    let data = match &fact.event {
        Event::CallEnded { call, outcome } => {
            let ended =
                then.calls.iter().find(|c| c.id == *call && matches!(c.state, CallState::Ended(_)));
            let name =
                ended.and_then(|call| then.contact(call)).map(|contact| contact.name().to_owned());
            Data {
                call: Some(EndedCall { name: name.unwrap_or_default(), outcome: *outcome }),
                ..data
            }
        }
        Event::DispatchRequested { service } => {
            Data { dispatch: dispatch(*service, DispatchState::Requested, None), ..data }
        }
        Event::DispatchMoved { service, state, reference } => {
            Data { dispatch: dispatch(*service, *state, reference.clone()), ..data }
        }
        Event::Reported { report: Report::Moved { service, state, reference }, .. } => {
            Data { dispatch: dispatch(*service, *state, reference.clone()), ..data }
        }
        Event::Closed { disposition, .. } => Data { disposition: Some(*disposition), ..data },
        _ => data,
    };
    Message { kind: format!("incident.{}", fact.event.name()), timestamp: fact.at, data }
}
