//! The shared state of the handlers of requests.

use super::{
    access::Access,
    cameras::{Cameras, Clips},
    clock::Clock,
    dc09::{receiver::Receiver, transmitter::Transmitter},
    engine::Engine,
    homes::Homes,
    identity::{Hashing, attempts::Attempts, passkeys::Passkeys},
    limits::Limits,
    live_events::LiveEvents,
    monitoring::presence::OperatorPresence,
    mqtt::MqttDevices,
    readiness::Probe,
    sirens::{Devices, simulated::SimulatedDevices},
    store::{Changes, Reads},
    tasks::Tasks,
    webhooks::{Webhooks, incoming::Reporter},
};
use crate::domain::incident::Policy;
use std::{
    net::IpAddr,
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::sync::watch;

/// Everything that handlers share.
pub struct App {
    /// Reads from the store.
    pub reads: Arc<dyn Reads>,
    /// Writes to the store.
    pub changes: Changes,
    /// The handle to the event loop.
    pub engine: Engine,
    /// The streams of live events.
    pub live_events: Arc<LiveEvents>,
    /// The clock.
    pub clock: Arc<Clock>,
    /// The cache of all homes.
    pub homes: Arc<Homes>,
    /// The sirens and their states.
    pub devices: Arc<dyn Devices>,
    /// The cameras and their streams.
    pub cameras: Arc<Cameras>,
    /// The clips of incidents.
    pub clips: Clips,
    /// The sirens behind the MQTT broker.
    pub broker: Option<Arc<MqttDevices>>,
    /// The simulated sirens of a demo.
    pub simulated: Option<Arc<SimulatedDevices>>,
    /// The timers of new incidents.
    pub policy: Policy,
    /// The number from which the center calls.
    pub center_phone: Option<String>,
    /// The transmitter to a third party's receiving center, if there is one.
    pub receiver: Option<Arc<Transmitter>>,
    /// The receiver for alarm panels and other Bucklers that signal to this one, if it listens for them.
    pub listening: Option<Arc<Receiver>>,
    /// The servers that get webhook messages about incidents.
    pub webhooks: Arc<Webhooks>,
    /// The servers that may report the progress of help.
    pub reporters: Vec<Reporter>,
    /// The operators at the console of the monitoring center.
    pub operators: Arc<OperatorPresence>,
    /// Whether this is a demo: contacts' links may be shown, and responders are simulated.
    pub demo: bool,
    /// The data folder.
    pub data: PathBuf,
    /// The trusted proxies, whose headers state how a browser connected.
    pub trusted_proxies: Vec<IpAddr>,
    /// How long after a proof of identity its device may change a home.
    pub proof_lasts: Duration,
    /// Passkeys and their open ceremonies.
    pub passkeys: Passkeys,
    /// The queues for hashing passwords.
    pub hashing: Hashing,
    /// The limits on guessing.
    pub attempts: Arc<Attempts>,
    /// The limits on what may be open at the same time.
    pub limits: Arc<Limits>,
    /// The last sample of readiness.
    pub probe: Probe,
    /// The hash of the token for the first owner. `None` if there is an account.
    pub welcome: Mutex<Option<[u8; 32]>>,
    /// Notifies open streams when the sessions or rights of their account change.
    pub access: Access,
    /// Tasks that live as long as the server.
    pub tasks: Tasks,
    /// Becomes true when the server stops.
    pub stop: watch::Receiver<bool>,
}
