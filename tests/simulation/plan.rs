//! The plan of a simulated world, drawn from the seed before it begins, so that it can be printed
//! and reduced to what matters.

use super::{dice::Dice, people::Does};
use buckler::domain::{
    contact::{Contact, Readiness},
    device::{Device, DeviceKind},
    home::{Address, Enrolment, Home, Settings, Subscription},
    incident::{CenterMode, Mode, Policy, Request},
};
use std::time::Duration;

/// How long events are generated. Afterwards everything heals, and must come to its end.
const HORIZON_MS: u64 = 40 * 60_000;

/// The plan of one world.
#[derive(Clone, Debug)]
pub struct Plan {
    pub seed: u64,
    pub homes: Vec<Home>,
    pub policy: Policy,
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
    /// Somebody slides or taps.
    Raise {
        home: usize,
        who: &'static str,
        request: Request,
        mode: Mode,
        drill_sirens: bool,
        taps: u8,
    },
    /// Somebody steers the incident that their screen shows.
    Steer { home: usize, who: &'static str, does: Does },
    /// The connection of a screen hangs.
    Freeze { home: usize, who: &'static str, lasts: Duration },
    /// Somebody changes the home's contacts. No running incident may notice (I19).
    EditHome { home: usize },
    /// The server is killed and restarted.
    Kill { when: When, down: Duration, reboot: bool },
    /// The disk fails.
    Disk { fault: DiskFault, lasts: Duration },
    /// An effect handler fails.
    Handler { queue: &'static str, fault: HandlerFault, lasts: Duration },
    /// The network between clients and server fails.
    Network { loses_percent: u64, slow_ms: u64, lasts: Duration },
    /// The wall clock is set.
    WallClock { by_ms: i64 },
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
    pub fn of(seed: u64) -> Self {
        let mut dice = Dice::new(seed, "plan");
        let center = dice.pick(&[
            CenterMode::Automatic,
            CenterMode::Automatic,
            CenterMode::Operators,
            CenterMode::Receiver,
        ]);
        let homes: Vec<Home> = (0..=dice.below(8) as usize).map(|n| home(n, &mut dice)).collect();
        let mut entries = Vec::new();
        for _ in 0..8 + dice.below(24) {
            people(&mut dice, homes.len(), &mut entries);
        }
        for _ in 0..dice.below(12) {
            let at = dice.ms(0, HORIZON_MS);
            entries.push((at, trouble(&mut dice)));
        }
        entries.sort_by_key(|(at, _)| *at);
        let entries = entries
            .into_iter()
            .enumerate()
            .map(|(number, (at, what))| Entry { number, at, what })
            .collect();
        Self { seed, homes, policy: Policy { center, ..Policy::default() }, entries }
    }
}

/// Adds a request, and what people tend to do afterwards.
fn people(dice: &mut Dice, homes: usize, entries: &mut Vec<(Duration, What)>) {
    let home = dice.below(homes as u64) as usize;
    let at = dice.ms(0, HORIZON_MS);
    let who = dice.pick(&["ada", "ben"]);
    let request = dice.pick(&Request::ALL);
    let mode = if dice.chance(20) { Mode::Drill } else { Mode::Live };
    let taps = if dice.chance(15) { 2 } else { 1 };
    entries
        .push((at, What::Raise { home, who, request, mode, drill_sirens: dice.chance(50), taps }));
    if dice.chance(25) {
        // Most likely around D, where the outcome is decided.
        let after = if dice.chance(40) { dice.ms(4_900, 5_200) } else { dice.ms(100, 20_000) };
        entries.push((
            at + after,
            What::Steer { home, who: dice.pick(&["ada", "ben"]), does: Does::Cancel },
        ));
    }
    if dice.chance(15) {
        entries.push((at + dice.ms(500, 6_000), What::Steer { home, who, does: Does::SendNow }));
    }
    if dice.chance(20) {
        entries
            .push((at + dice.ms(1_000, 200_000), What::Steer { home, who, does: Does::Silence }));
    }
    if dice.chance(30) {
        let does = Does::End;
        entries.push((at + dice.ms(20_000, 600_000), What::Steer { home, who: "ben", does }));
    }
    if dice.chance(20) {
        // A screen that lags when it matters: somebody else joins, and its person does not know.
        let (who, lasts) = (dice.pick(&["ada", "ben", "olga"]), dice.ms(500, 40_000));
        entries.push((at + dice.ms(0, 20_000), What::Freeze { home, who, lasts }));
    }
    if dice.chance(25) {
        let request = dice.pick(&Request::ALL);
        let what = What::Raise {
            home,
            who: "ben",
            request,
            mode: Mode::Live,
            drill_sirens: false,
            taps: 1,
        };
        entries.push((at + dice.ms(0, 30_000), what));
    }
    if dice.chance(5) {
        entries.push((at + dice.ms(0, 60_000), What::EditHome { home }));
    }
    if dice.chance(12) {
        let when =
            dice.pick(&[When::Now, When::BeforeCommit, When::AfterCommit, When::AfterEffect]);
        entries
            .push((at + dice.ms(0, 40_000), What::Kill { when, down: down(dice), reboot: false }));
    }
}

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
        0 => What::Kill { when: When::Now, down: down(dice), reboot: dice.chance(50) },
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

fn home(n: usize, dice: &mut Dice) -> Home {
    let device = |id: &str, kind| Device {
        id: id.parse().unwrap(),
        kind,
        model: "alarm".into(),
        name: id.into(),
    };
    let devices = match dice.chance(75) {
        true => vec![device("base", DeviceKind::BaseStation), device("hall", DeviceKind::Keypad)],
        false => Vec::new(),
    };
    let new = Home::new(format!("home-{n}").parse().unwrap(), format!("Home {n}"), "UTC".into());
    Home {
        address: Some(Address {
            line1: "1 Elm Road".into(),
            line2: None,
            city: "Springfield".into(),
            region: "OR".into(),
            postal_code: "97477".into(),
            country: "US".into(),
        }),
        subscription: Subscription { sos_for_cameras: Enrolment::Enrolled, ..new.subscription },
        settings: Settings {
            countdown_s: dice.pick(&[5, 5, 5, 8, 15]),
            siren_duration_s: dice.pick(&[600, 60, 120]),
            ..Settings::default()
        },
        devices,
        contacts: (0..dice.below(4) as u8).map(|c| contact(c, dice.chance(10))).collect(),
        ..new
    }
}

/// The contact with that number.
pub fn contact(number: u8, opted_out: bool) -> Contact {
    Contact {
        readiness: if opted_out { Readiness::OptedOut } else { Readiness::Accepted },
        ..Contact::new(
            format!("contact-{number}").parse().unwrap(),
            format!("Contact {number}"),
            format!("+150355501{number:02}"),
        )
    }
}
