//! Being the receiving center for other people's panels and Bucklers (ANSI/SIA DC-09): what they signal becomes an incident of the home
//! that their account is, and is acknowledged only when that is stored.

use super::{
    dc09::{Code, Cut, Format, Frame, Id, Key, MOST, NotAFrame, PAD, Qualifier, Signal, WAITING_MOST, cut},
    settings::{self, Panel},
};
use crate::{
    api::statistics,
    domain::{
        id::{HomeId, IncidentId},
        incident::{
            Actor, Mode, Request, Service,
            command::{Command, Raise},
        },
        time::Timestamp,
    },
    server::{
        App,
        devices::buttons::{ONE_ID_ONE_REQUEST, raised_by},
        engine::{Current, Denied},
        stopped,
    },
};
use std::{
    collections::{HashMap, VecDeque},
    io,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream, UdpSocket},
    sync::Semaphore,
    time::timeout,
};

/// How late a message may be, and how early: what others send is as old as their clocks are wrong.
const LATE: Duration = Duration::from_secs(40);
const EARLY: Duration = Duration::from_secs(20);
/// A panel that says nothing for so long is let go.
const SAYS_NOTHING: Duration = Duration::from_secs(120);
/// Panels that are connected at once, at most; datagrams that are worked on at once, too.
const AT_ONCE: usize = 2_048;
/// The last messages of a panel that are known again.
const KNOWN: usize = 64;
/// How long a message with a time is known again.
const KNOWN_FOR: Duration = Duration::from_secs(600);
/// How long a message without a time is taken for a retry. A panel sends again within seconds where no answer comes.
const RETRIED_WITHIN: Duration = Duration::from_secs(30);

/// A panel's account.
struct Account {
    home: HomeId,
    key: Option<Key>,
    heard: Mutex<Heard>,
    /// Messages of one panel are worked on one after the other: of two copies at once the second finds what the first did.
    turn: tokio::sync::Mutex<()>,
}

/// What a panel said last.
#[derive(Default)]
struct Heard {
    at: Option<Timestamp>,
    known: VecDeque<Known>,
}

/// A message that was acknowledged.
struct Known {
    sequence: u16,
    data: String,
    /// When the panel sent it, where it says so.
    sent_at: Option<Timestamp>,
    heard_at: Timestamp,
    /// The incident that it began or joined.
    incident: Option<IncidentId>,
}

/// The accounts that may signal here.
pub struct Listening {
    accounts: HashMap<String, Account>,
}

/// What is answered.
enum Answer {
    Ack,
    Nak,
    Duh,
    /// What could not be read, or not be stored: whoever sent it sends it again.
    Nothing,
}

impl Listening {
    /// As the configuration names them.
    ///
    /// # Errors
    /// A key that cannot be read.
    pub fn new(settings: &settings::Listener) -> Result<Arc<Self>, String> {
        let account = |(account, panel): (&String, &Panel)| {
            Ok((
                account.to_ascii_uppercase(),
                Account {
                    home: panel.home.clone(),
                    key: settings::key(panel.key_file.as_deref())?,
                    heard: Mutex::default(),
                    turn: Default::default(),
                },
            ))
        };
        Ok(Arc::new(Self { accounts: settings.accounts.iter().map(account).collect::<Result<_, String>>()? }))
    }

    /// The account of a home's panel.
    pub fn account_of(&self, home: &HomeId) -> Option<&str> {
        self.accounts.iter().filter(|(_, account)| account.home == *home).map(|(name, _)| name.as_str()).min()
    }

    /// Every account, and when its panel was heard last.
    pub fn all_heard(&self) -> Vec<statistics::Panel> {
        let heard = |account: &Account| account.heard.lock().expect("no holder panics").at;
        let mut all: Vec<_> =
            self.accounts.iter().map(|(name, account)| statistics::Panel { account: name.clone(), heard_at: heard(account) }).collect();
        all.sort_by(|one, other| one.account.cmp(&other.account));
        all
    }

    /// When a home's panel was heard last.
    pub fn heard(&self, home: &HomeId) -> Option<Timestamp> {
        let of = self.accounts.values().filter(|account| account.home == *home);
        of.filter_map(|account| account.heard.lock().expect("no holder panics").at).max()
    }

    fn account(&self, frame: Option<&str>) -> Option<&Account> {
        self.accounts.get(&frame?.to_ascii_uppercase())
    }

    /// What is answered to one frame, once what it asks for is stored.
    async fn answer(&self, app: &App, bytes: &[u8], from: &str) -> Option<Vec<u8>> {
        let frame = match Frame::decode(bytes, |account| self.account(account)?.key.as_ref()) {
            Ok(frame) => frame,
            Err(error) => {
                if error == NotAFrame::Key {
                    tracing::warn!(from, "a panel encrypts with a key that is not known");
                }
                return None;
            }
        };
        let account = self.account(frame.account.as_deref());
        let id = match self.understood(app, account, &frame, from).await {
            Answer::Ack => Id::Ack,
            Answer::Nak => Id::Nak,
            Answer::Duh => Id::Duh,
            Answer::Nothing => return None,
        };
        let answer = frame.answer(id, app.clock.now());
        let key = account.and_then(|account| account.key.as_ref()).filter(|_| answer.sealed);
        let mut pad = [b'A'; PAD];
        if getrandom::fill(&mut pad).is_ok() {
            pad = pad.map(|byte| b'A' + byte % 26);
        }
        Some(answer.encode(key.map(|key| (key, &pad))))
    }

    async fn understood(&self, app: &App, account: Option<&Account>, frame: &Frame, from: &str) -> Answer {
        let Some(account) = account else {
            tracing::warn!(from, account = frame.account, "a panel has an account that is not known");
            return Answer::Duh;
        };
        if account.key.is_some() != frame.sealed {
            tracing::warn!(from, home = %account.home, "a panel that must encrypt does not");
            return Answer::Duh;
        }
        let now = app.clock.now();
        if frame.at.map_or(frame.sealed, |at| now.since(at) > LATE || at.since(now) > EARLY) {
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
        // Whoever knows one key must not speak for another account.
        let inner = frame.data.split_once('|').map(|(inner, _)| inner.trim_start_matches('#'));
        if inner.is_some_and(|inner| !inner.is_empty() && !frame.account.as_deref().unwrap_or_default().eq_ignore_ascii_case(inner)) {
            tracing::warn!(from, home = %account.home, "a panel speaks for another account");
            return Answer::Duh;
        }
        let codes = Code::decode(format, &frame.data);
        if codes.is_empty() {
            tracing::warn!(from, home = %account.home, data = frame.data, "a panel's message cannot be read");
            return Answer::Duh;
        }
        if codes.iter().all(|code| code.signal == Signal::NotServed) {
            // An acknowledgment would say that somebody acts on it.
            tracing::warn!(from, home = %account.home, data = frame.data, "a panel signals an alarm for which nobody can be sent");
            return Answer::Duh;
        }
        let _turn = account.turn.lock().await;
        if account.knows(app, frame, now) {
            return Answer::Ack;
        }
        let mut incident = None;
        for code in codes {
            match act(app, &account.home, code).await {
                Ok(acted_on) => incident = acted_on.or(incident),
                Err(denied) => {
                    tracing::error!(from, home = %account.home, ?denied, "what a panel signaled could not be stored");
                    return Answer::Nothing;
                }
            }
        }
        account.remember(frame, now, incident);
        Answer::Ack
    }
}

impl Account {
    /// Whether this very message was acknowledged before: a retry, or a playback.
    ///
    /// Panels without a counter send every message with the same number, so another time makes another message. Without a time it is
    /// a retry only for some seconds, and only while the incident that it began runs: whoever presses again after the end needs help.
    fn knows(&self, app: &App, frame: &Frame, now: Timestamp) -> bool {
        let mut heard = self.heard.lock().expect("no holder panics");
        heard.known.retain(|known| now.since(known.heard_at) <= KNOWN_FOR);
        heard.known.iter().any(|known| {
            let is_retry = match (known.sent_at, frame.at) {
                (Some(sent), Some(at)) => sent == at,
                (None, None) => {
                    let is_over = known.incident.is_some_and(|id| app.engine.view().by_id(id).is_none());
                    now.since(known.heard_at) <= RETRIED_WITHIN && !is_over
                }
                _ => false,
            };
            is_retry && known.sequence == frame.sequence && known.data == frame.data
        })
    }

    fn remember(&self, frame: &Frame, now: Timestamp, incident: Option<IncidentId>) {
        let mut heard = self.heard.lock().expect("no holder panics");
        heard.at = Some(now);
        if heard.known.len() == KNOWN {
            heard.known.pop_front();
        }
        let (sequence, data, sent_at) = (frame.sequence, frame.data.clone(), frame.at);
        heard.known.push_back(Known { sequence, data, sent_at, heard_at: now, incident });
    }
}

/// What an event makes happen in the home that the account is; the incident that it began or joined. The panel's own countdown is
/// over: nobody waits for another.
async fn act(app: &App, home: &HomeId, code: Code) -> Result<Option<IncidentId>, Denied> {
    let (request, quiet) = match (code.qualifier, code.signal) {
        (Qualifier::New | Qualifier::Still, Signal::Help(Service::Police)) => (Request::Police, None),
        (Qualifier::New | Qualifier::Still, Signal::Help(Service::Fire)) => (Request::Fire, None),
        (Qualifier::New | Qualifier::Still, Signal::Help(Service::Medical)) => (Request::Medical, None),
        (Qualifier::New | Qualifier::Still, Signal::Quiet(quiet)) => (Request::Police, Some(quiet)),
        (Qualifier::Restore, Signal::Help(_)) => return note(app, app.engine.view().running_in(home), "Says that it is over").await,
        (Qualifier::Restore, Signal::Quiet(_)) => return note(app, app.engine.view().quiet_in(home), "Says that it is over").await,
        (_, Signal::Cancel) => {
            let view = app.engine.view();
            let text = "Says that the first contact called it off";
            note(app, view.quiet_in(home), text).await?;
            return note(app, view.running_in(home), text).await;
        }
        (_, Signal::Test) => {
            tracing::info!(%home, "a panel was tested");
            return Ok(None);
        }
        (_, Signal::NotServed | Signal::NoEmergency) => {
            tracing::info!(%home, zone = code.zone, "a panel says something that is no emergency here");
            return Ok(None);
        }
    };
    let Some(found) = app.homes.get(home) else {
        tracing::error!(%home, "a panel signals for a home that there is not");
        return Err(Denied::Unknown);
    };
    let raise = raised_by(app, &found, ALARM_SYSTEM, request, Mode::Live).map_err(|_| Denied::StorageUnavailable)?;
    let incident = app.engine.raise(Raise { quiet, ..raise }, ONE_ID_ONE_REQUEST).await?.current.incident.id;
    tracing::warn!(%home, %incident, ?request, "a panel signals");
    app.engine.give(incident, Command::SendNow { by: alarm_system() }).await?;
    Ok(Some(incident))
}

/// What an incident calls a panel.
const ALARM_SYSTEM: &str = "The home’s alarm system";

fn alarm_system() -> Actor {
    Actor::Device { name: ALARM_SYSTEM.into() }
}

/// Adds to the record of an incident, where one runs.
async fn note(app: &App, current: Option<Arc<Current>>, text: &str) -> Result<Option<IncidentId>, Denied> {
    if let Some(current) = current {
        app.engine.give(current.incident.id, Command::Note { by: alarm_system(), text: text.into() }).await?;
    }
    Ok(None)
}

/// Where it listens.
pub enum Socket {
    /// Connections.
    Tcp(TcpListener),
    /// Datagrams.
    Udp(UdpSocket),
}

/// Opens the address of the configuration.
///
/// # Errors
/// Why it cannot be listened on.
pub async fn open(settings: &settings::Listener) -> io::Result<Socket> {
    Ok(match &settings.listen {
        settings::Peer { udp: false, at } => Socket::Tcp(TcpListener::bind(at).await?),
        settings::Peer { udp: true, at } => Socket::Udp(UdpSocket::bind(at).await?),
    })
}

/// Takes what panels say, until the server stops.
pub async fn listen(app: Arc<App>, listening: Arc<Listening>, socket: Socket) {
    let mut stop = app.stop.clone();
    tokio::select! {
        () = stopped(&mut stop) => {}
        () = async {
            match socket {
                Socket::Tcp(listener) => over_tcp(app, listening, listener).await,
                Socket::Udp(socket) => over_udp(app, listening, Arc::new(socket)).await,
            }
        } => {}
    }
}

async fn over_tcp(app: Arc<App>, listening: Arc<Listening>, listener: TcpListener) {
    let places = Arc::new(Semaphore::new(AT_ONCE));
    loop {
        let place = places.clone().acquire_owned().await.expect("nobody closes it");
        let (socket, from) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "a panel could not connect");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let (app, listening) = (app.clone(), listening.clone());
        tokio::spawn(async move {
            let (mut stop, name) = (app.stop.clone(), from.to_string());
            tokio::select! {
                () = stopped(&mut stop) => {}
                talked = talk(&app, &listening, socket, &name) => {
                    if let Err(error) = talked {
                        tracing::debug!(%from, %error, "a panel is gone");
                    }
                }
            }
            drop(place);
        });
    }
}

/// One panel: each frame is answered before the next one is looked at.
async fn talk(app: &App, listening: &Listening, mut socket: TcpStream, from: &str) -> io::Result<()> {
    socket.set_nodelay(true)?;
    let mut bytes = Vec::new();
    loop {
        match cut(&bytes) {
            Cut::Frame(length) => {
                let frame: Vec<u8> = bytes.drain(..length).collect();
                if let Some(answer) = listening.answer(app, &frame, from).await {
                    timeout(SAYS_NOTHING, socket.write_all(&answer)).await??;
                }
            }
            Cut::Noise(length) => drop(bytes.drain(..length)),
            Cut::More => {
                let mut piece = [0; 2_048];
                let length = timeout(SAYS_NOTHING, socket.read(&mut piece)).await??;
                if length == 0 || bytes.len() + length > WAITING_MOST {
                    return Ok(());
                }
                bytes.extend_from_slice(&piece[..length]);
            }
        }
    }
}

async fn over_udp(app: Arc<App>, listening: Arc<Listening>, socket: Arc<UdpSocket>) {
    let places = Arc::new(Semaphore::new(AT_ONCE));
    let mut bytes = vec![0; MOST];
    loop {
        let (length, from) = match socket.recv_from(&mut bytes).await {
            Ok(received) => received,
            Err(error) => {
                tracing::debug!(%error, "a datagram could not be received");
                continue;
            }
        };
        // What finds no place is sent again.
        let Ok(place) = places.clone().try_acquire_owned() else { continue };
        let (app, listening, socket, datagram) = (app.clone(), listening.clone(), socket.clone(), bytes[..length].to_vec());
        tokio::spawn(async move {
            if let Cut::Frame(length) = cut(&datagram)
                && let Some(answer) = listening.answer(&app, &datagram[..length], &from.to_string()).await
                && let Err(error) = socket.send_to(&answer, from).await
            {
                tracing::debug!(%from, %error, "a panel could not be answered");
            }
            drop(place);
        });
    }
}
