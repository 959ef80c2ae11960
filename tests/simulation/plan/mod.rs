//! The plan of a simulated world, drawn from the seed before it begins, so that it can be printed
//! and reduced to what matters.

mod center;
pub mod faults;
pub mod homes;
pub mod needs;
pub mod staffing;

use super::{devices::Happens, dice::Dice, machine::Boots, people::Does, world::Death};
use buckler::domain::{home::Home, incident::CenterMode, time::Timestamp};
use needs::Need;
use staffing::Staffing;
use std::time::Duration;

/// The start of a world.
pub const BEGINNING: Timestamp = Timestamp::from_millis(1_795_435_200_000);
/// How long events are generated if no number of days is given. Afterward everything heals, and must
/// come to its end, or stays as it is.
const HORIZON: Duration = Duration::from_secs(40 * 60);

/// The fewest needs of a long history.
const FEWEST_NEEDS: u64 = 12;
/// The most that a copy of the database is old when it is put back.
pub const OLDEST_COPY: Duration = Duration::from_secs(20 * 60);

/// How large the worlds are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Size {
    /// One to eight homes, if it is not given.
    pub homes: Option<u64>,
    /// Less than an hour in which much happens, if it is not given.
    pub days: Option<u64>,
}

/// The plan of one world.
#[derive(Clone, Debug)]
pub struct Plan {
    pub seed: u64,
    pub homes: Vec<Home>,
    pub staffing: Staffing,
    /// Whether the disk has the real database.
    pub is_stored: bool,
    pub entries: Vec<Entry>,
}

/// An event at a time after the beginning. Its number identifies it even when others are removed.
#[derive(Clone, Debug)]
pub struct Entry {
    pub number: usize,
    pub at: Duration,
    pub what: What,
}

/// The kinds of events.
#[derive(Clone, Debug)]
pub enum What {
    /// Somebody needs help, or thinks so.
    Need(Need),
    /// Somebody steers the incident that their screen shows.
    Steer { home: usize, who: &'static str, does: Does },
    /// Somebody types a code at a keypad, which disarms. The broker may keep it for a while.
    Code { home: usize, kept: Duration },
    /// The connection of a screen hangs.
    Freeze { home: usize, who: &'static str, lasts: Duration },
    /// Something happens to the siren of a home with that number.
    Siren { home: usize, n: usize, happens: Happens },
    /// Somebody changes the home's contacts. No running incident may notice (I19).
    EditHome { home: usize },
    /// The server is killed and restarted.
    Kill { when: When, death: Death },
    /// The machine sleeps.
    Sleep { lasts: Duration },
    /// The disk fails.
    Disk { fault: DiskFault, lasts: Duration },
    /// An effect handler fails.
    Handler { queue: &'static str, fault: HandlerFault, lasts: Duration },
    /// The network between clients and server fails.
    Network { loses_percent: u64, slow_ms: u64, lasts: Duration },
    /// The wall clock is set.
    WallClock { by_ms: i64 },
    /// It happens at the receiving center, which is a server too.
    AtCenter(Box<What>),
    /// It happens to another server.
    NotHere,
}

/// When the server is killed.
#[derive(Clone, Copy, Debug)]
pub enum When {
    /// At once.
    Now,
    /// In the next commit, before it is durable.
    BeforeCommit,
    /// After the next commit, before anybody is told.
    AfterCommit,
    /// After the next effect is executed, before that is stored.
    AfterEffect,
}

#[derive(Clone, Copy, Debug)]
pub enum DiskFault {
    /// Nothing can be written.
    Full,
    /// The flush fails: what was written may exist after the next start.
    Flush,
    /// Every commit takes up to three seconds.
    Slow,
}

#[derive(Clone, Copy, Debug)]
pub enum HandlerFault {
    /// No peer is reached.
    Unreachable,
    /// The handler takes long.
    Slow,
    /// The effect happens, and the answer is lost.
    AnswerLost,
}

/// The queues of the outbox, by the names that handler faults use.
pub const QUEUES: [&str; 5] = ["devices", "phones", "receiver", "responders", "notices"];

impl Plan {
    /// The plan of a seed.
    pub fn of(seed: u64, size: Size) -> Self {
        let mut dice = Dice::new(seed, "plan");
        let staffing =
            Staffing::draw(&mut dice).with_engine_elsewhere(Dice::new(seed, "elsewhere"));
        let homes: Vec<Home> = (0..size.homes.unwrap_or(1 + dice.below(8)) as usize)
            .map(|n| homes::home(n, &mut dice))
            .collect();
        let mut entries = Vec::new();
        // A home of a year has three needs a month, and its server two troubles a day.
        let (needs, troubles) = match size.days {
            Some(days) => ((days * homes.len() as u64 / 10).max(FEWEST_NEEDS), 2 * days),
            None => (8 + dice.below(24), dice.below(12)),
        };
        let horizon = size.days.map_or(HORIZON, |days| Duration::from_secs(days * 86_400));
        for _ in 0..needs {
            let at = dice.ms(0, horizon.as_millis() as u64);
            needs::add(&mut dice, homes.len(), at, &mut entries);
        }
        for _ in 0..troubles {
            let at = dice.ms(0, horizon.as_millis() as u64);
            entries.push((at, trouble(&mut dice)));
        }
        // The line to a receiving center is the weakest part of its worlds.
        for _ in 0..if staffing.center == CenterMode::Receiver { 5 } else { 0 } {
            let fault = dice.pick(&[HandlerFault::Unreachable, HandlerFault::AnswerLost]);
            let lasts = dice.ms(5_000, 180_000);
            let what = What::Handler { queue: "receiver", fault, lasts };
            entries.push((dice.ms(0, horizon.as_millis() as u64), what));
        }
        time_faults(&mut dice, &mut entries);
        siren_faults(&mut Dice::new(seed, "sirens"), &mut entries);
        needs::join_unseen(&mut Dice::new(seed, "joins"), &mut entries);
        if staffing.center == CenterMode::Receiver {
            review_faults(&mut Dice::new(seed, "reviews"), &mut entries);
        }
        if staffing.has_engine_elsewhere() {
            center::add_troubles(&mut Dice::new(seed, "center"), troubles, horizon, &mut entries);
        }
        // Every month has every kind of fault, and so has a single day.
        for _ in 0..size.days.map_or(0, |days| (days / 30).max(1)) {
            faults::add_each(&mut dice, &mut entries);
        }
        entries.sort_by_key(|(at, _)| *at);
        let entries = entries
            .into_iter()
            .enumerate()
            .map(|(number, (at, what))| Entry { number, at, what })
            .collect();
        Self { seed, homes, staffing, is_stored: false, entries }
    }

    /// Whether the machine ever sleeps.
    pub fn machine_sleeps(&self) -> bool {
        self.entries.iter().any(|entry| matches!(entry.what, What::Sleep { .. }))
    }

    /// Whether a copy of the database is put back.
    pub fn puts_back(&self) -> bool {
        let puts_back =
            |what: &What| matches!(what, What::Kill { death, .. } if death.restores.is_some());
        self.entries.iter().any(|entry| puts_back(&entry.what))
    }

    /// When the last entry happens.
    pub fn ends_at(&self) -> Timestamp {
        self.entries.last().map_or(BEGINNING, |entry| BEGINNING + entry.at)
    }

    /// The need of an entry, and the number of the entry.
    pub fn need(&self, entry: usize) -> (usize, &Need) {
        match &self.entries[entry] {
            Entry { number, what: What::Need(need), .. } => (*number, need),
            other => panic!("{other:?} is no need"),
        }
    }

    /// When an entry happens.
    pub fn begins_at(&self, entry: usize) -> Timestamp {
        BEGINNING + self.entries[entry].at
    }
}

/// In some worlds the machine sleeps, or a copy of the database is put back.
fn time_faults(dice: &mut Dice, entries: &mut Vec<(Duration, What)>) {
    let mut at_needs = |dice: &mut Dice, what: What| {
        // Something must be running to go wrong.
        let (begun, _) = dice.pick(entries.as_slice());
        entries.push((begun + dice.ms(0, 60_000), what));
    };
    if dice.chance(8) {
        for _ in 0..1 + dice.below(3) {
            let lasts = dice.pick(&[3_000, 60_000, 1_500_000]);
            let lasts = dice.ms(500, lasts);
            at_needs(dice, What::Sleep { lasts });
        }
    }
    if dice.chance(6) {
        let age = dice.pick(&[20_000, 300_000, OLDEST_COPY.as_millis() as u64]);
        let restores = Some(dice.ms(0, age));
        let death = Death { down: down(dice), boots: Boots::No, restores };
        at_needs(dice, What::Kill { when: When::Now, death });
    }
}

/// In some worlds an alarm leaves and its answer is lost, and the server is down from the first call on
/// until a person must decide.
fn review_faults(dice: &mut Dice, entries: &mut Vec<(Duration, What)>) {
    if !dice.chance(12) {
        return;
    }
    let need = |(at, what): &(Duration, What)| matches!(what, What::Need(_)).then_some(*at);
    let begun = dice.pick(&entries.iter().filter_map(need).collect::<Vec<_>>());
    let (queue, fault) = ("receiver", HandlerFault::AnswerLost);
    entries.push((begun, What::Handler { queue, fault, lasts: Duration::from_secs(60) }));
    let down = dice.ms(16 * 60_000, 40 * 60_000);
    let death = Death { down, boots: Boots::No, restores: None };
    entries.push((begun + dice.ms(8_000, 30_000), What::Kill { when: When::Now, death }));
}

/// Sirens are stopped by hand, and lose their power or their link, most of them while something runs.
fn siren_faults(dice: &mut Dice, entries: &mut Vec<(Duration, What)>) {
    let need = |(at, what): &(Duration, What)| match what {
        What::Need(need) => Some((*at, need.home)),
        _ => None,
    };
    let all: Vec<_> = entries.iter().filter_map(need).collect();
    for (at, home) in all {
        if dice.chance(4) {
            // The disk fills while sirens sound, and somebody asks for sirens once more.
            let fills = at + dice.ms(10_000, 60_000);
            let (fault, lasts) = (DiskFault::Full, dice.ms(12_000, 40_000));
            entries.push((fills, What::Disk { fault, lasts }));
            entries.push((fills + dice.ms(0, 3_000), What::Need(needs::for_sirens(home))));
        }
        if !dice.chance(25) {
            continue;
        }
        let longest = dice.pick(&[2_000, 30_000, 200_000]);
        let lasts = dice.ms(100, longest);
        let happens = match dice.below(5) {
            0 | 1 => Happens::StoppedByHand,
            2 => Happens::PowerCut { lasts },
            _ => Happens::Unreachable { lasts },
        };
        let after = dice.pick(&[12_000, 60_000, 300_000]);
        let n = dice.below(2) as usize;
        entries.push((at + dice.ms(0, after), What::Siren { home, n, happens }));
    }
}

/// How long a server is down.
fn down(dice: &mut Dice) -> Duration {
    match dice.below(20) {
        0..10 => dice.ms(10, 900),
        10..15 => dice.ms(1_000, 20_000),
        15..18 => dice.ms(20_000, 120_000),
        _ => dice.ms(300_000, 3 * 3_600_000),
    }
}

fn trouble(dice: &mut Dice) -> What {
    match dice.below(6) {
        0 => {
            let boots =
                dice.pick(&[Boots::No, Boots::No, Boots::Right, Boots::Right, Boots::Unknown]);
            // A machine takes a while to boot.
            let boot = if boots == Boots::Unknown { 20_000 } else { 0 };
            let down = down(dice).max(Duration::from_millis(boot));
            What::Kill { when: When::Now, death: Death { down, boots, restores: None } }
        }
        1 | 2 => {
            let fault = dice.pick(&[DiskFault::Full, DiskFault::Flush, DiskFault::Slow]);
            What::Disk { fault, lasts: dice.ms(50, 30_000) }
        }
        3 => {
            let fault = dice.pick(&[
                HandlerFault::Unreachable,
                HandlerFault::Slow,
                HandlerFault::AnswerLost,
            ]);
            What::Handler { queue: dice.pick(&QUEUES), fault, lasts: dice.ms(100, 180_000) }
        }
        4 => What::Network {
            loses_percent: dice.below(90),
            slow_ms: dice.below(90_000),
            lasts: dice.ms(1_000, 120_000),
        },
        _ => What::WallClock {
            by_ms: dice.pick(&[3_600_000, -3_600_000, 1_000, -1_000, 40, -40, 86_400_000]),
        },
    }
}
