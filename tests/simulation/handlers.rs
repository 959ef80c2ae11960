//! The effect handlers: they record what reaches the world, fail, and start what others do on their
//! own. The peers outlive the server and remember the keys that they have seen.

use super::{
    dice::Dice,
    disk::Disk,
    line::{Side, signaled},
    people::{contact, operator, outside},
    plan::{HandlerFault, Plan, QUEUES, homes},
    world::World,
};
use async_trait::async_trait;
use buckler::{
    domain::{
        home::Home,
        incident::{
            CenterMode, Mode,
            command::Command,
            effect::{Effect, EffectKind, Notice, Signal},
        },
        time::Timestamp,
    },
    server::{
        clock::Clock,
        dc09::transmitter::Transmitter,
        engine::{
            Current,
            outbox::{EffectHandler, EffectHandlers, ExecuteError},
        },
        monitoring::responders::NoResponders,
        mqtt::MqttDevices,
        sirens::DrillDevices,
    },
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
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
            home.contacts = vec![homes::contact(9, false), homes::contact(0, false)];
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
    /// What carries it out, if that is not the peer itself.
    inner: Option<Arc<dyn EffectHandler>>,
}

/// The effect handlers for live incidents and for drills. Sirens have the server's own.
pub fn effect_handlers(
    world: &Arc<World>,
    clock: &Arc<Clock>,
    sirens: &Arc<MqttDevices>,
    transmitter: Option<&Arc<Transmitter>>,
) -> (EffectHandlers, EffectHandlers) {
    let of = |mode| {
        let [devices, phones, receiver, responders, notices] = QUEUES.map(|queue| {
            let inner: Option<Arc<dyn EffectHandler>> = match (queue, mode) {
                ("devices", Mode::Live) => Some(sirens.clone()),
                ("devices", Mode::Drill) => {
                    Some(Arc::new(DrillDevices { clock: clock.clone(), devices: sirens.clone() }))
                }
                ("receiver", Mode::Live) => transmitter.map(|it| it.clone() as _),
                _ => None,
            };
            Arc::new(Handler { queue, mode, world: world.clone(), clock: clock.clone(), inner })
                as Arc<dyn EffectHandler>
        });
        EffectHandlers { devices, phones, receiver, responders, notices }
    };
    (of(Mode::Live), of(Mode::Drill))
}

#[async_trait]
impl EffectHandler for Handler {
    fn queued(&self, effect: &Effect) {
        if let Some(inner) = &self.inner {
            inner.queued(effect);
        }
    }

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
        let carried_out = match &self.inner {
            Some(inner) => signaled(effect, inner.execute(effect)).await,
            None => Ok(None),
        };
        if std::mem::take(&mut world.lock(&world.peers).kill_after_effect) {
            world.pull_the_plug().await;
        }
        let mut dice = Dice::new(world.plan.seed, &format!("way/{}", effect.key));
        match fault {
            // A siren that has not confirmed is told again in time.
            _ if carried_out.is_err() => return carried_out,
            Some(HandlerFault::Slow) => tokio::time::sleep(dice.ms(100, 20_000)).await,
            Some(HandlerFault::AnswerLost) => {
                return Err(ExecuteError("the answer was lost".into()));
            }
            _ if self.inner.is_none() && dice.chance(20) => {
                tokio::time::sleep(dice.ms(1, 50)).await
            }
            _ => {}
        }
        Ok(match &effect.kind {
            EffectKind::RequestDispatch { .. }
                if self.world.plan.staffing.center == CenterMode::Automatic
                    && !self.has_responders() =>
            {
                return NoResponders.execute(effect).await;
            }
            EffectKind::SignalReceiver { signal: Signal::Alarm, services, .. }
                if self.inner.is_some() =>
            {
                let line = world.line(Side::Home).expect("the transmitter has a line");
                let has = line.has_stored(effect.incident, effect.seq, services);
                world.ledger().center_is_said_to_have(effect, has);
                return carried_out;
            }
            // A receiver acknowledges each alarm, also if nobody looks at it.
            EffectKind::SignalReceiver { signal: Signal::Alarm, .. } => {
                Some(Command::Signaled { receiver: Some("Harbor".into()) })
            }
            _ => return carried_out,
        })
    }

    fn on_expired(&self, effect: &Effect) -> Option<Command> {
        self.inner.as_ref()?.on_expired(effect)
    }

    fn resume(&self, current: &Current) {
        if let Some(inner) = &self.inner {
            inner.resume(current);
        }
    }
}

impl Handler {
    /// Whether responders are asked: in a drill, and by an automatic center that has any. Others ask
    /// them elsewhere, as `src/server/effect_handlers.rs` says.
    fn has_responders(&self) -> bool {
        let staffing = &self.world.plan.staffing;
        self.mode == Mode::Drill || staffing.center == CenterMode::Automatic && staffing.responders
    }

    /// What the peer does on its own, once, when it is first reached.
    fn act(&self, effect: &Effect, now: Timestamp) {
        let world = &self.world;
        match &effect.kind {
            EffectKind::CallContact { call, contact, .. } => {
                contact::rings(world, &effect.home, contact, *call, &effect.key, now)
            }
            EffectKind::RequestDispatch { service } if self.has_responders() => {
                outside::respond(world, *service, effect, now)
            }
            EffectKind::SignalReceiver { signal: Signal::Alarm, services, .. } => {
                outside::reports(world, services, effect, now)
            }
            EffectKind::Notify { reason: Notice::WaitsForOperator } => {
                operator::is_offered(world, effect, now)
            }
            _ => {}
        }
    }
}
