//! Why something may be late. An excuse has a cause, and each invariant names the causes that excuse
//! it.

use super::{LATE, RECOVERS};
use buckler::domain::time::Timestamp;
use std::time::Duration;

/// What keeps a server from acting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The server is down.
    Down,
    /// The disk refuses to store.
    Refuses,
    /// The disk is slow.
    Slow,
    /// The machine sleeps.
    Suspended,
    /// The receiving center is a server too, which is down, or whose disk fails.
    CenterDown,
    CenterDisk,
    /// The peers of this queue are not reached.
    Queue(&'static str),
    /// The server does not hear its buttons.
    Buttons,
}

/// The causes that keep anything from being decided.
pub const UNDECIDED: &[Cause] = &[Cause::Down, Cause::Refuses, Cause::Slow, Cause::Suspended];

/// What went wrong in a world, and when.
#[derive(Debug, Default)]
pub struct Excuses {
    /// By their ends, so that a question about the last hours does not look at a year.
    over: Vec<(Cause, Timestamp, Timestamp)>,
    now: Vec<(Cause, Timestamp)>,
    /// Every cause that there ever was.
    ever: Vec<Cause>,
}

/// What keeps the receiving center from hearing of something.
pub const UNREACHED: &[Cause] = &[
    Cause::Down,
    Cause::Refuses,
    Cause::Slow,
    Cause::Suspended,
    Cause::CenterDown,
    Cause::CenterDisk,
    Cause::Queue("receiver"),
];

impl Excuses {
    pub fn begins(&mut self, cause: Cause, at: Timestamp) {
        self.now.push((cause, at));
        if !self.ever.contains(&cause) {
            self.ever.push(cause);
        }
    }

    pub fn ends(&mut self, cause: Cause, at: Timestamp) {
        let after = self.over.partition_point(|(.., to)| *to <= at);
        let over = self.now.extract_if(.., |(open, _)| *open == cause);
        self.over.splice(after..after, over.map(|(cause, from)| (cause, from, at)));
    }

    /// The machine slept between these times: what ended meanwhile ends for its server now.
    pub fn wakes(&mut self, slept: Timestamp, at: Timestamp) {
        let [first, after] =
            [slept, at].map(|then| self.over.partition_point(|(.., to)| *to < then));
        self.over[first..after].iter_mut().for_each(|(.., to)| *to = at);
        self.ends(Cause::Suspended, at);
    }

    /// Nobody asks any more about what held up nothing since then.
    pub fn forget_before(&mut self, then: Timestamp) {
        self.over.drain(..self.first_since(then));
    }

    /// The first that held up something since then.
    fn first_since(&self, then: Timestamp) -> usize {
        self.over.partition_point(|(.., to)| *to + RECOVERS < then)
    }

    /// What held up something between these times.
    fn of<'a>(
        &'a self,
        causes: &'a [Cause],
        since: Timestamp,
        at: Timestamp,
    ) -> impl Iterator<Item = (Timestamp, Timestamp)> + 'a {
        let open = self.now.iter().map(move |(cause, from)| (*cause, *from, at.max(*from)));
        self.over[self.first_since(since)..]
            .iter()
            .copied()
            .chain(open)
            .filter(|(cause, ..)| causes.contains(cause))
            .map(|(_, from, to)| (from, to))
    }

    /// The latest time for something that is due: at once, unless one of these causes held it up.
    pub fn until(&self, due: Timestamp, at: Timestamp, causes: &[Cause]) -> Timestamp {
        let mut until = due + LATE;
        let mut all: Vec<_> = self.of(causes, due, at).collect();
        all.sort();
        for (from, to) in all {
            if from <= until + RECOVERS && to + RECOVERS >= due {
                until = until.max(to + RECOVERS);
            }
        }
        until
    }

    /// Whether one of these causes held up what happens at that time.
    pub fn hold_at(&self, at: Timestamp, causes: &[Cause]) -> bool {
        self.of(causes, at, at).any(|(from, to)| from <= at && to + RECOVERS >= at)
    }

    /// Whether one of these causes held up what was to happen between these times.
    pub fn hold_between(&self, from: Timestamp, to: Timestamp, causes: &[Cause]) -> bool {
        self.of(causes, from, to).any(|(begins, ends)| begins <= to && ends + RECOVERS >= from)
    }

    /// How long these causes held up what began then, and each of them so much longer.
    pub fn since(
        &self,
        begun: Timestamp,
        at: Timestamp,
        causes: &[Cause],
        each: Duration,
    ) -> Duration {
        let after = self.of(causes, begun, at).filter(|(from, _)| *from >= begun);
        after.map(|(from, to)| to.since(from) + each).sum()
    }

    /// Whether any of these causes has held up anything.
    pub fn any(&self, causes: &[Cause]) -> bool {
        self.ever.iter().any(|cause| causes.contains(cause))
    }
}
