//! The shared state of the handlers of requests. Each handler takes only the handles that it uses,
//! by `FromRef`.

use super::{
    access::Access,
    cameras::{Cameras, Clips},
    clock::Clock,
    dc09::{receiver::Receiver, transmitter::Transmitter},
    engine::Engine,
    homes::Homes,
    identity::{Hashing, attempts::Attempts, first_owner::FirstOwner, passkeys::Passkeys},
    limits::Limits,
    live_events::LiveEvents,
    monitoring::presence::OperatorPresence,
    mqtt::MqttDevices,
    readiness::Probe,
    sirens::{Devices, simulated::SimulatedDevices},
    snapshots::Snapshots,
    store::{Changes, Reads},
    tasks::Tasks,
    webhooks::{Webhooks, incoming::Reporter},
};
use crate::domain::incident::Policy;
use axum::extract::FromRef;
use std::{net::IpAddr, path::PathBuf, sync::Arc, time::Duration};
use tokio::sync::watch;

/// All parts of the server that handlers share, as `src/server/run/mod.rs` connects them.
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
    /// Presents homes, incidents and contacts' phones as they are now.
    pub snapshots: Arc<Snapshots>,
    /// The sirens and their states.
    pub devices: Arc<dyn Devices>,
    /// The cameras and their streams.
    pub cameras: Arc<Cameras>,
    /// The clips of incidents.
    pub clips: Arc<Clips>,
    /// The sirens behind the MQTT broker.
    pub broker: Option<Arc<MqttDevices>>,
    /// The simulated sirens of a demo.
    pub simulated: Option<Arc<SimulatedDevices>>,
    /// The timers of new incidents.
    pub policy: Policy,
    /// The number from which the center calls.
    pub center_phone: Option<String>,
    /// The transmitter to a third party's receiving center, if there is one.
    pub transmitter: Option<Arc<Transmitter>>,
    /// The receiver for alarm panels and other Bucklers that signal to this one, if it listens for
    /// them.
    pub receiver: Option<Arc<Receiver>>,
    /// The servers that get webhook messages about incidents.
    pub webhooks: Arc<Webhooks>,
    /// The servers that may report the progress of help.
    pub reporters: Arc<[Reporter]>,
    /// The operators at the console of the monitoring center.
    pub operators: Arc<OperatorPresence>,
    /// Whether this is a demo: contacts' links may be shown, and responders are simulated.
    pub demo: bool,
    /// The data folder.
    pub data: PathBuf,
    /// The trusted proxies, whose headers state how a browser connected.
    pub trusted_proxies: Arc<[IpAddr]>,
    /// The names that this server has for sure, among those that public DNS may have.
    pub hosts: Arc<[String]>,
    /// How long after a proof of identity its device may change a home.
    pub proof_lasts: Duration,
    /// Passkeys and their open ceremonies.
    pub passkeys: Arc<Passkeys>,
    /// The queues for hashing passwords.
    pub hashing: Arc<Hashing>,
    /// The limits on guessing.
    pub attempts: Arc<Attempts>,
    /// The limits on what may be open at the same time.
    pub limits: Arc<Limits>,
    /// The last sample of readiness.
    pub probe: Arc<Probe>,
    /// The token for the first owner.
    pub welcome: Arc<FirstOwner>,
    /// Notifies open streams when the sessions or rights of their account change.
    pub access: Access,
    /// Tasks that live as long as the server.
    pub tasks: Tasks,
    /// Becomes true when the server stops.
    pub stop: watch::Receiver<bool>,
}

/// The state of the router. A type of this crate, so that `FromRef` can be implemented for handles
/// such as `Arc<Clock>`. Handlers and extractors take what they use by `FromRef`, never the whole.
#[derive(Clone)]
pub struct AppState(pub(super) Arc<App>);

/// Implements `FromRef` for single handles, each from a field of [`App`].
macro_rules! handle {
    ($($field:ident: $handle:ty),* $(,)?) => {
        $(impl FromRef<AppState> for $handle {
            fn from_ref(app: &AppState) -> Self {
                app.0.$field.clone()
            }
        })*
    };
}

handle! {
    reads: Arc<dyn Reads>,
    changes: Changes,
    engine: Engine,
    live_events: Arc<LiveEvents>,
    clock: Arc<Clock>,
    homes: Arc<Homes>,
    snapshots: Arc<Snapshots>,
    devices: Arc<dyn Devices>,
    cameras: Arc<Cameras>,
    clips: Arc<Clips>,
    broker: Option<Arc<MqttDevices>>,
    receiver: Option<Arc<Receiver>>,
    webhooks: Arc<Webhooks>,
    operators: Arc<OperatorPresence>,
    welcome: Arc<FirstOwner>,
    trusted_proxies: Arc<[IpAddr]>,
    hosts: Arc<[String]>,
}

/// Defines a struct of handles, each from the field of [`App`] with the same name, and implements
/// `FromRef` for it.
macro_rules! handles {
    ($(#[$about:meta])* $seen:vis struct $name:ident { $($(#[$of_field:meta])* $field_seen:vis $field:ident: $handle:ty),* $(,)? }) => {
        $(#[$about])*
        #[derive(Clone)]
        $seen struct $name {
            $($(#[$of_field])* $field_seen $field: $handle),*
        }

        impl axum::extract::FromRef<$crate::server::state::AppState> for $name {
            fn from_ref(app: &$crate::server::state::AppState) -> Self {
                Self { $($field: Clone::clone(&app.0.$field)),* }
            }
        }
    };
}
pub(super) use handles;
