//! The jobs that wait for the event loop. Each party of a home has a line of its own, and the loop
//! takes from the lines in turn. A flood delays others by one batch at most, and fills only its own
//! line.

use super::{batch::Job, running::View};
use crate::domain::{
    id::{HomeId, UserId},
    incident::{Actor, command::Command},
};
use std::{
    collections::{HashMap, VecDeque},
    hash::Hash,
};

/// The most jobs in a line. A job takes a few milliseconds, so one that waits behind more than this
/// would be answered too late anyway.
const LINE_MOST: usize = 64;

/// Whose jobs wait together.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Line {
    /// The home. `None` for incidents that are not in memory, which are over.
    home: Option<HomeId>,
    party: Party,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Party {
    /// A member or an operator.
    Account(UserId),
    /// The phones of contacts.
    Calls,
    /// Panic buttons and keypads.
    Devices,
    /// Effects, timers and reports of other servers.
    Others,
}

impl From<Option<&Actor>> for Party {
    fn from(by: Option<&Actor>) -> Self {
        match by {
            Some(Actor::Person { id, .. } | Actor::Operator { id, .. }) => {
                Self::Account(id.clone())
            }
            Some(Actor::Contact { .. }) => Self::Calls,
            Some(Actor::Device { .. }) => Self::Devices,
            Some(Actor::Outside { .. } | Actor::Center | Actor::Buckler) | None => Self::Others,
        }
    }
}

impl Line {
    /// The line of a job.
    pub(super) fn of(job: &Job, view: &View) -> Self {
        let home_of = |incident| view.by_id(incident).map(|current| current.incident.home.clone());
        match job {
            Job::Raise { raise, .. } => {
                Self { home: Some(raise.home.clone()), party: Some(&raise.by).into() }
            }
            Job::Give { incident, command: Command::Call { .. }, .. } => {
                Self { home: home_of(*incident), party: Party::Calls }
            }
            Job::Give { incident, command, .. } => {
                Self { home: home_of(*incident), party: command.by().into() }
            }
            Job::Completed { incident, .. } => {
                Self { home: home_of(*incident), party: Party::Others }
            }
        }
    }
}

/// Lines of waiting jobs.
#[derive(Debug)]
pub(super) struct Waiting<K, J> {
    lines: HashMap<K, VecDeque<J>>,
    /// The lines that are not empty, in the order of their turns.
    turns: VecDeque<K>,
}

impl<K, J> Default for Waiting<K, J> {
    fn default() -> Self {
        Self { lines: HashMap::new(), turns: VecDeque::new() }
    }
}

impl<K: Clone + Eq + Hash, J> Waiting<K, J> {
    /// Adds a job to the end of its line, and returns it if the line is full. A job that
    /// `must_wait` is added even then.
    pub(super) fn push(&mut self, line: K, job: J, must_wait: bool) -> Result<(), J> {
        let jobs = self.lines.entry(line.clone()).or_default();
        if jobs.len() >= LINE_MOST && !must_wait {
            return Err(job);
        }
        if jobs.is_empty() {
            self.turns.push_back(line);
        }
        jobs.push_back(job);
        Ok(())
    }

    /// Takes the first job of the line whose turn it is.
    pub(super) fn pop(&mut self) -> Option<J> {
        let line = self.turns.pop_front()?;
        let jobs = self.lines.get_mut(&line)?;
        let job = jobs.pop_front();
        if jobs.is_empty() {
            self.lines.remove(&line);
        } else {
            self.turns.push_back(line);
        }
        job
    }

    /// Whether no job waits.
    pub(super) fn is_empty(&self) -> bool {
        self.turns.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::{LINE_MOST, Waiting};

    #[test]
    fn lines_are_served_in_turn_and_each_in_its_order() {
        let mut waiting = Waiting::default();
        for n in 0..3 {
            waiting.push("flood", ("flood", n), false).expect("there is room");
        }
        waiting.push("sos", ("sos", 0), false).expect("there is room");
        waiting.push("button", ("button", 0), false).expect("there is room");
        let taken: Vec<_> = std::iter::from_fn(|| waiting.pop()).collect();
        let order = [("flood", 0), ("sos", 0), ("button", 0), ("flood", 1), ("flood", 2)];
        assert_eq!(taken, order);
        assert!(waiting.is_empty());
    }

    /// The result of an effect is never lost: nothing would send it again.
    #[test]
    fn full_line_refuses_only_its_own_jobs() {
        let mut waiting = Waiting::default();
        for n in 0..LINE_MOST {
            waiting.push("flood", n, false).expect("there is room");
        }
        assert_eq!(waiting.push("flood", 64, false), Err(64));
        assert_eq!(waiting.push("flood", 65, true), Ok(()));
        assert_eq!(waiting.push("sos", 66, false), Ok(()));
        assert_eq!((waiting.pop(), waiting.pop()), (Some(0), Some(66)));
    }
}
