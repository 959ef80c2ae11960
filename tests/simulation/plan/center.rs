//! The plan of a receiving center that is a server too: its own troubles, its operator and its homes.

use super::{
    DiskFault, Entry, HandlerFault, Plan, What, When, down,
    staffing::{Elsewhere, Habits, Staffing},
};
use crate::{dice::Dice, machine::Boots, world::Death};
use buckler::domain::{home::Home, incident::CenterMode};
use std::time::Duration;

/// The center's dice are not those of the home.
const OTHER_DICE: u64 = 0x00c0_ffee_0000_0000;

/// Something goes wrong at the center about as often as at home.
pub(super) fn add_troubles(
    dice: &mut Dice,
    most: u64,
    horizon: Duration,
    entries: &mut Vec<(Duration, What)>,
) {
    for _ in 0..1 + dice.below(1 + most) {
        let at = dice.ms(0, horizon.as_millis() as u64);
        entries.push((at, What::AtCenter(Box::new(trouble(dice)))));
    }
    // Most of them come while somebody needs help, and so do the faults of the line.
    for (begun, what) in entries.clone() {
        if !matches!(what, What::Need(_)) {
            continue;
        }
        if dice.chance(10) {
            let at = begun + dice.ms(0, 60_000);
            entries.push((at, What::AtCenter(Box::new(trouble(dice)))));
        }
        if dice.chance(15) {
            let fault = dice.pick(&[
                HandlerFault::Unreachable,
                HandlerFault::AnswerLost,
                HandlerFault::Slow,
            ]);
            let what = What::Handler { queue: "receiver", fault, lasts: dice.ms(3_000, 90_000) };
            entries.push((begun + dice.ms(0, 10_000), what));
        }
    }
}

fn trouble(dice: &mut Dice) -> What {
    match dice.below(10) {
        0..4 => {
            let when = dice.pick(&[
                When::Now,
                When::Now,
                When::BeforeCommit,
                When::AfterCommit,
                When::AfterEffect,
            ]);
            let boots = dice.pick(&[Boots::No, Boots::No, Boots::Right]);
            What::Kill { when, death: Death { down: down(dice), boots, restores: None } }
        }
        4..7 => {
            let fault = dice.pick(&[DiskFault::Full, DiskFault::Flush, DiskFault::Slow]);
            What::Disk { fault, lasts: dice.ms(50, 30_000) }
        }
        7 => {
            let fault = dice.pick(&[HandlerFault::Unreachable, HandlerFault::Slow]);
            let queue = dice.pick(&["phones", "notices"]);
            What::Handler { queue, fault, lasts: dice.ms(100, 60_000) }
        }
        8 => What::Network {
            loses_percent: dice.below(90),
            slow_ms: dice.below(20_000),
            lasts: dice.ms(1_000, 60_000),
        },
        _ => What::WallClock { by_ms: dice.pick(&[3_600_000, -3_600_000, 30_000, -30_000]) },
    }
}

impl Plan {
    /// The plan of the receiving center, if that is a server too. It knows the same homes by their
    /// accounts. Entries keep their places, so that both worlds have the same time.
    pub fn center(&self) -> Option<Self> {
        if !self.staffing.has_engine_elsewhere() {
            return None;
        }
        let seed = self.seed ^ OTHER_DICE;
        let mut dice = Dice::new(seed, "staffing");
        let habits = Habits {
            dials: dice.ms(5_000, 60_000),
            leaves: dice.chance(15).then(|| dice.ms(1_000, 120_000)),
        };
        let staffing = Staffing {
            center: CenterMode::Operators,
            responders: false,
            operator: Some(habits),
            elsewhere: Elsewhere::Acknowledges,
            open_pages: dice.pick(&[100, 100, 80, 0]),
            heals: self.staffing.heals,
        };
        // The center has no sirens in the home.
        let home = |home: &Home| Home { devices: Vec::new(), ..home.clone() };
        let here = |entry: &Entry| {
            let what = match &entry.what {
                What::AtCenter(what) => What::clone(what),
                _ => What::NotHere,
            };
            Entry { what, ..entry.clone() }
        };
        Some(Self {
            is_stored: false,
            seed,
            homes: self.homes.iter().map(home).collect(),
            staffing,
            entries: self.entries.iter().map(here).collect(),
        })
    }
}
