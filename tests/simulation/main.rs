//! The engine under faults: the real domain and the real durable loop in a simulated world, where
//! time is simulated, disks fail, machines die, networks lose messages and people do everything
//! twice. One seed is one history.
//!
//! `cargo test --test simulation -- --seeds 1000 --from 1`; a history that breaks an invariant is
//! reduced to the shortest that still does, and printed; with `--all` the run goes on, and prints a
//! line of each. With `--store N` the disk has the real database.

mod broker;
mod devices;
mod dice;
mod disk;
mod errand;
mod handlers;
mod ledger;
mod line;
mod machine;
mod people;
mod plan;
mod platter;
mod rights;
mod screens;
mod shrink;
mod store;
mod world;

use ledger::open::Found;
use plan::{Plan, Size};
use shrink::{repeats, shortest};
use std::{
    collections::BTreeMap,
    process::{ExitCode, ExitStatus},
    sync::{
        Mutex,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
};

/// Enough seeds for ten thousand incidents.
const SEEDS: u64 = 900;
/// Enough seeds for each fault of a real disk.
const STORED: u64 = 40;

#[derive(Clone)]
struct Options {
    seeds: u64,
    from: u64,
    /// Print only the broken invariant. Used when hunting deliberate faults.
    brief: bool,
    /// Whether the run goes on after a broken history, and prints one line of each.
    lists_all: bool,
    /// How large the worlds are.
    size: Size,
    /// An invariant that is known not to hold, whose shortest history is printed.
    open: Option<String>,
    /// Whether the disk has the real database.
    is_stored: bool,
}

impl Options {
    fn plan(&self, seed: u64) -> Plan {
        if self.is_stored { store::plan::plan(seed, self.size) } else { Plan::of(seed, self.size) }
    }
}

fn options() -> Options {
    let mut options = Options {
        seeds: SEEDS,
        from: 1,
        brief: false,
        lists_all: false,
        size: Size::default(),
        open: None,
        is_stored: false,
    };
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
            "--all" => options.lists_all = true,
            "--homes" => options.size.homes = Some(number()),
            // A year is long: one on each core.
            "--days" => (options.size.days, options.seeds) = (Some(number()), 2),
            "--open" => options.open = words.next(),
            "--store" => (options.is_stored, options.seeds) = (true, number()),
            // Options that the test harness of other binaries accepts.
            "--quiet" | "--nocapture" => {}
            other => panic!(
                "there are --days N, --homes N, --seeds N, --from S, --store N, --brief, --all and --open CODE, not {other}"
            ),
        }
    }
    options
}

fn main() -> ExitCode {
    let options = options();
    if options.is_stored && !store::is_preloaded() {
        return ended(store::start_preloaded(std::env::args().skip(1)));
    }
    // It has no disk.
    if !options.is_stored
        && let Some(what) = rights::broken()
    {
        println!("simulation: seed 0, the walk through all rights, breaks\n  {what}");
        println!("test result: FAILED. 0 passed; 1 failed");
        return ExitCode::FAILURE;
    }
    let is_whole = (options.seeds, options.from, options.size) == (SEEDS, 1, Size::default());
    let is_brief = options.brief;
    let day = Options { seeds: 2, size: Size { homes: Some(4), days: Some(1) }, ..options.clone() };
    let mut failed = 0;
    let runs = if is_whole { vec![options, day] } else { vec![options] };
    for run in &runs {
        match holds(run, is_whole) {
            Ok(true) => {}
            Ok(false) => failed += 1,
            Err(broken) => return report(broken, run),
        }
    }
    let (passed, result) = (runs.len() - failed, if failed == 0 { "ok" } else { "FAILED" });
    println!("test result: {result}. {passed} passed; {failed} failed");
    if failed > 0 {
        return ExitCode::FAILURE;
    }
    if is_whole && !is_brief {
        let words = ["--store".to_owned(), STORED.to_string()];
        return ended(store::start_preloaded(words));
    }
    ExitCode::SUCCESS
}

fn ended(status: ExitStatus) -> ExitCode {
    if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Runs the histories of these options, and prints what they contained. Returns whether they
/// contained all that they must.
///
/// # Errors
/// The first broken seed.
fn holds(options: &Options, is_whole: bool) -> Result<bool, u64> {
    let Options { seeds, from, size, .. } = *options;
    let (broken, incidents, found, faults) = explore(options);
    if let Some(broken) = broken {
        return Err(broken);
    }
    repeats(&options.plan(from));
    found.print();
    // Only a whole run says that something does not happen any more.
    let is_long = size.days.is_some();
    let mut missing = if is_whole && !is_long { found.outdated() } else { Vec::new() };
    if is_whole || is_long {
        let never = plan::faults::KINDS.iter().filter(|kind| !faults.contains_key(**kind));
        missing.extend(never.map(|kind| format!("no “{kind}” occurred")));
    }
    if options.is_stored && seeds >= STORED {
        let never = store::KINDS.iter().filter(|kind| !faults.contains_key(**kind));
        missing.extend(never.map(|kind| format!("no “{kind}” occurred")));
    }
    missing.iter().for_each(|line| println!("simulation: {line}"));
    let all: Vec<String> = faults.iter().map(|(kind, n)| format!("{n} {kind}")).collect();
    let days = size.days.map(|days| format!(" of {days} days")).unwrap_or_default();
    println!("simulation: faults: {}", all.join(", "));
    println!(
        "simulation: {incidents} incidents in {seeds} histories{days} from seed {from}, no invariant broken"
    );
    if !is_long {
        let disk = if options.is_stored { " on the database" } else { "" };
        let what = format!("simulated incidents{disk}, {seeds} seeds from {from}, none broken");
        println!("{what:<66} {:>9.2} {:<3} (goal -)", incidents as f64, "n");
    }
    Ok(missing.is_empty())
}

/// How often each kind of fault occurred.
type Faults = BTreeMap<&'static str, usize>;

/// Runs the histories on all cores until one is broken, or all of them if all are listed. Returns the first broken seed, the number of
/// incidents, what is known not to hold, and the faults.
fn explore(options: &Options) -> (Option<u64>, usize, Found, Faults) {
    let Options { seeds, from, .. } = *options;
    let (next, broken, incidents) =
        (AtomicU64::new(from), AtomicU64::new(u64::MAX), AtomicUsize::new(0));
    let (found, faults) = (Mutex::new(Found::default()), Mutex::new(Faults::new()));
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, |n| n.get()) {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    let is_broken = broken.load(Ordering::Relaxed) != u64::MAX;
                    if seed >= from + seeds || is_broken && !options.lists_all {
                        return;
                    }
                    let ledger = world::run(options.plan(seed), false, options.open.as_deref());
                    incidents.fetch_add(ledger.incidents(), Ordering::Relaxed);
                    found.lock().expect("no holder panics").add(&ledger.open, seed);
                    let mut faults = faults.lock().expect("no holder panics");
                    for (kind, n) in &ledger.faults {
                        *faults.entry(kind).or_default() += n;
                    }
                    if let Some(what) = &ledger.broken {
                        broken.fetch_min(seed, Ordering::Relaxed);
                        if options.lists_all {
                            println!("simulation: seed {seed} breaks {what}");
                        }
                    }
                }
            });
        }
    });
    let broken = Some(broken.into_inner()).filter(|seed| *seed != u64::MAX);
    let found = found.into_inner().expect("no holder panics");
    (broken, incidents.into_inner(), found, faults.into_inner().expect("no holder panics"))
}

/// Prints the shortest history that breaks the same as this seed.
fn report(broken: u64, options: &Options) -> ExitCode {
    if options.lists_all {
        println!("test result: FAILED. 0 passed; 1 failed");
        return ExitCode::FAILURE;
    }
    let wanted = options.open.as_deref();
    let what = world::run(options.plan(broken), false, wanted)
        .broken
        .unwrap_or_else(|| "it does not break again: the simulation is not repeatable".into());
    println!("simulation: seed {broken} breaks\n  {what}");
    if !options.brief {
        let (plan, ledger) = shortest(options.plan(broken), wanted);
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
        let size = [("--days", options.size.days), ("--homes", options.size.homes)];
        let size = size.map(|(word, n)| n.map(|n| format!(" {word} {n}")).unwrap_or_default());
        let seeds = if options.is_stored { "--store" } else { "--seeds" };
        println!("again: scripts/simulate{} {seeds} 1 --from {broken}{open}", size.concat());
    }
    println!("test result: FAILED. 0 passed; 1 failed");
    ExitCode::FAILURE
}
