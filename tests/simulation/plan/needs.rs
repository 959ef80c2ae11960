//! What people need. Their taps, their hammering and the messages of their panels follow from it.

use super::{What, When, down};
use crate::{dice::Dice, machine::Boots, people::Does, world::Death};
use buckler::domain::incident::{Mode, Request};
use std::time::Duration;

/// Somebody in a home needs help, or thinks so, or practices.
#[derive(Clone, Debug)]
pub struct Need {
    pub home: usize,
    pub who: &'static str,
    pub request: Request,
    pub mode: Mode,
    pub drill_sirens: bool,
    /// Who still needs help asks again if their incident is over.
    pub lasts: Duration,
    pub means: Means,
}

/// How somebody asks.
#[derive(Clone, Copy, Debug)]
pub enum Means {
    /// With the app, which sends again what is not answered.
    App { taps: u8 },
    /// With a button that is pressed again and again.
    Button { every: Duration, presses: u8 },
    /// An alarm panel, whose signals are sent at once. Each has a number of its own, or they repeat
    /// one.
    Panel { every: Duration, signals: u8, is_one_number: bool },
}

/// Adds a need, and what people tend to do afterward.
pub(super) fn add(
    dice: &mut Dice,
    homes: usize,
    at: Duration,
    entries: &mut Vec<(Duration, What)>,
) {
    let home = dice.below(homes as u64) as usize;
    let who = dice.pick(&["ada", "ben"]);
    let need = Need {
        home,
        who,
        request: dice.pick(&Request::ALL),
        mode: if dice.chance(20) { Mode::Drill } else { Mode::Live },
        drill_sirens: dice.chance(50),
        lasts: if dice.chance(30) { dice.ms(10_000, 600_000) } else { Duration::ZERO },
        means: means(dice),
    };
    entries.push((at, What::Need(need)));
    steer(dice, home, who, at, entries);
    if dice.chance(25) {
        let need = taps_once(home, dice.pick(&Request::ALL));
        let after = dice.pick(&[30_000, 30_000, 200_000]);
        entries.push((at + dice.ms(0, after), What::Need(need)));
    }
    if dice.chance(8) {
        let kept = if dice.chance(50) { dice.ms(0, 50_000) } else { Duration::ZERO };
        let typed = (at + dice.ms(0, 10_000)).saturating_sub(kept);
        entries.push((typed, What::Code { home, kept }));
    }
    if dice.chance(5) {
        entries.push((at + dice.ms(0, 60_000), What::EditHome { home }));
    }
    if dice.chance(12) {
        let when =
            dice.pick(&[When::Now, When::BeforeCommit, When::AfterCommit, When::AfterEffect]);
        let death = Death { down: down(dice), boots: Boots::No, restores: None };
        let kill = What::Kill { when, death };
        entries.push((at + dice.ms(0, 40_000), kill));
    }
}

/// Somebody asks for sirens alone, which sound even if that cannot be stored (F15).
pub(super) fn for_sirens(home: usize) -> Need {
    taps_once(home, Request::Siren)
}

/// Somebody asks with the app, a moment before somebody else cancels whose screen does not show it yet.
pub(super) fn join_unseen(dice: &mut Dice, entries: &mut Vec<(Duration, What)>) {
    let cancels = |(at, what): &(Duration, What)| match what {
        What::Steer { home, does: Does::Cancel, .. } => Some((*at, *home)),
        _ => None,
    };
    let all: Vec<_> = entries.iter().filter_map(cancels).collect();
    for (at, home) in all {
        if dice.chance(25) {
            let joins = at.saturating_sub(dice.ms(0, 1_500));
            entries.push((joins, What::Need(taps_once(home, dice.pick(&Request::ALL)))));
        }
    }
}

fn taps_once(home: usize, request: Request) -> Need {
    Need {
        home,
        who: "ben",
        request,
        mode: Mode::Live,
        drill_sirens: false,
        lasts: Duration::ZERO,
        means: Means::App { taps: 1 },
    }
}

fn means(dice: &mut Dice) -> Means {
    match dice.below(100) {
        0..70 => Means::App { taps: 1 },
        70..85 => Means::App { taps: 2 },
        85..93 => Means::Button { every: dice.ms(500, 8_000), presses: 1 + dice.below(12) as u8 },
        _ => Means::Panel {
            every: dice.ms(1_000, 30_000),
            signals: 1 + dice.below(6) as u8,
            is_one_number: dice.chance(30),
        },
    }
}

/// What members do to the incident that they see.
fn steer(
    dice: &mut Dice,
    home: usize,
    who: &'static str,
    at: Duration,
    entries: &mut Vec<(Duration, What)>,
) {
    let mut add = |after: Duration, who, does| {
        entries.push((at + after, What::Steer { home, who, does }));
    };
    if dice.chance(25) {
        // Most likely around D, where the outcome is decided.
        let after = if dice.chance(40) { dice.ms(4_900, 5_200) } else { dice.ms(100, 20_000) };
        add(after, dice.pick(&["ada", "ben"]), Does::Cancel);
    }
    if dice.chance(15) {
        add(dice.ms(500, 6_000), who, Does::SendNow);
    }
    if dice.chance(20) {
        add(dice.ms(1_000, 200_000), who, Does::Silence);
    }
    if dice.chance(30) {
        add(dice.ms(20_000, 600_000), "ben", Does::End);
    }
    if dice.chance(20) {
        // A screen that lags when it matters: somebody else joins, and its person does not know.
        let (who, lasts) = (dice.pick(&["ada", "ben", "olga"]), dice.ms(500, 40_000));
        entries.push((at + dice.ms(0, 20_000), What::Freeze { home, who, lasts }));
    }
}
