//! Signals a third party's receiving center (ANSI/SIA DC-09): alarms, cancellations, restores, and
//! supervision of the line.
//!
//! It never delays anything else: the automatic center calls in parallel. If the main receiver does
//! not acknowledge a message, the backup gets it. If neither does, the timeline says so, and both
//! are retried.

mod exchange;
mod probe;

use super::{
    codec::{Code, Format, Frame, Id, Key, Qualifier, Signal, named_uuid, naming, stamp},
    line::{Lines, Sockets},
    reuse::Reuse,
    settings::{self, Peer, SettingsError},
};
use crate::{
    api::home::{Check, CheckKind},
    domain::{
        home::Home,
        id::{HomeId, IncidentId},
        incident::{
            Mode, Service,
            command::Command,
            effect::{Effect, EffectKind, Signal as EffectSignal},
        },
        time::Timestamp,
    },
    server::{
        clock::{Clock, instant},
        engine::{
            Engine,
            outbox::{EffectHandler, ExecuteError},
        },
        live_events::LiveEvents,
        tasks::{Stage, Tasks, contained},
    },
};
use async_trait::async_trait;
use exchange::{ANSWER_AGE_MOST, Exchange, Silence};
pub use probe::probe;
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
use uuid::Uuid;

/// The tries with one receiver before the other one. The standard gives no number.
const TRIES: usize = 3;
/// If messages are encrypted, the most that a receiver's time in an unencrypted NAK may differ from
/// this server's.
const AHEAD_MOST: Duration = Duration::from_secs(15 * 60);
/// How long an encrypted answer is remembered. A forged NAK can move the time of messages by
/// [`AHEAD_MOST`], and the clock of the receiver that encrypted the answer may be off by as much.
const ANSWERS_REMEMBERED: Duration =
    Duration::from_secs(2 * AHEAD_MOST.as_secs() + ANSWER_AGE_MOST.as_secs());
/// The most messages that are remembered, those that were sent included: of some hundred homes.
const ANSWERS_MOST: usize = 16_384;
/// The longest text in a piece of x-data, characters.
const TEXT_MOST: usize = 60;
/// The longest notes for responders in a piece of x-data, characters.
const NOTES_MOST: usize = 400;
/// The longest list of recent changes in a piece of x-data, characters: one of each part of a home.
const CHANGES_MOST: usize = 160;
/// The name of the task that tests whether the center answers for a home.
const SUPERVISION: &str = "tests of the receiving center";

/// The transmission path to one of the receivers.
struct TransmissionPath {
    name: &'static str,
    peer: Peer,
    sequence: AtomicU16,
    /// How far its clock is ahead of this server's, seconds, as a NAK reported it.
    ahead_s: AtomicI64,
}

/// Why a receiver did not acknowledge a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
enum NotTaken {
    #[error("nobody answers there")]
    NoAnswer,
    #[error("it does not know the account or the code")]
    NotUnderstood,
}

/// The outcome of the last message to the receiving center for a home.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proof {
    /// When the outcome was known.
    pub at: Timestamp,
    /// Whether a receiver acknowledged it.
    pub answered: bool,
}

/// The effect handler for a receiving center.
pub struct Transmitter {
    settings: settings::Receiver,
    lines: Arc<dyn Lines>,
    key: Option<Key>,
    reuse: Reuse,
    within: Duration,
    every: Duration,
    paths: Vec<TransmissionPath>,
    clock: Arc<Clock>,
    live_events: Arc<LiveEvents>,
    proofs: Mutex<HashMap<HomeId, Proof>>,
    /// The unsettled messages of each incident, by the number of their fact. A cancellation or
    /// restore waits for all earlier ones, so that no receiver gets it before the alarm.
    under_way: Mutex<HashMap<IncidentId, BTreeSet<u32>>>,
    /// The services of unsettled effects that were acknowledged. They are not sent again.
    taken: Mutex<HashSet<(String, Service)>>,
    failed: mpsc::UnboundedSender<IncidentId>,
}

/// The message about one event.
struct Message<'m> {
    account: &'m str,
    id: Id,
    data: String,
    extra: Vec<String>,
}

impl Transmitter {
    /// Creates the handler, and the queue of incidents whose alarm no receiver acknowledged, for
    /// [`record_failures`].
    ///
    /// # Errors
    /// A key that cannot be read, or times that are not allowed.
    pub fn new(
        settings: settings::Receiver,
        clock: Arc<Clock>,
        live_events: Arc<LiveEvents>,
    ) -> Result<(Arc<Self>, mpsc::UnboundedReceiver<IncidentId>), SettingsError> {
        Self::new_over(Arc::new(Sockets), settings, clock, live_events)
    }

    /// Creates the handler over other lines, for tests.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn new_over(
        lines: Arc<dyn Lines>,
        settings: settings::Receiver,
        clock: Arc<Clock>,
        live_events: Arc<LiveEvents>,
    ) -> Result<(Arc<Self>, mpsc::UnboundedReceiver<IncidentId>), SettingsError> {
        let (every, within) = settings.times()?;
        let path = |name, peer: &Peer| TransmissionPath {
            name,
            peer: peer.clone(),
            sequence: AtomicU16::new(0),
            ahead_s: AtomicI64::new(0),
        };
        let paths = std::iter::once(path("main", &settings.main))
            .chain(settings.backup.as_ref().map(|peer| path("backup", peer)))
            .collect();
        let (failed, failures) = mpsc::unbounded_channel();
        let key = settings::key(settings.key_file.as_deref())?;
        let (proofs, under_way, taken) = Default::default();
        Ok((
            Arc::new(Self {
                settings,
                lines,
                key,
                reuse: Reuse::remembering(ANSWERS_REMEMBERED, ANSWERS_MOST),
                within,
                every,
                paths,
                clock,
                live_events,
                proofs,
                under_way,
                taken,
                failed,
            }),
            failures,
        ))
    }

    /// The home of an account at the receiving center.
    pub fn home_of(&self, account: &str) -> Option<&HomeId> {
        self.settings
            .accounts
            .iter()
            .find(|(_, known)| known.eq_ignore_ascii_case(account))
            .map(|(home, _)| home)
    }

    /// The outcome of the last message for a home. `None` if the home has no account there, or
    /// nothing was sent yet.
    pub fn proof(&self, home: &HomeId) -> Option<Proof> {
        self.proofs.lock().expect("no holder panics").get(home).copied()
    }

    /// R23: whether the center acknowledged the last message.
    pub fn check(&self, home: &Home, now: Timestamp) -> Check {
        let (at, ok, detail) = match self.proof(&home.id) {
            _ if !self.settings.accounts.contains_key(&home.id) => {
                (now, false, "No account at the monitoring center")
            }
            Some(Proof { at, answered: true }) => (at, true, "Monitoring center answers"),
            Some(Proof { at, answered: false }) => (at, false, "Monitoring center does not answer"),
            None => (now, false, "Monitoring center not asked yet"),
        };
        Check { what: CheckKind::Center.into(), ok, at, detail: detail.into(), count: None }
    }

    /// Sends a message to the first receiver that acknowledges it. Returns the receiver's name.
    async fn say(&self, home: &HomeId, message: &Message<'_>) -> Result<&'static str, NotTaken> {
        let mut why = NotTaken::NoAnswer;
        for path in &self.paths {
            match self.tell(path, message).await {
                Ok(()) => {
                    self.prove(home, true);
                    return Ok(path.name);
                }
                Err(error) => {
                    tracing::warn!(%home, receiver = path.name, peer = %path.peer, %error, "a receiver did not acknowledge a message");
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
            self.live_events.home_changed(home.clone());
        }
    }

    /// Sends a message to one receiver. Retries carry the same number.
    async fn tell(&self, path: &TransmissionPath, message: &Message<'_>) -> Result<(), NotTaken> {
        let sequence = path
            .sequence
            .fetch_update(Relaxed, Relaxed, |last| Some(last % 9_999 + 1))
            .map_or(1, |last| last % 9_999 + 1);
        let exchange = Exchange {
            lines: &*self.lines,
            key: self.key.as_ref(),
            reuse: &self.reuse,
            clock: &self.clock,
            within: self.within,
        };
        for _ in 0..TRIES {
            let ahead = path.ahead_s.load(Relaxed);
            let now = self.clock.now();
            let at = if ahead < 0 {
                now - Duration::from_secs(ahead.unsigned_abs())
            } else {
                now + Duration::from_secs(ahead.unsigned_abs())
            };
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
            match exchange.ask(&path.peer, &frame, until).await {
                Ok(Frame { id: Id::Ack, .. }) => return Ok(()),
                Ok(Frame { id: Id::Nak, at: Some(theirs), .. }) => {
                    // The receiver expects its own time.
                    let ahead = (theirs.as_millis() as i64 - self.clock.now().as_millis() as i64)
                        .div_euclid(1_000);
                    // A NAK is not encrypted. A forged one could make this server send frames with
                    // a future time, to be replayed then.
                    if self.key.is_some() && ahead.unsigned_abs() > AHEAD_MOST.as_secs() {
                        tracing::warn!(
                            receiver = path.name,
                            ahead,
                            "a receiver's time differs too much; it is ignored"
                        );
                        continue;
                    }
                    tracing::info!(
                        receiver = path.name,
                        ahead,
                        "a receiver's time differs; it is used for messages to the receiver"
                    );
                    path.ahead_s.store(ahead, Relaxed);
                }
                Ok(Frame { id: Id::Duh, .. }) => return Err(NotTaken::NotUnderstood),
                // The connection failed: use the other receiver at once.
                Err(Silence::Refused) => return Err(NotTaken::NoAnswer),
                Ok(_) | Err(Silence::Nothing) => {}
            }
        }
        Err(NotTaken::NoAnswer)
    }
}

/// Reduces a text to characters that every receiver accepts.
fn ascii(text: &str, most: usize) -> String {
    text.nfkd().filter(|c| c.is_ascii() && !c.is_ascii_control()).take(most).collect()
}

/// The zone of a service.
const fn zone(service: Service) -> u16 {
    match service {
        Service::Police => 1,
        Service::Fire => 2,
        Service::Medical => 3,
    }
}

#[async_trait]
impl EffectHandler for Transmitter {
    fn queued(&self, effect: &Effect) {
        if matches!(effect.kind, EffectKind::SignalReceiver { .. }) {
            self.under_way
                .lock()
                .expect("no holder panics")
                .entry(effect.incident)
                .or_default()
                .insert(effect.seq);
        }
    }

    async fn execute(&self, effect: &Effect) -> Result<Option<Command>, ExecuteError> {
        let EffectKind::SignalReceiver { services, signal, quiet, site, place, notes, changes, at } =
            &effect.kind
        else {
            return Ok(None);
        };
        let alarm = *signal == EffectSignal::Alarm && effect.mode == Mode::Live;
        if *signal != EffectSignal::Alarm && self.is_preceded(effect) {
            return Err(ExecuteError("the alarm itself is still on its way".into()));
        }
        let Some(account) = self.settings.accounts.get(&effect.home) else {
            tracing::error!(incident = %effect.incident, home = %effect.home, "this home has no account at the receiving center");
            self.is_settled(effect);
            return Ok(alarm.then_some(Command::NoAccount));
        };
        let mut receiver = None;
        for service in services {
            if self
                .taken
                .lock()
                .expect("no holder panics")
                .contains(&(effect.key.clone(), *service))
            {
                continue;
            }
            // The code for duress tells the receiver not to call the home.
            let event = quiet.map_or(Signal::Help(*service), Signal::Quiet);
            let code = match (effect.mode, signal) {
                (Mode::Drill, _) => Code::new(Signal::Test, zone(*service)),
                (Mode::Live, EffectSignal::Cancel) => Code::new(Signal::Cancel, zone(*service)),
                (Mode::Live, EffectSignal::Alarm) => Code::new(event, zone(*service)),
                (Mode::Live, EffectSignal::Restore) => {
                    Code { qualifier: Qualifier::Restore, ..Code::new(event, zone(*service)) }
                }
            };
            let names = naming(effect.incident, Some(request_of(effect, *service, *at)));
            let texts = [site, place, changes, notes].map(String::as_str);
            let message = self.message(account, code, names, texts, *at);
            match self.say(&effect.home, &message).await {
                Ok(taken) => receiver = Some(taken),
                Err(error) => {
                    if alarm {
                        // The worker ends only with the server.
                        let _ = self.failed.send(effect.incident);
                    }
                    return Err(ExecuteError(format!("no receiving center took it: {error}")));
                }
            }
            self.taken.lock().expect("no holder panics").insert((effect.key.clone(), *service));
        }
        self.is_settled(effect);
        Ok(receiver
            .filter(|_| alarm)
            .map(|receiver| Command::Signaled { receiver: Some(receiver.into()) }))
    }

    fn on_expired(&self, effect: &Effect) -> Option<Command> {
        self.is_settled(effect);
        matches!(effect.kind, EffectKind::SignalReceiver { signal: EffectSignal::Alarm, .. })
            .then_some(Command::Signaled { receiver: None })
    }
}

impl Transmitter {
    /// Tests whether the center answers for a home.
    async fn test(&self, home: &HomeId, account: &str) {
        let message = Message { account, id: Id::Null, data: String::new(), extra: Vec::new() };
        // Any message that was acknowledged in the meantime proves the same.
        let fresh = self
            .proof(home)
            .is_some_and(|proof| proof.answered && proof.at + self.every > self.clock.now());
        if !fresh {
            // Its outcome is the proof.
            let _ = self.say(home, &message).await;
        }
    }

    /// Whether an earlier message of the same incident is not settled.
    fn is_preceded(&self, effect: &Effect) -> bool {
        let under_way = self.under_way.lock().expect("no holder panics");
        under_way
            .get(&effect.incident)
            .and_then(BTreeSet::first)
            .is_some_and(|first| *first < effect.seq)
    }

    /// Records that an effect is settled: none of its messages is under way.
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

    /// Builds a message in the configured format. Contact ID has one piece of x-data, because some
    /// receivers refuse more: the incident, which a center repeats in its reports (I24).
    fn message<'m>(
        &self,
        account: &'m str,
        code: Code,
        names: String,
        [site, place, changes, notes]: [&str; 4],
        at: Timestamp,
    ) -> Message<'m> {
        let (id, extra) = match self.settings.format {
            Format::AdmCid => (Id::AdmCid, vec![names]),
            Format::SiaDcs => {
                let mut extra = vec![
                    format!("S{}", ascii(site, TEXT_MOST)),
                    format!("L{}", ascii(place, TEXT_MOST)),
                    "TM".into(),
                    format!("H{}", stamp::written(at)),
                    names,
                ];
                // Notes may contain a gate code, so they are sent only if encrypted.
                let notes = if self.key.is_some() { notes } else { "" };
                let said = [ascii(notes, NOTES_MOST), ascii(changes, CHANGES_MOST)];
                let said: Vec<_> = said.into_iter().filter(|text| !text.is_empty()).collect();
                if !said.is_empty() {
                    extra.push(format!("I{}", said.join("; ")));
                }
                (Id::SiaDcs, extra)
            }
        };
        Message { account, id, data: code.encode(self.settings.format, account), extra }
    }
}

/// The id of what an effect asks of the center for one service. After an older database was put back,
/// another fact may have the same number, but not the same time.
fn request_of(effect: &Effect, service: Service, at: Timestamp) -> Uuid {
    named_uuid(&format!("{} {} {service:?}", effect.key, at.as_millis()))
}

/// The effect handler of drills for the same center. It sends only tests (I18).
pub struct DrillTransmitter(pub Arc<Transmitter>);

#[async_trait]
impl EffectHandler for DrillTransmitter {
    fn queued(&self, effect: &Effect) {
        if is_practice_alarm(effect) {
            self.0.queued(effect);
        }
    }

    async fn execute(&self, effect: &Effect) -> Result<Option<Command>, ExecuteError> {
        if is_practice_alarm(effect) { self.0.execute(effect).await } else { Ok(None) }
    }

    fn on_expired(&self, effect: &Effect) -> Option<Command> {
        if is_practice_alarm(effect) { self.0.on_expired(effect) } else { None }
    }
}

fn is_practice_alarm(effect: &Effect) -> bool {
    effect.mode == Mode::Drill
        && matches!(effect.kind, EffectKind::SignalReceiver { signal: EffectSignal::Alarm, .. })
}

/// Records at once on the timeline that no receiver acknowledged an alarm, while the alarm is
/// retried.
pub async fn record_failures(mut failures: mpsc::UnboundedReceiver<IncidentId>, engine: Engine) {
    while let Some(incident) = failures.recv().await {
        if let Err(denied) = engine.give(incident, Command::Signaled { receiver: None }).await {
            tracing::debug!(%incident, ?denied, "could not record that no receiver acknowledged an alarm");
        }
    }
}

/// Checks regularly whether the center answers for each home, until the server stops (R23).
pub fn supervise(transmitter: &Arc<Transmitter>, tasks: &Tasks) {
    for (home, account) in transmitter.settings.accounts.clone() {
        let transmitter = transmitter.clone();
        tasks.spawn_until(Stage::Outside, SUPERVISION, async move {
            loop {
                contained(SUPERVISION, &home, transmitter.test(&home, &account)).await;
                tokio::time::sleep(transmitter.every).await;
            }
        });
    }
}
