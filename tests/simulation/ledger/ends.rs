//! I30: nobody ends a request that they had not been shown.

use super::Ledger;
use crate::screens::Sight;
use buckler::domain::{
    id::IncidentId,
    incident::{
        Actor, Disposition, Incident, Report, Request, Requests, State,
        command::{CallStep, Command, OperatorReport},
        event::Event,
    },
    time::Timestamp,
};

/// A request that a fact recorded.
#[derive(Clone, Debug)]
pub struct Press {
    /// The number of the fact.
    pub fact: u32,
    pub request: Request,
    /// When it was recorded, by the truth.
    pub at: Timestamp,
}

/// How requests end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ending {
    Abort,
    Silence,
    End,
    Review,
    Call,
    Operator,
    Elsewhere,
}

impl Ending {
    fn part(self) -> &'static str {
        match self {
            Self::Abort => "I30/abort",
            Self::Silence => "I30/silence",
            Self::End => "I30/end",
            Self::Review => "I30/review",
            Self::Call => "I30/call",
            Self::Operator => "I30/operator",
            Self::Elsewhere => "I30/elsewhere",
        }
    }

    /// How a command ends requests, and whose it is. Every party of a call gives its commands as that call.
    fn of(command: &Command) -> Option<(Self, Option<&Actor>)> {
        let how = match command {
            Command::Cancel { .. } => Self::Abort,
            Command::Silence { .. } => Self::Silence,
            Command::End { .. } => Self::End,
            Command::Review { .. } => Self::Review,
            Command::Call { step: CallStep::Cancel { .. }, .. }
            | Command::ByAssignee {
                report: OperatorReport::Call { step: CallStep::Cancel { .. }, .. },
                ..
            } => return Some((Self::Call, None)),
            Command::ByAssignee { report: OperatorReport::Close { .. }, .. } => Self::Operator,
            Command::Report { report: Report::Ended { .. }, .. } => Self::Elsewhere,
            _ => return None,
        };
        Some((how, command.by()))
    }
}

/// What an author had been shown, over all commands of theirs that end the same.
#[derive(Clone, Debug)]
pub struct Act {
    ending: Ending,
    by: Option<Actor>,
    sight: Sight,
}

impl Act {
    /// What the author of a code knew.
    pub fn of_code(by: Option<Actor>, sight: Sight) -> Self {
        Self { ending: Ending::Abort, by, sight }
    }
}

impl Ledger {
    /// A command reaches the server. Its author's screen had shown this much.
    pub fn acts(&mut self, id: IncidentId, command: &Command, sight: Sight) {
        if let Command::Call { call, step: CallStep::Cancel { authenticated: true, .. } }
        | Command::ByAssignee {
            report:
                OperatorReport::Call { call, step: CallStep::Cancel { authenticated: true, .. } },
            ..
        } = command
        {
            self.called_off.insert(*call);
        }
        if let Command::Call { call, step: CallStep::NotReached(_) | CallStep::HangUp }
        | Command::ByAssignee {
            report: OperatorReport::Call { call, step: CallStep::NotReached(_) | CallStep::HangUp },
            ..
        } = command
        {
            self.not_reached.insert(*call);
        }
        let Some((ending, by)) = Ending::of(command) else { return };
        let acts = self.acts.entry(id).or_default();
        match acts.iter_mut().find(|act| act.ending == ending && act.by.as_ref() == by) {
            Some(act) => {
                act.sight = Sight {
                    at: act.sight.at.max(sight.at),
                    facts: act.sight.facts.max(sight.facts),
                    open: act.sight.open.or(sight.open),
                }
            }
            None => acts.push(Act { ending, by: by.cloned(), sight }),
        }
    }

    /// What the person who ended an incident with this fact had been shown, if a person did.
    pub fn sight_of_end(&self, id: IncidentId, event: &Event) -> Option<Sight> {
        let (ending, by) = match event {
            Event::Cancelled { .. } => (Ending::Call, None),
            Event::Closed { by, disposition: Disposition::ReviewedNotSent } => {
                (Ending::Review, Some(by))
            }
            Event::Closed { by: by @ Actor::Operator { .. }, .. } => (Ending::Operator, Some(by)),
            _ => return None,
        };
        let act = self.acts.get(&id)?.iter();
        act.clone().find(|act| act.ending == ending && act.by.as_ref() == by).map(|act| act.sight)
    }

    /// A fact that ends requests: its author had been shown each of them.
    pub(super) fn ends_what_was_shown(
        &mut self,
        before: &Incident,
        presses: &[Press],
        event: &Event,
    ) {
        let Some((ending, by, ended)) = ends(before, event) else { return };
        let act = self
            .acts
            .get(&before.id)
            .and_then(|acts| acts.iter().find(|act| act.ending == ending && act.by.as_ref() == by))
            .cloned()
            .or_else(|| self.typed(&before.home, by, presses));
        // Who withdraws a request of their own by its id needs no screen.
        let is_withdrawn =
            |press: &Press| ending == Ending::Abort && self.withdrawals.has(before.id, press.fact);
        let mut ended = presses.iter().filter(|press| ended.contains(press.request)).peekable();
        let Some(act) = act else {
            let all = ended.peek().is_some() && ended.all(is_withdrawn);
            let what = format!("{}: {} was ended, and nobody did it", ending.part(), before.id);
            return self.demand(all, || what);
        };
        let unseen: Vec<&Press> =
            ended.filter(|press| press.fact > act.sight.facts && !is_withdrawn(press)).collect();
        // The server takes a center for told of what was recorded before the center spoke.
        let is_untold = ending == Ending::Elsewhere && unseen.iter().all(|p| p.at <= act.sight.at);
        let part = act.sight.open.or(is_untold.then_some("I30/untold")).unwrap_or(ending.part());
        self.demand(unseen.is_empty(), || {
            format!(
                "{part}: {by:?} ended {unseen:?} of {}, and had been shown {} facts",
                before.id, act.sight.facts
            )
        });
    }
}

/// How a fact ends requests, by whom, and which.
fn ends<'a>(before: &Incident, event: &'a Event) -> Option<(Ending, Option<&'a Actor>, Requests)> {
    let all = Request::ALL.into_iter().collect();
    Some(match event {
        Event::Aborted { by } => match before.state {
            State::CountingDown { pending, .. } => (Ending::Abort, Some(by), pending),
            _ => return None,
        },
        Event::Withdrawn { by, requests } => {
            (Ending::Abort, Some(by), requests.iter().copied().collect())
        }
        Event::SirenSilenced { by } => {
            let sounding = Request::ALL.into_iter().filter(|request| request.sounds_sirens());
            (Ending::Silence, Some(by), sounding.collect())
        }
        Event::Cancelled { .. } => (Ending::Call, None, all),
        Event::Reviewed { by, proceed: false, .. } => (Ending::Review, Some(by), all),
        Event::Closed { disposition: Disposition::ReviewedNotSent, .. } => return None,
        Event::Closed { by, .. } => match by {
            Actor::Person { .. } => (Ending::End, Some(by), all),
            Actor::Operator { .. } => (Ending::Operator, Some(by), all),
            // A center elsewhere is told of no sirens.
            Actor::Outside { .. } => {
                let told = Request::ALL.into_iter().filter(|request| request.service().is_some());
                (Ending::Elsewhere, Some(by), told.collect())
            }
            _ => return None,
        },
        _ => return None,
    })
}
