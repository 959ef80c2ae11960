//! Delivers each step of an incident to other servers (Standard Webhooks): signed, in order, and
//! retried until the server accepts it.
//!
//! It reads stored incidents and never delays anything else. Nothing leaves before D, and nothing
//! of an aborted request ([`disclosures`]).
//!
//! [`disclosures`]: crate::domain::incident::disclosure::disclosures

pub mod incoming;
pub mod settings;

use crate::{
    api::webhooks::Message,
    domain::{
        id::{HomeId, IncidentId},
        incident::Mode,
        time::Timestamp,
    },
    server::{
        clock::Clock,
        engine::{Current, Engine},
        presenters::webhooks::messages,
        stopped,
        store::{Bookkeeping, ChangeError, Changes, Delivery, Failing, Reads, StoreError},
        tasks::{contained, spawn_contained},
    },
};
use backon::{BackoffBuilder, ExponentialBuilder};
use reqwest::{Client, header::CONTENT_TYPE, redirect};
use settings::{Hook, SettingsError, secret};
use standardwebhooks::{
    HEADER_WEBHOOK_ID, HEADER_WEBHOOK_SIGNATURE, HEADER_WEBHOOK_TIMESTAMP, Webhook, WebhookError,
};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, OnceLock},
    time::Duration,
};
use tokio::sync::{AcquireError, Notify, Semaphore, mpsc, watch};

/// The timeout of a delivery.
const PATIENCE: Duration = Duration::from_secs(10);
/// The first backoff before a retry. It doubles up to [`PAUSE_MOST`].
const PAUSE_FIRST: Duration = Duration::from_millis(500);
/// The longest backoff.
const PAUSE_MOST: Duration = Duration::from_secs(600);
/// The backoffs before retries.
const BACKOFF: ExponentialBuilder = ExponentialBuilder::new()
    .with_min_delay(PAUSE_FIRST)
    .with_max_delay(PAUSE_MOST)
    .without_max_times();
/// A message that was not accepted for this long is given up, until a person resends it.
const GIVE_UP: Duration = Duration::from_secs(24 * 3_600);
/// The most deliveries to one server at once, so that a slow server does not use all memory.
const AT_ONCE: usize = 64;
/// How often the progress of deliveries is stored. A write for each message would load the store
/// too much.
const WRITTEN_AFTER: Duration = Duration::from_millis(500);
/// The most rows in one transaction, because nothing else can be stored while it lasts.
const WRITTEN_AT_ONCE: usize = 64;
/// After a start, incidents that began longer ago than this are checked only if the store has a
/// failing delivery of them.
const LOOK_BACK: Duration = Duration::from_secs(2 * 24 * 3_600);

/// A server that gets webhooks, and the progress of its deliveries.
struct Endpoint {
    hook: Hook,
    key: Webhook,
    /// Steps before this time are not sent.
    since: OnceLock<Timestamp>,
    progress: Mutex<HashMap<IncidentId, DeliveryProgress>>,
    places: Semaphore,
    /// Notified when a person wants an immediate retry.
    again: Notify,
}

/// The progress of one incident's deliveries to one server.
#[derive(Default)]
struct DeliveryProgress {
    /// The number of the next step to send; `None` until it is known.
    next: Option<u32>,
    /// The home of the incident, once it is known.
    home: Option<HomeId>,
    failing: Option<Failing>,
    /// Whether there will be no more steps, and all are delivered.
    over: bool,
    /// Whether a task delivers the incident, and whether there may be steps that the task has not
    /// seen.
    busy: bool,
    more: bool,
    unwritten: bool,
}

/// All servers that get webhooks.
pub struct Webhooks {
    all: Vec<Arc<Endpoint>>,
    client: Client,
    source: Source,
}

/// The account number of a home with the panels that signal to this server, if it has one.
pub type AccountOf = Arc<dyn Fn(&HomeId) -> Option<String> + Send + Sync>;

/// Why webhooks cannot be delivered, or reports be received.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The settings, or a secret, cannot be used.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The HTTP client cannot be created.
    #[error("cannot speak to other servers: {0}")]
    Client(#[source] reqwest::Error),
}

/// Why one delivery of a message failed.
#[derive(Debug, thiserror::Error)]
pub enum DeliveryError {
    /// The server answers, but does not accept the message.
    #[error("It answers {0}.")]
    Status(u16),
    /// The server did not answer in time.
    #[error("It does not answer.")]
    NoAnswer(#[source] reqwest::Error),
    /// The server cannot be reached.
    #[error("It cannot be reached.")]
    Unreachable(#[source] reqwest::Error),
    /// The message cannot be encoded.
    #[error(transparent)]
    Encode(#[from] serde_json::Error),
    /// The message cannot be signed.
    #[error(transparent)]
    Sign(#[from] WebhookError),
    /// There are no deliveries any more.
    #[error(transparent)]
    Closed(#[from] AcquireError),
}

/// What deliveries are made of.
pub struct Source {
    /// Running incidents.
    pub engine: Engine,
    /// Past incidents, and the progress of deliveries.
    pub reads: Arc<dyn Reads>,
    /// Stores the progress.
    pub changes: Changes,
    /// The clock.
    pub clock: Arc<Clock>,
    /// The account numbers of homes.
    pub account_of: AccountOf,
    /// Becomes true when the server stops.
    pub stop: watch::Receiver<bool>,
}

/// An incident with a failing delivery to a server.
pub struct Undelivered {
    /// The number of the server.
    pub number: usize,
    /// The host of the server.
    pub host: String,
    /// The incident.
    pub incident: IncidentId,
    /// The failure.
    pub failing: Failing,
}

impl Webhooks {
    /// Creates the webhooks of the configuration.
    ///
    /// # Errors
    /// A secret that cannot be read, or an HTTP client that cannot be created.
    pub fn new(hooks: &[Hook], source: Source) -> Result<Self, SetupError> {
        let endpoint = |hook: &Hook| {
            let key = secret(&hook.secret_file)?;
            let (since, progress, again) = Default::default();
            Ok(Arc::new(Endpoint {
                hook: hook.clone(),
                key,
                since,
                progress,
                places: Semaphore::new(AT_ONCE),
                again,
            }))
        };
        Ok(Self {
            all: hooks.iter().map(endpoint).collect::<Result<_, SetupError>>()?,
            client: client()?,
            source,
        })
    }

    /// The failing deliveries of a home, the oldest first.
    pub fn undelivered(&self, home: &HomeId) -> Vec<Undelivered> {
        let of = |(number, endpoint): (usize, &Arc<Endpoint>)| {
            let host = endpoint.hook.url.host_str().unwrap_or_default().to_owned();
            let all = endpoint.progress();
            let failing = all.iter().filter(|(_, progress)| progress.home.as_ref() == Some(home));
            let failing =
                failing.filter_map(|(id, progress)| Some((*id, progress.failing.clone()?)));
            failing
                .map(|(incident, failing)| Undelivered {
                    number,
                    host: host.clone(),
                    incident,
                    failing,
                })
                .collect::<Vec<_>>()
        };
        let mut found: Vec<_> = self.all.iter().enumerate().flat_map(of).collect();
        found.sort_by_key(|undelivered| undelivered.failing.since);
        found
    }

    /// Retries the failing delivery of an incident now, as if it had never failed. Returns whether
    /// there was one.
    pub fn resend(self: &Arc<Self>, number: usize, incident: IncidentId) -> bool {
        let Some(endpoint) = self.all.get(number) else { return false };
        let failed = endpoint.progress().get_mut(&incident).is_some_and(|progress| {
            progress.unwritten = true;
            progress.failing.take().is_some()
        });
        if failed {
            endpoint.poke(self, incident);
            endpoint.again.notify_waiters();
        }
        failed
    }
}

fn client() -> Result<Client, SetupError> {
    let client = Client::builder()
        .redirect(redirect::Policy::none())
        .timeout(PATIENCE)
        .no_proxy()
        .user_agent("Buckler");
    client.build().map_err(SetupError::Client)
}

/// Checks whether the servers can be reached, for `buckler check`, without sending them a step.
/// Returns a line for each, and whether it can be reached.
pub async fn probe(hooks: &[Hook]) -> Vec<(bool, String)> {
    let Ok(client) = client() else { return Vec::new() };
    let mut found = Vec::new();
    for hook in hooks {
        let reached = client.head(hook.url.clone()).send().await;
        let text = if reached.is_ok() { "can be reached" } else { "cannot be reached" };
        found.push((
            reached.is_ok(),
            format!("webhook: {} {text}", hook.url.host_str().unwrap_or_default()),
        ));
    }
    found
}

/// Delivers the steps that were left when the server last stopped, and all new steps, until the
/// server stops.
pub async fn watch(webhooks: Arc<Webhooks>, mut steps: mpsc::UnboundedReceiver<IncidentId>) {
    let mut stop = webhooks.source.stop.clone();
    while let Err(error) = begin(&webhooks).await {
        tracing::error!(
            error = &error as &dyn std::error::Error,
            "could not load the progress of webhook deliveries; retrying"
        );
        tokio::select! { () = stopped(&mut stop) => return, () = tokio::time::sleep(PAUSE_FIRST) => {} }
    }
    let mut write = tokio::time::interval(WRITTEN_AFTER);
    loop {
        tokio::select! {
            () = stopped(&mut stop) => break,
            step = steps.recv() => match step {
                Some(incident) => webhooks.all.iter().for_each(|endpoint| endpoint.poke(&webhooks, incident)),
                None => break,
            },
            _ = write.tick() => drop(write_down(&webhooks).await),
        }
    }
    while write_down(&webhooks).await {}
}

/// Resumes the deliveries that were left when the server stopped.
async fn begin(webhooks: &Arc<Webhooks>) -> Result<(), ChangeError> {
    let now = webhooks.source.clock.now();
    for endpoint in &webhooks.all {
        let url = endpoint.hook.url.as_str();
        let since = match webhooks.source.reads.webhook_since(url).await? {
            Some(since) => since,
            None => webhooks
                .source
                .changes
                .note(Bookkeeping::WebhookSince(url.into(), now))
                .await
                .map(|()| now)?,
        };
        let since = *endpoint.since.get_or_init(|| since);
        for Delivery { incident, next, failing, .. } in
            webhooks.source.reads.deliveries(url).await?
        {
            let home = load(webhooks, incident).await?.map(|current| current.incident.home.clone());
            endpoint.progress().entry(incident).or_insert(DeliveryProgress {
                next: Some(next),
                home,
                failing,
                ..DeliveryProgress::default()
            });
            endpoint.poke(webhooks, incident);
        }
        for incident in webhooks.source.reads.begun_since(since.max(now - LOOK_BACK)).await? {
            endpoint.poke(webhooks, incident);
        }
    }
    Ok(())
}

/// Stores the progress of deliveries, at most [`WRITTEN_AT_ONCE`] rows per server, and forgets
/// incidents that are done. Returns whether there is more to store.
async fn write_down(webhooks: &Webhooks) -> bool {
    let mut more = false;
    for endpoint in &webhooks.all {
        let url = endpoint.hook.url.as_str();
        let row = |(incident, progress): (&IncidentId, &mut DeliveryProgress)| {
            let next = progress.next.filter(|_| std::mem::take(&mut progress.unwritten))?;
            Some(Delivery {
                url: url.into(),
                incident: *incident,
                next,
                failing: progress.failing.clone(),
            })
        };
        let rows: Vec<_> =
            endpoint.progress().iter_mut().filter_map(row).take(WRITTEN_AT_ONCE).collect();
        more |= rows.len() == WRITTEN_AT_ONCE;
        if !rows.is_empty()
            && let Err(error) =
                webhooks.source.changes.note(Bookkeeping::Deliveries(rows.clone())).await
        {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "could not store the progress of webhook deliveries"
            );
            more = false;
            let mut all = endpoint.progress();
            for row in rows {
                if let Some(progress) = all.get_mut(&row.incident) {
                    progress.unwritten = true;
                }
            }
        }
        endpoint.progress().retain(|_, progress| {
            progress.busy || progress.unwritten || progress.failing.is_some() || !progress.over
        });
    }
    more
}

/// Loads an incident, running or over. One that cannot be read has no steps: it must not hold the
/// others up.
async fn load(
    webhooks: &Webhooks,
    incident: IncidentId,
) -> Result<Option<Arc<Current>>, StoreError> {
    if let Some(current) = webhooks.source.engine.view().known(incident) {
        return Ok(Some(current));
    }
    match webhooks
        .source
        .reads
        .incident(incident)
        .await
        .and_then(|stored| stored.map(Current::load).transpose())
    {
        Err(error @ StoreError::Inconsistent { .. }) => {
            tracing::error!(%incident, error = &error as &dyn std::error::Error, "an incident cannot be read, so no webhook is sent");
            Ok(None)
        }
        loaded => Ok(loaded?.map(Arc::new)),
    }
}

impl Endpoint {
    fn progress(&self) -> MutexGuard<'_, HashMap<IncidentId, DeliveryProgress>> {
        self.progress.lock().expect("no holder panics")
    }

    /// Starts the delivery of an incident, which may have new steps.
    fn poke(self: &Arc<Self>, webhooks: &Arc<Webhooks>, incident: IncidentId) {
        let mut all = self.progress();
        let progress = all.entry(incident).or_default();
        progress.more = true;
        if !progress.busy && !progress.failing.as_ref().is_some_and(|failing| failing.given_up) {
            progress.busy = true;
            let delivery = self.clone().go_on(webhooks.clone(), incident);
            spawn_contained("webhook", incident, delivery);
        }
    }

    /// Delivers an incident until there are no more steps, or the delivery is given up.
    async fn go_on(self: Arc<Self>, webhooks: Arc<Webhooks>, incident: IncidentId) {
        loop {
            if let Some(progress) = self.progress().get_mut(&incident) {
                progress.more = false;
            }
            // After a panic the incident is tried again too: `busy` would keep it from ever being.
            let delivered = match contained("webhook", incident, self.tell(&webhooks, incident))
                .await
            {
                Some(Ok(delivered)) => delivered,
                failed => {
                    if let Some(Err(error)) = failed {
                        tracing::warn!(%incident, error = &error as &dyn std::error::Error, "could not load a webhook's incident; retrying");
                    }
                    tokio::time::sleep(PAUSE_MOST.min(PAUSE_FIRST * 8)).await;
                    continue;
                }
            };
            let mut all = self.progress();
            let Some(progress) = all.get_mut(&incident) else { return };
            if delivered && progress.more {
                continue;
            }
            progress.busy = false;
            return;
        }
    }

    /// Whether this server gets an incident at all.
    fn wants(&self, current: &Current) -> bool {
        let (homes, incident) = (&self.hook.homes, &current.incident);
        (homes.is_empty() || homes.contains(&incident.home))
            && (self.hook.drills || incident.mode == Mode::Live)
    }

    /// Delivers all current steps. Returns false if a delivery is given up, or the server stops.
    async fn tell(&self, webhooks: &Webhooks, incident: IncidentId) -> Result<bool, StoreError> {
        let Some(current) = load(webhooks, incident).await?.filter(|current| self.wants(current))
        else {
            self.learn(incident, |progress| progress.over = true);
            return Ok(true);
        };
        let known = self.progress().get(&incident).and_then(|progress| progress.next);
        let next = match known {
            Some(next) => next,
            None => webhooks
                .source
                .reads
                .delivery(self.hook.url.as_str(), incident)
                .await?
                .map_or(1, |delivery| delivery.next),
        };
        self.learn(incident, |progress| {
            (progress.next, progress.home) = (Some(next), Some(current.incident.home.clone()))
        });
        let account = (webhooks.source.account_of)(&current.incident.home);
        let since = self.since.get().copied().unwrap_or_default();
        for message in messages(&current.incident, &current.history, account.as_deref(), next) {
            if message.timestamp >= since && !self.deliver(webhooks, incident, &message).await {
                return Ok(false);
            }
            self.learn(incident, |progress| {
                (progress.next, progress.failing, progress.unwritten) =
                    (Some(message.data.seq + 1), None, true);
            });
        }
        self.learn(incident, |progress| progress.over = current.incident.is_over());
        Ok(true)
    }

    fn learn(&self, incident: IncidentId, change: impl FnOnce(&mut DeliveryProgress)) {
        change(self.progress().entry(incident).or_default());
    }

    /// Sends one message until it is accepted. Returns false if it is given up, or the server
    /// stops.
    async fn deliver(&self, webhooks: &Webhooks, incident: IncidentId, message: &Message) -> bool {
        let (mut pauses, mut stop) = (BACKOFF.build(), webhooks.source.stop.clone());
        loop {
            let why = match self.send(webhooks, incident, message).await {
                Ok(()) => return true,
                Err(error) => error.to_string(),
            };
            tracing::warn!(%incident, to = self.hook.url.host_str(), why, "a webhook delivery failed");
            let now = webhooks.source.clock.now();
            let mut given_up = false;
            self.learn(incident, |progress| {
                let since = progress.failing.as_ref().map_or(now, |failing| failing.since);
                given_up = now.since(since) >= GIVE_UP;
                (progress.failing, progress.unwritten) =
                    (Some(Failing { since, why, given_up }), true);
            });
            if given_up {
                return false;
            }
            let pause = pauses.next().unwrap_or(PAUSE_MOST);
            tokio::select! {
                () = stopped(&mut stop) => return false,
                () = self.again.notified() => pauses = BACKOFF.build(),
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Sends one message once. A retry has the same id and a new signature.
    async fn send(
        &self,
        webhooks: &Webhooks,
        incident: IncidentId,
        message: &Message,
    ) -> Result<(), DeliveryError> {
        let _place = self.places.acquire().await?;
        let body = serde_json::to_string(message)?;
        let id = format!("{incident}-{}", message.data.seq);
        let at = (webhooks.source.clock.now().as_millis() / 1_000) as i64;
        let signature = self.key.sign(&id, at, body.as_bytes())?;
        let request =
            webhooks.client.post(self.hook.url.clone()).header(CONTENT_TYPE, "application/json");
        let request = request
            .header(HEADER_WEBHOOK_ID, id)
            .header(HEADER_WEBHOOK_TIMESTAMP, at)
            .header(HEADER_WEBHOOK_SIGNATURE, signature);
        match request.body(body).send().await {
            Ok(answer) if answer.status().is_success() => Ok(()),
            Ok(answer) => Err(DeliveryError::Status(answer.status().as_u16())),
            Err(error) if error.is_timeout() => Err(DeliveryError::NoAnswer(error)),
            Err(error) => Err(DeliveryError::Unreachable(error)),
        }
    }
}
