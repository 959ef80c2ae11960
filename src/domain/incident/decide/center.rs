//! Decisions on commands from centers: claims of operators, their reports, the receiving center's
//! acknowledgment, reviews of incidents that were found late, and reports from elsewhere.

use super::{Draft, Refusal};
use crate::domain::{
    incident::{
        Actor, DispatchState, Disposition, Mode, Report, Service, State, Verification,
        command::{Command, OperatorReport, Seen},
        event::Event,
    },
    time::Timestamp,
};

/// The most reports from elsewhere that one incident keeps. A well-behaved center needs a few
/// dozen.
const REPORTS_MOST: usize = 500;
/// The note about a person who was shown the details of the home.
const SHOWN: &str = "Was shown the address, the contacts and the notes for responders";

impl Draft {
    /// Claims the incident for one operator, exclusively. A claim before the automatic center takes
    /// over starts the first call.
    pub(super) fn claim(&mut self, by: Actor) -> Result<(), Refusal> {
        match (&self.incident.assignee, &self.incident.state) {
            (Some(assignee), _) if *assignee == by => {}
            (Some(_), _) => return Err(Refusal::AssignedToAnother),
            (None, State::Verifying(Verification::Offered { .. })) => {
                self.push(Event::Claimed { by });
                self.call_first();
            }
            (None, State::Verifying(_) | State::Dispatching | State::UnderReview)
                if self.incident.mode == Mode::Live =>
            {
                self.push(Event::Claimed { by });
            }
            (None, _) => return Err(Refusal::NotWaiting),
        }
        Ok(())
    }

    /// Ends the claim of `from`. Refuses if another operator has claimed the incident since.
    pub(super) fn release(&mut self, by: Actor, from: &Actor) -> Result<(), Refusal> {
        match &self.incident.assignee {
            Some(assignee) if assignee == from => self.push(Event::Released { by }),
            Some(_) => return Err(Refusal::AssignedToAnother),
            None => {}
        }
        Ok(())
    }

    /// Moves the claim in one decision, so that no third operator can claim the incident between
    /// release and claim.
    pub(super) fn assign(
        &mut self,
        by: Actor,
        to: Actor,
        from: Option<&Actor>,
    ) -> Result<(), Refusal> {
        let assignee = self.incident.assignee.as_ref();
        if assignee != Some(&to) && assignee != from {
            return Err(Refusal::AssignedToAnother);
        }
        if assignee.is_some_and(|assignee| *assignee != to) {
            self.push(Event::Released { by });
        }
        self.claim(to)
    }

    /// Records once that a person was shown the details of the home. Who has claimed the incident is
    /// in the record already.
    pub(super) fn shown(&mut self, by: Actor) -> Result<(), Refusal> {
        if !self.incident.shown_to.contains(&by) {
            self.push(Event::Noted { by, text: SHOWN.into(), shown: true });
        }
        Ok(())
    }

    /// Decides on a report of the operator who works on the incident. Whose incident it is belongs to
    /// the decision: an operator who was relieved while the report was on its way reports nothing.
    pub(super) fn reported_by_assignee(
        &mut self,
        by: Actor,
        report: OperatorReport,
    ) -> Result<(), Refusal> {
        if self.incident.assignee.as_ref() != Some(&by) {
            return Err(Refusal::AssignedToAnother);
        }
        self.command(match report {
            OperatorReport::Call { call, step } => Command::Call { call, step },
            OperatorReport::Dispatch { seen, service, state, reference } => {
                let request = self.request_that_was_shown(&by, seen, service, state)?;
                Command::Dispatch { service, request, state, reference }
            }
            OperatorReport::Note { text } => Command::Note { by, text },
            OperatorReport::Close { seen, disposition, note } => {
                Command::Close { by, seen, disposition, note }
            }
        })
    }

    /// Returns the dispatch request that an operator's report is about: its fact's number. Refuses the
    /// report if somebody pressed for the service again and the operator's screen did not show that
    /// (I30): the service may have been requested again, and closing it may end the incident.
    fn request_that_was_shown(
        &self,
        by: &Actor,
        seen: Seen,
        service: Service,
        state: DispatchState,
    ) -> Result<u32, Refusal> {
        let mut dispatches = self.incident.dispatches.iter();
        let known = dispatches.find(|d| d.service == service).ok_or(Refusal::NotWaiting)?;
        let is_another = known.again.is_some_and(|again| match seen {
            Seen::All | Seen::Only(_) => false,
            Seen::UpTo(seq) => seq < again.press,
            Seen::Before(at) => at <= again.at,
        });
        let unseen = self.incident.unseen(by, seen).services();
        match is_another || state == DispatchState::Closed && unseen.contains(&service) {
            true => Err(Refusal::AskedSince),
            false => Ok(known.request),
        }
    }

    /// Responders move forward only. What is said of an earlier request changes nothing.
    pub(super) fn dispatch_moved(
        &mut self,
        service: Service,
        request: u32,
        state: DispatchState,
        reference: Option<String>,
    ) -> Result<(), Refusal> {
        let mut dispatches = self.incident.dispatches.iter();
        let known = dispatches.find(|d| d.service == service).ok_or(Refusal::NotWaiting)?;
        if known.request == request && known.state.may_become(state) {
            self.push(Event::DispatchMoved { service, state, reference });
        }
        Ok(())
    }

    /// Records that the receiving center does not know the home.
    pub(super) fn has_no_account(&mut self) -> Result<(), Refusal> {
        if self.incident.signaled != Some(false) {
            self.push(Event::SignalFailed { no_account: true });
        }
        Ok(())
    }

    /// Records whether the receiving center has the alarm. The automatic center goes on in
    /// parallel, so that a silent receiver delays no call.
    pub(super) fn signaled(&mut self, receiver: Option<String>) -> Result<(), Refusal> {
        if self.incident.signaled != Some(receiver.is_some()) {
            self.push(receiver.map_or(Event::SignalFailed { no_account: false }, |receiver| {
                Event::SignalAccepted { receiver }
            }));
        }
        Ok(())
    }

    /// Records a report from elsewhere. Reports are trusted as statements of their sender and
    /// cancel nothing here: until the first call has ended, only its answer prevents dispatch (I5).
    /// A repeated or outdated report changes nothing.
    pub(super) fn report(
        &mut self,
        by: Actor,
        key: String,
        said_at: Timestamp,
        report: Report,
    ) -> Result<(), Refusal> {
        let incident = &self.incident;
        let was_called_off = matches!(incident.state, State::Cancelled);
        if incident.is_over() && !was_called_off {
            return Err(Refusal::IncidentOver);
        }
        // Help may still come after a call-off: what is said of it is recorded, and changes nothing.
        let runs = matches!(incident.state, State::Verifying(_) | State::Dispatching);
        if incident.mode == Mode::Drill || !(runs || was_called_off) {
            return Err(Refusal::NotWaiting);
        }
        let old = match &report {
            Report::Moved { service, .. } if !incident.requests.services().contains(service) => {
                return Err(Refusal::NotWaiting);
            }
            // A report that help was requested adds nothing: this server requested it.
            Report::Moved { service, state, .. } => {
                !incident.progress(*service).unwrap_or(DispatchState::Requested).may_become(*state)
            }
            _ => false,
        };
        if !old
            && !incident.external.keys.contains(&key)
            && incident.external.keys.len() < REPORTS_MOST
        {
            self.push(Event::Reported { by, key, said_at, report });
        }
        Ok(())
    }

    pub(super) fn review(
        &mut self,
        by: Actor,
        seen: Seen,
        proceed: bool,
        note: String,
    ) -> Result<(), Refusal> {
        if !matches!(self.incident.state, State::UnderReview) {
            return Err(Refusal::NotWaiting);
        }
        let nothing_to_send = self.incident.requests.services().is_empty();
        if !proceed || nothing_to_send {
            self.has_seen_all(&by, seen)?;
        }
        self.push(Event::Reviewed { by: by.clone(), proceed: proceed && !nothing_to_send, note });
        if !proceed || nothing_to_send {
            self.close(by, Disposition::ReviewedNotSent);
        } else {
            // A person decided: nobody else is asked first.
            self.request_dispatch();
        }
        Ok(())
    }
}
