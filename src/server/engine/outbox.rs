//! Carries effects out, after they are stored. A slow way out delays no other; what fails is tried again until its time is over.

use super::{Current, Engine};
use crate::{
    domain::incident::{
        Mode,
        command::Command,
        effect::{Effect, EffectKind, name},
    },
    server::{
        clock::Clock,
        figures,
        tasks::{Tasks, message},
    },
};
use async_trait::async_trait;
use futures_util::FutureExt;
use std::{
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, Weak},
    time::Duration,
};
use tokio::sync::{Semaphore, mpsc};

/// Tries under way at once on one way out. A siren that does not answer holds its place for a second: a thousand of them must not keep
/// the one that does waiting. What waits to be tried again holds none.
const AT_ONCE: usize = 4_096;
/// The first pause before an effect is tried again; it doubles up to [`PAUSE_MOST`].
const PAUSE_FIRST: Duration = Duration::from_millis(250);
/// The longest pause between tries.
const PAUSE_MOST: Duration = Duration::from_secs(30);
/// What has no end of its own is tried for a day.
const GIVE_UP: Duration = Duration::from_secs(24 * 3_600);

/// Why an effect was not carried out this time.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct NotCarried(pub String);

/// A way out of the server: sirens, telephones, responders, people.
#[async_trait]
pub trait WayOut: Send + Sync + 'static {
    /// An effect has been queued. Called for each effect in the order of the facts, also after a restart, and before any effect that is
    /// queued later is carried out.
    fn queued(&self, _effect: &Effect) {}
    /// Does it, or does nothing if the key was seen before. What came of it goes back to the incident as a command.
    async fn carry_out(&self, effect: &Effect) -> Result<Option<Command>, NotCarried>;
    /// What to tell the incident when the effect's time is over and it never succeeded.
    fn gave_up(&self, _effect: &Effect) -> Option<Command> {
        None
    }
    /// The server has started, and this incident runs: go on with it.
    fn resume(&self, _current: &Current) {}
}

/// The ways out of one mode. A live effect can never take a drill's way, nor a drill's effect a live one (I18).
#[derive(Clone)]
pub struct WaysOut {
    /// Sirens and voices.
    pub devices: Arc<dyn WayOut>,
    /// Contacts' telephones.
    pub phones: Arc<dyn WayOut>,
    /// A third party's receiving center.
    pub receiver: Arc<dyn WayOut>,
    /// Police, fire and medical.
    pub responders: Arc<dyn WayOut>,
    /// People who are not looking.
    pub notices: Arc<dyn WayOut>,
}

impl WaysOut {
    fn each(&self) -> [&Arc<dyn WayOut>; 5] {
        [&self.devices, &self.phones, &self.receiver, &self.responders, &self.notices]
    }
}

/// Which of [`WaysOut::each`] carries a kind.
fn lane(kind: &EffectKind) -> usize {
    match kind {
        EffectKind::SirenOn { .. } | EffectKind::SirenOff { .. } | EffectKind::Announce { .. } => 0,
        EffectKind::CallContact { .. } => 1,
        EffectKind::SignalReceiver { .. } => 2,
        EffectKind::RequestDispatch { .. } => 3,
        EffectKind::Notify { .. } => 4,
    }
}

/// A way out, and the end of its queue where effects go in.
type Lane = (Arc<dyn WayOut>, mpsc::UnboundedSender<Effect>);
/// A way out, and the end of its queue where effects come out, until its worker takes it.
type Worker = (Arc<dyn WayOut>, mpsc::UnboundedReceiver<Effect>);

/// Takes effects in and sees them through.
#[derive(Clone)]
pub struct Outbox {
    clock: Arc<Clock>,
    live: Arc<[Lane; 5]>,
    drill: Arc<[Lane; 5]>,
    workers: Arc<Mutex<Vec<Worker>>>,
}

impl Outbox {
    /// An outbox with these ways out.
    pub fn new(clock: Arc<Clock>, live: &WaysOut, drill: &WaysOut) -> Self {
        let mut workers = Vec::new();
        // The queues are as long as what is stored in the outbox: the store is their limit, one row an effect.
        let mut lanes = |ways: &WaysOut| {
            Arc::new(ways.each().map(|way| {
                let (sender, receiver) = mpsc::unbounded_channel();
                workers.push((way.clone(), receiver));
                (way.clone(), sender)
            }))
        };
        let (live, drill) = (lanes(live), lanes(drill));
        Self { clock, live, drill, workers: Arc::new(Mutex::new(workers)) }
    }

    /// Starts to carry out: first what was left, and what the ways out must go on with.
    pub(super) fn begin(&self, engine: Engine, undone: Vec<Effect>, running: Vec<Arc<Current>>, tasks: &Tasks) {
        for (way, receiver) in self.workers.lock().expect("no holder panics").drain(..) {
            tasks.spawn("outbox", work(way, receiver, engine.clone(), self.clock.clone()));
        }
        for current in running {
            for (way, _) in self.lanes(current.incident.mode) {
                way.resume(&current);
            }
        }
        self.deliver(undone);
    }

    /// Hands stored effects over; never waits.
    pub(super) fn deliver(&self, effects: Vec<Effect>) {
        for effect in effects {
            // A worker ends only with the server, and the next start finds the effect again.
            let _ = self.lanes(effect.mode)[lane(&effect.kind)].1.send(effect);
        }
    }

    /// The way to live sirens past the store (F15). It does not outlive the loop.
    pub(super) fn live_sirens(&self) -> LiveSirens {
        LiveSirens(Arc::downgrade(&self.live))
    }

    fn lanes(&self, mode: Mode) -> &[Lane; 5] {
        match mode {
            Mode::Live => &self.live,
            Mode::Drill => &self.drill,
        }
    }
}

/// The way to live sirens for what could not be stored.
#[derive(Clone)]
pub(super) struct LiveSirens(Weak<[Lane; 5]>);

impl LiveSirens {
    pub(super) fn sound(&self, effects: Vec<Effect>) {
        let Some(lanes) = self.0.upgrade() else { return };
        for effect in effects {
            tracing::error!(key = effect.key, "a siren is sounded that could not be stored");
            let _ = lanes[lane(&effect.kind)].1.send(effect);
        }
    }
}

async fn work(way: Arc<dyn WayOut>, mut effects: mpsc::UnboundedReceiver<Effect>, engine: Engine, clock: Arc<Clock>) {
    let places = Arc::new(Semaphore::new(AT_ONCE));
    while let Some(effect) = effects.recv().await {
        way.queued(&effect);
        let (way, engine, clock, places) = (way.clone(), engine.clone(), clock.clone(), places.clone());
        tokio::spawn(async move {
            let command = see_through(&*way, &effect, &clock, &places).await;
            engine.carried(effect.key, effect.incident, command).await;
        });
    }
}

/// Tries until it succeeds or its time is over (I13: nothing is carried out after its `not_after`).
async fn see_through(way: &dyn WayOut, effect: &Effect, clock: &Clock, places: &Semaphore) -> Option<Command> {
    let not_after = effect.not_after.unwrap_or(clock.now() + GIVE_UP);
    let mut pause = PAUSE_FIRST;
    loop {
        // Nobody closes it.
        let place = places.acquire().await;
        if clock.now() >= not_after {
            break;
        }
        // A panic is a failed attempt: it is retried, and blocks no other effect.
        let tried = AssertUnwindSafe(way.carry_out(effect)).catch_unwind().await;
        let tried = tried.unwrap_or_else(|panic| Err(NotCarried(format!("panicked: {}", message(&*panic)))));
        drop(place);
        match tried {
            Ok(command) => {
                figures::tried(name(&effect.kind), "done");
                return command;
            }
            Err(error) => {
                figures::tried(name(&effect.kind), "failed");
                tracing::warn!(key = effect.key, kind = name(&effect.kind), %error, "an effect failed and will be tried again");
            }
        }
        tokio::time::sleep_until(clock.instant_of((clock.now() + pause).min(not_after))).await;
        pause = (pause * 2).min(PAUSE_MOST);
    }
    tracing::error!(key = effect.key, kind = name(&effect.kind), "an effect was given up: its time is over");
    way.gave_up(effect)
}
