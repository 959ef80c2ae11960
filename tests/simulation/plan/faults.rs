//! The kinds of faults. A long history contains each of them.

use super::{DiskFault, HandlerFault, OLDEST_COPY, QUEUES, What, When, down};
use crate::{dice::Dice, machine::Boots, world::Death};
use std::time::Duration;

/// An older copy of the database is put back.
pub const PUT_BACK: &str = "copy put back";
/// The server is killed at any time.
const KILLED: &str = "kill";
/// Every kind of fault.
pub const KINDS: [&str; 18] = [
    KILLED,
    "kill in a commit",
    "kill after a commit",
    "kill after an effect",
    "boot with the time",
    "boot without the time",
    PUT_BACK,
    "sleep",
    "full disk",
    "disk that does not flush",
    "slow disk",
    "unreachable peers",
    "slow peers",
    "lost answers",
    "bad network",
    "wall clock set",
    "screen that hangs",
    "late code",
];

impl When {
    pub fn fault(self) -> &'static str {
        match self {
            Self::Now => KILLED,
            Self::BeforeCommit => "kill in a commit",
            Self::AfterCommit => "kill after a commit",
            Self::AfterEffect => "kill after an effect",
        }
    }
}

impl Boots {
    pub fn fault(self) -> Option<&'static str> {
        match self {
            Self::No => None,
            Self::Right => Some("boot with the time"),
            Self::Unknown => Some("boot without the time"),
        }
    }
}

impl What {
    /// The kind of fault that occurs with this entry. A kill occurs later, if ever.
    pub fn fault(&self, is_up: bool) -> Option<&'static str> {
        Some(match self {
            Self::Sleep { .. } if is_up => "sleep",
            Self::Disk { fault: DiskFault::Full, .. } => "full disk",
            Self::Disk { fault: DiskFault::Flush, .. } => "disk that does not flush",
            Self::Disk { fault: DiskFault::Slow, .. } => "slow disk",
            Self::Handler { fault: HandlerFault::Unreachable, .. } => "unreachable peers",
            Self::Handler { fault: HandlerFault::Slow, .. } => "slow peers",
            Self::Handler { fault: HandlerFault::AnswerLost, .. } => "lost answers",
            Self::Network { .. } => "bad network",
            Self::WallClock { .. } => "wall clock set",
            Self::Freeze { .. } => "screen that hangs",
            Self::Code { kept, .. } if !kept.is_zero() => "late code",
            _ => return None,
        })
    }
}

/// Adds a fault of each kind, each while somebody needs help.
pub(super) fn add_each(dice: &mut Dice, entries: &mut Vec<(Duration, What)>) {
    let needs: Vec<(Duration, usize)> = entries
        .iter()
        .filter_map(|(at, what)| match what {
            What::Need(need) => Some((*at, need.home)),
            _ => None,
        })
        .collect();
    let mut add = |dice: &mut Dice, what: &dyn Fn(&mut Dice, usize) -> What| {
        let (begun, home) = dice.pick(&needs);
        let what = what(dice, home);
        entries.push((begun + dice.ms(0, 60_000), what));
    };
    for when in [When::Now, When::BeforeCommit, When::AfterCommit, When::AfterEffect] {
        add(dice, &|dice, _| {
            let death = Death { down: down(dice), boots: Boots::No, restores: None };
            What::Kill { when, death }
        });
    }
    for boots in [Boots::Right, Boots::Unknown] {
        add(dice, &|dice, _| {
            let down = down(dice).max(Duration::from_secs(20));
            What::Kill { when: When::Now, death: Death { down, boots, restores: None } }
        });
    }
    add(dice, &|dice, _| {
        let restores = Some(dice.ms(0, OLDEST_COPY.as_millis() as u64));
        let death = Death { down: down(dice), boots: Boots::No, restores };
        What::Kill { when: When::Now, death }
    });
    add(dice, &|dice, _| What::Sleep { lasts: dice.ms(500, 1_500_000) });
    for fault in [DiskFault::Full, DiskFault::Flush, DiskFault::Slow] {
        add(dice, &|dice, _| What::Disk { fault, lasts: dice.ms(50, 30_000) });
    }
    for fault in [HandlerFault::Unreachable, HandlerFault::Slow, HandlerFault::AnswerLost] {
        add(dice, &|dice, _| {
            let queue = dice.pick(&QUEUES);
            What::Handler { queue, fault, lasts: dice.ms(100, 180_000) }
        });
    }
    add(dice, &|dice, _| What::Network {
        loses_percent: dice.below(90),
        slow_ms: dice.below(90_000),
        lasts: dice.ms(1_000, 120_000),
    });
    add(dice, &|dice, _| What::WallClock { by_ms: dice.pick(&[3_600_000, -3_600_000, 40, -40]) });
    add(dice, &|dice, home| What::Freeze { home, who: "ada", lasts: dice.ms(500, 40_000) });
    add(dice, &|dice, home| What::Code { home, kept: dice.ms(1, 50_000) });
}
