//! Refused attempts of strangers to sign in. They are written together, a while after their
//! answers, so that neither an answer nor the next one takes longer if the address has an account:
//! an attempt that is not recorded causes the same write.

use super::{AuditEntry, Bookkeeping, Change, Changes, Write};
use crate::server::tasks::spawn_contained;
use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard},
    time::Duration,
};

/// How long attempts are collected. Strangers, however many they are, cause one write in this time.
const COLLECTED_FOR: Duration = Duration::from_secs(1);
/// The most records in one write, because an incident may have to wait for it.
const TOGETHER: usize = 50;
/// The most records that wait. Those of an account are limited, so that only a flood of attempts at
/// fifty accounts at once exceeds this. The records beyond it are lost.
const WAITING: usize = 1_000;

/// The attempts that are not written yet.
#[derive(Default)]
pub(super) struct Refusals(Mutex<Waiting>);

#[derive(Default)]
struct Waiting {
    records: VecDeque<AuditEntry>,
    /// Whether a task is about to write.
    is_due: bool,
}

impl Refusals {
    /// Adds an attempt. Returns whether the caller must start the task that writes.
    fn add(&self, record: Option<AuditEntry>) -> bool {
        let mut waiting = self.waiting();
        if waiting.records.len() < WAITING {
            waiting.records.extend(record);
        }
        !std::mem::replace(&mut waiting.is_due, true)
    }

    /// Takes the next write, and whether another one is due after it.
    fn next(&self) -> (Write, bool) {
        let mut waiting = self.waiting();
        let count = waiting.records.len().min(TOGETHER);
        let records: Vec<_> = waiting.records.drain(..count).collect();
        let mut backward = records.into_iter().rev();
        let write = match backward.next() {
            Some(last) => Write::Change(backward.fold(Change::new(last), Change::record_first)),
            None => Write::Bookkeeping(Bookkeeping::Probe),
        };
        waiting.is_due = !waiting.records.is_empty();
        (write, waiting.is_due)
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().expect("no holder panics")
    }
}

impl Changes {
    /// Notes a refused attempt to sign in, and returns at once. `None` is an attempt that is not
    /// recorded, for example because there is no such account.
    pub fn note_refusal(&self, record: Option<AuditEntry>) {
        if self.refusals.add(record) {
            spawn_contained("refused sign-ins", "all accounts", write(self.clone()));
        }
    }
}

async fn write(changes: Changes) {
    let mut is_due = true;
    while is_due {
        tokio::time::sleep(COLLECTED_FOR).await;
        let next;
        (next, is_due) = changes.refusals.next();
        if let Err(error) = changes.ask(next).await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "refused sign-ins could not be recorded"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{audit::AuditAction, time::Timestamp};
    use serde_json::{Value, json};

    fn attempt(number: usize) -> Option<AuditEntry> {
        Some(AuditEntry::new(AuditAction::SignInRefused, Timestamp::default(), json!(number)))
    }

    /// The numbers of the records in the next write; empty if it is a probe.
    fn next(refusals: &Refusals) -> (Vec<Value>, bool) {
        match refusals.next() {
            (Write::Change(change), is_due) => {
                (change.audit().iter().map(|record| record.detail.clone()).collect(), is_due)
            }
            (Write::Bookkeeping(_), is_due) => (Vec::new(), is_due),
        }
    }

    #[test]
    fn thousands_of_attempts_wait_for_one_write() {
        let refusals = Refusals::default();
        assert!(refusals.add(None), "the first begins to wait");
        assert!((0..10_000).all(|_| !refusals.add(None)));
        assert_eq!(next(&refusals), (Vec::new(), false));
        assert!(refusals.add(attempt(1)) && !refusals.add(None) && !refusals.add(attempt(2)));
        assert_eq!(next(&refusals), (vec![json!(1), json!(2)], false), "in order");
    }

    #[test]
    fn records_beyond_a_write_wait_for_the_next_up_to_a_limit() {
        let refusals = Refusals::default();
        for number in 0..2 * WAITING {
            refusals.add(attempt(number));
        }
        let mut all = Vec::new();
        let mut is_due = true;
        while is_due {
            let write = next(&refusals);
            assert_eq!(write.0.len(), TOGETHER);
            all.extend(write.0);
            is_due = write.1;
        }
        assert_eq!(all, (0..WAITING).map(|number| json!(number)).collect::<Vec<_>>());
    }
}
