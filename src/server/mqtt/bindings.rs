//! The siren bindings that owners chose, and the health of all devices behind the broker.

use super::{
    BindingError, MqttDevices, OUTAGE, SirenError,
    keypad::ButtonSettings,
    registry::Registry,
    settings::{BoundSiren, Settings},
};
use crate::domain::{
    device::{DeviceFault, Health, SirenBinding},
    id::{DeviceId, HomeId},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, MutexGuard, PoisonError},
    time::Duration,
};

/// The health of a device behind the broker.
pub struct Diagnostics {
    /// The device or camera, or the name of a button.
    pub who: Result<DeviceId, String>,
    /// What it reported last.
    pub health: Health,
    /// Its current problems.
    pub faults: Vec<DeviceFault>,
}

impl MqttDevices {
    /// Applies the siren bindings that owners chose: those of these homes, and those of all homes
    /// from earlier calls.
    ///
    /// # Errors
    /// The invalid choices. Their sirens get no commands; all others work.
    pub fn rebind(
        &self,
        homes: impl IntoIterator<Item = (HomeId, Vec<SirenBinding>)>,
    ) -> Result<(), Vec<BindingError>> {
        let mut chosen = self.chosen();
        chosen.extend(homes);
        chosen.retain(|_, bindings| !bindings.is_empty());
        let (all, wrongs) = self.with_chosen(&*chosen);
        let before = self.registry();
        let now = Arc::new(Registry::of(all, &before, self.clock.now()));
        *self.registry.write().expect("no writer panics") = now.clone();
        if let Some(client) = self.client() {
            // If the queue is full, the next connection subscribes to everything.
            let new = now
                .topics()
                .filter(|topic| !before.hears(topic))
                .map(|topic| client.subscribe(topic));
            let old = before
                .topics()
                .filter(|topic| !now.hears(topic))
                .map(|topic| client.unsubscribe(topic));
            if let Some(error) = new.chain(old).find_map(Result::err) {
                tracing::warn!(%error, "could not update the subscriptions at the broker");
            }
        }
        if wrongs.is_empty() { Ok(()) } else { Err(wrongs) }
    }

    /// Forgets replaced sirens whose command is over.
    pub(super) fn forget_replaced(&self) {
        if self.registry().has_more_than_needed(self.clock.now()) {
            // The owner was told about an invalid choice when they made it.
            let _ = self.rebind([]);
        }
    }

    /// Waits until no other choice is being made. Hold the returned value from
    /// [`Self::check_bindings`] until the choice is stored: otherwise two homes could choose the
    /// same name at the same time.
    pub async fn choose_alone(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.choosing.lock().await
    }

    /// Checks the siren bindings that an owner chose for a home. Names that other homes have are
    /// taken.
    ///
    /// # Errors
    /// Why it is not allowed; its sentence is for the owner.
    pub fn check_bindings(
        &self,
        home: &HomeId,
        bindings: &[SirenBinding],
    ) -> Result<(), SirenError> {
        let chosen = self.chosen().clone();
        let others = chosen.iter().filter(|(other, _)| *other != home);
        // The last one is refused what another one has.
        let (_, wrongs) = self.with_chosen(others.chain([(home, &bindings.to_vec())]));
        let wrong = wrongs.into_iter().find(|wrong| wrong.home == *home);
        wrong.map_or(Ok(()), |wrong| Err(wrong.source))
    }

    /// A choice whose check panicked does not keep others from choosing.
    fn chosen(&self) -> MutexGuard<'_, BTreeMap<HomeId, Vec<SirenBinding>>> {
        self.chosen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with_chosen<'a>(
        &self,
        chosen: impl IntoIterator<Item = (&'a HomeId, &'a Vec<SirenBinding>)>,
    ) -> (Vec<BoundSiren>, Vec<BindingError>) {
        let all: Vec<_> = chosen
            .into_iter()
            .flat_map(|(home, bindings)| {
                bindings.iter().map(|binding| (home.clone(), binding.clone()))
            })
            .collect();
        // The settings were checked at startup and do not change.
        self.settings.with_chosen(&all).unwrap_or_default()
    }

    /// The settings.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The settings of a button, by its topic.
    pub fn button(&self, topic: &str) -> Option<&ButtonSettings> {
        self.buttons.get(topic).map(|button| &button.settings)
    }

    /// The binding of a siren, if it is behind the broker.
    pub fn binding(&self, home: &HomeId, device: &DeviceId) -> Option<BoundSiren> {
        self.registry().siren(home, device).map(|siren| siren.binding.clone())
    }

    /// Every home that has a device behind the broker.
    pub fn homes(&self) -> BTreeSet<HomeId> {
        let buttons = self.buttons.values().map(|button| button.settings.home.clone());
        self.registry()
            .sirens
            .iter()
            .map(|siren| siren.binding.home.clone())
            .chain(buttons)
            .collect()
    }

    /// The health of each of a home's devices behind the broker.
    pub fn diagnostics(&self, home: &HomeId) -> Vec<Diagnostics> {
        let registry = self.registry();
        let sirens = registry.of_home(home).map(|siren| {
            let health = siren.with_state(|state| state.health);
            Diagnostics {
                who: Ok(siren.binding.device.clone()),
                faults: self.faults(&health, siren.binding.silent_after),
                health,
            }
        });
        let buttons =
            self.buttons.values().filter(|button| button.settings.home == *home).map(|button| {
                let health = button.health();
                let faults = self.faults(&health, button.settings.heartbeat_timeout);
                Diagnostics { who: Err(button.settings.name.clone()), health, faults }
            });
        sirens.chain(buttons).collect()
    }

    pub(super) fn faults(
        &self,
        health: &Health,
        silent_after: Option<Duration>,
    ) -> Vec<DeviceFault> {
        let (now, link) = (self.clock.now(), self.link.lock().expect("no holder panics"));
        match &link.client {
            Some(_) => health.faults(link.listening_since, now, silent_after),
            None if now.since(link.since) > OUTAGE => vec![DeviceFault::Offline],
            None => Vec::new(),
        }
    }
}
