//! I33: a requester who may not request help may not prevent it. This walks through every kind of state,
//! requester and command, and compares the help that comes with it and without it. It is pure, and
//! runs before the histories.

use crate::plan::homes;
use buckler::domain::{
    access::{Action, Membership, Role},
    id::{CallId, IncidentId},
    incident::{
        Actor, CallOutcome, CenterMode, DispatchState, Disposition, Incident, Mode, Policy,
        Purpose, Request, Requests, Service, Snapshot, Source, State,
        command::{CallStep, Command, NotReached, OperatorReport, Raise, Seen},
        decide::{decide, start},
        effect::{EffectKind, Signal},
    },
    time::Timestamp,
};
use std::{collections::BTreeSet, time::Duration};

/// Who gives a command, and with which rights.
#[derive(Clone, Copy, Debug)]
enum Requester {
    Member(Membership, Restricted),
    /// The contact of that call.
    Contact(u8),
    /// Somebody at the monitoring center who works on the incident, or does not.
    Operator(Works),
}

type Works = bool;

type Restricted = bool;

const CALL_STEPS: [CallStep; 6] = [
    CallStep::Answer,
    CallStep::Confirm,
    CallStep::HangUp,
    CallStep::NotReached(NotReached::Busy),
    CallStep::Cancel { authenticated: false, seen: Seen::All },
    CallStep::Cancel { authenticated: true, seen: Seen::All },
];

/// The help that comes if nobody does anything any more.
#[derive(Debug, Default, PartialEq)]
struct Help {
    /// The requests whose services are asked.
    services: Requests,
    contacts: BTreeSet<String>,
    alarms: usize,
    sirens: Duration,
}

/// An incident at some stage, and its time.
struct Stage {
    name: String,
    incident: Incident,
    now: Timestamp,
}

const BEGINNING: Timestamp = Timestamp::from_millis(1_795_435_200_000);

fn member(name: &str) -> Actor {
    Actor::Person { id: name.parse().unwrap(), name: name.into() }
}

fn operator(name: &str) -> Actor {
    Actor::Operator { id: name.parse().unwrap(), name: name.into() }
}

impl Stage {
    fn begin(center: CenterMode, request: Request, mode: Mode) -> Self {
        let home = homes::full();
        let snapshot = Snapshot::of(&home, Policy { center, ..Policy::default() }, BEGINNING);
        let raise = Raise {
            id: IncidentId(uuid::Uuid::from_u128(1)),
            home: home.id,
            request,
            mode,
            drill_sirens: true,
            source: Source::Dashboard,
            by: member("olivia"),
            after: None,
            sent_at: None,
            restricted_until: None,
            quiet: None,
            home_incident: None,
            snapshot,
        };
        let incident = start(raise, BEGINNING).after;
        Self { name: format!("{center:?} {mode:?} {request:?}"), incident, now: BEGINNING }
    }

    fn after(mut self, name: &str, wait: Duration, command: Command) -> Self {
        self.name += &format!(", {name}");
        self.now = self.now + wait;
        self.incident = decide(&self.incident, command, self.now).after;
        self
    }

    fn waits(self, seconds: u64) -> Self {
        let name = format!("{seconds} s later");
        self.after(&name, Duration::from_secs(seconds), Command::Tick)
    }

    fn joined(self, request: Request) -> Self {
        let by = member("sam");
        let join = Command::Join { request, source: Source::Dashboard, by };
        self.after("joined", Duration::from_secs(1), join)
    }

    fn claimed(self) -> Self {
        self.after("claimed", Duration::from_secs(1), Command::Claim { by: operator("ed") })
    }

    fn called(self, number: u8, step: CallStep) -> Self {
        let call = CallId { incident: self.incident.id, number };
        self.after("called", Duration::from_secs(1), Command::Call { call, step })
    }
}

/// Incidents at every stage, for every center and request.
fn stages() -> Vec<Stage> {
    let mut all = Vec::new();
    let centers = [CenterMode::Automatic, CenterMode::Operators, CenterMode::Receiver];
    let modes = [Mode::Live, Mode::Drill];
    for (center, mode, request) in centers.into_iter().flat_map(|center| {
        modes.into_iter().flat_map(move |mode| Request::ALL.map(|request| (center, mode, request)))
    }) {
        let begin = || Stage::begin(center, request, mode);
        let late = || begin().waits(3_600);
        all.extend([
            begin(),
            begin().joined(Request::Police),
            begin().joined(Request::Siren),
            begin().waits(6),
            begin().waits(6).joined(Request::Fire),
            begin().waits(6).claimed(),
            begin().waits(6).claimed().joined(Request::Fire),
            begin().waits(96).called(1, CallStep::Confirm).claimed(),
            begin().waits(96),
            begin().waits(96).called(1, CallStep::Answer),
            begin().waits(96).called(1, CallStep::NotReached(NotReached::Busy)),
            begin().waits(96).called(1, CallStep::Confirm),
            begin().waits(96).called(1, CallStep::Confirm).called(2, CallStep::Answer),
            begin().waits(96).joined(Request::Siren),
            late(),
            late().joined(Request::Siren),
            late().joined(Request::Police),
            late().joined(Request::Siren).waits(6),
        ]);
    }
    all
}

fn requesters() -> Vec<Requester> {
    let mut all = [true, false].map(Requester::Operator).to_vec();
    all.extend([1, 2].map(Requester::Contact));
    for (role, sos_withdrawn) in
        [(Role::Owner, false), (Role::Shared, false), (Role::Shared, true), (Role::Guest, false)]
    {
        let membership = Membership { role, sos_withdrawn };
        all.extend([false, true].map(|restricted| Requester::Member(membership, restricted)));
    }
    all
}

impl Requester {
    /// The commands that the server takes from this requester for this incident.
    fn commands(self, incident: &Incident) -> Vec<Command> {
        let seen = Seen::All;
        match self {
            Self::Member(membership, restricted) => {
                let by = member("thomas");
                if !membership.may(Action::Raise) {
                    return Vec::new();
                }
                let note = String::new();
                let mut all = vec![
                    Command::Cancel { by: by.clone(), seen },
                    Command::SendNow { by: by.clone() },
                    Command::Silence { by: by.clone(), seen },
                    Command::End { by: by.clone(), seen },
                    Command::Review { by: by.clone(), seen, proceed: false, note },
                ];
                all.extend(Request::ALL.map(|request| {
                    let source = Source::Dashboard;
                    Command::Join { request, source, by: by.clone() }
                }));
                let until = restricted.then(|| incident.touched_at + Duration::from_secs(86_400));
                all.into_iter().map(|command| Command::of_device(until, command)).collect()
            }
            // The others belong to the incident's assignee alone.
            Self::Operator(works) => at_the_center(incident, works),
            Self::Contact(number) => {
                let call = CallId { incident: incident.id, number };
                CALL_STEPS.map(|step| Command::Call { call, step }).into()
            }
        }
    }

    /// Whether this requester may prevent what others asked for: who may request it on a device that
    /// is not restricted, the first contact in the first call (R15), and the operator who works on
    /// the incident, or anyone at the center while it waits for a review (R22).
    fn may_prevent(self, incident: &Incident) -> bool {
        let is_asked = |number: u8| {
            incident.calls.iter().any(|call| {
                call.id.number == number && call.is_open() && call.purpose == Purpose::Verify
            })
        };
        match self {
            Self::Contact(number) => is_asked(number),
            Self::Operator(works) => {
                let is_assignee = works && incident.assignee == Some(operator("ed"));
                is_assignee || matches!(incident.state, State::UnderReview)
            }
            Self::Member(membership, restricted) => membership.may(Action::Raise) && !restricted,
        }
    }
}

/// The commands of an operator: Ed, who works on what is claimed, or Cy.
fn at_the_center(incident: &Incident, works: Works) -> Vec<Command> {
    let (by, seen) = (operator(if works { "ed" } else { "cy" }), Seen::All);
    let mut reports = vec![OperatorReport::Note { text: "A note".into() }];
    for number in [1, 2] {
        let call = CallId { incident: incident.id, number };
        reports.extend(CALL_STEPS.map(|step| OperatorReport::Call { call, step }));
    }
    for service in [Service::Police, Service::Fire, Service::Medical] {
        reports.extend(
            [DispatchState::Rejected, DispatchState::OnScene, DispatchState::Closed]
                .map(|state| OperatorReport::Dispatch { seen, service, state, reference: None }),
        );
    }
    let disposition = Disposition::HelpGiven;
    reports.push(OperatorReport::Close { seen, disposition, note: None });
    let of_report = |report| Command::ByAssignee { by: by.clone(), report };
    let mut all: Vec<_> = reports.into_iter().map(of_report).collect();
    all.extend([
        Command::Claim { by: by.clone() },
        Command::Release { by: by.clone(), from: operator("ed") },
        Command::Assign { by: by.clone(), to: operator("cy"), from: Some(operator("ed")) },
        Command::Shown { by: by.clone() },
        Command::Review { by, seen, proceed: false, note: String::new() },
    ]);
    all
}

/// The help that comes from here on, if nobody does anything for an hour.
fn help(mut incident: Incident, mut now: Timestamp, command: Command) -> Help {
    let until = now + Duration::from_secs(3_600);
    let mut help = Help::default();
    let mut next = Some(command);
    // A review waits for somebody who sends help.
    let mut reviews = matches!(incident.state, State::UnderReview)
        || matches!(incident.state, State::CountingDown { .. });
    while let Some(command) = next {
        let decision = decide(&incident, command, now);
        for effect in &decision.effects {
            match &effect.kind {
                EffectKind::CallContact { contact, .. } => {
                    help.contacts.insert(contact.to_string());
                }
                EffectKind::SignalReceiver { signal: Signal::Alarm, .. } => help.alarms += 1,
                _ => {}
            }
        }
        incident = decision.after;
        let wake = incident.next_deadline().filter(|at| *at <= until);
        let ends = wake.unwrap_or(until).max(now);
        if incident.siren.is_sounding() {
            help.sirens += ends.since(now);
        }
        next = wake.map(|_| Command::Tick);
        now = ends;
        if next.is_none() && std::mem::take(&mut reviews) {
            let (by, note) = (member("olivia"), String::new());
            next = Some(Command::Review { by, seen: Seen::All, proceed: true, note });
        }
    }
    let asked = |request: &Request| {
        incident.dispatches.iter().any(|d| request.service() == Some(d.service))
    };
    help.services = Request::ALL.into_iter().filter(asked).collect();
    let told = incident.calls.iter().filter(|c| c.outcome() == Some(CallOutcome::Told));
    help.contacts.extend(told.map(|call| call.contact.to_string()));
    help
}

/// Walks through everything, and returns what breaks I33.
pub fn broken() -> Option<String> {
    for Stage { name, incident, now } in stages() {
        let without = help(incident.clone(), now, Command::Tick);
        for requester in requesters() {
            for command in requester.commands(&incident) {
                let with = help(incident.clone(), now, command.clone());
                let services = without.services.iter().filter(|r| !with.services.contains(*r));
                // A second of sirens is the time that the answer took.
                let sirens = with.sirens + Duration::from_secs(1) < without.sirens;
                let lost = services.chain(sirens.then_some(Request::Siren));
                let stolen: Vec<Request> =
                    lost.filter(|_| !requester.may_prevent(&incident)).collect();
                if !stolen.is_empty() {
                    return Some(format!(
                        "I33: {requester:?} prevents {stolen:?} by {command:?} ({name})"
                    ));
                }
            }
        }
    }
    None
}
