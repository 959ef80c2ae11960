//! The invariants, checked at every commit, effect and answer against what truly happened. Of all
//! that the server says about itself, the ledger believes only what is on the disk.

mod backups;
pub mod buttons;
mod center;
mod ends;
pub mod excuses;
mod forgotten;
mod history;
mod needs;
pub mod open;
mod sirens;
mod withdrawn;

use super::{disk::Disk, world::World};
use backups::Undo;
use buckler::{
    domain::{
        id::{CallId, IncidentId},
        incident::{
            Actor, Incident, Mode, Request, Service, State,
            command::{Command, Raise, Seen},
            effect::{Effect, EffectKind, Notice, Signal},
            event::{Event, Recorded},
        },
        time::Timestamp,
    },
    server::engine::{Answer, Current, Denied, Engine},
};
use buttons::Buttons;
use center::Elsewhere;
use ends::{Act, Press};
use excuses::{Cause, Excuses, UNDECIDED};
use needs::Owed;
use sirens::Sirens;
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
    time::Duration,
};
use withdrawn::Withdrawals;

/// The maximum lateness while the server is up (F17).
const LATE: Duration = Duration::from_millis(100);
/// The time that a server needs to continue after downtime or a disk failure: its pause between
/// retries, and a commit.
const RECOVERS: Duration = Duration::from_millis(3_400);
/// A running incident acts within this time after D, whatever the disk does (I25).
pub const ACTS_WITHIN: Duration = Duration::from_secs(2);
/// The longest pause between two attempts of an effect.
const RETRIES: Duration = Duration::from_secs(31);
/// The margin of I8, in addition to the ring and talk timeouts.
const MARGIN: Duration = Duration::from_secs(2);
/// Nothing begins for an older tap: a minute, plus the time for an answer (F5).
const TAP: Duration = Duration::from_millis(61_000);
/// Nothing begins for an older press of a button: the broker notices within 15 seconds that the server
/// is gone, keeps the press for a minute, and the server tries to store it for another.
const PRESS: Duration = Duration::from_secs(140);

/// One incident, as stored on the disk.
#[derive(Clone)]
struct Case {
    incident: Incident,
    facts: u32,
    begun: Timestamp,
    asked: BTreeSet<Request>,
    /// The true times of D and of the end of the countdown.
    due: Timestamp,
    left: Option<Timestamp>,
    /// When an operator last let go of it.
    let_go: Option<Timestamp>,
    /// When the first call began, if an operator makes it.
    dialed: Option<Timestamp>,
    /// Which services were requested, and by which facts.
    requested: BTreeSet<(Service, u32)>,
    /// The service that a press must request again, and when that press was recorded (R20).
    must_request: Option<(Service, Timestamp)>,
    /// How many reviews sent the alarm again, because the center had not acknowledged it.
    repeated_alarms: usize,
    /// The requests that were not withdrawn.
    presses: Vec<Press>,
    /// When it was over.
    over: Option<Timestamp>,
}

/// A request, as its sender made it.
struct Tap {
    at: Timestamp,
    request: Request,
    by: Actor,
}

/// The record of one world.
pub struct Ledger {
    /// What runs, and what was over lately.
    cases: BTreeMap<IncidentId, Case>,
    running: BTreeSet<IncidentId>,
    /// How many incidents were checked for the last time and forgotten.
    forgotten: usize,
    effects: BTreeMap<String, (Effect, Timestamp)>,
    carried: BTreeSet<String>,
    done: BTreeSet<String>,
    called_off: BTreeSet<CallId>,
    acts: BTreeMap<IncidentId, Vec<Act>>,
    withdrawals: Withdrawals,
    /// The calls of which somebody said that nobody was reached.
    not_reached: BTreeSet<CallId>,
    /// The latest fact of each incident that the receiving center was told.
    center_knows: BTreeMap<IncidentId, u32>,
    /// The alarms of each incident that the receiving center has.
    alarms: BTreeMap<IncidentId, BTreeSet<String>>,
    /// What is known of a receiving center that is a server too.
    elsewhere: Elsewhere,
    /// The signals that facts of this batch owe to a receiving center.
    signals: Vec<(IncidentId, Signal)>,
    acknowledged: BTreeMap<IncidentId, (IncidentId, Request)>,
    taps: BTreeMap<IncidentId, Tap>,
    pub excuses: Excuses,
    owed: Vec<Owed>,
    sirens: Sirens,
    buttons: Buttons,
    /// The latest fact of each incident that the screens were told of in this life.
    told: BTreeMap<IncidentId, u32>,
    /// The incidents that the screens were found to show as unanswered, as they were then.
    said: BTreeMap<IncidentId, Arc<Current>>,
    /// How to take back what was stored lately, if a copy will be put back.
    undo: Option<VecDeque<Undo>>,
    /// The incidents of a database that was put back, about which nobody has decided.
    withheld: BTreeSet<IncidentId>,
    /// The effects that were stored when the database was put back.
    stale: BTreeSet<String>,
    /// A machine has booted without knowing the time.
    is_time_unknown: bool,
    /// How far the server's clock is ahead of the truth, ms, and when it was last seen to be set back.
    ahead_ms: i64,
    set_back: Option<Timestamp>,
    /// When this life of the server began.
    alive_since: Timestamp,
    tells: bool,
    /// The code that is broken is fatal, although the code is known not to hold it.
    wanted: Option<String>,
    /// What is known not to hold, and did not.
    pub open: BTreeSet<String>,
    /// How often each kind of fault occurred.
    pub faults: BTreeMap<&'static str, usize>,
    /// The story, if it is requested.
    pub story: Vec<String>,
    /// The first broken invariant.
    pub broken: Option<String>,
}

impl Ledger {
    pub fn new(tells: bool, wanted: Option<String>) -> Self {
        Self {
            wanted,
            open: BTreeSet::new(),
            faults: BTreeMap::new(),
            cases: BTreeMap::new(),
            running: BTreeSet::new(),
            forgotten: 0,
            effects: BTreeMap::new(),
            carried: BTreeSet::new(),
            done: BTreeSet::new(),
            called_off: BTreeSet::new(),
            acts: BTreeMap::new(),
            withdrawals: Withdrawals::default(),
            not_reached: BTreeSet::new(),
            center_knows: BTreeMap::new(),
            alarms: BTreeMap::new(),
            elsewhere: Elsewhere::default(),
            signals: Vec::new(),
            acknowledged: BTreeMap::new(),
            taps: BTreeMap::new(),
            excuses: Excuses::default(),
            owed: Vec::new(),
            sirens: Sirens::default(),
            buttons: Buttons::default(),
            told: BTreeMap::new(),
            said: BTreeMap::new(),
            undo: None,
            withheld: BTreeSet::new(),
            stale: BTreeSet::new(),
            is_time_unknown: false,
            ahead_ms: 0,
            set_back: None,
            alive_since: Timestamp::default(),
            tells,
            story: Vec::new(),
            broken: None,
        }
    }

    pub fn incidents(&self) -> usize {
        self.forgotten + self.cases.len()
    }

    /// A fault of this kind has occurred.
    pub fn occurs(&mut self, kind: &'static str) {
        *self.faults.entry(kind).or_default() += 1;
    }

    /// The cases of the incidents that run.
    fn running(&self) -> impl Iterator<Item = &Case> {
        self.running.iter().filter_map(|id| self.cases.get(id))
    }

    pub fn is_broken(&self) -> bool {
        self.broken.is_some()
    }

    pub fn broken(&mut self, what: String) {
        let code = open::code(&what);
        if open::is_open(code) && self.wanted.as_deref() != Some(code) {
            self.open.insert(code.to_owned());
            if self.tells {
                self.story.push(format!("known: {what}"));
            }
        } else {
            self.broken.get_or_insert(what);
        }
    }

    pub fn tell(&mut self, at: Timestamp, what: impl FnOnce() -> String) {
        if self.tells {
            self.story.push(format!("{at}  {}", what()));
        }
    }

    pub fn demand(&mut self, holds: bool, what: impl FnOnce() -> String) {
        if !holds && self.broken.is_none() {
            self.broken(what());
        }
    }

    /// The server was down between these times.
    pub fn was_down(&mut self, from: Timestamp, to: Timestamp) {
        self.excuses.begins(Cause::Down, from);
        self.excuses.ends(Cause::Down, to);
        self.alive_since = to;
    }

    /// Whether the server may be ahead of the disk (I25): the disk fails, or has failed a moment ago.
    fn may_be_ahead(&self, now: Timestamp) -> bool {
        self.excuses.hold_at(now, &[Cause::Refuses, Cause::Slow])
    }

    /// An incident that counted down is due: a server that is up acts within two seconds, whatever
    /// the disk does (I25).
    pub fn is_due(&mut self, now: Timestamp, clock: Timestamp, engine: &Engine, id: IncidentId) {
        let Some(current) = engine.view().by_id(id) else { return };
        let Incident { state, deadline, .. } = &current.incident;
        let was_up = self.alive_since + RECOVERS + ACTS_WITHIN <= now
            && !self.excuses.hold_at(now, &[Cause::Suspended]);
        let waits = matches!(state, State::CountingDown { .. }) && *deadline + ACTS_WITHIN < clock;
        self.demand(!(was_up && waits), || format!("I25: {id} is due, and nothing acts"));
    }

    /// Somebody asked at that true time.
    pub fn tapped(&mut self, raise: &Raise, at: Timestamp) {
        let Raise { id, request, by, .. } = raise;
        self.tapped_by(*id, *request, by.clone(), at);
    }

    /// Somebody, or the system of a home, asked with this id.
    pub fn tapped_by(&mut self, id: IncidentId, request: Request, by: Actor, at: Timestamp) {
        self.taps.insert(id, Tap { at, request, by });
    }

    pub fn is_anything_running(&self) -> bool {
        !self.running.is_empty()
    }

    /// The latest fact that the receiving center was told of an incident.
    pub fn center_knows(&self, id: IncidentId) -> u32 {
        self.center_knows.get(&id).copied().unwrap_or_default()
    }

    /// A life has begun: the server knows what is on the disk (I15), and what was acknowledged is
    /// there (I10).
    pub fn started(&mut self, now: Timestamp, engine: &Engine, disk: &Disk) {
        let running: BTreeSet<_> = engine.view().running().iter().map(|c| c.incident.id).collect();
        let known = self.running.clone();
        self.demand(running == known, || {
            format!("I15: {running:?} run after the start, {known:?} on the disk")
        });
        for current in engine.view().running() {
            let same = self
                .cases
                .get(&current.incident.id)
                .is_some_and(|c| c.incident == current.incident);
            self.demand(same, || {
                format!("I15: incident {} is not the fold of its history", current.incident.id)
            });
        }
        for (request, (incident, _)) in self.acknowledged.clone() {
            self.demand(
                disk.request(request).is_some() && disk.incident(incident).is_some(),
                || format!("I10: the acknowledged request {request} is lost"),
            );
        }
        self.screens_connect_again();
        self.tell(now, || "the server has started".into());
    }

    /// An answer to a request leaves the server.
    pub fn answered_raise(
        &mut self,
        now: Timestamp,
        raise: &Raise,
        answer: &Result<Answer, Denied>,
        disk: &Disk,
    ) {
        self.tell(now, || {
            format!(
                "{:?} by {} is answered: {:?}",
                raise.request,
                raise.id,
                answer.as_ref().map(|a| a.created)
            )
        });
        let Ok(answer) = answer else { return };
        let incident = answer.current.incident.id;
        let stored = disk.request(raise.id).is_some_and(|row| row.incident() == Some(incident));
        self.demand(stored && disk.incident(incident).is_some(), || {
            format!("I10: request {} was acknowledged and is not stored", raise.id)
        });
        self.demand(answer.current.incident.mode == raise.mode, || {
            format!("I18: request {} changed its mode", raise.id)
        });
        self.acknowledged.insert(raise.id, (incident, raise.request));
        let asked = self.cases.get(&incident).is_some_and(|c| c.asked.contains(&raise.request));
        self.demand(asked, || {
            format!(
                "I11: {:?} was acknowledged, and incident {incident} does not ask for it",
                raise.request
            )
        });
        self.shows(now, &answer.current.incident, answer.current.history.len());
    }

    /// An answer to a command leaves the server.
    pub fn answered_command(
        &mut self,
        now: Timestamp,
        id: IncidentId,
        command: &Command,
        answer: &Result<Answer, Denied>,
    ) {
        self.tell(now, || {
            format!("{command:?} to {id} is answered: {:?}", answer.as_ref().map(|a| a.refusal))
        });
        if let Ok(answer) = answer {
            self.shows(now, &answer.current.incident, answer.current.history.len());
            let Command::Cancel { by, seen } = command else { return };
            // Sirens that sounded before the countdown go on.
            let canceled: Vec<_> = match answer.current.incident.state {
                State::CountingDown { pending, .. } => pending.iter().collect(),
                State::Verifying(_) | State::Dispatching => {
                    Request::ALL.into_iter().filter(|r| r.service().is_some()).collect()
                }
                _ => return,
            };
            // What the author had not been shown goes on (I30), and may be sent at once.
            let history = &answer.current.history;
            let is_on = match seen {
                Seen::UpTo(seq) => canceled.iter().any(|request| {
                    let latest = latest_press(history, *request);
                    latest.is_some_and(|latest| latest <= *seq)
                }),
                _ => !history.iter().any(|fact| {
                    matches!(&fact.event, Event::Withdrawn { by: author, .. } if author == by)
                }),
            };
            self.demand(answer.refusal.is_some() || !is_on, || {
                format!("I4: a cancel of {id} was granted, and it goes on")
            });
        }
    }

    /// What the server shows is what the disk holds, or held a moment before, or will hold when it
    /// works again.
    fn shows(&mut self, now: Timestamp, shown: &Incident, facts: usize) {
        let on_disk = self.cases.get(&shown.id).map_or(0, |c| c.facts);
        let same =
            self.cases.get(&shown.id).is_none_or(|c| c.facts != shown.seq || c.incident == *shown);
        let is_known = shown.seq <= on_disk || (on_disk > 0 && self.may_be_ahead(now));
        self.demand(is_known && facts == shown.seq as usize && same, || {
            format!("I15: incident {} is shown otherwise than stored", shown.id)
        });
    }

    /// An effect reaches a peer.
    pub fn carried_out(
        &mut self,
        now: Timestamp,
        server: Timestamp,
        mode: Mode,
        queue: &'static str,
        effect: &Effect,
        disk: &Disk,
    ) {
        self.tell(now, || format!("{queue}: {}", effect.key));
        if let EffectKind::SignalReceiver { signal: Signal::Alarm, .. } = effect.kind {
            let knows = self.center_knows.entry(effect.incident).or_default();
            *knows = effect.seq.max(*knows);
            self.alarms_once(effect);
        }
        self.demand(effect.mode == mode, || {
            format!("I18: {} leaves by the handler of the other mode", effect.key)
        });
        self.demand(queue == own_queue(&effect.kind), || {
            format!("I14: {} leaves by the queue of the {queue}", effect.key)
        });
        self.demand(effect.not_after.is_none_or(|not_after| server <= not_after), || {
            format!("I13: {} is carried out too late", effect.key)
        });
        if effect.seq == 0 {
            let may = self.excuses.any(UNDECIDED);
            let sirens =
                matches!(effect.kind, EffectKind::SirenOn { .. } | EffectKind::SirenOff { .. });
            return self.demand(may && sirens, || format!("I3: {} is not stored", effect.key));
        }
        let is_stored = self.effects.contains_key(&effect.key);
        if !is_stored
            && self.may_be_ahead(now)
            && self.cases.get(&effect.incident).is_some_and(|case| effect.seq > case.facts)
        {
            // It is stored later, or decided again after a loss of power.
            self.carried.insert(effect.key.clone());
            return;
        }
        // The notice that a person must decide may be sent again after a copy was put back.
        let tells = matches!(effect.kind, EffectKind::Notify { reason: Notice::UnderReview });
        let is_stale = self.stale.contains(&effect.key) && !tells;
        self.demand(!is_stale, || {
            format!("I32: {} is carried out after the database was put back", effect.key)
        });
        self.demand(disk.holds_effect(&effect.key), || {
            format!("I12: {} is carried out and not in the outbox", effect.key)
        });
        self.demand(!self.done.contains(&effect.key), || {
            format!("F11: {} is carried out again after it was done", effect.key)
        });
        let Some((_, since)) = self.effects.get(&effect.key).map(|(e, at)| (e.key.clone(), *at))
        else {
            return self.broken(format!("I12: {} was never stored", effect.key));
        };
        let first = self.carried.insert(effect.key.clone());
        let broke = self.excuses.hold_between(since - RETRIES, now, &[Cause::Queue(queue)]);
        let excused = self.excuses.until(since, now, UNDECIDED);
        self.demand(!first || broke || now <= excused, || {
            format!("I14: {} leaves at {now}, stored at {since}", effect.key)
        });
    }

    /// Everything was repaired: nothing may be pending, and every incident is over.
    pub fn all_is_over(&mut self) {
        let pending: Vec<_> = self
            .effects
            .iter()
            .filter(|(k, (e, _))| e.not_after.is_none() && !self.carried.contains(*k))
            .filter(|(k, _)| !self.stale.contains(*k))
            .map(|(k, _)| k.clone())
            .collect();
        self.demand(pending.is_empty(), || format!("I12: never carried out: {pending:?}"));
        let open = self.running.clone();
        self.demand(open.is_empty(), || format!("I8: never over: {open:?}"));
    }

    /// The history has ended: the disk has what was acknowledged.
    pub fn at_the_end(&mut self, world: &World) {
        self.screens_are_told(world.truth());
        self.is_on_the_disk(&world.disk, |_| true);
    }
}

/// The number of the fact with the latest press of a request that was not withdrawn since.
fn latest_press(history: &[Recorded], request: Request) -> Option<u32> {
    (1..).zip(history).fold(None, |latest, (number, fact)| match &fact.event {
        Event::Started { request: asked, .. }
        | Event::Joined { request: asked, .. }
        | Event::Repeated { request: asked, .. }
            if *asked == request =>
        {
            Some(number)
        }
        Event::Withdrawn { requests, .. } if requests.contains(&request) => None,
        _ => latest,
    })
}

/// Each kind of effect has its own queue, so that none waits behind another.
fn own_queue(kind: &EffectKind) -> &'static str {
    match kind {
        EffectKind::SirenOn { .. } | EffectKind::SirenOff { .. } | EffectKind::Announce { .. } => {
            "devices"
        }
        EffectKind::CallContact { .. } => "phones",
        EffectKind::SignalReceiver { .. } => "receiver",
        EffectKind::RequestDispatch { .. } => "responders",
        EffectKind::Notify { .. } => "notices",
    }
}
