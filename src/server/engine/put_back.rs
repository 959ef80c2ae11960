//! What a start does with a database that is not the one that this server wrote last (I32).

use super::Current;
use crate::{
    domain::{
        incident::{
            Incident, State, decide,
            effect::{Effect, EffectKind, Notice},
        },
        time::Timestamp,
    },
    server::store::{Batch, RunningRow},
};

/// What was withheld because the database was put back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PutBack {
    /// The number of incidents that ran and do not act by themselves any more.
    pub incidents: usize,
    /// The keys of effects that are not carried out.
    pub withheld: Vec<String>,
}

/// Decides what must be stored before anything of a database that was put back may run: each
/// incident waits for a person, and nothing is left to be carried out but the notice of that. An
/// incident that cannot be read does not act either, because the start quarantines it.
pub fn put_back(rows: Vec<RunningRow>, pending: &[Effect], now: Timestamp) -> (Batch, PutBack) {
    let rows = rows.into_iter().filter_map(|row| row.stored.and_then(Current::load).ok());
    let running: Vec<_> = rows.map(|current| current.incident).collect();
    // A start that crashed after it had withheld everything has told nobody yet that a person must
    // decide.
    let waits = |incident: &Incident| {
        matches!(incident.state, State::UnderReview) || incident.calls_withheld
    };
    let is_told = |effect: &Effect| {
        matches!(effect.kind, EffectKind::Notify { reason: Notice::UnderReview })
            && running.iter().any(|i| i.id == effect.incident && waits(i))
    };
    let withheld: Vec<String> =
        pending.iter().filter(|effect| !is_told(effect)).map(|effect| effect.key.clone()).collect();
    let mut batch = Batch { done: withheld.clone(), ..Batch::default() };
    let mut incidents = 0;
    // A quarantined incident may continue at this start, if it can be read now.
    for incident in running {
        let left: Vec<&Effect> = pending.iter().filter(|e| e.incident == incident.id).collect();
        let decision = decide::put_back(&incident, &left, now.max(incident.touched_at));
        incidents += 1;
        if decision.facts.is_empty() {
            continue;
        }
        if decision.after.is_over() {
            batch.over.push(incident.id);
        }
        batch.facts.push((incident.id, incident.seq + 1, decision.facts));
        batch.effects.extend(decision.effects);
    }
    (batch, PutBack { incidents, withheld })
}
