//! The peers that the server reaches: sirens, contacts' telephones, a receiver, responders and
//! operators. They outlive the server, remember the keys that they have seen, and act on their own.

use super::{
    dice::Dice,
    disk::Disk,
    errand::Errand,
    plan::{HandlerFault, Plan, QUEUES, contact},
    world::World,
};
use async_trait::async_trait;
use buckler::{
    domain::{
        home::Home,
        id::CallId,
        incident::{
            Actor, DispatchState, Disposition, Mode, Purpose, Report, Service,
            command::{CallStep, Command, NotReached, Seen},
            effect::{Effect, EffectKind, Notice, Signal},
        },
        time::Timestamp,
    },
    server::{
        clock::Clock,
        engine::outbox::{EffectHandler, EffectHandlers, ExecuteError},
    },
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

/// The memory of the peers.
#[derive(Debug, Default)]
pub struct Peers {
    seen: BTreeSet<String>,
    faults: BTreeMap<&'static str, HandlerFault>,
    edited: BTreeSet<usize>,
    kill_after_effect: bool,
}

impl Peers {
    /// The current setup of a home.
    pub fn home(&self, n: usize, plan: &Plan) -> Home {
        let mut home = plan.homes[n].clone();
        if self.edited.contains(&n) {
            home.contacts = vec![contact(9, false), contact(0, false)];
        }
        home
    }

    pub fn edit_home(&mut self, n: usize) {
        self.edited.insert(n);
    }

    pub fn break_handler(&mut self, queue: &'static str, fault: Option<HandlerFault>) {
        match fault {
            Some(fault) => self.faults.insert(queue, fault),
            None => self.faults.remove(queue),
        };
    }

    pub fn kill_after_effect(&mut self) {
        self.kill_after_effect = true;
    }

    /// A peer that is asked again, because the server lost what it had done from memory, says again
    /// what it said.
    pub fn server_died(&mut self, disk: &Disk) {
        self.kill_after_effect = false;
        self.seen.retain(|key| disk.holds_effect(key));
    }
}

/// An effect handler during one life of the server.
struct Handler {
    queue: &'static str,
    mode: Mode,
    world: Arc<World>,
    clock: Arc<Clock>,
}

/// The effect handlers for live incidents and for drills.
pub fn ways_out(world: &Arc<World>, clock: &Arc<Clock>) -> (EffectHandlers, EffectHandlers) {
    let of = |mode| {
        let [devices, phones, receiver, responders, notices] = QUEUES.map(|queue| {
            Arc::new(Handler { queue, mode, world: world.clone(), clock: clock.clone() })
                as Arc<dyn EffectHandler>
        });
        EffectHandlers { devices, phones, receiver, responders, notices }
    };
    (of(Mode::Live), of(Mode::Drill))
}

#[async_trait]
impl EffectHandler for Handler {
    async fn execute(&self, effect: &Effect) -> Result<Option<Command>, ExecuteError> {
        let (now, world) = (self.world.truth(), &self.world);
        let fault = world.lock(&world.peers).faults.get(self.queue).copied();
        if let Some(HandlerFault::Unreachable) = fault {
            return Err(ExecuteError("nobody is reached".into()));
        }
        world.ledger().carried_out(
            now,
            self.clock.now(),
            self.mode,
            self.queue,
            effect,
            &world.disk,
        );
        let first = world.lock(&world.peers).seen.insert(effect.key.clone());
        if first {
            self.act(effect, now);
        }
        if std::mem::take(&mut world.lock(&world.peers).kill_after_effect) {
            world.pull_the_plug().await;
        }
        let mut dice = Dice::new(world.plan.seed, &format!("way/{}", effect.key));
        match fault {
            Some(HandlerFault::Slow) => tokio::time::sleep(dice.ms(100, 20_000)).await,
            Some(HandlerFault::AnswerLost) => {
                return Err(ExecuteError("the answer was lost".into()));
            }
            _ if dice.chance(20) => tokio::time::sleep(dice.ms(1, 50)).await,
            _ => {}
        }
        Ok(match &effect.kind {
            EffectKind::SirenOn { device, .. } => {
                Some(Command::SirenReported { device: device.clone(), sounding: true })
            }
            _ => None,
        })
    }

    fn on_expired(&self, effect: &Effect) -> Option<Command> {
        match &effect.kind {
            EffectKind::SirenOn { device, .. } => {
                Some(Command::SirenReported { device: device.clone(), sounding: false })
            }
            _ => None,
        }
    }
}

impl Handler {
    /// What the peer does on its own, once, when it is first reached.
    fn act(&self, effect: &Effect, now: Timestamp) {
        match &effect.kind {
            EffectKind::CallContact { call, purpose, .. } => {
                self.pick_up(*call, *purpose, &effect.key, now)
            }
            EffectKind::RequestDispatch { service } => self.respond(*service, effect, now),
            EffectKind::SignalReceiver { signal: Signal::Alarm, services, .. } => {
                self.report(services, effect, now)
            }
            EffectKind::Notify { reason: Notice::WaitsForOperator } => {
                let mut dice = Dice::new(self.world.plan.seed, &format!("claim/{}", effect.key));
                if dice.chance(60) {
                    let by = Actor::Operator { id: "olga".parse().unwrap(), name: "Olga".into() };
                    let claim = Errand::command(
                        effect.incident,
                        Command::Claim { by },
                        Duration::from_secs(60),
                    );
                    Errand::begin_at(&self.world, claim, now + dice.ms(500, 120_000));
                }
            }
            _ => {}
        }
    }

    /// A contact answers or not, decides or not, and may do it twice, late, or in the wrong order.
    fn pick_up(&self, call: CallId, purpose: Purpose, key: &str, now: Timestamp) {
        let mut dice = Dice::new(self.world.plan.seed, &format!("call/{key}"));
        let say = |at: Timestamp, step: CallStep| {
            if step == (CallStep::Cancel { seen: Seen::All, authenticated: true }) {
                self.world.ledger().called_off(call, purpose);
            }
            Errand::begin_at(
                &self.world,
                Errand::command(
                    call.incident,
                    Command::Call { call, step },
                    Duration::from_secs(30),
                ),
                at,
            );
        };
        let rings = now + dice.ms(200, 36_000);
        match dice.below(10) {
            0 | 1 => {}
            2 => say(
                rings,
                CallStep::NotReached(dice.pick(&[
                    NotReached::Busy,
                    NotReached::Voicemail,
                    NotReached::Failed,
                ])),
            ),
            3 => {
                say(rings, CallStep::Answer);
                say(rings + dice.ms(100, 90_000), CallStep::HangUp);
            }
            4 => say(rings, CallStep::Answer),
            kind => {
                if dice.chance(85) {
                    say(rings, CallStep::Answer);
                }
                let decision = match kind {
                    5 | 6 => CallStep::Confirm,
                    7 => CallStep::Cancel { seen: Seen::All, authenticated: false },
                    _ => CallStep::Cancel { seen: Seen::All, authenticated: true },
                };
                let decided = rings + dice.ms(100, 70_000);
                say(decided, decision);
                if dice.chance(15) {
                    say(
                        decided + dice.ms(0, 3_000),
                        CallStep::Cancel { seen: Seen::All, authenticated: dice.chance(50) },
                    );
                }
            }
        }
    }

    /// A receiving center works on the incident and reports late, twice or in the wrong order, and
    /// sometimes reports its end.
    fn report(&self, services: &[Service], effect: &Effect, now: Timestamp) {
        let mut dice = Dice::new(self.world.plan.seed, &format!("report/{}", effect.key));
        let by = Actor::Outside { name: "Harbor".into() };
        let say = |n: usize, report: Report, dice: &mut Dice| {
            for _ in 0..if dice.chance(15) { 2 } else { 1 } {
                let at = now + dice.ms(0, 240_000);
                let said = Command::Report {
                    by: by.clone(),
                    key: format!("{}-{n}", effect.key),
                    said_at: at,
                    report: report.clone(),
                };
                Errand::begin_at(
                    &self.world,
                    Errand::command(effect.incident, said, Duration::from_secs(3_600)),
                    at,
                );
            }
        };
        say(0, Report::Claimed, &mut dice);
        for (n, service) in services.iter().enumerate() {
            for (m, state) in
                [DispatchState::Accepted, DispatchState::EnRoute, DispatchState::OnScene]
                    .into_iter()
                    .enumerate()
            {
                if dice.chance(60) {
                    say(
                        10 * n + m + 1,
                        Report::Moved { service: *service, state, reference: None },
                        &mut dice,
                    );
                }
            }
        }
        if dice.chance(20) {
            say(99, Report::Ended { disposition: Disposition::HelpGiven }, &mut dice);
        }
    }

    /// Responders close everything in the end. Until then, reports come late, twice and in the
    /// wrong order.
    fn respond(&self, service: Service, effect: &Effect, now: Timestamp) {
        let mut dice = Dice::new(self.world.plan.seed, &format!("respond/{}", effect.key));
        let mut at = now;
        let rejected = dice.chance(10).then_some(DispatchState::Rejected);
        let forward = [
            DispatchState::Accepted,
            DispatchState::EnRoute,
            DispatchState::OnScene,
            DispatchState::Closed,
        ];
        for state in rejected.into_iter().chain(forward) {
            at = at + dice.ms(0, 120_000);
            let report = Command::Dispatch { service, state, reference: None };
            let patience = Duration::from_secs(48 * 3_600);
            Errand::begin_at(&self.world, Errand::command(effect.incident, report, patience), at);
        }
        if dice.chance(5) {
            let close = Command::Close {
                seen: Seen::All,
                by: Actor::Center,
                disposition: Disposition::ClosedByCenter,
                note: None,
            };
            Errand::begin_at(
                &self.world,
                Errand::command(effect.incident, close, Duration::from_secs(60)),
                now + dice.ms(0, 400_000),
            );
        }
    }
}
