//! The jobs that wait for the event loop. The loop takes from the homes in turn, and within a home
//! from its parties in turn. A flood delays another home by one batch at most, delays the others of
//! its own home by a job for each party, and fills only its own line.

use super::{batch::Job, running::View};
use crate::domain::{
    id::{HomeId, UserId},
    incident::{Actor, command::Command},
};
use std::{
    collections::{HashMap, VecDeque},
    hash::Hash,
};

/// The most jobs in a line: about as many as a slow disk takes before the last is answered too late.
const LINE_MOST: usize = 256;

/// A home. `None` stands for all incidents that are not in memory, which are over.
pub(super) type Place = Option<HomeId>;

/// Whose jobs wait together.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Party {
    /// A session or a contact's link. A stolen device has its own, so that it keeps nobody else
    /// from being heard, not even on the same account.
    Token([u8; 32]),
    /// A member or an operator, if the session is unknown.
    Account(UserId),
    /// A panic button or keypad.
    Device(String),
    /// A server that reports.
    Reporter(String),
    /// The results of effects. They are never refused.
    Effects,
    /// The server's own commands.
    Server,
}

impl From<Option<&Actor>> for Party {
    fn from(by: Option<&Actor>) -> Self {
        match by {
            Some(Actor::Person { id, .. } | Actor::Operator { id, .. }) => {
                Self::Account(id.clone())
            }
            Some(Actor::Device { name }) => Self::Device(name.clone()),
            Some(Actor::Outside { name }) => Self::Reporter(name.clone()),
            Some(Actor::Contact { .. } | Actor::Center | Actor::Buckler) | None => Self::Server,
        }
    }
}

/// The line in which a job waits.
pub(super) fn line_of(job: &Job, view: &View) -> (Place, Party) {
    let home_of = |incident| view.by_id(incident).map(|current| current.incident.home.clone());
    let party = |by: Option<&Actor>| job.token().map_or_else(|| by.into(), Party::Token);
    match job {
        Job::Raise { raise, .. } => (Some(raise.home.clone()), party(Some(&raise.by))),
        Job::Withdraw { request, by, .. } => (Some(request.home.clone()), party(Some(by))),
        Job::Give { incident, command, .. } => (home_of(*incident), party(Command::by(command))),
        Job::Report { incident, report, .. } => {
            (incident.and_then(home_of), party(Some(&report.by)))
        }
        Job::Completed { incident, .. } => (home_of(*incident), Party::Effects),
    }
}

/// Lines of jobs by place and party.
#[derive(Debug)]
pub(super) struct Waiting<P, Q, J>(Turns<P, Turns<Q, VecDeque<J>>>);

/// Things by key, none of them empty, in the order of their turns.
#[derive(Debug)]
struct Turns<K, V> {
    of: HashMap<K, V>,
    order: VecDeque<K>,
}

impl<K, V> Default for Turns<K, V> {
    fn default() -> Self {
        Self { of: HashMap::new(), order: VecDeque::new() }
    }
}

impl<K: Clone + Eq + Hash, V: Default> Turns<K, V> {
    /// The thing of this key. A new one has its turn after all others.
    fn entry(&mut self, key: K) -> &mut V {
        if !self.of.contains_key(&key) {
            self.order.push_back(key.clone());
        }
        self.of.entry(key).or_default()
    }

    /// Takes from the thing whose turn it is, and lets it wait for its next turn if `take` says
    /// that more is left.
    fn next<J>(&mut self, take: impl FnOnce(&mut V) -> (Option<J>, bool)) -> Option<J> {
        let key = self.order.pop_front()?;
        let (job, is_left) = take(self.of.get_mut(&key)?);
        if is_left {
            self.order.push_back(key);
        } else {
            self.of.remove(&key);
        }
        job
    }
}

impl<P, Q, J> Default for Waiting<P, Q, J> {
    fn default() -> Self {
        Self(Turns::default())
    }
}

impl<P: Clone + Eq + Hash, Q: Clone + Eq + Hash, J> Waiting<P, Q, J> {
    /// Adds a job to the end of its line, and returns it if the line is full. A job that
    /// `must_wait` is added even then.
    pub(super) fn push(&mut self, place: P, party: Q, job: J, must_wait: bool) -> Result<(), J> {
        let line = self.0.entry(place).entry(party);
        if line.len() >= LINE_MOST && !must_wait {
            return Err(job);
        }
        line.push_back(job);
        Ok(())
    }

    /// Takes the first job of the line whose turn it is.
    pub(super) fn pop(&mut self) -> Option<J> {
        self.0.next(|parties| {
            let job = parties.next(|line| (line.pop_front(), !line.is_empty()));
            (job, !parties.order.is_empty())
        })
    }

    /// Whether no job waits.
    pub(super) fn is_empty(&self) -> bool {
        self.0.order.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::{LINE_MOST, Waiting};

    #[test]
    fn homes_and_their_parties_are_served_in_turn() {
        let mut waiting = Waiting::default();
        for (n, party) in ["guest", "guest", "guest", "another device", "owner"].iter().enumerate()
        {
            waiting.push("flooded", *party, (*party, n), false).expect("there is room");
        }
        waiting.push("other home", "owner", ("other", 5), false).expect("there is room");
        let taken: Vec<_> = std::iter::from_fn(|| waiting.pop()).collect();
        let order = [
            ("guest", 0),
            ("other", 5),
            ("another device", 3),
            ("owner", 4),
            ("guest", 1),
            ("guest", 2),
        ];
        assert_eq!(taken, order);
        assert!(waiting.is_empty());
    }

    /// The result of an effect is never lost: nothing would send it again.
    #[test]
    fn full_line_refuses_only_its_own_jobs() {
        let mut waiting = Waiting::default();
        for n in 0..LINE_MOST {
            waiting.push("home", "flood", n, false).expect("there is room");
        }
        assert_eq!(waiting.push("home", "flood", LINE_MOST, false), Err(LINE_MOST));
        assert_eq!(waiting.push("home", "flood", 1_000, true), Ok(()));
        assert_eq!(waiting.push("home", "sos", 2_000, false), Ok(()));
        assert_eq!((waiting.pop(), waiting.pop()), (Some(0), Some(2_000)));
    }
}
