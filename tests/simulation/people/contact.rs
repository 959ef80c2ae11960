//! Emergency contacts: they answer or not, decide or not, and may do it twice, late, or in the wrong
//! order.

use super::{Does, Intent, Step};
use crate::{dice::Dice, screens::Viewer, world::World};
use buckler::domain::{
    id::{CallId, ContactId, HomeId},
    incident::command::NotReached,
    time::Timestamp,
};

/// The telephone of a contact rings.
pub fn rings(
    world: &World,
    home: &HomeId,
    contact: &ContactId,
    call: CallId,
    key: &str,
    now: Timestamp,
) {
    let mut dice = Dice::new(world.plan.seed, &format!("call/{key}"));
    if !dice.chance(world.plan.staffing.open_pages) {
        return;
    }
    let say = |at: Timestamp, step: Step| {
        let who = Viewer::Contact(contact.clone());
        Intent { who, home: home.clone(), does: Does::Call(call, step) }.at(world, at);
    };
    if dice.chance(10) {
        let who = Viewer::Contact(contact.clone());
        let hangs = now + dice.ms(5_000, 60_000);
        world.lock(&world.screens).freeze(home.clone(), who, now + dice.ms(0, 5_000), hangs);
    }
    let rings = now + dice.ms(200, 36_000);
    match dice.below(10) {
        0 | 1 => {}
        2 => {
            let why = [NotReached::Busy, NotReached::Voicemail, NotReached::Failed];
            say(rings, Step::NotReached(dice.pick(&why)));
        }
        3 => {
            say(rings, Step::Answer);
            say(rings + dice.ms(100, 90_000), Step::HangUp);
        }
        4 => say(rings, Step::Answer),
        kind => {
            if dice.chance(85) {
                say(rings, Step::Answer);
            }
            let decided = rings + dice.ms(100, 70_000);
            say(
                decided,
                match kind {
                    5 | 6 => Step::Confirm,
                    7 => Step::CallOff { authenticated: false },
                    _ => Step::CallOff { authenticated: true },
                },
            );
            if dice.chance(15) {
                let authenticated = dice.chance(50);
                say(decided + dice.ms(0, 3_000), Step::CallOff { authenticated });
            }
        }
    }
}
