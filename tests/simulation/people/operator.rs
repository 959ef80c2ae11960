//! Operators at the console.

use super::{Does, Intent};
use crate::{dice::Dice, screens::Viewer, world::World};
use buckler::{
    domain::{
        incident::{CenterMode, Incident, Mode, State, effect::Effect},
        time::Timestamp,
    },
    server::engine::Engine,
};

/// The operator on duty.
const OLGA: Viewer = Viewer::Operator("olga");

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
    let mut dice = Dice::new(world.plan.seed, &format!("claim/{}", effect.key));
    if !dice.chance(60) {
        return;
    }
    let does = |does| Intent { who: OLGA, home: effect.home.clone(), does };
    let claims = now + dice.ms(500, 120_000);
    does(Does::Claim).at(world, claims);
    if dice.chance(30) {
        does(Does::Close(effect.incident)).at(world, claims + dice.ms(60_000, 400_000));
    }
}

/// The operator looks whether something waits for a decision (R22).
pub fn looks(world: &World, engine: &Engine) {
    for current in engine.view().running() {
        if matches!(current.incident.state, State::UnderReview) {
            let does = Does::Review { proceed: current.incident.id.0.as_u128() % 3 == 0 };
            Intent { who: OLGA, home: current.incident.home.clone(), does }.carry_out(world);
        }
    }
}
