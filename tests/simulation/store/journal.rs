//! The journal on the real database. What it stores and reads is compared with what must be in it.

use super::{Database, PROBED};
use crate::{
    dice::Dice,
    disk::{Disk, Kept},
    plan::{DiskFault, When},
    world::World,
};
use async_trait::async_trait;
use buckler::{
    domain::{id::IncidentId, incident::effect::Effect, time::Timestamp},
    server::{
        clock::{Anchor, Clock},
        store::{
            Batch, Fate, Journal, JournalReads, ReportRow, RequestRow, RunningRow, StoreError,
            Stored, sqlite::epoch,
        },
    },
};
use std::{fmt::Debug, sync::Arc, time::Duration};

/// The database as one life of the server sees it.
pub(super) struct Handle {
    database: Arc<Database>,
    world: Arc<World>,
    clock: Arc<Clock>,
    journal: Arc<dyn Journal>,
}

impl Handle {
    pub(super) fn new(
        database: &Arc<Database>,
        world: &Arc<World>,
        clock: &Arc<Clock>,
        journal: Arc<dyn Journal>,
    ) -> Self {
        Self { database: database.clone(), world: world.clone(), clock: clock.clone(), journal }
    }

    fn disk(&self) -> &Disk {
        &self.world.disk
    }

    /// Writes, while time stands still or, if the disk hangs, goes on.
    async fn writes<T, W>(&self, work: impl FnOnce(Arc<dyn Journal>) -> W) -> T
    where
        T: Send + 'static,
        W: Future<Output = T> + Send + 'static,
    {
        self.database.copy_if_due(&self.world, self.world.truth());
        let work = work(self.journal.clone());
        if self.database.is_held() {
            self.database.hangs(work).await
        } else {
            self.database.does(work)
        }
    }

    fn reads<T, W>(&self, work: impl FnOnce(Arc<dyn Journal>) -> W) -> T
    where
        T: Send + 'static,
        W: Future<Output = T> + Send + 'static,
    {
        self.database.does(work(self.journal.clone()))
    }

    fn demand(&self, holds: bool, what: impl FnOnce() -> String) {
        self.world.ledger().demand(holds, what);
    }

    /// Nothing fails while the disk works (I26).
    fn works<T>(&self, done: Result<T, StoreError>, what: &str) -> Result<T, StoreError> {
        let is_whole = done.is_ok() || self.disk().state().fault.is_some();
        self.demand(is_whole, || {
            format!(
                "I26: the disk works, and {what}: {}",
                done.as_ref().err().map(said).unwrap_or_default()
            )
        });
        done
    }

    /// What is read is what was stored (I15).
    fn same<T: Debug>(&self, what: &str, read: &[T], stored: &[T]) {
        let rows = |rows: &[T]| rows.iter().map(|row| format!("{row:?}")).collect::<Vec<_>>();
        let (read, stored) = (rows(read), rows(stored));
        self.demand(read == stored, || {
            let only = |of: &[String], not: &[String]| {
                of.iter().filter(|row| !not.contains(row)).cloned().collect::<Vec<_>>()
            };
            let (read, stored) = (only(&read, &stored), only(&stored, &read));
            format!("I15: {what}: {read:?} is read, {stored:?} was stored")
        });
    }
}

/// An error with its cause.
pub(super) fn said(error: &StoreError) -> String {
    let cause = std::error::Error::source(error).map(|cause| format!(": {cause}"));
    format!("{error}{}", cause.unwrap_or_default())
}

/// Whether a batch is in the database as a whole.
pub(super) async fn is_there(
    journal: &dyn JournalReads,
    batch: &Batch,
) -> Result<bool, StoreError> {
    for (id, first, facts) in &batch.facts {
        let stored = journal.incident(*id).await?.map_or(0, |stored| stored.history.len());
        if stored + 1 < *first as usize + facts.len() {
            return Ok(false);
        }
    }
    let ids: Vec<IncidentId> = batch.requests.iter().map(|row| row.id).collect();
    let (requests, (pending, _)) = (journal.requests(&ids).await?, journal.pending().await?);
    let is_done = |key: &String| pending.iter().all(|effect| effect.key != *key);
    let has_effect = |effect: &Effect| !is_done(&effect.key) || batch.done.contains(&effect.key);
    Ok(batch.requests.iter().all(|row| requests.contains(row))
        && batch.effects.iter().all(has_effect)
        && batch.done.iter().all(is_done))
}

#[async_trait]
impl Kept for Handle {
    async fn is_put_back(&self) -> Result<bool, StoreError> {
        let file = self.database.file();
        let found = self.database.does(async move { epoch::is_put_back(&file).await });
        let found = self.works(found, "nobody can tell whether it is a copy")?;
        let was = self.disk().state().is_put_back;
        self.demand(found == was, || {
            format!("I32: a copy was put back: {was}, and found: {found}")
        });
        Ok(found)
    }
    async fn is_the_last_written(&self) {
        let file = self.database.file();
        self.database.copy_if_due(&self.world, self.world.truth());
        let renewed = self.database.does(async move { epoch::renew(&file).await });
        if self.works(renewed, "a copy cannot be told from it later").is_ok() {
            self.disk().state().is_put_back = false;
        }
        if self.disk().state().fault.is_none() {
            self.database.every_kind_succeeds(&self.world);
        }
    }
}

#[async_trait]
impl Journal for Handle {
    async fn commit(&self, batch: Arc<Batch>) -> Result<(), StoreError> {
        let (number, fault, kill) = {
            let mut state = self.disk().state();
            state.commits += 1;
            (state.commits, state.fault, state.kill)
        };
        let mut dice = Dice::new(self.world.plan.seed, &format!("commit/{number}"));
        let times = [self.world.truth(), self.clock.now()];
        if let (Some(DiskFault::Slow), false) = (fault, self.database.is_held()) {
            tokio::time::sleep(dice.ms(0, 3_000)).await;
        } else if dice.chance(20) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        if let Some(When::BeforeCommit) = kill {
            self.world.pull_the_plug().await;
        }
        let allowed = self.disk().platter.check(&batch);
        self.database.may_be_stored(&batch, times);
        let stored = batch.clone();
        let done = self.writes(|journal| async move { journal.commit(stored).await }).await;
        match (&done, &allowed) {
            (Ok(()), Ok(())) => {
                self.database.was_stored();
                self.disk().store(&self.world, times, &batch)?;
                self.disk().counts_down(&self.world, &batch);
            }
            (Ok(()), Err(refused)) => self.demand(false, || {
                format!("I15: the database stores what it must refuse: {refused}")
            }),
            (Err(_), Err(_)) => {}
            (Err(_), Ok(())) => return self.works(done, "a batch is refused"),
        }
        if let Some(When::AfterCommit) = kill {
            self.world.pull_the_plug().await;
        }
        done
    }

    async fn requests(&self, ids: &[IncidentId]) -> Result<Vec<RequestRow>, StoreError> {
        let asked = ids.to_vec();
        let rows = self.reads(|journal| async move { journal.requests(&asked).await });
        let rows = self.works(rows, "earlier requests cannot be read")?;
        let is_withdrawn = |row: &RequestRow| matches!(row.fate, Fate::Withdrawn { .. });
        let by_id = |mut rows: Vec<RequestRow>| {
            // The platter names the acknowledged one only.
            rows.sort_by_key(|row| (row.id, is_withdrawn(row)));
            rows.dedup_by_key(|row| row.id);
            rows
        };
        let mut ids = ids.to_vec();
        ids.sort();
        ids.dedup();
        let stored: Vec<_> = ids.iter().filter_map(|id| self.disk().platter.request(*id)).collect();
        self.same("earlier requests", &by_id(rows.clone()), &stored);
        Ok(rows)
    }
    async fn running(&self) -> Result<Vec<RunningRow>, StoreError> {
        let rows = self.reads(|journal| async move { journal.running().await });
        let mut rows = self.works(rows, "what runs cannot be read")?;
        rows.retain(|row| !row.home.starts_with(PROBED));
        let mut stored = self.disk().platter.running();
        stored.sort_by(|one, other| one.incident.cmp(&other.incident));
        self.same("what runs", &rows, &stored);
        Ok(rows)
    }
    async fn latest_over(&self, since: Timestamp) -> Result<Vec<Stored>, StoreError> {
        let rows = self.reads(|journal| async move { journal.latest_over(since).await });
        let mut rows = self.works(rows, "what is over cannot be read")?;
        rows.retain(|row| !row.home.as_str().starts_with(PROBED));
        let mut stored = self.disk().platter.latest_over(since);
        [&mut rows, &mut stored].into_iter().for_each(|rows| rows.sort_by_key(|row| row.id));
        self.same("what is over", &rows, &stored);
        Ok(rows)
    }
    async fn pending(&self) -> Result<(Vec<Effect>, Vec<String>), StoreError> {
        let rows = self.reads(|journal| async move { journal.pending().await });
        let (mut effects, unreadable) = self.works(rows, "the outbox cannot be read")?;
        effects.retain(|effect| !effect.home.as_str().starts_with(PROBED));
        self.same("the outbox", &effects, &self.disk().platter.pending());
        Ok((effects, unreadable))
    }
    async fn reports(&self, since: Timestamp) -> Result<Vec<ReportRow>, StoreError> {
        let rows = self.reads(|journal| async move { journal.reports(since).await });
        self.works(rows, "the reports of other servers cannot be read")
    }
    /// A copy has an older anchor, which the platter does not know.
    async fn anchor(&self) -> Result<Option<Anchor>, StoreError> {
        let anchor = self.reads(|journal| async move { journal.anchor().await });
        let (read, stored) =
            (self.works(anchor, "the time cannot be read")?, self.disk().platter.anchor());
        let is_of_this_boot =
            |anchor: &Anchor| stored.as_ref().is_some_and(|s| s.boot.id == anchor.boot.id);
        Ok(read.filter(is_of_this_boot).or(stored))
    }
    async fn put_anchor(&self, anchor: &Anchor) -> Result<(), StoreError> {
        let kept = anchor.clone();
        let done = self.writes(|journal| async move { journal.put_anchor(&kept).await }).await;
        if done.is_ok() {
            self.database.was_stored();
            self.disk().platter.put_anchor(anchor);
        }
        self.works(done, "the time is not kept")
    }
    async fn tidy(&self) -> Result<bool, StoreError> {
        let mut dice = {
            let mut state = self.disk().state();
            state.tidied += 1;
            Dice::new(self.world.plan.seed, &format!("tidy/{}", state.tidied))
        };
        tokio::time::sleep(dice.ms(0, 240)).await;
        let done = self.writes(|journal| async move { journal.tidy().await }).await;
        self.works(done, "the store is not tidied up")
    }
    async fn incident(&self, id: IncidentId) -> Result<Option<Stored>, StoreError> {
        let stored = self.reads(|journal| async move { journal.incident(id).await });
        let stored = self.works(stored, "an incident cannot be read")?;
        let [read, kept] = [stored.clone(), self.disk().platter.incident(id)].map(Vec::from_iter);
        self.same("an incident", &read, &kept);
        Ok(stored)
    }
}
