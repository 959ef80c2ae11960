//! The invariants of the facts and effects that a commit stores.

use super::{Case, Cause, Ledger, MARGIN, PRESS, Press, RECOVERS, TAP, Tap, UNDECIDED};
use buckler::{
    domain::{
        contact::Readiness,
        id::{CallId, HomeId, IncidentId},
        incident::{
            Actor, Call, CallOutcome, CenterMode, Disposition, Incident, Mode, Purpose, Report,
            Request, State,
            effect::{Effect, EffectKind, Signal},
            event::{Event, Recorded},
        },
        time::Timestamp,
    },
    server::store::Batch,
};
use std::{collections::BTreeSet, time::Duration};

/// How long an app may take to hear that the server's clock was set back.
const HEARS_TIME: Duration = Duration::from_secs(300);

/// How long an operator has to reach the first contact by telephone.
const REACH: Duration = Duration::from_secs(60);

impl Case {
    /// Keeps the requests that somebody waits for.
    fn note_press(&mut self, before: &Incident, fact: u32, at: Timestamp, event: &Event) {
        match event {
            Event::Joined { request, .. } | Event::Repeated { request, .. } => {
                self.presses.push(Press { fact, request: *request, at })
            }
            Event::Aborted { .. } => {
                if let State::CountingDown { pending, .. } = before.state {
                    self.presses.retain(|press| !pending.contains(press.request));
                }
            }
            Event::Withdrawn { requests, .. } => {
                self.presses.retain(|press| !requests.contains(&press.request))
            }
            _ => {}
        }
    }
}

impl Ledger {
    /// A batch is on the disk, and known to be there since `known`. It was decided at `now`, when
    /// the server's time was `server`.
    pub fn committed(&mut self, times: [Timestamp; 3], batch: &Batch) {
        let [now, server, known] = times;
        let ahead_ms = server.as_millis().cast_signed() - now.as_millis().cast_signed();
        if ahead_ms + 1_000 < self.ahead_ms {
            self.set_back = Some(now);
        }
        self.ahead_ms = ahead_ms;
        self.keeps_undo(known, batch);
        self.requests_are_stored(batch);
        self.button_requests_are_stored(batch);
        for id in &batch.over {
            self.demand(batch.facts.iter().any(|(f, ..)| f == id), || {
                format!("I15: {id} is over without a fact")
            });
        }
        let mut left_now = BTreeSet::new();
        for (id, first, facts) in &batch.facts {
            for (n, fact) in facts.iter().enumerate() {
                let home =
                    batch.begun.iter().find(|begun| begun.id == *id).map(|begun| &begun.home);
                self.fact(now, server, *id, home, first + n as u32, fact);
                left_now.insert(*id);
            }
        }
        for id in left_now {
            let over = self.cases.get(&id).is_some_and(|c| c.incident.is_over());
            let said = batch.over.contains(&id);
            self.demand(!said || over, || format!("I15: {id} is marked over and is not"));
        }
        for effect in &batch.effects {
            self.promised(known, effect);
        }
        for (id, first, facts) in &batch.facts {
            self.presses_owe_screens(*id, *first, facts, known);
            // What was put back does nothing, not even OFF.
            if !self.withheld.contains(id) {
                facts.iter().for_each(|fact| self.has_effects(*id, fact, &batch.effects));
            }
        }
        self.tells_the_receiver(&batch.effects);
        self.withdraws(batch);
        self.presses_are_facts(batch);
        self.done.extend(batch.done.iter().cloned());
        self.one_runs_in_a_home();
    }

    /// In a home with a receiving center, the same batch tells the center of each alarm, its
    /// cancellation and its end.
    fn tells_the_receiver(&mut self, effects: &[Effect]) {
        for (id, wanted) in std::mem::take(&mut self.signals) {
            if self.withheld.contains(&id) {
                continue;
            }
            let told =
                effects.iter().any(|e| e.incident == id && matches!(e.kind, EffectKind::SignalReceiver { signal, .. } if signal == wanted));
            self.demand(told, || {
                format!("I12: the receiving center is not told {wanted:?} of {id}")
            });
        }
    }

    /// I24: each press that is stored is a fact of its author, also if they press again and again.
    fn presses_are_facts(&mut self, batch: &Batch) {
        let mut facts: Vec<(IncidentId, Request, &Actor)> = Vec::new();
        for (id, _, recorded) in &batch.facts {
            facts.extend(recorded.iter().filter_map(|fact| match &fact.event {
                Event::Started { request, by, .. }
                | Event::Joined { request, by, .. }
                | Event::Repeated { request, by, .. } => Some((*id, *request, by)),
                _ => None,
            }));
        }
        for row in &batch.requests {
            let (id, Some(incident)) = (row.id, row.incident()) else { continue };
            let Some(Tap { request, by, .. }) = self.taps.get(&id) else { continue };
            let of = facts.iter().position(|fact| *fact == (incident, *request, by));
            let said = of.map(|n| facts.swap_remove(n));
            let what = format!("I24/fact: {request:?} by {id} is stored and no fact of {incident}");
            self.demand(said.is_some(), || what);
        }
    }

    /// The screens of the home are told of each press, except of one that ended a drill.
    fn presses_owe_screens(
        &mut self,
        id: IncidentId,
        first: u32,
        facts: &[Recorded],
        known: Timestamp,
    ) {
        let presses = (first..).zip(facts).filter(|(_, fact)| {
            matches!(
                fact.event,
                Event::Started { .. } | Event::Joined { .. } | Event::Repeated { .. }
            )
        });
        let last = presses.map(|(number, _)| number).last();
        let incident = self.cases.get(&id).map(|case| case.incident.clone());
        if let (Some(fact), Some(incident)) = (last, incident.filter(|i| !i.is_over())) {
            self.owes_screens(&incident, fact, known);
        }
    }

    fn one_runs_in_a_home(&mut self) {
        let mut homes = BTreeSet::new();
        let twice = self
            .running()
            .find(|c| !homes.insert(&c.incident.home))
            .map(|c| c.incident.home.clone());
        self.demand(twice.is_none(), || format!("I11: two incidents run in {twice:?}"));
    }

    /// An incident begins.
    fn begins(&mut self, id: IncidentId, home: &HomeId, fact: &Recorded, at: Timestamp) {
        let Event::Started { request, deadline, snapshot, .. } = &fact.event else { return };
        let Some(incident) = Incident::replay(id, home.clone(), std::slice::from_ref(fact)) else {
            return;
        };
        let countdown = Duration::from_millis(snapshot.countdown_ms);
        self.demand(*deadline == fact.at + countdown, || {
            format!("R10: {id} has another deadline than its countdown")
        });
        let waits = if self.is_of_button(id) { PRESS } else { TAP };
        // An app that has not heard the time since the clock was set back states a time in the future,
        // which is never too old (F18; known gap).
        let is_ahead = |tap: &Tap| self.set_back.is_some_and(|back| tap.at <= back + HEARS_TIME);
        let fresh = self.taps.get(&id).is_some_and(|tap| at <= tap.at + waits || is_ahead(tap));
        self.demand(fresh || self.is_time_unknown, || {
            format!("F5: {id} began at {at}, too long after its tap")
        });
        let asked = BTreeSet::from([*request]);
        let case = Case {
            incident,
            facts: 1,
            begun: at,
            asked,
            due: at + countdown,
            left: None,
            let_go: None,
            dialed: None,
            requested: BTreeSet::new(),
            must_request: None,
            repeated_alarms: 0,
            presses: vec![Press { fact: 1, request: *request, at }],
            over: None,
        };
        self.cases.insert(id, case);
        self.running.insert(id);
    }

    fn fact(
        &mut self,
        now: Timestamp,
        server: Timestamp,
        id: IncidentId,
        home: Option<&HomeId>,
        number: u32,
        fact: &Recorded,
    ) {
        // The server's clock showed `at` when the decision was made.
        let at = now - server.since(fact.at);
        self.tell(at, || format!("{id} {number} {:?}", fact.event));
        if let (Event::Started { .. }, Some(home)) = (&fact.event, home) {
            return self.begins(id, home, fact, at);
        }
        let Some(mut case) = self.cases.remove(&id) else {
            return self.broken(format!("I15: a fact of {id}, which never began"));
        };
        self.demand(number == case.facts + 1, || {
            format!("I15: fact {number} of {id} stands where {} comes next", case.facts + 1)
        });
        let before = case.incident.clone();
        case.facts += 1;
        case.incident.apply(fact);
        self.does_nothing_by_itself(id, &fact.event);
        self.is_withdrawn_by(id, &fact.event, now);
        self.check_line(&mut case, &before, fact, at);
        self.acts_again(&mut case, &before, fact);
        self.check_calls(&before, fact);
        self.check_dialing(&mut case, &before, &fact.event, at);
        self.ends_what_was_shown(&before, &case.presses, &fact.event);
        case.note_press(&before, number, at, &fact.event);
        let is_sent_after_all = matches!(fact.event, Event::Reviewed { proceed: true, .. });
        if is_sent_after_all && before.signaled != Some(true) {
            case.repeated_alarms += 1;
        }
        if before.siren != case.incident.siren {
            self.wants_sirens(&case, fact, at);
        }
        self.signals.extend(signal(&before, fact, &case.incident).map(|signal| (id, signal)));
        self.demand(!before.is_over() || case.incident.state == before.state, || {
            format!("I9: {id} was over and changed")
        });
        if case.incident.is_over() {
            case.over.get_or_insert(now);
            self.running.remove(&id);
        }
        self.cases.insert(id, case);
    }

    /// The main line: never early, never late, cancelled only in time (I3, I4, I8, I16).
    fn check_line(&mut self, case: &mut Case, before: &Incident, fact: &Recorded, at: Timestamp) {
        let id = before.id;
        let counting = matches!(before.state, State::CountingDown { .. });
        match &fact.event {
            Event::Joined { request, deadline, .. } => {
                case.asked.insert(*request);
                if let Some(deadline) = deadline {
                    case.due = at + deadline.since(fact.at);
                }
            }
            Event::Aborted { .. } => {
                self.demand(counting && at < case.due, || {
                    format!("I4: {id} was aborted at {at}, D was {}", case.due)
                });
            }
            Event::CountdownOver { late_ms } => {
                self.demand(counting && at >= case.due, || {
                    format!("I16: D of {id} came at {at}, before {}", case.due)
                });
                let late = *late_ms == fact.at.since(before.deadline).as_millis() as u64;
                self.demand(late, || format!("I16: {id} records another lateness than it had"));
                self.is_as_late_as_it_says(id, *late_ms, case.due, at);
                let excused = self.excuses.until(case.due, at, UNDECIDED);
                self.demand(at <= excused, || {
                    format!(
                        "I16: D of {id} came at {at}, due {}, excused until {excused}",
                        case.due
                    )
                });
                case.left = Some(at);
            }
            event if lets_go(event) => case.let_go = Some(at),
            Event::SentNow { .. } => {
                self.demand(counting, || format!("I3: {id} was sent without a countdown"));
                case.left = Some(at);
            }
            Event::FoundLate { put_back: true, .. } => case.left = case.left.or(Some(at)),
            Event::FoundLate { .. } => {
                let long_ago = case.left.unwrap_or(case.due);
                self.demand(at.since(long_ago) >= Duration::from_secs(14 * 60), || {
                    format!("R22: {id} is reviewed, and was not late")
                });
                let was_down =
                    self.excuses.hold_at(at, &[Cause::Down, Cause::Refuses, Cause::Suspended]);
                self.demand(was_down, || {
                    format!("I8: {id} was found late by a server that was up")
                });
                case.left = case.left.or(Some(at));
            }
            Event::Reviewed { proceed: true, .. } => case.left = Some(at),
            Event::DispatchRequested { service } => {
                self.demand(
                    case.left.is_some() && case.asked.iter().any(|r| r.service() == Some(*service)),
                    || format!("I3: {service:?} for {id} too early, or never asked for"),
                );
                self.in_time(case, before, at);
            }
            Event::Cancelled { .. } => self.in_time(case, before, at),
            Event::Closed { .. } => {
                let waits =
                    matches!(before.state, State::Verifying(_)) && before.mode == Mode::Live;
                self.demand(!waits, || {
                    format!("I5: {id} was closed before its first call had ended")
                });
            }
            _ => {}
        }
    }

    /// I8: an operator who makes the first call has the time to reach somebody.
    fn check_dialing(&mut self, case: &mut Case, before: &Incident, event: &Event, at: Timestamp) {
        match event {
            Event::CallPlaced { purpose: Purpose::Verify, .. } => {
                case.dialed = before.assignee.is_some().then_some(at);
            }
            Event::CallEnded { call, outcome: CallOutcome::NoAnswer } if call.number == 1 => {
                let dialed = case.dialed.filter(|_| !self.not_reached.contains(call));
                let part = if self.is_time_unknown { "I16/unsynchronized" } else { "I8/dialing" };
                self.demand(dialed.is_none_or(|dialed| at >= dialed + REACH), || {
                    format!(
                        "{part}: the call of {} ended at {at} while an operator dialed",
                        before.id
                    )
                });
            }
            _ => {}
        }
    }

    /// I8: after D the first call ends within its timers.
    fn in_time(&mut self, case: &Case, before: &Incident, at: Timestamp) {
        let (Some(left), State::Verifying(_)) = (case.left, &before.state) else { return };
        let policy = before.snapshot.policy;
        let by_operator = policy.center == CenterMode::Operators;
        let timers = policy.rings_for(by_operator) + policy.talks_for(by_operator);
        let offer = if before.mode == Mode::Live { policy.offer() } else { Duration::ZERO };
        // Each of the three timers may fall into its own outage.
        let excused = (0..3)
            .fold(left + offer + timers + MARGIN, |due, _| self.excuses.until(due, at, UNDECIDED));
        let down = self.excuses.since(left, at, UNDECIDED, RECOVERS);
        self.demand(at <= excused + down, || {
            format!("I8: {} was decided at {at}, D was left at {left}", before.id)
        });
    }

    /// The first contact is called first and once, and the others only after dispatch. Only an
    /// authenticated cancel in the first call prevents dispatch (I5, I6, I7, I17).
    fn check_calls(&mut self, before: &Incident, fact: &Recorded) {
        let id = before.id;
        match &fact.event {
            Event::CallPlaced { contact, purpose, .. } => {
                let first = before.calls.is_empty() && before.dispatches.is_empty();
                self.demand(first == (*purpose == Purpose::Verify), || {
                    format!("I7: {id} calls {contact} out of turn")
                });
                let willing =
                    before.snapshot.contacts.iter().find(|c| c.readiness != Readiness::OptedOut);
                self.demand(!first || willing.is_some_and(|c| c.id == *contact), || {
                    format!("I7: {id} calls {contact} first")
                });
                self.demand(before.open_call().is_none(), || {
                    format!("I7: {id} places two calls at once")
                });
                let missed = |c: &Call| c.contact != *contact || c.reached_nobody();
                self.demand(before.calls.iter().all(missed), || {
                    format!("I7: {id} calls {contact} twice")
                });
            }
            Event::Cancelled { .. } => {
                let call = CallId { incident: id, number: 1 };
                let first = before.calls.first().and_then(|c| c.outcome());
                self.demand(self.called_off.contains(&call), || {
                    format!("I5: {id} is cancelled, and nobody said so")
                });
                self.demand(first == Some(CallOutcome::Cancelled), || {
                    format!("I6: {id} is cancelled after its first call ended as {first:?}")
                });
                self.demand(before.dispatches.is_empty(), || {
                    format!("I6: {id} is cancelled after help was requested")
                });
            }
            _ => {}
        }
    }

    /// An effect is stored, and may leave from now on.
    fn promised(&mut self, now: Timestamp, effect: &Effect) {
        let new = self.effects.insert(effect.key.clone(), (effect.clone(), now)).is_none();
        self.demand(new, || format!("I12: the key {} twice", effect.key));
        let Some(case) = self.cases.get_mut(&effect.incident) else {
            return self.broken(format!("I3: {} of nobody", effect.key));
        };
        let (left, mode, sounds) = (
            case.left.is_some(),
            case.incident.mode,
            case.asked.iter().any(|r| *r != Request::Medical),
        );
        let repeated = matches!(effect.kind, EffectKind::RequestDispatch { service } if !case.requested.insert((service, effect.seq)));
        self.demand(left, || format!("I3: {} before D", effect.key));
        self.demand(effect.mode == mode, || {
            format!("I18: {} is of another mode than its incident", effect.key)
        });
        self.demand(!repeated, || format!("I2: {} a second time", effect.key));
        if let EffectKind::SirenOn { until, .. } = effect.kind {
            self.demand(sounds, || format!("I1: {} though nobody asked for sirens", effect.key));
            let bounded = effect
                .not_after
                .is_some_and(|not_after| until.since(not_after) <= Duration::from_secs(600));
            self.demand(bounded, || format!("I13: {} is not bounded", effect.key));
        }
    }

    /// The batch of a fact also contains the effects that the fact calls for.
    fn has_effects(&mut self, id: IncidentId, fact: &Recorded, effects: &[Effect]) {
        let any = |wanted: &dyn Fn(&EffectKind) -> bool| {
            effects.iter().any(|e| e.incident == id && wanted(&e.kind))
        };
        let has = match &fact.event {
            Event::CallPlaced { call, .. } => {
                any(&|k| matches!(k, EffectKind::CallContact { call: c, .. } if c == call))
            }
            Event::DispatchRequested { service } => {
                any(&|k| matches!(k, EffectKind::RequestDispatch { service: s } if s == service))
            }
            Event::SirenOn { devices, .. } => devices
                .iter()
                .all(|d| any(&|k| matches!(k, EffectKind::SirenOn { device, .. } if device == d))),
            Event::SirenSilenced { .. } | Event::SirenOver => {
                any(&|k| matches!(k, EffectKind::SirenOff { .. }))
            }
            _ => true,
        };
        self.demand(has, || format!("I12: {:?} of {id} has no effect", fact.event));
    }
}

/// Whether somebody lets go of an incident, or a center does not have what was asked last.
fn lets_go(event: &Event) -> bool {
    matches!(
        event,
        Event::Released { .. }
            | Event::ClaimLapsed
            | Event::SignalFailed { .. }
            | Event::Reported { report: Report::Released, .. }
    )
}

/// The signal that a fact causes, if the home has a receiving center. Sirens alone do not concern
/// the center.
fn signal(before: &Incident, fact: &Recorded, after: &Incident) -> Option<Signal> {
    let runs = |state: &State| matches!(state, State::Verifying(_) | State::Dispatching);
    let asked = !after.requests.services().is_empty();
    let is_told = after.snapshot.policy.center == CenterMode::Receiver;
    let told = match &fact.event {
        Event::Reviewed { proceed: true, .. } if before.signaled == Some(true) => return None,
        Event::CountdownOver { .. } | Event::SentNow { .. } | Event::Reviewed { .. }
            if runs(&after.state) =>
        {
            Signal::Alarm
        }
        Event::Joined { request, .. } | Event::Repeated { request, .. }
            if runs(&before.state) && request.service().is_some() =>
        {
            Signal::Alarm
        }
        Event::Cancelled { .. } => Signal::Cancel,
        // What is put back may not know of a request that left.
        Event::Closed { disposition: Disposition::ReviewedNotSent, .. } => {
            let may_have_left = asked || before.is_put_back;
            return (may_have_left && is_told).then_some(Signal::Cancel);
        }
        Event::Closed { .. } if !before.dispatches.is_empty() => Signal::Restore,
        _ => return None,
    };
    (asked && is_told).then_some(told)
}
