//! Those who work on an incident elsewhere: a receiving center and responders.

use crate::{dice::Dice, errand::Errand, screens::Sight, world::World};
use buckler::domain::{
    incident::{
        Actor, DispatchState, Disposition, Report, Service, command::Command, effect::Effect,
    },
    time::Timestamp,
};
use std::time::Duration;

/// A receiving center works on the incident and reports late, twice or in the wrong order, and
/// sometimes reports its end.
pub fn reports(world: &World, services: &[Service], effect: &Effect, now: Timestamp) {
    let mut dice = Dice::new(world.plan.seed, &format!("report/{}", effect.key));
    let by = Actor::Outside { name: "Harbor".into() };
    // The clock of a center elsewhere may be wrong.
    let fast = if dice.chance(40) { dice.ms(0, 300_000) } else { Duration::ZERO };
    let say = |n: usize, report: Report, dice: &mut Dice| {
        for _ in 0..if dice.chance(15) { 2 } else { 1 } {
            let at = now + dice.ms(0, 240_000);
            let said = Command::Report {
                by: by.clone(),
                key: format!("{}-{n}", effect.key),
                said_at: at + fast,
                report: report.clone(),
            };
            let report = Errand::command(effect.incident, said, Duration::from_secs(3_600));
            // What it knows is what it was told when it speaks, at least this alarm.
            let sight = Sight { at, facts: effect.seq, open: None };
            Errand::begin_at(world, report.seen(sight), at);
        }
    };
    say(0, Report::Claimed, &mut dice);
    for (n, service) in services.iter().enumerate() {
        let states = [DispatchState::Accepted, DispatchState::EnRoute, DispatchState::OnScene];
        for (m, state) in states.into_iter().enumerate() {
            if dice.chance(60) {
                let moved = Report::Moved { service: *service, state, reference: None };
                say(10 * n + m + 1, moved, &mut dice);
            }
        }
    }
    if dice.chance(35) {
        say(99, Report::Ended { disposition: Disposition::HelpGiven }, &mut dice);
    }
}

/// Responders close everything in the end. Until then, reports come late, twice and in the wrong
/// order.
pub fn respond(world: &World, service: Service, effect: &Effect, now: Timestamp) {
    let mut dice = Dice::new(world.plan.seed, &format!("respond/{}", effect.key));
    let mut at = now;
    let rejected = dice.chance(10).then_some(DispatchState::Rejected);
    let forward = [
        DispatchState::Accepted,
        DispatchState::EnRoute,
        DispatchState::OnScene,
        DispatchState::Closed,
    ];
    for state in rejected.into_iter().chain(forward) {
        at = at + dice.ms(0, 120_000);
        let report = Command::Dispatch { service, state, reference: None };
        let patience = Duration::from_secs(48 * 3_600);
        Errand::begin_at(world, Errand::command(effect.incident, report, patience), at);
    }
}
