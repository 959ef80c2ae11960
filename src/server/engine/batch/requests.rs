//! Decides on requests: one begins an incident, joins the one that runs, is known already, or is
//! withdrawn.

use super::{BatchBuilder, Draft, Outcome, Undecidable, Verdict, contained};
use crate::{
    domain::{
        id::{HomeId, IncidentId},
        incident::{
            Actor, Mode,
            command::{Command, Raise, STALE, Seen},
            decide::{Refusal, start},
            event::{Event, Recorded},
        },
        time::Timestamp,
    },
    server::{
        engine::{Denied, Withdraw, device::Origin},
        store::{Begun, Fate, Journal, RequestRow, StoreError},
    },
};
use std::collections::VecDeque;

/// The latest repeats beyond the limit of their incidents. If the answer is lost, the retry finds
/// them here, and begins nothing although the incident may be over (F2).
#[derive(Debug, Default)]
pub(in crate::server::engine) struct Repeats(pub(super) VecDeque<(Timestamp, RequestRow)>);

impl Repeats {
    /// A retry of one that is dropped finds nothing.
    const MOST: usize = 4_096;

    fn push(&mut self, now: Timestamp, row: RequestRow) {
        // Nobody retries an older one.
        while self.0.len() >= Self::MOST
            || self.0.front().is_some_and(|(at, _)| now.since(*at) > 2 * STALE)
        {
            self.0.pop_front();
        }
        self.0.push_back((now, row));
    }
}

impl BatchBuilder<'_> {
    pub(super) async fn raise(
        &mut self,
        raise: &Raise,
        fingerprint: [u8; 32],
        origin: Origin,
        known: &mut Vec<RequestRow>,
        store: &dyn Journal,
    ) -> Result<Outcome, StoreError> {
        match known.iter().find(|row| row.id == raise.id).map(|row| row.fate.clone()) {
            None => {}
            Some(Fate::Withdrawn { .. }) => return Ok(Err(Denied::Withdrawn)),
            Some(Fate::Acknowledged { incident, fingerprint: earlier, .. }) => {
                // The incident may be quarantined: then only another id begins one.
                if earlier != fingerprint || !self.stage(incident, store).await? {
                    return Ok(Err(Denied::IdReused));
                }
                let joined = incident != raise.id;
                return Ok(Ok(Verdict { incident, created: false, joined, refusal: None }));
            }
        }
        // Only now, because the retry of a request that is stored finds its incident however late
        // it arrives (F2).
        if raise.is_stale(self.now) {
            return Ok(Err(Denied::Stale { now: self.now }));
        }
        if self.refuses_requests {
            return Ok(Err(Denied::StorageUnavailable));
        }
        if raise.is_refused(self.now) {
            return Ok(Err(Denied::Refused(Refusal::DeviceRestricted)));
        }
        let recorded = self.batch.facts.len();
        let outcome = match self.begin_or_join(raise, origin, store).await? {
            Ok(outcome) => outcome,
            Err(denied) => return Ok(Err(denied)),
        };
        self.acknowledge(raise, fingerprint, &outcome, recorded, known);
        if let Some(before) = raise.after {
            self.tombstone(before, &raise.home, known);
        }
        Ok(Ok(outcome))
    }

    async fn begin_or_join(
        &mut self,
        raise: &Raise,
        origin: Origin,
        store: &dyn Journal,
    ) -> Result<Outcome, StoreError> {
        let Some(id) = self.running_in(&raise.home, raise.quiet.is_some()) else {
            return Ok(self.begin(raise, origin));
        };
        self.stage(id, store).await?;
        Ok(match (self.drafts[&id].incident.mode, raise.mode) {
            (Mode::Live, Mode::Drill) => Err(Denied::LiveIncidentRunning),
            (Mode::Drill, Mode::Live) => {
                if let Err(Undecidable { why }) = self.command(id, Command::ReplaceDrill) {
                    self.quarantine(id, why);
                }
                self.begin(raise, origin)
            }
            _ => self.join(id, raise, origin),
        })
    }

    /// Stores that the request was acknowledged; `recorded` is the number of facts before it. A repeat
    /// beyond the limit records nothing, and is not stored: nobody fills the disk by asking for what
    /// is already on its way.
    fn acknowledge(
        &mut self,
        raise: &Raise,
        fingerprint: [u8; 32],
        outcome: &Verdict,
        recorded: usize,
        known: &mut Vec<RequestRow>,
    ) {
        let incident = &self.drafts[&outcome.incident].incident;
        let is_beyond = !incident.has_few_repeats(raise.is_from_restricted(self.now));
        let fate = Fate::Acknowledged {
            incident: outcome.incident,
            fingerprint,
            seq: self.requested(recorded, outcome.incident),
        };
        let row = RequestRow { id: raise.id, fate };
        known.push(row.clone());
        if self.batch.facts.len() == recorded && is_beyond {
            self.repeats.push(self.now, row);
        } else {
            self.batch.requests.push(row);
        }
    }

    /// The number of the fact with which a request began or joined the incident, among the facts
    /// since `recorded`.
    fn requested(&self, recorded: usize, incident: IncidentId) -> Option<u32> {
        let of_incident = |(id, ..): &&(IncidentId, u32, Vec<Recorded>)| *id == incident;
        let facts = self.batch.facts[recorded..].iter().filter(of_incident);
        let mut numbered = facts.flat_map(|(_, first, facts)| (*first..).zip(facts));
        let is_request =
            |fact: &Recorded| matches!(fact.event, Event::Started { .. } | Event::Joined { .. });
        numbered.find(|(_, fact)| is_request(fact)).map(|(seq, _)| seq)
    }

    /// Notes that a request begins nothing if it arrives later. Nothing happens if it has arrived.
    fn tombstone(&mut self, id: IncidentId, home: &HomeId, known: &mut Vec<RequestRow>) {
        if known.iter().any(|row| row.id == id) {
            return;
        }
        let row = RequestRow { id, fate: Fate::Withdrawn { home: home.clone() } };
        known.push(row.clone());
        self.batch.requests.push(row);
    }

    /// Withdraws a request (I28). If it has not arrived, it begins nothing any more. If it counts
    /// down, it is canceled like by its author's Cancel Help, and nothing else is.
    pub(super) async fn withdraw(
        &mut self,
        &Withdraw { id, ref home, may_be_kept }: &Withdraw,
        (by, restricted_until): (&Actor, Option<Timestamp>),
        known: &mut Vec<RequestRow>,
        store: &dyn Journal,
    ) -> Result<Outcome, StoreError> {
        let Some(row) = known.iter().find(|row| row.id == id).cloned() else {
            if self.refuses_requests {
                return Ok(Err(Denied::StorageUnavailable));
            }
            if !may_be_kept {
                return Ok(Err(Denied::OverBudget));
            }
            self.tombstone(id, home, known);
            return Ok(Err(Denied::Withdrawn));
        };
        let Fate::Acknowledged { incident, seq, .. } = row.fate else {
            return Ok(Err(Denied::Withdrawn));
        };
        if !self.stage(incident, store).await? || self.drafts[&incident].incident.home != *home {
            return Ok(Err(Denied::Unknown));
        }
        let Some(seq) = seq else {
            return Ok(Ok(Verdict { incident, created: false, joined: false, refusal: None }));
        };
        let cancel = Command::Cancel { by: by.clone(), seen: Seen::Only(seq) };
        self.give(incident, Command::of_device(restricted_until, cancel), store).await
    }

    /// Joins the request to the running incident. If that has just ended by a timer or cannot be
    /// decided, the request begins a new incident.
    fn join(&mut self, id: IncidentId, raise: &Raise, origin: Origin) -> Outcome {
        match self.command(id, raise.join()) {
            Ok(Some(Refusal::IncidentOver)) => self.begin(raise, origin),
            Err(Undecidable { why }) => {
                self.quarantine(id, why);
                self.begin(raise, origin)
            }
            Ok(refusal) => Ok(Verdict { incident: id, created: false, joined: true, refusal }),
        }
    }

    fn begin(&mut self, raise: &Raise, origin: Origin) -> Outcome {
        let mut asked = raise.clone();
        let before = self.view.latest(&raise.home);
        let called_off = before.and_then(|before| before.incident.remembered_call_off(self.now));
        asked.snapshot.called_off_at = called_off;
        // A detector that trips again is not a person who asks again, and a drill goes through every
        // step.
        asked.snapshot.asked_again =
            called_off.is_some() && origin == Origin::Home && raise.mode == Mode::Live;
        let decision = contained(raise.id, || start(asked, self.now))?;
        let (id, home) = (raise.id, raise.home.clone());
        let quiet = raise.quiet.is_some();
        self.batch.begun.push(Begun { id, home: home.clone(), at: self.now, quiet });
        self.running.insert((home, quiet), Some(id));
        self.order.push(id);
        self.drafts.insert(
            id,
            Draft { incident: decision.after.clone(), before: None, facts: Vec::new() },
        );
        self.take(id, decision, 1);
        Ok(Verdict { incident: id, created: true, joined: false, refusal: None })
    }
}
