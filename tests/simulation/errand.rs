//! Client messages to the server, over a network that loses, delays, duplicates and reorders.
//! Clients repeat them until they are answered.

use super::{
    dice::Dice,
    screens::{Sight, Viewer},
    world::{Event, World},
};
use buckler::{
    domain::{
        id::IncidentId,
        incident::command::{CallStep, Command, OperatorReport, Raise, Seen},
        time::Timestamp,
    },
    server::{
        clock::Clock,
        engine::{Current, Denied, Engine},
    },
};
use sha2::{Digest, Sha256};
use std::{sync::Arc, time::Duration};

/// A request that a client wants answered.
#[derive(Clone, Debug)]
pub struct Errand {
    what: ErrandKind,
    since: Timestamp,
    patience: Duration,
    attempts: u32,
    answered: bool,
}

#[derive(Clone, Debug)]
enum ErrandKind {
    Raise(Box<Raise>),
    /// A command, and what its author had been shown.
    Give(IncidentId, Command, Option<Sight>),
}

/// What an app without the field that says it is taken to have shown: what is older than this.
const SHOWN_WITHIN: Duration = Duration::from_secs(1);

/// All errands, indexed by number.
#[derive(Debug, Default)]
pub struct Errands {
    all: Vec<Errand>,
    /// The error of the client's last estimate of the server's time.
    offset_ms: i64,
}

impl Errands {
    pub fn answered(&mut self, errand: usize, done: bool) {
        self.all[errand].answered |= done;
    }

    /// Who asked for help with this errand, and when, if it is that.
    pub fn asked_by(&self, errand: usize) -> Option<(Viewer, Timestamp)> {
        let Errand { what, since, .. } = &self.all[errand];
        match what {
            ErrandKind::Raise(raise) => Viewer::of(&raise.by).map(|who| (who, *since)),
            ErrandKind::Give(..) => None,
        }
    }
}

impl Errand {
    /// A client's request, sent at the server's time if the client can know that. Otherwise the
    /// client estimates it.
    pub fn raise(raise: Raise, since: Timestamp) -> Self {
        Self {
            what: ErrandKind::Raise(Box::new(raise)),
            since,
            patience: Duration::from_secs(60),
            attempts: 0,
            answered: false,
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
        }
    }

    /// The command of somebody who had been shown this.
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
        if let ErrandKind::Raise(raise) = &mut errand.what {
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
        errands.all.push(errand);
        let number = errands.all.len() - 1;
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
            (errand.attempts, errand.answered || now > errand.since + errand.patience)
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
        let Errand { mut what, since, .. } = world.lock(&world.errands).all[number].clone();
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
            world.ledger().acts(*incident, command, *sight);
        }
        let (world, engine) = (world.clone(), engine.clone());
        tokio::spawn(async move {
            let (done, current) = match what {
                ErrandKind::Raise(raise) => ask(&world, &engine, *raise).await,
                ErrandKind::Give(incident, command, _) => {
                    let answer = engine.give(incident, command.clone()).await;
                    world.ledger().answered_command(world.truth(), incident, &command, &answer);
                    (!matches!(answer, Err(Denied::StorageUnavailable)), None)
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
async fn ask(world: &World, engine: &Engine, raise: Raise) -> (bool, Option<Arc<Current>>) {
    let fingerprint = Sha256::digest(format!(
        "{} {:?} {:?} {}",
        raise.home, raise.request, raise.mode, raise.drill_sirens
    ))
    .into();
    let answer = engine.raise(raise.clone(), fingerprint).await;
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
