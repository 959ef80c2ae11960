//! The broker between the server and its sirens and buttons: sessions, retained messages, messages that
//! expire, links that are slow and that break. It outlives the server, and each link keeps its order.

mod kept;

use super::{
    devices::{
        Happens, Siren,
        buttons::{Asks, Button},
    },
    dice::Dice,
    ledger::buttons::Says,
    plan::Plan,
    world::{Event, World},
};
use async_trait::async_trait;
use buckler::{
    domain::{id::HomeId, time::Timestamp},
    server::mqtt::broker::{
        Broker, Connection, ConnectionEnded, Dial, Incoming, NotQueued, Outgoing, Receipt, Session,
    },
};
use kept::{Kept, Packet};
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
    /// Something reaches the server; for a button's message with its packet.
    Heard(u64, Result<Incoming, ConnectionEnded>, Option<Packet>),
    /// A subscription to a button reaches the broker.
    Subscribed(u64, String),
    /// The server's acknowledgment of a packet reaches the broker.
    Acknowledged(u64, u16),
    /// The broker notices that the connection of the buttons is gone.
    Lost(u64),
    /// The broker has kept the buttons' session long enough since that loss.
    Forgotten(u64),
    /// A connection that was just opened breaks.
    Breaks(u64),
    /// The server must have used the link that was cut for the n-th time.
    BackByNow(u64),
    /// What that button says reaches the broker, with the ledger's number of it.
    ButtonSaid(usize, String, usize),
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

/// What reaches the server, with the packet if it is a button's message.
type Arrived = (Result<Incoming, ConnectionEnded>, Option<Packet>);

/// The server's end of a connection.
struct Client {
    number: u64,
    session: Session,
    inbox: mpsc::UnboundedSender<Arrived>,
    topics: BTreeSet<String>,
    is_open: bool,
}

/// The broker, the sirens and the buttons.
pub struct Wires {
    pub sirens: Vec<Siren>,
    pub buttons: Vec<Button>,
    commands: BTreeMap<String, usize>,
    retained: BTreeMap<String, Vec<u8>>,
    client: Option<Client>,
    /// The other connection of the server, which listens to buttons.
    button_client: Option<Client>,
    kept: Kept,
    dialed: u64,
    /// The link of the server is cut until then.
    cut_until: Timestamp,
    cuts: u64,
    up: Link,
    down: Link,
    up_buttons: Link,
    down_buttons: Link,
    to_siren: Vec<Link>,
    from_siren: Vec<Link>,
    from_button: Vec<Link>,
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
        let buttons = Button::all(plan.seed, &plan.homes);
        let from_button = |button: &Button| Link::new(plan.seed, &button.topic);
        Self {
            from_button: buttons.iter().map(from_button).collect(),
            buttons,
            commands: sirens.iter().enumerate().flat_map(hears).collect(),
            retained,
            client: None,
            button_client: None,
            kept: Kept::default(),
            dialed: 0,
            cut_until: Timestamp::default(),
            cuts: 0,
            up: Link::new(plan.seed, "up"),
            down: Link::new(plan.seed, "down"),
            up_buttons: Link::new(plan.seed, "up/buttons"),
            down_buttons: Link::new(plan.seed, "down/buttons"),
            to_siren: links("to"),
            from_siren: links("from"),
            sirens,
        }
    }

    /// The end of that connection, if it is the latest of its kind.
    fn latest(&mut self, number: u64) -> Option<&mut Client> {
        let all = [&mut self.client, &mut self.button_client];
        all.into_iter().flatten().find(|client| client.number == number)
    }

    fn client(&mut self, number: u64) -> Option<&mut Client> {
        self.latest(number).filter(|client| client.is_open)
    }

    /// The server's connection is open, or its attempt has failed.
    fn dials(&mut self, world: &World, number: u64) {
        let (now, is_cut) = (world.truth(), world.truth() < self.cut_until);
        // A server that was killed meanwhile does not connect.
        let Some(client) = self.latest(number).filter(|client| !client.inbox.is_closed()) else {
            return;
        };
        client.is_open = !is_cut;
        let (inbox, session) = (client.inbox.clone(), client.session.clone());
        let is_of_buttons = session.kept_for.is_some();
        let event = match is_cut {
            true => Err(failed("the broker does not answer")),
            false if is_of_buttons => Ok(self.resumes(world, number, &session)),
            false => Ok(Incoming::Connected { resumed: false }),
        };
        let _ = inbox.send((event, None));
        match is_of_buttons {
            true if !is_cut => {
                self.catches_up(world);
                self.flaps(world, number);
            }
            true => {}
            false => world.ledger().broker_is(!is_cut, now),
        }
    }

    /// Publishes something to the server, if it has subscribed to it.
    fn forward(&mut self, world: &World, topic: &str, payload: &[u8], retained: bool) {
        let Some(client) = self.client.as_ref().filter(|client| client.is_open) else { return };
        if !client.topics.contains(topic) {
            return;
        }
        let (topic, payload) = (topic.as_bytes().to_vec(), payload.to_vec());
        let (number, now) = (client.number, world.truth());
        let message = Incoming::Message { topic, payload, retained, receipt: None };
        for at in self.down.arrivals(now) {
            world.wire(at, Traffic::Heard(number, Ok(message.clone()), None));
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

    /// A message did not arrive over a link that was lost. MQTT keeps the order of a session.
    fn comes_again(&mut self, world: &World, n: usize, it: (Outgoing, Option<Timestamp>)) {
        let before = self.sirens[n].waiting.len();
        self.route(world, n, it.0, it.1);
        let siren = &mut self.sirens[n];
        if siren.waiting.len() > before {
            siren.waiting[siren.unacknowledged..].rotate_right(1);
            siren.unacknowledged += 1;
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
        siren.unacknowledged = 0;
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
            siren.unacknowledged = 0;
        }
        let gone = siren.kind.can_be_reached(&siren.name, false);
        self.publish(world, gone);
    }

    fn handle(&mut self, world: &World, traffic: Traffic) {
        let now = world.truth();
        match traffic {
            Traffic::Dials(number) => self.dials(world, number),
            Traffic::Published(number, message) => {
                if self.client(number).is_none() {
                    return;
                }
                if let Some(n) = self.commands.get(&message.topic).copied() {
                    let (key, is_kept) = (message.key.clone(), message.retain);
                    world.ledger().demand(!is_kept, || format!("I13: {key:?} is retained"));
                    let expires = message.expires.map(|expires| now + expires);
                    self.route(world, n, message, expires);
                } else {
                    self.echo(world, message.topic, message.payload);
                }
            }
            Traffic::Heard(number, event, packet) => {
                let is_lost = |client: &&mut Client| packet.is_some() && !client.is_open;
                let Some(client) = self.latest(number).filter(|client| !is_lost(client)) else {
                    return;
                };
                let _ = client.inbox.send((event, packet));
            }
            Traffic::Subscribed(number, topic) => self.subscribed(world, number, topic),
            Traffic::Acknowledged(number, id) => self.acknowledged(world, number, id),
            Traffic::Lost(number) => self.lost(world, number),
            Traffic::Forgotten(loss) => self.forgotten(world, loss),
            Traffic::Breaks(number) => self.breaks(world, number),
            Traffic::BackByNow(cut) => self.must_be_back(world, cut),
            Traffic::ButtonSaid(n, payload, said) => self.button_said(world, n, payload, said),
            Traffic::Delivered(n, link, message, expires) => {
                let is_late = expires.is_some_and(|expires| expires <= now);
                match &self.sirens[n] {
                    siren if siren.link == link && !is_late => self.delivered(world, n, &message),
                    siren if siren.link == link || siren.kind.is_behind_radio() => {}
                    // The broker has no acknowledgment of it.
                    _ => self.comes_again(world, n, (message, expires)),
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
            let lost = Traffic::Heard(client.number, Err(failed("the link is cut")), None);
            world.wire(now + dice.ms(0, notice), lost);
        }
        world.ledger().broker_is(false, now);
        if let Some(lasts) = lasts {
            self.cut_until = self.cut_until.max(now + lasts);
        }
        self.cut_buttons(world, dice);
    }
}

impl World {
    /// Somebody presses the button of a home that asks for this, or types a code. The radio may
    /// repeat it.
    pub fn pushes(&self, home: &HomeId, asks: Asks) {
        let (mut wires, now) = (self.lock(&self.wires), self.truth());
        let is_it = |button: &Button| button.home == *home && button.asks == asks;
        let Some(n) = wires.buttons.iter().position(is_it) else { return };
        let button = &mut wires.buttons[n];
        let (payload, says) = match asks {
            Asks::Help(_) => (button.pressed(), Says::Press),
            Asks::Cancel => {
                let (payload, is_right) = button.typed();
                (payload, Says::Code { is_right })
            }
        };
        let mut all = vec![(payload, says)];
        all.extend(button.reports().map(|report| (report, Says::Report)));
        for (payload, says) in all {
            for at in wires.from_button[n].arrivals(now) {
                let said = self.ledger().button_says(n, says, now);
                self.wire(at, Traffic::ButtonSaid(n, payload.clone(), said));
            }
        }
    }

    /// Something will happen at the broker then.
    fn wire(&self, at: Timestamp, traffic: Traffic) {
        self.later(at, Event::Wire(traffic));
    }

    pub fn traffic(&self, traffic: Traffic) {
        self.lock(&self.wires).handle(self, traffic);
        self.checks_devices();
    }

    /// What the ledger wants to look at again.
    pub fn checks_devices(&self) {
        let sirens = self.ledger().siren_checks();
        let buttons = self.ledger().button_checks();
        sirens.into_iter().for_each(|(at, n)| self.later(at, Event::Siren(n)));
        buttons.into_iter().for_each(|(at, n)| self.later(at, Event::Button(n)));
    }
}

/// The way of one life of the server to the broker.
pub struct SimulatedDial(pub Arc<World>);

impl Dial for SimulatedDial {
    fn dial(&self, session: &Session) -> Box<dyn Connection> {
        let world = &self.0;
        let mut wires = world.lock(&world.wires);
        let (inbox, events) = mpsc::unbounded_channel();
        wires.dialed += 1;
        let (number, session) = (wires.dialed, session.clone());
        let is_of_buttons = session.kept_for.is_some();
        let topics = BTreeSet::new();
        let client = Some(Client { number, session, inbox, topics, is_open: false });
        let at = wires.up(is_of_buttons).arrival(world.truth());
        match is_of_buttons {
            true => wires.button_client = client,
            false => wires.client = client,
        }
        world.wire(at, Traffic::Dials(number));
        let broker = SimulatedBroker { world: world.clone(), number, is_of_buttons };
        Box::new(SimulatedConnection { broker, events })
    }
}

impl Wires {
    fn up(&mut self, is_of_buttons: bool) -> &mut Link {
        if is_of_buttons { &mut self.up_buttons } else { &mut self.up }
    }
}

struct SimulatedConnection {
    broker: SimulatedBroker,
    events: mpsc::UnboundedReceiver<Arrived>,
}

/// The sending half.
#[derive(Clone)]
struct SimulatedBroker {
    world: Arc<World>,
    number: u64,
    is_of_buttons: bool,
}

#[async_trait]
impl Connection for SimulatedConnection {
    fn broker(&self) -> Arc<dyn Broker> {
        Arc::new(self.broker.clone())
    }

    async fn next(&mut self) -> Result<Incoming, ConnectionEnded> {
        let Some((event, packet)) = self.events.recv().await else {
            return Err(failed("the connection is gone"));
        };
        if let Some((_, Some(said))) = packet {
            let world = &self.broker.world;
            world.ledger().button_is_read(said, world.truth());
        }
        event
    }

    async fn end(&mut self, last: Outgoing) {
        let _ = self.broker.publish(last);
    }
}

impl SimulatedBroker {
    fn sends(&self, traffic: Traffic) {
        let mut wires = self.world.lock(&self.world.wires);
        let at = wires.up(self.is_of_buttons).arrival(self.world.truth());
        self.world.wire(at, traffic);
    }
}

impl Broker for SimulatedBroker {
    fn publish(&self, message: Outgoing) -> Result<(), NotQueued> {
        self.sends(Traffic::Published(self.number, message));
        Ok(())
    }

    /// A subscription to a siren takes no time to reach the broker, unlike what is retained there.
    fn subscribe(&self, topic: &str) -> Result<(), NotQueued> {
        if self.is_of_buttons {
            self.sends(Traffic::Subscribed(self.number, topic.to_owned()));
            return Ok(());
        }
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

    fn acknowledge(&self, receipt: Receipt) -> Result<(), NotQueued> {
        self.sends(Traffic::Acknowledged(self.number, receipt.id));
        Ok(())
    }
}

fn failed(why: &'static str) -> ConnectionEnded {
    ConnectionEnded::Failed(Arc::new(std::io::Error::other(why)))
}
