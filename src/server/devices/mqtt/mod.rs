//! Sirens behind an MQTT broker. A command counts when the siren itself says so; the broker never keeps one, and none outlives its time.

mod connection;
mod fleet;
pub mod home_assistant;
pub mod keys;
mod look;
pub mod profile;
pub mod settings;
mod show;
mod wiring;
mod wish;

pub use connection::connect;
pub use look::look;
pub use wiring::Look;

use super::{Devices, buttons::Press};
use crate::{
    domain::{
        device::{Trouble, Wire},
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
use fleet::{Fleet, Siren};
use keys::{Button, ButtonSettings};
use profile::Message;
use rumqttc::{AsyncClient, PublishOptions, mqttbytes::v5::PublishProperties};
use settings::{Settings, Spoken};
use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, RwLock},
    time::Duration,
};
use tokio::sync::mpsc;
use wish::{Say, Want};

/// How long a command waits for the siren's word before it is sent again.
const CONFIRMED_WITHIN: Duration = Duration::from_secs(1);
/// A broker that is gone for longer is told: until then nothing is wrong with what is behind it.
const OUTAGE: Duration = Duration::from_secs(60);

/// The way to the broker.
struct Link {
    /// The connection, while there is one.
    client: Option<AsyncClient>,
    /// Since when there is one, or none.
    since: Timestamp,
    /// Since when devices are listened to; a short outage does not count.
    listening_since: Timestamp,
}

/// The sirens and buttons behind a broker, and beside them those that are not.
pub struct MqttDevices {
    clock: Arc<Clock>,
    hub: Arc<Hub>,
    beside: Arc<dyn Devices>,
    settings: Settings,
    fleet: RwLock<Arc<Fleet>>,
    /// What owners chose.
    chosen: Mutex<BTreeMap<HomeId, Vec<Wire>>>,
    buttons: HashMap<String, Button>,
    /// Home Assistant's buttons.
    commands: RwLock<HashMap<String, Arc<Button>>>,
    /// What is kept at the broker for Home Assistant, by topic.
    shown: Mutex<BTreeMap<String, String>>,
    presses: mpsc::Sender<Press>,
    link: Mutex<Link>,
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
        let now = clock.now();
        Ok(Arc::new(Self {
            clock,
            hub,
            beside,
            fleet: RwLock::new(Arc::new(Fleet::of(settings.sirens()?, &Fleet::default()))),
            chosen: Mutex::default(),
            buttons: settings.buttons.iter().map(|b| (b.topic.clone(), Button::new(b.clone()))).collect(),
            commands: RwLock::default(),
            shown: Mutex::default(),
            presses,
            link: Mutex::new(Link { client: None, since: now, listening_since: now }),
            settings: settings.clone(),
        }))
    }

    fn fleet(&self) -> Arc<Fleet> {
        self.fleet.read().expect("no writer panics").clone()
    }

    /// The connection, while there is one.
    fn client(&self) -> Option<AsyncClient> {
        self.link.lock().expect("no holder panics").client.clone()
    }

    /// Every topic that is listened to on this connection.
    fn topics(&self) -> Vec<String> {
        let assistant = self.settings.home_assistant.as_ref().map(|assistant| format!("{}/status", assistant.prefix));
        let commands = self.commands.read().expect("no writer panics");
        self.fleet().topics().chain(commands.keys()).cloned().chain(assistant).collect()
    }

    /// Every topic on which a button speaks.
    fn buttons(&self) -> impl Iterator<Item = &String> {
        self.buttons.keys()
    }

    /// The way to the broker is open, or closed.
    fn link(&self, client: Option<AsyncClient>) {
        let open = client.is_some();
        let now = self.clock.now();
        {
            let mut link = self.link.lock().expect("no holder panics");
            if open && now.since(link.since) > OUTAGE {
                link.listening_since = now;
            }
            if link.client.is_some() != open {
                link.since = now;
            }
            link.client = client;
        }
        for siren in &self.fleet().sirens {
            if open {
                self.say_what_holds(siren);
            } else if siren.know(|known| known.health.online.take().is_some() | std::mem::take(&mut known.sounds)) {
                self.hub.device_changed(siren.spoken.home.clone(), siren.spoken.device.clone());
            }
        }
        if open {
            self.show_all();
        }
    }

    /// What has become due by time alone.
    fn tick(&self) {
        let now = self.clock.now();
        for siren in self.fleet().sirens.iter().filter(|siren| siren.spoken.profile.max_seconds.is_some()) {
            if let Some(say) = siren.know(|known| known.to_repeat(now)) {
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
        let Some(client) = self.client() else { return };
        siren.know(|known| known.told(say, now, profile));
        if client.try_publish(topic, payload.into_bytes(), PublishOptions::at_least_once().properties(properties)).is_err() {
            siren.know(|known| known.not_told(say));
        }
    }

    fn pressed(&self, button: &Button, payload: &[u8], kept: bool) {
        let Some(press) = button.hear(payload, kept, self.clock.now()) else { return };
        if let Err(error) = self.presses.try_send(press) {
            let ButtonSettings { home, name, .. } = &button.settings;
            tracing::error!(%home, button = name, %error, "a press was lost: too many at once");
        }
    }

    /// A message has come. What cannot be understood disturbs nothing, and is told once.
    fn hear(&self, topic: &[u8], payload: &[u8], kept: bool) {
        let topic = String::from_utf8_lossy(topic);
        if let Some(button) = self.buttons.get(&*topic) {
            return self.pressed(button, payload, kept);
        }
        let command = self.commands.read().expect("no writer panics").get(&*topic).cloned();
        if let Some(button) = command {
            return self.pressed(&button, payload, kept);
        }
        // Home Assistant starts anew, and forgot.
        if self.settings.home_assistant.as_ref().is_some_and(|assistant| *topic == format!("{}/status", assistant.prefix)) {
            if payload == b"online" && !kept {
                self.show_all();
            }
            return;
        }
        let fleet = self.fleet();
        let Some(siren) = fleet.speaking(&topic) else { return };
        let Spoken { home, device, name, profile, .. } = &siren.spoken;
        let Some(all) = profile.hear(name, &topic, payload) else {
            if !siren.know(|known| std::mem::replace(&mut known.complained, true)) {
                tracing::warn!(%home, %device, %topic, bytes = payload.len(), "a device says what cannot be understood");
            }
            return;
        };
        let now = self.clock.now();
        let (before, after) = siren.know(|known| {
            let before = (known.sounds, known.health.online);
            all.into_iter().for_each(|heard| known.heard(heard, kept, now));
            (before, (known.sounds, known.health.online))
        });
        if before.1 == Some(false) && after.1 == Some(true) {
            self.say_what_holds(siren);
        }
        if before != after {
            self.hub.device_changed(home.clone(), device.clone());
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
        let Some(siren) = target(effect).and_then(|device| self.fleet().siren(&effect.home, device)) else {
            return self.beside.carry_out(effect).await;
        };
        let mut changed = siren.changed.subscribe();
        if !siren.know(|known| known.take(effect, self.clock.now())) {
            return Ok(None);
        }
        if !siren.is_done(&effect.key) {
            self.say_what_holds(&siren);
        }
        let confirmed = async {
            while !siren.is_done(&effect.key) {
                // The sender lives as long as the siren.
                let _ = changed.changed().await;
            }
        };
        match tokio::time::timeout(CONFIRMED_WITHIN, confirmed).await {
            Ok(()) => Ok(meant(effect, true)),
            Err(_) if self.client().is_none() => Err(NotCarried("the broker is not connected".into())),
            Err(_) => Err(NotCarried("the siren has not confirmed it".into())),
        }
    }

    fn gave_up(&self, effect: &Effect) -> Option<Command> {
        match target(effect).and_then(|device| self.fleet().siren(&effect.home, device)) {
            Some(siren) => meant(effect, siren.is_done(&effect.key)),
            None => self.beside.gave_up(effect),
        }
    }

    fn resume(&self, current: &Current) {
        self.beside.resume(current);
        let SirenState::Sounding { until, devices, confirmed } = &current.incident.siren else { return };
        let fleet = self.fleet();
        for (device, siren) in devices.iter().filter_map(|device| Some((device, fleet.siren(&current.incident.home, device)?))) {
            // One that cannot confirm was told all the same, and stops early unless it is told again.
            let confirmed = confirmed.contains(device);
            if confirmed || siren.spoken.profile.state.is_none() {
                let sound = Sound::of(&current.incident);
                siren.know(|known| known.resume(current.incident.id, *until, sound, confirmed));
            }
        }
    }
}

impl Devices for MqttDevices {
    fn is_sounding(&self, home: &HomeId, device: &DeviceId) -> bool {
        match self.fleet().siren(home, device) {
            Some(siren) => siren.know(|known| known.sounds),
            None => self.beside.is_sounding(home, device),
        }
    }

    fn is_online(&self, home: &HomeId, device: &DeviceId) -> bool {
        match self.fleet().siren(home, device) {
            // A kind that says nothing of it is believed to be there while the broker is.
            Some(siren) => {
                let health = siren.know(|known| known.health);
                let unknown = || siren.spoken.profile.availability.is_none() && self.client().is_some();
                health.online.unwrap_or_else(unknown) && !self.troubles(&health, siren.spoken.silent_after).contains(&Trouble::Silent)
            }
            None => self.beside.is_online(home, device),
        }
    }
}
