//! The disk: a power cut may lose an unfinished commit or keep it, and sometimes nothing can be
//! written.

use super::{
    dice::Dice,
    ledger::ACTS_WITHIN,
    plan::{DiskFault, Plan, When},
    platter::Platter,
    store::Database,
    world::{Event as Occasion, World},
};
use async_trait::async_trait;
use buckler::{
    domain::{
        id::{HomeId, IncidentId},
        incident::{
            effect::{Effect, EffectKind},
            event::{Event, Recorded},
        },
        time::Timestamp,
    },
    server::{
        clock::{Anchor, Clock},
        store::{Batch, Journal, ReportRow, RequestRow, RunningRow, StoreError, Stored},
    },
};
use std::{
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

/// The platter outlives the server. With a real database, the platter is what must be in it.
#[derive(Debug, Default)]
pub struct Disk {
    pub(super) platter: Platter,
    state: Mutex<State>,
    database: Option<Arc<Database>>,
}

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) fault: Option<DiskFault>,
    pub(super) kill: Option<When>,
    /// Written and not flushed, so that it may be lost. With the true time and the server's time.
    unsure: Option<(Batch, Timestamp, Timestamp)>,
    pub(super) commits: u64,
    pub(super) tidied: u64,
    /// A copy was put back, and nothing of it has been withheld yet.
    pub(super) is_put_back: bool,
}

/// The journal of one life of the server.
#[async_trait]
pub trait Kept: Journal {
    /// Whether the database is not the one that this server wrote last.
    async fn is_put_back(&self) -> Result<bool, StoreError>;
    /// From now on it is the one that this server wrote last.
    async fn is_the_last_written(&self);
}

/// The disk as one life of the server sees it.
struct Handle {
    world: Arc<World>,
    clock: Arc<Clock>,
}

impl Disk {
    pub fn of(plan: &Plan) -> Self {
        let database = plan.is_stored.then(|| Database::new(plan));
        Self { database, ..Self::default() }
    }

    /// Opens it for a life of the server.
    pub async fn open(
        &self,
        world: &Arc<World>,
        clock: &Arc<Clock>,
    ) -> Result<Arc<dyn Kept>, StoreError> {
        match &self.database {
            Some(database) => database.open(world, clock).await,
            None => Ok(Arc::new(Handle { world: world.clone(), clock: clock.clone() })),
        }
    }

    pub fn break_with(&self, world: &World, fault: DiskFault) {
        self.state().fault = Some(fault);
        if let Some(database) = &self.database {
            let kind = database.break_with(fault);
            world.ledger().occurs(kind);
        }
    }

    pub fn heals(&self, world: &World) {
        self.state().fault = None;
        if let Some(database) = &self.database {
            database.heals(world);
        }
    }

    /// Whether the server may be unable to start.
    pub fn refuses(&self) -> bool {
        matches!(self.state().fault, Some(DiskFault::Full | DiskFault::Flush))
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no holder panics")
    }

    pub fn kill_at_commit(&self, when: When) {
        self.state().kill = Some(when);
    }

    /// Cuts the power: what was not flushed survives or is lost.
    pub fn power_off(&self, world: &World) {
        if let Some(database) = &self.database {
            self.state().kill = None;
            return database.power_off(world);
        }
        let (unsure, commits) = {
            let mut state = self.state();
            state.kill = None;
            (state.unsure.take(), state.commits)
        };
        let survives = Dice::new(world.plan.seed, &format!("flush/{commits}")).chance(50);
        if let Some((batch, truth, server)) = unsure.filter(|_| survives) {
            let stored = self.store(world, [truth, server], &batch);
            stored.expect("it was checked when it was written");
        }
    }

    /// A batch is on the disk, which was decided at these times: true time, and the server's.
    pub fn store(
        &self,
        world: &World,
        [truth, server]: [Timestamp; 2],
        batch: &Batch,
    ) -> Result<(), StoreError> {
        self.platter.commit(batch, world.truth())?;
        world.has_stored([truth, server, world.truth()], batch);
        Ok(())
    }

    /// The ledger looks at what counts down when that is due.
    pub fn counts_down(&self, world: &World, batch: &Batch) {
        for (id, _, facts) in &batch.facts {
            if let Some(Recorded { at, event: Event::Started { deadline, .. }, .. }) = facts.first()
            {
                let due = world.truth() + deadline.since(*at) + ACTS_WITHIN;
                world.later(due + Duration::from_millis(1), Occasion::Due(*id));
            }
        }
    }

    /// A copy of the database will be put back.
    pub fn keep_undo(&self) {
        self.platter.keep_undo();
    }

    /// Whether there is a copy of that time. The files of a real database are copied only when that
    /// was planned.
    pub fn has_copy(&self, then: Timestamp) -> bool {
        self.database.as_ref().is_none_or(|database| database.has_copy(then))
    }

    /// A copy of the database as it was then is put back.
    pub fn put_back(&self, world: &World, then: Timestamp) {
        self.platter.put_back(then);
        self.state().is_put_back = true;
        if let Some(database) = &self.database {
            let kind = database.put_back(world, then);
            world.ledger().occurs(kind);
        }
    }

    /// The contents of the outbox.
    pub fn left(&self) -> Vec<String> {
        self.platter.pending().into_iter().map(|effect| effect.key).collect()
    }

    /// Whether nothing is left but an OFF that its siren does not confirm.
    pub fn is_done(&self) -> bool {
        let is_off = |effect: &Effect| matches!(effect.kind, EffectKind::SirenOff { .. });
        self.platter.pending().iter().all(is_off)
    }

    pub fn holds_effect(&self, key: &str) -> bool {
        self.platter.has_effect(key)
    }

    /// A home's incidents that began before a time, the newest first.
    pub fn incidents(&self, home: &HomeId, before: Timestamp, limit: u32) -> Vec<Stored> {
        self.platter.incidents(home, before, limit)
    }

    pub fn incident(&self, id: IncidentId) -> Option<Stored> {
        self.platter.incident(id)
    }

    pub fn request(&self, id: IncidentId) -> Option<RequestRow> {
        self.platter.request(id)
    }
}

impl Handle {
    fn disk(&self) -> &Disk {
        &self.world.disk
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.disk().state()
    }
}

#[async_trait]
impl Kept for Handle {
    async fn is_put_back(&self) -> Result<bool, StoreError> {
        Ok(self.state().is_put_back)
    }
    async fn is_the_last_written(&self) {
        self.state().is_put_back = false;
    }
}

#[async_trait]
impl Journal for Handle {
    async fn commit(&self, batch: Arc<Batch>) -> Result<(), StoreError> {
        let (number, fault, kill) = {
            let mut state = self.state();
            state.commits += 1;
            (state.commits, state.fault, state.kill)
        };
        let mut dice = Dice::new(self.world.plan.seed, &format!("commit/{number}"));
        if let Some(DiskFault::Full) = fault {
            return Err(StoreError::Unusable("the disk is full".into()));
        }
        self.disk().platter.check(&batch)?;
        let (truth, server) = (self.world.truth(), self.clock.now());
        self.state().unsure = Some((Batch::clone(&batch), truth, server));
        if let Some(DiskFault::Slow) = fault {
            tokio::time::sleep(dice.ms(0, 3_000)).await;
        } else if dice.chance(20) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        if let Some(When::BeforeCommit) = kill {
            self.world.pull_the_plug().await;
        }
        if let Some(DiskFault::Flush) = fault {
            return Err(StoreError::Unusable("the disk does not flush".into()));
        }
        self.state().unsure = None;
        self.disk().store(&self.world, [truth, server], &batch)?;
        self.disk().counts_down(&self.world, &batch);
        if let Some(When::AfterCommit) = kill {
            self.world.pull_the_plug().await;
        }
        Ok(())
    }

    async fn requests(&self, ids: &[IncidentId]) -> Result<Vec<RequestRow>, StoreError> {
        Ok(ids.iter().filter_map(|id| self.disk().platter.request(*id)).collect())
    }
    async fn running(&self) -> Result<Vec<RunningRow>, StoreError> {
        Ok(self.disk().platter.running())
    }
    async fn latest_over(&self, since: Timestamp) -> Result<Vec<Stored>, StoreError> {
        Ok(self.disk().platter.latest_over(since))
    }
    async fn pending(&self) -> Result<(Vec<Effect>, Vec<String>), StoreError> {
        Ok((self.disk().platter.pending(), Vec::new()))
    }
    /// Reports are given to the engine as commands here, which need no memory of their own.
    async fn reports(&self, _: Timestamp) -> Result<Vec<ReportRow>, StoreError> {
        Ok(Vec::new())
    }
    async fn anchor(&self) -> Result<Option<Anchor>, StoreError> {
        Ok(self.disk().platter.anchor())
    }
    async fn put_anchor(&self, anchor: &Anchor) -> Result<(), StoreError> {
        if let Some(DiskFault::Full | DiskFault::Flush) = self.state().fault {
            return Err(StoreError::Unusable("the disk is full".into()));
        }
        // SQLite's log ends at the last good commit: the next write overwrites what was not
        // flushed.
        self.state().unsure = None;
        self.disk().platter.put_anchor(anchor);
        Ok(())
    }
    /// Takes time, as a checkpoint of a long log does.
    async fn tidy(&self) -> Result<bool, StoreError> {
        let mut dice = {
            let mut state = self.state();
            state.tidied += 1;
            Dice::new(self.world.plan.seed, &format!("tidy/{}", state.tidied))
        };
        tokio::time::sleep(dice.ms(0, 240)).await;
        Ok(dice.chance(50))
    }
    async fn incident(&self, id: IncidentId) -> Result<Option<Stored>, StoreError> {
        Ok(self.disk().platter.incident(id))
    }
}
