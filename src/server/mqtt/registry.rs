//! The sirens behind the broker, as currently configured.

use super::{desired_state::ReportedState, settings::BoundSiren};
use crate::domain::{
    id::{DeviceId, HomeId},
    incident::effect::{Effect, EffectKind},
    time::Timestamp,
};
use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, PoisonError},
};
use tokio::sync::watch;

/// A siren behind the broker.
pub(super) struct Siren {
    pub binding: BoundSiren,
    state: Mutex<ReportedState>,
    pub changed: watch::Sender<()>,
}

impl Siren {
    /// A message whose handling panicked does not take the siren from its home.
    pub fn with_state<T>(&self, then: impl FnOnce(&mut ReportedState) -> T) -> T {
        then(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub fn is_done(&self, key: &str) -> bool {
        self.with_state(|state| state.is_done(key, &self.binding.profile))
    }

    fn is_over(&self, now: Timestamp) -> bool {
        self.with_state(|state| state.is_over(now, &self.binding.profile))
    }

    fn is(&self, home: &HomeId, device: &DeviceId) -> bool {
        self.binding.home == *home && self.binding.device == *device
    }

    fn shares_a_topic(&self, other: &Self) -> bool {
        let topics: Vec<String> = self.binding.topics().collect();
        other.binding.topics().any(|topic| topics.contains(&topic))
    }
}

/// All sirens behind the broker.
#[derive(Default)]
pub(super) struct Registry {
    pub sirens: Vec<Arc<Siren>>,
    /// Sirens that owners removed or bound anew while they sounded. They get their OFF as they were
    /// told to sound, and are kept until then.
    replaced: Vec<Arc<Siren>>,
    by_device: HashMap<(HomeId, DeviceId), usize>,
    by_topic: BTreeMap<String, Vec<Arc<Siren>>>,
    by_home: HashMap<HomeId, Vec<usize>>,
}

impl Registry {
    /// Creates a registry of these sirens. A siren whose configuration has not changed keeps its
    /// state.
    pub fn of(all: Vec<BoundSiren>, before: &Self, now: Timestamp) -> Self {
        let known = |binding: BoundSiren| {
            let same = before
                .siren(&binding.home, &binding.device)
                .filter(|siren| siren.binding == binding);
            // The choice before the last one may have come back.
            let again = || before.replaced.iter().find(|siren| siren.binding == binding).cloned();
            same.or_else(again).unwrap_or_else(|| {
                Arc::new(Siren {
                    binding,
                    state: Mutex::default(),
                    changed: watch::Sender::new(()),
                })
            })
        };
        let sirens: Vec<Arc<Siren>> = all.into_iter().map(known).collect();
        let is_kept = |siren: &&Arc<Siren>| {
            !sirens.iter().any(|kept| Arc::ptr_eq(kept, siren)) && !siren.is_over(now)
        };
        let replaced: Vec<_> = before.all().filter(is_kept).cloned().collect();
        let mut by_topic: BTreeMap<String, Vec<Arc<Siren>>> = BTreeMap::new();
        for siren in sirens.iter().chain(&replaced) {
            for topic in siren.binding.profile.topics(&siren.binding.name) {
                by_topic.entry(topic).or_default().push(siren.clone());
            }
        }
        let numbered = || sirens.iter().map(|siren| &siren.binding).enumerate();
        let mut by_home: HashMap<HomeId, Vec<usize>> = HashMap::new();
        numbered().for_each(|(n, s)| by_home.entry(s.home.clone()).or_default().push(n));
        Self {
            by_home,
            by_device: numbered().map(|(n, s)| ((s.home.clone(), s.device.clone()), n)).collect(),
            by_topic,
            replaced,
            sirens,
        }
    }

    pub fn siren(&self, home: &HomeId, device: &DeviceId) -> Option<Arc<Siren>> {
        self.by_device.get(&(home.clone(), device.clone())).map(|n| self.sirens[*n].clone())
    }

    /// The sirens of a home.
    pub fn of_home(&self, home: &HomeId) -> impl Iterator<Item = &Arc<Siren>> {
        self.by_home.get(home).into_iter().flatten().map(|n| &self.sirens[*n])
    }

    /// The sirens, and those that were replaced while they sounded.
    pub fn all(&self) -> impl Iterator<Item = &Arc<Siren>> {
        self.sirens.iter().chain(&self.replaced)
    }

    /// The sirens that a command is for. OFF is also for those that the device had before.
    pub fn targets(&self, effect: &Effect, now: Timestamp) -> Vec<Arc<Siren>> {
        let (device, off) = match &effect.kind {
            EffectKind::SirenOn { device, .. } => (device, false),
            EffectKind::SirenOff { device } => (device, true),
            _ => return Vec::new(),
        };
        let had_it = |siren: &&Arc<Siren>| {
            off && siren.is(&effect.home, device) && !self.is_taken_over(siren, now)
        };
        let replaced = self.replaced.iter().filter(had_it).cloned();
        self.siren(&effect.home, device).into_iter().chain(replaced).collect()
    }

    /// Whether a replaced siren has the topics of a siren that sounds for another incident. Then it
    /// is told nothing: its OFF would end that alarm.
    pub fn is_taken_over(&self, siren: &Arc<Siren>, now: Timestamp) -> bool {
        if !self.replaced.iter().any(|replaced| Arc::ptr_eq(replaced, siren)) {
            return false;
        }
        let Some(incident) = siren.with_state(|state| state.incident()) else { return false };
        self.sirens.iter().any(|other| {
            other.with_state(|state| state.sounds_for_another(incident, now))
                && other.shares_a_topic(siren)
        })
    }

    /// Whether sirens were replaced while they sounded.
    pub fn has_replaced(&self) -> bool {
        !self.replaced.is_empty()
    }

    /// Whether the command of a replaced siren is over.
    pub fn has_more_than_needed(&self, now: Timestamp) -> bool {
        self.replaced.iter().any(|siren| siren.is_over(now))
    }

    /// The sirens that publish to this topic. Only replaced ones share it with another.
    pub fn speaking(&self, topic: &str) -> &[Arc<Siren>] {
        self.by_topic.get(topic).map_or(&[], Vec::as_slice)
    }

    /// Every topic to which a siren publishes.
    pub fn topics(&self) -> impl Iterator<Item = &String> {
        self.by_topic.keys()
    }

    pub fn hears(&self, topic: &str) -> bool {
        self.by_topic.contains_key(topic)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::{
            id::IncidentId,
            incident::{Mode, effect::Sound},
        },
        server::mqtt::profile::{DeviceReport, known},
    };

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_millis(1_790_000_000_000 + seconds * 1_000)
    }

    fn bound(device: &str, name: &str) -> BoundSiren {
        BoundSiren {
            home: "maple-street".parse().unwrap(),
            device: device.parse().unwrap(),
            name: name.into(),
            kind: "tasmota".into(),
            profile: known().remove("tasmota").unwrap().into(),
            silent_after: None,
            chosen: true,
        }
    }

    fn effect(incident: u128, seq: u32, device: &str, on: bool) -> Effect {
        let device: DeviceId = device.parse().unwrap();
        let kind = match on {
            true => EffectKind::SirenOn { device, until: at(240), sound: Sound::Alarm },
            false => EffectKind::SirenOff { device },
        };
        let incident = IncidentId(uuid::Uuid::from_u128(incident));
        Effect {
            key: format!("{incident}/{seq}/{on}"),
            incident,
            home: "maple-street".parse().unwrap(),
            seq,
            decided_at: Timestamp::default(),
            mode: Mode::Live,
            not_after: on.then(|| at(60)),
            kind,
        }
    }

    fn names(registry: &Registry, effect: &Effect, now: u64) -> Vec<String> {
        let targets = registry.targets(effect, at(now));
        targets.iter().map(|siren| siren.binding.name.clone()).collect()
    }

    /// A registry whose base station sounds for incident 1.
    fn sounding() -> Registry {
        let registry = Registry::of(vec![bound("base", "a")], &Registry::default(), at(0));
        let on = effect(1, 3, "base", true);
        assert!(registry.sirens[0].with_state(|state| state.take(&on, at(0))));
        registry
    }

    #[test]
    fn replaced_siren_gets_its_off_and_no_on() {
        let (on, off) = (effect(1, 7, "base", true), effect(1, 9, "base", false));
        let removed = Registry::of(Vec::new(), &sounding(), at(10));
        assert_eq!(names(&removed, &off, 10), ["a"]);
        assert!(removed.hears("stat/a/POWER"), "its proof that it is quiet");
        let bound_anew = Registry::of(vec![bound("base", "b")], &sounding(), at(10));
        assert_eq!(names(&bound_anew, &on, 10), ["b"]);
        assert_eq!(names(&bound_anew, &off, 10), ["b", "a"]);
        assert_eq!(names(&bound_anew, &effect(1, 9, "hall", false), 10), [""; 0]);
    }

    #[test]
    fn replaced_siren_is_kept_until_its_command_is_over() {
        let gone = Registry::of(Vec::new(), &sounding(), at(10));
        let off = effect(1, 9, "base", false);
        let still = Registry::of(Vec::new(), &gone, at(300));
        assert!(!still.has_more_than_needed(at(300)) && still.has_more_than_needed(at(301)));
        assert_eq!(names(&Registry::of(Vec::new(), &still, at(301)), &off, 301), [""; 0]);
        // It is quiet: nothing more is to be sent.
        let siren = &gone.targets(&off, at(20))[0];
        siren.with_state(|state| {
            state.take(&off, at(20));
            let say = state.to_say(at(20), &siren.binding.profile).unwrap();
            state.on_sent(&say, at(20), &siren.binding.profile);
            state.heard(DeviceReport::Sounds(false, None), false, at(20));
        });
        assert!(gone.has_more_than_needed(at(20)));
        // The owner takes the choice back: the siren still has its command.
        let kept = Registry::of(
            vec![bound("base", "a")],
            &Registry::of(Vec::new(), &sounding(), at(1)),
            at(2),
        );
        assert!(kept.sirens[0].with_state(|state| state.incident()).is_some());
    }

    /// I31. The same siren under the name of another device.
    #[test]
    fn replaced_siren_ends_no_alarm_of_its_successor() {
        let registry = Registry::of(vec![bound("hall", "a")], &sounding(), at(10));
        let off = effect(1, 9, "base", false);
        assert_eq!(names(&registry, &off, 10), ["a"]);
        let next = effect(2, 3, "hall", true);
        assert!(registry.sirens[0].with_state(|state| state.take(&next, at(11))));
        assert_eq!(names(&registry, &off, 11), [""; 0]);
        assert_eq!(names(&registry, &off, 240), ["a"], "that one is over");
    }
}
