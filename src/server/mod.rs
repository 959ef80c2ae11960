//! The server: a thin way from the wire to the durable loop. It never decides what an emergency is: that is the domain's.

pub mod access;
pub mod auth;
pub mod cameras;
pub mod center;
mod check;
pub mod clock;
pub mod command_line;
pub mod config;
mod connection;
pub mod demo;
pub mod devices;
pub mod engine;
mod evidence;
mod export;
pub mod figures;
mod homes;
pub mod http;
pub mod hub;
pub mod notify;
pub mod phone;
mod private;
pub mod store;
pub mod tasks;
mod tell;
mod time_zone;
pub mod tls;
pub mod user;
mod ways;

use crate::domain::{home::Home, id::IncidentId, incident::Policy};
use access::Access;
use auth::{Hashing, attempts::Attempts, passkeys::Passkeys};
use cameras::{Cameras, Clips};
use center::{
    desk::{Desk, watch_leases},
    listener::{self, Listening},
    receiver::Receiver,
    reports,
};
use clock::{Clock, Machine};
use config::Config;
pub use connection::{Encrypted, serve};
use devices::{
    Devices, NoDevices,
    assistant::show_homes,
    buttons::{Press, raise_what_is_pressed},
    care::watch_over,
    codes::check_codes,
    mqtt::{self, MqttDevices},
    simulated::SimulatedDevices,
};
use engine::{Engine, outbox::Outbox};
use homes::Homes;
use http::{Assets, Probe};
use hub::Hub;
use notify::webhooks::{self, Webhooks};
use private::FolderLock;
use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};
use store::{
    Change, Changes, Database, Feed, Op, Reads, StoreError,
    sqlite::{self, DATABASE},
    writer,
};
use tasks::{TaskFailed, Tasks};
use tls::{Tls, TlsError};
use tokio::{
    net::TcpListener,
    sync::{mpsc, watch},
};
use ways::Ways;

/// Presses of buttons that wait to be raised at most.
const PRESSES: usize = 1_024;

/// Everything that a handler may need.
pub struct App {
    /// Reads from the store.
    pub reads: Arc<dyn Reads>,
    /// Writes to the store.
    pub changes: Changes,
    /// The way in to the loop.
    pub engine: Engine,
    /// Who listens.
    pub hub: Arc<Hub>,
    /// The time.
    pub clock: Arc<Clock>,
    /// Homes, as they are set up now.
    pub homes: Arc<Homes>,
    /// What has sirens, and says of itself how it is.
    pub devices: Arc<dyn Devices>,
    /// Cameras, as far as anybody looks at them.
    pub cameras: Arc<Cameras>,
    /// What cameras showed when help was asked for.
    pub clips: Clips,
    /// Those of them that are behind a broker.
    pub broker: Option<Arc<MqttDevices>>,
    /// Those of them that live in a demo's memory.
    pub simulated: Option<Arc<SimulatedDevices>>,
    /// The timers of new incidents.
    pub policy: Policy,
    /// The number from which the center calls.
    pub center_phone: Option<String>,
    /// A third party's receiving center, if there is one.
    pub receiver: Option<Arc<Receiver>>,
    /// Panels and other Bucklers that signal to this one, if it listens for them.
    pub listening: Option<Arc<Listening>>,
    /// Servers that are told of incidents' steps.
    pub webhooks: Webhooks,
    /// Who may report how far help has come.
    pub reporters: Vec<reports::Reporter>,
    /// Who sits at the console of the monitoring center.
    pub desk: Desk,
    /// Whether contacts' links may be shown, and responders are simulated.
    pub demo: bool,
    /// The folder of everything that is kept.
    pub data: PathBuf,
    /// Whose word counts for how a browser came.
    pub trusted_proxies: Vec<IpAddr>,
    /// How long a password that was given lets its device change a home.
    pub proof_lasts: Duration,
    /// Passkeys, and what is asked of authenticators just now.
    pub passkeys: Passkeys,
    /// Where passwords are hashed.
    pub hashing: Hashing,
    /// Failed sign-ins, and tries in calls.
    pub attempts: Attempts,
    /// Whether what people do would be stored.
    pub probe: Probe,
    /// The hash of the token that makes the first owner; `None` where there is an account.
    pub welcome: Mutex<Option<[u8; 32]>>,
    /// Notifies open streams when the sessions or rights of their account change.
    pub access: Access,
    /// Tasks that live as long as the server.
    pub tasks: Tasks,
    /// Becomes true when the server stops.
    pub stop: watch::Receiver<bool>,
}

/// Why the server does not start, or does not go on.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The data folder cannot be used.
    #[error("cannot use the data folder {folder}: {source}")]
    Folder {
        /// Which.
        folder: String,
        /// Why.
        source: std::io::Error,
    },
    /// Another server runs on the data folder.
    #[error("another server uses the data folder {folder}: stop it first, or give this one a folder of its own with --data")]
    InUse {
        /// Which.
        folder: String,
    },
    /// The store cannot be opened or read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// Which.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// Connections cannot be encrypted.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// Passkeys cannot be for the address.
    #[error("passkeys cannot be for the address of --public-url: {0}")]
    PublicUrl(#[source] webauthn_rs::prelude::WebauthnError),
    /// The way to sirens behind a broker cannot be made.
    #[error("{0}")]
    Mqtt(String),
    /// The way to a receiving center cannot be made.
    #[error("{0}")]
    Center(String),
    /// A webhook's secret cannot be read.
    #[error("{0}")]
    Webhook(String),
    /// A task that lives as long as the server has failed.
    #[error(transparent)]
    Task(#[from] TaskFailed),
    /// The demo and a real home do not share a folder.
    #[error("{0}")]
    Demo(String),
}

/// Connects to the broker, with what owners chose. What cannot be is left out, and its owner sees that it is not there.
fn begin_behind(broker: &Arc<MqttDevices>, homes: &Homes, tasks: &Tasks) -> Result<(), String> {
    if let Err(wrongs) = broker.rewire(homes.all().iter().map(|home| (home.id.clone(), home.wires.clone()))) {
        tracing::error!(?wrongs, "sirens that owners chose are not spoken to");
    }
    for file in broker.settings().buttons.iter().filter_map(|button| button.codes_file.as_deref()) {
        check_codes(file)?;
    }
    mqtt::connect(broker.clone(), broker.settings(), tasks)
}

/// Opens the address at which panels signal, if there is one.
async fn open_to_panels(config: &Config) -> Result<Option<(Arc<Listening>, listener::Socket)>, StartError> {
    let Some(settings) = &config.center.listener else { return Ok(None) };
    let listening = Listening::new(settings).map_err(StartError::Center)?;
    let failed = |source| StartError::Center(format!("cannot listen on {}: {source}", settings.listen));
    Ok(Some((listening, listener::open(settings).await.map_err(failed)?)))
}

impl App {
    /// Opens the store, starts the loop and everything beside it.
    ///
    /// # Errors
    /// What keeps it from starting, in a sentence.
    pub async fn start(config: &Config, stop: watch::Receiver<bool>) -> Result<Arc<Self>, StartError> {
        let folder = |source| StartError::Folder { folder: config.data.display().to_string(), source };
        private::folder(&config.data).map_err(folder)?;
        let mut database = sqlite::open(&config.data.join(DATABASE)).await?;
        demo::check(&mut database, config.demo).await?;
        Self::with_database(database, config, stop).await
    }

    /// Starts on a database that is open already.
    ///
    /// # Errors
    /// A store that cannot be read.
    pub async fn with_database(database: Database, config: &Config, stop: watch::Receiver<bool>) -> Result<Arc<Self>, StartError> {
        figures::record();
        let tasks = Tasks::new(stop.clone());
        let clock = Arc::new(Clock::new(Machine));
        let hub = Arc::new(Hub::default());
        // Nobody counts steps that nobody is told.
        let steps = (!config.webhooks.is_empty()).then(|| hub.steps());
        let simulated = Arc::new(SimulatedDevices::new(clock.clone(), hub.clone()));
        let beside: Arc<dyn Devices> = if config.demo { simulated.clone() } else { Arc::new(NoDevices) };
        let (pressed, presses) = mpsc::channel(PRESSES);
        let (reads, feed) = (database.reads.clone(), Arc::new(Feed::default()));
        let homes = Arc::new(Homes::load(&*reads).await?);
        let (changes, journal) = writer::start(database, feed.clone(), &tasks);
        let behind = |settings| MqttDevices::new(settings, clock.clone(), hub.clone(), beside.clone(), pressed);
        let broker = config.mqtt.as_ref().map(behind).transpose().map_err(StartError::Mqtt)?;
        if let Some(broker) = &broker {
            begin_behind(broker, &homes, &tasks).map_err(StartError::Mqtt)?;
        }
        let devices: Arc<dyn Devices> = broker.clone().map_or(beside, |broker| broker);
        let ways = Ways::new(config, &clock, &hub, &devices).map_err(StartError::Center)?;
        let outbox = Outbox::new(clock.clone(), &ways.live, &ways.drill);
        let engine = Engine::start(journal, clock.clone(), hub.clone(), outbox, &tasks).await?;
        let receiver = ways.begin(&engine, &clock, &tasks);
        let panels = open_to_panels(config).await?;
        let cameras = Cameras::new(config, clock.clone(), hub.clone(), stop.clone());
        let app = Arc::new(Self {
            homes,
            reads,
            changes,
            engine,
            desk: Desk::new(hub.clone()),
            hub,
            clock,
            devices,
            cameras,
            clips: Clips::new(&config.data),
            broker,
            simulated: config.demo.then_some(simulated),
            policy: config.policy,
            receiver,
            listening: panels.as_ref().map(|(listening, _)| listening.clone()),
            webhooks: Webhooks::new(&config.webhooks).map_err(StartError::Webhook)?,
            reporters: config.reporters.iter().map(reports::Reporter::new).collect::<Result<_, _>>().map_err(StartError::Webhook)?,
            center_phone: config.center.phone.clone(),
            demo: config.demo,
            data: config.data.clone(),
            trusted_proxies: config.trusted_proxies.clone(),
            proof_lasts: config.proof_lasts,
            passkeys: Passkeys::new(config.public_url.as_ref(), config.local_site()).map_err(StartError::PublicUrl)?,
            hashing: Hashing::default(),
            attempts: Attempts::default(),
            probe: Probe::default(),
            welcome: Mutex::default(),
            access: Access::default(),
            tasks,
            stop,
        });
        app.follow(&feed);
        app.begin_beside(presses, steps);
        if let Some((listening, socket)) = panels {
            app.tasks.spawn("panels", listener::listen(app.clone(), listening, socket));
        }
        Ok(app)
    }

    /// Updates caches and notifies listeners after each stored change.
    fn follow(self: &Arc<Self>, feed: &Feed) {
        let app = Arc::downgrade(self);
        feed.follow(move |change| {
            if let Some(app) = app.upgrade() {
                app.committed(change);
            }
        });
    }

    /// Updates caches and notifies listeners after a stored change.
    fn committed(self: &Arc<Self>, change: &Change) {
        for op in change.all_ops() {
            if let Op::PutHome { home, revision } = op {
                let before = self.homes.committed(home, *revision);
                self.set_up_anew(home, before.as_deref());
            }
            if let Some(home) = op.home() {
                self.hub.home_changed(home.clone());
            }
            if let Some(account) = op.account() {
                self.access.changed(account);
            }
            match op {
                Op::SetCenterRole(..) => self.hub.center_changed(),
                Op::EndQuarantined(incident, _) => {
                    self.engine.view().end_quarantine(incident);
                    self.hub.center_changed();
                }
                Op::PutAccount(_) => *self.welcome.lock().expect("no holder panics") = None,
                _ => {}
            }
        }
    }

    /// Reconnects cameras and sirens whose settings changed.
    fn set_up_anew(&self, home: &Home, before: Option<&Home>) {
        if before.is_none_or(|before| home.cameras != before.cameras) {
            self.cameras.review(home);
        }
        if before.is_none_or(|before| home.wires != before.wires)
            && let Some(broker) = &self.broker
            && let Err(wrongs) = broker.rewire([(home.id.clone(), home.wires.clone())])
        {
            // Somebody else was quicker with that name.
            tracing::warn!(?wrongs, "sirens that owners chose are not spoken to");
        }
    }

    /// What goes on beside requests, until the server stops.
    fn begin_beside(self: &Arc<Self>, presses: mpsc::Receiver<Press>, steps: Option<mpsc::UnboundedReceiver<IncidentId>>) {
        if let Some(steps) = steps {
            self.tasks.spawn("webhooks", webhooks::watch(self.clone(), steps));
        }
        self.tasks.spawn("live events", tell::fan_out(self.clone()));
        self.tasks.spawn("operators", watch_leases(self.clone()));
        self.tasks.spawn("cameras", cameras::keep_what_is_wanted(self.clone()));
        if let Some(broker) = self.broker.clone() {
            self.tasks.spawn("buttons", raise_what_is_pressed(self.clone(), presses));
            self.tasks.spawn("health of devices", watch_over(self.clone(), broker.clone()));
            if let Some(assistant) = broker.settings().home_assistant.clone() {
                self.tasks.spawn("Home Assistant", show_homes(self.clone(), broker, assistant));
            }
        }
        let mut stop = self.stop.clone();
        self.tasks.spawn("figures", async move {
            tokio::select! { () = stopped(&mut stop) => {}, () = figures::sum_up() => {} }
        });
    }

    /// Where there is no account yet: the token that makes the first owner, once. It is kept only as a hash, and only until the server stops.
    ///
    /// # Errors
    /// A store that cannot be read.
    pub async fn await_first_owner(&self) -> Result<Option<String>, StoreError> {
        if self.reads.has_accounts().await? {
            return Ok(None);
        }
        let token = auth::new_token();
        *self.welcome.lock().expect("no holder panics") = Some(auth::token_hash(&token));
        Ok(Some(token))
    }
}

/// Serves until `stop` becomes true; then open streams end, and open requests get a moment.
///
/// # Errors
/// What keeps it from starting, in a sentence; or which of its tasks failed.
pub async fn run(config: Config, assets: Assets, stop: watch::Receiver<bool>) -> Result<(), StartError> {
    let address = config.listen;
    let failed = |source| StartError::Listen { address, source };
    allow_many_connections();
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let tls = config.tls.clone().map(Tls::new).transpose()?.map(Arc::new);
    let _lock = lock(&config.data)?;
    let app = App::start(&config, stop.clone()).await?;
    let address = listener.local_addr().map_err(failed)?;
    tracing::info!(%address, data = %config.data.display(), demo = config.demo, "serving");
    let scheme = if tls.is_some() { "https" } else { "http" };
    let site = config.public_url.map_or_else(|| format!("{scheme}://{address}/"), |url| url.to_string());
    println!("Buckler serves {scheme}://{address}");
    if let Some(token) = app.await_first_owner().await? {
        println!("Nobody lives here yet. Begin at {site}welcome/{token}");
    }
    if let Some(tls) = &tls {
        app.tasks.spawn("certificate", tls.clone().reload_on_hangup(stop.clone()));
    }
    let tasks = app.tasks.clone();
    tokio::select! {
        served = serve(listener, tls, app, assets, stop) => served.map_err(failed),
        task = tasks.failed() => Err(task.into()),
    }
}

/// Takes the data folder for this server, for as long as what this returns lives.
fn lock(data: &std::path::Path) -> Result<FolderLock, StartError> {
    let folder = |source| StartError::Folder { folder: data.display().to_string(), source };
    private::folder(data).map_err(folder)?;
    FolderLock::take(data).map_err(folder)?.ok_or_else(|| StartError::InUse { folder: data.display().to_string() })
}

/// Every open stream is a file descriptor, and the usual limit of a shell is 1,024.
fn allow_many_connections() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum }) {
        tracing::warn!(%error, "the limit of open connections stays as it is");
    }
}

/// Comes back when the server stops.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    // A sender that is gone is a server that is gone.
    let _ = stop.wait_for(|stop| *stop).await;
}
