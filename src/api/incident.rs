//! An incident as members of the home see it, and the request that raises one.

use super::{
    home::CheckKind,
    timeline::{self, Line},
};
use crate::domain::{
    call_tree,
    home::Address,
    id::{CallId, ContactId, DeviceId, HomeId, IncidentId},
    incident::{
        self as core, Actor, CallOutcome, CallState, DispatchState, Disposition, Mode, Purpose, Quiet, Request, Service, Siren, Source,
        State, Verification,
        event::{Event, Recorded},
    },
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Asks for help. Fields that this server does not know are left alone: an app that is newer than its server must be heard.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Raise {
    /// Made by the client; the same id again is the same request.
    #[schema(value_type = String, format = "uuid")]
    pub id: IncidentId,
    /// What is asked.
    pub request: Request,
    /// Real or practice.
    pub mode: Mode,
    /// Where the shield was.
    pub source: Source,
    /// When the person asked, by the client's clock corrected by the last server time.
    #[schema(value_type = String)]
    pub sent_at: Timestamp,
    /// In a drill: whether sirens sound, for five seconds at most.
    #[serde(default)]
    pub sirens: bool,
    /// In a drill: whether contacts are called, as they are unless this is false.
    #[serde(default = "yes")]
    #[schema(default = true)]
    pub call_contacts: bool,
}

fn yes() -> bool {
    true
}

/// One incident, whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Incident {
    /// Its id.
    #[schema(value_type = String, format = "uuid")]
    pub id: IncidentId,
    /// Whose.
    #[schema(value_type = String)]
    pub home: HomeId,
    /// Help, or sirens only.
    pub kind: Kind,
    /// What was asked for.
    pub services: Vec<Service>,
    /// Real or practice.
    pub mode: Mode,
    /// Where it stands.
    pub state: Stage,
    /// Whether the request that this answers joined it.
    pub joined: bool,
    /// Where it was raised first.
    pub source: Source,
    /// Who raised it first.
    pub started_by: Person,
    /// When it was raised.
    #[schema(value_type = String)]
    pub started_at: Timestamp,
    /// D: when the latest countdown ends or ended.
    #[schema(value_type = String)]
    pub deadline: Timestamp,
    /// The whole countdown, milliseconds.
    pub countdown_ms: u64,
    /// The server's time.
    #[schema(value_type = String)]
    pub server_time: Timestamp,
    /// Where help is sent.
    pub address: Option<Address>,
    /// The sirens.
    pub siren: SirenView,
    /// Calls made, and those that wait for their turn.
    pub calls: Vec<Call>,
    /// What responders said.
    pub dispatches: Vec<Dispatch>,
    /// Whether and how it can be called off.
    pub cancel: Cancel,
    /// Everything that happened.
    pub timeline: Vec<Line>,
    /// How it ended.
    pub outcome: Option<Outcome>,
    /// Whether anybody is connected to this server who could send help.
    #[serde(default = "yes")]
    pub connected: bool,
    /// Whether a member of the home may say that it is over: `POST /api/v1/incidents/{id}/end`.
    #[serde(default)]
    pub can_end: bool,
    /// Where the home was not to notice it: why.
    #[serde(default)]
    pub quiet: Option<Quiet>,
    /// What an SOS would have lacked when a drill began.
    #[serde(default)]
    pub unready: Vec<CheckKind>,
    /// Where it is asked for by itself: whether what its camera showed was kept, `GET /api/v1/incidents/{id}/clip`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub clip: bool,
}

/// Help, or sirens only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Services were asked for.
    Sos,
    /// Sirens, and nothing else.
    Siren,
}

/// Where an incident stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Nothing has happened yet.
    CountingDown,
    /// Cancelled in time.
    Aborted,
    /// Sirens only, sounding.
    SirenSounding,
    /// The first contact is being asked.
    Verifying,
    /// Help was requested from responders.
    Dispatching,
    /// Called off on the phone.
    Cancelled,
    /// Found late; somebody must look at it.
    UnderReview,
    /// Over.
    Closed,
}

impl Stage {
    /// Whether nothing can happen any more.
    pub fn is_over(self) -> bool {
        matches!(self, Self::Aborted | Self::Cancelled | Self::Closed)
    }
}

impl From<&State> for Stage {
    fn from(state: &State) -> Self {
        match state {
            State::CountingDown { .. } => Self::CountingDown,
            State::Aborted { .. } => Self::Aborted,
            State::SirenSounding => Self::SirenSounding,
            State::Verifying(Verification::Offered { .. } | Verification::Calling) => Self::Verifying,
            State::Dispatching => Self::Dispatching,
            State::Cancelled => Self::Cancelled,
            State::UnderReview => Self::UnderReview,
            State::Closed => Self::Closed,
        }
    }
}

/// Somebody, by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Person {
    /// The account or contact; empty for a device, the center and Buckler itself.
    pub id: String,
    /// The name at that moment.
    pub name: String,
}

impl From<&Actor> for Person {
    fn from(actor: &Actor) -> Self {
        let id = match actor {
            Actor::Person { id, .. } | Actor::Operator { id, .. } => id.to_string(),
            Actor::Contact { id, .. } => id.to_string(),
            Actor::Device { .. } | Actor::Outside { .. } | Actor::Center | Actor::Buckler => String::new(),
        };
        Self { id, name: actor.name().into() }
    }
}

/// The sirens of an incident.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SirenView {
    /// `silent`, `sounding`, `silenced` or `ended`.
    pub state: SirenStage,
    /// When they stop by themselves.
    #[schema(value_type = Option<String>)]
    pub until: Option<Timestamp>,
    /// Which were asked to sound.
    #[schema(value_type = Vec<String>)]
    pub devices: Vec<DeviceId>,
    /// Which said that they do.
    #[schema(value_type = Vec<String>)]
    pub confirmed: Vec<DeviceId>,
}

/// Where the sirens stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SirenStage {
    /// Never sounded.
    Silent,
    /// Asked to sound.
    Sounding,
    /// Somebody silenced them.
    Silenced,
    /// They stopped.
    Ended,
}

/// One call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Call {
    /// Its id; absent while it is queued.
    #[schema(value_type = Option<String>)]
    pub id: Option<CallId>,
    /// The contact.
    #[schema(value_type = String)]
    pub contact: ContactId,
    /// The contact's name.
    pub name: String,
    /// The contact's place in the order, from 1.
    pub order: u8,
    /// Why.
    pub purpose: Purpose,
    /// Where it stands.
    pub state: CallStage,
    /// When it was placed.
    #[schema(value_type = Option<String>)]
    pub placed_at: Option<Timestamp>,
    /// How it ended.
    pub outcome: Option<CallOutcome>,
}

/// Where a call stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CallStage {
    /// Waits for its turn.
    Queued,
    /// It rings.
    Ringing,
    /// Somebody answered.
    Answered,
    /// It is over.
    Ended,
}

/// One requested service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Dispatch {
    /// Which.
    pub service: Service,
    /// How far it has come.
    pub state: DispatchState,
    /// The agency's own number.
    pub reference: Option<String>,
    /// When it came to this state.
    #[schema(value_type = String)]
    pub at: Timestamp,
}

/// Whether and how it can be called off.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Cancel {
    /// Whether Cancel Help works now.
    pub allowed: bool,
    /// What cancels.
    pub how: CancelHow,
    /// The number from which the center calls.
    pub center_phone: Option<String>,
}

/// What cancels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CancelHow {
    /// Cancel Help, in the app.
    CancelHelp,
    /// Only answering the first call.
    AnswerFirstCall,
    /// Nothing any more.
    Nothing,
}

/// How an incident ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Outcome {
    /// In which state.
    pub state: Stage,
    /// Why it was closed.
    pub disposition: Option<Disposition>,
    /// Who ended it.
    pub by: Person,
    /// When.
    #[schema(value_type = String)]
    pub at: Timestamp,
}

/// Who reads about an incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// The home. While the incident runs it is not told that somebody gave a wrong password: whoever forces a person to call it off
    /// may look at the same screen (R16).
    Home,
    /// The monitoring center, and evidence for it.
    Center,
}

impl Audience {
    /// How a call ended, as this reader may know it; `None` where only that it ended may be known.
    pub fn outcome(self, incident: &core::Incident, outcome: CallOutcome) -> Option<CallOutcome> {
        let is_secret = self == Self::Home && !incident.is_over() && outcome == CallOutcome::WrongPassword;
        (!is_secret).then_some(outcome)
    }
}

impl Incident {
    /// The incident with its history, as it is told at `now`.
    pub fn tell(incident: &core::Incident, history: &[Recorded], now: Timestamp, center_phone: Option<&str>, audience: Audience) -> Self {
        let services = incident.services();
        let counting = matches!(incident.state, State::CountingDown { .. });
        let how = match incident.state {
            State::CountingDown { .. } => CancelHow::CancelHelp,
            State::Verifying(_) => CancelHow::AnswerFirstCall,
            _ => CancelHow::Nothing,
        };
        Self {
            id: incident.id,
            home: incident.home.clone(),
            kind: if services.is_empty() { Kind::Siren } else { Kind::Sos },
            services,
            mode: incident.mode,
            state: Stage::from(&incident.state),
            joined: false,
            source: incident.source.clone(),
            started_by: Person::from(&incident.started_by),
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
                .map(|d| Dispatch { service: d.service, state: d.state, reference: d.reference.clone(), at: d.at })
                .collect(),
            cancel: Cancel { allowed: counting, how, center_phone: center_phone.map(Into::into) },
            timeline: timeline::tell(incident, history, audience),
            outcome: outcome(incident, history),
            connected: incident.mode == Mode::Drill || incident.snapshot.policy.connected,
            can_end: incident.may_be_ended_by_home(),
            quiet: incident.quiet,
            unready: incident.snapshot.unready.clone(),
            clip: false,
        }
    }
}

fn siren(siren: &Siren) -> SirenView {
    let still = |state| SirenView { state, until: None, devices: Vec::new(), confirmed: Vec::new() };
    match siren {
        Siren::Silent => still(SirenStage::Silent),
        Siren::Silenced { .. } => still(SirenStage::Silenced),
        Siren::Ended => still(SirenStage::Ended),
        Siren::Sounding { until, devices, confirmed } => {
            SirenView { state: SirenStage::Sounding, until: Some(*until), devices: devices.clone(), confirmed: confirmed.clone() }
        }
    }
}

fn calls(incident: &core::Incident, audience: Audience) -> Vec<Call> {
    let contacts = &incident.snapshot.contacts;
    let known = |id: &ContactId| contacts.iter().position(|c| c.id == *id);
    let name = |id: &ContactId| known(id).map_or_else(String::new, |at| contacts[at].name.clone());
    let order = |id: &ContactId| known(id).map_or(0, |at| u8::try_from(at + 1).unwrap_or(u8::MAX));
    let mut all: Vec<Call> = incident
        .calls
        .iter()
        .map(|call| Call {
            id: Some(call.id),
            contact: call.contact.clone(),
            name: name(&call.contact),
            order: order(&call.contact),
            purpose: call.purpose,
            state: match call.state {
                CallState::Ringing { .. } => CallStage::Ringing,
                CallState::Answered { .. } => CallStage::Answered,
                CallState::Ended(_) => CallStage::Ended,
            },
            placed_at: Some(call.placed_at),
            outcome: call.outcome().and_then(|outcome| audience.outcome(incident, outcome)),
        })
        .collect();
    if matches!(incident.state, State::Dispatching) {
        all.extend(call_tree::waiting(incident.callable(), &incident.calls).map(|contact| Call {
            id: None,
            contact: contact.id.clone(),
            name: contact.name.clone(),
            order: order(&contact.id),
            purpose: Purpose::Inform,
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
        Event::Aborted { by } | Event::Cancelled { by } | Event::Closed { by, .. } => Some((by, fact.at)),
        _ => None,
    })?;
    Some(Outcome { state, disposition: incident.disposition, by: Person::from(by), at })
}
