//! Members of a home, with their apps, buttons and panels: they ask for what they need, again and
//! again if it does not help.

use super::{Does, Intent};
use crate::{
    devices::buttons::Asks,
    dice::Dice,
    errand::{Errand, Fate},
    plan::needs::{Means, Need},
    screens::Viewer,
    world::{Event, World},
};
use buckler::{
    domain::{
        id::IncidentId,
        incident::{Actor, Mode, Request, Snapshot, Source, command::Raise},
        time::Timestamp,
    },
    server::{
        clock::Clock,
        engine::{Engine, device::Origin},
    },
};
use std::time::Duration;

/// The most that somebody asks anew because it did not help.
const AGAIN_MOST: u8 = 5;

/// The need of this entry begins.
pub fn begins(world: &World, entry: usize, need: &Need, now: Timestamp) {
    let (presses, every) = match need.means {
        Means::App { taps } => (taps, Duration::ZERO),
        Means::Button { every, presses } => (presses, every),
        Means::Panel { every, signals, .. } => (signals, every),
    };
    for press in 0..presses {
        world.later(now + every * u32::from(press), Event::Presses(entry, press));
    }
    if let (Means::App { taps }, Mode::Live) = (need.means, need.mode) {
        looks_later(world, entry, taps - 1, now);
    }
}

/// The id of a press, which its device makes.
fn id_of(world: &World, number: usize, need: &Need, press: u8) -> IncidentId {
    let press = match need.means {
        Means::Panel { is_one_number: true, .. } => 0,
        _ => press,
    };
    IncidentId(uuid::Uuid::from_u128(
        u128::from(world.plan.seed) << 64
            | (number as u128) << 16
            | u128::from(press) << 8
            | 1 << 7,
    ))
}

/// Whether a press renews the one before it, which its person has not seen acknowledged.
fn renews(world: &World, id: IncidentId, need: &Need, press: u8) -> bool {
    let Means::App { taps } = need.means else { return false };
    press >= taps && Dice::new(world.plan.seed, &format!("renews/{id}")).chance(80)
}

/// Whether the messages of a home's panel may be forged.
fn is_unproven(world: &World, home: usize) -> bool {
    Dice::new(world.plan.seed, &format!("unproven/{home}")).chance(30)
}

/// Somebody presses, for the need of this entry. `clock` is the server's, while it is up.
pub fn presses(world: &World, entry: usize, press: u8, clock: Option<&Clock>) {
    let (number, need) = world.plan.need(entry);
    let origin = match need.means {
        Means::Button { .. } => {
            return world.pushes(&world.plan.homes[need.home].id, Asks::Help(need.request));
        }
        Means::App { .. } => Origin::Home,
        Means::Panel { .. } if is_unproven(world, need.home) => Origin::UnprovenPanel,
        Means::Panel { .. } => Origin::Panel,
    };
    let (id, now) = (id_of(world, number, need, press), world.truth());
    let home = world.lock(&world.peers).home(need.home, &world.plan);
    let (by, source, mode) = match origin {
        Origin::Home => (Viewer::Member(need.who).actor(), Source::Dashboard, need.mode),
        Origin::Panel | Origin::UnprovenPanel => {
            (Actor::Device { name: "panel".into() }, Source::Device, Mode::Live)
        }
    };
    let request = match (origin, need.request) {
        // Panels signal no sirens.
        (Origin::Panel | Origin::UnprovenPanel, Request::Siren) => Request::Police,
        (_, request) => request,
    };
    let raise = Raise {
        id,
        home: home.id.clone(),
        request,
        mode,
        drill_sirens: need.drill_sirens,
        source,
        by,
        after: renews(world, id, need, press).then(|| id_of(world, number, need, press - 1)),
        sent_at: clock.map(Clock::now),
        restricted_until: None,
        quiet: None,
        home_incident: None,
        snapshot: Snapshot::of(&home, world.plan.staffing.policy(), now),
    };
    world.ledger().tapped(&raise, now);
    Errand::begin(world, Errand::raise(raise, origin));
}

/// The household ends what it can.
pub fn finishes(world: &World, engine: &Engine) {
    for current in engine.view().running() {
        let home = current.incident.home.clone();
        Intent { who: Viewer::Member("ben"), home, does: Does::End }.carry_out(world);
    }
}

fn looks_later(world: &World, entry: usize, press: u8, now: Timestamp) {
    let (number, _) = world.plan.need(entry);
    let mut dice = Dice::new(world.plan.seed, &format!("look/{number}/{now}"));
    world.later(now + dice.ms(2_000, 20_000), Event::LooksAgain(entry, press));
}

/// Somebody gives up a request that was not acknowledged.
fn takes_back(world: &World, id: IncidentId, need: &Need) {
    let copy = world.lock(&world.errands).gives_up(id);
    let mut dice = Dice::new(world.plan.seed, &format!("copy/{id}"));
    // The network may still deliver a copy, however late.
    if let Some(number) = copy.filter(|_| dice.chance(60)) {
        world.later(world.truth() + dice.ms(100, 50_000), Event::Arrive(number));
    }
    let home = world.plan.homes[need.home].id.clone();
    Errand::begin(world, Errand::withdrawal(id, home, Viewer::Member(need.who).actor()));
}

/// Somebody looks whether their latest press helps, and asks again if it does not.
pub fn looks_again(world: &World, entry: usize, press: u8) {
    let (number, need) = world.plan.need(entry);
    let now = world.truth();
    let began = world.plan.begins_at(entry);
    let Means::App { taps } = need.means else { return };
    if now > began + need.lasts || press >= taps + AGAIN_MOST {
        return;
    }
    let id = id_of(world, number, need, press);
    let fate = world.lock(&world.errands).fate(id, now);
    let is_lost = match fate {
        Fate::OnItsWay => {
            let mut dice = Dice::new(world.plan.seed, &format!("gives up/{number}/{now}"));
            match dice.below(100) {
                0..25 => return takes_back(world, id, need),
                // “Yes, request help.”
                25..35 => {
                    world.lock(&world.errands).gives_up(id);
                    true
                }
                _ => false,
            }
        }
        Fate::NotSent => true,
        Fate::Arrived(incident) => {
            let who = Viewer::Member(need.who);
            let home = &world.plan.homes[need.home].id;
            let shown = world.lock(&world.screens).shown(world.plan.seed, &who, home, now);
            shown.is_some_and(|shown| {
                let shows = &shown.current.incident;
                shows.id == incident && shows.is_over()
            })
        }
    };
    if is_lost {
        world.later(now, Event::Presses(entry, press + 1));
    }
    looks_later(world, entry, press + u8::from(is_lost), now);
}
