//! The engine. Its event loop is one task that decides, stores, and only then releases effects. It
//! never waits for anything but the store.
//!
//! Requests that arrive together are stored together. At start, deadlines are computed again from
//! the stored incidents.

mod batch;
pub mod device;
mod event_loop;
mod memory;
pub mod outbox;
mod put_back;
mod reports;
mod running;
mod storing;
mod unstored;
mod waiting;

use crate::{
    domain::{
        id::{HomeId, IncidentId},
        incident::{
            Actor, CALL_OFF_REMEMBERED, Siren,
            command::{Command, Raise},
            decide::Refusal,
            effect::{Effect, EffectKind},
        },
        time::Timestamp,
    },
    server::{
        clock::Clock,
        live_events::LiveEvents,
        store::{Journal, REPORTS_REMEMBERED, StoreError},
        tasks::{Stage, Tasks},
    },
};
use batch::{Job, Reply};
use device::Origin;
use event_loop::{EventLoop, Start, Timers};
use outbox::Outbox;
pub use put_back::{PutBack, put_back};
pub use reports::SignedReport;
pub use running::{Current, View};
use std::{sync::Arc, time::Duration};
use tokio::sync::mpsc;
use unstored::UnstoredSirens;

/// The length of the event loop's queue. Requests beyond it are answered with
/// [`Denied::StorageUnavailable`].
const QUEUE: usize = 8_192;
/// A request that is not stored within this time is answered as not sent and does not begin later,
/// because the person may have called for help in another way (F15, F16). The app says NOT SENT
/// within a second.
pub const ANSWER_WITHIN: Duration = Duration::from_millis(800);
/// How long ago an incident may have begun that was called off within [`CALL_OFF_REMEMBERED`]:
/// sirens alone may sound for hours before somebody requests help.
const RECALLED: Duration = Duration::from_secs(24 * 3_600).saturating_add(CALL_OFF_REMEMBERED);
/// Why a request or command was not carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denied {
    /// The incident refused it.
    Refused(Refusal),
    /// The same id was used for another request (F10).
    IdReused,
    /// The request is new and too old to carry out, so the person must be asked (F5).
    Stale {
        /// The server's time, for a client whose clock is wrong.
        now: Timestamp,
    },
    /// A drill cannot start, because a live incident is running.
    LiveIncidentRunning,
    /// The incident does not exist, is quarantined, or cannot be read.
    Unknown,
    /// Nothing was stored, so nothing was done (I10).
    StorageUnavailable,
    /// The request was withdrawn before it arrived, so it begins nothing (I28).
    Withdrawn,
    /// Too many requests of the same device wait, so nothing was done.
    Busy,
    /// A request that has not arrived was not withdrawn, because its account withdrew too many of them.
    OverBudget,
}

/// The withdrawal of a request.
#[derive(Clone, Debug)]
pub struct Withdraw {
    /// The request.
    pub id: IncidentId,
    /// Its home.
    pub home: HomeId,
    /// Whether the withdrawal may be kept for a request that has not arrived.
    pub may_be_kept: bool,
}

/// The result of a request or command.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The incident afterwards.
    pub current: Arc<Current>,
    /// Whether the request made this incident.
    pub created: bool,
    /// Whether the request joined a running incident.
    pub joined: bool,
    /// Why the incident refused it, if facts were recorded nevertheless.
    pub refusal: Option<Refusal>,
}

/// Whether an effect that was left must not be carried out: an ON whose sirens were silenced, or whose
/// incident is over. Its OFF may have been completed before the stop, and nothing would end it. Also one
/// whose siren stopped at its own button: only a new request sounds it.
fn is_moot(view: &View, effect: &Effect) -> bool {
    let EffectKind::SirenOn { device, .. } = &effect.kind else { return false };
    match view.by_id(effect.incident) {
        Some(current) => match &current.incident.siren {
            Siren::Sounding { devices, stopped, .. } => {
                !devices.contains(device) || stopped.contains(device)
            }
            Siren::Silent | Siren::Silenced { .. } | Siren::Ended => true,
        },
        // What cannot be read may want it.
        None => !view.is_quarantined(effect.incident),
    }
}

/// A handle to the event loop.
#[derive(Clone)]
pub struct Engine {
    jobs: mpsc::Sender<Job>,
    view: Arc<View>,
    clock: Arc<Clock>,
    unstored_sirens: Arc<UnstoredSirens>,
    /// Whose requests wait together.
    token: Option<[u8; 32]>,
}

impl Engine {
    /// Loads the running incidents, starts the event loop, and queues the effects that were not
    /// completed before the last stop.
    ///
    /// # Errors
    /// The store cannot be read at all. An incident that cannot be read is quarantined instead.
    pub async fn start(
        store: Arc<dyn Journal>,
        clock: Arc<Clock>,
        live_events: Arc<LiveEvents>,
        outbox: Outbox,
        tasks: &Tasks,
    ) -> Result<Self, StoreError> {
        let view = Arc::new(View::default());
        let mut timers = Timers::default();
        let (mut latest_fact, mut least_if_unknown) = (None, None);
        let changes = view.restore(store.running().await?, clock.now());
        for current in view.running() {
            latest_fact = latest_fact.max(current.history.last().map(|fact| fact.at));
            timers.set(current.incident.id, current.incident.next_deadline());
            least_if_unknown = least_if_unknown.max(current.incident.too_late_for_sirens_at());
        }
        let time_is_kept = set_clock(&*store, &clock, latest_fact, least_if_unknown).await?;
        recall(&*store, &view, clock.now()).await?;
        view.answered(store.reports(clock.now() - REPORTS_REMEMBERED).await?);
        let (mut pending, unreadable) = store.pending().await?;
        if !unreadable.is_empty() {
            tracing::error!(keys = ?unreadable, "effects cannot be read, so they are not carried out");
        }
        view.note_unreadable_effects(unreadable);
        // Sorted in the order of the facts, because a receiving center must get an alarm before its
        // cancel.
        pending.sort_by_key(|effect| (effect.incident, effect.seq));
        view.stored(&pending, &[]);
        let (moot, pending): (Vec<_>, Vec<_>) =
            pending.into_iter().partition(|effect| is_moot(&view, effect));
        let (jobs, queue) = mpsc::channel(QUEUE);
        let unstored_sirens = UnstoredSirens::new(clock.clone(), outbox.live_sirens());
        let engine = Self {
            jobs,
            view: view.clone(),
            clock: clock.clone(),
            unstored_sirens: unstored_sirens.clone(),
            token: None,
        };
        outbox.begin(engine.clone(), pending, view.running(), tasks);
        let mut event_loop = EventLoop::new(
            store,
            clock,
            live_events,
            outbox,
            view,
            Start { timers, time_is_kept, changes, unstored_sirens },
        );
        event_loop.store_memory().await;
        let end = tasks.end_of(Stage::Engine);
        tasks.spawn_in(Stage::Engine, "engine", event_loop.run(queue, end));
        for effect in moot {
            engine.completed(effect.key, effect.incident, None).await;
        }
        Ok(engine)
    }

    /// A handle for the requests of one session or contact's link, by the hash of its token. They
    /// wait in a line of their own.
    #[must_use]
    pub fn on_behalf_of(&self, token: [u8; 32]) -> Self {
        Self { token: Some(token), ..self.clone() }
    }

    /// The number of jobs that the event loop has not taken yet.
    pub fn waiting(&self) -> usize {
        self.jobs.max_capacity() - self.jobs.capacity()
    }

    /// The running or latest incident of each home.
    pub fn view(&self) -> &View {
        &self.view
    }

    /// Raises an incident, or joins the running one.
    ///
    /// # Errors
    /// Why it was not raised. Sirens that were requested alone and are not stored when the countdown
    /// would be over sound nevertheless (F15), because they call nobody and need no stored state.
    pub async fn raise(&self, raise: Raise, fingerprint: [u8; 32]) -> Result<Answer, Denied> {
        self.raise_from(Origin::Home, raise, fingerprint).await
    }

    /// Like [`Self::raise`], for a request of another origin.
    ///
    /// # Errors
    /// Why it was not raised.
    pub async fn raise_from(
        &self,
        origin: Origin,
        raise: Raise,
        fingerprint: [u8; 32],
    ) -> Result<Answer, Denied> {
        let until = self.clock.now() + ANSWER_WITHIN;
        let sirens_alone = self.unstored_sirens.ask(&raise).map(|asked| (asked, raise.clone()));
        let answer = self
            .ask(|reply| Job::Raise { raise: Box::new(raise), fingerprint, origin, until, reply })
            .await;
        if let (Err(Denied::StorageUnavailable), Some((asked, raise))) = (&answer, sirens_alone)
            && !raise.is_stale(self.clock.now())
        {
            self.unstored_sirens.see_to(asked, raise);
        }
        answer
    }

    /// Gives a command to an incident.
    ///
    /// # Errors
    /// Why it was not carried out. A refusal that recorded facts is in the answer instead.
    pub async fn give(&self, incident: IncidentId, command: Command) -> Result<Answer, Denied> {
        if let Command::Cancel { .. } = &command {
            self.unstored_sirens.end([incident]);
        }
        self.ask(|reply| Job::Give { incident, command, reply: Some(reply) }).await
    }

    /// Gives a command to an incident without waiting for what becomes of it. If too many wait, it is
    /// dropped.
    pub fn tell(&self, incident: IncidentId, command: Command) {
        let (reply, _) = Reply::new(self.token);
        // Nobody waits for the answer, nor for room.
        let _ = self.jobs.try_send(Job::Give { incident, command, reply: Some(reply) });
    }

    /// Withdraws a request whose sender has no acknowledgment of it (I28): it is canceled if it counts
    /// down, and begins nothing if it has not arrived. Sirens that it asked for without being stored
    /// stop. Returns the incident that it began or joined, and `None` if it has not arrived.
    ///
    /// # Errors
    /// Why it was not withdrawn. That it was too late is in the answer instead.
    pub async fn withdraw(
        &self,
        request: Withdraw,
        by: Actor,
        restricted_until: Option<Timestamp>,
    ) -> Result<Option<Answer>, Denied> {
        self.unstored_sirens.withdraw(request.id);
        match self.ask(|reply| Job::Withdraw { request, by, restricted_until, reply }).await {
            Err(Denied::Withdrawn) => Ok(None),
            answer => answer.map(Some),
        }
    }

    /// Records that an effect was executed or given up, with the command that results from it.
    pub(crate) async fn completed(
        &self,
        key: String,
        incident: IncidentId,
        command: Option<Command>,
    ) {
        // If the loop has ended, the next start finds the effect again and executes it.
        let _ = self.jobs.send(Job::Completed { key, incident, command }).await;
    }

    async fn ask(&self, job: impl FnOnce(Reply) -> Job) -> Result<Answer, Denied> {
        let (reply, answer) = Reply::new(self.token);
        self.jobs.try_send(job(reply)).map_err(|_| Denied::StorageUnavailable)?;
        match tokio::time::timeout(ANSWER_WITHIN, answer).await {
            Ok(Ok(answer)) => answer,
            _ => Err(Denied::StorageUnavailable),
        }
    }
}

/// Loads the latest incident of each home that may have been called off a short time ago: the next
/// request must know that (R15).
async fn recall(store: &dyn Journal, view: &View, now: Timestamp) -> Result<(), StoreError> {
    for stored in store.latest_over(now - RECALLED).await? {
        match Current::load(stored) {
            Ok(current) => view.put(Arc::new(current)),
            Err(error) => tracing::warn!(
                error = &error as &dyn std::error::Error,
                "an incident that is over cannot be read; whether it was called off is not known"
            ),
        }
    }
    Ok(())
}

/// Continues the clock from where the server stopped, and stores the anchor that the next start
/// needs for that. If the anchor cannot be stored, the clock continues from the stored one, because
/// the next start would do so too. Returns whether the time is stored.
///
/// Who does not know the time may be late. It is then `least_if_unknown` at least: the countdowns
/// that ran are over, and call without sirens (R22).
async fn set_clock(
    store: &dyn Journal,
    clock: &Clock,
    latest_fact: Option<Timestamp>,
    least_if_unknown: Option<Timestamp>,
) -> Result<bool, StoreError> {
    let kept = store.anchor().await?;
    let is_unknown = least_if_unknown.is_some() && clock.is_unknown_since(kept.as_ref()).await;
    if is_unknown {
        tracing::warn!(
            "the machine has booted, and nobody has set its clock: how late it is is unknown. What was counting down calls without sirens"
        );
    }
    let least = latest_fact.max(least_if_unknown.filter(|_| is_unknown));
    if let Some(least) = least {
        clock.go_on(kept.as_ref(), least);
    }
    let Some(anchor) = clock.anchor(clock.now()) else { return Ok(true) };
    // A fact may be later than the stored time: then the next start would fall back behind it.
    let holds = kept.as_ref().is_some_and(|kept| {
        let runs = anchor.boot.uptime.saturating_sub(kept.boot.uptime);
        kept.boot.id == anchor.boot.id && least.is_some_and(|least| least <= kept.at + runs)
    });
    if !holds && let Err(error) = store.put_anchor(&anchor).await {
        tracing::warn!(
            error = &error as &dyn std::error::Error,
            "could not store the server's time"
        );
        clock.go_on(kept.as_ref(), least.unwrap_or_default());
        return Ok(false);
    }
    Ok(true)
}
