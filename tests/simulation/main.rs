//! The engine under faults: the real domain and the real durable loop in a simulated world, where
//! time is simulated, disks fail, machines die, networks lose messages and people do everything
//! twice. One seed is one history.
//!
//! `cargo test --test simulation -- --seeds 1000 --from 1`; a history that breaks an invariant is
//! reduced to the shortest that still does, and printed.

mod dice;
mod disk;
mod errand;
mod ledger;
mod peers;
mod plan;
mod platter;
mod world;

use ledger::Ledger;
use plan::Plan;
use std::{
    process::ExitCode,
    sync::atomic::{AtomicU64, AtomicUsize, Ordering},
    time::Duration,
};

/// Enough seeds for ten thousand incidents.
const SEEDS: u64 = 900;

struct Options {
    seeds: u64,
    from: u64,
    /// Print only the broken invariant. Used when hunting deliberate faults.
    brief: bool,
}

fn options() -> Options {
    let mut options = Options { seeds: SEEDS, from: 1, brief: false };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut number = || {
            words
                .next()
                .and_then(|n| n.parse().ok())
                .unwrap_or_else(|| panic!("{word} needs a number"))
        };
        match word.as_str() {
            "--seeds" => options.seeds = number(),
            "--from" => options.from = number(),
            "--brief" => options.brief = true,
            // Options that the test harness of other binaries accepts.
            "--quiet" | "--nocapture" => {}
            other => panic!("there are --seeds N, --from S and --brief, not {other}"),
        }
    }
    options
}

fn main() -> ExitCode {
    let Options { seeds, from, brief } = options();
    let (next, broken, incidents) =
        (AtomicU64::new(from), AtomicU64::new(u64::MAX), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, |n| n.get()) {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= from + seeds || broken.load(Ordering::Relaxed) != u64::MAX {
                        return;
                    }
                    let ledger = world::run(Plan::of(seed), false);
                    incidents.fetch_add(ledger.incidents(), Ordering::Relaxed);
                    if ledger.is_broken() {
                        broken.fetch_min(seed, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    let incidents = incidents.into_inner();
    let broken = broken.into_inner();
    if broken == u64::MAX {
        repeats(from);
        println!(
            "simulation: {incidents} incidents in {seeds} histories from seed {from}, no invariant broken"
        );
        let what = format!("simulated incidents, {seeds} seeds from {from}, none broken");
        println!("{what:<66} {:>9.2} {:<3} (goal -)", incidents as f64, "n");
        println!("test result: ok. 1 passed; 0 failed");
        return ExitCode::SUCCESS;
    }
    let what = world::run(Plan::of(broken), false)
        .broken
        .unwrap_or_else(|| "it does not break again: the simulation is not repeatable".into());
    println!("simulation: seed {broken} breaks\n  {what}");
    if !brief {
        let (plan, ledger) = shortest(Plan::of(broken));
        println!(
            "the shortest history that was found:\n  homes {}, center {:?}",
            plan.homes.len(),
            plan.policy.center
        );
        plan.entries
            .iter()
            .for_each(|e| println!("  after {:>9} ms  {:?}", e.at.as_millis(), e.what));
        println!("its story:");
        ledger.story.iter().for_each(|line| println!("  {line}"));
        println!("  {}", ledger.broken.unwrap_or_default());
        println!("again: scripts/simulate --seeds 1 --from {broken}");
    }
    println!("test result: FAILED. 0 passed; 1 failed");
    ExitCode::FAILURE
}

/// Checks that a seed repeats its history: one that cannot be repeated proves nothing.
fn repeats(seed: u64) {
    let (first, again) = (world::run(Plan::of(seed), true), world::run(Plan::of(seed), true));
    assert_eq!(first.story, again.story, "the same seed is the same history");
}

/// Removes entries that are not needed to break the same invariant: halves first, then single
/// entries.
fn shortest(mut plan: Plan) -> (Plan, Ledger) {
    let invariant = |ledger: &Ledger| {
        ledger.broken.as_ref().map(|what| what.split(':').next().unwrap_or_default().to_owned())
    };
    let wanted = invariant(&world::run(plan.clone(), false));
    let mut piece = plan.entries.len().div_ceil(2);
    while piece > 0 {
        let mut from = 0;
        while from < plan.entries.len() {
            let mut shorter = plan.clone();
            shorter.entries.drain(from..(from + piece).min(plan.entries.len()));
            if invariant(&world::run(shorter.clone(), false)) == wanted {
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
        if invariant(&world::run(earlier.clone(), false)) == wanted {
            plan = earlier;
        }
    }
    let ledger = world::run(plan.clone(), true);
    (plan, ledger)
}
