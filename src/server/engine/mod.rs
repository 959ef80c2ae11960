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
            Request,
            command::{Command, Raise},
            decide::Refusal,
            effect::unstored_sirens,
            event::Event,
        },
        time::Timestamp,
    },
    server::{
        clock::{Clock, instant},
        figures,
        hub::Hub,
        stopped,
        store::{Batch, Journal, Quarantined, RunningRow, StoreError},
        tasks::Tasks,
    },
};
pub use current::{Current, View};
use outbox::{LiveSirens, Outbox};
use round::{Job, Round};
use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};
use tokio::{
    sync::{mpsc, oneshot, watch},
    time::Instant,
};

/// Requests that may wait for the loop; more are told that the store is not available.
const QUEUE: usize = 8_192;
/// Decisions stored in one transaction: enough to share a flush, few enough that the first is not kept waiting.
/// Of 8, 16, 32, 64 and 128, eight had the least lateness for a thousand deadlines at once (`scripts/bench engine`).
const BATCH: usize = 8;
/// How long nothing must have waited before the store tidies up.
const IDLE: Duration = Duration::from_secs(1);
/// The pause between parts of tidying up.
const BREATH: Duration = Duration::from_millis(20);
/// How far the next deadline must be for tidying up to begin: writing a long log back and flushing it can take that long.
const ROOM: Duration = Duration::from_millis(250);
/// How often the clock is compared with the wall's while nothing happens.
const CLOCK_CHECK: Duration = Duration::from_secs(60);
/// A request that was not stored by then is answered as not sent, and is not begun afterwards: whoever asked may have gone another way
/// (F15, F16). The app says NOT SENT within a second.
pub const ANSWER_WITHIN: Duration = Duration::from_millis(800);
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
#[derive(Clone)]
pub struct Engine {
    jobs: mpsc::Sender<Job>,
    view: Arc<View>,
    clock: Arc<Clock>,
    sirens: LiveSirens,
}

impl Engine {
    /// Loads what runs, starts the loop, and hands over what was not carried out before the last stop.
    ///
    /// # Errors
    /// A store that cannot be read at all. An incident that cannot be read is quarantined.
    pub async fn start(
        store: Arc<dyn Journal>,
        clock: Arc<Clock>,
        hub: Arc<Hub>,
        outbox: Outbox,
        tasks: &Tasks,
    ) -> Result<Self, StoreError> {
        let view = Arc::new(View::default());
        let mut timers = Timers::default();
        let mut latest_fact = None;
        let changes = restore(&view, store.running().await?, clock.now());
        for current in view.running() {
            latest_fact = latest_fact.max(current.history.last().map(|fact| fact.at));
            timers.set(current.incident.id, current.incident.next_deadline());
        }
        let time_is_kept = set_clock(&*store, &clock, latest_fact).await?;
        if !changes.is_empty()
            && let Err(error) = store.commit(changes).await
        {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "a quarantine could not be stored; the home cannot raise another SOS"
            );
        }
        let (mut undone, unreadable) = store.undone().await?;
        if !unreadable.is_empty() {
            tracing::error!(keys = ?unreadable, "effects cannot be read, so they are not carried out");
        }
        view.note_unreadable_effects(unreadable);
        // In the order of the facts, whatever the store's own order is: a receiving center hears an alarm before its cancel.
        undone.sort_by_key(|effect| (effect.incident, effect.seq));
        view.stored(&undone, &[]);
        let (jobs, queue) = mpsc::channel(QUEUE);
        let engine = Self { jobs, view: view.clone(), clock: clock.clone(), sirens: outbox.live_sirens() };
        outbox.begin(engine.clone(), undone, view.running(), tasks);
        let keeper = Keeper { store, clock, hub, outbox, view, timers, time_is_kept, untidy: true, tidy_at: instant() + IDLE };
        tasks.spawn("engine", keeper.run(queue, tasks.stop()));
        Ok(engine)
    }

    /// What runs or ran last in each home.
    pub fn view(&self) -> &View {
        &self.view
    }

    /// Raises an incident, or joins the one that runs.
    ///
    /// # Errors
    /// Why it was not done. Sirens that somebody asked for alone are tried even then (F15): they call nobody and need no memory.
    pub async fn raise(&self, raise: Raise, fingerprint: [u8; 32]) -> Result<Answer, Denied> {
        let until = self.clock.now() + ANSWER_WITHIN;
        let sirens_alone = (raise.request == Request::Siren).then(|| raise.clone());
        let answer = self.ask(|reply| Job::Raise { raise: Box::new(raise), fingerprint, until, reply }).await;
        if let (Err(Denied::StorageUnavailable), Some(raise)) = (&answer, sirens_alone) {
            self.sirens.sound(unstored_sirens(&raise, self.clock.now()));
        }
        answer
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
        match tokio::time::timeout(ANSWER_WITHIN, answer).await {
            Ok(Ok(answer)) => answer,
            _ => Err(Denied::StorageUnavailable),
        }
    }
}

/// Puts the incidents that can go on into the view, and the others into quarantine. An incident that was quarantined before goes on if it
/// can now, and its home has no other one. Returns what must be stored of that.
fn restore(view: &View, rows: Vec<RunningRow>, now: Timestamp) -> Batch {
    let mut changes = Batch::default();
    let (quarantined, running): (Vec<_>, Vec<_>) = rows.into_iter().partition(|row| row.quarantined.is_some());
    for RunningRow { incident, home, quiet, quarantined, stored } in running.into_iter().chain(quarantined) {
        match (stored.and_then(Current::load), quarantined) {
            (Ok(current), None) => view.put(Arc::new(current)),
            (Ok(current), Some(_)) if view.running_of(&current.incident.home, quiet).is_none() => {
                tracing::warn!(incident, "a quarantined incident goes on: it can be read");
                changes.resumed.push(current.incident.id);
                view.put(Arc::new(current));
            }
            (Ok(_), Some(quarantined)) => view.quarantine(quarantined),
            (Err(error), quarantined) => {
                tracing::error!(incident, home, error = &error as &dyn std::error::Error, "an incident is quarantined: it cannot be read");
                let is_new = quarantined.is_none();
                let why = error.to_string();
                let quarantined = quarantined.unwrap_or(Quarantined { incident, home, quiet, since: now, why });
                if is_new {
                    changes.quarantined.push(quarantined.clone());
                }
                view.quarantine(quarantined);
            }
        }
    }
    changes
}

/// Makes the clock go on where the server stopped, and keeps what the next start needs for that. A time that could not be kept is not
/// taken over while an older one is kept: the next start would come to another. Says whether the time is kept.
async fn set_clock(store: &dyn Journal, clock: &Clock, latest_fact: Option<Timestamp>) -> Result<bool, StoreError> {
    let kept = store.anchor().await?;
    if let Some(latest) = latest_fact {
        clock.go_on(kept.as_ref(), latest);
    }
    let Some(anchor) = clock.anchor(clock.now()) else { return Ok(true) };
    let holds = latest_fact.is_some() && kept.as_ref().is_some_and(|kept| kept.boot.id == anchor.boot.id);
    if !holds && let Err(error) = store.put_anchor(&anchor).await {
        tracing::warn!(error = &error as &dyn std::error::Error, "the server's time could not be kept");
        clock.go_on(kept.as_ref(), latest_fact.unwrap_or_default());
        return Ok(false);
    }
    Ok(true)
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
    store: Arc<dyn Journal>,
    clock: Arc<Clock>,
    hub: Arc<Hub>,
    outbox: Outbox,
    view: Arc<View>,
    timers: Timers,
    /// Whether the next start can go on with this time; the disk may have failed when this one began.
    time_is_kept: bool,
    /// Whether anything was written, or tried to be, since the store tidied up.
    untidy: bool,
    /// When to tidy up; put off by everything that is written.
    tidy_at: Instant,
}

impl Keeper {
    async fn run(mut self, mut queue: mpsc::Receiver<Job>, mut stop: watch::Receiver<bool>) {
        let mut jobs = Vec::with_capacity(BATCH);
        let mut rest_until = None;
        loop {
            let wake = rest_until.or_else(|| self.timers.next().map(|at| self.clock.instant_of(at)));
            let has_room = wake.is_none_or(|at| at >= self.tidy_at.max(instant()) + ROOM);
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
                () = tokio::time::sleep_until(self.tidy_at), if rest_until.is_none() && has_room => {
                    self.tidy().await;
                    self.tidy_at = instant()
                        + match (self.view.store_fails(), self.untidy) {
                            (true, _) => IDLE,
                            (false, true) => BREATH,
                            (false, false) => CLOCK_CHECK,
                        };
                    continue;
                }
            }
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

    /// What can wait until nothing else does: the store's own work, and a wall clock that was set, once nothing is timed by this one.
    async fn tidy(&mut self) {
        if std::mem::take(&mut self.untidy) {
            match self.store.tidy().await {
                Ok(more) => self.untidy = more,
                Err(error) => tracing::warn!(error = &error as &dyn std::error::Error, "the store could not tidy up"),
            }
        }
        // After a failure the time is kept once more, only to see whether the disk stores again.
        if self.view.store_fails()
            && let Some(anchor) = self.clock.anchor(self.clock.now())
        {
            self.view.note_store(self.store.put_anchor(&anchor).await.is_err());
        }
        let Some(wall) = self.clock.correction().filter(|_| self.view.under_way().0 == 0 && !self.view.anything_runs()) else { return };
        let kept = match self.clock.anchor(wall) {
            Some(anchor) => self.store.put_anchor(&anchor).await,
            None => Ok(()),
        };
        match kept {
            Ok(()) => self.clock.tie(wall),
            Err(error) => tracing::warn!(error = &error as &dyn std::error::Error, "the wall clock was set, and that could not be kept"),
        }
    }

    /// Decides and stores these jobs together; where one of them is refused, each by itself, so that it cannot hold the others back.
    async fn work(&mut self, jobs: &mut Vec<Job>, now: Timestamp) -> bool {
        let all = std::mem::take(jobs);
        let Err((all, error)) = self.round(all, now).await else { return true };
        if all.len() <= 1 || !error.may_be_about_one() {
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
        if !round.batch.is_empty() {
            let began = instant();
            (self.untidy, self.tidy_at) = (true, instant() + IDLE);
            round.batch = match self.store.commit(std::mem::take(&mut round.batch)).await {
                Ok(batch) => batch,
                Err(error) => {
                    figures::commit_failed();
                    self.view.note_store(true);
                    return Err((jobs, error));
                }
            };
            figures::committed(began.elapsed());
            self.view.note_store(false);
            tell_steps(&round.batch);
        }
        let effects = std::mem::take(&mut round.batch.effects);
        let quarantined = std::mem::take(&mut round.batch.quarantined);
        self.view.stored(&effects, &round.batch.done);
        let (changed, answers) = round.finish();
        self.outbox.deliver(effects);
        for current in changed {
            self.timers.set(current.incident.id, current.incident.next_deadline());
            let home: HomeId = current.incident.home.clone();
            let (id, quiet) = (current.incident.id, current.incident.quiet.is_some());
            self.view.put(current);
            self.hub.incident_changed(home, id, quiet);
        }
        for quarantined in quarantined {
            self.quarantine(quarantined);
        }
        jobs.into_iter().zip(answers).for_each(|(job, answer)| job.answer(answer));
        if !self.time_is_kept
            && let Some(anchor) = self.clock.anchor(self.clock.now())
        {
            self.time_is_kept = self.store.put_anchor(&anchor).await.is_ok();
        }
        Ok(())
    }

    /// Stops its timer, which would fire without end. The next start tries again.
    fn quarantine(&mut self, quarantined: Quarantined) {
        if let Ok(id) = quarantined.incident.parse() {
            self.timers.set(id, None);
        }
        let home = quarantined.home.parse::<HomeId>();
        self.view.quarantine(quarantined);
        if let Ok(home) = home {
            self.hub.home_changed(home);
        }
        self.hub.center_changed();
    }
}

/// One line for each step of an incident. It names nobody and tells no secret: who and where is in the store.
fn tell_steps(batch: &Batch) {
    for (incident, first, facts) in &batch.facts {
        for (seq, fact) in (*first..).zip(facts) {
            if let Event::CountdownOver { late_ms } = fact.event {
                figures::countdown_over(Duration::from_millis(late_ms));
            }
            tracing::info!(%incident, seq, step = fact.event.name(), "incident");
        }
    }
}

async fn sleep_until(wake: Option<Instant>) {
    match wake {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
