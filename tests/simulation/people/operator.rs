//! The operator at the console: claims, dials, reports what responders do, closes, and may leave.

use super::{Does, Intent, Step};
use crate::{
    dice::Dice,
    errand::Errand,
    line::Side,
    screens::Viewer,
    world::{Event, World},
};
use buckler::{
    domain::{
        id::CallId,
        incident::{
            Actor, CenterMode, DispatchState, Incident, Mode, State,
            command::{Command, NotReached},
            effect::Effect,
        },
        time::Timestamp,
    },
    server::engine::Engine,
};
use std::time::Duration;

/// The operator.
pub const OLGA: Viewer = Viewer::Operator("olga");
/// The server ends the claim of an operator whose console is silent for so long: as `LEASE` in
/// `src/server/monitoring/presence.rs`.
const LEASE: Duration = Duration::from_secs(45);

/// Whether the console shows an incident: the center has operators, or the incident was found late.
pub fn is_open(incident: &Incident) -> bool {
    incident.mode == Mode::Live
        && match incident.state {
            State::UnderReview => true,
            State::Verifying(_) | State::Dispatching => {
                incident.snapshot.policy.center == CenterMode::Operators
            }
            _ => false,
        }
}

/// An incident is offered to operators.
pub fn is_offered(world: &World, effect: &Effect, now: Timestamp) {
    let Some(habits) = world.plan.staffing.operator else { return };
    let mut dice = Dice::new(world.plan.seed, &format!("claim/{}", effect.key));
    if !dice.chance(80) {
        return;
    }
    let claims = now + dice.ms(500, 110_000);
    let leaves = habits.leaves.map(|after| claims + after);
    let does = |at: Timestamp, does| {
        if leaves.is_none_or(|leaves| at < leaves) {
            Intent { who: OLGA, home: effect.home.clone(), does }.at(world, at);
        }
    };
    does(claims, Does::Claim);
    let said = claims + habits.dials;
    let call = CallId { incident: effect.incident, number: 1 };
    match dice.below(10) {
        0..4 => does(said, Does::Call(call, Step::Confirm)),
        4..6 => does(said, Does::Call(call, Step::CallOff { authenticated: true })),
        6..8 => {
            does(said, Does::Call(call, Step::Answer));
            does(said + dice.ms(1_000, 110_000), Does::Call(call, Step::Confirm));
        }
        8 => does(said, Does::Call(call, Step::NotReached(NotReached::NoAnswer))),
        _ => {}
    }
    let mut at = said;
    for state in [DispatchState::Accepted, DispatchState::EnRoute, DispatchState::OnScene] {
        at = at + dice.ms(1_000, 120_000);
        does(at, Does::Moves(effect.incident, state));
    }
    if dice.chance(50) {
        does(at + dice.ms(1_000, 200_000), Does::Close(effect.incident));
    }
    if let Some(leaves) = leaves {
        world.later(leaves + LEASE, Event::LeaseEnds);
        let mut there_until = world.lock(&world.operator_there_until);
        *there_until = leaves.max(*there_until);
    }
}

/// The server releases whatever an operator holds who has left: she may have claimed another
/// incident than the one that she was offered. As `watch_leases` in
/// `src/server/monitoring/presence.rs`.
pub fn lease_ends(world: &World, engine: &Engine) {
    let leaves = world.plan.staffing.operator.is_some_and(|operator| operator.leaves.is_some());
    let is_silent = world.truth() >= *world.lock(&world.operator_there_until) + LEASE;
    if !leaves || !is_silent || world.is_aftermath() {
        return;
    }
    for current in engine.view().running() {
        if current.incident.assignee == Some(OLGA.actor()) {
            let release = Command::Release { by: Actor::Center, from: OLGA.actor() };
            Errand::begin(world, Errand::command(current.incident.id, release, Duration::ZERO));
        }
    }
}

/// Somebody looks whether an incident that was found late waits for a decision (R22).
pub fn looks(world: &World, engine: &Engine) {
    lease_ends(world, engine);
    let operator = world.plan.staffing.operator;
    let is_there = operator.is_some_and(|operator| operator.leaves.is_none())
        || world.line(Side::Center).is_some();
    for current in engine.view().running() {
        let number = current.incident.id.0.as_u128();
        let who = if is_there || world.is_aftermath() { OLGA } else { Viewer::Member("ada") };
        if matches!(current.incident.state, State::UnderReview) {
            let does = Does::Review { proceed: number.is_multiple_of(3) };
            Intent { who, home: current.incident.home.clone(), does }.carry_out(world);
        }
    }
}

/// In the end everybody comes back and finishes what their screens show.
pub fn finishes(world: &World, engine: &Engine) {
    for current in engine.view().running() {
        let incident = &current.incident;
        let home = &incident.home;
        let does = |who, does| Intent { who, home: home.clone(), does }.carry_out(world);
        if is_open(incident) && !matches!(incident.state, State::UnderReview) {
            match incident.assignee {
                None => does(OLGA, Does::Claim),
                Some(_) => does(OLGA, Does::Close(incident.id)),
            }
        } else {
            does(Viewer::Member("ben"), Does::End);
        }
    }
}
