//! The session of the server's buttons, which the broker keeps while the server is away: what it has
//! not acknowledged is sent again, and what is said meanwhile waits.

use super::{KEEP_ALIVE_MS, Traffic, Wires, failed};
use crate::{dice::Dice, world::World};
use buckler::{
    domain::time::Timestamp,
    server::mqtt::broker::{Incoming, Receipt, Session},
};
use std::{
    collections::{BTreeSet, VecDeque},
    time::Duration,
};

/// The most messages that the broker sends before it waits for an acknowledgment, as mosquitto does.
const IN_FLIGHT: usize = 20;
/// How many of a hundred connections break at once.
const FLAPS: u64 = 15;
/// A server that is connected for so long has subscribed to everything.
const SUBSCRIBES_WITHIN: Duration = Duration::from_secs(5);
/// A link that works again for so long must have been used.
const RECONNECTS_WITHIN: Duration = Duration::from_secs(28);

/// A message for the server, which must acknowledge it.
#[derive(Clone, Debug)]
struct Message {
    topic: String,
    payload: Vec<u8>,
    retained: bool,
    /// The ledger's number of what a button said.
    said: Option<usize>,
}

/// The session.
#[derive(Default)]
pub struct Kept {
    exists: bool,
    topics: BTreeSet<String>,
    /// Sent, and not acknowledged, with their packet ids.
    sent: Vec<(u16, Message)>,
    waiting: VecDeque<Message>,
    packet: u16,
    /// The connection that the broker takes for open, and since when.
    connection: Option<(u64, Timestamp)>,
    kept_for: Duration,
    /// Every loss of a connection has a number.
    losses: u64,
}

/// What a packet to the server is: its id, and the ledger's number of what a button said.
pub type Packet = (u16, Option<usize>);

impl Kept {
    /// Everything is dropped. Returns what was not acknowledged.
    fn clear(&mut self) -> Vec<usize> {
        self.topics.clear();
        let sent = self.sent.drain(..).map(|(_, message)| message);
        sent.chain(self.waiting.drain(..)).filter_map(|message| message.said).collect()
    }
}

impl Wires {
    /// The server connects, in its session or in a new one.
    pub(super) fn resumes(&mut self, world: &World, number: u64, session: &Session) -> Incoming {
        let now = world.truth();
        let resumed = self.kept.exists && !session.clean;
        if !resumed {
            let dropped = self.kept.clear();
            world.ledger().buttons_are_dropped(&dropped, now);
        }
        let kept = &mut self.kept;
        (kept.exists, kept.connection) = (true, Some((number, now)));
        kept.kept_for = session.kept_for.unwrap_or_default();
        kept.losses += 1;
        world.ledger().buttons_are_connected(now);
        Incoming::Connected { resumed }
    }

    /// Sends again what was not acknowledged, and then what waits.
    pub(super) fn catches_up(&mut self, world: &World) {
        let sent = self.kept.sent.clone();
        sent.into_iter().for_each(|(id, message)| self.send(world, id, message, true));
        self.flush(world);
    }

    fn send(&mut self, world: &World, id: u16, message: Message, is_again: bool) {
        let Some((number, _)) = self.kept.connection else { return };
        let Message { topic, payload, retained, said } = message;
        let (topic, receipt) = (topic.into_bytes(), Some(Receipt { id, is_again }));
        let heard = Incoming::Message { topic, payload, retained, receipt };
        let at = self.down_buttons.arrival(world.truth());
        world.wire(at, Traffic::Heard(number, Ok(heard), Some((id, said))));
    }

    fn flush(&mut self, world: &World) {
        while self.kept.connection.is_some() && self.kept.sent.len() < IN_FLIGHT {
            let Some(message) = self.kept.waiting.pop_front() else { return };
            self.kept.packet = self.kept.packet.checked_add(1).unwrap_or(1);
            let id = self.kept.packet;
            self.kept.sent.push((id, message.clone()));
            self.send(world, id, message, false);
        }
    }

    /// Something is published that the session may have subscribed to.
    fn keep(&mut self, world: &World, message: Message) {
        // Nobody hears anything while a link is cut and neither end has noticed.
        let is_open = self.button_client.as_ref().is_some_and(|client| client.is_open);
        let (kept, now) = (&mut self.kept, world.truth());
        if kept.topics.contains(&message.topic) {
            kept.waiting.push_back(message);
            return self.flush(world);
        }
        let Some(said) = message.said else { return };
        let is_deaf =
            is_open && kept.connection.is_some_and(|(_, since)| since + SUBSCRIBES_WITHIN < now);
        world.ledger().demand(!is_deaf, || {
            format!(
                "I24/deaf: the server is connected, and has not subscribed to {}",
                message.topic
            )
        });
        world.ledger().buttons_are_dropped(&[said], now);
    }

    /// The server publishes something to itself.
    pub(super) fn echo(&mut self, world: &World, topic: String, payload: Vec<u8>) {
        self.keep(world, Message { topic, payload, retained: false, said: None });
    }

    /// What a button says has reached the broker.
    pub(super) fn button_said(&mut self, world: &World, n: usize, payload: String, said: usize) {
        let button = &self.buttons[n];
        let (topic, payload) = (button.topic.clone(), payload.into_bytes());
        if button.retains {
            self.retained.insert(topic.clone(), payload.clone());
        }
        world.ledger().button_is_at_broker(said, world.truth());
        self.keep(world, Message { topic, payload, retained: false, said: Some(said) });
    }

    pub(super) fn subscribed(&mut self, world: &World, number: u64, topic: String) {
        if self.client(number).is_none() {
            return;
        }
        if let Some(payload) = self.retained.get(&topic).cloned() {
            let message = Message { topic: topic.clone(), payload, retained: true, said: None };
            self.kept.waiting.push_back(message);
        }
        self.kept.topics.insert(topic);
        self.flush(world);
    }

    pub(super) fn acknowledged(&mut self, world: &World, number: u64, id: u16) {
        let is_open = self.client(number).is_some();
        if !is_open || self.kept.connection.is_none_or(|(open, _)| open != number) {
            return;
        }
        let at = self.kept.sent.iter().position(|(sent, _)| *sent == id);
        let Some((_, message)) = at.map(|at| self.kept.sent.remove(at)) else { return };
        if let Some(said) = message.said {
            let later = self.kept.sent.len();
            world.ledger().button_is_acknowledged(said, later, world.truth());
        }
        self.flush(world);
    }

    /// The broker notices that the connection is gone.
    pub(super) fn lost(&mut self, world: &World, number: u64) {
        if self.kept.connection.is_none_or(|(open, _)| open != number) {
            return;
        }
        self.kept.connection = None;
        self.kept.losses += 1;
        let forgets = world.truth() + self.kept.kept_for;
        world.wire(forgets, Traffic::Forgotten(self.kept.losses));
    }

    /// The broker does not keep the session any longer.
    pub(super) fn forgotten(&mut self, world: &World, loss: u64) {
        if self.kept.losses == loss {
            let dropped = self.kept.clear();
            self.kept.exists = false;
            world.ledger().buttons_are_dropped(&dropped, world.truth());
        }
    }

    /// The server has ended. Its machine says so, unless it lost its power.
    pub fn server_is_gone(&mut self, world: &World, is_said: bool) {
        let Some(client) = &self.button_client else { return };
        let number = client.number;
        let mut dice = Dice::new(world.plan.seed, &format!("gone/{number}"));
        let at = match is_said {
            true => self.up_buttons.arrival(world.truth()),
            false => world.truth() + dice.ms(0, KEEP_ALIVE_MS),
        };
        world.wire(at, Traffic::Lost(number));
    }

    /// The link of the buttons' connection is cut.
    pub(super) fn cut_buttons(&mut self, world: &World, mut dice: Dice) {
        let now = world.truth();
        world.ledger().buttons_are_cut(now);
        let back = self.cut_until.max(now) + RECONNECTS_WITHIN;
        world.wire(back, Traffic::BackByNow(self.cuts));
        let Some(client) = self.button_client.as_mut().filter(|client| client.is_open) else {
            return;
        };
        client.is_open = false;
        let number = client.number;
        let notice = dice.pick(&[0, 0, KEEP_ALIVE_MS]);
        let lost = Traffic::Heard(number, Err(failed("the link is cut")), None);
        world.wire(now + dice.ms(0, notice), lost);
        world.wire(now + dice.ms(0, KEEP_ALIVE_MS), Traffic::Lost(number));
    }

    /// Some connections break before the server knows that nothing was kept any more.
    pub(super) fn flaps(&self, world: &World, number: u64) {
        let mut dice = Dice::new(world.plan.seed, &format!("flaps/{number}"));
        if dice.chance(FLAPS) {
            world.wire(world.truth() + dice.ms(0, 60), Traffic::Breaks(number));
        }
    }

    pub(super) fn breaks(&mut self, world: &World, number: u64) {
        if self.client(number).is_some() {
            self.cuts += 1;
            self.cut_buttons(world, Dice::new(world.plan.seed, &format!("breaks/{number}")));
        }
    }

    /// The link that was cut has worked for a while, and the server must have used it.
    pub(super) fn must_be_back(&mut self, world: &World, cut: u64) {
        if self.cuts == cut {
            world.ledger().buttons_are_connected(world.truth());
        }
    }
}
