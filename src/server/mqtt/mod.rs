//! Sirens behind an MQTT broker. A command is done when the siren itself confirms it. No command is
//! retained, and ON expires.

mod bindings;
pub mod broker;
pub mod buttons;
mod client;
pub mod codes;
mod connection;
mod desired_state;
pub mod device_health;
mod diagnostics;
pub mod discovery;
mod errors;
pub mod home_assistant;
pub mod keypad;
pub mod profile;
mod publish;
mod registry;
pub mod renamed;
pub mod settings;
pub mod stops;
mod unacknowledged;

pub use bindings::Diagnostics;
pub use connection::{connect, connect_over};
pub use diagnostics::probe;
pub use errors::{BindingError, ConnectError, SettingsError, SirenError};

use crate::{
    api::home::Ready,
    domain::{
        device::{DeviceFault, SirenBinding},
        home::Home,
        id::{DeviceId, HomeId},
        incident::{
            Siren as SirenState,
            command::Command,
            effect::{Effect, EffectKind},
        },
        time::Timestamp,
    },
    server::{
        clock::Clock,
        engine::{
            Current,
            outbox::{EffectHandler, ExecuteError},
        },
        live_events::LiveEvents,
        sirens::{Devices, resumed},
        tasks::contained_now,
    },
};
use async_trait::async_trait;
use broker::{Broker, Outgoing};
use buttons::TakenPress;
use desired_state::{DesiredState, Resumed, Say};
use keypad::{Button, ButtonSettings, Delivery};
use profile::Message;
use registry::{Registry, Siren};
use settings::{BoundSiren, Settings};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, RwLock},
    time::Duration,
};
use stops::Stopped;
use tokio::{
    sync::{Notify, mpsc},
    time::Instant,
};
use unacknowledged::{Taken, Undone};

/// Tells whether an SOS would work in a home.
pub type Readiness = Arc<dyn Fn(&Home) -> Ready + Send + Sync>;

/// How long a command waits for the siren's confirmation before it is retried.
const CONFIRMED_WITHIN: Duration = Duration::from_secs(1);
/// An outage of the broker is reported after this. Until then, the devices behind it have no
/// reported problem.
const OUTAGE: Duration = Duration::from_secs(60);

/// The names in the log of what is contained, for each home.
const SIRENS: &str = "sirens behind the broker";
/// The same for buttons.
const BUTTONS: &str = "buttons behind the broker";

/// The state of the connection to the broker.
struct Link {
    /// The connection, while there is one.
    client: Option<Arc<dyn Broker>>,
    /// When the connection was opened or lost.
    since: Timestamp,
    /// When the server began to listen to devices. A short outage does not reset it.
    listening_since: Timestamp,
}

/// The sirens and buttons behind a broker. Another effect handler, `fallback`, serves all other
/// devices.
pub struct MqttDevices {
    clock: Arc<Clock>,
    live_events: Arc<LiveEvents>,
    fallback: Arc<dyn Devices>,
    settings: Settings,
    registry: RwLock<Arc<Registry>>,
    /// The siren bindings that owners chose in the app.
    chosen: Mutex<BTreeMap<HomeId, Vec<SirenBinding>>>,
    /// Held while a choice is checked and stored.
    choosing: tokio::sync::Mutex<()>,
    /// In order, so that a simulated history repeats.
    buttons: BTreeMap<String, Button>,
    /// Home Assistant's buttons, by topic.
    commands: RwLock<BTreeMap<String, Arc<Button>>>,
    /// The retained messages for Home Assistant, by topic.
    retained: Mutex<BTreeMap<String, String>>,
    presses: mpsc::Sender<TakenPress>,
    stops: mpsc::Sender<Stopped>,
    link: Mutex<Link>,
    /// A repetition will become due.
    told: Notify,
}

impl MqttDevices {
    /// Creates the devices of these settings, not connected yet. `fallback` serves all other
    /// devices. `presses` and `stops` take what devices do on their own.
    ///
    /// # Errors
    /// Settings that do not fit together.
    pub fn new(
        settings: &Settings,
        clock: Arc<Clock>,
        live_events: Arc<LiveEvents>,
        fallback: Arc<dyn Devices>,
        presses: mpsc::Sender<TakenPress>,
        stops: mpsc::Sender<Stopped>,
    ) -> Result<Arc<Self>, SettingsError> {
        let now = clock.now();
        Ok(Arc::new(Self {
            clock,
            live_events,
            fallback,
            registry: RwLock::new(Arc::new(Registry::of(
                settings.sirens()?,
                &Registry::default(),
                now,
            ))),
            chosen: Mutex::default(),
            choosing: tokio::sync::Mutex::default(),
            buttons: settings
                .buttons
                .iter()
                .map(|b| (b.topic.clone(), Button::new(b.clone())))
                .collect(),
            commands: RwLock::default(),
            retained: Mutex::default(),
            presses,
            stops,
            link: Mutex::new(Link { client: None, since: now, listening_since: now }),
            told: Notify::new(),
            settings: settings.clone(),
        }))
    }

    fn registry(&self) -> Arc<Registry> {
        self.registry.read().expect("no writer panics").clone()
    }

    /// The connection, while there is one.
    fn client(&self) -> Option<Arc<dyn Broker>> {
        self.link.lock().expect("no holder panics").client.clone()
    }

    /// Every topic to subscribe to on this connection.
    fn topics(&self) -> Vec<String> {
        let assistant = self
            .settings
            .home_assistant
            .as_ref()
            .map(|assistant| format!("{}/status", assistant.prefix));
        let commands = self.commands.read().expect("no writer panics");
        self.registry().topics().chain(commands.keys()).cloned().chain(assistant).collect()
    }

    /// The topics of all buttons.
    fn buttons(&self) -> impl Iterator<Item = &String> {
        self.buttons.keys()
    }

    /// Records that the connection was opened or lost.
    fn link(&self, client: Option<Arc<dyn Broker>>) {
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
        for siren in self.registry().all() {
            contained_now(SIRENS, &siren.binding.home, || self.link_siren(siren, open));
        }
        if open {
            self.republish();
        }
    }

    fn link_siren(&self, siren: &Arc<Siren>, open: bool) {
        if open {
            self.say_what_holds(siren);
        } else if siren.with_state(|state| {
            state.is_away();
            state.health.online.take().is_some() | std::mem::take(&mut state.sounds)
        }) {
            self.live_events
                .device_changed(siren.binding.home.clone(), siren.binding.device.clone());
        }
    }

    /// Sends the commands that are due for a repetition.
    fn tick(&self) {
        self.forget_replaced();
        let now = self.clock.now();
        for siren in self.registry().all() {
            contained_now(SIRENS, &siren.binding.home, || {
                if let Some(say) = siren.with_state(|state| state.to_repeat(now)) {
                    self.say(siren, &say, now);
                }
            });
        }
    }

    /// When the next command is due for a repetition: `None` if none is. `soon` if nobody can tell,
    /// because a machine that sleeps delays each instant, or because a replaced siren may be over.
    fn next_repeat(&self, soon: Instant) -> Option<Instant> {
        let (now, registry) = (self.clock.now(), self.registry());
        let due = registry.all().filter_map(|siren| siren.with_state(|s| s.next_repeat(now))).min();
        if registry.has_replaced() || due.is_some() && self.clock.machine_may_sleep() {
            return Some(soon);
        }
        due.map(|due| self.clock.instant_of(due))
    }

    fn repeats_later(&self, siren: &Siren, now: Timestamp) {
        if siren.with_state(|state| state.next_repeat(now)).is_some() {
            self.told.notify_one();
        }
    }

    fn say_what_holds(&self, siren: &Arc<Siren>) {
        let now = self.clock.now();
        if let Some(say) = siren.with_state(|state| state.to_say(now, &siren.binding.profile)) {
            self.say(siren, &say, now);
        }
    }

    /// Sends a command if the broker is connected. Never waits.
    fn say(&self, siren: &Arc<Siren>, say: &Say, now: Timestamp) {
        if self.registry().is_taken_over(siren, now) {
            return;
        }
        let BoundSiren { name, profile, .. } = &siren.binding;
        let Message { topic, payload } = match &say.desired {
            DesiredState::On { until, sound, .. } => {
                profile.on(name, *sound, *until, now, &say.key)
            }
            DesiredState::Off => profile.off(name, &say.key),
        };
        let Some(client) = self.client() else { return };
        siren.with_state(|state| state.on_sent(say, now, profile));
        self.repeats_later(siren, now);
        let message = Outgoing {
            // The broker must not deliver the command after this.
            expires: say.expires.map(|at| at.since(now)),
            key: Some(say.key.clone()),
            ..Outgoing::new(topic, payload)
        };
        if client.publish(message).is_err() {
            siren.with_state(|state| state.on_send_failed(say, now));
        }
    }

    /// Returns what waits until a press is done, if that is one.
    fn pressed(&self, button: &Button, payload: &[u8], delivery: Delivery) -> Option<Undone> {
        let now = (self.clock.now(), self.clock.uptime());
        let heard = || button.hear(payload, delivery, now);
        let press = contained_now(BUTTONS, &button.settings.home, heard).flatten()?;
        let (taken, undone) = Taken::new();
        if let Err(error) = self.presses.try_send(TakenPress { press, taken }) {
            let ButtonSettings { home, name, .. } = &button.settings;
            tracing::error!(%home, button = name, %error, "could not queue a button press; it is lost");
        }
        Some(undone)
    }

    /// Handles a message of a button.
    fn hear_button(&self, topic: &[u8], payload: &[u8], delivery: Delivery) -> Option<Undone> {
        let topic = String::from_utf8_lossy(topic);
        self.pressed(self.buttons.get(&*topic)?, payload, delivery)
    }

    /// Handles a message. A message that cannot be parsed changes nothing, and is logged once per
    /// device. One whose handling panics disturbs no other home.
    fn hear(&self, topic: &[u8], payload: &[u8], delivery: Delivery) {
        let topic = String::from_utf8_lossy(topic);
        let command = self.commands.read().expect("no writer panics").get(&*topic).cloned();
        if let Some(button) = command {
            self.pressed(&button, payload, delivery);
            return;
        }
        let kept = delivery == Delivery::Retained;
        // Home Assistant has restarted and has lost its state.
        if self
            .settings
            .home_assistant
            .as_ref()
            .is_some_and(|assistant| *topic == format!("{}/status", assistant.prefix))
        {
            if payload == b"online" && !kept {
                self.republish();
            }
            return;
        }
        let registry = self.registry();
        for siren in registry.speaking(&topic) {
            contained_now(SIRENS, &siren.binding.home, || {
                self.siren_said(siren, &topic, payload, kept)
            });
        }
    }

    fn siren_said(&self, siren: &Arc<Siren>, topic: &str, payload: &[u8], kept: bool) {
        let BoundSiren { home, device, name, profile, .. } = &siren.binding;
        let Some(all) = profile.hear(name, topic, payload) else {
            if !siren.with_state(|state| std::mem::replace(&mut state.complained, true)) {
                tracing::warn!(%home, %device, %topic, bytes = payload.len(), "could not parse a device's message");
            }
            return;
        };
        let now = self.clock.now();
        let (before, after, stops) = siren.with_state(|state| {
            let before = (state.sounds, state.health.online);
            let heard = |heard| state.heard(heard, kept, now);
            let stops: Vec<_> = all.into_iter().filter_map(heard).collect();
            (before, (state.sounds, state.health.online), stops)
        });
        // After a lost connection only the siren's own word proves that it is back. What the broker
        // kept may be older than a power cut.
        let was_away = before.1 == Some(false) || before.1.is_none() && !kept;
        if was_away && after.1 == Some(true) && !siren.with_state(|state| state.is_heard()) {
            self.say_what_holds(siren);
        }
        for stop in stops {
            self.siren_stopped(siren, stop);
        }
        if before != after {
            self.repeats_later(siren, now);
            self.live_events.device_changed(home.clone(), device.clone());
        }
        siren.changed.send_replace(());
    }
}

/// The report to the incident about a siren command.
fn meant(effect: &Effect, sounding: bool) -> Option<Command> {
    match &effect.kind {
        EffectKind::SirenOn { device, .. } => {
            Some(Command::SirenReported { device: device.clone(), sounding })
        }
        _ => None,
    }
}

/// The siren that an effect addresses.
fn target(effect: &Effect) -> Option<&DeviceId> {
    match &effect.kind {
        EffectKind::SirenOn { device, .. } | EffectKind::SirenOff { device } => Some(device),
        _ => None,
    }
}

#[async_trait]
impl EffectHandler for MqttDevices {
    fn queued(&self, effect: &Effect) {
        for siren in self.registry().targets(effect, self.clock.now()) {
            siren.with_state(|state| state.expect(effect));
        }
    }

    async fn execute(&self, effect: &Effect) -> Result<Option<Command>, ExecuteError> {
        let now = self.clock.now();
        let mut targets = self.registry().targets(effect, now);
        if targets.is_empty() {
            return self.fallback.execute(effect).await;
        }
        let mut is_still_due = false;
        targets.retain(|siren| {
            siren.with_state(|state| {
                let accepted = state.take(effect, now);
                is_still_due |= !accepted && state.is_off_still_due(effect, now);
                accepted
            })
        });
        if is_still_due {
            return Err(ExecuteError("a request that is not stored has the siren".into()));
        }
        if targets.is_empty() {
            return Ok(None);
        }
        let mut changes: Vec<_> = targets.iter().map(|siren| siren.changed.subscribe()).collect();
        for siren in targets.iter().filter(|siren| !siren.is_done(&effect.key)) {
            self.say_what_holds(siren);
        }
        let confirmed = async {
            for (siren, changed) in targets.iter().zip(&mut changes) {
                while !siren.is_done(&effect.key) {
                    // The sender lives as long as the siren.
                    let _ = changed.changed().await;
                }
            }
        };
        match tokio::time::timeout(CONFIRMED_WITHIN, confirmed).await {
            Ok(()) => Ok(meant(effect, true)),
            Err(_) if self.client().is_none() => {
                Err(ExecuteError("the broker is not connected".into()))
            }
            Err(_) => Err(ExecuteError("the siren has not confirmed it".into())),
        }
    }

    fn on_expired(&self, effect: &Effect) -> Option<Command> {
        match target(effect).and_then(|device| self.registry().siren(&effect.home, device)) {
            Some(siren) => meant(effect, siren.is_done(&effect.key)),
            None => self.fallback.on_expired(effect),
        }
    }

    fn resume(&self, current: &Current) {
        self.fallback.resume(current);
        let SirenState::Sounding { until, devices, confirmed, stopped, .. } =
            &current.incident.siren
        else {
            return;
        };
        let registry = self.registry();
        for (device, siren) in devices
            .iter()
            .filter_map(|device| Some((device, registry.siren(&current.incident.home, device)?)))
        {
            // A siren that cannot confirm was commanded as well, and stops early unless the command
            // is repeated.
            let was = match () {
                () if stopped.contains(device) => Resumed::Stopped,
                () if confirmed.contains(device) => Resumed::Confirmed,
                () if siren.binding.profile.state.is_none() => Resumed::Blind,
                () => Resumed::Unconfirmed,
            };
            let effect = resumed(current, device, *until);
            siren.with_state(|state| state.resume(&effect, was, self.clock.now()));
            // The connection to the broker may have been opened before.
            self.say_what_holds(&siren);
        }
    }
}

impl Devices for MqttDevices {
    fn is_sounding(&self, home: &HomeId, device: &DeviceId) -> bool {
        match self.registry().siren(home, device) {
            Some(siren) => siren.with_state(|state| state.sounds),
            None => self.fallback.is_sounding(home, device),
        }
    }

    fn is_online(&self, home: &HomeId, device: &DeviceId) -> bool {
        match self.registry().siren(home, device) {
            // A kind of siren that does not report its availability counts as online while the
            // broker is connected.
            Some(siren) => {
                let health = siren.with_state(|state| state.health);
                let unknown =
                    || siren.binding.profile.availability.is_none() && self.client().is_some();
                health.online.unwrap_or_else(unknown)
                    && !self
                        .faults(&health, siren.binding.silent_after)
                        .contains(&DeviceFault::Silent)
            }
            None => self.fallback.is_online(home, device),
        }
    }
}
