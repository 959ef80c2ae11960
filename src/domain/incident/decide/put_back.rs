//! Decides on the incidents of a database that was put back: a backup, or a copy.

use super::{Decision, Draft};
use crate::domain::{
    incident::{
        Actor, Disposition, Incident, Service, State,
        effect::{Effect, EffectKind, Signal},
        event::Event,
    },
    time::Timestamp,
};

/// Decides on a running incident of a database that was put back (I32). Nobody knows what happened
/// since the copy was made, so nothing acts by itself: calls end, sirens are given up, and a person
/// looks at it first. Timers that are due do not fire. `left` are the effects that were still to be
/// carried out when the copy was made.
pub fn put_back(incident: &Incident, left: &[&Effect], now: Timestamp) -> Decision {
    let mut draft = Draft::of(incident, now);
    draft.withhold(left);
    // Not even OFF: a siren may sound for an incident that this database does not know.
    draft.effects.retain(|effect| matches!(effect.kind, EffectKind::Notify { .. }));
    Decision { facts: draft.facts, effects: draft.effects, after: draft.incident, refusal: None }
}

impl Draft {
    fn withhold(&mut self, left: &[&Effect]) {
        self.stop_sirens();
        match self.incident.state {
            State::SirenSounding => self.close(Actor::Buckler, Disposition::SirenOver),
            State::Dispatching if self.incident.calls_withheld => {}
            State::CountingDown { .. } | State::Verifying(_) | State::Dispatching => {
                self.found_late(true);
            }
            State::UnderReview | State::Aborted { .. } | State::Cancelled | State::Closed => {}
        }
        for effect in left {
            let services: &[Service] = match &effect.kind {
                EffectKind::RequestDispatch { service } => std::slice::from_ref(service),
                EffectKind::SignalReceiver { signal: Signal::Alarm, services, .. } => services,
                _ => continue,
            };
            let asked: Vec<&str> = services.iter().map(|service| word(*service)).collect();
            let text = format!(
                "When this database was copied, {} had still to be requested. Whether that happened is not known: call the emergency number",
                asked.join(", ")
            );
            self.push(Event::Noted { by: Actor::Buckler, text, shown: false });
        }
    }
}

const fn word(service: Service) -> &'static str {
    match service {
        Service::Police => "police",
        Service::Fire => "the fire service",
        Service::Medical => "medical help",
    }
}
