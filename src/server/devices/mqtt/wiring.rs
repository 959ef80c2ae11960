//! How sirens are spoken to, as owners chose it, and how everything behind the broker is.

use super::{
    MqttDevices, OUTAGE,
    fleet::Fleet,
    keys::ButtonSettings,
    settings::{Settings, Spoken, Wrong},
};
use crate::domain::{
    device::{Health, Trouble, Wire},
    id::{DeviceId, HomeId},
};
use rumqttc::QoS;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

/// How a device behind the broker is.
pub struct Look {
    /// The device or camera, or the name of a button.
    pub who: Result<DeviceId, String>,
    /// What it said.
    pub health: Health,
    /// What is wrong.
    pub troubles: Vec<Trouble>,
}

impl MqttDevices {
    /// How owners chose to speak to sirens, of these homes and of all that were told before.
    ///
    /// # Errors
    /// Each choice that cannot be: that siren is not spoken to, and all others are.
    pub fn rewire(&self, homes: impl IntoIterator<Item = (HomeId, Vec<Wire>)>) -> Result<(), Vec<Wrong>> {
        let mut chosen = self.chosen.lock().expect("no holder panics");
        chosen.extend(homes);
        chosen.retain(|_, wires| !wires.is_empty());
        let (all, wrongs) = self.with_chosen(&chosen);
        let before = self.fleet();
        let now = Arc::new(Fleet::of(all, &before));
        *self.fleet.write().expect("no writer panics") = now.clone();
        if let Some(client) = self.client() {
            // A connection that is full ends, and the next one subscribes to everything.
            let new = now.topics().filter(|topic| !before.hears(topic)).map(|topic| client.try_subscribe(topic.clone(), QoS::AtLeastOnce));
            let old = before.topics().filter(|topic| !now.hears(topic)).map(|topic| client.try_unsubscribe(topic.clone()));
            if let Some(error) = new.chain(old).find_map(Result::err) {
                tracing::warn!(%error, "the broker was not told which sirens there are");
            }
        }
        if wrongs.is_empty() { Ok(()) } else { Err(wrongs) }
    }

    /// Whether the owners of a home may choose so.
    ///
    /// # Errors
    /// Why not, in a sentence for whoever chose.
    pub fn may_wire(&self, home: &HomeId, wires: &[Wire]) -> Result<(), String> {
        let mut chosen = self.chosen.lock().expect("no holder panics").clone();
        chosen.insert(home.clone(), wires.to_vec());
        let wrong = self.with_chosen(&chosen).1.into_iter().find(|wrong| wrong.home == *home);
        wrong.map_or(Ok(()), |wrong| Err(wrong.because))
    }

    fn with_chosen(&self, chosen: &BTreeMap<HomeId, Vec<Wire>>) -> (Vec<Spoken>, Vec<Wrong>) {
        let all: Vec<_> = chosen.iter().flat_map(|(home, wires)| wires.iter().map(|wire| (home.clone(), wire.clone()))).collect();
        // The settings were good when the server started, and do not change.
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

    /// How a siren is spoken to, if it is behind the broker.
    pub fn spoken(&self, home: &HomeId, device: &DeviceId) -> Option<Spoken> {
        self.fleet().siren(home, device).map(|siren| siren.spoken.clone())
    }

    /// Every home that has something behind the broker.
    pub fn homes(&self) -> BTreeSet<HomeId> {
        let buttons = self.buttons.values().map(|button| button.settings.home.clone());
        self.fleet().sirens.iter().map(|siren| siren.spoken.home.clone()).chain(buttons).collect()
    }

    /// How everything of a home is that is behind the broker.
    pub fn looks(&self, home: &HomeId) -> Vec<Look> {
        let fleet = self.fleet();
        let sirens = fleet.of_home(home).map(|siren| {
            let health = siren.know(|known| known.health);
            Look { who: Ok(siren.spoken.device.clone()), troubles: self.troubles(&health, siren.spoken.silent_after), health }
        });
        let buttons = self.buttons.values().filter(|button| button.settings.home == *home).map(|button| {
            let health = button.health();
            let troubles = self.troubles(&health, button.settings.silent_seconds.map(Duration::from_secs));
            Look { who: Err(button.settings.name.clone()), health, troubles }
        });
        sirens.chain(buttons).collect()
    }

    pub(super) fn troubles(&self, health: &Health, silent_after: Option<Duration>) -> Vec<Trouble> {
        let (now, link) = (self.clock.now(), self.link.lock().expect("no holder panics"));
        match &link.client {
            Some(_) => health.troubles(link.listening_since, now, silent_after),
            None if now.since(link.since) > OUTAGE => vec![Trouble::Offline],
            None => Vec::new(),
        }
    }
}
