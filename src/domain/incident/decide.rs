//! Decides on commands: `(incident, command, now) → facts`, and a typed refusal if the command is
//! refused.

mod calls;
mod center;
mod put_back;

pub use put_back::put_back;

use super::{
    Actor, CallOutcome, CenterMode, DEVICE_NOTES_MOST, DRILL_SIREN, Disposition, Incident, Mode,
    Purpose, REPEATS_BEYOND_EVERY, Request, Requests, Resume, SIREN_NOT_AFTER, SIREN_PROVES_WITHIN,
    STALE_AFTER, Service, SirenFault, State, Verification,
    command::{Command, Raise, Seen},
    deadline::Timer,
    effect::{Effect, effects},
    event::{Event, Recorded},
};
use crate::domain::{
    id::{DeviceId, IncidentId},
    time::Timestamp,
};
use std::time::Duration;

/// Why a command was refused. The decision may hold facts all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Canceling in the app after D (R18, I4).
    CancelWindowClosed,
    /// The incident is over (I9).
    IncidentOver,
    /// The call is over or unknown.
    CallOver,
    /// The incident does not wait for this command.
    NotWaiting,
    /// Somebody else works on it: an operator, or a center elsewhere. Also the answer to the report
    /// of an operator who was relieved.
    AssignedToAnother,
    /// Contacts are still being called.
    CallsUnderWay,
    /// Somebody asked for more than the author of the command had been shown (I30).
    AskedSince,
    /// The device is restricted, and may neither request this nor end it (I33).
    DeviceRestricted,
}

/// The facts of one decision, in order, and whether the command was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The facts, to be stored together or not at all.
    pub facts: Vec<Recorded>,
    /// The effects of the facts, in order; to be stored with them.
    pub effects: Vec<Effect>,
    /// The incident after the facts.
    pub after: Incident,
    /// Why the command was refused, if it was.
    pub refusal: Option<Refusal>,
}

/// Starts an incident.
pub fn start(raise: Raise, now: Timestamp) -> Decision {
    let restricted = raise.is_from_restricted(now);
    let Raise {
        id,
        home,
        request,
        mode,
        drill_sirens,
        source,
        by,
        quiet,
        home_incident,
        snapshot,
        ..
    } = raise;
    let deadline = now + Duration::from_millis(snapshot.countdown_ms);
    let drill_sirens = drill_sirens && mode == Mode::Drill;
    let event = Event::Started {
        request,
        mode,
        drill_sirens,
        source,
        by,
        deadline,
        quiet,
        restricted,
        home_incident,
        snapshot: Box::new(snapshot),
    };
    let first = Recorded { at: now, event };
    let after = Incident::begin(id, home, &first).expect("a start begins an incident");
    Decision { facts: vec![first], effects: Vec::new(), after, refusal: None }
}

/// Decides on a command. Due timers fire first, so that a deadline is decided once (I4).
pub fn decide(incident: &Incident, command: Command, now: Timestamp) -> Decision {
    let mut draft = Draft::of(incident, now);
    draft.settle();
    let refusal = draft.command(command).err();
    draft.settle();
    Decision { facts: draft.facts, effects: draft.effects, after: draft.incident, refusal }
}

/// A decision in progress. Each fact is applied as it is made, so that the next one is decided on
/// the current state.
struct Draft {
    incident: Incident,
    now: Timestamp,
    /// Whether the command comes from a restricted device.
    restricted: bool,
    /// The incident of the home's own server, if the command comes from there.
    home_incident: Option<IncidentId>,
    facts: Vec<Recorded>,
    effects: Vec<Effect>,
}

impl Draft {
    fn of(incident: &Incident, now: Timestamp) -> Self {
        let (facts, effects) = (Vec::new(), Vec::new());
        let (incident, home_incident) = (incident.clone(), None);
        Self { incident, now, restricted: false, home_incident, facts, effects }
    }

    fn push(&mut self, event: Event) {
        let recorded = Recorded { at: self.now, event };
        self.incident.apply(&recorded);
        self.effects.extend(effects(&self.incident, &recorded));
        self.facts.push(recorded);
    }

    fn command(&mut self, command: Command) -> Result<(), Refusal> {
        match command {
            Command::Tick => Ok(()),
            Command::Cancel { by, seen } => self.cancel(by, seen),
            Command::Silence { by, seen } => self.silence(by, seen),
            Command::Note { by: Actor::Device { .. }, .. } if !self.takes_notes_of_devices() => {
                Ok(())
            }
            Command::Note { by, text } => {
                self.push(Event::Noted { by, text, shown: false });
                Ok(())
            }
            Command::Call { call, step } => self.call(call, step),
            Command::ByAssignee { by, report } => self.reported_by_assignee(by, report),
            Command::FromRestricted { until, command } => {
                self.on_restricted_device(until, *command)
            }
            Command::FromHome { incident, command } => {
                self.home_incident = Some(incident);
                self.command(*command)
            }
            Command::Report { by, key, said_at, report } => self.report(by, key, said_at, report),
            _ if self.incident.is_over() => Err(Refusal::IncidentOver),
            Command::Join { request, source, by } => {
                self.join(request, source, by);
                Ok(())
            }
            Command::SendNow { by } => {
                self.send_now(by);
                Ok(())
            }
            Command::NobodyOnDuty => self.nobody_on_duty(),
            Command::SirenReported { device, sounding } => {
                self.siren_reported(device, sounding);
                Ok(())
            }
            Command::SirenStopped { device, seq } => {
                self.siren_stopped(device, seq);
                Ok(())
            }
            Command::Dispatch { service, request, state, reference } => {
                self.dispatch_moved(service, request, state, reference)
            }
            Command::Signaled { receiver } => self.signaled(receiver),
            Command::NoAccount => self.has_no_account(),
            Command::Claim { by } => self.claim(by),
            Command::Release { by, from } => self.release(by, &from),
            Command::Assign { by, to, from } => self.assign(by, to, from.as_ref()),
            Command::Shown { by } => self.shown(by),
            Command::Review { by, seen, proceed, note } => self.review(by, seen, proceed, note),
            // Before dispatch was requested, only the first contact may prevent it (I5).
            Command::Close { .. } if !matches!(self.incident.state, State::Dispatching) => {
                Err(Refusal::NotWaiting)
            }
            Command::Close { by, seen, disposition, note } => {
                self.has_seen_all(&by, seen)?;
                if let Some(text) = note {
                    self.push(Event::Noted { by: by.clone(), text, shown: false });
                }
                self.close(by, disposition);
                Ok(())
            }
            Command::End { by, seen } => self.end(by, seen),
            Command::ReplaceDrill if self.incident.mode == Mode::Drill => {
                self.close(Actor::Buckler, Disposition::ReplacedByLive);
                Ok(())
            }
            Command::ReplaceDrill => Err(Refusal::NotWaiting),
        }
    }

    fn takes_notes_of_devices(&self) -> bool {
        let Incident { seq, touched_at, .. } = self.incident;
        seq < DEVICE_NOTES_MOST || self.now.since(touched_at) >= REPEATS_BEYOND_EVERY
    }

    /// I30: refuses to end requests that the author had not been shown.
    fn has_seen_all(&self, by: &Actor, seen: Seen) -> Result<(), Refusal> {
        match self.incident.unseen_of_others(by, seen) == Requests::default() {
            true => Ok(()),
            false => Err(Refusal::AskedSince),
        }
    }

    /// I33: a restricted device joins with what it may request, and controls only what its person
    /// asked for on such devices. This is judged on the incident as it is now, because others may
    /// have joined it while the command was on its way.
    fn on_restricted_device(&mut self, until: Timestamp, command: Command) -> Result<(), Refusal> {
        self.restricted = self.now < until;
        let may = match &command {
            _ if !self.restricted => true,
            Command::Join { request, .. } => request.is_open_to_restricted(self.incident.mode),
            Command::Cancel { by, .. }
            | Command::SendNow { by }
            | Command::Silence { by, .. }
            | Command::Review { by, .. }
            | Command::End { by, .. } => self.incident.is_restricted_alone(by),
            _ => false,
        };
        if may { self.command(command) } else { Err(Refusal::DeviceRestricted) }
    }

    /// I4: cancels only while counting down and before D. Later attempts are recorded, once for
    /// each person (R18).
    fn cancel(&mut self, by: Actor, seen: Seen) -> Result<(), Refusal> {
        match self.incident.state {
            State::CountingDown { pending, .. } => {
                let unseen = self.incident.unseen(&by, seen);
                let requests: Vec<Request> =
                    pending.iter().filter(|request| !unseen.contains(*request)).collect();
                if requests.is_empty() {
                    return Err(Refusal::AskedSince);
                }
                self.push(match pending.iter().count() == requests.len() {
                    true => Event::Aborted { by },
                    false => Event::Withdrawn { by, requests },
                });
            }
            State::Aborted { .. } => {}
            State::Cancelled | State::Closed => return Err(Refusal::IncidentOver),
            _ => {
                if !self.incident.late_cancels.contains(&by) {
                    self.push(Event::CancelRefused { by });
                }
                return Err(Refusal::CancelWindowClosed);
            }
        }
        Ok(())
    }

    fn silence(&mut self, by: Actor, seen: Seen) -> Result<(), Refusal> {
        if self.incident.siren.is_sounding() {
            if self.incident.unseen_of_others(&by, seen).sound_sirens() {
                return Err(Refusal::AskedSince);
            }
            self.push(Event::SirenSilenced { by });
        }
        Ok(())
    }

    /// R20: joining never drops or downgrades a request. A repeated request is recorded (I24), and
    /// dispatches nothing twice while help is on its way.
    fn join(&mut self, request: Request, source: crate::domain::incident::Source, by: Actor) {
        let (incident, restricted) = (&self.incident, self.restricted);
        let home_incident = self.home_incident;
        let is_review = matches!(incident.state, State::UnderReview);
        // A countdown would hide the decision of a review, so a restricted device sounds sirens at
        // once there (I33).
        let beside_review = is_review && restricted;
        if incident.requests.contains(request) && (!is_review || restricted)
            || matches!(incident.state, State::CountingDown { pending, .. } if pending.contains(request))
        {
            return self.repeat(request, source, by);
        }
        let own_countdown =
            !beside_review && (is_review || matches!(incident.state, State::SirenSounding));
        let deadline =
            own_countdown.then(|| self.now + Duration::from_millis(incident.snapshot.countdown_ms));
        let was_dispatching = matches!(incident.state, State::Dispatching);
        let runs =
            beside_review || matches!(incident.state, State::Verifying(_) | State::Dispatching);
        self.push(Event::Joined { request, source, by, deadline, restricted, home_incident });
        if runs {
            self.sound(Requests::default().with(request), self.now);
        }
        if let (true, Some(service)) = (was_dispatching, request.service()) {
            self.push(Event::DispatchRequested { service });
        }
    }

    /// Records a repeated request, which the center sees. Sirens sound again unless each of them has
    /// proved that it sounds (I22), and its service is requested again if help is over, or if nobody
    /// accepts (R20). Beyond the limit of repeats all this happens at most once a minute, so that
    /// nobody fills the history, and the center still sees repeated presses (I24).
    fn repeat(&mut self, request: Request, source: crate::domain::incident::Source, by: Actor) {
        let (restricted, home_incident) = (self.restricted, self.home_incident);
        let alike = self.incident.asked.iter().filter(|asked| asked.restricted == restricted);
        let latest = alike.map(|asked| asked.at).max().unwrap_or_default();
        let is_few = self.incident.has_few_repeats(restricted);
        let is_recorded = is_few || self.now.since(latest) >= REPEATS_BEYOND_EVERY;
        if is_recorded {
            self.push(Event::Repeated { request, source, by, restricted, home_incident });
        }
        let pause = if is_few { SIREN_PROVES_WITHIN } else { SIREN_NOT_AFTER };
        let siren = &self.incident.siren;
        let again = match request.sounds_sirens() {
            true => siren.must_be_told_again(self.now, pause),
            false => !siren.is_sounding(),
        };
        if again && self.is_sent(request) {
            self.sound(Requests::default().with(request), self.now);
        }
        let service = request.service().filter(|_| is_recorded);
        if let Some(service) = service.filter(|service| self.acts_again(*service)) {
            self.push(Event::DispatchRequested { service });
        }
    }

    /// Whether a repeated request requests its service again (R20).
    fn acts_again(&self, service: Service) -> bool {
        matches!(self.incident.state, State::Dispatching)
            && self.incident.is_requested_anew(service, self.now)
    }

    /// Whether a repeated request was sent: it does not wait for the end of a countdown, or for a
    /// review.
    fn is_sent(&self, request: Request) -> bool {
        match self.incident.state {
            State::SirenSounding | State::Verifying(_) | State::Dispatching => true,
            State::UnderReview => self.restricted,
            State::CountingDown { pending, resume: Some(Resume::SirenSounding), .. } => {
                !pending.contains(request)
            }
            _ => false,
        }
    }

    fn end(&mut self, by: Actor, seen: Seen) -> Result<(), Refusal> {
        match self.incident.state {
            State::Dispatching if self.incident.open_call().is_some() => {
                Err(Refusal::CallsUnderWay)
            }
            State::Dispatching if !self.incident.may_be_ended_by_home() => {
                Err(Refusal::AssignedToAnother)
            }
            State::Dispatching => {
                self.has_seen_all(&by, seen)?;
                self.close(by, Disposition::EndedByHome);
                Ok(())
            }
            State::Verifying(_) => Err(Refusal::CallsUnderWay),
            _ => Err(Refusal::NotWaiting),
        }
    }

    fn send_now(&mut self, by: Actor) {
        if let State::CountingDown { pending, .. } = self.incident.state {
            self.push(Event::SentNow { by });
            self.sound(pending, self.now);
        }
    }

    fn siren_reported(&mut self, device: DeviceId, sounding: bool) {
        let super::Siren::Sounding { devices, confirmed, stopped, .. } = &self.incident.siren
        else {
            return;
        };
        if devices.contains(&device) && !confirmed.contains(&device) && !stopped.contains(&device) {
            self.push(match sounding {
                true => Event::SirenConfirmed { device },
                false => {
                    Event::SirenFailed { devices: vec![device], fault: SirenFault::NotConfirmed }
                }
            });
        }
    }

    /// The report of the confirmation may come later than that of the stop, and changes nothing
    /// then. The end of an earlier command says nothing about the current one.
    fn siren_stopped(&mut self, device: DeviceId, command: u32) {
        let super::Siren::Sounding { seq, devices, stopped, .. } = &self.incident.siren else {
            return;
        };
        if *seq == command && devices.contains(&device) && !stopped.contains(&device) {
            self.push(Event::SirenStopped { device });
        }
    }

    fn close(&mut self, by: Actor, disposition: Disposition) {
        self.end_open_calls(CallOutcome::Withdrawn);
        self.stop_sirens();
        self.push(Event::Closed { by, disposition });
    }

    fn stop_sirens(&mut self) {
        if self.incident.siren.is_sounding() {
            self.push(Event::SirenOver);
        }
    }

    /// Applies what follows without a command: due timers and completed states. The loop ends,
    /// because each round makes a fact and only finitely many can follow.
    fn settle(&mut self) {
        while self.complete() || self.fire() {}
    }

    /// Applies what follows from the state alone, at any time.
    fn complete(&mut self) -> bool {
        let incident = &self.incident;
        match &incident.state {
            State::SirenSounding if !incident.siren.is_sounding() => {
                let is_silent_practice = incident.mode == Mode::Drill && !incident.drill_sirens;
                let disposition = match &incident.siren {
                    super::Siren::Silent if is_silent_practice => Disposition::SilentPractice,
                    super::Siren::Silent => Disposition::SirenTooLate,
                    _ => Disposition::SirenOver,
                };
                self.close(Actor::Buckler, disposition);
            }
            State::Verifying(Verification::Calling) if incident.is_verified() => {
                self.request_dispatch()
            }
            State::Dispatching if incident.external.ended.is_some() => {
                let ended = incident.external.ended.clone();
                ended.into_iter().for_each(|(by, disposition)| self.close(by, disposition));
            }
            State::Dispatching if incident.open_call().is_none() => {
                if self.incident.calls_withheld || !self.place_next_call() {
                    let closed = self
                        .incident
                        .dispatches
                        .iter()
                        .all(|d| d.state == super::DispatchState::Closed);
                    if closed {
                        self.close(Actor::Buckler, Disposition::ServicesClosed);
                    }
                    return closed;
                }
            }
            _ => return false,
        }
        true
    }

    fn fire(&mut self) -> bool {
        let Some((at, timer)) = self.incident.next_timer().filter(|(at, _)| *at <= self.now) else {
            return false;
        };
        match timer {
            Timer::Countdown => self.countdown_over(at),
            Timer::Unclaimed | Timer::Ring(_) | Timer::Talk(_) if self.too_late() => {
                self.found_late(false)
            }
            Timer::Unclaimed => self.unclaimed(false),
            Timer::Unanswered => {
                self.push(Event::Unanswered);
                // The next way, however long the center takes incidents for its own.
                if matches!(self.incident.state, State::Verifying(Verification::Offered { .. })) {
                    self.unclaimed(false);
                }
            }
            Timer::Ring(call) => {
                self.push(Event::CallEnded { call, outcome: CallOutcome::NoAnswer })
            }
            Timer::Talk(call) => {
                let verify = self
                    .incident
                    .calls
                    .iter()
                    .any(|c| c.id == call && c.purpose == Purpose::Verify);
                self.push(Event::CallEnded {
                    call,
                    outcome: if verify { CallOutcome::NoDecision } else { CallOutcome::Told },
                });
            }
            Timer::SirenOver => self.push(Event::SirenOver),
            Timer::ClaimLapses => self.push(Event::ClaimLapsed),
            Timer::Unattended => self.close(Actor::Buckler, Disposition::NobodyConnected),
        }
        true
    }

    fn nobody_on_duty(&mut self) -> Result<(), Refusal> {
        if self.incident.is_offered_to(CenterMode::Operators) {
            self.unclaimed(true);
        }
        Ok(())
    }

    /// Ends the offer to operators; the automatic center goes on.
    fn unclaimed(&mut self, nobody_on_duty: bool) {
        // A quiet incident was not offered to operators; it goes to the center without a call.
        if self.incident.is_offered_to(CenterMode::Operators) && self.incident.quiet.is_none() {
            self.push(Event::Unclaimed { nobody_on_duty });
        }
        self.call_first();
    }

    /// Whether it is too late for the first call (R22). This happens only after a downtime: while
    /// the server is up, the call is over long before.
    fn too_late(&self) -> bool {
        let waiting = match self.incident.state {
            State::Verifying(Verification::Offered { until }) => until,
            State::Verifying(Verification::Calling) => {
                self.incident.calls.first().map_or(self.now, |c| c.placed_at)
            }
            _ => return false,
        };
        self.now > waiting + STALE_AFTER
    }

    fn found_late(&mut self, put_back: bool) {
        self.end_open_calls(CallOutcome::Failed);
        let late_ms = self.now.since(self.incident.deadline).as_millis() as u64;
        self.push(Event::FoundLate { late_ms, put_back });
    }

    fn countdown_over(&mut self, deadline: Timestamp) {
        if self.now > deadline + STALE_AFTER {
            return self.found_late(false);
        }
        let State::CountingDown { pending, .. } = self.incident.state else { return };
        self.push(Event::CountdownOver { late_ms: self.now.since(deadline).as_millis() as u64 });
        self.sound(pending, deadline);
    }

    /// R12: sounds sirens for police, fire and siren only; for medical the base station announces
    /// it and no siren sounds (I1). `due` is when the sirens should have begun; a minute later they
    /// do not sound any more (R22).
    fn sound(&mut self, asked: Requests, due: Timestamp) {
        if self.incident.quiet.is_some() {
            return;
        }
        let snapshot = self.incident.snapshot.clone();
        let drill = self.incident.mode == Mode::Drill;
        let not_after = due + SIREN_NOT_AFTER;
        if asked.sound_sirens()
            && !snapshot.sounders.is_empty()
            && (!drill || self.incident.drill_sirens)
        {
            let devices: Vec<DeviceId> = snapshot.sounders.iter().map(|s| s.id.clone()).collect();
            if self.now >= not_after {
                self.push(Event::SirenFailed { devices, fault: SirenFault::TooLate });
            } else if !(drill && self.incident.siren.is_sounding()) {
                let sounding = if drill {
                    DRILL_SIREN
                } else {
                    Duration::from_millis(snapshot.siren_duration_ms)
                };
                self.push(Event::SirenOn { devices, until: self.now + sounding, not_after });
            }
        }
        if let (true, Some(announcer), true) =
            (asked.contains(Request::Medical), &snapshot.announcer, self.now < not_after)
        {
            self.push(Event::Announced { device: announcer.id.clone() });
        }
    }

    fn request_dispatch(&mut self) {
        for service in self.incident.requests.services() {
            self.push(Event::DispatchRequested { service });
        }
    }
}

impl Incident {
    /// Whether the incident is offered to this kind of center before the automatic center takes it.
    pub fn is_offered_to(&self, center: CenterMode) -> bool {
        self.mode == Mode::Live
            && self.snapshot.policy.center == center
            && matches!(self.state, State::Verifying(Verification::Offered { .. }))
    }
}
