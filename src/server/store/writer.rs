//! The single write path. The writer task completes every change that it receives, whether or not
//! the sender still waits, so a dropped request leaves neither half of a change nor a change
//! without its audit record.
//!
//! There is one writing connection, and the engine has priority: a batch of incidents waits for at
//! most the change in progress and one flush. Changes wait in a bounded queue and share flushes.
//!
//! A second task tells the followers of a change, and then its requester. It holds no lock, so that
//! no incident waits for what follows from a change, and a follower that panics ends nothing.

use super::{
    Anchor, Batch, Bookkeeping, Change, ChangeError, Database, Effect, Feed, IncidentId, Journal,
    JournalReads, ReportRow, RequestRow, RunningRow, StoreError, Stored, Timestamp, UserId, Write,
    Writes, budgets::Budgets, refusals::Refusals,
};
use crate::server::tasks::{Stage, Tasks};
use async_trait::async_trait;
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};
use tokio::sync::{Mutex, MutexGuard, mpsc, oneshot, watch};

/// Length of the queue; [`ChangeError::Busy`] when it is full.
const WAITING: usize = 64;
/// Most changes that share a flush. The engine does not wait for all of them: the transaction ends
/// after the change in progress.
const TOGETHER: usize = 16;

/// The writer task has ended, and the server exits.
fn gone() -> StoreError {
    StoreError::Unusable("the writer has ended".into())
}

struct Waiting {
    write: Write,
    done: oneshot::Sender<Result<(), ChangeError>>,
}

/// A write that was stored or refused. The requester and the caches do not know the result yet.
struct Tried {
    write: Write,
    result: Result<(), ChangeError>,
    done: oneshot::Sender<Result<(), ChangeError>>,
}

/// Handle to the writer task.
#[derive(Clone)]
pub struct Changes {
    queue: mpsc::Sender<Waiting>,
    budgets: Arc<Budgets>,
    pub(super) refusals: Arc<Refusals>,
}

impl Changes {
    /// Applies a change. The first poll queues it; from then on it completes even if this future is
    /// dropped.
    ///
    /// # Errors
    /// Why the change was not applied.
    pub async fn apply(&self, change: Change) -> Result<(), ChangeError> {
        self.budgets.charge(&change)?;
        self.ask(Write::Change(change)).await
    }

    /// Charges a drill, or a withdrawal of a request that may not have arrived: both stay in the
    /// database and bring no help.
    ///
    /// # Errors
    /// The budget of the account is spent.
    pub fn charge_practice(
        &self,
        account: &UserId,
        is_restricted: bool,
    ) -> Result<(), ChangeError> {
        self.budgets.charge_practice(account, is_restricted)
    }

    /// Applies an internal write.
    ///
    /// # Errors
    /// Why it was not stored.
    pub async fn note(&self, note: Bookkeeping) -> Result<(), ChangeError> {
        self.ask(Write::Bookkeeping(note)).await
    }

    /// The number of changes that wait in the queue.
    pub fn waiting(&self) -> usize {
        self.queue.max_capacity() - self.queue.capacity()
    }

    pub(super) async fn ask(&self, write: Write) -> Result<(), ChangeError> {
        let (done, answer) = oneshot::channel();
        self.queue.try_send(Waiting { write, done }).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => ChangeError::Busy,
            mpsc::error::TrySendError::Closed(_) => gone().into(),
        })?;
        answer.await.unwrap_or_else(|_| Err(gone().into()))
    }
}

/// The writing connection, behind a FIFO lock.
struct Connection {
    store: Mutex<Box<dyn Writes>>,
    /// Whether the engine waits for the lock.
    urgent: AtomicBool,
}

/// The engine's journal: priority on the writing connection, and a read connection of its own.
struct EngineJournal {
    connection: Arc<Connection>,
    reads: Arc<dyn JournalReads>,
}

impl EngineJournal {
    /// Locks the writing connection.
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
    async fn commit(&self, batch: Arc<Batch>) -> Result<(), StoreError> {
        self.writes().await.commit(&batch).await
    }
    async fn requests(&self, ids: &[IncidentId]) -> Result<Vec<RequestRow>, StoreError> {
        // The writing connection still has the latest pages in its cache; a reader must load them
        // from the log.
        match self.connection.store.try_lock() {
            Ok(mut store) => store.requests(ids).await,
            Err(_) => self.reads.requests(ids).await,
        }
    }
    async fn running(&self) -> Result<Vec<RunningRow>, StoreError> {
        self.reads.running().await
    }
    async fn latest_over(&self, since: Timestamp) -> Result<Vec<Stored>, StoreError> {
        self.reads.latest_over(since).await
    }
    async fn pending(&self) -> Result<(Vec<Effect>, Vec<String>), StoreError> {
        self.reads.pending().await
    }
    async fn reports(&self, since: Timestamp) -> Result<Vec<ReportRow>, StoreError> {
        self.reads.reports(since).await
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

/// Starts the writer task on a database. Each committed change is published to `feed`.
pub fn start(database: Database, feed: Arc<Feed>, tasks: &Tasks) -> (Changes, Arc<dyn Journal>) {
    let connection =
        Arc::new(Connection { store: Mutex::new(database.writes), urgent: AtomicBool::new(false) });
    let (queue, changes) = mpsc::channel(WAITING);
    let (tried, published) = mpsc::channel(WAITING);
    let end = tasks.end_of(Stage::Writer);
    tasks.spawn_in(Stage::Writer, "writer", write(connection.clone(), changes, tried, end));
    tasks.spawn_in(Stage::Writer, "committed changes", publish(published, feed));
    (
        Changes { queue, budgets: Arc::default(), refusals: Arc::default() },
        Arc::new(EngineJournal { connection, reads: database.journal }),
    )
}

/// Runs until all handles are dropped, or the writer must end. What is in the queue by then is still
/// stored; what is asked later is refused.
async fn write(
    connection: Arc<Connection>,
    mut changes: mpsc::Receiver<Waiting>,
    tried: mpsc::Sender<Tried>,
    mut end: watch::Receiver<bool>,
) {
    let mut waiting = Vec::with_capacity(TOGETHER);
    loop {
        if waiting.is_empty() {
            tokio::select! {
                received = changes.recv_many(&mut waiting, TOGETHER) => if received == 0 { return },
                _ = end.wait_for(|ends| *ends), if !changes.is_closed() => changes.close(),
            }
            continue;
        }
        let results = apply(&connection, &waiting).await;
        for (Waiting { write, done }, result) in waiting.drain(..results.len()).zip(results) {
            if tried.send(Tried { write, result, done }).await.is_err() {
                // The other task has ended, and the server exits.
                return;
            }
        }
    }
}

/// Applies changes until the engine waits. Returns a result for each one that was tried.
async fn apply(connection: &Connection, waiting: &[Waiting]) -> Vec<Result<(), ChangeError>> {
    let writes: Vec<&Write> = waiting.iter().map(|waiting| &waiting.write).collect();
    let mut store = connection.store.lock().await;
    store.apply(&writes, &|| connection.urgent.load(Ordering::Relaxed)).await
}

/// Tells the followers of each committed change, in commit order, and then the requester, who sees
/// the change in every cache.
async fn publish(mut tried: mpsc::Receiver<Tried>, feed: Arc<Feed>) {
    while let Some(Tried { write, result, done }) = tried.recv().await {
        if let (Write::Change(change), Ok(())) = (&write, &result) {
            feed.committed(change);
        }
        // The requester may be gone; the change is stored all the same.
        let _ = done.send(result);
    }
}
