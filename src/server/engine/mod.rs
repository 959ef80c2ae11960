//! The durable loop: one task that decides, stores and only then lets things happen. It never waits for anything but the store.
//!
//! Requests that arrive together are stored together. Deadlines are found again at start from what is stored.

mod current;
pub mod outbox;
mod round;

use crate::{
    domain::{
        id::{HomeId, IncidentId},
        incident::{
            command::{Command, Raise},
            decide::Refusal,
        },
        time::Timestamp,
    },
    server::{
        clock::Clock,
        hub::Hub,
        stopped,
        store::{Store, StoreError},
    },
};
pub use current::{Current, View};
use outbox::Outbox;
use round::{Job, Round};
use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};
use tokio::sync::{mpsc, oneshot, watch};

/// Requests that may wait for the loop; more are told that the store is not available.
const QUEUE: usize = 8_192;
/// Decisions stored in one transaction: enough to share a flush, few enough that the first is not kept waiting.
/// Of 8, 16, 32, 64 and 128, eight had the least lateness for a thousand deadlines at once (`scripts/bench engine`).
const BATCH: usize = 8;
/// How long nothing must have waited before the store tidies up.
const IDLE: Duration = Duration::from_secs(1);
/// How long the loop lets a failing store rest before it tries due timers again.
const REST: Duration = Duration::from_millis(100);

/// Why a request was not carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denied {
    /// The incident refuses.
    Refused(Refusal),
    /// The same id was used for another request (F10).
    IdReused,
    /// No drill while it is serious.
    LiveIncidentRunning,
    /// No such incident.
    Unknown,
    /// Nothing was stored, so nothing was done (I10).
    StorageUnavailable,
}

/// What came of a request.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The incident after it.
    pub current: Arc<Current>,
    /// Whether the request made this incident.
    pub created: bool,
    /// Whether it joined one that ran.
    pub joined: bool,
    /// Why the incident refused it, where facts were recorded all the same.
    pub refusal: Option<Refusal>,
}

/// The way in to the loop.
#[derive(Clone, Debug)]
pub struct Engine {
    jobs: mpsc::Sender<Job>,
    view: Arc<View>,
}

impl Engine {
    /// Loads what runs, starts the loop, and hands over what was not carried out before the last stop.
    ///
    /// # Errors
    /// A store that cannot be read, or that holds an impossible history (I15).
    pub async fn start(
        store: Arc<dyn Store>,
        clock: Arc<Clock>,
        hub: Arc<Hub>,
        outbox: Outbox,
        stop: watch::Receiver<bool>,
    ) -> Result<Self, StoreError> {
        let view = Arc::new(View::default());
        let mut timers = Timers::default();
        for stored in store.running().await? {
            let current = Current::load(stored)?;
            timers.set(current.incident.id, current.incident.next_deadline());
            view.put(Arc::new(current));
        }
        let undone = store.undone().await?;
        let (jobs, queue) = mpsc::channel(QUEUE);
        let engine = Self { jobs, view: view.clone() };
        outbox.begin(engine.clone(), undone, view.running());
        let keeper = Keeper { store, clock, hub, outbox, view, timers };
        tokio::spawn(keeper.run(queue, stop));
        Ok(engine)
    }

    /// What runs or ran last in each home.
    pub fn view(&self) -> &View {
        &self.view
    }

    /// Raises an incident, or joins the one that runs.
    ///
    /// # Errors
    /// Why it was not done.
    pub async fn raise(&self, raise: Raise, fingerprint: [u8; 32]) -> Result<Answer, Denied> {
        self.ask(|reply| Job::Raise { raise: Box::new(raise), fingerprint, reply }).await
    }

    /// Gives a command to an incident.
    ///
    /// # Errors
    /// Why it was not done; a refusal that left facts behind is in the answer instead.
    pub async fn give(&self, incident: IncidentId, command: Command) -> Result<Answer, Denied> {
        self.ask(|reply| Job::Give { incident, command, reply: Some(reply) }).await
    }

    /// Records that an effect was carried out or given up, with what it led to.
    pub(crate) async fn carried(&self, key: String, incident: IncidentId, command: Option<Command>) {
        // A loop that has ended is found again at the next start, with the effect still to do.
        let _ = self.jobs.send(Job::Carried { key, incident, command }).await;
    }

    async fn ask(&self, job: impl FnOnce(oneshot::Sender<Result<Answer, Denied>>) -> Job) -> Result<Answer, Denied> {
        let (reply, answer) = oneshot::channel();
        self.jobs.try_send(job(reply)).map_err(|_| Denied::StorageUnavailable)?;
        answer.await.unwrap_or(Err(Denied::StorageUnavailable))
    }
}

/// When to tick which incident.
#[derive(Debug, Default)]
struct Timers {
    order: BTreeSet<(Timestamp, IncidentId)>,
    of: HashMap<IncidentId, Timestamp>,
}

impl Timers {
    fn set(&mut self, id: IncidentId, at: Option<Timestamp>) {
        if let Some(old) = self.of.remove(&id) {
            self.order.remove(&(old, id));
        }
        if let Some(at) = at {
            self.of.insert(id, at);
            self.order.insert((at, id));
        }
    }

    fn next(&self) -> Option<Timestamp> {
        self.order.first().map(|(at, _)| *at)
    }

    fn due(&self, now: Timestamp, most: usize) -> Vec<IncidentId> {
        self.order.iter().take_while(|(at, _)| *at <= now).take(most).map(|(_, id)| *id).collect()
    }
}

/// Who keeps the incidents: the loop itself.
struct Keeper {
    store: Arc<dyn Store>,
    clock: Arc<Clock>,
    hub: Arc<Hub>,
    outbox: Outbox,
    view: Arc<View>,
    timers: Timers,
}

impl Keeper {
    async fn run(mut self, mut queue: mpsc::Receiver<Job>, mut stop: watch::Receiver<bool>) {
        let mut jobs = Vec::with_capacity(BATCH);
        let mut rest_until = None;
        let mut untidy = false;
        loop {
            let wake = rest_until.or_else(|| self.timers.next().map(|at| self.clock.instant_of(at)));
            if wake.is_none() {
                self.clock.set_by_the_wall();
            }
            tokio::select! {
                biased;
                () = stopped(&mut stop) => {
                    // What was asked before the end is still answered.
                    while let Ok(job) = queue.try_recv() {
                        jobs.push(job);
                    }
                    self.work(&mut jobs, self.clock.now()).await;
                    return;
                }
                () = sleep_until(wake) => {}
                _ = queue.recv_many(&mut jobs, BATCH) => {}
                () = tokio::time::sleep(IDLE), if untidy => {
                    untidy = false;
                    if let Err(error) = self.store.tidy().await {
                        tracing::warn!(error = &error as &dyn std::error::Error, "the store could not tidy up");
                    }
                    continue;
                }
            }
            untidy = true;
            let now = self.clock.now();
            if rest_until.is_none_or(|until| until <= self.clock.instant_of(now)) {
                rest_until = None;
                jobs.extend(self.timers.due(now, BATCH).into_iter().map(Job::tick));
            }
            // Deadlines go first; what else waits takes the room that they leave.
            while jobs.len() < BATCH
                && let Ok(job) = queue.try_recv()
            {
                jobs.push(job);
            }
            if !self.work(&mut jobs, now).await {
                rest_until = Some(self.clock.instant_of(now + REST));
            }
        }
    }

    /// Decides and stores these jobs together; where that fails, each by itself, so that one cannot hold the others back.
    async fn work(&mut self, jobs: &mut Vec<Job>, now: Timestamp) -> bool {
        let all = std::mem::take(jobs);
        let Err((all, error)) = self.round(all, now).await else { return true };
        if all.len() <= 1 {
            tracing::error!(error = &error as &dyn std::error::Error, "nothing could be stored");
            all.into_iter().for_each(|job| jobs.extend(job.fail()));
            return false;
        }
        let mut stored = true;
        for job in all {
            if let Err((failed, error)) = self.round(vec![job], now).await {
                tracing::error!(error = &error as &dyn std::error::Error, "a request could not be stored");
                failed.into_iter().for_each(|job| jobs.extend(job.fail()));
                stored = false;
            }
        }
        stored
    }

    async fn round(&mut self, jobs: Vec<Job>, now: Timestamp) -> Result<(), (Vec<Job>, StoreError)> {
        let mut round = Round::new(&self.view, now);
        if let Err(error) = round.decide(&jobs, &*self.store).await {
            return Err((jobs, error));
        }
        if !round.batch.is_empty()
            && let Err(error) = self.store.commit(&round.batch).await
        {
            return Err((jobs, error));
        }
        let effects = std::mem::take(&mut round.batch.effects);
        let (changed, answers) = round.finish();
        self.outbox.deliver(effects);
        for current in changed {
            self.timers.set(current.incident.id, current.incident.next_deadline());
            let home: HomeId = current.incident.home.clone();
            self.view.put(current);
            self.hub.incident_changed(home);
        }
        jobs.into_iter().zip(answers).for_each(|(job, answer)| job.answer(answer));
        Ok(())
    }
}

async fn sleep_until(wake: Option<std::time::Instant>) {
    match wake {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}
