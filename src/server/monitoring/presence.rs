//! The operators at the console. The incident of an operator whose console is silent for too long
//! is released, so that others can claim it.

use crate::{
    api::center::PresentOperator,
    domain::{
        id::UserId,
        incident::{
            Actor, CenterMode,
            command::Command,
            effect::{Effect, EffectKind, Notice},
        },
        time::Timestamp,
    },
    server::{
        clock::Clock,
        engine::{
            Current, Engine,
            outbox::{EffectHandler, ExecuteError},
        },
        homes::Homes,
        live_events::LiveEvents,
        notify::LogNotices,
        stopped,
        store::{Account, Reads},
        tasks::{contained, contained_now},
    },
};
use async_trait::async_trait;
use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::sync::watch;

/// A console polls every few seconds. An operator whose console has been silent for this long is
/// gone.
const LEASE: Duration = Duration::from_secs(45);
/// How long after the start of the server an operator may be there whose console has not polled yet.
const RETURN: Duration = Duration::from_secs(10);
/// How often leases are checked.
const LOOK: Duration = Duration::from_secs(1);

/// The operators at the console.
pub struct OperatorPresence {
    people: Mutex<HashMap<UserId, (String, Timestamp)>>,
    /// Until when operators may return after the start of the server.
    return_until: Mutex<Timestamp>,
    live_events: Arc<LiveEvents>,
}

impl OperatorPresence {
    /// Creates it without operators, at the start of the server.
    pub fn new(live_events: Arc<LiveEvents>, now: Timestamp) -> Self {
        Self { people: Mutex::default(), return_until: Mutex::new(now + RETURN), live_events }
    }

    /// Whether an incident can be offered to anybody: an operator is there, or may be back soon after
    /// the start of the server.
    pub fn is_manned(&self, now: Timestamp) -> bool {
        let may_return = now < *self.return_until.lock().expect("no holder panics");
        may_return || !self.present(now).is_empty()
    }

    /// Renews the lease of an operator, because the console polled.
    pub fn sees(&self, account: &Account, now: Timestamp) {
        self.hears(&account.id, &account.name, now);
    }

    fn hears(&self, id: &UserId, name: &str, now: Timestamp) {
        let mut people = self.people.lock().expect("no holder panics");
        if people.insert(id.clone(), (name.into(), now)).is_none() {
            drop(people);
            self.live_events.center_changed();
        }
    }

    /// The operators with a lease, sorted by name.
    pub fn present(&self, now: Timestamp) -> Vec<PresentOperator> {
        let people = self.people.lock().expect("no holder panics");
        let there = people.iter().filter(|(_, (_, at))| now.since(*at) < LEASE);
        let mut all: Vec<_> = there
            .map(|(id, (name, _))| PresentOperator { id: id.clone(), name: name.clone() })
            .collect();
        all.sort_by(|one, other| one.name.cmp(&other.name));
        all
    }

    fn is_empty(&self) -> bool {
        self.people.lock().expect("no holder panics").is_empty()
    }

    /// Ends all leases, for tests.
    pub fn fall_silent(&self) {
        *self.return_until.lock().expect("no holder panics") = Timestamp::default();
        self.people
            .lock()
            .expect("no holder panics")
            .values_mut()
            .for_each(|(_, at)| *at = Timestamp::default());
    }

    /// Removes operators whose lease is over, or who do not work at the center any more. Returns the
    /// remaining ones, and whether any was removed.
    fn sweep(&self, now: Timestamp, staff: Option<&HashSet<UserId>>) -> (Vec<UserId>, bool) {
        let works = |id: &UserId| staff.is_none_or(|staff| staff.contains(id));
        let mut people = self.people.lock().expect("no holder panics");
        let before = people.len();
        people.retain(|id, (_, at)| now.since(*at) < LEASE && works(id));
        (people.keys().cloned().collect(), people.len() < before)
    }
}

/// What watches over the leases of operators.
pub struct Leases {
    /// The operators.
    pub operators: Arc<OperatorPresence>,
    /// Releases incidents.
    pub engine: Engine,
    /// The clock.
    pub clock: Arc<Clock>,
    /// Is told when an operator is gone.
    pub live_events: Arc<LiveEvents>,
    /// The homes, which show whether an operator is there.
    pub homes: Arc<Homes>,
    /// Who the center is.
    pub center: CenterMode,
    /// Knows who works at the center.
    pub reads: Arc<dyn Reads>,
}

/// Releases the incidents of operators who are gone, until the server stops. After a restart, each
/// operator has one lease to return.
pub async fn watch_leases(leases: Leases, mut stop: watch::Receiver<bool>) {
    let Leases { operators, engine, clock, live_events, homes, center, reads } = leases;
    for current in engine.view().running() {
        contained_now("operators", &current.incident.home, || {
            if let Some(Actor::Operator { id, name }) = &current.incident.assignee {
                operators.hears(id, name, clock.now());
            }
        });
    }
    let mut was_manned = false;
    loop {
        tokio::select! {
            () = stopped(&mut stop) => return,
            () = tokio::time::sleep(LOOK) => {}
        }
        let now = clock.now();
        // If the store cannot be read, nobody is taken for removed.
        let people = match operators.is_empty() {
            true => None,
            false => reads.center_people().await.ok(),
        };
        let staff = people.map(|all| all.into_iter().map(|(person, _)| person.id).collect());
        let (here, went) = operators.sweep(now, staff.as_ref());
        let is_offered = operators.is_manned(now);
        for current in engine.view().running() {
            let home = &current.incident.home;
            contained("operators", home, release_if_silent(&engine, &current, &here)).await;
            if !is_offered {
                contained("operators", home, end_offer(&engine, &current)).await;
            }
        }
        if went {
            live_events.center_changed();
        }
        // R23: each home shows whether an operator is there.
        let is_manned = !here.is_empty();
        if is_manned != was_manned && center == CenterMode::Operators {
            homes.all().iter().for_each(|home| live_events.home_changed(home.id.clone()));
        }
        was_manned = is_manned;
    }
}

/// Ends the offer of an incident, because nobody is on duty any more who could take it.
async fn end_offer(engine: &Engine, current: &Current) {
    if current.incident.is_offered_to(CenterMode::Operators)
        && let Err(denied) = engine.give(current.incident.id, Command::NobodyOnDuty).await
    {
        tracing::warn!(?denied, "could not end the offer of an incident");
    }
}

/// The effect handler of notices in operators' mode. It offers incidents to the operators at the
/// console, who see them there; if nobody is on duty, the incident goes on at once.
pub struct OperatorNotices {
    /// The operators.
    pub operators: Arc<OperatorPresence>,
    /// The clock.
    pub clock: Arc<Clock>,
}

#[async_trait]
impl EffectHandler for OperatorNotices {
    async fn execute(&self, effect: &Effect) -> Result<Option<Command>, ExecuteError> {
        let is_offer =
            matches!(effect.kind, EffectKind::Notify { reason: Notice::WaitsForOperator });
        if is_offer && !self.operators.is_manned(self.clock.now()) {
            return Ok(Some(Command::NobodyOnDuty));
        }
        LogNotices.execute(effect).await
    }
}

/// Releases an incident whose operator is not `here` any more.
async fn release_if_silent(engine: &Engine, current: &Current, here: &[UserId]) {
    let Some(from @ Actor::Operator { id, .. }) = &current.incident.assignee else { return };
    if here.contains(id) {
        return;
    }
    tracing::warn!(incident = %current.incident.id, operator = %id, "the operator's console is silent; releasing the incident");
    let release = Command::Release { by: Actor::Center, from: from.clone() };
    if let Err(denied) = engine.give(current.incident.id, release).await {
        tracing::warn!(?denied, "could not release an incident");
    }
}
