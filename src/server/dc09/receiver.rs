//! The receiving center for alarm panels and other Bucklers (ANSI/SIA DC-09). An alarm becomes an
//! incident of the account's home, and is acknowledged only after it is stored.

mod events;
mod kept_alarms;
mod sockets;

use super::{
    codec::{Code, Format, Frame, Id, Key, NotAFrame, PAD, Qualifier, Signal},
    reuse::Reuse,
    settings::{self, Panel, SettingsError, Unproven},
};
use crate::{
    api::statistics,
    domain::{
        id::{HomeId, IncidentId},
        incident::Policy,
        time::Timestamp,
    },
    server::{
        clock::Clock,
        engine::{Denied, Engine, device::Ids},
        homes::Homes,
        limits::LogLimit,
        stopped,
    },
};
use events::act;
pub use kept_alarms::KeptAlarms;
use sockets::{over_tcp, over_udp};
use std::{
    collections::{HashMap, VecDeque},
    io,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{
    net::{TcpListener, UdpSocket},
    sync::watch,
};
use uuid::Uuid;

/// The limits for the time of a message, compared to this server's clock. They also limit how far a
/// panel's clock may be off.
const LATE: Duration = Duration::from_secs(40);
const EARLY: Duration = Duration::from_secs(20);
/// The number of a panel's last messages in which duplicates are recognized.
const KNOWN: usize = 64;
/// How long a duplicate of a message with a time is recognized.
const KNOWN_FOR: Duration = Duration::from_secs(600);
/// How long the same message without a time counts as a retry. A panel that gets no answer retries
/// within seconds.
const RETRIED_WITHIN: Duration = Duration::from_secs(30);

/// The account of an alarm panel.
struct Account {
    home: HomeId,
    key: Option<Key>,
    unproven: Option<Unproven>,
    heard: Mutex<RecentMessages>,
    /// What was encrypted with the key lately.
    reuse: Reuse,
    damaged: Mutex<Damaged>,
    /// For messages in its name that are not taken. Anybody who reaches the port can send them.
    refusals: LogLimit,
    /// Held while a message is handled: one at a time per panel, so that of two copies the second
    /// is recognized as a duplicate.
    turn: tokio::sync::Mutex<()>,
}

/// The damaged messages of the current minute.
#[derive(Default)]
struct Damaged {
    since: Duration,
    count: u32,
}

/// The most damaged messages of an account whose lines are logged in a minute. Anybody who reaches the
/// port can send them.
const DAMAGED_LOGGED: u32 = 3;

/// The last messages of a panel.
#[derive(Default)]
struct RecentMessages {
    at: Option<Timestamp>,
    known: VecDeque<AcknowledgedMessage>,
    /// Alarms that were acknowledged and that the panel has not restored since.
    alarms: VecDeque<(Signal, u16)>,
    /// Whether the store does not have these alarms yet.
    is_unwritten: bool,
}

/// A message that was acknowledged.
struct AcknowledgedMessage {
    sequence: u16,
    data: String,
    /// When the panel sent it, if the message has a time.
    sent_at: Option<Timestamp>,
    heard_at: Timestamp,
    /// The incident that it began or joined.
    incident: Option<IncidentId>,
}

/// The accounts of the panels that may signal to this server.
pub struct Receiver {
    accounts: HashMap<String, Account>,
    /// For messages of unknown accounts.
    unknown: LogLimit,
}

/// The answer to a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Taken, from a known account.
    Ack,
    /// Wrong time, from a known account.
    Nak,
    /// Not understood, or from an unknown account.
    Duh,
    /// No answer, because the event could not be applied. The panel sends it again.
    Nothing,
}

impl Receiver {
    /// Creates the accounts from the configuration.
    ///
    /// # Errors
    /// A key that cannot be read.
    pub fn new(settings: &settings::Listener) -> Result<Arc<Self>, SettingsError> {
        let account = |(account, panel): (&String, &Panel)| {
            Ok((
                account.to_ascii_uppercase(),
                Account {
                    home: panel.home.clone(),
                    key: settings::key(panel.key_file.as_deref())?,
                    unproven: panel.unproven,
                    heard: Mutex::default(),
                    reuse: Reuse::default(),
                    damaged: Mutex::default(),
                    refusals: LogLimit::new(),
                    turn: Default::default(),
                },
            ))
        };
        Ok(Arc::new(Self {
            accounts: settings
                .accounts
                .iter()
                .map(account)
                .collect::<Result<_, SettingsError>>()?,
            unknown: LogLimit::new(),
        }))
    }

    /// The account of a home's panel.
    pub fn account_of(&self, home: &HomeId) -> Option<&str> {
        self.accounts
            .iter()
            .filter(|(_, account)| account.home == *home)
            .map(|(name, _)| name.as_str())
            .min()
    }

    /// Every account, and when its panel was last heard.
    pub fn all_heard(&self) -> Vec<statistics::Panel> {
        let heard = |account: &Account| account.heard.lock().expect("no holder panics").at;
        let mut all: Vec<_> = self
            .accounts
            .iter()
            .map(|(name, account)| statistics::Panel {
                account: name.clone(),
                heard_at: heard(account),
            })
            .collect();
        all.sort_by(|one, other| one.account.cmp(&other.account));
        all
    }

    /// When a home's panel was last heard.
    pub fn heard(&self, home: &HomeId) -> Option<Timestamp> {
        let of = self.accounts.values().filter(|account| account.home == *home);
        of.filter_map(|account| account.heard.lock().expect("no holder panics").at).max()
    }

    fn account(&self, frame: Option<&str>) -> Option<&Account> {
        self.accounts.get(&frame?.to_ascii_uppercase())
    }

    /// Takes one frame. Returns its answer, encoded, after its events are stored. `None` for no answer.
    pub async fn hear(
        &self,
        source: &Source,
        bytes: &[u8],
        from: &str,
    ) -> Option<(Answer, Vec<u8>)> {
        let mut sealed_by = None;
        let frame = Frame::decode(bytes, |account| {
            sealed_by = self.account(account);
            sealed_by?.key.as_ref()
        });
        let uptime = source.clock.uptime();
        // An attacker learns something about the plaintext from any answer, so there is none.
        if let Some(account) = sealed_by.filter(|account| !account.reuse.takes(bytes, uptime)) {
            account.note_damaged(from, uptime, "it is made of an earlier message");
            return None;
        }
        let frame = match (frame, sealed_by) {
            (Ok(frame), _) => frame,
            (Err(NotAFrame::Key), Some(account)) => {
                account.note_damaged(from, uptime, "it is encrypted with another key");
                return None;
            }
            (Err(_), _) => return None,
        };
        let account = self.account(frame.account.as_deref());
        if let (true, Some(account)) = (frame.sealed, account) {
            if let Some(why) = frame.lacks() {
                account.note_damaged(from, uptime, why);
                return None;
            }
            account.reuse.note_genuine(bytes, uptime);
        }
        let answer = self.understood(source, account, &frame, from).await;
        let id = match answer {
            Answer::Ack => Id::Ack,
            Answer::Nak => Id::Nak,
            Answer::Duh => Id::Duh,
            Answer::Nothing => return None,
        };
        let reply = frame.answer(id, source.clock.now());
        let key = account.and_then(|account| account.key.as_ref()).filter(|_| reply.sealed);
        let mut pad = [b'A'; PAD];
        if getrandom::fill(&mut pad).is_ok() {
            pad = pad.map(|byte| b'A' + byte % 26);
        }
        let encoded = reply.encode(key.map(|key| (key, &pad)));
        if let (Some(account), Some(_)) = (account, key) {
            // It is no message of the panel.
            account.reuse.sends(&encoded, source.clock.uptime());
        }
        Some((answer, encoded))
    }

    async fn understood(
        &self,
        source: &Source,
        account: Option<&Account>,
        frame: &Frame,
        from: &str,
    ) -> Answer {
        let outer = frame.account.as_deref().unwrap_or_default();
        let Some(account) = account else {
            if self.unknown.allows() {
                tracing::warn!(from, account = ?outer, "an alarm panel named an unknown account");
            }
            return Answer::Duh;
        };
        if account.key.is_some() != frame.sealed {
            return account.refuses(|home| tracing::warn!(from, %home, "an alarm panel that must encrypt sent an unencrypted message"));
        }
        let now = source.clock.now();
        if frame.at.is_some_and(|at| now.since(at) > LATE || at.since(now) > EARLY) {
            return Answer::Nak;
        }
        let format = match frame.id {
            Id::AdmCid => Format::AdmCid,
            Id::SiaDcs => Format::SiaDcs,
            Id::Null => {
                account.heard.lock().expect("no holder panics").at = Some(now);
                return Answer::Ack;
            }
            _ => return Answer::Duh,
        };
        // A sender with one account's key must not signal for another account.
        if frame.inner_account().is_some_and(|inner| !inner.eq_ignore_ascii_case(outer)) {
            return account.refuses(|home| tracing::warn!(from, %home, "an alarm panel's message names another account"));
        }
        let codes = Code::decode(format, &frame.data);
        if codes.is_empty() {
            return account.refuses(|home| tracing::warn!(from, %home, data = frame.data, "could not parse an alarm panel's event"));
        }
        if codes.iter().all(|code| code.signal == Signal::NotServed) {
            // An acknowledgment would claim that somebody acts on it.
            return account.refuses(|home| tracing::warn!(from, %home, data = frame.data, "an alarm panel sent an alarm that this center does not serve"));
        }
        let _turn = account.turn.lock().await;
        if account.knows(source, frame, now) {
            return Answer::Ack;
        }
        let names = (frame.incident(), frame.request());
        let incident = match account.act_on_all(source, codes, names).await {
            Ok(incident) => incident,
            Err(denied) => {
                tracing::error!(from, home = %account.home, ?denied, "could not apply an alarm panel's event");
                return Answer::Nothing;
            }
        };
        account.remember(frame, now, incident);
        Answer::Ack
    }
}

impl Account {
    /// A message in its name is not taken. Only some of them are logged.
    fn refuses(&self, log: impl FnOnce(&HomeId)) -> Answer {
        if self.refusals.allows() {
            log(&self.home);
        }
        Answer::Duh
    }

    /// An encrypted message was damaged or changed on its way. Only some of them are logged.
    fn note_damaged(&self, from: &str, now: Duration, why: &'static str) {
        let mut damaged = self.damaged.lock().expect("no holder panics");
        if now.saturating_sub(damaged.since) > Duration::from_secs(60) {
            if damaged.count > DAMAGED_LOGGED {
                tracing::warn!(home = %self.home, count = damaged.count, "so many damaged messages in the name of an alarm panel were ignored");
            }
            *damaged = Damaged { since: now, count: 0 };
        }
        damaged.count += 1;
        if damaged.count <= DAMAGED_LOGGED {
            tracing::warn!(from, home = %self.home, why, "an encrypted message in the name of an alarm panel was ignored");
        }
    }

    /// Whether this message was acknowledged before, so that it is a retry or a replay.
    ///
    /// Panels without a counter send every message with the same number, so a different time means
    /// a different message. Without times, the same message is a retry only within
    /// [`RETRIED_WITHIN`], and only while its incident runs: a press after the end is a new
    /// request.
    fn knows(&self, source: &Source, frame: &Frame, now: Timestamp) -> bool {
        let mut heard = self.heard.lock().expect("no holder panics");
        heard.known.retain(|known| now.since(known.heard_at) <= KNOWN_FOR);
        heard.known.iter().any(|known| {
            let is_retry = match (known.sent_at, frame.at) {
                (Some(sent), Some(at)) => sent == at,
                (None, None) => {
                    let is_over =
                        known.incident.is_some_and(|id| source.engine.view().by_id(id).is_none());
                    now.since(known.heard_at) <= RETRIED_WITHIN && !is_over
                }
                _ => false,
            };
            is_retry && known.sequence == frame.sequence && known.data == frame.data
        })
    }

    /// Applies the events of a message, which may name an incident of the home's own server and what
    /// that server requests. Returns the last incident that one began or joined.
    async fn act_on_all(
        &self,
        source: &Source,
        codes: Vec<Code>,
        names: (Option<IncidentId>, Option<Uuid>),
    ) -> Result<Option<IncidentId>, Denied> {
        let mut incident = None;
        for code in codes {
            if self.has_been_told(source, code) {
                tracing::info!(home = %self.home, zone = code.zone, "an alarm panel says that an alarm continues, which is over here");
                continue;
            }
            incident = act(source, (&self.home, self.unproven), code, names).await?.or(incident);
            self.remember_alarm(code);
            if code.signal == Signal::Cancel {
                self.forget_untimed();
            }
        }
        Ok(incident)
    }

    /// Forgets the messages without a time before a cancel. A panel that numbers every message alike
    /// and says afterward what it said before has been asked again: it does not retry.
    fn forget_untimed(&self) {
        let mut heard = self.heard.lock().expect("no holder panics");
        heard.known.retain(|known| known.sent_at.is_some());
    }

    /// Whether the panel only says that an alarm continues that was acknowledged before, and whose
    /// incident is over. Somebody has called it off or dealt with it, so it begins nothing anew.
    fn has_been_told(&self, source: &Source, code: Code) -> bool {
        let view = source.engine.view();
        let runs = match code.signal {
            Signal::Quiet(_) => view.quiet_in(&self.home).is_some(),
            _ => view.running_in(&self.home).is_some(),
        };
        let heard = self.heard.lock().expect("no holder panics");
        code.qualifier == Qualifier::Still
            && !runs
            && heard.alarms.contains(&(code.signal, code.zone))
    }

    fn remember_alarm(&self, Code { qualifier, signal, zone }: Code) {
        if !matches!(signal, Signal::Help(_) | Signal::Quiet(_)) {
            return;
        }
        let mut heard = self.heard.lock().expect("no holder panics");
        heard.is_unwritten = true;
        heard.alarms.retain(|known| *known != (signal, zone));
        if qualifier != Qualifier::Restore {
            if heard.alarms.len() == KNOWN {
                heard.alarms.pop_front();
            }
            heard.alarms.push_back((signal, zone));
        }
    }

    fn remember(&self, frame: &Frame, now: Timestamp, incident: Option<IncidentId>) {
        let mut heard = self.heard.lock().expect("no holder panics");
        heard.at = Some(now);
        if heard.known.len() == KNOWN {
            heard.known.pop_front();
        }
        let (sequence, data, sent_at) = (frame.sequence, frame.data.clone(), frame.at);
        heard.known.push_back(AcknowledgedMessage {
            sequence,
            data,
            sent_at,
            heard_at: now,
            incident,
        });
    }
}

/// The socket on which the server listens.
pub enum Socket {
    /// TCP connections.
    Tcp(TcpListener),
    /// UDP datagrams.
    Udp(UdpSocket),
}

/// Opens a socket on the address of the configuration.
///
/// # Errors
/// The address cannot be bound.
pub async fn open(settings: &settings::Listener) -> io::Result<Socket> {
    Ok(match &settings.listen {
        settings::Peer { udp: false, at } => Socket::Tcp(TcpListener::bind(at).await?),
        settings::Peer { udp: true, at } => Socket::Udp(UdpSocket::bind(at).await?),
    })
}

/// What alarms of panels act on.
pub struct Source {
    /// Takes requests.
    pub engine: Engine,
    /// The homes.
    pub homes: Arc<Homes>,
    /// The clock.
    pub clock: Arc<Clock>,
    /// The timers of new incidents.
    pub policy: Policy,
    /// Makes the ids of requests.
    pub ids: Ids,
    /// Becomes true when the server stops.
    pub stop: watch::Receiver<bool>,
}

/// Serves panels, until the server stops.
pub async fn listen(
    source: Arc<Source>,
    kept: KeptAlarms,
    receiver: Arc<Receiver>,
    socket: Socket,
) {
    let mut stop = source.stop.clone();
    receiver.read_alarms(&source, &kept).await;
    let serve = async {
        let (source, receiver) = (source.clone(), receiver.clone());
        match socket {
            Socket::Tcp(listener) => over_tcp(source, receiver, listener).await,
            Socket::Udp(socket) => over_udp(source, receiver, Arc::new(socket)).await,
        }
    };
    tokio::select! {
        () = stopped(&mut stop) => {}
        () = kept_alarms::keep(&kept, &receiver) => {}
        () = serve => {}
    }
    receiver.write_alarms(&kept).await;
}
