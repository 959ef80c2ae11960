//! The broker between the server and the sirens: sessions, retained messages, messages that expire,
//! links that are slow and that break. It outlives the server, and each link keeps its order.

use super::{
    devices::{Happens, Siren},
    dice::Dice,
    plan::Plan,
    world::{Event, World},
};
use async_trait::async_trait;
use buckler::{
    domain::time::Timestamp,
    server::mqtt::broker::{
        Broker, Connection, ConnectionEnded, Dial, Incoming, NotQueued, Outgoing, Session,
    },
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};
use tokio::sync::mpsc;

/// The longest that a message takes on one link, milliseconds.
const SLOWEST_MS: u64 = 20;
/// How many of a hundred messages arrive twice.
const COPIES: u64 = 3;
/// How long it takes until a link that says nothing is given up.
const KEEP_ALIVE_MS: u64 = 15_000;

/// What is on its way to the broker, from it, or about to happen to a siren.
#[derive(Clone, Debug)]
pub enum Traffic {
    /// The server connects, over the connection with that number.
    Dials(u64),
    /// A message of the server reaches the broker.
    Published(u64, Outgoing),
    /// Something reaches the server.
    Heard(u64, Result<Incoming, ConnectionEnded>),
    /// A message reaches a siren over a link that may be broken by then.
    Delivered(usize, u32, Outgoing, Option<Timestamp>),
    /// A message of a siren reaches the broker.
    Said(usize, u32, (String, String, bool)),
    /// The own end of a siren is due.
    Ends(usize),
    /// The broker notices that a siren is away.
    Noticed(usize, u32),
    /// A siren has power, or a link, again.
    Returns(usize),
}

/// A link, which delivers in order.
struct Link {
    dice: Dice,
    count: usize,
    last: Timestamp,
}

impl Link {
    fn new(seed: u64, name: &str) -> Self {
        Self {
            dice: Dice::new(seed, &format!("link/{name}")),
            count: 0,
            last: Timestamp::default(),
        }
    }

    /// When what is sent now arrives, once or twice.
    fn arrivals(&mut self, now: Timestamp) -> Vec<Timestamp> {
        self.count += 1;
        let mut dice = self.dice.nth(self.count);
        let copies = if dice.chance(COPIES) { 2 } else { 1 };
        let mut next = || {
            self.last = (now + dice.ms(1, SLOWEST_MS)).max(self.last + Duration::from_millis(1));
            self.last
        };
        (0..copies).map(|_| next()).collect()
    }

    fn arrival(&mut self, now: Timestamp) -> Timestamp {
        self.arrivals(now)[0]
    }
}

/// The server's end of a connection.
struct Client {
    number: u64,
    inbox: mpsc::UnboundedSender<Result<Incoming, ConnectionEnded>>,
    topics: BTreeSet<String>,
    is_open: bool,
}

/// The broker and the sirens.
pub struct Wires {
    pub sirens: Vec<Siren>,
    commands: BTreeMap<String, usize>,
    retained: BTreeMap<String, Vec<u8>>,
    client: Option<Client>,
    dialed: u64,
    /// The link of the server is cut until then.
    cut_until: Timestamp,
    cuts: u64,
    up: Link,
    down: Link,
    to_siren: Vec<Link>,
    from_siren: Vec<Link>,
}

impl Wires {
    pub fn new(plan: &Plan) -> Self {
        let sirens = Siren::all(plan.seed, &plan.homes);
        let mut retained = BTreeMap::new();
        for siren in &sirens {
            let (topic, payload, _) = siren.kind.can_be_reached(&siren.name, true);
            retained.insert(topic, payload.into_bytes());
        }
        let hears = |(n, siren): (usize, &Siren)| {
            let topics = siren.kind.hears(&siren.name);
            topics.into_iter().map(move |topic| (topic, n)).collect::<Vec<_>>()
        };
        let links = |way: &str| {
            let of = |siren: &Siren| Link::new(plan.seed, &format!("{way}/{}", siren.name));
            sirens.iter().map(of).collect()
        };
        Self {
            commands: sirens.iter().enumerate().flat_map(hears).collect(),
            retained,
            client: None,
            dialed: 0,
            cut_until: Timestamp::default(),
            cuts: 0,
            up: Link::new(plan.seed, "up"),
            down: Link::new(plan.seed, "down"),
            to_siren: links("to"),
            from_siren: links("from"),
            sirens,
        }
    }

    fn client(&mut self, number: u64) -> Option<&mut Client> {
        self.client.as_mut().filter(|client| client.number == number && client.is_open)
    }

    /// Publishes something to the server, if it has subscribed to it.
    fn forward(&mut self, world: &World, topic: &str, payload: &[u8], retained: bool) {
        let Some(client) = self.client.as_ref().filter(|client| client.is_open) else { return };
        if !client.topics.contains(topic) {
            return;
        }
        let (topic, payload) = (topic.as_bytes().to_vec(), payload.to_vec());
        let (number, now) = (client.number, world.truth());
        let message = Incoming::Message { topic, payload, retained };
        for at in self.down.arrivals(now) {
            world.wire(at, Traffic::Heard(number, Ok(message.clone())));
        }
    }

    fn publish(&mut self, world: &World, (topic, payload, retain): (String, String, bool)) {
        if retain {
            self.retained.insert(topic.clone(), payload.clone().into_bytes());
        }
        self.forward(world, &topic, payload.as_bytes(), false);
    }

    /// A siren says something, if its link works.
    fn say(&mut self, world: &World, n: usize, said: Option<(String, String, bool)>) {
        let siren = &self.sirens[n];
        if let Some(said) = said.filter(|_| siren.can_be_reached()) {
            let at = self.from_siren[n].arrival(world.truth());
            world.wire(at, Traffic::Said(n, siren.link, said));
        }
    }

    /// The broker passes a command on.
    fn route(&mut self, world: &World, n: usize, message: Outgoing, expires: Option<Timestamp>) {
        let now = world.truth();
        let siren = &mut self.sirens[n];
        if !siren.can_be_reached() {
            // A connection that is lost is noticed late, and some sessions are kept.
            if !siren.is_noticed && !siren.kind.is_behind_radio() || siren.kind.keeps_its_session()
            {
                siren.waiting.push((message, expires));
            }
            return;
        }
        if siren.loses(now) {
            return world.ledger().tell(now, || format!("lost on the way to {}", siren.name));
        }
        let link = siren.link;
        for at in self.to_siren[n].arrivals(now) {
            world.wire(at, Traffic::Delivered(n, link, message.clone(), expires));
        }
    }

    fn delivered(&mut self, world: &World, n: usize, message: &Outgoing) {
        let now = world.truth();
        let siren = &mut self.sirens[n];
        let Some(order) = siren.kind.understands(&message.topic, &message.payload) else {
            let what = format!("I22: {} does not understand {message:?}", siren.name);
            return world.ledger().broken(what);
        };
        let said = siren.obeys(message, order, now);
        if let Some(ends_at) = siren.ends_at() {
            world.wire(ends_at, Traffic::Ends(n));
        }
        let ends_at = siren.ends_at();
        world.ledger().siren_obeys(n, message.key.as_deref(), ends_at, now);
        self.say(world, n, said);
    }

    /// A siren loses its power or its link.
    fn goes_away(&mut self, world: &World, n: usize) {
        let now = world.truth();
        let siren = &mut self.sirens[n];
        (siren.link, siren.is_noticed) = (siren.link + 1, false);
        let notice = now + siren.throw().ms(0, KEEP_ALIVE_MS);
        world.wire(notice, Traffic::Noticed(n, siren.link));
        world.ledger().siren_is(n, false, siren.sounds(), now);
    }

    fn returns(&mut self, world: &World, n: usize) {
        let now = world.truth();
        let siren = &mut self.sirens[n];
        siren.dark_until = siren.dark_until.filter(|until| *until > now);
        siren.away_until = siren.away_until.filter(|until| *until > now);
        if !siren.can_be_reached() {
            return;
        }
        siren.back_at = now;
        world.ledger().siren_is(n, true, siren.sounds(), now);
        let kind = siren.kind;
        let [gone, here] = [false, true].map(|is| kind.can_be_reached(&siren.name, is));
        // The broker publishes the will of a connection that another one replaces.
        let gone = (!std::mem::replace(&mut siren.is_noticed, true)).then_some(gone);
        let (said, waiting) = (siren.is_back(), std::mem::take(&mut siren.waiting));
        if let Some(gone) = gone {
            self.publish(world, gone);
        }
        self.say(world, n, Some(here));
        self.say(world, n, said);
        for (message, expires) in waiting {
            let link = self.sirens[n].link;
            let at = self.to_siren[n].arrival(now);
            world.wire(at, Traffic::Delivered(n, link, message, expires));
        }
    }

    fn noticed(&mut self, world: &World, n: usize, link: u32) {
        let siren = &mut self.sirens[n];
        if siren.link != link || siren.is_noticed || siren.can_be_reached() {
            return;
        }
        siren.is_noticed = true;
        if !siren.kind.keeps_its_session() {
            siren.waiting.clear();
        }
        let gone = siren.kind.can_be_reached(&siren.name, false);
        self.publish(world, gone);
    }

    fn handle(&mut self, world: &World, traffic: Traffic) {
        let now = world.truth();
        match traffic {
            Traffic::Dials(number) => {
                let is_cut = now < self.cut_until;
                let Some(client) = self.client.as_mut().filter(|c| c.number == number) else {
                    return;
                };
                let event = match is_cut {
                    true => Err(failed("the broker does not answer")),
                    false => Ok(Incoming::Connected { resumed: false }),
                };
                // A server that was killed meanwhile does not connect.
                client.is_open = client.inbox.send(event).is_ok() && !is_cut;
                world.ledger().broker_is(client.is_open, now);
            }
            Traffic::Published(number, message) => {
                if self.client(number).is_none() {
                    return;
                }
                if let Some(n) = self.commands.get(&message.topic).copied() {
                    let (key, is_kept) = (message.key.clone(), message.retain);
                    world.ledger().demand(!is_kept, || format!("I13: {key:?} is retained"));
                    let expires = message.expires.map(|expires| now + expires);
                    self.route(world, n, message, expires);
                }
            }
            Traffic::Heard(number, event) => {
                let Some(client) = self.client.as_ref().filter(|c| c.number == number) else {
                    return;
                };
                let _ = client.inbox.send(event);
            }
            Traffic::Delivered(n, link, message, expires) => {
                let is_late = expires.is_some_and(|expires| expires <= now);
                match &self.sirens[n] {
                    siren if siren.link == link && !is_late => self.delivered(world, n, &message),
                    siren if siren.link == link || siren.kind.is_behind_radio() => {}
                    // The broker has no acknowledgment of it.
                    _ => self.route(world, n, message, expires),
                }
            }
            Traffic::Said(n, link, said) if self.sirens[n].link == link => {
                self.publish(world, said)
            }
            Traffic::Said(..) => {}
            Traffic::Ends(n) => {
                let siren = &mut self.sirens[n];
                if siren.ends_at().is_some_and(|at| at <= now) {
                    let said = siren.is_quiet();
                    world.ledger().siren_is(n, siren.can_be_reached(), false, now);
                    self.say(world, n, said);
                }
            }
            Traffic::Noticed(n, link) => self.noticed(world, n, link),
            Traffic::Returns(n) => self.returns(world, n),
        }
    }

    /// Something happens to a siren.
    pub fn happens(&mut self, world: &World, n: usize, what: Happens) {
        let now = world.truth();
        let siren = &mut self.sirens[n];
        let was_there = siren.can_be_reached();
        match what {
            Happens::StoppedByHand => {
                let said = siren.is_quiet();
                world.ledger().siren_stopped_by_hand(n, was_there, now);
                return self.say(world, n, said);
            }
            Happens::PowerCut { lasts } => {
                siren.is_dark();
                siren.dark_until = siren.dark_until.max(Some(now + lasts));
                world.wire(now + lasts, Traffic::Returns(n));
            }
            Happens::Unreachable { lasts } => {
                siren.away_until = siren.away_until.max(Some(now + lasts));
                world.wire(now + lasts, Traffic::Returns(n));
            }
        }
        match was_there {
            true => self.goes_away(world, n),
            false => world.ledger().siren_is(n, false, siren.sounds(), now),
        }
    }

    /// The link of the server is cut, and stays so for so long. The server may notice it late.
    pub fn cut(&mut self, world: &World, lasts: Option<Duration>) {
        let now = world.truth();
        self.cuts += 1;
        let mut dice = Dice::new(world.plan.seed, &format!("cut/{}", self.cuts));
        if let Some(client) = self.client.as_mut().filter(|client| client.is_open) {
            client.is_open = false;
            let notice = dice.pick(&[0, 0, KEEP_ALIVE_MS]);
            let lost = Traffic::Heard(client.number, Err(failed("the link is cut")));
            world.wire(now + dice.ms(0, notice), lost);
        }
        world.ledger().broker_is(false, now);
        if let Some(lasts) = lasts {
            self.cut_until = self.cut_until.max(now + lasts);
        }
    }
}

impl World {
    /// Something will happen at the broker then.
    fn wire(&self, at: Timestamp, traffic: Traffic) {
        self.later(at, Event::Wire(traffic));
    }

    pub fn traffic(&self, traffic: Traffic) {
        self.lock(&self.wires).handle(self, traffic);
        self.checks_sirens();
    }

    /// What the ledger wants to look at again.
    pub fn checks_sirens(&self) {
        let checks = self.ledger().siren_checks();
        checks.into_iter().for_each(|(at, n)| self.later(at, Event::Siren(n)));
    }
}

/// The way of one life of the server to the broker.
pub struct SimulatedDial(pub Arc<World>);

impl Dial for SimulatedDial {
    fn dial(&self, _: &Session) -> Box<dyn Connection> {
        let world = &self.0;
        let mut wires = world.lock(&world.wires);
        let (inbox, events) = mpsc::unbounded_channel();
        wires.dialed += 1;
        let number = wires.dialed;
        wires.client = Some(Client { number, inbox, topics: BTreeSet::new(), is_open: false });
        let at = wires.up.arrival(world.truth());
        world.wire(at, Traffic::Dials(number));
        Box::new(SimulatedConnection { world: world.clone(), number, events })
    }
}

struct SimulatedConnection {
    world: Arc<World>,
    number: u64,
    events: mpsc::UnboundedReceiver<Result<Incoming, ConnectionEnded>>,
}

/// The sending half.
struct SimulatedBroker {
    world: Arc<World>,
    number: u64,
}

#[async_trait]
impl Connection for SimulatedConnection {
    fn broker(&self) -> Arc<dyn Broker> {
        Arc::new(SimulatedBroker { world: self.world.clone(), number: self.number })
    }

    async fn next(&mut self) -> Result<Incoming, ConnectionEnded> {
        self.events.recv().await.unwrap_or_else(|| Err(failed("the connection is gone")))
    }

    async fn end(&mut self, last: Outgoing) {
        let _ = self.broker().publish(last);
    }
}

impl Broker for SimulatedBroker {
    fn publish(&self, message: Outgoing) -> Result<(), NotQueued> {
        let mut wires = self.world.lock(&self.world.wires);
        let at = wires.up.arrival(self.world.truth());
        self.world.wire(at, Traffic::Published(self.number, message));
        Ok(())
    }

    /// Takes no time to reach the broker, unlike what is retained there.
    fn subscribe(&self, topic: &str) -> Result<(), NotQueued> {
        let mut wires = self.world.lock(&self.world.wires);
        if let Some(client) = wires.client(self.number) {
            client.topics.insert(topic.to_owned());
            if let Some(payload) = wires.retained.get(topic).cloned() {
                wires.forward(&self.world, topic, &payload, true);
            }
        }
        Ok(())
    }

    fn unsubscribe(&self, _: &str) -> Result<(), NotQueued> {
        Ok(())
    }
}

fn failed(why: &'static str) -> ConnectionEnded {
    ConnectionEnded::Failed(Arc::new(std::io::Error::other(why)))
}
