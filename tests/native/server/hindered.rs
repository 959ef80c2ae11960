//! A database whose writes wait or fail when a test wants it.

use async_trait::async_trait;
use buckler::{
    domain::{id::IncidentId, incident::effect::Effect, time::Timestamp},
    server::{
        clock::Anchor,
        store::{
            Batch, ChangeError, Database, Journal, ReportRow, RequestRow, RunningRow, StoreError,
            Stored, Urgent, Write, Writes,
        },
    },
};
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};
use tokio::sync::watch;

/// The writing half of a database, with something in its way.
pub struct Hindered {
    pub writes: Box<dyn Writes>,
    /// While it is true, changes wait.
    pub closed: watch::Receiver<bool>,
    /// While it is true, incidents wait.
    pub closed_to_incidents: watch::Receiver<bool>,
    /// Whether the next batch finds the disk full. It becomes false when one did.
    pub full: Arc<AtomicBool>,
}

impl Hindered {
    /// Puts gates into a database: one for changes, and one for incidents. Each is closed while its
    /// value is true.
    pub fn gated(
        Database { writes, journal, reads }: Database,
        closed: watch::Receiver<bool>,
        closed_to_incidents: watch::Receiver<bool>,
    ) -> Database {
        let writes = Box::new(Self { writes, closed, closed_to_incidents, full: Arc::default() });
        Database { writes, journal, reads }
    }

    /// Lets the next batch find the disk full, if `full` is true.
    pub fn full_once(
        Database { writes, journal, reads }: Database,
        full: Arc<AtomicBool>,
    ) -> Database {
        let closed = watch::channel(false).1;
        let closed_to_incidents = closed.clone();
        let writes = Box::new(Self { writes, closed, closed_to_incidents, full });
        Database { writes, journal, reads }
    }
}

#[async_trait]
impl Writes for Hindered {
    async fn commit(&mut self, batch: &Batch) -> Result<(), StoreError> {
        if self.full.swap(false, Ordering::Relaxed) {
            return Err(StoreError::Unusable("planted".into()));
        }
        // The clone tells the sender that something waits, by its `receiver_count`.
        self.closed_to_incidents.clone().wait_for(|closed| !closed).await.unwrap();
        self.writes.commit(batch).await
    }
    async fn apply(
        &mut self,
        writes: &[&Write],
        urgent: Urgent<'_>,
    ) -> Vec<Result<(), ChangeError>> {
        self.closed.wait_for(|closed| !closed).await.unwrap();
        self.writes.apply(writes, urgent).await
    }
    async fn requests(&mut self, ids: &[IncidentId]) -> Result<Vec<RequestRow>, StoreError> {
        self.writes.requests(ids).await
    }
    async fn put_anchor(&mut self, anchor: &Anchor) -> Result<(), StoreError> {
        self.writes.put_anchor(anchor).await
    }
    async fn tidy(&mut self) -> Result<bool, StoreError> {
        self.writes.tidy().await
    }
}

/// The commits of a database that is empty and never read.
#[async_trait]
pub trait Commits: Send + Sync + 'static {
    async fn commit(&self, batch: Arc<Batch>) -> Result<(), StoreError>;
}

/// An empty database for an engine.
pub struct Empty<C>(pub C);

#[async_trait]
impl<C: Commits> Journal for Empty<C> {
    async fn commit(&self, batch: Arc<Batch>) -> Result<(), StoreError> {
        self.0.commit(batch).await
    }
    async fn requests(&self, _: &[IncidentId]) -> Result<Vec<RequestRow>, StoreError> {
        Ok(Vec::new())
    }
    async fn running(&self) -> Result<Vec<RunningRow>, StoreError> {
        Ok(Vec::new())
    }
    async fn latest_over(&self, _: Timestamp) -> Result<Vec<Stored>, StoreError> {
        Ok(Vec::new())
    }
    async fn pending(&self) -> Result<(Vec<Effect>, Vec<String>), StoreError> {
        Ok(Default::default())
    }
    async fn reports(&self, _: Timestamp) -> Result<Vec<ReportRow>, StoreError> {
        Ok(Vec::new())
    }
    async fn anchor(&self) -> Result<Option<Anchor>, StoreError> {
        Ok(None)
    }
    async fn put_anchor(&self, _: &Anchor) -> Result<(), StoreError> {
        Ok(())
    }
    async fn tidy(&self) -> Result<bool, StoreError> {
        Ok(false)
    }
    async fn incident(&self, _: IncidentId) -> Result<Option<Stored>, StoreError> {
        Ok(None)
    }
}
