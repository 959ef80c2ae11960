//! The plans of worlds with a real database: those of other worlds, with more troubles of the disk.

use crate::{
    dice::Dice,
    machine::Boots,
    plan::{DiskFault, Entry, OLDEST_COPY, Plan, Size, What, When},
    world::Death,
};
use std::time::Duration;

/// The plan of a seed.
pub fn plan(seed: u64, size: Size) -> Plan {
    let mut plan = Plan { is_stored: true, ..Plan::of(seed, size) };
    // A server does not start on a disk that stays full, and its world would never end.
    plan.staffing.heals = true;
    let mut dice = Dice::new(seed, "database");
    let needs: Vec<Duration> = plan
        .entries
        .iter()
        .filter(|entry| matches!(entry.what, What::Need(_)))
        .map(|entry| entry.at)
        .collect();
    let mut all: Vec<_> =
        plan.entries.into_iter().map(|Entry { at, what, .. }| (at, what)).collect();
    let mut add = |dice: &mut Dice, what| {
        // Most likely while something runs.
        let begun = dice.pick(&needs);
        all.push((begun + dice.ms(0, 60_000), what));
    };
    for _ in 0..2 + dice.below(3) {
        let fault = dice.pick(&[DiskFault::Full, DiskFault::Flush, DiskFault::Slow]);
        let lasts = dice.pick(&[500, 5_000, 30_000]);
        let lasts = dice.ms(50, lasts);
        add(&mut dice, What::Disk { fault, lasts });
    }
    for _ in 0..1 + dice.below(3) {
        let when = dice.pick(&[When::Now, When::BeforeCommit, When::AfterCommit]);
        let down = dice.pick(&[500, 20_000, 120_000]);
        let death = Death { down: dice.ms(10, down), boots: Boots::No, restores: None };
        add(&mut dice, What::Kill { when, death });
    }
    if dice.chance(40) {
        let age = dice.pick(&[20_000, 300_000, OLDEST_COPY.as_millis() as u64]);
        let (age, died) = (dice.ms(0, age), dice.pick(&needs) + dice.ms(0, 60_000));
        let kill = |restores| {
            let death = Death { down: Duration::from_secs(3), boots: Boots::No, restores };
            What::Kill { when: When::Now, death }
        };
        // Only a start tells the files of a server that was killed from copies of them.
        all.push((died.saturating_sub(age / 2), kill(None)));
        all.push((died, kill(Some(age))));
    }
    all.sort_by_key(|(at, _)| *at);
    let entry = |(number, (at, what))| Entry { number, at, what };
    plan.entries = all.into_iter().enumerate().map(entry).collect();
    plan
}
