//! The event loop: one task that takes jobs and deadlines, decides them in batches, stores each
//! batch, and then releases its effects.

use super::{
    Current, Denied, View,
    batch::{BatchBuilder, Job, Repeats},
    memory::{Memory, READ_LIMIT},
    outbox::Outbox,
    unstored::UnstoredSirens,
    waiting::{Party, Place, Waiting, line_of},
};
use crate::{
    domain::{
        id::{HomeId, IncidentId},
        incident::event::Event,
        time::Timestamp,
    },
    server::{
        clock::{Anchor, Clock, instant, sleep_until},
        live_events::LiveEvents,
        metrics, stopped,
        store::{Batch, Journal, Quarantined, StoreError},
    },
};
use std::{
    collections::{BTreeSet, HashMap},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, timeout},
};
use tracing::Span;

/// The most jobs in one batch: enough to share a flush, few enough that the first does not wait for
/// long. Of 8, 16, 32, 64 and 128, eight had the least lateness for a thousand deadlines at once
/// (`scripts/bench engine`).
const BATCH: usize = 8;
/// How long the loop must be idle before the store does its maintenance.
pub(super) const IDLE: Duration = Duration::from_secs(1);
/// The pause between parts of the maintenance.
const BREATH: Duration = Duration::from_millis(20);
/// The shortest time before the next deadline at which maintenance begins, because writing a long
/// log back and flushing it can take that long.
const ROOM: Duration = Duration::from_millis(250);
/// How often the clock is looked at while a deadline waits, because a machine that sleeps does not
/// wake its timers in time.
const LOOK: Duration = Duration::from_secs(1);
/// How often the clock is compared with the wall clock while nothing happens.
const CLOCK_CHECK: Duration = Duration::from_secs(60);
/// How often the log says that requests are refused.
const REFUSALS_LOGGED: Duration = Duration::from_secs(10);
/// The pause after the store failed, before due timers are tried again.
const REST: Duration = Duration::from_millis(100);

/// The next deadline of each incident.
#[derive(Debug, Default)]
pub(super) struct Timers {
    order: BTreeSet<(Timestamp, IncidentId)>,
    of: HashMap<IncidentId, Timestamp>,
}

impl Timers {
    pub(super) fn set(&mut self, id: IncidentId, at: Option<Timestamp>) {
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

/// What a loop begins with.
pub(super) struct Start {
    pub timers: Timers,
    pub time_is_kept: bool,
    /// Quarantines that begin and end.
    pub changes: Batch,
    /// Sirens that sound unless their request is stored.
    pub unstored_sirens: Arc<UnstoredSirens>,
}

/// The event loop, which owns the incidents.
pub(super) struct EventLoop {
    pub(super) store: Arc<dyn Journal>,
    pub(super) clock: Arc<Clock>,
    live_events: Arc<LiveEvents>,
    outbox: Outbox,
    pub(super) view: Arc<View>,
    timers: Timers,
    /// Whether the next start can continue with this time. It cannot if the anchor could not be
    /// stored when this server started.
    time_is_kept: bool,
    /// What was decided and is not stored.
    pub(super) memory: Memory,
    /// New requests that wait for a write that hangs.
    pub(super) parked: Vec<Job>,
    /// Whether anything was written, or an attempt was made, since the last maintenance.
    pub(super) untidy: bool,
    /// When to begin the maintenance; each write delays it.
    pub(super) tidy_at: Instant,
    /// When the log last said that requests are refused.
    refused_at: Option<Instant>,
    pub(super) unstored_sirens: Arc<UnstoredSirens>,
    pub(super) repeats: Repeats,
}

impl EventLoop {
    /// Creates a loop that does not run yet.
    pub(super) fn new(
        store: Arc<dyn Journal>,
        clock: Arc<Clock>,
        live_events: Arc<LiveEvents>,
        outbox: Outbox,
        view: Arc<View>,
        start: Start,
    ) -> Self {
        let Start { timers, time_is_kept, changes, unstored_sirens } = start;
        let mut memory = Memory::default();
        memory.keep(Arc::new(changes));
        Self {
            store,
            clock,
            live_events,
            outbox,
            view,
            timers,
            time_is_kept,
            memory,
            parked: Vec::new(),
            untidy: true,
            tidy_at: instant() + IDLE,
            refused_at: None,
            unstored_sirens,
            repeats: Repeats::default(),
        }
    }

    pub(super) async fn run(
        mut self,
        mut queue: mpsc::Receiver<Job>,
        mut stop: watch::Receiver<bool>,
    ) {
        let (mut jobs, mut waiting) = (Vec::with_capacity(BATCH), Waiting::default());
        let mut rest_until = None;
        loop {
            while let Ok(job) = queue.try_recv() {
                self.wait_in(&mut waiting, job);
            }
            let wake =
                rest_until.or_else(|| self.timers.next().map(|at| self.clock.instant_of(at)));
            let look = wake.filter(|_| self.clock.machine_may_sleep()).map(|_| instant() + LOOK);
            let (retry_at, works) = (self.memory.retry_at(), self.memory.is_empty());
            let has_room = wake.is_none_or(|at| at >= self.tidy_at.max(instant()) + ROOM);
            tokio::select! {
                biased;
                () = stopped(&mut stop) => {
                    // Requests that arrived before the stop are still answered.
                    jobs.extend(std::iter::from_fn(|| waiting.pop()));
                    while let Ok(job) = queue.try_recv() {
                        jobs.push(job);
                    }
                    self.work(&mut jobs, self.clock.now()).await;
                    self.store_before_the_end().await;
                    return;
                }
                (hung, result) = self.memory.hung() => {
                    self.hung_ended(hung, result).await;
                    self.unpark(&mut waiting);
                    continue;
                }
                () = sleep_until(wake) => {}
                () = sleep_until(look) => {}
                () = sleep_until(retry_at) => {
                    self.store_memory().await;
                    continue;
                }
                () = std::future::ready(()), if !waiting.is_empty() => {}
                Some(job) = queue.recv() => self.wait_in(&mut waiting, job),
                () = tokio::time::sleep_until(self.tidy_at), if rest_until.is_none() && has_room && works => {
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
            // Deadlines go first. Other jobs fill the rest of the batch, and never stand still.
            while let Ok(job) = queue.try_recv() {
                self.wait_in(&mut waiting, job);
            }
            let room = BATCH.saturating_sub(jobs.len()).max(1);
            jobs.extend(std::iter::from_fn(|| waiting.pop()).take(room));
            if !self.work(&mut jobs, now).await {
                // A job that fails again and again must not put off the next deadline.
                rest_until.get_or_insert(self.clock.instant_of(now + REST));
            }
        }
    }

    /// Adds a job to the line of its party. If the line is full, the job is refused.
    fn wait_in(&mut self, waiting: &mut Waiting<Place, Party, Job>, job: Job) {
        let must_wait = matches!(job, Job::Completed { .. });
        let (place, party) = line_of(&job, &self.view);
        if let Err(job) = waiting.push(place, party, job, must_wait) {
            // A line for each would push the steps of emergencies out of the log.
            if self.refused_at.is_none_or(|at| at.elapsed() > REFUSALS_LOGGED) {
                self.refused_at = Some(instant());
                tracing::warn!("too many requests of one device wait; more are refused");
            }
            job.answer(Err(Denied::Busy));
        }
    }

    /// Lets the requests that waited for a write that hung take their turn.
    fn unpark(&mut self, waiting: &mut Waiting<Place, Party, Job>) {
        for job in std::mem::take(&mut self.parked) {
            self.wait_in(waiting, job);
        }
    }

    /// Work for idle times: the store's maintenance, and adopting a corrected wall clock once no
    /// timer or effect depends on the current one.
    async fn tidy(&mut self) {
        if std::mem::take(&mut self.untidy) {
            let (store, more) = (self.store.clone(), Arc::new(AtomicBool::new(true)));
            let is_more = more.clone();
            let tidy = async move {
                more.store(store.tidy().await?, Ordering::Relaxed);
                Ok(())
            };
            match self.within_limit(tidy, Arc::default()).await {
                Some(Ok(())) => self.untidy = is_more.load(Ordering::Relaxed),
                Some(Err(error)) => tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "the store's maintenance failed"
                ),
                None => {
                    self.untidy = true;
                    return;
                }
            }
        }
        // After a failure the time is stored once more, only to test whether the store works again.
        if self.view.store_fails()
            && let Some(anchor) = self.clock.anchor(self.clock.now())
        {
            let fails = !matches!(self.put_anchor(anchor).await, Some(Ok(())));
            self.view.note_store(fails);
        }
        let needs_current = self.view.under_way().0 > 0
            || self.view.anything_runs()
            || self.unstored_sirens.are_under_way();
        let Some(wall) = self.clock.correction().filter(|_| !needs_current) else { return };
        let kept = match self.clock.anchor(wall) {
            Some(anchor) => self.put_anchor(anchor).await,
            None => Some(Ok(())),
        };
        match kept {
            Some(Ok(())) => self.clock.tie(wall),
            Some(Err(error)) => tracing::warn!(
                error = &error as &dyn std::error::Error,
                "could not store a corrected wall clock"
            ),
            None => {}
        }
    }

    async fn put_anchor(&mut self, anchor: Anchor) -> Option<Result<(), StoreError>> {
        let store = self.store.clone();
        self.within_limit(async move { store.put_anchor(&anchor).await }, Arc::default()).await
    }

    /// Decides and stores these jobs in one batch. If one of them may have made the store refuse
    /// the batch, each gets a batch of its own, so that it does not hold up the others. If nothing
    /// can be stored, they are decided from memory. Returns whether no job has to be tried again.
    async fn work(&mut self, jobs: &mut Vec<Job>, now: Timestamp) -> bool {
        let all = std::mem::take(jobs);
        // A new request is refused until everything before it is stored, so it does not wait for the
        // next attempt.
        let is_asked = all.iter().any(|job| job.may_wait(now));
        if self.memory.retry_at().is_some_and(|at| is_asked || at <= instant()) {
            self.store_memory().await;
        }
        if !self.memory.is_empty() {
            return self.act_from_memory(all, jobs, now).await;
        }
        let Err((all, error)) = self.round(all, now).await else { return true };
        if !error.may_be_about_one() {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "nothing can be stored; running incidents act from memory until it can"
            );
            return self.act_from_memory(all, jobs, now).await;
        }
        let mut all_done = true;
        for job in all {
            if !self.memory.is_empty() {
                all_done &= self.act_from_memory(vec![job], jobs, now).await;
                continue;
            }
            let span = job.span();
            let Err((failed, error)) = self.round(vec![job], now).await else { continue };
            if !error.may_be_about_one() {
                all_done &= self.act_from_memory(failed, jobs, now).await;
                continue;
            }
            let _of_request = span.enter();
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "a request could not be stored"
            );
            failed.into_iter().for_each(|job| jobs.extend(job.fail()));
            all_done = false;
        }
        all_done
    }

    async fn round(
        &mut self,
        jobs: Vec<Job>,
        now: Timestamp,
    ) -> Result<(), (Vec<Job>, StoreError)> {
        let mut round = BatchBuilder::new(&self.view, &mut self.repeats, now);
        match timeout(READ_LIMIT, round.decide(&jobs, &*self.store)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return Err((jobs, error)),
            Err(_) => return Err((jobs, StoreError::Unusable("a read takes too long".into()))),
        }
        let batch = Arc::new(std::mem::take(&mut round.batch));
        let spans = std::mem::take(&mut round.spans);
        let (changed, answers) = round.finish();
        if !batch.is_empty() {
            // A restart must know the time of the boot in which a countdown began (I16).
            if !self.view.store_fails() {
                self.keep_time().await;
            }
            match self.commit(&batch).await {
                Some(Ok(())) => {
                    self.view.note_store(false);
                    log_steps(&batch, &spans);
                    self.unstored_sirens.end(batch.requests.iter().map(|request| request.id));
                }
                Some(Err(error)) => return Err((jobs, error)),
                None => {
                    self.release_hung(&batch, changed, jobs, answers);
                    return Ok(());
                }
            }
        }
        self.release(batch, changed);
        jobs.into_iter().zip(answers).for_each(|(job, answer)| job.answer(answer));
        self.keep_time().await;
        Ok(())
    }

    /// Stores the time, if that failed at the start.
    async fn keep_time(&mut self) {
        if !self.time_is_kept
            && let Some(anchor) = self.clock.anchor(self.clock.now())
        {
            self.time_is_kept = matches!(self.put_anchor(anchor).await, Some(Ok(())));
        }
    }

    /// Releases the effects of a batch, and shows what changed.
    pub(super) fn release(&mut self, batch: Arc<Batch>, changed: Vec<Arc<Current>>) {
        let Batch { effects, quarantined, done, reports, .. } = Arc::unwrap_or_clone(batch);
        self.view.stored(&effects, &done);
        self.view.answered(reports);
        self.outbox.deliver(effects);
        for current in changed {
            self.timers.set(current.incident.id, current.incident.next_deadline());
            let home: HomeId = current.incident.home.clone();
            let (id, quiet) = (current.incident.id, current.incident.quiet.is_some());
            self.view.put(current);
            self.live_events.incident_changed(home, id, quiet);
        }
        for quarantined in quarantined {
            self.quarantine(quarantined);
        }
    }

    /// Quarantines an incident and stops its timer, which would fire without end. The next start
    /// tries the incident again.
    pub(super) fn quarantine(&mut self, quarantined: Quarantined) {
        if let Ok(id) = quarantined.incident.parse() {
            self.timers.set(id, None);
        }
        // The home must not notice a hidden one.
        let home = quarantined.home.parse::<HomeId>().ok().filter(|_| !quarantined.quiet);
        self.view.quarantine(quarantined);
        if let Some(home) = home {
            self.live_events.home_changed(home);
        }
        self.live_events.center_changed();
    }
}

/// Logs a line for each step of an incident. It contains no names and no secrets; who and where is
/// in the store.
pub(super) fn log_steps(batch: &Batch, spans: &[Span]) {
    for ((incident, first, facts), span) in batch.facts.iter().zip(spans) {
        let _of_request = span.enter();
        for (seq, fact) in (*first..).zip(facts) {
            if let Event::CountdownOver { late_ms } = fact.event {
                metrics::countdown_over(Duration::from_millis(late_ms));
            }
            tracing::info!(%incident, seq, step = fact.event.name(), "incident");
        }
    }
}
