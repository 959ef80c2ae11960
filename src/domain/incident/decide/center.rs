//! What the monitoring center makes happen: people who take an incident, a receiving center that has it or not, a decision on what was
//! found late, and what is said of it from elsewhere.

use super::{Draft, Refusal};
use crate::domain::{
    incident::{Actor, DispatchState, Disposition, Mode, Report, State, Verification, event::Event},
    time::Timestamp,
};

/// Reports from elsewhere that one incident keeps: an honest center needs a few dozen.
const REPORTS_MOST: usize = 500;

impl Draft {
    /// Two never work on one. Whoever takes it before the automatic center did has the first contact called.
    pub(super) fn claim(&mut self, by: Actor) -> Result<(), Refusal> {
        match (&self.incident.holder, &self.incident.state) {
            (Some(holder), _) if *holder == by => {}
            (Some(_), _) => return Err(Refusal::Held),
            (None, State::Verifying(Verification::Offered { .. })) => {
                self.push(Event::Claimed { by });
                self.call_first();
            }
            (None, State::Verifying(_) | State::Dispatching | State::UnderReview) if self.incident.mode == Mode::Live => {
                self.push(Event::Claimed { by });
            }
            (None, _) => return Err(Refusal::NotWaiting),
        }
        Ok(())
    }

    /// Ends the claim of `from`. Refuses if another operator has claimed the incident since.
    pub(super) fn release(&mut self, by: Actor, from: &Actor) -> Result<(), Refusal> {
        match &self.incident.holder {
            Some(holder) if holder == from => self.push(Event::Released { by }),
            Some(_) => return Err(Refusal::Held),
            None => {}
        }
        Ok(())
    }

    /// Moves the claim in one decision, so that no third operator can claim the incident between release and claim.
    pub(super) fn assign(&mut self, by: Actor, to: Actor, from: Option<&Actor>) -> Result<(), Refusal> {
        let holder = self.incident.holder.as_ref();
        if holder != Some(&to) && holder != from {
            return Err(Refusal::Held);
        }
        if holder.is_some_and(|holder| *holder != to) {
            self.push(Event::Released { by });
        }
        self.claim(to)
    }

    /// What the receiving center does changes nothing here: the automatic center goes on beside it, so that no silence there delays a call.
    pub(super) fn signaled(&mut self, receiver: Option<String>) {
        if self.incident.signaled != Some(receiver.is_some()) {
            self.push(receiver.map_or(Event::SignalFailed, |receiver| Event::SignalAccepted { receiver }));
        }
    }

    /// What is said elsewhere is believed of those who said it, and cancels nothing here: until the first call has ended, only its answer
    /// keeps help from being requested (I5). What comes twice, or late, changes nothing.
    pub(super) fn report(&mut self, by: Actor, key: String, said_at: Timestamp, report: Report) -> Result<(), Refusal> {
        let incident = &self.incident;
        if incident.mode == Mode::Drill || !matches!(incident.state, State::Verifying(_) | State::Dispatching) {
            return Err(Refusal::NotWaiting);
        }
        let old = match &report {
            Report::Moved { service, .. } if !incident.requests.services().contains(service) => return Err(Refusal::NotWaiting),
            // That it was requested there is what this side has said itself.
            Report::Moved { service, state, .. } => !incident.progress(*service).unwrap_or(DispatchState::Requested).may_become(*state),
            _ => false,
        };
        if !old && !incident.elsewhere.keys.contains(&key) && incident.elsewhere.keys.len() < REPORTS_MOST {
            self.push(Event::Reported { by, key, said_at, report });
        }
        Ok(())
    }

    pub(super) fn review(&mut self, by: Actor, proceed: bool, note: String) -> Result<(), Refusal> {
        if !matches!(self.incident.state, State::UnderReview) {
            return Err(Refusal::NotWaiting);
        }
        let nothing_to_send = self.incident.requests.services().is_empty();
        self.push(Event::Reviewed { by: by.clone(), proceed: proceed && !nothing_to_send, note });
        if !proceed || nothing_to_send {
            self.close(by, Disposition::ReviewedNotSent);
        }
        Ok(())
    }
}
