//! Tells a third party's receiving center (ANSI/SIA DC-09): the alarm, that it was called off, that it is over, and that the line lives.
//!
//! It never delays anything else: the automatic center calls beside it. Where the first receiver does not acknowledge, the second is told;
//! where neither does, the timeline says so, and both are asked again.

mod line;
mod look;

use super::{
    dc09::{Code, Format, Frame, Id, Key, Qualifier, Signal},
    settings::{self, Peer},
};
use crate::{
    api::home::{Check, CheckKind},
    domain::{
        home::Home,
        id::{HomeId, IncidentId},
        incident::{
            Mode, Service,
            command::Command,
            effect::{Effect, EffectKind, Signal as Told},
        },
        time::Timestamp,
    },
    server::{
        clock::{Clock, instant},
        engine::{
            Engine,
            outbox::{NotCarried, WayOut},
        },
        hub::Hub,
        tasks::Tasks,
    },
};
use async_trait::async_trait;
use line::{Line, Silence};
pub use look::look;
use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, AtomicU16, Ordering::Relaxed},
    },
    time::Duration,
};
use tokio::sync::mpsc;
use unicode_normalization::UnicodeNormalization;

/// How often a receiver is asked before the other one is. The standard names no number.
const TRIES: usize = 3;
/// How far another time may be that an answer in clear tells, where messages are sealed.
const AHEAD_MOST: Duration = Duration::from_secs(15 * 60);
/// The longest text in a piece of x-data, characters.
const TEXT_MOST: usize = 60;
/// The longest that what responders should know may be there.
const NOTES_MOST: usize = 400;

/// One of the receivers.
struct Path {
    name: &'static str,
    peer: Peer,
    sequence: AtomicU16,
    /// How much its clock is before this one, seconds; it says so in a NAK.
    ahead_s: AtomicI64,
}

/// Why a receiver does not have a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
enum NotTaken {
    #[error("nobody answers there")]
    NoAnswer,
    #[error("it does not know the account or the code")]
    NotUnderstood,
}

/// Whether the receiving center answered last, and when that was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proof {
    /// When it was looked.
    pub at: Timestamp,
    /// Whether it answered.
    pub answered: bool,
}

/// The way to a receiving center.
pub struct Receiver {
    settings: settings::Receiver,
    key: Option<Key>,
    within: Duration,
    every: Duration,
    paths: Vec<Path>,
    clock: Arc<Clock>,
    hub: Arc<Hub>,
    proofs: Mutex<HashMap<HomeId, Proof>>,
    /// The messages of each incident that are not settled, by the number of their fact: a cancel and a restore wait for all before
    /// them, so that no receiver hears them before the alarm.
    under_way: Mutex<HashMap<IncidentId, BTreeSet<u32>>>,
    /// What of an effect was acknowledged: none of it is sent again.
    taken: Mutex<HashSet<(String, Service)>>,
    failed: mpsc::UnboundedSender<IncidentId>,
}

/// What is said of one event.
struct Message<'m> {
    account: &'m str,
    id: Id,
    data: String,
    extra: Vec<String>,
}

impl Receiver {
    /// The way, and the incidents whose alarm nobody takes, for [`tell_what_fails`].
    ///
    /// # Errors
    /// A key that cannot be read, or times that cannot be.
    pub fn new(
        settings: settings::Receiver,
        clock: Arc<Clock>,
        hub: Arc<Hub>,
    ) -> Result<(Arc<Self>, mpsc::UnboundedReceiver<IncidentId>), String> {
        let (every, within) = settings.times()?;
        let path = |name, peer: &Peer| Path { name, peer: peer.clone(), sequence: AtomicU16::new(0), ahead_s: AtomicI64::new(0) };
        let paths =
            std::iter::once(path("main", &settings.main)).chain(settings.backup.as_ref().map(|peer| path("backup", peer))).collect();
        let (failed, failures) = mpsc::unbounded_channel();
        let key = settings::key(settings.key_file.as_deref())?;
        let (proofs, under_way, taken) = Default::default();
        Ok((Arc::new(Self { settings, key, within, every, paths, clock, hub, proofs, under_way, taken, failed }), failures))
    }

    /// The home of an account there.
    pub fn home_of(&self, account: &str) -> Option<&HomeId> {
        self.settings.accounts.iter().find(|(_, known)| known.eq_ignore_ascii_case(account)).map(|(home, _)| home)
    }

    /// Whether the center answered last for a home; nothing where it has no account there, or nobody has looked yet.
    pub fn proof(&self, home: &HomeId) -> Option<Proof> {
        self.proofs.lock().expect("no holder panics").get(home).copied()
    }

    /// R23: whether the center answered when it was looked last.
    pub fn check(&self, home: &Home, now: Timestamp) -> Check {
        let (at, ok, detail) = match self.proof(&home.id) {
            _ if !self.settings.accounts.contains_key(&home.id) => (now, false, "No account at the monitoring center"),
            Some(Proof { at, answered: true }) => (at, true, "Monitoring center answers"),
            Some(Proof { at, answered: false }) => (at, false, "Monitoring center does not answer"),
            None => (now, false, "Monitoring center not asked yet"),
        };
        Check { what: CheckKind::Center, ok, at, detail: detail.into(), count: None }
    }

    /// Says something to the first receiver that takes it. Says which.
    async fn say(&self, home: &HomeId, message: &Message<'_>) -> Result<&'static str, NotTaken> {
        let mut why = NotTaken::NoAnswer;
        for path in &self.paths {
            match self.tell(path, message).await {
                Ok(()) => {
                    self.prove(home, true);
                    return Ok(path.name);
                }
                Err(error) => {
                    tracing::warn!(%home, receiver = path.name, peer = %path.peer, %error, "a receiving center did not take a message");
                    why = error;
                }
            }
        }
        self.prove(home, false);
        Err(why)
    }

    fn prove(&self, home: &HomeId, answered: bool) {
        let proof = Proof { at: self.clock.now(), answered };
        let before = self.proofs.lock().expect("no holder panics").insert(home.clone(), proof);
        if before.map(|before| before.answered) != Some(answered) {
            self.hub.home_changed(home.clone());
        }
    }

    /// Tells one receiver, again with the same number where no answer comes.
    async fn tell(&self, path: &Path, message: &Message<'_>) -> Result<(), NotTaken> {
        let sequence = path.sequence.fetch_update(Relaxed, Relaxed, |last| Some(last % 9_999 + 1)).map_or(1, |last| last % 9_999 + 1);
        let line = Line { key: self.key.as_ref(), within: self.within };
        for _ in 0..TRIES {
            let ahead = path.ahead_s.load(Relaxed);
            let now = self.clock.now();
            let at =
                if ahead < 0 { now - Duration::from_secs(ahead.unsigned_abs()) } else { now + Duration::from_secs(ahead.unsigned_abs()) };
            let frame = Frame {
                id: message.id.clone(),
                sequence,
                receiver: Some(self.settings.receiver.clone()),
                line: self.settings.line.clone(),
                account: Some(message.account.into()),
                data: message.data.clone(),
                extra: message.extra.clone(),
                at: Some(at),
                sealed: self.key.is_some(),
            };
            let until = instant() + self.within;
            match line.ask(&path.peer, &frame, until).await {
                Ok(Frame { id: Id::Ack, .. }) => return Ok(()),
                Ok(Frame { id: Id::Nak, at: Some(theirs), .. }) => {
                    // Its time counts there, whatever it is.
                    let ahead = (theirs.as_millis() as i64 - self.clock.now().as_millis() as i64).div_euclid(1_000);
                    // It is not sealed: frames that are stamped with tomorrow could be kept and played back then.
                    if self.key.is_some() && ahead.unsigned_abs() > AHEAD_MOST.as_secs() {
                        tracing::warn!(receiver = path.name, ahead, "a receiving center's time is too far away to be believed");
                        continue;
                    }
                    tracing::info!(receiver = path.name, ahead, "a receiving center has another time");
                    path.ahead_s.store(ahead, Relaxed);
                }
                Ok(Frame { id: Id::Duh, .. }) => return Err(NotTaken::NotUnderstood),
                // Nobody is there: the other receiver is told at once.
                Err(Silence::Refused) => return Err(NotTaken::NoAnswer),
                Ok(_) | Err(Silence::Nothing) => {}
            }
        }
        Err(NotTaken::NoAnswer)
    }
}

/// In letters that every receiver takes.
fn ascii(text: &str, most: usize) -> String {
    text.nfkd().filter(|c| c.is_ascii() && !c.is_ascii_control()).take(most).collect()
}

/// Which zone a service is.
const fn zone(service: Service) -> u16 {
    match service {
        Service::Police => 1,
        Service::Fire => 2,
        Service::Medical => 3,
    }
}

#[async_trait]
impl WayOut for Receiver {
    fn queued(&self, effect: &Effect) {
        if matches!(effect.kind, EffectKind::SignalReceiver { .. }) {
            self.under_way.lock().expect("no holder panics").entry(effect.incident).or_default().insert(effect.seq);
        }
    }

    async fn carry_out(&self, effect: &Effect) -> Result<Option<Command>, NotCarried> {
        let EffectKind::SignalReceiver { services, signal, quiet, site, place, notes, at } = &effect.kind else { return Ok(None) };
        let alarm = *signal == Told::Alarm && effect.mode == Mode::Live;
        if *signal != Told::Alarm && self.is_preceded(effect) {
            return Err(NotCarried("the alarm itself is still on its way".into()));
        }
        let Some(account) = self.settings.accounts.get(&effect.home) else {
            tracing::error!(incident = %effect.incident, home = %effect.home, "this home has no account at the receiving center");
            self.is_settled(effect);
            return Ok(alarm.then_some(Command::Signaled { receiver: None }));
        };
        let mut receiver = None;
        for service in services {
            if self.taken.lock().expect("no holder panics").contains(&(effect.key.clone(), *service)) {
                continue;
            }
            // A receiver that is told of a duress code does not call the home.
            let event = quiet.map_or(Signal::Help(*service), Signal::Quiet);
            let code = match (effect.mode, signal) {
                (Mode::Drill, _) => Code::new(Signal::Test, zone(*service)),
                (Mode::Live, Told::Cancel) => Code::new(Signal::Cancel, zone(*service)),
                (Mode::Live, Told::Alarm) => Code::new(event, zone(*service)),
                (Mode::Live, Told::Restore) => Code { qualifier: Qualifier::Restore, ..Code::new(event, zone(*service)) },
            };
            let message = self.message(account, code, [site, place, notes], *at);
            match self.say(&effect.home, &message).await {
                Ok(taken) => receiver = Some(taken),
                Err(error) => {
                    if alarm {
                        // The worker ends only with the server.
                        let _ = self.failed.send(effect.incident);
                    }
                    return Err(NotCarried(format!("no receiving center took it: {error}")));
                }
            }
            self.taken.lock().expect("no holder panics").insert((effect.key.clone(), *service));
        }
        self.is_settled(effect);
        Ok(receiver.filter(|_| alarm).map(|receiver| Command::Signaled { receiver: Some(receiver.into()) }))
    }

    fn gave_up(&self, effect: &Effect) -> Option<Command> {
        self.is_settled(effect);
        matches!(effect.kind, EffectKind::SignalReceiver { signal: Told::Alarm, .. }).then_some(Command::Signaled { receiver: None })
    }
}

impl Receiver {
    /// Whether an earlier message of the same incident is not settled.
    fn is_preceded(&self, effect: &Effect) -> bool {
        let under_way = self.under_way.lock().expect("no holder panics");
        under_way.get(&effect.incident).and_then(BTreeSet::first).is_some_and(|first| *first < effect.seq)
    }

    /// Nothing of it is on its way any more.
    fn is_settled(&self, effect: &Effect) {
        let mut under_way = self.under_way.lock().expect("no holder panics");
        if let Some(waiting) = under_way.get_mut(&effect.incident) {
            waiting.remove(&effect.seq);
            if waiting.is_empty() {
                under_way.remove(&effect.incident);
            }
        }
        drop(under_way);
        self.taken.lock().expect("no holder panics").retain(|(key, _)| *key != effect.key);
    }

    /// In the words of the configuration. Contact ID carries one piece of x-data: some receivers refuse more.
    fn message<'m>(&self, account: &'m str, code: Code, [site, place, notes]: [&str; 3], at: Timestamp) -> Message<'m> {
        let manual = "TM".to_owned();
        let (id, extra) = match self.settings.format {
            Format::AdmCid => (Id::AdmCid, vec![manual]),
            Format::SiaDcs => {
                let text = at.to_string();
                let when = format!("H{},{}-{}", &text[11..19], &text[5..10], &text[..4]);
                let mut extra = vec![format!("S{}", ascii(site, TEXT_MOST)), format!("L{}", ascii(place, TEXT_MOST)), manual, when];
                // A gate's code is for nobody on the way.
                if self.key.is_some() && !notes.is_empty() {
                    extra.push(format!("I{}", ascii(notes, NOTES_MOST)));
                }
                (Id::SiaDcs, extra)
            }
        };
        Message { account, id, data: code.encode(self.settings.format, account), extra }
    }
}

/// The same center, for practice: it is told of tests, and of nothing else (I18).
pub struct DrillReceiver(pub Arc<Receiver>);

#[async_trait]
impl WayOut for DrillReceiver {
    fn queued(&self, effect: &Effect) {
        if is_practice_alarm(effect) {
            self.0.queued(effect);
        }
    }

    async fn carry_out(&self, effect: &Effect) -> Result<Option<Command>, NotCarried> {
        if is_practice_alarm(effect) { self.0.carry_out(effect).await } else { Ok(None) }
    }

    fn gave_up(&self, effect: &Effect) -> Option<Command> {
        if is_practice_alarm(effect) { self.0.gave_up(effect) } else { None }
    }
}

fn is_practice_alarm(effect: &Effect) -> bool {
    effect.mode == Mode::Drill && matches!(effect.kind, EffectKind::SignalReceiver { signal: Told::Alarm, .. })
}

/// Says on the timeline at once that nobody takes an alarm, while it is tried again.
pub async fn tell_what_fails(mut failures: mpsc::UnboundedReceiver<IncidentId>, engine: Engine) {
    while let Some(incident) = failures.recv().await {
        if let Err(denied) = engine.give(incident, Command::Signaled { receiver: None }).await {
            tracing::debug!(%incident, ?denied, "an incident was not told that nobody takes its alarm");
        }
    }
}

/// Looks again and again whether the center answers for each home, until the server stops (R23).
pub fn supervise(receiver: &Arc<Receiver>, tasks: &Tasks) {
    for (home, account) in receiver.settings.accounts.clone() {
        let (receiver, mut stop) = (receiver.clone(), tasks.stop());
        tasks.spawn("tests of the receiving center", async move {
            loop {
                let message = Message { account: &account, id: Id::Null, data: String::new(), extra: Vec::new() };
                // Anything that was acknowledged meanwhile says the same.
                let fresh = receiver.proof(&home).is_some_and(|proof| proof.answered && proof.at + receiver.every > receiver.clock.now());
                if !fresh {
                    let _ = receiver.say(&home, &message).await;
                }
                tokio::select! {
                    _ = stop.wait_for(|stop| *stop) => return,
                    () = tokio::time::sleep(receiver.every) => {}
                }
            }
        });
    }
}
