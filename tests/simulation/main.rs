//! The engine under faults: the real domain and the real durable loop in a simulated world, where
//! time is simulated, disks fail, machines die, networks lose messages and people do everything
//! twice. One seed is one history.
//!
//! `cargo test --test simulation -- --seeds 1000 --from 1`; a history that breaks an invariant is
//! reduced to the shortest that still does, and printed.

mod dice;
mod disk;
mod errand;
mod handlers;
mod ledger;
mod machine;
mod people;
mod plan;
mod platter;
mod rights;
mod screens;
mod shrink;
mod world;

use ledger::open::Found;
use plan::{Plan, Size};
use shrink::{repeats, shortest};
use std::{
    process::ExitCode,
    sync::{
        Mutex,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
};

/// Enough seeds for ten thousand incidents.
const SEEDS: u64 = 900;

struct Options {
    seeds: u64,
    from: u64,
    /// Print only the broken invariant. Used when hunting deliberate faults.
    brief: bool,
    /// How large the worlds are.
    size: Size,
    /// An invariant that is known not to hold, whose shortest history is printed.
    open: Option<String>,
}

fn options() -> Options {
    let mut options =
        Options { seeds: SEEDS, from: 1, brief: false, size: Size::default(), open: None };
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
            "--homes" => options.size.homes = Some(number()),
            // A year is long: one on each core.
            "--days" => (options.size.days, options.seeds) = (Some(number()), 2),
            "--open" => options.open = words.next(),
            // Options that the test harness of other binaries accepts.
            "--quiet" | "--nocapture" => {}
            other => panic!(
                "there are --days N, --homes N, --seeds N, --from S, --brief and --open CODE, not {other}"
            ),
        }
    }
    options
}

fn main() -> ExitCode {
    let options = options();
    let Options { seeds, from, .. } = options;
    if let Some(what) = rights::broken() {
        println!("simulation: seed 0, the walk through all rights, breaks\n  {what}");
        println!("test result: FAILED. 0 passed; 1 failed");
        return ExitCode::FAILURE;
    }
    let (broken, incidents, found) = explore(&options);
    if let Some(broken) = broken {
        return report(broken, &options);
    }
    repeats(from, options.size);
    found.print();
    // Only a whole run says that something does not happen any more.
    let outdated = if (seeds, from, options.size) == (SEEDS, 1, Size::default()) {
        found.outdated()
    } else {
        Vec::new()
    };
    outdated.iter().for_each(|line| println!("simulation: {line}"));
    println!(
        "simulation: {incidents} incidents in {seeds} histories from seed {from}, no invariant broken"
    );
    let what = format!("simulated incidents, {seeds} seeds from {from}, none broken");
    println!("{what:<66} {:>9.2} {:<3} (goal -)", incidents as f64, "n");
    match outdated.is_empty() {
        true => {
            println!("test result: ok. 1 passed; 0 failed");
            ExitCode::SUCCESS
        }
        false => {
            println!("test result: FAILED. 0 passed; 1 failed");
            ExitCode::FAILURE
        }
    }
}

/// Runs the histories on all cores until one is broken. Returns the first broken seed, the number of
/// incidents, and what is known not to hold.
fn explore(options: &Options) -> (Option<u64>, usize, Found) {
    let Options { seeds, from, .. } = *options;
    let (next, broken, incidents) =
        (AtomicU64::new(from), AtomicU64::new(u64::MAX), AtomicUsize::new(0));
    let found = Mutex::new(Found::default());
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, |n| n.get()) {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= from + seeds || broken.load(Ordering::Relaxed) != u64::MAX {
                        return;
                    }
                    let ledger =
                        world::run(Plan::of(seed, options.size), false, options.open.as_deref());
                    incidents.fetch_add(ledger.incidents(), Ordering::Relaxed);
                    found.lock().expect("no holder panics").add(&ledger.open, seed);
                    if ledger.is_broken() {
                        broken.fetch_min(seed, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    let broken = Some(broken.into_inner()).filter(|seed| *seed != u64::MAX);
    (broken, incidents.into_inner(), found.into_inner().expect("no holder panics"))
}

/// Prints the shortest history that breaks the same as this seed.
fn report(broken: u64, options: &Options) -> ExitCode {
    let wanted = options.open.as_deref();
    let what = world::run(Plan::of(broken, options.size), false, wanted)
        .broken
        .unwrap_or_else(|| "it does not break again: the simulation is not repeatable".into());
    println!("simulation: seed {broken} breaks\n  {what}");
    if !options.brief {
        let (plan, ledger) = shortest(Plan::of(broken, options.size), wanted);
        println!(
            "the shortest history that was found:\n  homes {}, center {:?}",
            plan.homes.len(),
            plan.staffing
        );
        plan.entries
            .iter()
            .for_each(|e| println!("  after {:>9} ms  {:?}", e.at.as_millis(), e.what));
        println!("its story:");
        ledger.story.iter().for_each(|line| println!("  {line}"));
        println!("  {}", ledger.broken.unwrap_or_default());
        let open = wanted.map(|code| format!(" --open {code}")).unwrap_or_default();
        println!("again: scripts/simulate --seeds 1 --from {broken}{open}");
    }
    println!("test result: FAILED. 0 passed; 1 failed");
    ExitCode::FAILURE
}
