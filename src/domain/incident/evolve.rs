//! Applies facts to the state. This cannot fail and decides nothing, because a fact is checked when
//! it is made.

use super::{
    Actor, Asked, Call, CallOutcome, CallState, Dispatch, DispatchState, ExternalReports, Incident,
    Report, Request, RequestedAgain, Requests, Resume, Service, Siren, State, Verification,
    event::{Event, Recorded},
};
use crate::domain::{
    id::{CallId, DeviceId, HomeId, IncidentId},
    time::Timestamp,
};
use std::sync::Arc;

impl Incident {
    /// Returns the incident that a start begins; `None` for any other fact.
    pub(super) fn begin(id: IncidentId, home: HomeId, first: &Recorded) -> Option<Self> {
        let Event::Started {
            request,
            mode,
            drill_sirens,
            source,
            by,
            deadline,
            quiet,
            restricted,
            home_incident,
            snapshot,
        } = &first.event
        else {
            return None;
        };
        let restricted = *restricted;
        Some(Self {
            id,
            home,
            mode: *mode,
            drill_sirens: *drill_sirens,
            quiet: *quiet,
            home_incident: *home_incident,
            source: source.clone(),
            started_by: by.clone(),
            started_at: first.at,
            deadline: *deadline,
            snapshot: Arc::new((**snapshot).clone()),
            requests: Requests::default(),
            asked: vec![Asked {
                request: *request,
                by: by.clone(),
                at: first.at,
                seq: 1,
                restricted,
            }],
            state: State::CountingDown {
                deadline: *deadline,
                pending: Requests::default().with(*request),
                resume: None,
            },
            siren: Siren::Silent,
            calls: Vec::new(),
            repeats: 0,
            restricted_repeats: 0,
            dispatches: Vec::new(),
            assignee: None,
            shown_to: Vec::new(),
            signaled: None,
            external: ExternalReports::default(),
            asked_at: None,
            is_unanswered: false,
            may_have_left: false,
            is_put_back: false,
            late_cancels: Vec::new(),
            calls_withheld: false,
            disposition: None,
            touched_at: first.at,
            seq: 1,
        })
    }

    /// Applies a fact.
    pub fn apply(&mut self, Recorded { at, event }: &Recorded) {
        self.seq += 1;
        self.touched_at = *at;
        let was_acknowledged = self.acknowledgment().is_some();
        self.take_in(*at, event);
        // The party that had acknowledged the request has let go of it, so the request waits again.
        if was_acknowledged && self.acknowledgment().is_none() {
            match self.state {
                _ if self.asked_at.is_some() => self.wait_for_acknowledgment(*at),
                // It was put back, and nothing acts by itself any more.
                State::Dispatching => self.is_unanswered = true,
                _ => {}
            }
        }
    }

    fn wait_for_acknowledgment(&mut self, at: Timestamp) {
        (self.asked_at, self.is_unanswered) = (Some(at), false);
    }

    fn take_in(&mut self, at: Timestamp, event: &Event) {
        match event {
            Event::Started { .. }
            | Event::Announced { .. }
            | Event::Unclaimed { .. }
            | Event::Noted { shown: false, .. }
            | Event::Unknown => {}
            Event::Unanswered => self.is_unanswered = true,
            Event::Noted { by, shown: true, .. } => self.is_shown_to(by),
            Event::Claimed { by } => self.claimed(by),
            Event::Released { .. } => self.assignee = None,
            Event::Joined { request, by, deadline, restricted, home_incident, .. } => {
                self.home_incident = home_incident.or(self.home_incident);
                self.ask(*request, by, at, *restricted);
                self.join(*request, *deadline, at);
            }
            Event::Repeated { request, by, restricted, home_incident, .. } => {
                self.home_incident = home_incident.or(self.home_incident);
                *(if *restricted { &mut self.restricted_repeats } else { &mut self.repeats }) += 1;
                self.ask(*request, by, at, *restricted);
            }
            Event::Aborted { .. } => {
                self.withdraw(self.pending());
                self.state = self.aborted();
            }
            Event::Withdrawn { requests, .. } => self.withdraw(requests.iter().copied().collect()),
            Event::CountdownOver { .. } | Event::SentNow { .. } => self.leave_countdown(at),
            Event::FoundLate { put_back, .. } => self.found_late(*put_back),
            Event::SirenOn { devices, until, .. } => self.sound(devices, at, *until),
            Event::SirenConfirmed { device } => self.confirm_siren(device),
            Event::SirenStopped { device } => self.siren_stopped(device),
            Event::SirenFailed { .. } => {}
            Event::SignalAccepted { .. } => self.signaled = Some(true),
            Event::SignalFailed { .. } => self.signaled = Some(false),
            Event::SirenSilenced { by } => self.siren = Siren::Silenced { by: by.clone() },
            Event::SirenOver => self.siren = Siren::Ended,
            Event::CallPlaced { call, contact, purpose, until, beside } => self.call_placed(Call {
                id: *call,
                contact: contact.clone(),
                purpose: *purpose,
                beside: *beside,
                placed_at: at,
                state: CallState::Ringing { until: *until },
            }),
            Event::CallAnswered { call, until } => {
                self.set_call(*call, CallState::Answered { until: *until })
            }
            Event::CallEnded { call, outcome } => self.set_call(*call, CallState::Ended(*outcome)),
            Event::CancelRefused { by } => self.late_cancels.push(by.clone()),
            Event::DispatchRequested { service } => self.dispatch(*service, at),
            Event::DispatchMoved { service, state, reference } => {
                self.dispatch_moved(*service, *state, reference.as_ref(), at)
            }
            Event::Reported { by, key, said_at, report } => {
                self.heard_elsewhere(report, at);
                self.reported(by, key, (*said_at).min(at), report)
            }
            Event::ClaimLapsed => self.external.lapsed = true,
            Event::Cancelled { .. } => self.state = State::Cancelled,
            Event::Reviewed { proceed, .. } => {
                if *proceed {
                    self.state = State::Verifying(Verification::Offered { until: at });
                    self.wait_for_acknowledgment(at);
                }
            }
            Event::Closed { disposition, .. } => self.closed(*disposition),
        }
    }

    fn claimed(&mut self, by: &Actor) {
        self.is_shown_to(by);
        self.assignee = Some(by.clone());
    }

    fn closed(&mut self, disposition: super::Disposition) {
        self.state = State::Closed;
        self.disposition = Some(disposition);
    }

    fn is_shown_to(&mut self, by: &Actor) {
        if !self.shown_to.contains(by) {
            self.shown_to.push(by.clone());
        }
    }

    fn join(&mut self, request: Request, own_deadline: Option<Timestamp>, at: Timestamp) {
        match (&mut self.state, own_deadline) {
            (State::CountingDown { pending, .. }, _) => *pending = pending.with(request),
            (before, Some(deadline)) => {
                let resume = match before {
                    State::UnderReview => Resume::UnderReview,
                    _ => Resume::SirenSounding,
                };
                self.deadline = deadline;
                self.state = State::CountingDown {
                    deadline,
                    pending: Requests::default().with(request),
                    resume: Some(resume),
                };
            }
            (_, None) => {
                self.requests = self.requests.with(request);
                self.asked_at.get_or_insert(at);
            }
        }
    }

    /// Notes who made a request, and when.
    fn ask(&mut self, request: Request, by: &Actor, at: Timestamp, restricted: bool) {
        // The party that reported the end did not know of this request. A restricted device holds up
        // no decision of others (I33).
        if !restricted {
            self.external.ended = None;
            self.calls_withheld = false;
        }
        let latest = Asked { request, by: by.clone(), at, seq: self.seq, restricted };
        let key = |asked: &Asked| (asked.request, asked.by.clone(), asked.restricted);
        self.asked.retain(|asked| key(asked) != key(&latest));
        self.asked.push(latest);
    }

    /// Takes requests back that still count down.
    pub(super) fn withdraw(&mut self, requests: Requests) {
        self.asked.retain(|asked| !requests.contains(asked.request));
        if let State::CountingDown { pending, .. } = &mut self.state
            && *pending != requests
        {
            *pending = pending.without(requests);
        }
    }

    fn aborted(&self) -> State {
        match self.state {
            State::CountingDown { resume: Some(Resume::SirenSounding), .. } => State::SirenSounding,
            State::CountingDown { resume: Some(Resume::UnderReview), .. } => State::UnderReview,
            State::CountingDown { pending, resume: None, .. } => State::Aborted { asked: pending },
            _ => self.state.clone(),
        }
    }

    /// With services, the incident is offered to the center. Without, sirens sound alone, or the
    /// review that they interrupted goes on.
    fn leave_countdown(&mut self, at: Timestamp) {
        let State::CountingDown { pending, resume, .. } = self.state else { return };
        self.requests = self.requests.union(pending);
        self.state = match resume {
            _ if !pending.services().is_empty() => {
                self.wait_for_acknowledgment(at);
                State::Verifying(Verification::Offered { until: at + self.offer() })
            }
            Some(Resume::UnderReview) => State::UnderReview,
            _ => State::SirenSounding,
        };
    }

    fn found_late(&mut self, put_back: bool) {
        self.is_put_back |= put_back;
        self.may_have_left |= put_back || !matches!(self.state, State::CountingDown { .. });
        // Help was requested: there is nothing to decide, and it is requested only once (I2).
        if matches!(self.state, State::Dispatching) {
            self.calls_withheld = true;
            if put_back {
                // Nothing acts by itself any more (I32), so that the screen says at once that nobody
                // has acknowledged it.
                self.is_unanswered |= self.acknowledgment().is_none();
                self.asked_at = None;
            }
            return;
        }
        (self.asked_at, self.is_unanswered) = (None, false);
        self.requests = self.requests.union(self.pending());
        self.state = State::UnderReview;
    }

    /// How long the incident is offered to operators. A drill never waits for them, because they
    /// have real incidents. A quiet incident does not wait either, because no contact is called
    /// first.
    fn offer(&self) -> std::time::Duration {
        match (self.mode, self.quiet) {
            (super::Mode::Live, None) => self.snapshot.policy.offer(),
            (super::Mode::Live, Some(_)) | (super::Mode::Drill, _) => std::time::Duration::ZERO,
        }
    }

    /// Adds a service, with its progress if that was reported before, or requests it again.
    fn dispatch(&mut self, service: Service, at: Timestamp) {
        self.state = State::Dispatching;
        let request = self.seq;
        if let Some(known) = self.dispatches.iter_mut().find(|d| d.service == service) {
            let press = self.asked.iter().map(|asked| asked.seq).max().unwrap_or_default();
            let (state, reference) = (DispatchState::Requested, None);
            let again = Some(RequestedAgain { at, press });
            *known = Dispatch { service, state, reference, at, came: false, request, again };
            self.asked_at.get_or_insert(at);
            return;
        }
        let early = self
            .external
            .early
            .iter()
            .position(|d| d.service == service)
            .map(|n| self.external.early.remove(n));
        let requested = early.unwrap_or(Dispatch {
            service,
            state: DispatchState::Requested,
            reference: None,
            at,
            came: false,
            request,
            again: None,
        });
        self.dispatches.push(Dispatch { request, ..requested });
    }

    fn dispatch_moved(
        &mut self,
        service: Service,
        state: DispatchState,
        reference: Option<&String>,
        at: Timestamp,
    ) {
        if let Some(dispatch) = self.dispatches.iter_mut().find(|d| d.service == service) {
            dispatch.state = state;
            dispatch.came |= state == DispatchState::OnScene;
            dispatch.at = at;
            dispatch.reference = reference.cloned().or(dispatch.reference.take());
        }
    }

    /// The party that works on it elsewhere has spoken of this incident.
    fn heard_elsewhere(&mut self, report: &Report, at: Timestamp) {
        if !matches!(report, Report::Unnamed { .. }) {
            (self.external.heard_at, self.external.lapsed) = (at, false);
        }
    }

    fn reported(&mut self, by: &Actor, key: &str, at: Timestamp, report: &Report) {
        self.external.keys.push(key.into());
        match report {
            Report::Moved { service, state, reference } => {
                if let Some(known) = self.dispatches.iter().find(|d| d.service == *service) {
                    // One that is older than the latest request is only a note (I9).
                    if known.again.is_none_or(|again| again.at <= at) {
                        self.dispatch_moved(*service, *state, reference.as_ref(), at);
                    }
                    return;
                }
                let early = &mut self.external.early;
                let known =
                    early.iter().position(|d| d.service == *service).map(|n| early.remove(n));
                let had_come = known.as_ref().is_some_and(|d| d.came);
                early.push(Dispatch {
                    service: *service,
                    state: *state,
                    reference: reference.clone().or(known.and_then(|d| d.reference)),
                    at,
                    came: had_come || *state == DispatchState::OnScene,
                    request: self.seq,
                    again: None,
                });
            }
            // A report of the end that is older than the latest request changes nothing: its sender
            // did not know of that request (I30).
            Report::Ended { disposition } => {
                if self.asked.iter().all(|asked| asked.restricted || asked.at <= at) {
                    self.external.ended = Some((by.clone(), *disposition));
                }
            }
            Report::Claimed => self.external.claimed = true,
            Report::Released => self.external.claimed = false,
            Report::Called { .. } | Report::Unnamed { .. } => {}
        }
    }

    /// The progress of a service, also if it was reported before this server requested the service.
    pub(super) fn progress(&self, service: Service) -> Option<DispatchState> {
        self.dispatches
            .iter()
            .chain(&self.external.early)
            .find(|d| d.service == service)
            .map(|d| d.state)
    }

    fn sound(&mut self, devices: &[DeviceId], since: Timestamp, until: Timestamp) {
        self.siren = Siren::Sounding {
            seq: self.seq,
            since,
            until,
            devices: devices.to_vec(),
            confirmed: Vec::new(),
            stopped: Vec::new(),
        };
    }

    fn confirm_siren(&mut self, device: &DeviceId) {
        if let Siren::Sounding { confirmed, .. } = &mut self.siren {
            confirmed.push(device.clone());
        }
    }

    fn siren_stopped(&mut self, device: &DeviceId) {
        if let Siren::Sounding { confirmed, stopped, .. } = &mut self.siren {
            confirmed.retain(|other| other != device);
            stopped.push(device.clone());
        }
    }

    fn call_placed(&mut self, call: Call) {
        self.calls.push(call);
        if matches!(self.state, State::Verifying(_)) {
            self.state = State::Verifying(Verification::Calling);
        }
    }

    fn set_call(&mut self, id: CallId, state: CallState) {
        if let Some(call) = self.calls.iter_mut().find(|c| c.id == id) {
            call.state = state;
        }
    }

    /// Returns the contact who is called as an actor, with the name in the snapshot.
    pub fn contact(&self, call: &Call) -> Option<Actor> {
        let contact = self.called(call)?;
        Some(Actor::Contact { id: contact.id.clone(), name: contact.name.clone() })
    }

    /// Whether nobody is asked any more before help is dispatched: the first call is over, or a
    /// contact who was asked beside it confirmed.
    pub(super) fn is_verified(&self) -> bool {
        let confirmed = |call: &&Call| call.outcome() == Some(CallOutcome::Confirmed);
        let first = self.calls.iter().find(|call| !call.beside);
        first.is_none_or(|call| !call.is_open()) || self.calls.iter().any(|c| confirmed(&c))
    }
}
