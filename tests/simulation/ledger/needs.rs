//! What becomes of needs: each press is on the screens (I24), a person acknowledges it or the screen
//! says that nobody does (I24), and somebody can end what runs (I23).

use super::{
    Case, Ledger, MARGIN, RECOVERS,
    excuses::{Cause, UNREACHED},
};
use crate::{
    people::operator,
    plan::staffing::{Elsewhere, Staffing},
};
use buckler::{
    domain::{
        id::{HomeId, IncidentId},
        incident::{
            Actor, CallOutcome, CallState, CenterMode, Dispatch, DispatchState, Disposition,
            Incident, Mode, Report, State,
            command::{Command, OperatorReport, Seen},
            decide::decide,
            disclosure::Audience,
            event::{Event, Recorded},
        },
        time::Timestamp,
    },
    server::{
        engine::{Current, Engine},
        presenters::incident::present,
    },
    view::incident::is_number_first,
};
use std::{sync::Arc, time::Duration};

/// How long somebody may take to answer before the screens say that nobody does (I8).
const ANSWERS: Duration = Duration::from_secs(60);
/// How long the server takes to tell the screens.
const TELLS: Duration = Duration::from_secs(1);
/// How long somebody waits for what comes by itself.
const WAITS: Duration = Duration::from_secs(20 * 60);

/// A request that is stored and not on the screens yet.
pub struct Owed {
    home: HomeId,
    incident: IncidentId,
    fact: u32,
    since: Timestamp,
}

/// A service that nobody has accepted for this long is requested again by the next press.
const IGNORED: Duration = Duration::from_secs(600);

impl Ledger {
    /// R20: a press requests its service again where help is over or nobody has accepted, and nothing
    /// else does.
    pub(super) fn acts_again(&mut self, case: &mut Case, before: &Incident, fact: &Recorded) {
        let id = before.id;
        if let Some((service, since)) = case.must_request.filter(|(_, since)| fact.at > *since) {
            case.must_request = None;
            self.broken(format!(
                "R20: {service:?} was pressed at {since} in {id}, and nothing is requested"
            ));
        }
        let dispatched =
            |service| before.dispatches.iter().find(|dispatch| Some(dispatch.service) == service);
        match &fact.event {
            Event::Repeated { request, .. } if matches!(before.state, State::Dispatching) => {
                let Some(dispatch) = dispatched(request.service()) else { return };
                let is_ignored = dispatch.state < DispatchState::Accepted
                    && before.acknowledgment().is_none()
                    && fact.at.since(dispatch.at) >= IGNORED;
                if is_ignored || dispatch.state == DispatchState::Closed {
                    case.must_request = Some((dispatch.service, fact.at));
                }
            }
            Event::DispatchRequested { service } if dispatched(Some(*service)).is_some() => {
                let must = case.must_request.take().map(|(service, _)| service);
                // What a copy that was put back withholds is requested again at once.
                let is_withheld = before.asked_at.is_none();
                self.demand(must == Some(*service) || is_withheld, || {
                    format!("R20: {service:?} of {id} is requested again without a reason")
                });
            }
            _ => {}
        }
    }
}

impl Ledger {
    /// A press is stored, and the screens of the home must be told.
    pub(super) fn owes_screens(&mut self, incident: &Incident, fact: u32, since: Timestamp) {
        // What was decided from memory was told before it was stored (I25).
        if self.told.get(&incident.id).is_some_and(|told| *told >= fact) {
            return;
        }
        let owed = Owed { home: incident.home.clone(), incident: incident.id, fact, since };
        self.owed.push(owed);
    }

    /// The server tells the screens of this home (I24).
    pub fn tells_screens(&mut self, home: &HomeId, shown: Option<&Current>, now: Timestamp) {
        let shown = shown.map(|current| (current.incident.id, current.incident.seq));
        self.told.extend(shown);
        self.owed.retain(|owed| {
            // Another incident replaces one that is over.
            let is_told = shown.is_none_or(|(id, seq)| id != owed.incident || seq >= owed.fact);
            owed.home != *home || !is_told
        });
        self.screens_are_told(now);
    }

    /// A server that starts tells the screens everything when they connect again.
    pub(super) fn screens_connect_again(&mut self) {
        self.owed.clear();
        self.told.clear();
        self.said.clear();
    }

    pub(super) fn screens_are_told(&mut self, now: Timestamp) {
        if let Some(owed) = self.owed.iter().find(|owed| now > owed.since + TELLS) {
            let Owed { fact, incident, .. } = owed;
            self.broken(format!("I24/seen: no screen was told of request {fact} of {incident}"));
        }
    }

    /// Checks every running incident: somebody has acknowledged it, or the screen says that nobody has.
    pub fn needs_are_met(&mut self, now: Timestamp, engine: &Engine, staffing: &Staffing) {
        for current in engine.view().running() {
            let incident = &current.incident;
            let Some(case) = self.cases.get(&incident.id) else { continue };
            // Whether a screen says so depends on the incident and not on the time.
            let is_said =
                self.said.get(&incident.id).is_some_and(|said| Arc::ptr_eq(said, &current));
            // The ledger knows what is stored, and not yet what the server did from memory.
            if current.history.len() as u32 > case.facts
                || incident.mode == Mode::Drill
                || incident.requests.services().is_empty()
                || is_said
                || is_acknowledged(incident, staffing)
            {
                continue;
            }
            let due = self.must_be_answered_by(case, now);
            if now <= due {
                continue;
            }
            let screen = present(incident, &current.history, now, None, Audience::Home);
            let says_so = is_number_first(&screen)
                || matches!(incident.state, State::UnderReview | State::CountingDown { .. });
            let part = match staffing.center {
                CenterMode::Operators => "I24/console",
                _ => "I24/need",
            };
            self.demand(says_so, || {
                format!("{part}: nobody answers {} since {due}, and no screen says so", incident.id)
            });
            if says_so {
                self.said.insert(incident.id, current.clone());
            }
        }
    }

    /// When somebody has acknowledged the requests of an incident at the latest (I8).
    fn must_be_answered_by(&self, case: &Case, now: Timestamp) -> Timestamp {
        let holds = [UNREACHED, &[Cause::Queue("responders")]].concat();
        let policy = case.incident.snapshot.policy;
        let by_operator = policy.center == CenterMode::Operators;
        let calls = policy.rings_for(by_operator) + policy.talks_for(by_operator);
        let begun = case.presses.iter().map(|press| press.at).max().unwrap_or(case.due);
        let due = case.left.unwrap_or(case.due).max(begun) + policy.offer() + calls + MARGIN;
        // It waits again after an operator let go of it.
        let due = case.let_go.map_or(due, |at| due.max(at + ANSWERS + MARGIN));
        due + self.excuses.since(begun, now, &holds, RECOVERS)
    }

    /// In a world in which nothing is repaired, a person who is present can end each incident (I23).
    pub fn can_be_ended(&mut self, engine: &Engine, staffing: &Staffing, now: Timestamp) {
        for current in engine.view().running() {
            let incident = &current.incident;
            self.demand(can_be_ended(incident, staffing, now.max(incident.touched_at)), || {
                format!("I23: nobody who is present can end {} {:?}", incident.id, incident.state)
            });
        }
    }
}

/// Whether a person, or those who can act, acknowledged an incident.
fn is_acknowledged(incident: &Incident, staffing: &Staffing) -> bool {
    let answered = incident.calls.iter().any(|call| match call.state {
        CallState::Ringing { .. } => false,
        CallState::Answered { .. } => true,
        CallState::Ended(outcome) => !matches!(
            outcome,
            CallOutcome::NoAnswer
                | CallOutcome::Voicemail
                | CallOutcome::Busy
                | CallOutcome::Failed
        ),
    });
    let dispatched = incident.dispatches.iter().any(|d| d.state != DispatchState::Requested);
    answered
        || dispatched
        || incident.assignee.is_some()
        || match staffing.center {
            CenterMode::Automatic => staffing.responders && incident.dispatch_requested(),
            CenterMode::Operators => false,
            CenterMode::Receiver => {
                !staffing.has_engine_elsewhere()
                    || incident.signaled == Some(true)
                    || incident.external.works_on_it()
            }
        }
}

/// Whether a person who is present can end the incident, at once or after its own timers.
fn can_be_ended(incident: &Incident, staffing: &Staffing, now: Timestamp) -> bool {
    let (mut incident, mut at) = (incident.clone(), now);
    // The server ends the claim of an operator who leaves.
    if staffing.operator.is_some_and(|operator| operator.leaves.is_some()) {
        let release = Command::Release { by: Actor::Center, from: operator::OLGA.actor() };
        incident = decide(&incident, release, at).after;
    }
    loop {
        let ends = |commands: &Vec<Command>| {
            let after = commands
                .iter()
                .fold(incident.clone(), |i, command| decide(&i, command.clone(), at).after);
            after.is_over()
        };
        if incident.is_over() || commands(&incident, staffing).iter().any(ends) {
            return true;
        }
        match incident.next_deadline().filter(|next| next.since(now) <= WAITS) {
            Some(next) => {
                at = at.max(next);
                incident = decide(&incident, Command::Tick, at).after;
            }
            None => return false,
        }
    }
}

/// What those who are there can do to end it.
fn commands(incident: &Incident, staffing: &Staffing) -> Vec<Vec<Command>> {
    let seen = Seen::All;
    let ada = Actor::Person { id: "ada".parse().unwrap(), name: "ada".into() };
    let note = String::new();
    let mut all = vec![
        vec![Command::Cancel { by: ada.clone(), seen }],
        vec![Command::Silence { by: ada.clone(), seen }],
        vec![Command::End { by: ada.clone(), seen }],
        vec![Command::Review { by: ada, seen, proceed: false, note }],
    ];
    if operator::is_open(incident) && staffing.operator.is_some_and(|o| o.leaves.is_none()) {
        let by = operator::OLGA.actor();
        let disposition = Disposition::ClosedByCenter;
        let report = OperatorReport::Close { seen, disposition, note: None };
        all.push(vec![Command::Claim { by: by.clone() }, Command::ByAssignee { by, report }]);
    }
    if staffing.center == CenterMode::Receiver && staffing.elsewhere == Elsewhere::Reports {
        let by = Actor::Outside { name: "Harbor".into() };
        let report = Report::Ended { disposition: Disposition::HelpGiven };
        let said_at = Timestamp::from_millis(u64::MAX >> 1);
        all.push(vec![Command::Report { by, key: "end".into(), said_at, report }]);
    }
    if staffing.center == CenterMode::Automatic && staffing.responders
        || incident.mode == Mode::Drill
    {
        let state = DispatchState::Closed;
        let closed = |d: &Dispatch| Command::Dispatch {
            service: d.service,
            request: d.request,
            state,
            reference: None,
        };
        all.push(incident.dispatches.iter().map(closed).collect());
    }
    all
}
