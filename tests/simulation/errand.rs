//! Client messages to the server, over a network that loses, delays, duplicates and reorders.
//! Clients repeat them until they are answered.

use super::{
    dice::Dice,
    people::outside,
    plan::staffing::Elsewhere,
    screens::{Sight, Viewer},
    world::{Event, World},
};
use buckler::{
    domain::{
        id::{HomeId, IncidentId},
        incident::{
            Actor,
            command::{CallStep, Command, OperatorReport, Raise, Seen},
        },
        time::Timestamp,
    },
    server::{
        clock::Clock,
        engine::{Current, Denied, Engine, Withdraw, device::Origin},
    },
};
use sha2::{Digest, Sha256};
use std::{collections::BTreeMap, sync::Arc, time::Duration};

/// A request that a client wants answered.
#[derive(Clone, Debug)]
pub struct Errand {
    what: ErrandKind,
    since: Timestamp,
    patience: Duration,
    attempts: u32,
    answered: bool,
    /// The incident that the answer names.
    incident: Option<IncidentId>,
}

/// What became of a request, as its sender knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    OnItsWay,
    /// Refused, or not answered for too long.
    NotSent,
    Arrived(IncidentId),
}

#[derive(Clone, Debug)]
enum ErrandKind {
    /// A request of an app, or of a panel.
    Raise(Box<Raise>, Origin),
    /// A command, and what its author had been shown.
    Give(IncidentId, Command, Option<Sight>),
    /// A person takes this request back.
    Withdraw { id: IncidentId, home: HomeId, by: Actor },
}

/// What an app without the field that says it is taken to have shown: what is older than this.
const SHOWN_WITHIN: Duration = Duration::from_secs(1);

/// All errands, indexed by number.
#[derive(Debug, Default)]
pub struct Errands {
    all: Vec<Errand>,
    /// The latest of each request.
    requests: BTreeMap<IncidentId, usize>,
    /// The error of the client's last estimate of the server's time.
    offset_ms: i64,
}

impl Errands {
    pub fn answered(&mut self, errand: usize, done: bool, incident: Option<IncidentId>) {
        let errand = &mut self.all[errand];
        errand.answered |= done;
        errand.incident = errand.incident.or(incident);
    }

    /// The person gives a request up: no copy of it is sent any more. Returns its errand.
    pub fn gives_up(&mut self, id: IncidentId) -> Option<usize> {
        let is_it =
            |errand: &Errand| matches!(&errand.what, ErrandKind::Raise(raise, _) if raise.id == id);
        let number = self.all.iter().rposition(is_it)?;
        self.all[number].answered = true;
        Some(number)
    }

    /// What became of the request with this id.
    pub fn fate(&self, id: IncidentId, now: Timestamp) -> Fate {
        match self.requests.get(&id).map(|number| &self.all[*number]) {
            Some(Errand { incident: Some(incident), .. }) => Fate::Arrived(*incident),
            Some(errand) if errand.answered || now > errand.since + errand.patience => {
                Fate::NotSent
            }
            _ => Fate::OnItsWay,
        }
    }

    /// Who asked for help with this errand, and when, if it is that.
    pub fn asked_by(&self, errand: usize) -> Option<(Viewer, Timestamp)> {
        let Errand { what, since, .. } = &self.all[errand];
        match what {
            ErrandKind::Raise(raise, _) => Viewer::of(&raise.by).map(|who| (who, *since)),
            ErrandKind::Give(..) | ErrandKind::Withdraw { .. } => None,
        }
    }
}

impl Errand {
    /// A request for help, sent at the server's time if its device can know that.
    pub fn raise(raise: Raise, from: Origin) -> Self {
        Self {
            what: ErrandKind::Raise(Box::new(raise), from),
            since: Timestamp::default(),
            patience: Duration::from_secs(60),
            attempts: 0,
            answered: false,
            incident: None,
        }
    }

    /// A command to an incident. The client repeats it until it is answered or patience ends.
    pub fn command(incident: IncidentId, command: Command, patience: Duration) -> Self {
        let since = Timestamp::default();
        Self {
            what: ErrandKind::Give(incident, command, None),
            since,
            patience,
            attempts: 0,
            answered: false,
            incident: None,
        }
    }

    /// The withdrawal of a request, which the app repeats until it is confirmed.
    pub fn withdrawal(id: IncidentId, home: HomeId, by: Actor) -> Self {
        Self {
            what: ErrandKind::Withdraw { id, home, by },
            since: Timestamp::default(),
            patience: Duration::from_secs(3_600),
            attempts: 0,
            answered: false,
            incident: None,
        }
    }

    /// A command whose author's screen showed this.
    pub fn seen(mut self, by_author: Sight) -> Self {
        if let ErrandKind::Give(_, _, sight) = &mut self.what {
            *sight = Some(by_author);
        }
        self
    }

    /// Sends the first copy now.
    pub fn begin(world: &World, errand: Self) {
        Self::begin_at(world, errand, world.truth());
    }

    /// Sends the first copy at that time.
    pub fn begin_at(world: &World, mut errand: Self, at: Timestamp) {
        errand.since = at;
        let mut errands = world.lock(&world.errands);
        if let ErrandKind::Raise(raise, _) = &mut errand.what {
            match raise.sent_at {
                Some(server) => {
                    errands.offset_ms =
                        server.as_millis().cast_signed() - at.as_millis().cast_signed()
                }
                None => {
                    raise.sent_at = Some(Timestamp::from_millis(
                        at.as_millis().saturating_add_signed(errands.offset_ms),
                    ))
                }
            }
        }
        let number = errands.all.len();
        if let ErrandKind::Raise(raise, _) = &errand.what {
            errands.requests.insert(raise.id, number);
        }
        errands.all.push(errand);
        drop(errands);
        world.later(at, Event::Send(number));
    }

    /// Sends a copy or two into the network, and schedules a retry in case no answer comes.
    pub fn send(world: &World, number: usize) {
        let now = world.truth();
        let (attempt, gives_up) = {
            let errand = &mut world.lock(&world.errands).all[number];
            errand.attempts += 1;
            if let (1, ErrandKind::Give(incident, Command::Report { .. }, Some(sight))) =
                (errand.attempts, &mut errand.what)
            {
                sight.facts = sight.facts.max(world.ledger().center_knows(*incident));
            }
            let gives_up = errand.answered || now > errand.since + errand.patience;
            (errand.attempts, gives_up)
        };
        if gives_up {
            return;
        }
        travel(world, &format!("to/{number}/{attempt}"), Event::Arrive(number));
        // The app retries after two seconds at first, and then less often.
        world.later(
            now + Duration::from_millis(2_000 * u64::from(attempt.min(5))),
            Event::Send(number),
        );
    }

    /// A copy has reached the server.
    pub fn arrive(world: &Arc<World>, number: usize, engine: &Engine, clock: &Clock) {
        let errand = world.lock(&world.errands).all[number].clone();
        let Errand { mut what, since, .. } = errand;
        if let ErrandKind::Give(incident, command, Some(sight)) = &mut what {
            if let (Some(seen @ Seen::Before(_)), now) = (seen_of(command), clock.now()) {
                *seen = Seen::Before(now - SHOWN_WITHIN);
            }
            // The sender's clock was ahead of the server's when it spoke.
            if let Command::Report { said_at, .. } = command
                && clock.now() < *said_at + world.truth().since(since)
            {
                sight.open = Some("I30/clock");
            }
            if world.plan.staffing.elsewhere == Elsewhere::ReportsByAccount
                && !outside::is_named(world, engine, clock.now(), (incident, command, sight))
            {
                // It is about nothing that runs: the server says so.
                return world.lock(&world.errands).answered(number, true, None);
            }
            world.ledger().acts(*incident, command, *sight);
        }
        if let ErrandKind::Withdraw { id, .. } = &what {
            world.ledger().withdrawal_arrives(*id, &world.disk);
        }
        let (world, engine) = (world.clone(), engine.clone());
        tokio::spawn(async move {
            let (done, current) = match what {
                ErrandKind::Raise(raise, by) => ask(&world, &engine, *raise, by).await,
                ErrandKind::Withdraw { id, home, by } => {
                    let withdraw = Withdraw { id, home, may_be_kept: true };
                    let answer = engine.withdraw(withdraw, by, None).await;
                    world.ledger().answered_withdrawal(world.truth(), id, &answer, &world.disk);
                    (!matches!(answer, Err(Denied::StorageUnavailable)), None)
                }
                ErrandKind::Give(incident, command, _) => {
                    let answer = engine.give(incident, command.clone()).await;
                    world.ledger().answered_command(world.truth(), incident, &command, &answer);
                    // Who moves a dispatch sees that it is lost, and says it again.
                    let may_be_lost =
                        matches!(command, Command::Dispatch { .. }) && engine.view().store_fails();
                    let is_lost = matches!(answer, Err(Denied::StorageUnavailable)) || may_be_lost;
                    (!is_lost, None)
                }
            };
            travel(
                &world,
                &format!("back/{number}/{}", world.truth()),
                Event::Answered(number, done, current),
            );
        });
    }
}

/// Where a command says what its author had been shown.
fn seen_of(command: &mut Command) -> Option<&mut Seen> {
    match command {
        Command::Cancel { seen, .. }
        | Command::Silence { seen, .. }
        | Command::End { seen, .. }
        | Command::Review { seen, .. }
        | Command::Close { seen, .. }
        | Command::Call { step: CallStep::Cancel { seen, .. }, .. }
        | Command::ByAssignee {
            report:
                OperatorReport::Close { seen, .. }
                | OperatorReport::Call { step: CallStep::Cancel { seen, .. }, .. },
            ..
        } => Some(seen),
        _ => None,
    }
}

/// The server's entrance: what `http/incidents` does before and after it calls the engine.
async fn ask(
    world: &World,
    engine: &Engine,
    raise: Raise,
    from: Origin,
) -> (bool, Option<Arc<Current>>) {
    let fingerprint = Sha256::digest(format!(
        "{} {:?} {:?} {}",
        raise.home, raise.request, raise.mode, raise.drill_sirens
    ))
    .into();
    let answer = engine.raise_from(from, raise.clone(), fingerprint).await;
    world.ledger().answered_raise(world.truth(), &raise, &answer, &world.disk);
    let is_answered = !matches!(answer, Err(Denied::StorageUnavailable));
    (is_answered, answer.ok().map(|answer| answer.current))
}

/// Sends an event through the network, which may lose, delay, duplicate or reorder it.
fn travel(world: &World, name: &str, event: Event) {
    let weather = *world.lock(&world.weather);
    let mut dice = Dice::new(world.plan.seed, name);
    let now = world.truth();
    let copies = if dice.chance(8) { 2 } else { 1 };
    for _ in 0..copies {
        if dice.chance(weather.loses_percent) {
            continue;
        }
        let slow = if dice.chance(30) { dice.ms(0, weather.slow_ms) } else { Duration::ZERO };
        world.later(now + dice.ms(1, 80) + slow, event.clone());
    }
}
