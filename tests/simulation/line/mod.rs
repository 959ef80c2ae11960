//! The one line between a home's server and the server of its receiving center. Frames go to the center
//! and answers come back (`frames.rs`); what the center reports comes back in order, and is repeated
//! until the home has taken it (`reports.rs`). The line outlives both servers.

mod frames;
mod reports;

use super::{
    dice::Dice,
    ledger::excuses::Cause,
    plan::{HandlerFault, Plan, staffing::Elsewhere},
    world::World,
};
use buckler::{
    domain::{
        home::Home,
        id::{HomeId, IncidentId},
        incident::Service,
        time::Timestamp,
    },
    server::{
        clock::Clock,
        dc09::{
            receiver,
            transmitter::{Transmitter, record_failures, supervise},
        },
        engine::Engine,
        live_events::LiveEvents,
        tasks::Tasks,
    },
};
pub use frames::signaled;
use frames::{Sent, Signaled};
use reports::{Delivery, Told};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, OnceLock, Weak},
    time::Duration,
};
use tokio::sync::mpsc;

/// Nothing is faster on the line.
pub const FASTEST: Duration = Duration::from_millis(20);
/// How long both servers have nothing to do when the history is over: each has looked meanwhile.
const QUIET: Duration = Duration::from_secs(70);

/// A transmitter, and the incidents whose alarm nobody acknowledged.
type Transmits = (Arc<Transmitter>, mpsc::UnboundedReceiver<IncidentId>);

/// The two servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Home,
    Center,
}

/// What happens on the line.
#[derive(Clone, Debug)]
pub enum OnLine {
    /// A frame of the home reaches the center.
    Frame(Arc<Sent>),
    /// Bytes of an answer reach the home over this connection; nothing, if it is closed.
    Answer(u64, Vec<u8>),
    /// The center sends the next report of this incident, unless it went on meanwhile.
    Reports(IncidentId, u32),
    /// A report reaches the home.
    Told(Arc<Told>),
    /// The home has taken a report.
    Taken(IncidentId, u32),
}

/// The line, and what is known of what went over it.
pub struct Line {
    seed: u64,
    /// Whether reports name only the account of the home.
    by_account: bool,
    is_udp: bool,
    format: &'static str,
    homes: Vec<Home>,
    worlds: OnceLock<[Weak<World>; 2]>,
    state: Mutex<State>,
    /// Held by each frame that the center has not answered.
    in_use: Arc<()>,
}

#[derive(Default)]
struct State {
    fault: Option<HandlerFault>,
    dialed: u64,
    connections: BTreeMap<u64, mpsc::UnboundedSender<Vec<u8>>>,
    frames: u64,
    ids: u64,
    /// The receiver of the center that lives.
    receiver: Option<(Arc<receiver::Receiver>, Arc<receiver::Source>)>,
    /// The transmitter of the home that lives.
    transmitter: Option<Arc<Transmitter>>,
    /// Which alarm a request at the center is.
    raised: BTreeMap<IncidentId, Signaled>,
    /// The requests of each frame that the center acknowledged.
    acknowledged: BTreeMap<Vec<u8>, Vec<IncidentId>>,
    /// The alarms that each incident at the center contains, each by the number of its fact there.
    alarms: BTreeMap<IncidentId, Vec<(u32, IncidentId, u32)>>,
    /// The alarms that the center has stored: the incident at home, its fact, and the service.
    stored: BTreeMap<(IncidentId, u32), Vec<Service>>,
    deliveries: BTreeMap<IncidentId, Delivery>,
    /// The incidents that may have something to report.
    reported: BTreeSet<IncidentId>,
    quiet_since: [Option<Timestamp>; 2],
    /// When the server that was killed last is back.
    back: Timestamp,
}

impl Line {
    pub fn new(plan: &Plan) -> Self {
        let mut dice = Dice::new(plan.seed, "line");
        Self {
            seed: plan.seed,
            by_account: plan.staffing.elsewhere == Elsewhere::Engine { by_account: true },
            is_udp: dice.chance(40),
            format: dice.pick(&["adm-cid", "sia-dcs"]),
            homes: plan.homes.clone(),
            worlds: OnceLock::new(),
            state: Mutex::default(),
            in_use: Arc::new(()),
        }
    }

    pub fn connects(&self, home: &Arc<World>, center: &Arc<World>) {
        // The clock of a center may be wrong.
        let mut dice = self.dice("clock");
        if dice.chance(40) {
            let off = dice.ms(0, 600_000).as_millis() as i64 - 300_000;
            center.lock(&center.time).wall_offset_ms = off;
        }
        let worlds = [Arc::downgrade(home), Arc::downgrade(center)];
        assert!(self.worlds.set(worlds).is_ok(), "a line connects two servers");
    }

    fn world(&self, side: Side) -> Arc<World> {
        let worlds = self.worlds.get().expect("both worlds are there");
        worlds[side as usize].upgrade().expect("a world outlives its line")
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no holder panics")
    }

    fn dice(&self, occasion: &str) -> Dice {
        Dice::new(self.seed, &format!("line/{occasion}"))
    }

    fn account(&self, home: &HomeId) -> String {
        let n = self.homes.iter().position(|known| known.id == *home).unwrap_or_default();
        format!("{:04}", 1_000 + n)
    }

    /// Schedules something on the other side. The home may be ahead of the center.
    fn later(&self, side: Side, at: Timestamp, on: OnLine) {
        let world = self.world(side);
        world.later(at.max(world.truth()), super::world::Event::Line(on));
    }

    /// Whether the center has a frame that it has not answered.
    pub fn is_in_use(&self) -> bool {
        Arc::strong_count(&self.in_use) > 1
    }

    /// The line has this fault from now on.
    pub fn breaks(&self, fault: Option<HandlerFault>) {
        let mut state = self.state();
        state.fault = fault;
        if let Some(HandlerFault::Unreachable) = fault {
            state.connections.clear();
        }
    }

    /// The history is over. What the servers have left holds their worlds, and those hold this line.
    pub fn ends(&self) {
        let left = std::mem::take(&mut *self.state());
        drop(left);
    }

    /// A server was killed, and is down for so long.
    pub fn goes_down(self: &Arc<Self>, side: Side, from: Timestamp, to: Timestamp) {
        let mut state = self.state();
        state.quiet_since[side as usize] = None;
        state.back = state.back.max(to);
        state.connections.clear();
        match side {
            Side::Home => state.transmitter = None,
            Side::Center => {
                state.receiver = None;
                drop(state);
                let home = self.world(Side::Home);
                home.ledger().excuses.begins(Cause::CenterDown, from);
                home.ledger().excuses.ends(Cause::CenterDown, to);
                home.ledger().tell(from, || "the center is killed".into());
                self.forgets_progress(from);
            }
        }
    }

    /// The disk of a server fails since then, or works again.
    pub fn disk_fails(&self, side: Side, since: Option<Timestamp>) {
        if side == Side::Center {
            let home = self.world(Side::Home);
            let now = self.world(Side::Center).truth();
            match since {
                Some(since) => home.ledger().excuses.begins(Cause::CenterDisk, since),
                None => home.ledger().excuses.ends(Cause::CenterDisk, now),
            }
        }
    }

    /// A server has nothing to do since then, or has.
    pub fn is_quiet(&self, side: Side, now: Option<Timestamp>) {
        let mut state = self.state();
        let since = &mut state.quiet_since[side as usize];
        *since = now.and(since.or(now));
    }

    /// When both servers are up again.
    pub fn back(&self) -> Timestamp {
        self.state().back
    }

    /// Whether both servers have had nothing to do for a while.
    pub fn are_quiet(&self, now: Timestamp) -> bool {
        let [home, center] = self.state().quiet_since;
        home.max(center).is_some_and(|since| since + QUIET <= now)
            && home.is_some()
            && center.is_some()
    }

    /// A server has started: it hears frames, or reports, and goes on with what it had not delivered.
    pub fn server_starts(
        self: &Arc<Self>,
        side: Side,
        engine: &Engine,
        clock: &Arc<Clock>,
        tasks: &Tasks,
        transmits: Option<Transmits>,
    ) {
        if let Some((transmitter, failures)) = transmits {
            tasks.spawn("failures of the center", record_failures(failures, engine.clone()));
            supervise(&transmitter, tasks);
        }
        if side == Side::Center {
            self.state().receiver = Some(self.receiver(engine, clock, tasks));
            self.resumes();
        }
    }

    /// The transmitter of a home whose server starts.
    pub fn transmitter(
        self: &Arc<Self>,
        clock: &Arc<Clock>,
        live_events: &Arc<LiveEvents>,
    ) -> Transmits {
        let (transmitter, failures) = self.transmits(clock, live_events);
        self.state().transmitter = Some(transmitter.clone());
        (transmitter, failures)
    }

    /// Whether the center has stored the alarm of this fact for each of these services.
    pub fn has_stored(&self, incident: IncidentId, fact: u32, services: &[Service]) -> bool {
        let state = self.state();
        let stored = state.stored.get(&(incident, fact));
        services.iter().all(|service| stored.is_some_and(|stored| stored.contains(service)))
    }
}

impl OnLine {
    /// It happens, at a server that lives or does not.
    pub fn happens(self, world: &Arc<World>, server: Option<(&Engine, &Arc<Clock>)>) {
        let Some((line, _)) = world.line.clone() else { return };
        match self {
            Self::Frame(sent) if server.is_some() => line.hears(world, sent),
            Self::Answer(connection, bytes) => line.answers(connection, bytes),
            Self::Reports(incident, go) => {
                if let Some((engine, clock)) = server {
                    line.reports(world, (engine, clock), incident, go);
                }
            }
            Self::Told(told) => {
                if let Some((engine, clock)) = server {
                    line.tells(world, engine, clock, told);
                }
            }
            Self::Taken(incident, seq) if server.is_some() => line.is_taken(world, incident, seq),
            Self::Frame(_) | Self::Taken(..) => {}
        }
    }
}
