//! A story drives one incident: it takes commands and time, and checks every fact.

use buckler::domain::{
    access::{Membership, Role},
    camera::{Camera, CameraKind},
    contact::{Contact, Readiness},
    device::{Device, DeviceKind},
    home::{Address, Enrolment, Home, Settings, Subscription},
    id::{CallId, IncidentId},
    incident::{
        Actor, CallOutcome, DispatchState, Incident, Mode, Policy, Quiet, Request, Service,
        Snapshot, Source,
        arrows::{self, Arrow},
        command::{CallStep, Command, Raise},
        decide::{Decision, Refusal, decide, start},
        effect::{Effect, EffectKind, name},
        event::{Event, Recorded},
    },
    time::Timestamp,
};
use std::{cell::RefCell, collections::BTreeSet, time::Duration};

thread_local! {
    /// The arrows that stories of this thread have taken.
    pub static WALKED: RefCell<BTreeSet<Arrow>> = const { RefCell::new(BTreeSet::new()) };
}

pub const OWNER: Membership = Membership { role: Role::Owner, sos_withdrawn: false };
pub const NOON: Timestamp = Timestamp::from_millis(1_795_435_200_000);

/// A home with everything: alarm, two keypads, cameras, two contacts.
pub fn home() -> Home {
    let contact = |id: &str, name: &str, phone: &str| Contact {
        readiness: Readiness::Accepted,
        ..Contact::new(id.parse().unwrap(), name.into(), phone.into())
    };
    let device = |id: &str, kind, model: &str| Device {
        id: id.parse().unwrap(),
        kind,
        model: model.into(),
        name: format!("The {id}"),
    };
    let camera = |id: &str, kind, sos_compatible, has_siren| Camera {
        id: id.parse().unwrap(),
        kind,
        name: format!("The {id}"),
        sos_compatible,
        has_siren,
        stream: None,
        small: None,
        login: None,
        keep: Default::default(),
    };
    let new = Home::new("elm-road".parse().unwrap(), "Elm Road".into(), "America/New_York".into());
    Home {
        address: Some(Address {
            line1: "1 Elm Road".into(),
            line2: None,
            city: "Springfield".into(),
            region: "OR".into(),
            postal_code: "97477".into(),
            country: "US".into(),
        }),
        subscription: Subscription { sos_for_cameras: Enrolment::Enrolled, ..new.subscription },
        settings: Settings { cameras_sound_with_base_station: true, ..Settings::default() },
        devices: vec![
            device("base", DeviceKind::BaseStation, "alarm"),
            device("keypad", DeviceKind::Keypad, "keypad"),
        ],
        cameras: vec![
            camera("door", CameraKind::Doorbell, true, true),
            camera("hall", CameraKind::Camera, false, false),
        ],
        contacts: vec![
            contact("sister", "Sister", "+15035550101"),
            contact("neighbor", "Neighbor", "+15035550102"),
        ],
        ..new
    }
}

pub fn person(name: &str) -> Actor {
    Actor::Person { id: name.parse().unwrap(), name: name.into() }
}

/// One incident in progress.
pub struct Story {
    pub now: Timestamp,
    pub incident: Incident,
    pub facts: Vec<Recorded>,
    pub effects: Vec<Effect>,
}

/// A request by Ada on the dashboard.
pub fn raise(home: &Home, request: Request, policy: Policy) -> Raise {
    Raise {
        id: IncidentId(uuid::Uuid::from_u128(1)),
        home: home.id.clone(),
        request,
        mode: Mode::Live,
        drill_sirens: false,
        source: Source::Dashboard,
        by: person("ada"),
        after: None,
        sent_at: None,
        restricted_until: None,
        quiet: None,
        home_incident: None,
        snapshot: Snapshot::of(home, policy, NOON),
    }
}

impl Story {
    pub fn begin(home: &Home, request: Request, mode: Mode, drill_sirens: bool) -> Self {
        Self::with_policy(home, request, mode, drill_sirens, Policy::default())
    }

    pub fn with_policy(
        home: &Home,
        request: Request,
        mode: Mode,
        drill_sirens: bool,
        policy: Policy,
    ) -> Self {
        Self::raised(Raise { mode, drill_sirens, ..raise(home, request, policy) })
    }

    /// An incident started by a panel's duress code or hold-up button.
    pub fn quiet(quiet: Quiet, policy: Policy) -> Self {
        let by = Actor::Device { name: "Panel".into() };
        Self::raised(Raise {
            quiet: Some(quiet),
            source: Source::Device,
            by,
            ..raise(&home(), Request::Police, policy)
        })
    }

    pub fn raised(raise: Raise) -> Self {
        let decision = start(raise, NOON);
        Self {
            now: NOON,
            incident: decision.after,
            facts: decision.facts,
            effects: decision.effects,
        }
    }

    pub fn live(request: Request) -> Self {
        Self::begin(&home(), request, Mode::Live, false)
    }

    /// The responders to the current request of a service report.
    pub fn moved(&mut self, service: Service, state: DispatchState) -> Result<(), Refusal> {
        let mut dispatches = self.incident.dispatches.iter();
        let request = dispatches.find(|d| d.service == service).map_or(0, |d| d.request);
        self.give(Command::Dispatch { service, request, state, reference: None })
    }

    pub fn give(&mut self, command: Command) -> Result<(), Refusal> {
        let Decision { facts, effects, after, refusal } = decide(&self.incident, command, self.now);
        let mut step = self.incident.clone();
        for fact in &facts {
            let before = step.clone();
            step.apply(fact);
            if let Some(arrow) = arrows::walked(&before, &fact.event, &step) {
                assert!(
                    arrows::ARROWS.contains(&arrow),
                    "an arrow that nobody declared: {arrow:?}"
                );
                WALKED.with_borrow_mut(|w| w.insert(arrow));
            }
        }
        assert_eq!(step, after, "I15: the state is the fold of the facts");
        self.incident = after;
        self.facts.extend(facts);
        self.effects.extend(effects);
        refusal.map_or(Ok(()), Err)
    }

    /// Lets time pass while the server is up: each timer fires in its own millisecond.
    pub fn wait(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(at) = self.incident.next_deadline().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            self.give(Command::Tick).unwrap();
        }
        self.now = end;
    }

    /// Lets time pass while the server is down, then brings it up.
    pub fn sleep(&mut self, time: Duration) {
        self.now = self.now + time;
        self.give(Command::Tick).unwrap();
    }

    pub fn join(&mut self, request: Request) {
        self.give(Command::Join { request, source: Source::Dashboard, by: person("ben") }).unwrap();
    }

    pub fn on_call(&mut self, number: u8, step: CallStep) -> Result<(), Refusal> {
        let call = CallId { incident: self.incident.id, number };
        self.give(Command::Call { call, step })
    }

    pub fn state(&self) -> &'static str {
        arrows::state_name(&self.incident.state)
    }

    pub fn outcome(&self, call: usize) -> Option<CallOutcome> {
        self.incident.calls[call].outcome()
    }

    pub fn whats(&self) -> Vec<&'static str> {
        self.facts.iter().map(|f| f.event.name()).collect()
    }

    pub fn made(&self, kind: &str) -> usize {
        self.effects.iter().filter(|e| name(&e.kind) == kind).count()
    }

    pub fn sirens(&self) -> Vec<&str> {
        let on = |e: &'_ Effect| matches!(e.kind, EffectKind::SirenOn { .. });
        let device = |e: &Effect| {
            if let EffectKind::SirenOn { device, .. } = &e.kind {
                device.clone()
            } else {
                unreachable!()
            }
        };
        let names: Vec<_> = self.effects.iter().filter(|e| on(e)).map(device).collect();
        let known = &self.incident.snapshot.sounders;
        names
            .iter()
            .filter_map(|n| known.iter().find(|s| s.id == *n))
            .map(|s| s.id.as_str())
            .collect()
    }

    pub fn lateness_ms(&self) -> Option<u64> {
        self.facts.iter().find_map(|f| match f.event {
            Event::CountdownOver { late_ms } | Event::FoundLate { late_ms, .. } => Some(late_ms),
            _ => None,
        })
    }
}

pub const fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}
