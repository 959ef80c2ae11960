//! Sirens that were requested alone and could not be stored (F15). They sound after the countdown
//! that the request would have had, for a minute, and only if it is still not stored. A cancel, or
//! a retry that is stored, ends them.

use super::outbox::LiveSirens;
use crate::{
    domain::{
        id::IncidentId,
        incident::{
            SIREN_NOT_AFTER, UNSTORED_SIREN,
            command::Raise,
            effect::{unstored_sirens_due, unstored_sirens_off, unstored_sirens_on},
        },
        time::Timestamp,
    },
    server::{clock::Clock, tasks::spawn_contained},
};
use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
};
use tokio::time::timeout_at;
use tokio_util::sync::CancellationToken;

/// The requests for sirens alone that are being stored, or could not be.
pub(super) struct UnstoredSirens {
    clock: Arc<Clock>,
    sirens: LiveSirens,
    /// A request is here while somebody asks for it, or its sirens wait or sound.
    requests: Mutex<HashMap<IncidentId, Weak<Asked>>>,
    /// The latest requests that were withdrawn. A copy of one that arrives later sounds nothing, even
    /// while no withdrawal can be stored.
    withdrawn: Mutex<VecDeque<IncidentId>>,
}

/// How many withdrawn requests are remembered.
const WITHDRAWN_MOST: usize = 256;

/// One request.
pub(super) struct Asked {
    /// When its sirens sound, if it is not stored by then.
    due: Timestamp,
    ended: CancellationToken,
    /// Whether its sirens wait or have sounded. A retry does not sound them again.
    is_seen_to: AtomicBool,
}

impl UnstoredSirens {
    pub(super) fn new(clock: Arc<Clock>, sirens: LiveSirens) -> Arc<Self> {
        Arc::new(Self { clock, sirens, requests: Mutex::default(), withdrawn: Mutex::default() })
    }

    /// Notes a request before it is stored, so that its end is not missed. `None` if its sirens do
    /// not sound without being stored.
    pub(super) fn ask(&self, raise: &Raise) -> Option<Arc<Asked>> {
        let due = unstored_sirens_due(raise, self.clock.now())?;
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        if self.withdrawn.lock().unwrap_or_else(PoisonError::into_inner).contains(&raise.id) {
            return None;
        }
        requests.retain(|_, asked| asked.strong_count() > 0);
        if let Some(asked) = requests.get(&raise.id).and_then(Weak::upgrade) {
            return Some(asked);
        }
        let ended = CancellationToken::new();
        let asked = Arc::new(Asked { due, ended, is_seen_to: AtomicBool::new(false) });
        requests.insert(raise.id, Arc::downgrade(&asked));
        Some(asked)
    }

    /// Whether sirens wait or sound. Their times are those of the current clock.
    pub(super) fn are_under_way(&self) -> bool {
        let requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        requests.values().any(|asked| asked.strong_count() > 0)
    }

    /// The request could not be stored.
    pub(super) fn see_to(self: &Arc<Self>, asked: Arc<Asked>, raise: Raise) {
        if asked.is_seen_to.swap(true, Ordering::Relaxed) {
            return;
        }
        let all = self.clone();
        spawn_contained("sirens without a stored request", raise.id, async move {
            all.sound(&asked, &raise).await;
        });
    }

    async fn sound(&self, asked: &Asked, raise: &Raise) {
        let ends_by = async |moment: Timestamp| {
            timeout_at(self.clock.instant_of(moment), asked.ended.cancelled()).await.is_ok()
        };
        if ends_by(asked.due).await {
            return;
        }
        let now = self.clock.now();
        // The machine may have slept meanwhile (R22).
        if now >= asked.due + SIREN_NOT_AFTER {
            return;
        }
        self.sirens.tell(unstored_sirens_on(raise, now));
        if ends_by(now + UNSTORED_SIREN).await {
            self.sirens.tell(unstored_sirens_off(raise, self.clock.now()));
        }
    }

    /// The request was withdrawn. It was noted before, so that a copy that is being stored does not
    /// sound either.
    pub(super) fn withdraw(&self, id: IncidentId) {
        let mut withdrawn = self.withdrawn.lock().unwrap_or_else(PoisonError::into_inner);
        if !withdrawn.contains(&id) {
            withdrawn.push_back(id);
        }
        let beyond = withdrawn.len().saturating_sub(WITHDRAWN_MOST);
        withdrawn.drain(..beyond);
        drop(withdrawn);
        self.end([id]);
    }

    /// These requests were stored or canceled.
    pub(super) fn end(&self, ids: impl IntoIterator<Item = IncidentId>) {
        let requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        if requests.is_empty() {
            return;
        }
        for asked in ids.into_iter().filter_map(|id| requests.get(&id)?.upgrade()) {
            asked.ended.cancel();
        }
    }
}
