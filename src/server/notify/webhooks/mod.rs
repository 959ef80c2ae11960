//! Tells other servers each step of an incident (Standard Webhooks): signed, in order, again and again until they have it.
//!
//! It reads what is stored and never makes anything wait. Nothing leaves before D, and nothing of what was aborted ([`leaving`]).
//!
//! [`leaving`]: crate::domain::incident::leaving

pub mod settings;

use crate::{
    api::webhooks::{Message, tell},
    domain::{
        id::{HomeId, IncidentId},
        incident::Mode,
        time::Timestamp,
    },
    server::{
        App,
        engine::Current,
        stopped,
        store::{Bookkeeping, ChangeError, Delivery, Failing, StoreError},
    },
};
use reqwest::{Client, header::CONTENT_TYPE, redirect};
use settings::{Hook, secret};
use standardwebhooks::{HEADER_WEBHOOK_ID, HEADER_WEBHOOK_SIGNATURE, HEADER_WEBHOOK_TIMESTAMP, Webhook};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, OnceLock},
    time::Duration,
};
use tokio::sync::{Notify, Semaphore, mpsc};

/// How long another server has to answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// The first pause before it is told again; it doubles up to [`PAUSE_MOST`].
const PAUSE_FIRST: Duration = Duration::from_millis(500);
/// The longest pause.
const PAUSE_MOST: Duration = Duration::from_secs(600);
/// What is not taken for so long is given up, until somebody asks for it.
const GIVE_UP: Duration = Duration::from_secs(24 * 3_600);
/// Messages under way at once to one server: one that is slow must not hold all memory.
const AT_ONCE: usize = 64;
/// How long what was told may wait to be written down: the store has better things to do than to write for each message.
const WRITTEN_AFTER: Duration = Duration::from_millis(500);
/// Rows that are written in one transaction: while it lasts nothing else is stored.
const WRITTEN_AT_ONCE: usize = 64;
/// Incidents that began longer ago are looked at again after a start only where something of them is still to be told.
const LOOK_BACK: Duration = Duration::from_secs(2 * 24 * 3_600);

/// A server that is told, and how far.
struct Told {
    hook: Hook,
    key: Webhook,
    /// What happened before is not told.
    since: OnceLock<Timestamp>,
    lines: Mutex<HashMap<IncidentId, Line>>,
    places: Semaphore,
    /// Somebody wants it tried again at once.
    again: Notify,
}

/// How far one incident was told to one server.
#[derive(Default)]
struct Line {
    /// The first step to tell; nothing until it is known.
    next: Option<u32>,
    /// Whose incident it is, once that is known.
    home: Option<HomeId>,
    failing: Option<Failing>,
    /// Whether nothing can come any more, and all was told.
    over: bool,
    /// Whether somebody tells it just now, and whether there may be more to tell than that one knows.
    busy: bool,
    more: bool,
    unwritten: bool,
}

/// Everybody who is told.
pub struct Webhooks {
    all: Vec<Arc<Told>>,
    client: Client,
}

/// An incident of which a server does not take a step.
pub struct Undelivered {
    /// Which of the servers.
    pub number: usize,
    /// Where it is.
    pub host: String,
    /// The incident.
    pub incident: IncidentId,
    /// That it fails.
    pub failing: Failing,
}

impl Webhooks {
    /// As the configuration names them.
    ///
    /// # Errors
    /// A secret that cannot be read.
    pub fn new(hooks: &[Hook]) -> Result<Self, String> {
        let told = |hook: &Hook| {
            let key = secret(&hook.secret_file)?;
            let (since, lines, again) = Default::default();
            Ok(Arc::new(Told { hook: hook.clone(), key, since, lines, places: Semaphore::new(AT_ONCE), again }))
        };
        Ok(Self { all: hooks.iter().map(told).collect::<Result<_, String>>()?, client: client()? })
    }

    /// What the servers of a home do not take.
    pub fn undelivered(&self, home: &HomeId) -> Vec<Undelivered> {
        let of = |(number, told): (usize, &Arc<Told>)| {
            let host = told.hook.url.host_str().unwrap_or_default().to_owned();
            let lines = told.lines();
            let failing = lines.iter().filter(|(_, line)| line.home.as_ref() == Some(home));
            let failing = failing.filter_map(|(id, line)| Some((*id, line.failing.clone()?)));
            failing.map(|(incident, failing)| Undelivered { number, host: host.clone(), incident, failing }).collect::<Vec<_>>()
        };
        let mut found: Vec<_> = self.all.iter().enumerate().flat_map(of).collect();
        found.sort_by_key(|undelivered| undelivered.failing.since);
        found
    }

    /// Tells it again, now, as if it had never failed. Whether there was anything to tell.
    pub fn resend(&self, app: &Arc<App>, number: usize, incident: IncidentId) -> bool {
        let Some(told) = self.all.get(number) else { return false };
        let failed = told.lines().get_mut(&incident).is_some_and(|line| {
            line.unwritten = true;
            line.failing.take().is_some()
        });
        if failed {
            told.poke(app, incident);
            told.again.notify_waiters();
        }
        failed
    }
}

fn client() -> Result<Client, String> {
    let client = Client::builder().redirect(redirect::Policy::none()).timeout(PATIENCE).no_proxy().user_agent("Buckler");
    client.build().map_err(|error| format!("cannot speak to other servers: {error}"))
}

/// Looks whether other servers can be reached, for `buckler check`, and tells them nothing: a line for each, and whether it is good.
pub async fn look(hooks: &[Hook]) -> Vec<(bool, String)> {
    let Ok(client) = client() else { return Vec::new() };
    let mut found = Vec::new();
    for hook in hooks {
        let reached = client.head(hook.url.clone()).send().await;
        let text = if reached.is_ok() { "can be reached" } else { "cannot be reached" };
        found.push((reached.is_ok(), format!("webhook: {} {text}", hook.url.host_str().unwrap_or_default())));
    }
    found
}

/// Tells everybody every step from now on, and what was left when the server stopped, until it stops again.
pub async fn watch(app: Arc<App>, mut steps: mpsc::UnboundedReceiver<IncidentId>) {
    let mut stop = app.stop.clone();
    while let Err(error) = begin(&app).await {
        tracing::error!(error = &error as &dyn std::error::Error, "what webhooks were told could not be read; it is tried again");
        tokio::select! { () = stopped(&mut stop) => return, () = tokio::time::sleep(PAUSE_FIRST) => {} }
    }
    let mut write = tokio::time::interval(WRITTEN_AFTER);
    loop {
        tokio::select! {
            () = stopped(&mut stop) => break,
            step = steps.recv() => match step {
                Some(incident) => app.webhooks.all.iter().for_each(|told| told.poke(&app, incident)),
                None => break,
            },
            _ = write.tick() => drop(write_down(&app).await),
        }
    }
    while write_down(&app).await {}
}

/// Finds what was left when the server stopped.
async fn begin(app: &Arc<App>) -> Result<(), ChangeError> {
    let now = app.clock.now();
    for told in &app.webhooks.all {
        let url = told.hook.url.as_str();
        let since = match app.reads.told_since(url).await? {
            Some(since) => since,
            None => app.changes.note(Bookkeeping::ToldSince(url.into(), now)).await.map(|()| now)?,
        };
        let since = *told.since.get_or_init(|| since);
        for Delivery { incident, next, failing, .. } in app.reads.deliveries(url).await? {
            let home = load(app, incident).await?.map(|current| current.incident.home.clone());
            told.lines().entry(incident).or_insert(Line { next: Some(next), home, failing, ..Line::default() });
            told.poke(app, incident);
        }
        for incident in app.reads.begun_since(since.max(now - LOOK_BACK)).await? {
            told.poke(app, incident);
        }
    }
    Ok(())
}

/// Writes down how far incidents were told, a few at a time, and forgets those that are over. Whether there is more to write.
async fn write_down(app: &App) -> bool {
    let mut more = false;
    for told in &app.webhooks.all {
        let url = told.hook.url.as_str();
        let row = |(incident, line): (&IncidentId, &mut Line)| {
            let next = line.next.filter(|_| std::mem::take(&mut line.unwritten))?;
            Some(Delivery { url: url.into(), incident: *incident, next, failing: line.failing.clone() })
        };
        let rows: Vec<_> = told.lines().iter_mut().filter_map(row).take(WRITTEN_AT_ONCE).collect();
        more |= rows.len() == WRITTEN_AT_ONCE;
        if !rows.is_empty()
            && let Err(error) = app.changes.note(Bookkeeping::Deliveries(rows.clone())).await
        {
            tracing::warn!(error = &error as &dyn std::error::Error, "how far a webhook was told could not be kept");
            more = false;
            let mut lines = told.lines();
            for row in rows {
                if let Some(line) = lines.get_mut(&row.incident) {
                    line.unwritten = true;
                }
            }
        }
        told.lines().retain(|_, line| line.busy || line.unwritten || line.failing.is_some() || !line.over);
    }
    more
}

/// An incident, running or over.
async fn load(app: &App, incident: IncidentId) -> Result<Option<Arc<Current>>, StoreError> {
    match app.engine.view().by_id(incident) {
        Some(current) => Ok(Some(current)),
        None => app.reads.incident(incident).await?.map(|stored| Current::load(stored).map(Arc::new)).transpose(),
    }
}

impl Told {
    fn lines(&self) -> MutexGuard<'_, HashMap<IncidentId, Line>> {
        self.lines.lock().expect("no holder panics")
    }

    /// There may be something to tell of an incident.
    fn poke(self: &Arc<Self>, app: &Arc<App>, incident: IncidentId) {
        let mut lines = self.lines();
        let line = lines.entry(incident).or_default();
        line.more = true;
        if !line.busy && !line.failing.as_ref().is_some_and(|failing| failing.given_up) {
            line.busy = true;
            tokio::spawn(self.clone().go_on(app.clone(), incident));
        }
    }

    /// Tells an incident until there is nothing more to tell, or nobody takes it.
    async fn go_on(self: Arc<Self>, app: Arc<App>, incident: IncidentId) {
        loop {
            if let Some(line) = self.lines().get_mut(&incident) {
                line.more = false;
            }
            let told = match self.tell(&app, incident).await {
                Ok(told) => told,
                Err(error) => {
                    tracing::warn!(%incident, error = &error as &dyn std::error::Error, "what a webhook is to be told could not be read");
                    tokio::time::sleep(PAUSE_MOST.min(PAUSE_FIRST * 8)).await;
                    continue;
                }
            };
            let mut lines = self.lines();
            let Some(line) = lines.get_mut(&incident) else { return };
            if told && line.more {
                continue;
            }
            line.busy = false;
            return;
        }
    }

    /// Whether this server is told of an incident at all.
    fn wants(&self, current: &Current) -> bool {
        let (homes, incident) = (&self.hook.homes, &current.incident);
        (homes.is_empty() || homes.contains(&incident.home)) && (self.hook.drills || incident.mode == Mode::Live)
    }

    /// Tells what there is; false where it is given up, or the server stops.
    async fn tell(&self, app: &App, incident: IncidentId) -> Result<bool, StoreError> {
        let Some(current) = load(app, incident).await?.filter(|current| self.wants(current)) else {
            self.learn(incident, |line| line.over = true);
            return Ok(true);
        };
        let known = self.lines().get(&incident).and_then(|line| line.next);
        let next = match known {
            Some(next) => next,
            None => app.reads.delivery(self.hook.url.as_str(), incident).await?.map_or(1, |delivery| delivery.next),
        };
        self.learn(incident, |line| (line.next, line.home) = (Some(next), Some(current.incident.home.clone())));
        let account = app.listening.as_ref().and_then(|listening| listening.account_of(&current.incident.home));
        let since = self.since.get().copied().unwrap_or_default();
        for message in tell(&current.incident, &current.history, account, next) {
            if message.timestamp >= since && !self.deliver(app, incident, &message).await {
                return Ok(false);
            }
            self.learn(incident, |line| (line.next, line.failing, line.unwritten) = (Some(message.data.seq + 1), None, true));
        }
        self.learn(incident, |line| line.over = current.incident.is_over());
        Ok(true)
    }

    fn learn(&self, incident: IncidentId, change: impl FnOnce(&mut Line)) {
        change(self.lines().entry(incident).or_default());
    }

    /// Sends one message until it is taken; false where it is given up, or the server stops.
    async fn deliver(&self, app: &App, incident: IncidentId, message: &Message) -> bool {
        let (mut pause, mut stop) = (PAUSE_FIRST, app.stop.clone());
        loop {
            let why = match self.send(app, incident, message).await {
                Ok(()) => return true,
                Err(why) => why,
            };
            tracing::warn!(%incident, to = self.hook.url.host_str(), why, "a webhook was not taken");
            let now = app.clock.now();
            let mut given_up = false;
            self.learn(incident, |line| {
                let since = line.failing.as_ref().map_or(now, |failing| failing.since);
                given_up = now.since(since) >= GIVE_UP;
                (line.failing, line.unwritten) = (Some(Failing { since, why, given_up }), true);
            });
            if given_up {
                return false;
            }
            tokio::select! {
                () = stopped(&mut stop) => return false,
                () = self.again.notified() => pause = PAUSE_FIRST,
                () = tokio::time::sleep(pause) => pause = (pause * 2).min(PAUSE_MOST),
            }
        }
    }

    /// Sends one message once. A message has the same id each time, and is signed anew.
    async fn send(&self, app: &App, incident: IncidentId, message: &Message) -> Result<(), String> {
        let _place = self.places.acquire().await.map_err(|error| error.to_string())?;
        let body = serde_json::to_string(message).map_err(|error| error.to_string())?;
        let id = format!("{incident}-{}", message.data.seq);
        let at = (app.clock.now().as_millis() / 1_000) as i64;
        let signature = self.key.sign(&id, at, body.as_bytes()).map_err(|error| error.to_string())?;
        let request = app.webhooks.client.post(self.hook.url.clone()).header(CONTENT_TYPE, "application/json");
        let request =
            request.header(HEADER_WEBHOOK_ID, id).header(HEADER_WEBHOOK_TIMESTAMP, at).header(HEADER_WEBHOOK_SIGNATURE, signature);
        match request.body(body).send().await {
            Ok(answer) if answer.status().is_success() => Ok(()),
            Ok(answer) => Err(format!("It answers {}.", answer.status().as_u16())),
            Err(error) if error.is_timeout() => Err("It does not answer.".into()),
            Err(_) => Err("It cannot be reached.".into()),
        }
    }
}
