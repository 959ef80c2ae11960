//! What screens were told, and what each of them shows. A screen may be slow or frozen, and people
//! act on what it shows, never on the truth. Nothing wakes up for that: what a screen shows is
//! worked out when its person looks.

use super::dice::Dice;
use buckler::{
    domain::{
        id::{ContactId, HomeId},
        incident::{Actor, command::Seen},
        time::Timestamp,
    },
    server::engine::Current,
};
use std::{collections::BTreeMap, sync::Arc, time::Duration};

/// Who looks at a screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Viewer {
    /// A member of the home, with the app.
    Member(&'static str),
    /// An operator, at the console.
    Operator(&'static str),
    /// An emergency contact, on the phone page.
    Contact(ContactId),
}

/// The names of the members and the operators.
const NAMES: [&str; 3] = ["ada", "ben", "olga"];

impl Viewer {
    /// The screen of an actor, if they have one.
    pub fn of(actor: &Actor) -> Option<Self> {
        let name = |of: &str| NAMES.into_iter().find(|name| *name == of);
        match actor {
            Actor::Person { name: of, .. } => name(of).map(Self::Member),
            Actor::Operator { name: of, .. } => name(of).map(Self::Operator),
            Actor::Contact { id, .. } => Some(Self::Contact(id.clone())),
            _ => None,
        }
    }
}

/// What a screen shows.
#[derive(Clone, Debug)]
pub struct Shown {
    pub current: Arc<Current>,
    /// The app is older than the server, so that its commands do not say what it shows.
    pub is_older_app: bool,
}

/// What the author of a command had been shown, by the truth of the world: the number of facts, of
/// which each may be a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sight {
    /// When the author acted.
    pub at: Timestamp,
    pub facts: u32,
    /// The open invariant that this author may break, because of a gap that is known.
    pub open: Option<&'static str>,
}

impl Shown {
    pub fn sight(&self, at: Timestamp) -> Sight {
        let open = self.is_older_app.then_some("I30/older");
        Sight { at, facts: self.current.incident.seq, open }
    }

    /// What the app says that it shows. The server guesses it for an app that does not say it.
    pub fn seen(&self) -> Seen {
        match self.is_older_app {
            true => Seen::Before(Timestamp::default()),
            false => Seen::UpTo(self.current.incident.latest_request()),
        }
    }
}

/// What the server says about the incident of a home: `None` if it shows none.
#[derive(Debug)]
struct Told {
    how: How,
    at: Timestamp,
    current: Option<Arc<Current>>,
}

#[derive(Debug)]
enum How {
    /// A live event to everybody, which is on its way for a while.
    Event { slow_ms: u64 },
    /// The answer to a request of this person. It is not shown if an event came since they asked.
    Answer { to: Viewer, asked_at: Timestamp },
}

/// What was told to a home, and how much of it was forgotten.
#[derive(Debug, Default)]
struct Tellings {
    forgotten: usize,
    all: Vec<Told>,
}

/// Everything that was told has arrived after this time: it is longer than a screen hangs and a
/// message is on its way.
const ARRIVES_WITHIN: Duration = Duration::from_secs(3_600);

/// All screens.
#[derive(Debug, Default)]
pub struct Screens {
    told: BTreeMap<HomeId, Tellings>,
    frozen: Vec<(HomeId, Viewer, Timestamp, Timestamp)>,
}

impl Screens {
    /// The server tells all screens of a home what its incident is.
    pub fn tell(
        &mut self,
        home: &HomeId,
        at: Timestamp,
        slow_ms: u64,
        current: Option<Arc<Current>>,
    ) {
        let told = Told { how: How::Event { slow_ms }, at, current };
        self.told.entry(home.clone()).or_default().all.push(told);
    }

    /// An answer to this person has arrived.
    pub fn answered(
        &mut self,
        to: Viewer,
        asked_at: Timestamp,
        at: Timestamp,
        current: Arc<Current>,
    ) {
        let home = current.incident.home.clone();
        let told = Told { how: How::Answer { to, asked_at }, at, current: Some(current) };
        self.told.entry(home).or_default().all.push(told);
    }

    /// The connection of a screen hangs: what is sent meanwhile arrives afterward.
    pub fn freeze(&mut self, home: HomeId, who: Viewer, from: Timestamp, to: Timestamp) {
        self.frozen.push((home, who, from, to));
    }

    /// What this screen shows at that time, if it shows an incident.
    pub fn shown(&self, seed: u64, who: &Viewer, home: &HomeId, at: Timestamp) -> Option<Shown> {
        let link = format!("screen/{home}/{who:?}");
        let link = Dice::new(seed, &link);
        let is_older_app = link.clone().chance(30);
        let mut arrived = Vec::new();
        let mut last = Timestamp::default();
        let Tellings { forgotten, all } = self.told.get(home)?;
        for (n, told) in (*forgotten..).zip(all) {
            let arrives = match &told.how {
                // Events stay in their order.
                How::Event { slow_ms } => {
                    let mut dice = link.nth(n);
                    last = last.max(self.arrival(&mut dice, told.at, *slow_ms, who, home));
                    last
                }
                How::Answer { to, .. } if to == who => told.at,
                How::Answer { .. } => continue,
            };
            if arrives <= at {
                arrived.push((arrives, told));
            }
        }
        arrived.sort_by_key(|(arrives, _)| *arrives);
        let (mut shown, mut heard) = (None, Timestamp::default());
        for (arrives, Told { how, current, .. }) in arrived {
            match how {
                How::Event { .. } => (shown, heard) = (current.as_ref(), arrives),
                How::Answer { asked_at, .. } if heard < *asked_at => shown = current.as_ref(),
                How::Answer { .. } => {}
            }
        }
        shown.map(|current| Shown { current: current.clone(), is_older_app })
    }

    /// Forgets what later events have replaced on every screen. Such an event was told long ago, and
    /// long after everything before it, so that no screen got anything after it.
    pub fn forget(&mut self, now: Timestamp) {
        let is_old = |at: Timestamp| at + ARRIVES_WITHIN < now;
        for Tellings { forgotten, all } in self.told.values_mut() {
            let replaces = |n: &usize| {
                let (before, event) = (&all[n - 1], &all[*n]);
                matches!(event.how, How::Event { .. })
                    && before.at + ARRIVES_WITHIN < event.at
                    && is_old(event.at)
            };
            if let Some(n) = (1..all.len()).rev().find(replaces) {
                *forgotten += n;
                all.drain(..n);
            }
        }
        let told = &self.told;
        self.frozen.retain(|(home, _, _, to)| {
            let first = told.get(home).and_then(|told| told.all.first());
            !is_old(*to) || first.is_some_and(|first| first.at <= *to)
        });
    }

    /// When an event arrives at a screen that has no event before it to wait for.
    fn arrival(
        &self,
        dice: &mut Dice,
        told: Timestamp,
        slow_ms: u64,
        who: &Viewer,
        home: &HomeId,
    ) -> Timestamp {
        let slow = if dice.chance(10) { dice.ms(0, 3_000) } else { Duration::ZERO };
        let at = told + dice.ms(1, 80) + slow + dice.ms(0, slow_ms);
        let hangs = |(of, by, from, to): &&(HomeId, Viewer, Timestamp, Timestamp)| {
            (of, by) == (home, who) && (*from..*to).contains(&at)
        };
        self.frozen.iter().find(hangs).map_or(at, |(.., to)| *to + dice.ms(50, 2_000))
    }
}
