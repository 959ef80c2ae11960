//! Decisions on calls to contacts.

use super::{Draft, Refusal};
use crate::domain::{
    call_tree,
    id::{CallId, ContactId},
    incident::{
        Actor, Call, CallOutcome, CallState, CenterMode, Mode, Purpose, State, command::CallStep,
        event::Event,
    },
};

impl Draft {
    pub(super) fn call(&mut self, id: CallId, step: CallStep) -> Result<(), Refusal> {
        let call =
            self.incident.calls.iter().find(|c| c.id == id).ok_or(Refusal::CallOver)?.clone();
        // Before the password matters, so that the caller learns nothing about it (I17).
        if let (true, Purpose::Verify, CallStep::Cancel { seen, .. }) =
            (call.is_open(), call.purpose, step)
        {
            let by = self.incident.contact(&call).unwrap_or(Actor::Center);
            self.has_seen_all(&by, seen)?;
        }
        match (call.state, step) {
            // An operator dials by hand. A call that was answered did ring.
            (CallState::Ringing { .. }, CallStep::CannotRing)
                if !self.is_by_operator(call.purpose, call.beside) =>
            {
                return self.end_call(call.id, CallOutcome::Failed);
            }
            (_, CallStep::CannotRing) => return Ok(()),
            // The answer is the same for a right and a wrong password, and for a repeated request
            // (I17).
            (
                CallState::Ended(CallOutcome::Cancelled | CallOutcome::WrongPassword),
                CallStep::Cancel { .. },
            ) => return Ok(()),
            (CallState::Ended(CallOutcome::Confirmed | CallOutcome::Told), CallStep::Confirm) => {
                return Ok(());
            }
            (CallState::Ended(_), _) => return Err(Refusal::CallOver),
            (CallState::Answered { .. }, CallStep::Answer) => return Ok(()),
            (CallState::Answered { .. }, CallStep::NotReached(_))
            | (CallState::Ringing { .. }, CallStep::HangUp) => {
                let informs = call.purpose == Purpose::Inform;
                let outcome = if informs { CallOutcome::NoAnswer } else { CallOutcome::HungUp };
                return self.end_call(call.id, outcome);
            }
            (CallState::Ringing { .. }, CallStep::NotReached(why)) => {
                return self.end_call(call.id, why.into());
            }
            // A contact who decides has answered, even if the message about it was lost.
            (CallState::Ringing { .. }, _) => {
                let policy = self.incident.snapshot.policy;
                let until =
                    self.now + policy.talks_for(self.is_by_operator(call.purpose, call.beside));
                self.push(Event::CallAnswered { call: id, until });
            }
            (CallState::Answered { .. }, _) => {}
        }
        self.said_on_call(&call, step)
    }

    /// What somebody says who has answered.
    fn said_on_call(&mut self, call: &Call, step: CallStep) -> Result<(), Refusal> {
        let id = call.id;
        match (call.purpose, step) {
            (_, CallStep::Answer | CallStep::NotReached(_) | CallStep::CannotRing) => Ok(()),
            (Purpose::Verify, CallStep::Confirm) => self.end_call(id, CallOutcome::Confirmed),
            (Purpose::Verify, CallStep::HangUp | CallStep::AnsweredAndHungUp) => {
                self.end_call(id, CallOutcome::HungUp)
            }
            (Purpose::Verify, CallStep::Cancel { authenticated: false, .. }) => {
                self.end_call(id, CallOutcome::WrongPassword)
            }
            (Purpose::Verify, CallStep::Cancel { authenticated: true, .. })
                if matches!(self.incident.state, State::Verifying(_)) =>
            {
                self.end_call(id, CallOutcome::Cancelled)?;
                self.end_open_calls(CallOutcome::Withdrawn);
                self.stop_sirens();
                let by = self.incident.contact(call).unwrap_or(Actor::Center);
                self.push(Event::Cancelled { by });
                Ok(())
            }
            (_, CallStep::Cancel { authenticated, .. }) => {
                // Only a contact who is asked before dispatch cancels (R18). What contacts say later
                // is passed on to the responders as advice.
                if let (true, Some(by)) = (authenticated, self.incident.contact(call)) {
                    self.push(Event::Noted {
                        by,
                        text:
                            "Says that help is not needed. Passed on to the responders as advice."
                                .into(),
                        shown: false,
                    });
                }
                self.end_call(id, CallOutcome::Told)
            }
            (Purpose::Inform, _) => self.end_call(id, CallOutcome::Told),
        }
    }

    /// Whether an operator makes the call, by hand. Buckler itself calls a former first contact.
    fn is_by_operator(&self, purpose: Purpose, beside: bool) -> bool {
        purpose == Purpose::Verify
            && !beside
            && self.incident.assignee.is_some()
            && self.incident.snapshot.policy.center == CenterMode::Operators
    }

    pub(super) fn end_call(&mut self, call: CallId, outcome: CallOutcome) -> Result<(), Refusal> {
        self.push(Event::CallEnded { call, outcome });
        Ok(())
    }

    pub(super) fn end_open_calls(&mut self, outcome: CallOutcome) {
        let open: Vec<CallId> = self.incident.open_calls().map(|call| call.id).collect();
        for call in open {
            self.push(Event::CallEnded { call, outcome });
        }
    }

    /// Calls the first contact, once. Without one, or after a call that was made already, requests
    /// dispatch at once (R16).
    pub(super) fn call_first(&mut self) {
        if !self.place_next_call() {
            self.request_dispatch();
        }
        self.call_former_first();
    }

    /// Calls the first contact of before a recent change, once and beside the other calls: a person
    /// who changed the contacts with a stolen password could otherwise confirm a false alarm, or call
    /// off a real one, without anybody else being asked (R15). Nothing waits for that call.
    fn call_former_first(&mut self) {
        let incident = &self.incident;
        let is_called = incident.calls.iter().any(|call| call.beside);
        if is_called || incident.mode == Mode::Drill || incident.quiet.is_some() {
            return;
        }
        let Some(former) = incident.snapshot.former_first.as_ref().map(|c| c.id.clone()) else {
            return;
        };
        let is_asked = matches!(incident.state, State::Verifying(_));
        self.place_call(former, if is_asked { Purpose::Verify } else { Purpose::Inform }, true);
    }

    pub(super) fn place_next_call(&mut self) -> bool {
        let incident = &self.incident;
        let Some((contact, purpose)) = call_tree::next(
            incident.callable(),
            &incident.calls,
            incident.dispatch_requested(),
            incident.asks_first(),
        ) else {
            return false;
        };
        let contact = contact.id.clone();
        self.place_call(contact, purpose, false);
        true
    }

    fn place_call(&mut self, contact: ContactId, purpose: Purpose, beside: bool) {
        let number =
            u8::try_from(self.incident.calls.len() + 1).expect("a home has at most ten contacts");
        let call = CallId { incident: self.incident.id, number };
        let policy = self.incident.snapshot.policy;
        let until = self.now + policy.rings_for(self.is_by_operator(purpose, beside));
        self.push(Event::CallPlaced { call, contact, purpose, until, beside });
    }
}
