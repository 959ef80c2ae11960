//! Starts every part of the server in order, connects them, and stops them. The only place that
//! knows all of them.

mod beside;
mod parts;
mod put_back;

use super::{
    App,
    access::Access,
    cameras::{self, Clips},
    clock::{Clock, Machine, TimeSource},
    config::Config,
    dc09::settings::{Peer, SettingsError},
    demo::{self, DemoError},
    effect_handlers::Handlers,
    engine::{Engine, outbox::Outbox},
    evidence_key,
    homes::Homes,
    http::{self, Assets},
    identity,
    limits::Limits,
    live_events::LiveEvents,
    metrics, mqtt,
    private::{self, FolderLock},
    store::{
        Change, Database, Feed, Op, StoreError,
        sqlite::{self, DATABASE, epoch},
        writer,
    },
    tasks::{TaskFailed, Tasks, contained_now},
    tls::{Tls, TlsError},
    webhooks,
};
use crate::domain::home::Home;
use parts::{
    IncidentSources, Sirens, cameras_of, open_to_panels, passkeys, reporters, sentences,
    snapshots_of, webhooks_of,
};
use std::{net::SocketAddr, sync::Arc};
use tokio::{net::TcpListener, sync::watch};

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
    /// The socket on which the server listens failed.
    #[error("the server cannot accept connections any more: {0}")]
    Socket(#[source] std::io::Error),
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
        // A copy may have other permissions than the file.
        for key in [cameras::KEY, evidence_key::FILE] {
            private::tighten(&config.data.join(key));
        }
        let file = config.data.join(DATABASE);
        epoch::set_foreign_log_aside(&file, Machine.wall()).await?;
        let mut database = sqlite::open(&file).await?;
        demo::check(&mut database, config.demo).await?;
        let put_back = put_back::withhold(&file, &mut database).await?;
        let app = Self::with_database(database, config, stop).await?;
        put_back.into_iter().for_each(|put_back| app.engine.view().note_put_back(put_back));
        Ok(app)
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
        let (reads, feed) = (database.reads.clone(), Arc::new(Feed::default()));
        let homes = Arc::new(Homes::load(&*reads).await?);
        let (changes, journal) = writer::start(database, feed.clone(), &tasks);
        let Sirens { devices, broker, simulated, presses, stops } =
            Sirens::new(config, &clock, &live_events, &homes, &tasks)?;
        let handlers = Handlers::new(config, &clock, &live_events, &devices)?;
        let outbox = Outbox::new(clock.clone(), &handlers.live, &handlers.drill);
        let engine =
            Engine::start(journal, clock.clone(), live_events.clone(), outbox, &tasks).await?;
        let reached = handlers.reached.clone();
        let transmitter = handlers.begin(&engine, &clock, &tasks);
        let panels = open_to_panels(config).await?;
        let cameras = cameras_of(config, &clock, &live_events, &stop);
        let receiver = panels.as_ref().map(|(receiver, _)| receiver.clone());
        let sources =
            IncidentSources { engine: &engine, reads: &reads, changes: &changes, clock: &clock };
        let webhooks = webhooks_of(config, &sources, receiver.clone(), stop.clone())?;
        let snapshots =
            snapshots_of(config, &sources, &devices, &cameras, &broker, &transmitter, &reached);
        let app = Arc::new(Self {
            homes,
            reads,
            changes,
            engine,
            snapshots,
            operators: reached.operators,
            live_events,
            clock,
            devices,
            cameras,
            clips: Arc::new(Clips::new(&config.data)),
            broker,
            simulated,
            policy: config.policy,
            transmitter,
            receiver,
            webhooks,
            reporters: reporters(config)?,
            center_phone: config.center.phone.clone(),
            demo: config.demo,
            data: config.data.clone(),
            trusted_proxies: config.trusted_proxies.clone().into(),
            hosts: config.names().collect(),
            proof_lasts: config.proof_lasts,
            passkeys: passkeys(config)?,
            hashing: Arc::default(),
            attempts: Arc::default(),
            limits: Arc::new(Limits::new(descriptors())),
            probe: Arc::default(),
            welcome: Arc::default(),
            access: Access::default(),
            tasks,
            stop,
        });
        app.follow(&feed);
        app.begin_beside(presses, stops, steps, panels);
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
                // What others are told does not depend on this home's cameras and sirens.
                contained_now("cameras and sirens of a home", &home.id, || {
                    self.set_up_anew(home, before.as_deref())
                });
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

/// Serves until `stop` becomes true. Then open streams end, open requests get a moment to complete,
/// and what was accepted is stored.
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
    if let Some(address) = config.metrics_listen {
        app.open_metrics(address).await;
    }
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
    serve(listener, tls, app, assets, stop).await?;
    put_back::at_the_end(&config.data.join(DATABASE)).await;
    Ok(())
}

/// Serves until `stop` becomes true. Then open streams end, open requests get a moment to complete,
/// and the tasks of the server end, which have stored what was accepted.
///
/// # Errors
/// The socket failed, or a task.
pub async fn serve(
    listener: TcpListener,
    tls: Option<Arc<Tls>>,
    app: Arc<App>,
    assets: Assets,
    stop: watch::Receiver<bool>,
) -> Result<(), StartError> {
    let tasks = app.tasks.clone();
    let (connections, proxies) = (app.limits.connections.clone(), app.trusted_proxies.clone());
    let router = http::router(app, assets);
    let serving = http::serve(listener, tls, router, connections, proxies, stop);
    tokio::select! {
        served = serving => served.map_err(StartError::Socket)?,
        task = tasks.failed() => return Err(task.into()),
    }
    tokio::select! {
        biased;
        task = tasks.failed() => Err(task.into()),
        () = tasks.finish() => Ok(()),
    }
}

/// Locks the data folder for as long as the returned value exists.
pub(super) fn lock(data: &std::path::Path) -> Result<FolderLock, StartError> {
    let folder = |source| StartError::Folder { folder: data.display().to_string(), source };
    private::folder(data).map_err(folder)?;
    FolderLock::take(data)
        .map_err(folder)?
        .ok_or_else(|| StartError::InUse { folder: data.display().to_string() })
}

/// The number of files and sockets that this process may have open.
fn descriptors() -> usize {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX))
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
