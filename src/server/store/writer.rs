//! The one way to write. A change that was handed to the writer task is done whole, whether or not its sender still waits: a phone that
//! loses its network leaves neither half of a change nor a change without its record.
//!
//! There is one writing connection. The engine takes it before the task does: an incident waits for the change that is made just then and
//! for one flush, and for nothing if no change is made. Changes wait in a bounded queue and share flushes.

use super::{
    Anchor, Batch, Bookkeeping, Change, ChangeError, Database, Effect, Feed, IncidentId, Journal, JournalReads, Payer, RequestRow,
    StoreError, Stored, Write, Writes,
};
use crate::server::tasks::Tasks;
use async_trait::async_trait;
use governor::{DefaultKeyedRateLimiter, Quota};
use std::{
    num::NonZeroU32,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};
use tokio::sync::{Mutex, MutexGuard, mpsc, oneshot};

/// Changes that may wait; more are answered with [`ChangeError::Busy`].
const WAITING: usize = 64;
/// Changes that share a flush at most. An incident that comes meanwhile waits for the one that is made just then, and for the flush.
const TOGETHER: usize = 16;
/// What each [`Payer`] may change at once; setting up a home takes a few dozen changes.
const BURST: NonZeroU32 = NonZeroU32::new(200).unwrap();
/// What it may change after that, a second.
const SUSTAINED: NonZeroU32 = NonZeroU32::new(2).unwrap();
/// Budgets that are remembered before those that are whole are forgotten.
const REMEMBERED: usize = 4_096;

/// Why nothing came back: the writer is gone, and so is the server soon.
fn gone() -> StoreError {
    StoreError::Unusable("the writer has ended".into())
}

struct Waiting {
    write: Write,
    done: oneshot::Sender<Result<(), ChangeError>>,
}

/// The way to change something.
#[derive(Clone)]
pub struct Changes {
    queue: mpsc::Sender<Waiting>,
    budgets: Arc<DefaultKeyedRateLimiter<Payer>>,
}

impl Changes {
    /// Makes a change. Once this is polled the change is made or refused whole, also if nobody polls it again.
    ///
    /// # Errors
    /// Why nothing was changed.
    pub async fn apply(&self, change: Change) -> Result<(), ChangeError> {
        if let Some(payer) = change.payer() {
            if self.budgets.len() > REMEMBERED {
                self.budgets.retain_recent();
            }
            self.budgets.check_key(&payer).map_err(|_| ChangeError::OverBudget)?;
        }
        self.ask(Write::Change(change)).await
    }

    /// Notes something that the server keeps for itself.
    ///
    /// # Errors
    /// Why it is not kept.
    pub async fn note(&self, note: Bookkeeping) -> Result<(), ChangeError> {
        self.ask(Write::Bookkeeping(note)).await
    }

    async fn ask(&self, write: Write) -> Result<(), ChangeError> {
        let (done, answer) = oneshot::channel();
        self.queue.try_send(Waiting { write, done }).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => ChangeError::Busy,
            mpsc::error::TrySendError::Closed(_) => gone().into(),
        })?;
        answer.await.unwrap_or_else(|_| Err(gone().into()))
    }
}

/// The writing connection. Whoever waits for it gets it in order.
struct Connection {
    store: Mutex<Box<dyn Writes>>,
    /// Whether the engine waits for it.
    urgent: AtomicBool,
}

/// The engine's way to the store: it writes before everybody else, and reads where nobody else reads.
struct EngineJournal {
    connection: Arc<Connection>,
    reads: Arc<dyn JournalReads>,
}

impl EngineJournal {
    /// The writing connection, as soon as it is free.
    async fn writes(&self) -> MutexGuard<'_, Box<dyn Writes>> {
        // The engine asks for one thing at a time, and is never dropped while it waits.
        self.connection.urgent.store(true, Ordering::Relaxed);
        let store = self.connection.store.lock().await;
        self.connection.urgent.store(false, Ordering::Relaxed);
        store
    }
}

#[async_trait]
impl Journal for EngineJournal {
    async fn commit(&self, batch: Batch) -> Result<Batch, StoreError> {
        self.writes().await.commit(&batch).await?;
        Ok(batch)
    }
    async fn requests(&self, ids: &[IncidentId]) -> Result<Vec<RequestRow>, StoreError> {
        // A reader has to read again what the writer has just written, which the writer still has.
        match self.connection.store.try_lock() {
            Ok(mut store) => store.requests(ids).await,
            Err(_) => self.reads.requests(ids).await,
        }
    }
    async fn running(&self) -> Result<Vec<Stored>, StoreError> {
        self.reads.running().await
    }
    async fn undone(&self) -> Result<Vec<Effect>, StoreError> {
        self.reads.undone().await
    }
    async fn anchor(&self) -> Result<Option<Anchor>, StoreError> {
        self.reads.anchor().await
    }
    async fn put_anchor(&self, anchor: &Anchor) -> Result<(), StoreError> {
        self.writes().await.put_anchor(anchor).await
    }
    async fn tidy(&self) -> Result<bool, StoreError> {
        self.writes().await.tidy().await
    }
    async fn incident(&self, id: IncidentId) -> Result<Option<Stored>, StoreError> {
        self.reads.incident(id).await
    }
}

/// Starts the writer on a database. `feed` hears of each change.
pub fn start(database: Database, feed: Arc<Feed>, tasks: &Tasks) -> (Changes, Arc<dyn Journal>) {
    let connection = Arc::new(Connection { store: Mutex::new(database.writes), urgent: AtomicBool::new(false) });
    let (queue, changes) = mpsc::channel(WAITING);
    tasks.spawn("writer", write(connection.clone(), changes, feed));
    let quota = Quota::per_second(SUSTAINED).allow_burst(BURST);
    let changes = Changes { queue, budgets: Arc::new(DefaultKeyedRateLimiter::keyed(quota)) };
    (changes, Arc::new(EngineJournal { connection, reads: database.journal }))
}

/// Writes for as long as anybody may ask, also what is asked while the server stops.
async fn write(connection: Arc<Connection>, mut changes: mpsc::Receiver<Waiting>, feed: Arc<Feed>) {
    let mut waiting = Vec::with_capacity(TOGETHER);
    while !waiting.is_empty() || changes.recv_many(&mut waiting, TOGETHER).await > 0 {
        let mut store = connection.store.lock().await;
        apply(&mut **store, &mut waiting, &connection.urgent, &feed).await;
    }
}

/// Makes changes until an incident waits; what is left then stays in `waiting`.
async fn apply(store: &mut dyn Writes, waiting: &mut Vec<Waiting>, urgent: &AtomicBool, feed: &Feed) {
    let writes: Vec<&Write> = waiting.iter().map(|waiting| &waiting.write).collect();
    let results = store.apply(&writes, &|| urgent.load(Ordering::Relaxed)).await;
    for (Waiting { write, done }, result) in waiting.drain(..results.len()).zip(results) {
        if let (Write::Change(change), Ok(())) = (&write, &result) {
            feed.committed(change);
        }
        // Whoever asked may have gone: what was done stays done.
        let _ = done.send(result);
    }
}
