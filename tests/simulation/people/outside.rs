//! Those who work on an incident elsewhere: a receiving center and responders.

use crate::{dice::Dice, errand::Errand, plan::staffing::Elsewhere, screens::Sight, world::World};
use buckler::{
    domain::{
        id::IncidentId,
        incident::{
            Actor, DispatchState, Disposition, Mode, Report, Service, command::Command,
            effect::Effect,
        },
        time::Timestamp,
    },
    server::engine::Engine,
};
use std::time::Duration;

/// The receiving center reports this at that time. What it knows then is what it was told, at least
/// the alarm whose fact has this number.
fn says(
    world: &World,
    (incident, fact): (IncidentId, u32),
    key: String,
    (at, said_at): (Timestamp, Timestamp),
    report: Report,
) {
    let by = Actor::Outside { name: "Harbor".into() };
    let report = Command::Report { by, key, said_at, report };
    let errand = Errand::command(incident, report, Duration::from_secs(3_600));
    Errand::begin_at(world, errand.seen(Sight { at, facts: fact, open: None }), at);
}

/// A receiving center works on the incident and reports late, twice or in the wrong order, and
/// sometimes reports its end.
pub fn reports(world: &World, services: &[Service], effect: &Effect, now: Timestamp) {
    let mut dice = Dice::new(world.plan.seed, &format!("report/{}", effect.key));
    let elsewhere = world.plan.staffing.elsewhere;
    // The clock of a center elsewhere may be wrong.
    let fast = if dice.chance(40) { dice.ms(0, 300_000) } else { Duration::ZERO };
    let say = |n: usize, report: Report, dice: &mut Dice| {
        for _ in 0..if dice.chance(15) { 2 } else { 1 } {
            let at = now + dice.ms(0, 240_000);
            let key = format!("{}-{n}", effect.key);
            says(world, (effect.incident, effect.seq), key, (at, at + fast), report.clone());
        }
    };
    if matches!(elsewhere, Elsewhere::Acknowledges | Elsewhere::Engine { .. }) {
        return;
    }
    say(0, Report::Claimed, &mut dice);
    if elsewhere == Elsewhere::Claims {
        return;
    }
    for (n, service) in services.iter().enumerate() {
        let states = [DispatchState::Accepted, DispatchState::EnRoute, DispatchState::OnScene];
        for (m, state) in states.into_iter().enumerate() {
            if dice.chance(60) {
                let moved = Report::Moved { service: *service, state, reference: None };
                say(10 * n + m + 1, moved, &mut dice);
            }
        }
    }
    if dice.chance(50) {
        say(99, Report::Ended { disposition: Disposition::HelpGiven }, &mut dice);
    }
}

/// In the end the receiving center reports the end of what it was told.
pub fn finishes(world: &World, engine: &Engine, now: Timestamp) {
    if world.plan.staffing.has_engine_elsewhere() {
        return;
    }
    for current in engine.view().running() {
        let (id, mode) = (current.incident.id, current.incident.mode);
        let knows = world.ledger().center_knows(id);
        if knows > 0 && mode == Mode::Live {
            let ended = Report::Ended { disposition: Disposition::HelpGiven };
            // By the clock of the server: this center has asked for it.
            let server = current.incident.touched_at + Duration::from_secs(1);
            says(world, (id, knows), format!("{id}-end-{now}"), (now, server), ended);
        }
    }
}

/// The server finds the incident that a report names only by its home, as `src/server/http/reports.rs`
/// does. Returns whether there is one. What the center said of another incident must end none (I24).
pub fn is_named(
    world: &World,
    engine: &Engine,
    now: Timestamp,
    (incident, command, sight): (&mut IncidentId, &mut Command, &mut Sight),
) -> bool {
    let Command::Report { report, said_at, .. } = command else { return true };
    let ledger = world.ledger();
    let Some(home) = ledger.home_of(*incident) else { return false };
    let running = engine.view().running_in(&home);
    let found = ledger.meant_by_account(*incident, running.as_deref(), *said_at, now);
    let Some(found) = found else { return false };
    if found.incident != *incident {
        *sight = Sight { facts: 0, open: Some("I24/account"), ..*sight };
        *incident = found.incident;
    }
    if !found.is_sure {
        *report = Report::Unnamed { said: Box::new(report.clone()) };
    }
    true
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
        let (request, reference) = (effect.seq, None);
        let report = Command::Dispatch { service, request, state, reference };
        let patience = Duration::from_secs(48 * 3_600);
        Errand::begin_at(world, Errand::command(effect.incident, report, patience), at);
    }
}
