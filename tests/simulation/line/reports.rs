//! What the center reports to the home: the messages of its webhooks, each incident's in order, each
//! repeated until the home has taken it. Signatures are not simulated.

use super::{FASTEST, Line, OnLine, Side, State};
use crate::{dice::Dice, plan::HandlerFault, screens::Sight, world::World};
use async_trait::async_trait;
use buckler::{
    api::webhooks::Message,
    domain::{
        id::{HomeId, IncidentId},
        incident::{
            Actor, Report,
            command::Command,
            event::{Event, Recorded},
        },
        time::Timestamp,
    },
    server::{
        clock::Clock,
        engine::{Current, Denied, Engine},
        presenters::webhooks::messages,
        store::{Batch, IncidentReads, StoreError, Stored},
        webhooks::incoming::{self, Search, Target},
    },
};
use std::{sync::Arc, time::Duration};

/// How long a message waits for its answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// The first pause before a message is repeated. It doubles up to the last.
const PAUSES_MS: [u64; 2] = [500, 600_000];

/// A message that the home has not taken for a day is given up.
const TRIES_MOST: u32 = 150;

/// The progress of an incident's messages.
#[derive(Debug)]
pub struct Delivery {
    /// The first step that the home has not taken.
    next: u32,
    /// Grows whenever something is sent or taken, so that an old retry is recognized.
    go: u32,
    tries: u32,
}

/// A message on its way to the home.
#[derive(Debug)]
pub struct Told {
    of: IncidentId,
    try_of: u32,
    message: Message,
    /// What its author had been shown there, if it is an end.
    shown: Option<Sight>,
    /// When its author said it, by the truth.
    said: Timestamp,
}

impl Line {
    /// The center has stored this.
    pub fn is_stored(self: &Arc<Self>, center: &World, batch: &Batch) {
        self.alarms_are_stored(batch);
        for (id, _, facts) in &batch.facts {
            facts.iter().for_each(|fact| self.says_what_was_called_off(center, *id, fact));
            let go = {
                let mut state = self.state();
                if !state.reported.insert(*id) {
                    continue;
                }
                let first = Delivery { next: 1, go: 0, tries: 0 };
                let delivery = state.deliveries.entry(*id).or_insert(first);
                delivery.go += 1;
                delivery.go
            };
            self.later(Side::Center, center.truth() + FASTEST, OnLine::Reports(*id, go));
        }
    }

    /// Each request of a frame that is stored is a fact of the center's incident. A repeated one does
    /// not say which.
    fn alarms_are_stored(&self, batch: &Batch) {
        let mut facts: Vec<(IncidentId, u32, Option<IncidentId>)> = Vec::new();
        for (id, first, all) in &batch.facts {
            facts.extend((*first..).zip(all).filter_map(|(number, fact)| match &fact.event {
                Event::Started { home_incident, .. }
                | Event::Joined { home_incident, .. }
                | Event::Repeated { home_incident, .. } => Some((*id, number, *home_incident)),
                _ => None,
            }));
        }
        let mut state = self.state();
        for row in &batch.requests {
            let (Some(what), Some(incident)) = (state.raised.get(&row.id).copied(), row.incident())
            else {
                continue;
            };
            let is_it = |fact: &(IncidentId, u32, Option<IncidentId>)| {
                fact.0 == incident && fact.2 == Some(what.incident)
            };
            if let Some(n) = facts.iter().position(is_it) {
                let alarm = (facts.remove(n).1, what.incident, what.fact);
                state.alarms.entry(incident).or_default().push(alarm);
            }
        }
    }

    /// The center says only of an alarm that was withdrawn at home that it was (I27).
    fn says_what_was_called_off(&self, center: &World, id: IncidentId, fact: &Recorded) {
        let Event::Noted { text, .. } = &fact.event else { return };
        if !text.starts_with("Says that it was canceled there") {
            return;
        }
        let last = self.state().alarms.get(&id).and_then(|all| all.last().copied());
        let Some((_, incident, _)) = last else { return };
        let home = self.world(Side::Home);
        let is_withdrawn = home.ledger().is_withdrawn(incident, home.truth());
        center.ledger().demand(is_withdrawn, || {
            format!("I27/called-off: {id} says that {incident} was canceled, and nobody did")
        });
    }

    /// A center was killed. Its progress is written a little later than it happens.
    pub(super) fn forgets_progress(&self, died: Timestamp) {
        let mut state = self.state();
        let State { deliveries, reported, .. } = &mut *state;
        for (id, delivery) in deliveries {
            let mut dice = self.dice(&format!("progress/{id}/{died}"));
            if delivery.next > 1 && dice.chance(20) {
                delivery.next -= 1;
                reported.insert(*id);
            }
        }
    }

    /// A center that starts goes on with what the home has not taken.
    pub(super) fn resumes(self: &Arc<Self>) {
        let mut all = Vec::new();
        let mut state = self.state();
        let State { deliveries, reported, .. } = &mut *state;
        for id in &*reported {
            let Some(delivery) = deliveries.get_mut(id) else { continue };
            (delivery.go, delivery.tries) = (delivery.go + 1, 0);
            all.push((*id, delivery.go));
        }
        drop(state);
        let now = self.world(Side::Center).truth();
        for (id, go) in all {
            self.later(Side::Center, now + FASTEST, OnLine::Reports(id, go));
        }
    }

    /// The center sends the next message of an incident.
    pub(super) fn reports(
        self: &Arc<Self>,
        center: &World,
        (engine, clock): (&Engine, &Clock),
        id: IncidentId,
        go: u32,
    ) {
        let next = {
            let mut state = self.state();
            let Some(delivery) = state.deliveries.get(&id).filter(|d| d.go == go) else { return };
            let next = delivery.next;
            if delivery.tries > TRIES_MOST {
                state.reported.remove(&id);
                return;
            }
            next
        };
        let current = engine.view().known(id).or_else(|| {
            let stored = center.disk.incident(id)?;
            Current::load(stored).ok().map(Arc::new)
        });
        let Some(current) = current else { return };
        let account = self.account(&current.incident.home);
        let message =
            messages(&current.incident, &current.history, Some(&account), next).into_iter().next();
        let Some(mut message) = message else {
            self.state().reported.remove(&id);
            return;
        };
        if self.by_account {
            message.data.home_incident = None;
        }
        let fact = &current.history[message.data.seq as usize - 1];
        let (tries, now) = {
            let mut state = self.state();
            let delivery = state.deliveries.get_mut(&id).expect("it was there");
            delivery.tries += 1;
            (delivery.tries, center.truth())
        };
        let shown = center.ledger().sight_of_end(id, &fact.event);
        let said = now - clock.now().since(message.timestamp);
        let mut dice = self.dice(&format!("report/{id}/{}/{go}/{tries}", message.data.seq));
        let told = Arc::new(Told { of: id, try_of: tries, message, shown, said });
        if let Some(after) = self.passes(&mut dice, false) {
            self.later(Side::Home, now + after, OnLine::Told(told));
        }
        let pause = PAUSES_MS[0].saturating_mul(1 << (tries - 1).min(20)).min(PAUSES_MS[1]);
        let again = now + PATIENCE + Duration::from_millis(pause);
        self.later(Side::Center, again, OnLine::Reports(id, go));
    }

    /// How long a message or its answer takes, if it arrives.
    fn passes(&self, dice: &mut Dice, is_answer: bool) -> Option<Duration> {
        let fault = self.state().fault;
        let (loses, slowest) = match fault {
            None => (0, 60),
            Some(HandlerFault::Unreachable) => (100, 60),
            Some(HandlerFault::Slow) => (10, 12_000),
            Some(HandlerFault::AnswerLost) => (if is_answer { 75 } else { 20 }, 400),
        };
        (!dice.chance(loses)).then(|| FASTEST + dice.ms(0, slowest))
    }

    /// A message reaches the home, which lives: as `src/server/http/reports.rs`.
    pub(super) fn tells(
        self: &Arc<Self>,
        home: &Arc<World>,
        engine: &Engine,
        clock: &Arc<Clock>,
        told: Arc<Told>,
    ) {
        let Some(transmitter) = self.state().transmitter.clone() else { return };
        let (line, world, engine, clock) =
            (self.clone(), home.clone(), engine.clone(), clock.clone());
        tokio::spawn(async move {
            let message = &told.message;
            let account = message.data.account.as_deref();
            let found = Search {
                view: engine.view(),
                stored: &OnDisk(world.clone()),
                now: clock.now(),
                by_account: account.and_then(|account| transmitter.home_of(account)),
                may_speak_of: &|_| true,
            }
            .find(message)
            .await;
            let is_taken = match (found, incoming::report(message)) {
                (Err(_), _) => false,
                (Ok(Some(target)), Some(report)) => {
                    line.is_given(&world, &engine, &clock, &told, target, report).await
                }
                _ => true,
            };
            let now = world.truth();
            let name = format!("taken/{}/{}/{}/{now}", told.of, message.data.seq, told.try_of);
            if is_taken && let Some(after) = line.passes(&mut line.dice(&name), true) {
                let taken = OnLine::Taken(told.of, message.data.seq);
                line.later(Side::Center, now + after, taken);
            }
        });
    }

    /// A report is given to the incident that it is about. Returns whether it need not come again.
    async fn is_given(
        &self,
        world: &World,
        engine: &Engine,
        clock: &Clock,
        told: &Told,
        Target { current, is_sure }: Target,
        report: Report,
    ) -> bool {
        let Told { message, said, .. } = told;
        let id = current.incident.id;
        let report = if is_sure { report } else { Report::Unnamed { said: Box::new(report) } };
        let by = Actor::Outside { name: "Harbor".into() };
        let (key, said_at) = (format!("{}-{}", told.of, message.data.seq), message.timestamp);
        let command = Command::Report { by, key, said_at, report };
        let mut sight = self.knew(told, id);
        // The center's clock was ahead of the server's when it spoke.
        if clock.now() < said_at + world.truth().since(*said) {
            sight.open = sight.open.or(Some("I30/clock"));
        }
        world.ledger().acts(id, &command, sight);
        let answer = engine.give(id, command.clone()).await;
        world.ledger().answered_command(world.truth(), id, &command, &answer);
        !matches!(answer, Err(Denied::StorageUnavailable | Denied::Busy))
    }

    /// What the author of a report knew of an incident of the home: the alarms of it that their screen
    /// showed.
    fn knew(&self, told: &Told, incident: IncidentId) -> Sight {
        let state = self.state();
        let alarms = state.alarms.get(&told.of).map(Vec::as_slice).unwrap_or_default();
        let is_of_this = |(_, of, _): &&(u32, IncidentId, u32)| *of == incident;
        let shown = told.shown.map_or(0, |shown| shown.facts);
        let known = alarms.iter().filter(is_of_this).filter(|(there, ..)| *there <= shown);
        let is_another = !alarms.iter().any(|alarm| is_of_this(&alarm));
        Sight {
            // Nobody spoke who could have been told later.
            at: told.shown.map_or(Timestamp::default(), |_| told.said),
            facts: known.map(|(.., fact)| *fact).max().unwrap_or_default(),
            open: (is_another && self.by_account).then_some("I24/account"),
        }
    }

    /// Whether the center has something to report.
    pub fn owes_reports(&self) -> bool {
        !self.state().reported.is_empty()
    }

    /// The center learns that the home has taken a message.
    pub(super) fn is_taken(self: &Arc<Self>, center: &World, id: IncidentId, seq: u32) {
        let go = {
            let mut state = self.state();
            let Some(delivery) = state.deliveries.get_mut(&id) else { return };
            if delivery.next > seq {
                return;
            }
            (delivery.next, delivery.tries, delivery.go) = (seq + 1, 0, delivery.go + 1);
            delivery.go
        };
        self.later(Side::Center, center.truth() + FASTEST, OnLine::Reports(id, go));
    }
}

/// The incidents on the home's disk.
struct OnDisk(Arc<World>);

#[async_trait]
impl IncidentReads for OnDisk {
    async fn incident(&self, id: IncidentId) -> Result<Option<Stored>, StoreError> {
        Ok(self.0.disk.incident(id))
    }

    async fn incidents(
        &self,
        home: &HomeId,
        before: Timestamp,
        limit: u32,
    ) -> Result<Vec<Stored>, StoreError> {
        Ok(self.0.disk.incidents(home, before, limit))
    }
}
