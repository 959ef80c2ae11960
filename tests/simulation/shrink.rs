//! Repeats a history, and reduces one that breaks an invariant to the shortest that still does.

use super::{
    ledger::{Ledger, open::code},
    plan::Plan,
    world,
};
use std::time::Duration;

/// Checks that a seed repeats its history: one that cannot be repeated proves nothing.
pub fn repeats(plan: &Plan) {
    let run = || world::run(plan.clone(), true, None).story;
    let stories = std::thread::scope(|scope| {
        [scope.spawn(run), scope.spawn(run)].map(|story| story.join().expect("a history ends"))
    });
    assert!(stories[0] == stories[1], "the same seed is the same history");
}

/// Removes entries that are not needed to break the same invariant: halves first, then single
/// entries.
pub fn shortest(mut plan: Plan, wanted: Option<&str>) -> (Plan, Ledger) {
    let invariant = |plan: &Plan| {
        let ledger = world::run(plan.clone(), false, wanted);
        ledger.broken.map(|what| code(&what).to_owned())
    };
    let same = invariant(&plan);
    let mut piece = plan.entries.len().div_ceil(2);
    while piece > 0 {
        let mut from = 0;
        while from < plan.entries.len() {
            let mut shorter = plan.clone();
            shorter.entries.drain(from..(from + piece).min(plan.entries.len()));
            if invariant(&shorter) == same {
                plan = shorter;
            } else {
                from += piece;
            }
        }
        piece /= 2;
    }
    // A long wait after the last entry adds nothing before the failure, and neither does the wait
    // at the beginning.
    if let Some(first) = plan.entries.first().map(|e| e.at.saturating_sub(Duration::from_secs(1))) {
        let mut earlier = plan.clone();
        earlier.entries.iter_mut().for_each(|e| e.at -= first);
        if invariant(&earlier) == same {
            plan = earlier;
        }
    }
    let ledger = world::run(plan.clone(), true, wanted);
    (plan, ledger)
}
