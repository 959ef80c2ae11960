//! The outbox executes effects after they are stored. A slow handler delays no other handler. An
//! effect that fails is retried until its time is over.

use super::{Current, Engine};
use crate::{
    domain::incident::{
        Mode,
        command::Command,
        effect::{Effect, EffectKind, name},
    },
    server::{
        clock::Clock,
        metrics,
        tasks::{Stage, Tasks, contained, contained_now, message, spawn_contained},
    },
};
use async_trait::async_trait;
use backon::{BackoffBuilder, ExponentialBuilder};
use futures_util::FutureExt;
use std::{
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, Weak},
    time::Duration,
};
use tokio::sync::{Semaphore, mpsc};
use tokio_util::task::{TaskTracker, task_tracker::TaskTrackerToken};

/// The most attempts in progress at once in one handler. A siren that does not answer holds its
/// place for a second, and a thousand of them must not delay the one that does answer. Effects that
/// wait for a retry hold no place.
const AT_ONCE: usize = 4_096;
/// The first pause before a retry. It doubles up to [`PAUSE_MOST`].
const PAUSE_FIRST: Duration = Duration::from_millis(250);
/// The longest pause before a retry.
const PAUSE_MOST: Duration = Duration::from_secs(30);
/// How long an effect without a `not_after` of its own is retried.
const GIVE_UP: Duration = Duration::from_secs(24 * 3_600);

/// Why an attempt failed.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ExecuteError(pub String);

/// Executes effects of some kinds: sirens, telephones, responders, notices.
#[async_trait]
pub trait EffectHandler: Send + Sync + 'static {
    /// An effect has been queued. Called for each effect in the order of the facts, also after a
    /// restart, and before any effect that is queued later is carried out.
    fn queued(&self, _effect: &Effect) {}
    /// Executes the effect, or does nothing if its key was seen before. The returned command
    /// reports the result to the incident.
    async fn execute(&self, effect: &Effect) -> Result<Option<Command>, ExecuteError>;
    /// The command that tells the incident that the effect's time is over without success.
    fn on_expired(&self, _effect: &Effect) -> Option<Command> {
        None
    }
    /// Continues a running incident after the start of the server.
    fn resume(&self, _current: &Current) {}
}

/// The effect handlers of one mode. A live effect never reaches a handler of drills, and a drill's
/// effect never reaches a live handler (I18).
#[derive(Clone)]
pub struct EffectHandlers {
    /// Sirens and announcements.
    pub devices: Arc<dyn EffectHandler>,
    /// The telephones of emergency contacts.
    pub phones: Arc<dyn EffectHandler>,
    /// A third party's receiving center.
    pub receiver: Arc<dyn EffectHandler>,
    /// Police, fire and medical.
    pub responders: Arc<dyn EffectHandler>,
    /// Notices to people who are not looking at the app.
    pub notices: Arc<dyn EffectHandler>,
}

impl EffectHandlers {
    fn each(&self) -> [&Arc<dyn EffectHandler>; 5] {
        [&self.devices, &self.phones, &self.receiver, &self.responders, &self.notices]
    }
}

/// The index of the handler in [`EffectHandlers::each`] that executes effects of this kind.
fn queue_of(kind: &EffectKind) -> usize {
    match kind {
        EffectKind::SirenOn { .. } | EffectKind::SirenOff { .. } | EffectKind::Announce { .. } => 0,
        EffectKind::CallContact { .. } => 1,
        EffectKind::SignalReceiver { .. } => 2,
        EffectKind::RequestDispatch { .. } => 3,
        EffectKind::Notify { .. } => 4,
    }
}

/// A handler, and the sending end of its queue.
type Entrance = (Arc<dyn EffectHandler>, mpsc::UnboundedSender<Effect>);
/// A handler, and the receiving end of its queue, until its worker takes it.
type Worker = (Arc<dyn EffectHandler>, mpsc::UnboundedReceiver<Effect>);

/// Queues effects for the handlers and retries them.
#[derive(Clone)]
pub struct Outbox {
    clock: Arc<Clock>,
    live: Arc<[Entrance; 5]>,
    drill: Arc<[Entrance; 5]>,
    workers: Arc<Mutex<Vec<Worker>>>,
}

impl Outbox {
    /// Creates an outbox with these handlers.
    pub fn new(clock: Arc<Clock>, live: &EffectHandlers, drill: &EffectHandlers) -> Self {
        let mut workers = Vec::new();
        // The queues need no bound of their own, because each queued effect is one row of the
        // stored outbox.
        let mut queues = |handlers: &EffectHandlers| {
            Arc::new(handlers.each().map(|handler| {
                let (sender, receiver) = mpsc::unbounded_channel();
                workers.push((handler.clone(), receiver));
                (handler.clone(), sender)
            }))
        };
        let (live, drill) = (queues(live), queues(drill));
        Self { clock, live, drill, workers: Arc::new(Mutex::new(workers)) }
    }

    /// Starts the workers, with the running incidents and the effects that were pending at the
    /// start.
    pub(super) fn begin(
        &self,
        engine: Engine,
        pending: Vec<Effect>,
        running: Vec<Arc<Current>>,
        tasks: &Tasks,
    ) {
        for (handler, receiver) in self.workers.lock().expect("no holder panics").drain(..) {
            let work = work(handler, receiver, engine.clone(), self.clock.clone());
            // It ends when the event loop does, which holds the sending end of its queue.
            tasks.spawn_in(Stage::Engine, "outbox", work);
        }
        for current in running {
            for (handler, _) in self.queues(current.incident.mode) {
                // One incident that a handler cannot resume must not keep the server from starting.
                contained_now("effects of a running incident", &current.incident.home, || {
                    handler.resume(&current)
                });
            }
        }
        self.deliver(pending);
    }

    /// Queues stored effects. Never waits.
    pub(super) fn deliver(&self, effects: Vec<Effect>) {
        for effect in effects {
            // A worker ends only with the server, and the next start finds the effect again.
            let _ = self.queues(effect.mode)[queue_of(&effect.kind)].1.send(effect);
        }
    }

    /// The path to live sirens that bypasses the store (F15). It does not outlive the event loop.
    pub(super) fn live_sirens(&self) -> LiveSirens {
        LiveSirens(Arc::downgrade(&self.live))
    }

    fn queues(&self, mode: Mode) -> &[Entrance; 5] {
        match mode {
            Mode::Live => &self.live,
            Mode::Drill => &self.drill,
        }
    }
}

/// The path to live sirens for effects that could not be stored.
#[derive(Clone)]
pub(super) struct LiveSirens(Weak<[Entrance; 5]>);

impl LiveSirens {
    pub(super) fn tell(&self, effects: Vec<Effect>) {
        let Some(queues) = self.0.upgrade() else { return };
        for effect in effects {
            tracing::error!(
                key = effect.key,
                "commanding a siren although the command could not be stored"
            );
            let _ = queues[queue_of(&effect.kind)].1.send(effect);
        }
    }
}

async fn work(
    handler: Arc<dyn EffectHandler>,
    mut effects: mpsc::UnboundedReceiver<Effect>,
    engine: Engine,
    clock: Arc<Clock>,
) {
    let (places, first_tries) = (Arc::new(Semaphore::new(AT_ONCE)), TaskTracker::new());
    while let Some(effect) = effects.recv().await {
        contained_now("effect", &effect.key, || handler.queued(&effect));
        let (handler, engine, clock, places) =
            (handler.clone(), engine.clone(), clock.clone(), places.clone());
        let first_try = first_tries.token();
        spawn_contained("effect", effect.key.clone(), async move {
            let command = see_through(&*handler, &effect, &clock, &places, first_try).await;
            engine.completed(effect.key, effect.incident, command).await;
        });
    }
    // The server ends. What it has stored is tried at least once, so that a siren that was silenced
    // a moment ago does not sound until the next start.
    first_tries.close();
    first_tries.wait().await;
}

/// Tries until it succeeds or its time is over (I13: nothing is carried out after its `not_after`).
async fn see_through(
    handler: &dyn EffectHandler,
    effect: &Effect,
    clock: &Clock,
    places: &Semaphore,
    first_try: TaskTrackerToken,
) -> Option<Command> {
    let not_after = effect.not_after.unwrap_or(clock.now() + GIVE_UP);
    let mut pauses = ExponentialBuilder::new()
        .with_min_delay(PAUSE_FIRST)
        .with_max_delay(PAUSE_MOST)
        .without_max_times()
        .build();
    let mut first_try = Some(first_try);
    loop {
        // The semaphore is never closed.
        let place = places.acquire().await;
        if clock.now() >= not_after {
            break;
        }
        // A panic is a failed attempt: it is retried, and blocks no other effect.
        let tried = AssertUnwindSafe(handler.execute(effect)).catch_unwind().await;
        let tried = tried
            .unwrap_or_else(|panic| Err(ExecuteError(format!("panicked: {}", message(&*panic)))));
        drop((place, first_try.take()));
        match tried {
            Ok(command) => {
                metrics::tried(name(&effect.kind), "done");
                return command;
            }
            Err(error) => {
                metrics::tried(name(&effect.kind), "failed");
                tracing::warn!(key = effect.key, kind = name(&effect.kind), %error, "an effect failed and will be tried again");
            }
        }
        let pause = pauses.next().unwrap_or(PAUSE_MOST);
        tokio::time::sleep_until(clock.instant_of((clock.now() + pause).min(not_after))).await;
    }
    tracing::error!(
        key = effect.key,
        kind = name(&effect.kind),
        "an effect was given up: its time is over"
    );
    // Without an answer the effect would stay in the outbox until the next start.
    contained("effect", &effect.key, async { handler.on_expired(effect) }).await.flatten()
}
