//! Starts every part of the server in order, connects them, and stops them. The only place that
//! knows all of them.

use super::{
    App,
    access::Access,
    cameras::{self, CameraOptions, Cameras, Clips},
    clock::{Clock, Machine},
    config::Config,
    dc09::{
        receiver::{self, Receiver},
        settings::{Peer, SettingsError},
        transmitter::Transmitter,
    },
    demo::{self, DemoError},
    effect_handlers::Handlers,
    engine::{Engine, outbox::Outbox},
    homes::Homes,
    http::{Assets, serve},
    identity::{self, passkeys::Passkeys},
    live_events::LiveEvents,
    metrics,
    monitoring::presence::{Leases, OperatorPresence, watch_leases},
    mqtt::{
        self, BindingError, MqttDevices, Readiness,
        buttons::{Buttons, Press, raise_what_is_pressed},
        codes::check_codes,
        device_health::{Monitor, monitor},
        discovery::{self, publish_homes},
    },
    private::{self, FolderLock},
    sirens::{Devices, NoDevices, simulated::SimulatedDevices},
    snapshots::{Publisher, Snapshots, fan_out},
    stopped,
    store::{
        Change, Changes, Database, Feed, Op, Reads, StoreError,
        sqlite::{self, DATABASE},
        writer,
    },
    tasks::{TaskFailed, Tasks},
    tls::{Tls, TlsError},
    webhooks::{self, AccountOf, Webhooks, incoming::Reporter},
};
use crate::domain::{home::Home, id::IncidentId};
use std::{net::SocketAddr, sync::Arc};
use tokio::{
    net::TcpListener,
    sync::{mpsc, watch},
};

/// The most button presses that wait to be raised.
const PRESSES: usize = 1_024;

/// Why the server does not start, or stops.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The data folder cannot be used.
    #[error("cannot use the data folder {folder}: {source}")]
    Folder {
        /// The folder.
        folder: String,
        /// The cause.
        source: std::io::Error,
    },
    /// Another server runs on the data folder.
    #[error(
        "another server uses the data folder {folder}: stop it first, or give this one a folder of its own with --data"
    )]
    InUse {
        /// The folder.
        folder: String,
    },
    /// The store cannot be opened or read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The server cannot listen on the address.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The cause.
        source: std::io::Error,
    },
    /// The certificate or its key cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The public address cannot have passkeys.
    #[error("passkeys cannot be for the address of --public-url: {0}")]
    PublicUrl(#[source] webauthn_rs::prelude::WebauthnError),
    /// The settings of the MQTT broker, or a file that they name, cannot be used.
    #[error(transparent)]
    Mqtt(#[from] mqtt::ConnectError),
    /// The settings of the receiving center, or of the address for alarm panels, cannot be used.
    #[error(transparent)]
    Center(#[from] SettingsError),
    /// The server cannot listen on the address for alarm panels.
    #[error("cannot listen on {address}: {source}")]
    Panels {
        /// The address.
        address: Peer,
        /// The cause.
        source: std::io::Error,
    },
    /// A webhook or a reporter cannot be used.
    #[error(transparent)]
    Webhook(#[from] webhooks::SetupError),
    /// A task that lives as long as the server has failed.
    #[error(transparent)]
    Task(#[from] TaskFailed),
    /// A demo and a real home cannot share a folder.
    #[error(transparent)]
    Demo(#[from] DemoError),
}

/// Connects to the MQTT broker, with the sirens that owners chose. Invalid choices are left out,
/// and the owner sees that such a siren is missing.
fn begin_behind(
    broker: &Arc<MqttDevices>,
    homes: &Homes,
    tasks: &Tasks,
) -> Result<(), mqtt::ConnectError> {
    if let Err(wrongs) =
        broker.rebind(homes.all().iter().map(|home| (home.id.clone(), home.siren_bindings.clone())))
    {
        tracing::error!(wrongs = ?sentences(&wrongs), "some sirens that owners chose cannot be used");
    }
    for file in broker.settings().buttons.iter().filter_map(|button| button.codes_file.as_deref()) {
        check_codes(file)?;
    }
    mqtt::connect(broker.clone(), broker.settings(), tasks)
}

fn sentences(wrongs: &[BindingError]) -> Vec<String> {
    wrongs.iter().map(ToString::to_string).collect()
}

/// Opens the address for alarm panels, if one is configured.
async fn open_to_panels(
    config: &Config,
) -> Result<Option<(Arc<Receiver>, receiver::Socket)>, StartError> {
    let Some(settings) = &config.center.listener else { return Ok(None) };
    let listening = Receiver::new(settings)?;
    let failed = |source| StartError::Panels { address: settings.listen.clone(), source };
    Ok(Some((listening, receiver::open(settings).await.map_err(failed)?)))
}

/// What webhooks and snapshots read.
struct IncidentSources<'a> {
    engine: &'a Engine,
    reads: &'a Arc<dyn Reads>,
    changes: &'a Changes,
    clock: &'a Arc<Clock>,
}

fn webhooks_of(
    config: &Config,
    sources: &IncidentSources,
    listening: Option<Arc<Receiver>>,
    stop: watch::Receiver<bool>,
) -> Result<Arc<Webhooks>, StartError> {
    let (engine, reads) = (sources.engine.clone(), sources.reads.clone());
    let (changes, clock, account_of) =
        (sources.changes.clone(), sources.clock.clone(), account_of(listening));
    let source = webhooks::Source { engine, reads, changes, clock, account_of, stop };
    Ok(Arc::new(Webhooks::new(&config.webhooks, source)?))
}

fn snapshots_of(
    config: &Config,
    sources: &IncidentSources,
    devices: &Arc<dyn Devices>,
    cameras: &Arc<Cameras>,
    broker: &Option<Arc<MqttDevices>>,
    receiver: &Option<Arc<Transmitter>>,
    operators: &Arc<OperatorPresence>,
) -> Arc<Snapshots> {
    Arc::new(Snapshots {
        engine: sources.engine.clone(),
        reads: sources.reads.clone(),
        clock: sources.clock.clone(),
        devices: devices.clone(),
        cameras: cameras.clone(),
        broker: broker.clone(),
        receiver: receiver.clone(),
        operators: operators.clone(),
        center: config.policy.center,
        center_phone: config.center.phone.clone(),
        demo: config.demo,
    })
}

fn reporters(config: &Config) -> Result<Arc<[Reporter]>, StartError> {
    config
        .reporters
        .iter()
        .map(Reporter::new)
        .collect::<Result<_, _>>()
        .map_err(|error| StartError::Webhook(error.into()))
}

fn passkeys(config: &Config) -> Result<Arc<Passkeys>, StartError> {
    Passkeys::new(config.public_url.as_ref(), config.local_site())
        .map(Arc::new)
        .map_err(StartError::PublicUrl)
}

fn camera_options(config: &Config) -> CameraOptions {
    CameraOptions { demo: config.demo, ffmpeg: config.ffmpeg.clone(), data: config.data.clone() }
}

/// The account numbers of homes, where panels signal to this server.
fn account_of(listening: Option<Arc<Receiver>>) -> AccountOf {
    Arc::new(move |home| listening.as_ref()?.account_of(home).map(str::to_owned))
}

/// What each task is given.
impl App {
    fn readiness(&self) -> Readiness {
        let snapshots = self.snapshots.clone();
        Arc::new(move |home| snapshots.ready(home))
    }

    fn publisher(&self) -> Publisher {
        Publisher {
            snapshots: self.snapshots.clone(),
            homes: self.homes.clone(),
            live_events: self.live_events.clone(),
        }
    }

    fn panels(&self) -> Arc<receiver::Source> {
        let (engine, homes, clock) = (self.engine.clone(), self.homes.clone(), self.clock.clone());
        Arc::new(receiver::Source {
            engine,
            homes,
            clock,
            policy: self.policy,
            stop: self.stop.clone(),
        })
    }

    fn leases(&self) -> Leases {
        let (operators, engine, clock) =
            (self.operators.clone(), self.engine.clone(), self.clock.clone());
        Leases {
            operators,
            engine,
            clock,
            live_events: self.live_events.clone(),
            homes: self.homes.clone(),
            center: self.policy.center,
        }
    }

    fn buttons(&self, broker: Arc<MqttDevices>) -> Buttons {
        let (attempts, engine, homes) =
            (self.attempts.clone(), self.engine.clone(), self.homes.clone());
        Buttons {
            broker,
            attempts,
            engine,
            homes,
            clock: self.clock.clone(),
            policy: self.policy,
            readiness: self.readiness(),
        }
    }

    fn monitor(&self, broker: Arc<MqttDevices>) -> Monitor {
        let (homes, changes, clock) =
            (self.homes.clone(), self.changes.clone(), self.clock.clone());
        Monitor { broker, homes, changes, clock, live_events: self.live_events.clone() }
    }

    fn published(&self, broker: Arc<MqttDevices>) -> discovery::Source {
        discovery::Source {
            broker,
            homes: self.homes.clone(),
            engine: self.engine.clone(),
            reads: self.reads.clone(),
            live_events: self.live_events.clone(),
            clock: self.clock.clone(),
            readiness: self.readiness(),
        }
    }
}

impl App {
    /// Opens the store, and starts the engine and all other tasks.
    ///
    /// # Errors
    /// Why the server does not start, in a sentence.
    pub async fn start(
        config: &Config,
        stop: watch::Receiver<bool>,
    ) -> Result<Arc<Self>, StartError> {
        let folder =
            |source| StartError::Folder { folder: config.data.display().to_string(), source };
        private::folder(&config.data).map_err(folder)?;
        let mut database = sqlite::open(&config.data.join(DATABASE)).await?;
        demo::check(&mut database, config.demo).await?;
        Self::with_database(database, config, stop).await
    }

    /// Starts on an open database.
    ///
    /// # Errors
    /// The store cannot be read, or a setting cannot be used.
    pub async fn with_database(
        database: Database,
        config: &Config,
        stop: watch::Receiver<bool>,
    ) -> Result<Arc<Self>, StartError> {
        metrics::record();
        let tasks = Tasks::new(stop.clone());
        let clock = Arc::new(Clock::new(Machine));
        let live_events = Arc::new(LiveEvents::default());
        // Without webhooks nothing reads the steps of incidents.
        let steps = (!config.webhooks.is_empty()).then(|| live_events.steps());
        let simulated = Arc::new(SimulatedDevices::new(clock.clone(), live_events.clone()));
        let fallback: Arc<dyn Devices> =
            if config.demo { simulated.clone() } else { Arc::new(NoDevices) };
        let (pressed, presses) = mpsc::channel(PRESSES);
        let (reads, feed) = (database.reads.clone(), Arc::new(Feed::default()));
        let homes = Arc::new(Homes::load(&*reads).await?);
        let (changes, journal) = writer::start(database, feed.clone(), &tasks);
        let behind = |settings| {
            let broker = MqttDevices::new(
                settings,
                clock.clone(),
                live_events.clone(),
                fallback.clone(),
                pressed,
            )?;
            begin_behind(&broker, &homes, &tasks).map(|()| broker)
        };
        let broker = config.mqtt.as_ref().map(behind).transpose()?;
        let devices: Arc<dyn Devices> = broker.clone().map_or(fallback, |broker| broker);
        let handlers = Handlers::new(config, &clock, &live_events, &devices)?;
        let outbox = Outbox::new(clock.clone(), &handlers.live, &handlers.drill);
        let engine =
            Engine::start(journal, clock.clone(), live_events.clone(), outbox, &tasks).await?;
        let receiver = handlers.begin(&engine, &clock, &tasks);
        let panels = open_to_panels(config).await?;
        let cameras = Cameras::new(
            config.cameras.clone(),
            camera_options(config),
            clock.clone(),
            live_events.clone(),
            stop.clone(),
        );
        let listening = panels.as_ref().map(|(listening, _)| listening.clone());
        let sources =
            IncidentSources { engine: &engine, reads: &reads, changes: &changes, clock: &clock };
        let webhooks = webhooks_of(config, &sources, listening.clone(), stop.clone())?;
        let operators = Arc::new(OperatorPresence::new(live_events.clone()));
        let snapshots =
            snapshots_of(config, &sources, &devices, &cameras, &broker, &receiver, &operators);
        let app = Arc::new(Self {
            homes,
            reads,
            changes,
            engine,
            snapshots,
            operators,
            live_events,
            clock,
            devices,
            cameras,
            clips: Arc::new(Clips::new(&config.data)),
            broker,
            simulated: config.demo.then_some(simulated),
            policy: config.policy,
            receiver,
            listening,
            webhooks,
            reporters: reporters(config)?,
            center_phone: config.center.phone.clone(),
            demo: config.demo,
            data: config.data.clone(),
            trusted_proxies: config.trusted_proxies.clone(),
            proof_lasts: config.proof_lasts,
            passkeys: passkeys(config)?,
            hashing: Arc::default(),
            attempts: Arc::default(),
            limits: Arc::default(),
            probe: Arc::default(),
            welcome: Arc::default(),
            access: Access::default(),
            tasks,
            stop,
        });
        app.follow(&feed);
        app.begin_beside(presses, steps, panels);
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
    fn committed(&self, change: &Change) {
        for op in change.all_ops() {
            if let Op::PutHome { home, revision } = op {
                let before = self.homes.committed(home, *revision);
                self.set_up_anew(home, before.as_deref());
            }
            if let Some(home) = op.home() {
                self.live_events.home_changed(home.clone());
            }
            if let Some(account) = op.account() {
                self.access.changed(account);
            }
            match op {
                Op::SetCenterRole(..) => self.live_events.center_changed(),
                Op::EndQuarantined { incident, .. } => {
                    self.engine.view().end_quarantine(incident);
                    self.live_events.center_changed();
                }
                Op::PutAccount(_) => self.welcome.end(),
                _ => {}
            }
        }
    }

    /// Reconnects cameras and sirens whose settings changed.
    fn set_up_anew(&self, home: &Home, before: Option<&Home>) {
        if before.is_none_or(|before| home.cameras != before.cameras) {
            self.cameras.review(home);
        }
        if before.is_none_or(|before| home.siren_bindings != before.siren_bindings)
            && let Some(broker) = &self.broker
            && let Err(wrongs) = broker.rebind([(home.id.clone(), home.siren_bindings.clone())])
        {
            // Another home took that name first.
            tracing::warn!(wrongs = ?sentences(&wrongs), "some sirens that owners chose cannot be used");
        }
    }

    /// Starts the tasks beside requests, which run until the server stops.
    fn begin_beside(
        self: &Arc<Self>,
        presses: mpsc::Receiver<Press>,
        steps: Option<mpsc::UnboundedReceiver<IncidentId>>,
        panels: Option<(Arc<Receiver>, receiver::Socket)>,
    ) {
        if let Some((listening, socket)) = panels {
            self.tasks.spawn("panels", receiver::listen(self.panels(), listening, socket));
        }
        if let Some(steps) = steps {
            self.tasks.spawn("webhooks", webhooks::watch(self.webhooks.clone(), steps));
        }
        self.tasks.spawn("live events", fan_out(self.publisher(), self.stop.clone()));
        self.tasks.spawn("operators", watch_leases(self.leases(), self.stop.clone()));
        self.tasks.spawn(
            "cameras",
            cameras::keep_what_is_wanted(
                self.cameras.clone(),
                self.homes.clone(),
                self.stop.clone(),
            ),
        );
        if let Some(broker) = self.broker.clone() {
            self.tasks.spawn(
                "buttons",
                raise_what_is_pressed(self.buttons(broker.clone()), presses, self.stop.clone()),
            );
            self.tasks.spawn(
                "health of devices",
                monitor(self.monitor(broker.clone()), self.stop.clone()),
            );
            if let Some(assistant) = broker.settings().home_assistant.clone() {
                self.tasks.spawn(
                    "Home Assistant",
                    publish_homes(self.published(broker), assistant, self.stop.clone()),
                );
            }
        }
        let mut stop = self.stop.clone();
        self.tasks.spawn("figures", async move {
            tokio::select! { () = stopped(&mut stop) => {}, () = metrics::sum_up() => {} }
        });
    }

    /// Returns the token for the first owner, if there is no account yet. It works once. It is kept
    /// only as a hash, and only until an account is stored or the server stops.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn await_first_owner(&self) -> Result<Option<String>, StoreError> {
        if self.reads.has_accounts().await? {
            return Ok(None);
        }
        let token = identity::new_token();
        self.welcome.begin(identity::token_hash(&token));
        Ok(Some(token))
    }
}

/// Serves until `stop` becomes true. Then open streams end, and open requests get a moment to
/// complete.
///
/// # Errors
/// Why the server does not start, in a sentence, or which of its tasks failed.
pub async fn run(
    config: Config,
    assets: Assets,
    stop: watch::Receiver<bool>,
) -> Result<(), StartError> {
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
    let site =
        config.public_url.map_or_else(|| format!("{scheme}://{address}/"), |url| url.to_string());
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

/// Locks the data folder for as long as the returned value exists.
fn lock(data: &std::path::Path) -> Result<FolderLock, StartError> {
    let folder = |source| StartError::Folder { folder: data.display().to_string(), source };
    private::folder(data).map_err(folder)?;
    FolderLock::take(data)
        .map_err(folder)?
        .ok_or_else(|| StartError::InUse { folder: data.display().to_string() })
}

/// Raises the limit of file descriptors. Every open stream takes one, and the usual limit of a
/// shell is 1,024.
fn allow_many_connections() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    if let Err(error) =
        setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum })
    {
        tracing::warn!(%error, "could not raise the limit of open connections");
    }
}
