//! Samples whether the engine answers and the store stores.

use super::{
    clock::instant,
    engine::{Denied, Engine},
    store::{Bookkeeping, ChangeError, Changes},
};
use crate::domain::{id::IncidentId, incident::command::Command};
use std::time::Duration;
use tokio::{sync::Mutex, time::Instant};

/// The shortest time between two samples of the engine and the store, however often readiness is
/// requested. Anybody may request it, and each sample takes a place in the engine's queue and a
/// flush.
const SAMPLED_EVERY: Duration = Duration::from_secs(1);

/// Whether the engine answers and the store accepts writes.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    at: Instant,
    /// The response time of the engine.
    pub took: Duration,
    /// Whether the engine answered.
    pub answers: bool,
    /// Whether a write was stored.
    pub stores: bool,
}

/// The last sample.
#[derive(Default)]
pub struct Probe(Mutex<Option<Sample>>);

impl Probe {
    /// Returns the last sample, or a new one if the last is too old. Concurrent requests share one
    /// sample.
    pub async fn sample(&self, engine: &Engine, changes: &Changes) -> Sample {
        let mut last = self.0.lock().await;
        let at = instant();
        if let Some(sample) = last.filter(|sample| at.duration_since(sample.at) < SAMPLED_EVERY) {
            return sample;
        }
        // A command to an incident that does not exist passes through the engine and the store, and
        // changes nothing.
        let answers = matches!(
            engine.give(IncidentId(uuid::Uuid::nil()), Command::Tick).await,
            Err(Denied::Unknown)
        );
        let took = at.elapsed();
        // Incidents and other changes take different paths into the store. Both are tested.
        let stores = answers && !engine.view().store_fails() && stores(changes).await;
        *last.insert(Sample { at, took, answers, stores })
    }
}

/// Whether changes would be stored. A full queue is no failure: such changes are answered with
/// `busy`, and incidents do not wait for them.
async fn stores(changes: &Changes) -> bool {
    match changes.note(Bookkeeping::Probe).await {
        Ok(()) | Err(ChangeError::Busy) => true,
        Err(error) => {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "the readiness probe could not be stored"
            );
            false
        }
    }
}
