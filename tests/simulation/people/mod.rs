//! People, who act on what their screens show.

pub mod contact;
pub mod member;
pub mod operator;
pub mod outside;

use super::{
    dice::Dice,
    errand::Errand,
    screens::{Shown, Viewer},
    world::{Event, World},
};
use buckler::domain::{
    id::{CallId, HomeId, IncidentId},
    incident::{
        Actor, CallState, DispatchState, Disposition, Service, State,
        command::{CallStep, Command, NotReached, OperatorReport},
    },
    time::Timestamp,
};
use std::time::Duration;

/// What somebody means to do. Whether they can depends on what their screen shows then.
#[derive(Clone, Debug)]
pub struct Intent {
    pub who: Viewer,
    pub home: HomeId,
    pub does: Does,
}

/// What people do to an incident.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Does {
    Cancel,
    SendNow,
    Silence,
    End,
    Review {
        proceed: bool,
    },
    Claim,
    /// A contact, or the operator who talks to one, goes on in a call.
    Call(CallId, Step),
    /// The operator reports progress of every service.
    Moves(IncidentId, DispatchState),
    Close(IncidentId),
}

/// A step of a call.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Step {
    Answer,
    Confirm,
    CallOff { authenticated: bool },
    HangUp,
    NotReached(NotReached),
}

impl Viewer {
    pub fn actor(&self) -> Actor {
        match self {
            Self::Member(name) => Actor::Person { id: name.parse().unwrap(), name: (*name).into() },
            Self::Operator(name) => {
                Actor::Operator { id: name.parse().unwrap(), name: (*name).into() }
            }
            Self::Contact(id) => Actor::Contact { id: id.clone(), name: id.to_string() },
        }
    }
}

impl Intent {
    /// Somebody will act then.
    pub fn at(self, world: &World, at: Timestamp) {
        world.later(at, Event::Acts(Box::new(self)));
    }

    /// Somebody acts now, on what their screen shows.
    pub fn carry_out(self, world: &World) {
        let now = world.truth();
        let shown = world.lock(&world.screens).shown(world.plan.seed, &self.who, &self.home, now);
        let Some(shown) = shown else { return };
        // A client of somebody's own can do what no screen offers.
        let mut dice = Dice::new(world.plan.seed, &format!("offered/{now}/{self:?}"));
        if !self.is_offered(&shown) && !dice.chance(10) {
            return;
        }
        let incident = shown.current.incident.id;
        let errand = Errand::command(incident, self.command(&shown), self.patience());
        Errand::begin(world, errand.seen(shown.sight(now)));
    }

    /// Whether the screen offers it.
    fn is_offered(&self, shown: &Shown) -> bool {
        let incident = &shown.current.incident;
        let works = incident.assignee == Some(self.who.actor());
        match self.does {
            Does::Cancel | Does::SendNow => matches!(incident.state, State::CountingDown { .. }),
            Does::Silence => incident.siren.is_sounding(),
            Does::End => incident.may_be_ended_by_home(),
            Does::Review { .. } => matches!(incident.state, State::UnderReview),
            Does::Claim => operator::is_open(incident) && incident.assignee.is_none(),
            Does::Call(call, _) => incident.calls.iter().any(|c| {
                c.id == call
                    && !matches!(c.state, CallState::Ended(_))
                    && match &self.who {
                        Viewer::Contact(id) => c.contact == *id,
                        _ => works,
                    }
            }),
            Does::Close(id) | Does::Moves(id, _) => {
                incident.id == id && works && matches!(incident.state, State::Dispatching)
            }
        }
    }

    /// How long the app tries until it is answered.
    fn patience(&self) -> Duration {
        match self.who {
            Viewer::Member(_) => Duration::from_secs(10),
            Viewer::Contact(_) => Duration::from_secs(30),
            Viewer::Operator(_) => Duration::from_secs(60),
        }
    }

    fn command(&self, shown: &Shown) -> Command {
        let (by, seen) = (self.who.actor(), shown.seen());
        match self.does {
            Does::Cancel => Command::Cancel { by, seen },
            Does::SendNow => Command::SendNow { by },
            Does::Silence => Command::Silence { by, seen },
            Does::End => Command::End { by, seen },
            Does::Review { proceed } => Command::Review { by, seen, proceed, note: "Seen.".into() },
            Does::Claim => Command::Claim { by },
            Does::Call(call, step) => {
                let step = match step {
                    Step::Answer => CallStep::Answer,
                    Step::Confirm => CallStep::Confirm,
                    Step::CallOff { authenticated } => CallStep::Cancel { authenticated, seen },
                    Step::HangUp => CallStep::HangUp,
                    Step::NotReached(why) => CallStep::NotReached(why),
                };
                match self.who {
                    Viewer::Operator(_) => {
                        Command::ByAssignee { by, report: OperatorReport::Call { call, step } }
                    }
                    Viewer::Member(_) | Viewer::Contact(_) => Command::Call { call, step },
                }
            }
            Does::Moves(_, state) => {
                // The first that may still come there: operators report one service at a time.
                let all = &shown.current.incident.dispatches;
                let next = all.iter().find(|d| d.state != state).or(all.first());
                let service = next.map_or(Service::Police, |d| d.service);
                let report = OperatorReport::Dispatch { seen, service, state, reference: None };
                Command::ByAssignee { by, report }
            }
            Does::Close(_) => Command::ByAssignee {
                by,
                report: OperatorReport::Close {
                    seen,
                    disposition: Disposition::ClosedByCenter,
                    note: None,
                },
            },
        }
    }
}
