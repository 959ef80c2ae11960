//! Effects: what a fact causes outside. An effect is stored with its fact, carried out afterwards,
//! and safe to repeat: it carries a unique key, so that handlers can ignore duplicates (I12).

use super::{
    Actor, CenterMode, Disposition, Incident, Mode, Purpose, Quiet, Request, SIREN_NOT_AFTER,
    STALE_AFTER, Service, Snapshot, State, UNSTORED_SIREN,
    command::Raise,
    event::{Event, Recorded},
};
use crate::domain::{
    home::{Address, undo},
    id::{CallId, ContactId, DeviceId, HomeId, IncidentId},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// An action outside of the incident.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Effect {
    /// Unique forever: incident, number of the fact, kind, target. A retry carries the same key.
    pub key: String,
    /// The incident.
    pub incident: IncidentId,
    /// The home.
    pub home: HomeId,
    /// The number of the fact that causes it. Of two commands to one device, the later one wins.
    pub seq: u32,
    /// When the fact was decided: of two commands to one device from different incidents, the later
    /// one wins (I31). The default is that of effects that were stored without it.
    #[serde(default)]
    pub decided_at: Timestamp,
    /// Live or drill. Their effects use disjoint handlers (I18).
    pub mode: Mode,
    /// The time after which it must not be carried out; `None` if it is useful however late.
    pub not_after: Option<Timestamp>,
    /// The action.
    #[serde(flatten)]
    pub kind: EffectKind,
}

/// The kinds of effects.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum EffectKind {
    /// Sound a siren until `until`; always bounded (I13).
    SirenOn {
        device: DeviceId,
        until: Timestamp,
        #[serde(default)]
        sound: Sound,
    },
    /// Stop a siren.
    SirenOff { device: DeviceId },
    /// Announce that medical help was requested.
    Announce { device: DeviceId },
    /// Ring a contact's telephone.
    CallContact {
        call: CallId,
        contact: ContactId,
        purpose: Purpose,
        /// The number of the link whose page rings.
        #[serde(default)]
        link: u64,
    },
    /// Signal a third party's alarm receiving center.
    SignalReceiver {
        services: Vec<Service>,
        #[serde(default)]
        signal: Signal,
        /// Why the receiver must not call the home, if it must not.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        quiet: Option<Quiet>,
        /// The home's name.
        #[serde(default)]
        site: String,
        /// The home's address, in one line.
        #[serde(default)]
        place: String,
        /// Notes for responders, in one line.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        notes: String,
        /// What was changed in the last day, in one line.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        changes: String,
        /// When it happened.
        #[serde(default)]
        at: Timestamp,
    },
    /// Request responders.
    RequestDispatch { service: Service },
    /// Notify people who may not be looking at the app.
    Notify { reason: Notice },
}

/// The message to a receiving center.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Signal {
    /// Help is needed.
    #[default]
    Alarm,
    /// The first contact canceled the emergency.
    Cancel,
    /// The incident is over.
    Restore,
}

/// The kind of emergency that a siren signals, if it has different sounds for them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sound {
    /// Fire was requested, alone or with others: people must leave.
    Fire,
    /// Police was requested, and fire was not.
    Police,
    /// Neither fire nor police was requested.
    #[default]
    Alarm,
}

impl Sound {
    /// Returns the sound for the sirens of an incident. A request that still counts down does not
    /// change it (I3).
    pub fn of(incident: &Incident) -> Self {
        let asked = incident.requests.services();
        match () {
            () if asked.contains(&Service::Fire) => Self::Fire,
            () if asked.contains(&Service::Police) => Self::Police,
            () => Self::Alarm,
        }
    }
}

/// The reason for a notification.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Notice {
    /// To operators: an incident waits to be claimed.
    WaitsForOperator,
    /// To supervisors: no operator claimed it in time.
    Unclaimed,
    /// To supervisors and owners: nobody has acknowledged it.
    Unanswered,
    /// To owners and operators: it was found too late to act without a review (R22).
    UnderReview,
}

/// Returns the effects of `event`, the incident's latest. `incident` is the state after it.
pub fn effects(incident: &Incident, Recorded { at, event }: &Recorded) -> Vec<Effect> {
    let mut made = Vec::new();
    let mut make =
        |target: &dyn std::fmt::Display, not_after: Option<Timestamp>, kind: EffectKind| {
            let key = format!("{}/{}/{}/{target}", incident.id, incident.seq, name(&kind));
            made.push(Effect {
                key,
                incident: incident.id,
                home: incident.home.clone(),
                seq: incident.seq,
                decided_at: *at,
                mode: incident.mode,
                not_after,
                kind,
            });
        };
    match event {
        Event::SirenOn { devices, until, not_after } => {
            for device in devices {
                make(
                    device,
                    Some(*not_after),
                    EffectKind::SirenOn {
                        device: device.clone(),
                        until: *until,
                        sound: Sound::of(incident),
                    },
                );
            }
        }
        Event::SirenSilenced { .. } | Event::SirenOver => {
            for device in incident.snapshot.sounders.iter().map(|s| &s.id) {
                make(device, None, EffectKind::SirenOff { device: device.clone() });
            }
        }
        Event::Announced { device } => {
            make(device, None, EffectKind::Announce { device: device.clone() })
        }
        Event::CallPlaced { call, contact, purpose, until, .. } => {
            make(
                contact,
                Some(*until),
                EffectKind::CallContact {
                    call: *call,
                    contact: contact.clone(),
                    purpose: *purpose,
                    link: incident.link_of(*call),
                },
            );
        }
        _ if waits_for_operator(incident, event) => {
            make(&"operators", None, notify(Notice::WaitsForOperator));
        }
        Event::DispatchRequested { service } => {
            make(&name_of(*service), None, EffectKind::RequestDispatch { service: *service })
        }
        Event::Unclaimed { .. } => make(&"supervisors", None, notify(Notice::Unclaimed)),
        Event::Unanswered => make(&"supervisors", None, notify(Notice::Unanswered)),
        Event::FoundLate { .. } => make(&"review", None, notify(Notice::UnderReview)),
        _ => {}
    }
    if let Some((not_after, kind)) = to_receiver(incident, event, *at) {
        make(&"receiver", not_after, kind);
    }
    made
}

/// Whether operators are asked to take the incident: it is offered, or the lease of its operator
/// ended.
fn waits_for_operator(incident: &Incident, event: &Event) -> bool {
    match event {
        Event::CountdownOver { .. } | Event::SentNow { .. } => {
            incident.is_offered_to(CenterMode::Operators)
        }
        Event::Released { by: Actor::Center } => {
            incident.snapshot.policy.center == CenterMode::Operators
        }
        _ => false,
    }
}

const fn notify(reason: Notice) -> EffectKind {
    EffectKind::Notify { reason }
}

/// Returns what the receiving center is to be told about a fact, if anything, and until when.
fn to_receiver(
    incident: &Incident,
    event: &Event,
    at: Timestamp,
) -> Option<(Option<Timestamp>, EffectKind)> {
    let (signal, services) = signals(incident, event)?;
    // An alarm that is found later than that is not sent without a review (R22).
    let not_after = (signal == Signal::Alarm).then_some(at + STALE_AFTER);
    let place = incident.snapshot.address.as_ref().map(Address::one_line).unwrap_or_default();
    let (notes, changes) = match signal {
        Signal::Alarm => {
            let Snapshot { notes, recent_changes, .. } = &*incident.snapshot;
            (notes.one_line(), undo::one_line(recent_changes))
        }
        _ => Default::default(),
    };
    let (site, quiet) = (incident.snapshot.home_name.clone(), incident.quiet);
    Some((
        not_after,
        EffectKind::SignalReceiver { services, signal, quiet, site, place, notes, changes, at },
    ))
}

/// Returns the message to the receiving center about a fact, and its services. `None` if there is
/// no receiving center, or before anything may leave (I3).
fn signals(incident: &Incident, event: &Event) -> Option<(Signal, Vec<Service>)> {
    let asked = || incident.requests.services();
    let (signal, services) = match event {
        Event::CountdownOver { .. } | Event::SentNow { .. }
            if matches!(incident.state, State::Verifying(_)) =>
        {
            (Signal::Alarm, asked())
        }
        Event::Joined { request, .. } | Event::Repeated { request, .. }
            if matches!(incident.state, State::Verifying(_) | State::Dispatching) =>
        {
            (Signal::Alarm, request.service().into_iter().collect())
        }
        // What the center has acknowledged is not said again.
        Event::Reviewed { proceed: true, .. } if incident.signaled != Some(true) => {
            (Signal::Alarm, asked())
        }
        Event::Cancelled { .. } => (Signal::Cancel, asked()),
        Event::Closed { disposition: Disposition::ReviewedNotSent, .. } => {
            (Signal::Cancel, incident.alarms_at_center())
        }
        Event::Closed { .. } if incident.dispatch_requested() => (Signal::Restore, asked()),
        _ => return None,
    };
    (incident.snapshot.policy.center == CenterMode::Receiver && !services.is_empty())
        .then_some((signal, services))
}

/// When the sirens of a request that could not be stored sound, if it is not stored by then (F15):
/// after the countdown that it would have had. Only a live request for sirens alone has them.
pub fn unstored_sirens_due(raise: &Raise, asked_at: Timestamp) -> Option<Timestamp> {
    let has_them = raise.mode == Mode::Live && raise.request == Request::Siren;
    has_them.then(|| asked_at + Duration::from_millis(raise.snapshot.countdown_ms))
}

/// Returns the siren effects of a request that could not be stored, the only effects without a
/// stored fact (F15). The sirens stop by themselves after [`UNSTORED_SIREN`].
pub fn unstored_sirens_on(raise: &Raise, now: Timestamp) -> Vec<Effect> {
    let on =
        |device| EffectKind::SirenOn { device, until: now + UNSTORED_SIREN, sound: Sound::Alarm };
    unstored(raise, now, Some(now + SIREN_NOT_AFTER), on)
}

/// Returns the effects that stop the sirens of a request that could not be stored.
pub fn unstored_sirens_off(raise: &Raise, now: Timestamp) -> Vec<Effect> {
    unstored(raise, now, None, |device| EffectKind::SirenOff { device })
}

fn unstored(
    raise: &Raise,
    now: Timestamp,
    not_after: Option<Timestamp>,
    kind: impl Fn(DeviceId) -> EffectKind,
) -> Vec<Effect> {
    let effect = |device: &DeviceId| {
        let kind = kind(device.clone());
        Effect {
            key: format!("{}/0/{}/{device}", raise.id, name(&kind)),
            incident: raise.id,
            home: raise.home.clone(),
            seq: 0,
            decided_at: now,
            mode: raise.mode,
            not_after,
            kind,
        }
    };
    raise.snapshot.sounders.iter().map(|s| effect(&s.id)).collect()
}

/// The name of the kind, in keys and in the store.
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
