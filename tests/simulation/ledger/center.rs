//! What the receiving center is told of a review (I12), and which incident its reports are about (I24).

use super::{Ledger, excuses::UNREACHED};
use crate::disk::Disk;
use buckler::{
    domain::{
        id::{HomeId, IncidentId},
        incident::{
            ByHome, Disposition, Request,
            effect::{Effect, EffectKind, Signal},
            event::Event,
        },
        time::Timestamp,
    },
    server::{engine::Current, store::Batch},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

impl Ledger {
    /// The center has another alarm: one for each request at most.
    pub(super) fn alarms_once(&mut self, alarm: &Effect) {
        // The request of one that left from memory is not on the disk yet (I25).
        if !self.effects.contains_key(&alarm.key) {
            return;
        }
        let alarms = self.alarms.entry(alarm.incident).or_default();
        alarms.insert(alarm.key.clone());
        let (count, id) = (alarms.len(), alarm.incident);
        let presses = self.cases.get(&id).map_or(0, |case| {
            case.presses.iter().filter(|press| press.request.service().is_some()).count()
        });
        // One that nobody acknowledged may not have arrived, and is repeated.
        let is_acknowledged =
            self.cases.get(&id).is_some_and(|case| case.incident.signaled == Some(true));
        let repeated = self.cases.get(&id).map_or(0, |case| case.repeated_alarms);
        self.demand(count <= presses + repeated || !is_acknowledged, || {
            format!("I12/once: {count} alarms of {id}, which has {presses} requests")
        });
    }

    /// A decision to send nothing withdraws the alarms that the center has.
    pub(super) fn withdraws(&mut self, batch: &Batch) {
        for (id, _, facts) in &batch.facts {
            let is_dropped = facts.iter().any(|fact| {
                let dropped = Disposition::ReviewedNotSent;
                matches!(fact.event, Event::Closed { disposition, .. } if disposition == dropped)
            });
            let told = batch.effects.iter().any(|effect| {
                let cancel = Signal::Cancel;
                effect.incident == *id
                    && matches!(effect.kind, EffectKind::SignalReceiver { signal, .. } if signal == cancel)
            });
            let has = self.alarms.contains_key(id);
            self.demand(!is_dropped || !has || told, || {
                format!("I12/withdrawn: {id} is dropped, and the center keeps its alarm")
            });
        }
    }
}

impl Ledger {
    /// The incident that a report of the center is about if it names only the home of this one.
    pub fn meant_by_account(
        &self,
        told: IncidentId,
        running: Option<&Current>,
        said_at: Timestamp,
        now: Timestamp,
    ) -> Option<ByHome> {
        let home = &self.cases.get(&told)?.incident.home;
        let all = self.cases.values().map(|case| &case.incident);
        let before = all.filter(|incident| incident.home == *home);
        ByHome::find(running.map(|current| &current.incident), before, said_at, now)
    }

    /// The home of an incident that is stored.
    pub fn home_of(&self, id: IncidentId) -> Option<HomeId> {
        self.cases.get(&id).map(|case| case.incident.home.clone())
    }
}

/// What is known of a receiving center that is a server too.
#[derive(Debug, Default)]
pub struct Elsewhere {
    /// The incidents whose alarm it has stored, and the time of the last one.
    has: BTreeMap<IncidentId, Timestamp>,
    /// The incidents that were called off, or that a review dropped.
    withdrawn: BTreeSet<IncidentId>,
    /// The incidents whose withdrawal it was told after their last alarm. A home whose disk fails says
    /// it before it is stored (I25).
    knows: BTreeSet<IncidentId>,
    /// The incidents whose withdrawal it must be told, and since when.
    owes_cancel: BTreeMap<IncidentId, Timestamp>,
}

impl Elsewhere {
    /// The database of the home was put back.
    pub fn is_forgotten(&mut self) {
        self.owes_cancel.clear();
    }

    pub fn forgets(&mut self, old: &BTreeSet<IncidentId>) {
        self.has.retain(|id, _| !old.contains(id));
        self.withdrawn.retain(|id| !old.contains(id));
        self.knows.retain(|id| !old.contains(id));
        self.owes_cancel.retain(|id, _| !old.contains(id));
    }
}

/// How long a withdrawal takes over a line that works: the longest pause between two attempts, and an
/// exchange.
const TOLD_WITHIN: Duration = Duration::from_secs(35);

impl Ledger {
    /// The center has acknowledged an alarm, which made these requests there: each is stored (I10) and
    /// a part of its incident (I24). Returns whether that is so.
    pub fn acknowledges_alarm(&mut self, all: &[IncidentId], asks: Request, disk: &Disk) -> bool {
        let incident = |id: &IncidentId| disk.request(*id).and_then(|row| row.incident());
        let stored: Vec<_> = all.iter().filter_map(|id| Some((*id, incident(id)?))).collect();
        self.demand(!stored.is_empty(), || {
            format!("I10: the center acknowledged an alarm for {asks:?} and has not stored it")
        });
        for (id, incident) in &stored {
            let asked = self.cases.get(incident).is_some_and(|case| case.asked.contains(&asks));
            self.demand(asked, || {
                format!("I24/center: {asks:?} was acknowledged, and {incident} does not ask for it")
            });
            self.acknowledged.insert(*id, (*incident, asks));
        }
        !stored.is_empty()
    }

    /// The center has stored another alarm of an incident of this home.
    pub fn center_has(&mut self, id: IncidentId, now: Timestamp) {
        self.elsewhere.has.insert(id, now);
        self.elsewhere.knows.remove(&id);
        // One that was put back does not know of a withdrawal, and may be sent.
        let is_over = self.cases.get(&id).is_none_or(|case| case.incident.is_over());
        if is_over && self.elsewhere.withdrawn.contains(&id) {
            self.elsewhere.owes_cancel.insert(id, now);
        }
    }

    /// The center has acknowledged that an incident is withdrawn.
    pub fn center_is_told_of_cancel(&mut self, id: IncidentId) {
        self.elsewhere.owes_cancel.remove(&id);
        self.elsewhere.knows.insert(id);
    }

    /// Whether an incident was called off, or a review sent nothing of it.
    pub fn is_withdrawn(&self, id: IncidentId, now: Timestamp) -> bool {
        self.elsewhere.withdrawn.contains(&id)
            || self.called_off.iter().any(|call| call.incident == id)
            || self.may_be_ahead(now)
    }

    /// A fact may withdraw what the center has.
    pub(super) fn is_withdrawn_by(&mut self, id: IncidentId, event: &Event, now: Timestamp) {
        let is_dropped = Disposition::ReviewedNotSent;
        let withdraws = match event {
            Event::Cancelled { .. } => true,
            Event::Closed { disposition, .. } => *disposition == is_dropped,
            _ => false,
        };
        if withdraws {
            self.elsewhere.withdrawn.insert(id);
            if self.elsewhere.has.contains_key(&id) && !self.elsewhere.knows.contains(&id) {
                self.elsewhere.owes_cancel.insert(id, now);
            }
        }
    }

    /// I12: the center is told of a withdrawal as soon as the line lets it.
    pub fn withdrawals_arrive(&mut self, now: Timestamp) {
        for (id, since) in self.elsewhere.owes_cancel.clone() {
            let free = self.excuses.until(since, now, UNREACHED);
            // Each trouble may end an attempt that had almost arrived.
            let held = self.excuses.since(since, now, UNREACHED, TOLD_WITHIN);
            let due = free + TOLD_WITHIN + held;
            self.demand(now <= due, || {
                format!("I12/cancel: the center is not told since {since} that {id} is withdrawn")
            });
        }
    }

    /// The home says that the center has an alarm.
    pub fn center_is_said_to_have(&mut self, effect: &Effect, has: bool) {
        self.demand(has, || {
            format!("I24/center: {} is acknowledged, and the center has not stored it", effect.key)
        });
    }

    /// What was found at the center counts as found in this world.
    pub fn adds_center(&mut self, center: Self) {
        if let Some(what) = center.broken {
            let (code, what) = what.split_once(':').unwrap_or(("", &what));
            self.broken.get_or_insert(format!("{code}: at the center:{what}"));
        }
        self.open.extend(center.open);
        let troubles: usize = center.faults.values().sum();
        if troubles > 0 {
            *self.faults.entry("trouble at the center").or_default() += troubles;
        }
        let (mut lines, mut story) = (center.story.into_iter().peekable(), Vec::new());
        let is_timed = |line: &str| line.starts_with("20");
        for line in std::mem::take(&mut self.story) {
            while lines.peek().is_some_and(|of_center| {
                is_timed(&line) && (!is_timed(of_center) || of_center[..24] <= line[..24])
            }) {
                story.extend(lines.next().map(|line| {
                    format!(
                        "{}      center:{}",
                        &line[..24.min(line.len())],
                        line.get(24..).unwrap_or_default()
                    )
                }));
            }
            story.push(line);
        }
        story.extend(lines.map(|line| format!("center: {line}")));
        self.story = story;
    }
}
