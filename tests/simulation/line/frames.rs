//! Frames to the center, and its answers: the real transmitter and the real receiver over a line that
//! loses, delays, garbles, cuts and repeats bytes.

use super::{FASTEST, Line, OnLine, Side, Transmits};
use crate::{dice::Dice, plan::HandlerFault, world::World};
use async_trait::async_trait;
use buckler::{
    domain::{
        id::IncidentId,
        incident::{
            Actor, Request, Service,
            effect::{Effect, EffectKind, Signal as Meaning},
        },
        time::Timestamp,
    },
    server::{
        clock::Clock,
        dc09::{
            codec::{Code, Cut, Format, Frame, Id, Qualifier, Signal, cut},
            line::{Line as OfServer, Lines},
            receiver::{Answer, Receiver, Source},
            settings::{self, Listener, Peer},
            transmitter::Transmitter,
        },
        engine::{Engine, device::Ids},
        homes::Homes,
        live_events::LiveEvents,
        tasks::Tasks,
    },
};
use serde_json::json;
use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::sync::mpsc;
use uuid::Uuid;

/// The name that the receiver gives the home's system.
const ALARM_SYSTEM: &str = "The home’s alarm system";

/// The effect that a frame carries out, which its bytes do not say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signaled {
    pub incident: IncidentId,
    pub fact: u32,
    pub means: Meaning,
}

/// A copy of a frame on its way to the center.
#[derive(Debug)]
pub struct Sent {
    connection: u64,
    bytes: Vec<u8>,
    what: Option<Signaled>,
    _in_use: Arc<()>,
}

/// What is being heard, and the requests that were made of it.
struct Heard {
    what: Option<Signaled>,
    service: Option<Service>,
    raised: Mutex<Vec<IncidentId>>,
}

tokio::task_local! {
    static CARRIES_OUT: Signaled;
    static HEARS: Arc<Heard>;
}

/// Runs the transmitter for an effect, and keeps which one that is.
pub async fn signaled<T>(effect: &Effect, work: impl Future<Output = T>) -> T {
    let EffectKind::SignalReceiver { signal, .. } = effect.kind else { return work.await };
    let this = Signaled { incident: effect.incident, fact: effect.seq, means: signal };
    CARRIES_OUT.scope(this, work).await
}

/// The lines of the home.
struct SimulatedLines(Arc<Line>);

struct SimulatedLine {
    line: Arc<Line>,
    number: u64,
    bytes: mpsc::UnboundedReceiver<Vec<u8>>,
}

impl Drop for SimulatedLine {
    fn drop(&mut self) {
        self.line.state().connections.remove(&self.number);
    }
}

#[async_trait]
impl Lines for SimulatedLines {
    async fn open(&self, peer: &Peer) -> io::Result<Box<dyn OfServer>> {
        let line = &self.0;
        let (inbox, bytes) = mpsc::unbounded_channel();
        let (number, is_there) = {
            let mut state = line.state();
            state.dialed += 1;
            let is_cut = matches!(state.fault, Some(HandlerFault::Unreachable));
            let is_there = peer.udp || !is_cut && state.receiver.is_some();
            if is_there {
                let number = state.dialed;
                state.connections.insert(number, inbox);
            }
            (state.dialed, is_there)
        };
        if !is_there {
            // A host that is away does not even refuse.
            let mut dice = line.dice(&format!("open/{number}"));
            let after = if dice.chance(50) { dice.ms(1, 50) } else { Duration::from_secs(60) };
            tokio::time::sleep(after).await;
            return Err(io::ErrorKind::ConnectionRefused.into());
        }
        Ok(Box::new(SimulatedLine { line: line.clone(), number, bytes }))
    }
}

#[async_trait]
impl OfServer for SimulatedLine {
    async fn write(&mut self, frame: &[u8]) -> io::Result<()> {
        self.line.sends(self.number, frame);
        Ok(())
    }

    async fn read(&mut self, into: &mut Vec<u8>) -> io::Result<usize> {
        match self.bytes.recv().await {
            Some(bytes) => {
                into.extend_from_slice(&bytes);
                Ok(bytes.len())
            }
            // Nobody closes a datagram.
            None if self.line.is_udp => std::future::pending().await,
            None => Ok(0),
        }
    }
}

/// What becomes of some bytes.
struct Way {
    /// When each copy arrives.
    arrivals: Vec<Duration>,
    is_garbled: bool,
    is_cut: bool,
}

impl Line {
    fn way(&self, dice: &mut Dice, is_answer: bool) -> Way {
        let fault = self.state().fault;
        let (loses, slowest, damages) = match fault {
            None => (0, 60, 0),
            Some(HandlerFault::Unreachable) => (100, 60, 0),
            Some(HandlerFault::Slow) => (10, 12_000, 5),
            Some(HandlerFault::AnswerLost) => (if is_answer { 75 } else { 20 }, 400, 10),
        };
        let copies = if self.is_udp && dice.chance(5) { 2 } else { 1 };
        let copies = if dice.chance(loses) { 0 } else { copies };
        Way {
            arrivals: (0..copies).map(|_| FASTEST + dice.ms(0, slowest)).collect(),
            is_garbled: dice.chance(damages),
            is_cut: dice.chance(damages),
        }
    }

    /// The home sends a frame.
    fn sends(self: &Arc<Self>, connection: u64, frame: &[u8]) {
        let home = self.world(Side::Home);
        let number = {
            let mut state = self.state();
            state.frames += 1;
            state.frames
        };
        let mut dice = self.dice(&format!("frame/{number}"));
        let way = self.way(&mut dice, false);
        let mut bytes = frame.to_vec();
        if way.is_garbled {
            let at = dice.below(bytes.len() as u64) as usize;
            bytes[at] ^= 1 << dice.below(7);
        }
        if way.is_cut {
            bytes.truncate(bytes.len() / 2);
        }
        let what = CARRIES_OUT.try_with(|signaled| *signaled).ok();
        let now = home.truth();
        home.ledger().tell(now, || match what {
            Some(Signaled { incident, fact, means }) => {
                format!("frame {number} to the center: {means:?} of {incident}, fact {fact}")
            }
            None => format!("frame {number} to the center"),
        });
        for after in way.arrivals {
            let (bytes, _in_use) = (bytes.clone(), self.in_use.clone());
            let sent = Sent { connection, bytes, what, _in_use };
            self.later(Side::Center, now + after, OnLine::Frame(Arc::new(sent)));
        }
        // The center follows, so that its answer is in time.
        home.follow.notify_one();
    }

    /// Bytes of an answer reach the home.
    pub(super) fn answers(&self, connection: u64, bytes: Vec<u8>) {
        let mut state = self.state();
        if bytes.is_empty() {
            state.connections.remove(&connection);
        } else if let Some(inbox) = state.connections.get(&connection) {
            let _ = inbox.send(bytes);
        }
    }

    /// A frame reaches the center, which lives.
    pub(super) fn hears(self: &Arc<Self>, world: &Arc<World>, sent: Arc<Sent>) {
        let Some((receiver, source)) = self.state().receiver.clone() else { return };
        let Cut::Frame(length) = cut(&sent.bytes) else {
            return self.later(
                Side::Home,
                world.truth() + FASTEST,
                OnLine::Answer(sent.connection, Vec::new()),
            );
        };
        let (line, world) = (self.clone(), world.clone());
        tokio::spawn(async move {
            let frame = &sent.bytes[..length];
            let heard = Arc::new(Heard {
                what: sent.what,
                service: asks_for(frame),
                raised: Mutex::default(),
            });
            let answer = HEARS.scope(heard.clone(), receiver.hear(&source, frame, "home")).await;
            let now = world.truth();
            world.ledger().tell(now, || {
                format!(
                    "{:?} is answered: {:?}",
                    sent.what,
                    answer.as_ref().map(|(answer, _)| answer)
                )
            });
            if let Some((Answer::Ack, _)) = answer {
                line.is_acknowledged(&world, frame, &heard);
            }
            if let Some((_, bytes)) = answer {
                line.goes_back(now, sent.connection, bytes);
            }
        });
    }

    /// An answer leaves the center.
    fn goes_back(self: &Arc<Self>, now: Timestamp, connection: u64, bytes: Vec<u8>) {
        let mut dice = self.dice(&format!("answer/{connection}/{now}"));
        let way = self.way(&mut dice, true);
        let middle = bytes.len() / 2;
        for after in way.arrivals {
            let first = if way.is_cut { &bytes[..middle] } else { &bytes[..] };
            // A stream may deliver it in pieces.
            let pieces = match !self.is_udp && dice.chance(20) {
                true => vec![&first[..first.len() / 3], &first[first.len() / 3..]],
                false => vec![first],
            };
            for piece in pieces {
                self.later(Side::Home, now + after, OnLine::Answer(connection, piece.to_vec()));
            }
            if way.is_cut {
                self.later(Side::Home, now + after, OnLine::Answer(connection, Vec::new()));
            }
        }
    }

    /// The receiver of a center that starts.
    pub(super) fn receiver(
        self: &Arc<Self>,
        engine: &Engine,
        clock: &Arc<Clock>,
        tasks: &Tasks,
    ) -> (Arc<Receiver>, Arc<Source>) {
        let center = self.world(Side::Center);
        let homes = Homes::default();
        for home in &center.plan.homes {
            homes.committed(&Arc::new(home.clone()), 1);
        }
        let panel = |home: &buckler::domain::home::Home| {
            (
                self.account(&home.id),
                settings::Panel { home: home.id.clone(), key_file: None, unproven: None },
            )
        };
        let listener = Listener {
            listen: self.peer(),
            accounts: center.plan.homes.iter().map(panel).collect(),
        };
        let line = self.clone();
        let source = Source {
            engine: engine.clone(),
            homes: Arc::new(homes),
            clock: clock.clone(),
            policy: center.plan.staffing.policy(),
            ids: Ids::new(move |_, repeated| Ok(line.id_of_request(repeated))),
            stop: tasks.stop(),
        };
        (Receiver::new(&listener).expect("a key that can be read"), Arc::new(source))
    }

    fn peer(&self) -> Peer {
        Peer { udp: self.is_udp, at: "center:1".into() }
    }

    pub(super) fn transmits(
        self: &Arc<Self>,
        clock: &Arc<Clock>,
        live_events: &Arc<LiveEvents>,
    ) -> Transmits {
        let settings = json!({"main": self.peer(), "format": self.format, "accounts": {}});
        let settings: settings::Receiver =
            serde_json::from_value(settings).expect("settings that fit together");
        let account =
            |home: &buckler::domain::home::Home| (home.id.clone(), self.account(&home.id));
        let accounts: BTreeMap<_, _> = self.homes.iter().map(account).collect();
        let settings = settings::Receiver { accounts, ..settings };
        let lines = Arc::new(SimulatedLines(self.clone()));
        Transmitter::new_over(lines, settings, clock.clone(), live_events.clone())
            .expect("a key that can be read")
    }

    /// The id of a request of the frame that is being heard: the one that its sender repeats, or a new
    /// one.
    fn id_of_request(&self, repeated: Option<IncidentId>) -> IncidentId {
        let next = || {
            let n = {
                let mut state = self.state();
                state.ids += 1;
                state.ids
            };
            let mut dice = self.dice(&format!("id/{n}"));
            let bits = u128::from(dice.next()) << 64 | u128::from(dice.next());
            IncidentId(Uuid::from_u128(bits))
        };
        let id = repeated.unwrap_or_else(next);
        // What nobody hears is no request of the home.
        let _ = HEARS.try_with(|heard| {
            heard.raised.lock().expect("no holder panics").push(id);
            if let Some(what) = heard.what {
                self.state().raised.insert(id, what);
            }
            if let Some(service) = heard.service {
                let center = self.world(Side::Center);
                let by = Actor::Device { name: ALARM_SYSTEM.into() };
                let now = center.truth();
                center.ledger().tapped_by(id, request(service), by, now);
            }
        });
        id
    }
}

/// The service that a frame asks for.
fn asks_for(frame: &[u8]) -> Option<Service> {
    let frame = Frame::decode(frame, |_| None).ok()?;
    let format = match frame.id {
        Id::AdmCid => Format::AdmCid,
        Id::SiaDcs => Format::SiaDcs,
        _ => return None,
    };
    let codes = Code::decode(format, &frame.data);
    codes.iter().find_map(|code| match (code.qualifier, code.signal) {
        (Qualifier::New, Signal::Help(service)) => Some(service),
        _ => None,
    })
}

fn request(service: Service) -> Request {
    match service {
        Service::Police => Request::Police,
        Service::Fire => Request::Fire,
        Service::Medical => Request::Medical,
    }
}

impl Line {
    /// The center acknowledges a frame: what it asks for is stored (I10), and the incident contains it
    /// (I24).
    fn is_acknowledged(&self, center: &World, frame: &[u8], heard: &Heard) {
        let home = self.world(Side::Home);
        let raised = heard.raised.lock().expect("no holder panics").clone();
        let (Some(what), Some(service)) = (heard.what, heard.service) else {
            if let Some(Signaled { incident, means: Meaning::Cancel, .. }) = heard.what {
                home.ledger().center_is_told_of_cancel(incident);
            }
            return;
        };
        if what.means != Meaning::Alarm {
            return;
        }
        let all = {
            let mut state = self.state();
            let known = state.acknowledged.entry(frame.to_vec()).or_default();
            known.extend(raised);
            known.clone()
        };
        let is_stored = center.ledger().acknowledges_alarm(&all, request(service), &center.disk);
        if is_stored {
            let is_first = {
                let mut state = self.state();
                let stored = state.stored.entry((what.incident, what.fact)).or_default();
                let is_first = !stored.contains(&service);
                stored.push(service);
                is_first
            };
            if is_first {
                home.ledger().center_has(what.incident, home.truth());
            }
        }
    }
}
