//! I28: a withdrawal that the server has confirmed stays true, and takes only its own request back.

use super::Ledger;
use crate::disk::Disk;
use buckler::{
    domain::{id::IncidentId, time::Timestamp},
    server::{
        engine::{Answer, Denied},
        store::{Batch, Fate, RequestRow},
    },
};
use std::collections::BTreeSet;

/// The withdrawals of requests.
#[derive(Debug, Default)]
pub struct Withdrawals {
    /// The requests whose withdrawal has reached the server.
    arrived: BTreeSet<IncidentId>,
    /// The requests whose withdrawal the server has confirmed.
    confirmed: BTreeSet<IncidentId>,
    /// The facts of requests whose authors withdraw them.
    facts: BTreeSet<(IncidentId, u32)>,
}

impl Withdrawals {
    /// Whether the author of the request with this fact has withdrawn it.
    pub fn has(&self, incident: IncidentId, fact: u32) -> bool {
        self.facts.contains(&(incident, fact))
    }

    fn note(&mut self, row: &RequestRow) {
        if let Fate::Acknowledged { incident, seq: Some(seq), .. } = row.fate
            && self.arrived.contains(&row.id)
        {
            self.facts.insert((incident, seq));
        }
    }
}

impl Ledger {
    /// The withdrawal of a request reaches the server.
    pub fn withdrawal_arrives(&mut self, request: IncidentId, disk: &Disk) {
        self.withdrawals.arrived.insert(request);
        if let Some(row) = disk.request(request) {
            self.withdrawals.note(&row);
        }
    }

    /// An answer to a withdrawal leaves the server.
    pub fn answered_withdrawal(
        &mut self,
        now: Timestamp,
        request: IncidentId,
        answer: &Result<Option<Answer>, Denied>,
        disk: &Disk,
    ) {
        self.tell(now, || {
            let of = answer.as_ref().map(|answer| answer.as_ref().map(|a| a.current.incident.id));
            format!("the withdrawal of {request} is answered: {of:?}")
        });
        match answer {
            Ok(None) => {
                self.occurs("request taken back before it arrived");
                let row = disk.request(request);
                let is_stored = row.is_some_and(|row| matches!(row.fate, Fate::Withdrawn { .. }));
                self.demand(is_stored, || {
                    format!("I28: the withdrawal of {request} was confirmed and is not stored")
                });
                self.withdrawals.confirmed.insert(request);
            }
            Ok(Some(answer)) => {
                self.occurs("request taken back after it arrived");
                self.shows(now, &answer.current.incident, answer.current.history.len());
            }
            Err(_) => {}
        }
    }

    /// Requests are stored. None of them was confirmed to begin nothing.
    pub(super) fn requests_are_stored(&mut self, batch: &Batch) {
        for row in &batch.requests {
            self.withdrawals.note(row);
            let begins = row.incident().is_some() && self.withdrawals.confirmed.contains(&row.id);
            self.demand(!begins, || {
                format!("I28: {} was withdrawn, which was confirmed, and begins something", row.id)
            });
        }
    }

    /// A copy of the database was put back, which does not know later withdrawals.
    pub(super) fn withdrawals_are_put_back(&mut self, disk: &Disk) {
        self.withdrawals.confirmed.retain(|id| disk.request(*id).is_some());
    }
}
