//! The world around the server: true time, people, contacts, responders, devices, the network, the
//! disk, and kills. The server in it is the real engine on a paused runtime.

mod life;
mod server;

use super::{
    broker::{Traffic, Wires},
    devices::{self, buttons::Asks},
    disk::Disk,
    errand::{Errand, Errands},
    handlers::Peers,
    ledger::{Ledger, excuses::Cause},
    line::{Line, OnLine, Side},
    machine::{Boots, Time},
    people::{Intent, member, operator, outside},
    plan::{BEGINNING, DiskFault, HandlerFault, Plan, What, When},
    screens::{Screens, Viewer},
};
use buckler::{
    domain::{id::IncidentId, time::Timestamp},
    server::{
        clock::Clock,
        engine::{Current, Engine},
        homes::Homes,
        mqtt::settings::Settings,
        store::Batch,
    },
};
pub use server::run;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};
use tokio::sync::Notify;

/// After the last entry everything heals, and must have come to its end within this time (I8).
const AFTERMATH: Duration = Duration::from_secs(5 * 3_600);
/// In a world in which nothing is repaired, somebody looks so long after the last entry whether what
/// runs can be ended.
const LOOKS_BACK: Duration = Duration::from_secs(45 * 60);
/// How often an operator checks whether something needs a decision.
const LOOK: Duration = Duration::from_secs(60);
/// The broker gives up a server that sleeps for longer.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// What is not repaired.
const FOREVER: Duration = Duration::from_secs(30 * 86_400);

/// How often a long history forgets what is over.
const DAY: Duration = Duration::from_secs(86_400);
/// When people end what still runs, so that an incident does not last for a year.
const NIGHT: Duration = Duration::from_secs(3_600);

/// A scheduled event.
#[derive(Clone, Debug)]
pub enum Event {
    /// An entry of the plan, by its index.
    Entry(usize),
    /// A sender sends or resends.
    Send(usize),
    /// A copy reaches the server, if the server is up.
    Arrive(usize),
    /// An answer reaches the sender, with the incident if there is one.
    Answered(usize, bool, Option<Arc<Current>>),
    /// Somebody presses for the need of an entry, the first time or again.
    Presses(usize, u8),
    /// Somebody looks whether that press helps.
    LooksAgain(usize, u8),
    /// Somebody acts on what their screen shows.
    Acts(Box<Intent>),
    /// A disk, a handler or the network works again.
    DiskHeals,
    HandlerHeals(&'static str),
    NetworkHeals,
    /// A countdown of this incident ended two seconds ago.
    Due(IncidentId),
    /// An operator has left, and the console has been silent for a lease.
    LeaseEnds,
    /// An operator checks for decisions.
    Look,
    /// Something moves between the server, the broker and the sirens.
    Wire(Traffic),
    /// The ledger looks at a siren.
    Siren(usize),
    /// The ledger looks at what a button said.
    Button(usize),
    /// Something moves between the home and its receiving center.
    Line(OnLine),
}

/// The state of the network.
#[derive(Clone, Copy, Debug, Default)]
pub struct Weather {
    pub loses_percent: u64,
    pub slow_ms: u64,
}

pub struct World {
    pub plan: Plan,
    pub disk: Disk,
    pub ledger: Mutex<Ledger>,
    pub peers: Mutex<Peers>,
    pub errands: Mutex<Errands>,
    pub screens: Mutex<Screens>,
    pub weather: Mutex<Weather>,
    pub time: Mutex<Time>,
    pub wires: Mutex<Wires>,
    mqtt: Settings,
    /// The homes, as the database has them.
    homes: Arc<Homes>,
    /// When an operator who leaves was last at the console.
    pub operator_there_until: Mutex<Timestamp>,
    queue: Mutex<BTreeMap<(Timestamp, u64), Event>>,
    /// An event was scheduled before all others.
    sooner: Notify,
    pub killed: Notify,
    kill: Mutex<(When, Death)>,
    /// The line between two servers, and which of them this is.
    pub line: Option<(Arc<Line>, Side)>,
    /// The other server must follow before this one goes on.
    pub follow: Notify,
}

/// How a server dies and comes back.
#[derive(Clone, Copy, Debug)]
pub struct Death {
    pub down: Duration,
    pub boots: Boots,
    /// A copy of the database, that old, is put back meanwhile.
    pub restores: Option<Duration>,
}

/// The reason why a life ended.
enum End {
    Killed(When, Death),
    Over,
    Broken,
}

impl World {
    fn new(
        plan: Plan,
        tells: bool,
        wanted: Option<&str>,
        line: Option<(Arc<Line>, Side)>,
    ) -> Arc<Self> {
        let queue = plan
            .entries
            .iter()
            .enumerate()
            .filter(|(_, e)| !matches!(e.what, What::NotHere | What::AtCenter(_)))
            .map(|(n, e)| ((BEGINNING + e.at, n as u64), Event::Entry(n)))
            .collect();
        let (mut ledger, wires) = (Ledger::new(tells, wanted.map(Into::into)), Wires::new(&plan));
        ledger.knows_sirens(&wires.sirens);
        ledger.knows_buttons(&wires.buttons);
        // The jitter of reconnects.
        fastrand::seed(plan.seed);
        Arc::new(Self {
            mqtt: devices::settings(&wires.sirens, &wires.buttons),
            homes: Arc::default(),
            wires: Mutex::new(wires),
            disk: Disk::of(&plan),
            ledger: Mutex::new(ledger),
            peers: Mutex::default(),
            errands: Mutex::default(),
            screens: Mutex::default(),
            weather: Mutex::default(),
            operator_there_until: Mutex::default(),
            time: Mutex::new(Time::new(BEGINNING, plan.machine_sleeps())),
            queue: Mutex::new(queue),
            sooner: Notify::new(),
            killed: Notify::new(),
            kill: Mutex::new((
                When::Now,
                Death { down: Duration::ZERO, boots: Boots::No, restores: None },
            )),
            line,
            follow: Notify::new(),
            plan,
        })
    }

    /// The line to another server, if there is one.
    pub fn line(&self, side: Side) -> Option<&Arc<Line>> {
        self.line.as_ref().filter(|(_, is)| *is == side).map(|(line, _)| line)
    }

    pub fn with_line(&self, does: impl FnOnce(&Arc<Line>, Side)) {
        if let Some((line, side)) = &self.line {
            does(line, *side);
        }
    }

    pub fn lock<'a, T>(&self, what: &'a Mutex<T>) -> MutexGuard<'a, T> {
        what.lock().expect("no holder panics")
    }

    pub fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.lock(&self.ledger)
    }

    /// Schedules an event at a time.
    pub fn later(&self, at: Timestamp, event: Event) {
        let mut queue = self.lock(&self.queue);
        let number = 1_000_000
            + queue.last_key_value().map_or(0, |((_, n), _)| *n) % 1_000_000
            + queue.len() as u64;
        let mut key = (at, number);
        while queue.contains_key(&key) {
            key.1 += 1;
        }
        if queue.first_key_value().is_none_or(|(first, _)| key < *first) {
            self.sooner.notify_one();
        }
        queue.insert(key, event);
    }

    /// How long a life of the server lasts at most.
    fn longest_life(&self) -> Duration {
        self.plan.ends_at().since(BEGINNING) + AFTERMATH + DAY
    }

    /// Kills the server from inside a task, which then waits to be dropped.
    pub async fn pull_the_plug(&self) {
        self.killed.notify_one();
        std::future::pending().await
    }
}

impl World {
    fn goes_down(self: &Arc<Self>, died: Timestamp, Death { down, boots, .. }: Death) {
        self.disk.power_off(self);
        self.lock(&self.peers).server_died(&self.disk);
        self.ledger().broker_is(false, died);
        self.lock(&self.wires).server_is_gone(self, boots == Boots::No);
        self.ledger().was_down(died, died + down);
        self.with_line(|line, side| line.goes_down(side, died, died + down));
        self.ledger().tell(died, || {
            format!("the server is killed, for {down:?}; the machine boots: {boots:?}")
        });
    }

    fn comes_back(&self, back: Timestamp, Death { down, boots, restores }: Death) {
        self.lock(&self.time).boots(boots, down);
        self.ledger().boots(boots);
        let died = back - down;
        if let Some(age) = restores.filter(|age| self.disk.has_copy(died - *age)) {
            self.ledger().tell(back, || format!("the database of {age:?} before is put back"));
            self.disk.put_back(self, died - age);
            self.ledger().put_back(died - age, &self.disk);
        }
    }

    /// Time passes until then without a server: what reaches it is lost.
    fn passes(self: &Arc<Self>, until: Timestamp, passes: impl Fn(Timestamp)) {
        while let Some((at, event)) = self.next_until(until) {
            passes(at);
            self.handle(event, None);
        }
        passes(until);
    }

    /// The machine sleeps, with the server.
    fn sleeps(self: &Arc<Self>, lasts: Duration) {
        let (from, until) = (self.truth(), self.truth() + lasts);
        self.ledger().excuses.begins(Cause::Suspended, from);
        // Nothing reaches a machine that sleeps.
        if lasts > KEEP_ALIVE {
            self.lock(&self.wires).cut(self, None);
        }
        self.passes(until, |at| self.lock(&self.time).sleeps_until(at));
        self.ledger().excuses.wakes(from, until);
    }

    fn next_until(&self, most: Timestamp) -> Option<(Timestamp, Event)> {
        let mut queue = self.lock(&self.queue);
        let at = queue.first_key_value()?.0.0;
        (at <= most).then(|| queue.pop_first().map(|((at, _), event)| (at, event))).flatten()
    }
}

impl World {
    /// A batch is on the disk.
    pub fn has_stored(&self, times: [Timestamp; 3], batch: &Batch) {
        self.ledger().committed(times, batch);
        self.checks_devices();
        if let Some(line) = self.line(Side::Center) {
            line.is_stored(self, batch);
        }
    }

    /// The life ends by the kill that was planned last.
    fn is_killed(&self, clock: &Clock) -> End {
        let offset = clock.now().as_millis().cast_signed() - self.truth().as_millis().cast_signed();
        self.lock(&self.time).server_offset_ms = offset;
        let (when, death) = *self.lock(&self.kill);
        End::Killed(when, death)
    }

    /// Whether nothing happens any more: the disk, which nobody repairs, does not even let the server
    /// start, and nobody has waited for that for so long (known gap).
    fn is_given_up(&self, now: Timestamp) -> bool {
        !self.plan.staffing.heals && now > self.plan.ends_at() + AFTERMATH
    }

    /// Whether this world is over. Its plan was over at `planned`, or this life began then.
    fn is_at_its_end(&self, engine: &Engine, clock: &Clock, planned: Timestamp) -> Option<End> {
        let now = self.truth();
        let planned = self.line.as_ref().map_or(planned, |(line, _)| line.back().max(planned));
        let is_quiet = self.is_quiet(engine);
        self.with_line(|line, side| line.is_quiet(side, is_quiet.then_some(now)));
        if self.line(Side::Center).is_some() && now <= planned + AFTERMATH {
            return None;
        }
        let are_quiet = self.line.as_ref().is_none_or(|(line, _)| line.are_quiet(now));
        if self.plan.staffing.heals && is_quiet && are_quiet {
            self.ledger().all_is_over();
            self.ledger().at_the_end(self);
            return Some(End::Over);
        }
        if !self.plan.staffing.heals && now > planned + LOOKS_BACK {
            self.ledger().can_be_ended(engine, &self.plan.staffing, clock.now());
            self.ledger().at_the_end(self);
            return Some(End::Over);
        }
        if now <= planned + AFTERMATH {
            return None;
        }
        let running = engine.view().running();
        let left: Vec<_> =
            running.iter().map(|c| format!("{} {:?}", c.incident.id, c.incident.state)).collect();
        self.ledger().broken(format!(
            "I8: not over long after everything was healed: {left:?}; outbox {:?}",
            self.disk.left()
        ));
        Some(End::Broken)
    }

    /// Whether every planned event has happened, and every incident is over.
    fn is_quiet(&self, engine: &Engine) -> bool {
        let only_looks = self.lock(&self.queue).values().all(|e| {
            matches!(
                e,
                Event::Look
                    | Event::Due(_)
                    | Event::Wire(_)
                    | Event::Siren(_)
                    | Event::Button(_)
                    | Event::Line(_)
            )
        });
        only_looks && engine.view().running().is_empty() && self.disk.is_done()
    }

    fn handle(self: &Arc<Self>, event: Event, server: Option<(&Engine, &Arc<Clock>)>) {
        match event {
            Event::Entry(n) => self.enter(n, server.is_some()),
            Event::Send(errand) => Errand::send(self, errand),
            Event::Arrive(errand) => {
                if let Some((engine, clock)) = server {
                    Errand::arrive(self, errand, engine, clock);
                }
            }
            Event::Answered(errand, done, current) => {
                let incident = current.as_ref().map(|current| current.incident.id);
                let asked_by = self.lock(&self.errands).asked_by(errand);
                if let (Some((who, since)), Some(current)) = (asked_by, current) {
                    self.lock(&self.screens).answered(who, since, self.truth(), current);
                }
                self.lock(&self.errands).answered(errand, done, incident);
            }
            Event::Presses(entry, press) => {
                member::presses(self, entry, press, server.map(|(_, clock)| &**clock))
            }
            Event::LooksAgain(entry, press) => member::looks_again(self, entry, press),
            Event::Acts(intent) => intent.carry_out(self),
            Event::Wire(traffic) => self.traffic(traffic),
            Event::Line(on) => on.happens(self, server),
            Event::Siren(n) => {
                self.ledger().check_siren(n, self.truth());
                self.checks_devices();
            }
            Event::Button(n) => {
                self.ledger().check_button(n, self.truth());
                self.checks_devices();
            }
            Event::DiskHeals => {
                self.disk.heals(self);
                let now = self.truth();
                for cause in [Cause::Refuses, Cause::Slow] {
                    self.ledger().excuses.ends(cause, now);
                }
                self.with_line(|line, side| line.disk_fails(side, None));
            }
            Event::HandlerHeals(queue) => {
                if let ("receiver", Some(line)) = (queue, self.line(Side::Home)) {
                    line.breaks(None);
                }
                self.lock(&self.peers).break_handler(queue, None);
                self.ledger().excuses.ends(Cause::Queue(queue), self.truth());
            }
            Event::NetworkHeals => *self.lock(&self.weather) = Weather::default(),
            Event::Due(id) => {
                if let Some((engine, clock)) = server {
                    self.ledger().is_due(self.truth(), clock.now(), engine, id);
                }
            }
            Event::LeaseEnds => {
                if let Some((engine, _)) = server {
                    operator::lease_ends(self, engine);
                }
            }
            Event::Look => {
                if let Some((engine, _)) = server {
                    self.look(engine);
                }
                self.later(self.truth() + LOOK, Event::Look);
            }
        }
    }

    /// Whether everybody comes back and finishes: after the plan, and in a long history every night.
    pub fn is_aftermath(&self) -> bool {
        self.plan.staffing.heals && (self.truth() > self.plan.ends_at() || self.is_night())
    }

    /// Whether a long history is in the first hour of a day.
    fn is_night(&self) -> bool {
        let since = self.truth().since(BEGINNING);
        self.plan.ends_at().since(BEGINNING) > DAY
            && since.as_secs() % DAY.as_secs() < NIGHT.as_secs()
    }

    fn look(&self, engine: &Engine) {
        let now = self.truth();
        self.ledger().needs_are_met(now, engine, &self.plan.staffing);
        self.ledger().withdrawals_arrive(now);
        if now.since(BEGINNING).as_secs() % DAY.as_secs() < LOOK.as_secs() {
            self.ledger().forgets(now, &self.disk);
            self.lock(&self.screens).forget(now);
        }
        operator::looks(self, engine);
        if self.is_aftermath() {
            operator::finishes(self, engine);
            outside::finishes(self, engine, now);
        } else if self.is_night() {
            match self.line(Side::Center) {
                Some(_) => operator::finishes(self, engine),
                None => member::finishes(self, engine),
            }
        }
    }

    fn enter(self: &Arc<Self>, n: usize, is_up: bool) {
        let entry = self.plan.entries[n].clone();
        let now = self.truth();
        self.ledger().tell(now, || format!("{:?}", entry.what));
        entry.what.fault(is_up).into_iter().for_each(|fault| self.ledger().occurs(fault));
        match entry.what {
            What::Need(need) => member::begins(self, n, &need, now),
            What::Steer { home, who, does } => {
                let home = self.plan.homes[home].id.clone();
                Intent { who: Viewer::Member(who), home, does }.carry_out(self);
            }
            What::Code { home, kept } => {
                if !kept.is_zero() {
                    self.lock(&self.wires).cut(self, Some(kept));
                }
                self.pushes(&self.plan.homes[home].id, Asks::Cancel);
            }
            What::Freeze { home, who, lasts } => {
                let home = self.plan.homes[home].id.clone();
                let who = if who == "olga" { Viewer::Operator(who) } else { Viewer::Member(who) };
                self.lock(&self.screens).freeze(home, who, now, now + lasts);
            }
            What::Siren { home, n, happens } => {
                let home = &self.plan.homes[home].id;
                let mut wires = self.lock(&self.wires);
                let mut of_home =
                    (0..wires.sirens.len()).filter(|s| wires.sirens[*s].home == *home);
                if let Some(siren) = of_home.nth(n) {
                    wires.happens(self, siren, happens);
                }
                drop(wires);
                self.checks_devices();
            }
            What::EditHome { home } => {
                let mut peers = self.lock(&self.peers);
                peers.edit_home(home);
                self.homes.committed(&Arc::new(peers.home(home, &self.plan)), 2);
            }
            What::Sleep { lasts } if is_up => self.sleeps(lasts),
            What::Sleep { .. } => {}
            What::Kill { when, death } => {
                *self.lock(&self.kill) = (when, death);
                match when {
                    When::Now if is_up => self.killed.notify_one(),
                    When::Now => {}
                    When::BeforeCommit | When::AfterCommit => self.disk.kill_at_commit(when),
                    When::AfterEffect => self.lock(&self.peers).kill_after_effect(),
                }
            }
            What::Disk { fault, lasts } => {
                self.disk.break_with(self, fault);
                let cause = match fault {
                    DiskFault::Full | DiskFault::Flush => Cause::Refuses,
                    DiskFault::Slow => Cause::Slow,
                };
                self.ledger().excuses.begins(cause, now);
                self.with_line(|line, side| line.disk_fails(side, Some(now)));
                self.heals(now + lasts, Event::DiskHeals);
            }
            What::Handler { queue, fault, lasts } => self.break_handler(queue, fault, now, lasts),
            What::Network { loses_percent, slow_ms, lasts } => {
                *self.lock(&self.weather) = Weather { loses_percent, slow_ms };
                self.heals(now + lasts, Event::NetworkHeals);
            }
            What::WallClock { by_ms } => self.lock(&self.time).wall_offset_ms += by_ms,
            What::NotHere | What::AtCenter(_) => {}
        }
    }

    /// Something is repaired then, unless the plan is over by then and nothing is repaired any more.
    fn heals(&self, at: Timestamp, event: Event) {
        if self.plan.staffing.heals || at <= self.plan.ends_at() {
            self.later(at, event);
        }
    }

    fn break_handler(
        &self,
        queue: &'static str,
        fault: HandlerFault,
        now: Timestamp,
        lasts: Duration,
    ) {
        if let ("devices", HandlerFault::Unreachable) = (queue, fault) {
            let heals = self.plan.staffing.heals || now + lasts <= self.plan.ends_at();
            let lasts = if heals { lasts } else { FOREVER };
            return self.lock(&self.wires).cut(self, Some(lasts));
        }
        match self.line(Side::Home).filter(|_| queue == "receiver") {
            Some(line) => line.breaks(Some(fault)),
            None => self.lock(&self.peers).break_handler(queue, Some(fault)),
        }
        self.ledger().excuses.begins(Cause::Queue(queue), now);
        self.heals(now + lasts, Event::HandlerHeals(queue));
    }
}
