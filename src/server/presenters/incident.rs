//! An incident as its readers see it.

use super::timeline;
use crate::{
    api::{
        heard::Heard,
        incident::{
            Acknowledgment, Call, CallStage, Cancel, CancelHow, Dispatch, Incident, Kind, Outcome,
            Person, SirenStage, SirenView, Stage,
        },
    },
    domain::{
        id::ContactId,
        incident::{
            self as core, Actor, CallState, CenterMode, Mode, Purpose, Siren, State,
            disclosure::Audience,
            event::{Event, Recorded},
        },
        time::Timestamp,
    },
};

/// Creates the view of an incident with its history for this audience, at `now`.
pub fn present(
    incident: &core::Incident,
    history: &[Recorded],
    now: Timestamp,
    center_phone: Option<&str>,
    audience: Audience,
) -> Incident {
    let services = incident.services();
    let counting = matches!(incident.state, State::CountingDown { .. });
    let how = match incident.state {
        State::CountingDown { .. } => CancelHow::CancelHelp,
        State::Verifying(_) if incident.asks_first() => CancelHow::AnswerFirstCall,
        _ => CancelHow::Nothing,
    };
    Incident {
        id: incident.id,
        home: incident.home.clone(),
        kind: if services.is_empty() { Kind::Siren } else { Kind::Sos },
        services: Heard::all(services),
        mode: incident.mode.into(),
        state: Stage::from(&incident.state),
        joined: false,
        latest_request: incident.latest_request(),
        restricted: incident.is_restricted() && !incident.is_over(),
        source: incident.source.clone(),
        started_by: person(&incident.started_by),
        started_at: incident.started_at,
        deadline: incident.deadline,
        countdown_ms: incident.snapshot.countdown_ms,
        server_time: now,
        address: incident.snapshot.address.clone(),
        siren: siren(&incident.siren),
        calls: calls(incident, audience),
        dispatches: incident
            .dispatches
            .iter()
            .chain(&incident.external.early)
            .map(|d| Dispatch {
                service: d.service.into(),
                state: d.state.into(),
                reference: d.reference.clone(),
                at: d.at,
                came: d.came,
            })
            .collect(),
        cancel: Cancel { allowed: counting, how, center_phone: center_phone.map(Into::into) },
        timeline: timeline::lines(incident, history, audience),
        outcome: outcome(incident, history),
        connected: incident.mode == Mode::Drill || incident.snapshot.policy.connected,
        acknowledgment: acknowledgment(incident),
        acknowledged_by: acknowledged_by(incident),
        nothing_left: matches!(incident.state, State::UnderReview | State::Closed)
            && !incident.may_have_left,
        signals: incident.mode == Mode::Live
            && incident.snapshot.policy.center == CenterMode::Receiver,
        can_end: incident.may_be_ended_by_home(),
        quiet: incident.quiet.map(Into::into),
        unready: Heard::all(incident.snapshot.unready.iter().copied()),
        clip: false,
    }
}

fn acknowledgment(incident: &core::Incident) -> Acknowledgment {
    match incident.acknowledgment() {
        Some(core::Acknowledgment::Responders(_)) => Acknowledgment::Responders,
        Some(core::Acknowledgment::Operator(_)) => Acknowledgment::Operator,
        Some(core::Acknowledgment::Center) => Acknowledgment::Center,
        Some(core::Acknowledgment::Contact(_)) => Acknowledgment::Contact,
        None if incident.is_unanswered => Acknowledgment::Unanswered,
        None => Acknowledgment::Waiting,
    }
}

fn acknowledged_by(incident: &core::Incident) -> Option<String> {
    match incident.acknowledgment()? {
        core::Acknowledgment::Operator(by) => Some(by.name().into()),
        core::Acknowledgment::Contact(call) => incident.contact(call).map(|by| by.name().into()),
        core::Acknowledgment::Responders(_) | core::Acknowledgment::Center => None,
    }
}

fn siren(siren: &Siren) -> SirenView {
    let still =
        |state| SirenView { state, until: None, devices: Vec::new(), confirmed: Vec::new() };
    match siren {
        Siren::Silent => still(SirenStage::Silent),
        Siren::Silenced { .. } => still(SirenStage::Silenced),
        Siren::Ended => still(SirenStage::Ended),
        Siren::Sounding { until, devices, confirmed, .. } => SirenView {
            state: SirenStage::Sounding,
            until: Some(*until),
            devices: devices.clone(),
            confirmed: confirmed.clone(),
        },
    }
}

fn calls(incident: &core::Incident, audience: Audience) -> Vec<Call> {
    let contacts = &incident.snapshot.contacts;
    let known = |id: &ContactId| contacts.iter().position(|c| c.id == *id);
    let order = |id: &ContactId| known(id).map_or(0, |at| u8::try_from(at + 1).unwrap_or(u8::MAX));
    let mut all: Vec<Call> = incident
        .calls
        .iter()
        .map(|call| Call {
            id: Some(call.id),
            contact: call.contact.clone(),
            name: incident.called(call).map_or_else(String::new, |contact| contact.name.clone()),
            order: order(&call.contact),
            beside: call.beside,
            purpose: call.purpose.into(),
            state: match call.state {
                CallState::Ringing { .. } => CallStage::Ringing,
                CallState::Answered { .. } => CallStage::Answered,
                CallState::Ended(_) => CallStage::Ended,
            },
            placed_at: Some(call.placed_at),
            outcome: call
                .outcome()
                .and_then(|outcome| audience.outcome(incident, outcome))
                .map(Into::into),
        })
        .collect();
    if matches!(incident.state, State::Dispatching) {
        all.extend(incident.waiting_contacts().map(|contact| Call {
            id: None,
            contact: contact.id.clone(),
            name: contact.name.clone(),
            order: order(&contact.id),
            beside: false,
            purpose: Purpose::Inform.into(),
            state: CallStage::Queued,
            placed_at: None,
            outcome: None,
        }));
    }
    all
}

fn outcome(incident: &core::Incident, history: &[Recorded]) -> Option<Outcome> {
    let state = Stage::from(&incident.state);
    if !state.is_over() {
        return None;
    }
    let (by, at) = history.iter().rev().find_map(|fact| match &fact.event {
        Event::Aborted { by } | Event::Cancelled { by } | Event::Closed { by, .. } => {
            Some((by, fact.at))
        }
        _ => None,
    })?;
    Some(Outcome { state, disposition: incident.disposition.map(Into::into), by: person(by), at })
}

fn person(actor: &Actor) -> Person {
    let id = match actor {
        Actor::Person { id, .. } | Actor::Operator { id, .. } => id.to_string(),
        Actor::Contact { id, .. } => id.to_string(),
        Actor::Device { .. } | Actor::Outside { .. } | Actor::Center | Actor::Buckler => {
            String::new()
        }
    };
    Person { id, name: actor.name().into() }
}
