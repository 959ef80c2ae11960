//! What a fact makes happen outside. An effect is stored with its fact, carried out afterwards, and safe to repeat:
//! whoever sees a key twice does the thing once (I12).

use super::{
    CenterMode, Incident, Mode, Purpose, Quiet, Request, SIREN_NOT_AFTER, STALE_AFTER, Service, State, UNSTORED_SIREN,
    command::Raise,
    event::{Event, Recorded},
};
use crate::domain::{
    home::Address,
    id::{CallId, ContactId, DeviceId, HomeId, IncidentId},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};

/// Something to be done outside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Effect {
    /// Unique for ever: incident, number of the fact, kind, target. A retry carries the same key.
    pub key: String,
    /// Whose.
    pub incident: IncidentId,
    /// In which home.
    pub home: HomeId,
    /// The number of the fact that causes it: of two commands to one device the later one holds.
    pub seq: u32,
    /// Live and drill effects use disjoint ways out (I18).
    pub mode: Mode,
    /// After this it must not be carried out any more; `None` where late is better than never.
    pub not_after: Option<Timestamp>,
    /// What.
    #[serde(flatten)]
    pub kind: EffectKind,
}

/// The kinds of effects.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum EffectKind {
    /// Sound until `until`; always bounded (I13).
    SirenOn {
        device: DeviceId,
        until: Timestamp,
        #[serde(default)]
        sound: Sound,
    },
    /// Be quiet.
    SirenOff { device: DeviceId },
    /// Say that medical help was requested.
    Announce { device: DeviceId },
    /// Ring a contact's telephone.
    CallContact { call: CallId, contact: ContactId, purpose: Purpose },
    /// Tell a third party's alarm receiving center.
    SignalReceiver {
        services: Vec<Service>,
        #[serde(default)]
        signal: Signal,
        /// Whether the receiver must not call the home, and why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        quiet: Option<Quiet>,
        /// What the home is called.
        #[serde(default)]
        site: String,
        /// Where it is, in one line.
        #[serde(default)]
        place: String,
        /// What responders should know, in one line.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        notes: String,
        /// When it happened.
        #[serde(default)]
        at: Timestamp,
    },
    /// Ask responders to come.
    RequestDispatch { service: Service },
    /// Tell people who are not looking.
    Notify { reason: Notice },
}

/// What a receiving center is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Signal {
    /// Help is needed.
    #[default]
    Alarm,
    /// The first contact called it off.
    Cancel,
    /// It is over.
    Restore,
}

/// What kind of emergency a siren sounds for, where it can tell them apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sound {
    /// Fire was asked for, whatever else: people must leave.
    Fire,
    /// Police was.
    Police,
    /// Only the siren was.
    #[default]
    Alarm,
}

impl Sound {
    /// What the sirens of an incident sound for.
    pub fn of(incident: &Incident) -> Self {
        let asked = incident.services();
        match () {
            () if asked.contains(&Service::Fire) => Self::Fire,
            () if asked.contains(&Service::Police) => Self::Police,
            () => Self::Alarm,
        }
    }
}

/// Why people are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Notice {
    /// To operators: an incident waits to be taken.
    WaitsForOperator,
    /// To supervisors: nobody took it in time.
    Unclaimed,
    /// To owners and operators: found too late to act on unseen (R22).
    UnderReview,
}

/// What `event`, the incident's latest, makes happen. `incident` is the one after it.
pub fn effects(incident: &Incident, Recorded { at, event }: &Recorded) -> Vec<Effect> {
    let mut made = Vec::new();
    let mut make = |target: &dyn std::fmt::Display, not_after: Option<Timestamp>, kind: EffectKind| {
        let key = format!("{}/{}/{}/{target}", incident.id, incident.seq, name(&kind));
        made.push(Effect {
            key,
            incident: incident.id,
            home: incident.home.clone(),
            seq: incident.seq,
            mode: incident.mode,
            not_after,
            kind,
        });
    };
    match event {
        Event::SirenOn { devices, until, not_after } => {
            for device in devices {
                make(device, Some(*not_after), EffectKind::SirenOn { device: device.clone(), until: *until, sound: Sound::of(incident) });
            }
        }
        Event::SirenSilenced { .. } | Event::SirenOver => {
            for device in incident.snapshot.sounders.iter().map(|s| &s.id) {
                make(device, None, EffectKind::SirenOff { device: device.clone() });
            }
        }
        Event::Announced { device } => make(device, None, EffectKind::Announce { device: device.clone() }),
        Event::CallPlaced { call, contact, purpose, until } => {
            make(contact, Some(*until), EffectKind::CallContact { call: *call, contact: contact.clone(), purpose: *purpose });
        }
        Event::CountdownOver { .. } | Event::SentNow { .. } if incident.is_offered_to(CenterMode::Operators) => {
            make(&"operators", None, EffectKind::Notify { reason: Notice::WaitsForOperator });
        }
        Event::DispatchRequested { service } => make(&name_of(*service), None, EffectKind::RequestDispatch { service: *service }),
        Event::Unclaimed => make(&"supervisors", None, EffectKind::Notify { reason: Notice::Unclaimed }),
        Event::FoundLate { .. } => make(&"review", None, EffectKind::Notify { reason: Notice::UnderReview }),
        _ => {}
    }
    if let Some((signal, services)) = signals(incident, event) {
        // What is found later than that is sent by nobody unseen (R22).
        let not_after = (signal == Signal::Alarm).then_some(*at + STALE_AFTER);
        let place = incident.snapshot.address.as_ref().map(Address::one_line).unwrap_or_default();
        let notes = if signal == Signal::Alarm { incident.snapshot.notes.one_line() } else { String::new() };
        let (site, quiet) = (incident.snapshot.home_name.clone(), incident.quiet);
        let kind = EffectKind::SignalReceiver { services, signal, quiet, site, place, notes, at: *at };
        make(&"receiver", not_after, kind);
    }
    made
}

/// What a receiving center is told of a fact, and for which services; nothing where the home has none, or before anything leaves (I3).
fn signals(incident: &Incident, event: &Event) -> Option<(Signal, Vec<Service>)> {
    let asked = || incident.requests.services();
    let (signal, services) = match event {
        Event::CountdownOver { .. } | Event::SentNow { .. } if matches!(incident.state, State::Verifying(_)) => (Signal::Alarm, asked()),
        Event::Joined { request, .. } | Event::Repeated { request, .. }
            if matches!(incident.state, State::Verifying(_) | State::Dispatching) =>
        {
            (Signal::Alarm, request.service().into_iter().collect())
        }
        Event::Reviewed { proceed: true, .. } => (Signal::Alarm, asked()),
        Event::Cancelled { .. } => (Signal::Cancel, asked()),
        Event::Closed { .. } if incident.dispatch_requested() => (Signal::Restore, asked()),
        _ => return None,
    };
    (incident.snapshot.policy.center == CenterMode::Receiver && !services.is_empty()).then_some((signal, services))
}

/// The sirens of a request that could not be stored: the one thing that is done without being remembered (F15). Only for sirens that
/// were asked for alone; they stop by themselves after [`UNSTORED_SIREN`], and the same request again does not sound them again.
pub fn unstored_sirens(raise: &Raise, now: Timestamp) -> Vec<Effect> {
    if raise.mode == Mode::Drill || raise.request != Request::Siren {
        return Vec::new();
    }
    let effect = |device: &DeviceId| {
        let kind = EffectKind::SirenOn { device: device.clone(), until: now + UNSTORED_SIREN, sound: Sound::Alarm };
        Effect {
            key: format!("{}/0/{}/{device}", raise.id, name(&kind)),
            incident: raise.id,
            home: raise.home.clone(),
            seq: 0,
            mode: raise.mode,
            not_after: Some(now + SIREN_NOT_AFTER),
            kind,
        }
    };
    raise.snapshot.sounders.iter().map(|s| effect(&s.id)).collect()
}

/// The kind as it stands in keys and in the store.
pub fn name(kind: &EffectKind) -> &'static str {
    match kind {
        EffectKind::SirenOn { .. } => "siren_on",
        EffectKind::SirenOff { .. } => "siren_off",
        EffectKind::Announce { .. } => "announce",
        EffectKind::CallContact { .. } => "call_contact",
        EffectKind::SignalReceiver { .. } => "signal_receiver",
        EffectKind::RequestDispatch { .. } => "request_dispatch",
        EffectKind::Notify { .. } => "notify",
    }
}

fn name_of(service: Service) -> &'static str {
    match service {
        Service::Police => "police",
        Service::Fire => "fire",
        Service::Medical => "medical",
    }
}
