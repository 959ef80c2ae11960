//! Sirens behind an MQTT broker. A command counts when the siren itself says so; the broker never keeps one, and none outlives its time.

mod connection;
mod look;
pub mod profile;
pub mod settings;
mod wish;

pub use connection::connect;
pub use look::look;

use super::{Devices, buttons::Press};
use crate::{
    domain::{
        id::{DeviceId, HomeId},
        incident::{
            Siren as SirenState,
            command::Command,
            effect::{Effect, EffectKind, Sound},
        },
        time::Timestamp,
    },
    server::{
        clock::Clock,
        engine::{
            Current,
            outbox::{NotCarried, WayOut},
        },
        hub::Hub,
    },
};
use async_trait::async_trait;
use profile::{Heard, Message, pick};
use rumqttc::{AsyncClient, PublishOptions, mqttbytes::v5::PublishProperties};
use settings::{ButtonSettings, Settings, Spoken};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::sync::{mpsc, watch};
use wish::{Known, Say, Want};

/// Within this the same press again is the same press: buttons repeat themselves, and so do brokers.
const SAME_PRESS: Duration = Duration::from_secs(3);
/// How long a command waits for the siren's word before it is sent again.
const CONFIRMED_WITHIN: Duration = Duration::from_secs(1);

/// A siren behind the broker.
struct Siren {
    spoken: Spoken,
    known: Mutex<Known>,
    changed: watch::Sender<()>,
}

impl Siren {
    fn know<T>(&self, then: impl FnOnce(&mut Known) -> T) -> T {
        then(&mut self.known.lock().expect("no holder panics"))
    }

    fn is_done(&self, key: &str) -> bool {
        self.know(|known| known.is_done(key, &self.spoken.profile))
    }
}

/// A panic button or a keypad behind the broker.
struct Button {
    settings: ButtonSettings,
    pressed: Mutex<Pressed>,
}

/// What is known of a button.
#[derive(Default)]
struct Pressed {
    /// What was pressed last, and when.
    last: Option<(String, Timestamp)>,
    /// That it says what cannot be understood was told.
    complained: bool,
}

/// The sirens behind a broker, and beside them those that are not.
pub struct MqttDevices {
    clock: Arc<Clock>,
    hub: Arc<Hub>,
    beside: Arc<dyn Devices>,
    sirens: Vec<Siren>,
    by_device: HashMap<(HomeId, DeviceId), usize>,
    by_topic: HashMap<String, usize>,
    buttons: HashMap<String, Button>,
    presses: mpsc::Sender<Press>,
    /// The connection, while there is one.
    link: Mutex<Option<AsyncClient>>,
}

impl MqttDevices {
    /// These sirens, not connected yet; what is not among them is `beside`.
    ///
    /// # Errors
    /// Settings that do not fit together, in a sentence.
    pub fn new(
        settings: &Settings,
        clock: Arc<Clock>,
        hub: Arc<Hub>,
        beside: Arc<dyn Devices>,
        presses: mpsc::Sender<Press>,
    ) -> Result<Arc<Self>, String> {
        let siren = |spoken| Siren { spoken, known: Mutex::default(), changed: watch::Sender::new(()) };
        let sirens: Vec<Siren> = settings.sirens()?.into_iter().map(siren).collect();
        let numbered = || sirens.iter().map(|siren| &siren.spoken).enumerate();
        Ok(Arc::new(Self {
            clock,
            hub,
            beside,
            by_device: numbered().map(|(n, s)| ((s.home.clone(), s.device.clone()), n)).collect(),
            by_topic: numbered().flat_map(|(n, s)| s.profile.topics(&s.name).into_iter().map(move |topic| (topic, n))).collect(),
            sirens,
            buttons: settings
                .buttons
                .iter()
                .map(|b| (b.topic.clone(), Button { settings: b.clone(), pressed: Mutex::default() }))
                .collect(),
            presses,
            link: Mutex::new(None),
        }))
    }

    fn siren(&self, home: &HomeId, device: &DeviceId) -> Option<&Siren> {
        self.by_device.get(&(home.clone(), device.clone())).map(|n| &self.sirens[*n])
    }

    /// Every topic on which a siren speaks.
    fn topics(&self) -> impl Iterator<Item = &String> {
        self.by_topic.keys()
    }

    /// Every topic on which a button speaks.
    fn buttons(&self) -> impl Iterator<Item = &String> {
        self.buttons.keys()
    }

    /// The way to the broker is open, or closed.
    fn link(&self, client: Option<AsyncClient>) {
        let open = client.is_some();
        *self.link.lock().expect("no holder panics") = client;
        for siren in &self.sirens {
            if open {
                self.say_what_holds(siren);
            } else if siren.know(|known| known.online.take().is_some() | std::mem::take(&mut known.sounds)) {
                self.hub.device_changed(siren.spoken.home.clone(), siren.spoken.device.clone());
            }
        }
    }

    /// What has become due by time alone.
    fn tick(&self) {
        let now = self.clock.now();
        for siren in self.sirens.iter().filter(|siren| siren.spoken.profile.max_seconds.is_some()) {
            if let Some(say) = siren.know(|known| known.to_repeat(now, &siren.spoken.profile)) {
                self.say(siren, &say, now);
            }
        }
    }

    fn say_what_holds(&self, siren: &Siren) {
        let now = self.clock.now();
        if let Some(say) = siren.know(|known| known.to_say(now, &siren.spoken.profile)) {
            self.say(siren, &say, now);
        }
    }

    /// Sends, where the way is open; never waits.
    fn say(&self, siren: &Siren, say: &Say, now: Timestamp) {
        let Spoken { name, profile, .. } = &siren.spoken;
        let Message { topic, payload } = match &say.want {
            Want::On { until, sound, .. } => profile.on(name, *sound, *until, now, &say.key),
            Want::Off => profile.off(name, &say.key),
        };
        let properties = PublishProperties {
            // What a broker holds back for so long is over: it must not be delivered.
            message_expiry_interval: say.expires.map(|at| u32::try_from(at.since(now).as_secs()).unwrap_or(u32::MAX).max(1)),
            content_type: payload.starts_with('{').then(|| "application/json".into()),
            user_properties: vec![("key".into(), say.key.clone())],
            ..PublishProperties::default()
        };
        let Some(client) = self.link.lock().expect("no holder panics").clone() else { return };
        siren.know(|known| known.told(say, now, profile));
        if client.try_publish(topic, payload.into_bytes(), PublishOptions::at_least_once().properties(properties)).is_err() {
            siren.know(|known| known.not_told(say));
        }
    }

    /// A button was pressed, unless the broker kept that from before, or it is the same press again.
    fn pressed(&self, button: &Button, payload: &[u8], kept: bool) {
        let ButtonSettings { home, name, at, press, .. } = &button.settings;
        let Some(said) = std::str::from_utf8(payload).ok().and_then(|payload| pick(payload, at)) else {
            if !std::mem::replace(&mut button.pressed.lock().expect("no holder panics").complained, true) {
                tracing::warn!(%home, button = name, bytes = payload.len(), "a button says what cannot be understood");
            }
            return;
        };
        let Some((said, request)) = said.and_then(|said| press.get(&said).map(|request| (said, *request))).filter(|_| !kept) else {
            return;
        };
        let now = self.clock.now();
        let before = button.pressed.lock().expect("no holder panics").last.replace((said.clone(), now));
        if before.is_some_and(|(last, at)| last == said && now.since(at) < SAME_PRESS) {
            return;
        }
        let press = Press { home: home.clone(), name: name.clone(), request };
        if let Err(error) = self.presses.try_send(press) {
            tracing::error!(%home, button = name, %error, "a press was lost: too many at once");
        }
    }

    /// A message has come. What cannot be understood disturbs nothing, and is told once.
    fn hear(&self, topic: &[u8], payload: &[u8], kept: bool) {
        let topic = String::from_utf8_lossy(topic);
        if let Some(button) = self.buttons.get(&*topic) {
            return self.pressed(button, payload, kept);
        }
        let Some(siren) = self.by_topic.get(&*topic).map(|n| &self.sirens[*n]) else { return };
        let Spoken { home, device, name, profile } = &siren.spoken;
        let Some(all) = profile.hear(name, &topic, payload) else {
            if !siren.know(|known| std::mem::replace(&mut known.complained, true)) {
                tracing::warn!(%home, %device, %topic, bytes = payload.len(), "a device says what cannot be understood");
            }
            return;
        };
        for heard in all {
            let came_back = heard == Heard::Online(true) && siren.know(|known| known.online == Some(false));
            let (before, after) = siren.know(|known| {
                let before = (known.sounds, known.online);
                known.heard(heard, kept);
                (before, (known.sounds, known.online))
            });
            if came_back {
                self.say_what_holds(siren);
            }
            if before != after {
                self.hub.device_changed(home.clone(), device.clone());
            }
        }
        siren.changed.send_replace(());
    }
}

/// What a command that was carried out means to the incident.
fn meant(effect: &Effect, sounding: bool) -> Option<Command> {
    match &effect.kind {
        EffectKind::SirenOn { device, .. } => Some(Command::SirenReported { device: device.clone(), sounding }),
        _ => None,
    }
}

/// The siren that an effect is for.
fn target(effect: &Effect) -> Option<&DeviceId> {
    match &effect.kind {
        EffectKind::SirenOn { device, .. } | EffectKind::SirenOff { device } => Some(device),
        _ => None,
    }
}

#[async_trait]
impl WayOut for MqttDevices {
    async fn carry_out(&self, effect: &Effect) -> Result<Option<Command>, NotCarried> {
        let Some(siren) = target(effect).and_then(|device| self.siren(&effect.home, device)) else {
            return self.beside.carry_out(effect).await;
        };
        let mut changed = siren.changed.subscribe();
        if !siren.know(|known| known.take(effect, self.clock.now())) {
            return Ok(None);
        }
        if !siren.is_done(&effect.key) {
            self.say_what_holds(siren);
        }
        let confirmed = async {
            while !siren.is_done(&effect.key) {
                // The sender lives as long as the siren.
                let _ = changed.changed().await;
            }
        };
        match tokio::time::timeout(CONFIRMED_WITHIN, confirmed).await {
            Ok(()) => Ok(meant(effect, true)),
            Err(_) if self.link.lock().expect("no holder panics").is_none() => Err(NotCarried("the broker is not connected".into())),
            Err(_) => Err(NotCarried("the siren has not confirmed it".into())),
        }
    }

    fn gave_up(&self, effect: &Effect) -> Option<Command> {
        match target(effect).and_then(|device| self.siren(&effect.home, device)) {
            Some(siren) => meant(effect, siren.is_done(&effect.key)),
            None => self.beside.gave_up(effect),
        }
    }

    fn resume(&self, current: &Current) {
        self.beside.resume(current);
        let SirenState::Sounding { until, confirmed, .. } = &current.incident.siren else { return };
        for siren in confirmed.iter().filter_map(|device| self.siren(&current.incident.home, device)) {
            siren.know(|known| known.resume(current.incident.id, *until, Sound::of(&current.incident)));
        }
    }
}

impl Devices for MqttDevices {
    fn is_sounding(&self, home: &HomeId, device: &DeviceId) -> bool {
        match self.siren(home, device) {
            Some(siren) => siren.know(|known| known.sounds),
            None => self.beside.is_sounding(home, device),
        }
    }

    fn is_online(&self, home: &HomeId, device: &DeviceId) -> bool {
        match self.siren(home, device) {
            // A kind that says nothing of it is believed to be there while the broker is.
            Some(siren) => siren
                .know(|known| known.online)
                .unwrap_or_else(|| siren.spoken.profile.availability.is_none() && self.link.lock().expect("no holder panics").is_some()),
            None => self.beside.is_online(home, device),
        }
    }
}
