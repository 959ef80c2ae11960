//! What is decided while nothing can be stored (I25). An incident whose start is stored acts on
//! time, whatever the disk does: its facts are kept in memory with the keys of their effects, and
//! are stored before anything else once the store works. If the server ends before that, the next
//! start decides again from what is stored, and its effects carry the same keys.
//!
//! A request for help is refused meanwhile, because an acknowledged one survives a loss of power
//! (I10).

use super::Current;
use crate::server::{
    clock::instant,
    store::{Batch, StoreError},
};
use futures_util::future::BoxFuture;
use std::{sync::Arc, time::Duration};
use tokio::time::Instant;

/// How long the event loop waits for a write. With [`READ_LIMIT`] less than the two seconds after
/// D by which an incident acts (I25).
pub(super) const WRITE_LIMIT: Duration = Duration::from_secs(1);
/// How long the event loop waits for the reads of a round.
pub(super) const READ_LIMIT: Duration = Duration::from_millis(500);
/// The pause between attempts to store what is only in memory.
const RETRY: Duration = Duration::from_millis(250);

/// A write that has not finished in time. It may still succeed.
pub(super) struct Hung {
    write: BoxFuture<'static, Result<(), StoreError>>,
    /// What it stores; nothing for maintenance.
    pub(super) batch: Arc<Batch>,
    /// The incidents that begin with it. They wait for it, because nobody acts for a request that
    /// may be lost.
    pub(super) begun: Vec<Arc<Current>>,
}

/// What was decided and is not stored.
#[derive(Default)]
pub(super) struct Memory {
    hung: Option<Hung>,
    /// The oldest first.
    batches: Vec<Arc<Batch>>,
    retry_at: Option<Instant>,
}

impl Memory {
    /// Whether the store has everything and does not hang.
    pub(super) fn is_empty(&self) -> bool {
        self.hung.is_none() && self.batches.is_empty()
    }

    /// Whether a write hangs.
    pub(super) const fn hangs(&self) -> bool {
        self.hung.is_some()
    }

    /// Keeps what was decided from memory.
    pub(super) fn keep(&mut self, batch: Arc<Batch>) {
        if !batch.is_empty() {
            self.batches.push(batch);
            self.retry_at.get_or_insert_with(|| instant() + RETRY);
        }
    }

    /// Waits for a write beside the loop.
    pub(super) fn hang(
        &mut self,
        write: BoxFuture<'static, Result<(), StoreError>>,
        batch: Arc<Batch>,
    ) {
        self.hung = Some(Hung { write, batch, begun: Vec::new() });
    }

    /// Notes the incidents that begin with the write that hangs.
    pub(super) fn begin_later(&mut self, begun: Vec<Arc<Current>>) {
        if let Some(hung) = &mut self.hung {
            hung.begun = begun;
        }
    }

    /// When to try to store again.
    pub(super) fn retry_at(&self) -> Option<Instant> {
        self.retry_at.filter(|_| self.hung.is_none())
    }

    /// Takes everything that waits to be stored.
    pub(super) fn take(&mut self) -> Vec<Arc<Batch>> {
        self.retry_at = None;
        std::mem::take(&mut self.batches)
    }

    /// Puts back what could not be stored, before what was decided since.
    pub(super) fn put_back(&mut self, mut batches: Vec<Arc<Batch>>) {
        batches.retain(|batch| !batch.is_empty());
        batches.append(&mut self.batches);
        self.batches = batches;
        self.retry_at = (!self.batches.is_empty()).then(|| instant() + RETRY);
    }

    /// Waits until the write that hangs has ended, and removes it; forever if none hangs.
    pub(super) async fn hung(&mut self) -> (Hung, Result<(), StoreError>) {
        let Some(hung) = &mut self.hung else { return std::future::pending().await };
        let result = (&mut hung.write).await;
        (self.hung.take().expect("it hung"), result)
    }
}

/// One batch of all of these, in their order.
pub(super) fn merged(batches: &[Arc<Batch>]) -> Arc<Batch> {
    let [first, rest @ ..] = batches else { return Arc::default() };
    if rest.is_empty() {
        return first.clone();
    }
    let mut all = Batch::clone(first);
    for batch in rest {
        all.append(Batch::clone(batch));
    }
    Arc::new(all)
}
