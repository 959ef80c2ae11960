//! The sirens behind the broker, as currently configured.

use super::{desired_state::ReportedState, settings::BoundSiren};
use crate::domain::id::{DeviceId, HomeId};
use std::{
    collections::HashMap,
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
}

/// All sirens behind the broker.
#[derive(Default)]
pub(super) struct Registry {
    pub sirens: Vec<Arc<Siren>>,
    by_device: HashMap<(HomeId, DeviceId), usize>,
    by_topic: HashMap<String, usize>,
    by_home: HashMap<HomeId, Vec<usize>>,
}

impl Registry {
    /// Creates a registry of these sirens. A siren whose configuration has not changed keeps its
    /// state.
    pub fn of(all: Vec<BoundSiren>, before: &Self) -> Self {
        let known = |binding: BoundSiren| {
            let same = before
                .siren(&binding.home, &binding.device)
                .filter(|siren| siren.binding == binding);
            same.unwrap_or_else(|| {
                Arc::new(Siren {
                    binding,
                    state: Mutex::default(),
                    changed: watch::Sender::new(()),
                })
            })
        };
        let sirens: Vec<Arc<Siren>> = all.into_iter().map(known).collect();
        let numbered = || sirens.iter().map(|siren| &siren.binding).enumerate();
        let mut by_home: HashMap<HomeId, Vec<usize>> = HashMap::new();
        numbered().for_each(|(n, s)| by_home.entry(s.home.clone()).or_default().push(n));
        Self {
            by_home,
            by_device: numbered().map(|(n, s)| ((s.home.clone(), s.device.clone()), n)).collect(),
            by_topic: numbered()
                .flat_map(|(n, s)| {
                    s.profile.topics(&s.name).into_iter().map(move |topic| (topic, n))
                })
                .collect(),
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

    /// The siren that publishes to this topic.
    pub fn speaking(&self, topic: &str) -> Option<&Arc<Siren>> {
        self.by_topic.get(topic).map(|n| &self.sirens[*n])
    }

    /// Every topic to which a siren publishes.
    pub fn topics(&self) -> impl Iterator<Item = &String> {
        self.by_topic.keys()
    }

    pub fn hears(&self, topic: &str) -> bool {
        self.by_topic.contains_key(topic)
    }
}
