//! How the event loop stores: it waits for the store no longer than an incident may wait, acts from
//! memory after that (I25), and stores what is only in memory before anything else.

use super::{
    Answer, Current, Denied,
    batch::{BatchBuilder, Job},
    event_loop::{EventLoop, IDLE, log_steps},
    memory::{self, Hung, READ_LIMIT, WRITE_LIMIT},
};
use crate::{
    domain::time::Timestamp,
    server::{
        clock::instant,
        metrics,
        store::{Batch, Quarantined, StoreError},
    },
};
use futures_util::FutureExt;
use std::sync::Arc;
use tokio::time::{timeout, timeout_at};

impl EventLoop {
    /// Stores what is only in memory, before anything else: a quarantined incident has its home's
    /// place in the store until then.
    pub(super) async fn store_memory(&mut self) {
        let batches = self.memory.take();
        let all = memory::merged(&batches);
        if all.is_empty() {
            return;
        }
        match self.commit(&all).await {
            Some(Ok(())) => self.caught_up(),
            Some(Err(error)) if error.may_be_about_one() => self.store_each(batches).await,
            Some(Err(error)) => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "what is only in memory could not be stored; it is tried again"
                );
                self.memory.put_back(batches);
            }
            None => {}
        }
    }

    /// Stores each batch on its own. An incident whose batch the store refuses is quarantined,
    /// because it would keep everything else from being stored.
    async fn store_each(&mut self, batches: Vec<Arc<Batch>>) {
        let mut batches = batches.into_iter();
        while let Some(batch) = batches.next() {
            match self.commit(&batch).await {
                Some(Ok(())) => continue,
                Some(Err(error)) if error.may_be_about_one() => {
                    tracing::error!(
                        error = &error as &dyn std::error::Error,
                        "the store refuses what an incident did from memory"
                    );
                    self.give_up(&batch, &error).await;
                    if !self.memory.hangs() {
                        continue;
                    }
                }
                Some(Err(_)) => {
                    self.memory.put_back([batch].into_iter().chain(batches).collect());
                    return;
                }
                None => {}
            }
            // The rest waits for the write that hangs.
            self.memory.put_back(batches.collect());
            return;
        }
        self.caught_up();
    }

    async fn give_up(&mut self, refused: &Batch, error: &StoreError) {
        let mut quarantined: Vec<Quarantined> = Vec::new();
        for (id, ..) in &refused.facts {
            if let Some(Current { incident, .. }) = self.view.known(*id).as_deref() {
                quarantined.push(Quarantined {
                    incident: id.to_string(),
                    home: incident.home.to_string(),
                    quiet: incident.quiet.is_some(),
                    since: self.clock.now(),
                    why: error.to_string(),
                });
            }
        }
        let batch = Arc::new(Batch { quarantined, ..Batch::default() });
        if let Some(Err(error)) = self.commit(&batch).await {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "a quarantine could not be stored"
            );
        }
        for quarantined in batch.quarantined.clone() {
            self.quarantine(quarantined);
        }
    }

    /// Everything is stored.
    fn caught_up(&mut self) {
        if self.memory.is_empty() {
            self.view.caught_up();
            self.view.note_store(false);
            tracing::info!("the store works; everything that was only in memory is stored");
        }
    }

    /// Commits a batch. `None` if that takes too long: it goes on beside the loop.
    pub(super) async fn commit(&mut self, batch: &Arc<Batch>) -> Option<Result<(), StoreError>> {
        let (store, of_commit) = (self.store.clone(), batch.clone());
        let began = instant();
        (self.untidy, self.tidy_at) = (true, began + IDLE);
        let write = async move { store.commit(of_commit).await };
        let result = self.within_limit(write, batch.clone()).await;
        match &result {
            Some(Ok(())) => metrics::committed(began.elapsed()),
            Some(Err(_)) | None => {
                metrics::commit_failed();
                self.view.note_store(true);
            }
        }
        result
    }

    /// Waits for a write, but not longer than an incident may wait. `None` if it takes longer: it
    /// goes on beside the loop, which acts from memory until it has ended.
    pub(super) async fn within_limit(
        &mut self,
        write: impl Future<Output = Result<(), StoreError>> + Send + 'static,
        batch: Arc<Batch>,
    ) -> Option<Result<(), StoreError>> {
        let mut write = write.boxed();
        match timeout(WRITE_LIMIT, &mut write).await {
            Ok(result) => Some(result),
            Err(_) => {
                tracing::error!(
                    "the store does not answer; running incidents act from memory until it does"
                );
                self.view.note_store(true);
                self.memory.hang(write, batch);
                None
            }
        }
    }

    /// A write that took too long has ended.
    pub(super) async fn hung_ended(
        &mut self,
        Hung { batch, begun, .. }: Hung,
        result: Result<(), StoreError>,
    ) {
        let (of_begun, rest) = batch.split();
        match result {
            Ok(()) => {
                self.unstored_sirens.end(of_begun.requests.iter().map(|request| request.id));
                self.release(Arc::new(of_begun), begun);
                self.caught_up();
                self.store_memory().await;
            }
            Err(error) => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "a write failed after a long time"
                );
                // Nobody was told that the incidents that begin in it are stored.
                self.memory.put_back(vec![Arc::new(rest)]);
                if self.memory.is_empty() {
                    self.view.caught_up();
                }
            }
        }
    }

    /// The last attempt to store what is only in memory.
    pub(super) async fn store_before_the_end(&mut self) {
        if self.memory.is_empty() {
            return;
        }
        if let Ok((hung, result)) = timeout(WRITE_LIMIT, self.memory.hung()).await {
            self.hung_ended(hung, result).await;
        }
        if self.memory.retry_at().is_some() {
            self.store_memory().await;
        }
        if !self.memory.is_empty() {
            tracing::error!(
                "the server ends before everything is stored; the next start decides it again"
            );
        }
    }

    /// Releases what a batch that hangs decided about incidents whose start is stored. The others
    /// wait until it is.
    pub(super) fn release_hung(
        &mut self,
        batch: &Batch,
        changed: Vec<Arc<Current>>,
        jobs: Vec<Job>,
        answers: Vec<Result<Answer, Denied>>,
    ) {
        let is_begun =
            |current: &Current| batch.begun.iter().any(|begun| begun.id == current.incident.id);
        let (begun, changed): (Vec<_>, Vec<_>) = changed.into_iter().partition(|c| is_begun(c));
        self.view.go_ahead(&changed);
        self.memory.begin_later(begun);
        self.release(Arc::new(batch.split().1), changed);
        for (job, answer) in jobs.into_iter().zip(answers) {
            let is_stored = !matches!(job, Job::Raise { .. })
                && !job.is_report()
                && answer.as_ref().is_ok_and(|answer| !is_begun(&answer.current));
            // Nobody is told that a request is stored before it is (I10).
            job.answer(if is_stored { answer } else { Err(Denied::StorageUnavailable) });
        }
    }

    /// Decides these jobs although nothing can be stored. A report counts and is not acknowledged,
    /// because its sender repeats it until it is stored; a person sees what became of a command. New
    /// requests wait for a write that hangs, as long as their senders do. Jobs that must be tried again are added
    /// to `again`. Returns whether there are none.
    pub(super) async fn act_from_memory(
        &mut self,
        all: Vec<Job>,
        again: &mut Vec<Job>,
        now: Timestamp,
    ) -> bool {
        self.parked.retain(|job| job.may_wait(now));
        let (reads_end, before) = (instant() + READ_LIMIT, again.len());
        for job in all {
            let mut round = BatchBuilder::new(&self.view, &mut self.repeats, now);
            round.refuse_requests();
            let decided = round.decide(std::slice::from_ref(&job), &*self.store);
            if !matches!(timeout_at(reads_end, decided).await, Ok(Ok(()))) {
                again.extend(job.fail());
                continue;
            }
            let batch = Arc::new(std::mem::take(&mut round.batch));
            log_steps(&batch, &round.spans);
            let (changed, answers) = round.finish();
            self.view.go_ahead(&changed);
            self.memory.keep(batch.clone());
            self.release(batch, changed);
            if self.memory.hangs() && job.may_wait(now) && is_refused(&answers) {
                self.parked.push(job);
                continue;
            }
            // One job has one answer.
            for (answer, job) in answers.into_iter().zip([job]) {
                let answer = if job.is_report() { Err(Denied::StorageUnavailable) } else { answer };
                job.answer(answer);
            }
        }
        again.len() == before
    }
}

/// Whether the one answer is that nothing could be stored.
fn is_refused(answers: &[Result<Answer, Denied>]) -> bool {
    matches!(answers, [Err(Denied::StorageUnavailable)])
}
