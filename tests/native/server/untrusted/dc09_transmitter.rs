//! DC-09 out: what a receiver, or anybody on the way to it, answers to the transmitter.

use super::{
    Fixed, NOON,
    dc09_receiver::{forged, framed, pad},
    draw::Draw,
    on_paused_time, secret_file,
};
use async_trait::async_trait;
use buckler::{
    domain::{
        id::{HomeId, IncidentId},
        incident::{
            Mode, Service,
            command::Command,
            effect::{Effect, EffectKind, Signal},
        },
        time::Timestamp,
    },
    server::{
        clock::Clock,
        dc09::{
            codec::{Cut, Frame, Id, Key, cut},
            line::{Line, Lines},
            settings::{Peer, Receiver},
            transmitter::Transmitter,
        },
        engine::outbox::EffectHandler,
        live_events::LiveEvents,
    },
};
use serde_json::json;
use std::{
    collections::VecDeque,
    fs::File,
    io,
    path::PathBuf,
    sync::{Arc, LazyLock, Mutex},
    time::Duration,
};
use uuid::Uuid;

const DIGITS: &str = "30313233343536373839414243444546";
const ACCOUNT: &str = "ABCD";
/// The most frames about one service: three tries with each of two receivers.
const FRAMES_MOST: usize = 6;
/// With a key, the most that a time differs that a receiver tells, and that an answer's may differ.
const AHEAD_MOST: Duration = Duration::from_secs(15 * 60);
const ANSWER_AGE_MOST: Duration = Duration::from_secs(60);

static KEY_FILE: LazyLock<(File, PathBuf)> = LazyLock::new(|| secret_file(DIGITS));

/// Who is at the other end of the lines.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Peers {
    /// Receivers that acknowledge.
    Honest,
    /// Receivers that answer anything.
    Any,
    /// Somebody without the key, who has what was said before.
    Forgers,
    /// The same, who makes the transmitter believe in the time of an old answer.
    TurnBackTime,
}

/// The other end of all lines.
struct Center {
    draw: Draw,
    peers: Peers,
    udp: bool,
    key: Option<Key>,
    clock: Arc<Clock>,
    /// The frames that were sent in this round.
    sent: Vec<Frame>,
    /// Encrypted bytes of both directions, of all rounds.
    captured: Vec<Vec<u8>>,
    /// Whether an answer of this round may be taken for an acknowledgment, and whether one must.
    may: bool,
    must: bool,
    answers: u64,
}

struct Ends(Arc<Mutex<Center>>);

/// One line: what comes on it. Nothing more comes after the end, unless the line is silent.
struct End {
    center: Arc<Mutex<Center>>,
    pieces: VecDeque<io::Result<Vec<u8>>>,
}

#[async_trait]
impl Lines for Ends {
    async fn open(&self, _: &Peer) -> io::Result<Box<dyn Line>> {
        let is_refused = {
            let mut center = self.0.lock().expect("no holder panics");
            center.peers == Peers::Any && center.draw.below(16) == 15
        };
        if is_refused {
            return Err(io::ErrorKind::ConnectionRefused.into());
        }
        Ok(Box::new(End { center: self.0.clone(), pieces: VecDeque::new() }))
    }
}

#[async_trait]
impl Line for End {
    async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.pieces = self.center.lock().expect("no holder panics").answers(bytes);
        Ok(())
    }

    async fn read(&mut self, into: &mut Vec<u8>) -> io::Result<usize> {
        let Some(piece) = self.pieces.pop_front() else { return std::future::pending().await };
        let piece = piece?;
        into.extend_from_slice(&piece);
        Ok(piece.len())
    }
}

impl Center {
    fn answers(&mut self, bytes: &[u8]) -> VecDeque<io::Result<Vec<u8>>> {
        assert_eq!(cut(bytes), Cut::Frame(bytes.len()), "one frame at a time");
        let frame = Frame::decode(bytes, |_| self.key.as_ref()).expect("a frame that can be read");
        self.looks_at(&frame);
        if frame.sealed {
            self.captured.push(bytes.to_vec());
        }
        let answer = match self.peers {
            Peers::Honest => Ok(self.said(&frame, Id::Ack, frame.at)),
            Peers::Forgers => Ok(self.forgery(bytes)),
            Peers::TurnBackTime => Ok(self.old_answer(&frame)),
            Peers::Any => self.anything(&frame),
        };
        self.sent.push(frame);
        match answer {
            // A frame is never in two datagrams.
            Ok(answer) if !self.udp && self.draw.yes() => {
                let middle = self.draw.below(answer.len().clamp(1, 65_536));
                // An empty piece would end the line.
                let pieces = [&answer[..middle], &answer[middle..]].into_iter();
                pieces.filter(|piece| !piece.is_empty()).map(|piece| Ok(piece.to_vec())).collect()
            }
            answer => [answer].into(),
        }
    }

    /// A frame goes out as the settings say it, in a time that is near, and a retry is the same
    /// again.
    fn looks_at(&self, frame: &Frame) {
        assert_eq!(frame.sealed, self.key.is_some());
        assert_eq!((frame.account.as_deref(), &frame.id), (Some(ACCOUNT), &Id::AdmCid));
        let (at, now) = (frame.at.expect("each frame has its time"), self.clock.now());
        let off = at.since(now).max(now.since(at));
        assert!(self.key.is_none() || off <= AHEAD_MOST + Duration::from_secs(1), "{off:?}");
        let is_retry = |before: &&Frame| before.sequence == frame.sequence;
        if let Some(before) = self.sent.iter().find(is_retry) {
            assert_eq!((&before.data, &before.extra), (&frame.data, &frame.extra));
        }
    }

    /// An answer of a receiver with the key, if there is one.
    fn said(&mut self, frame: &Frame, id: Id, at: Option<Timestamp>) -> Vec<u8> {
        self.answers += 1;
        let sealed = self.key.is_some() && id != Id::Nak;
        let at = at.filter(|_| sealed || id == Id::Nak);
        let answer = Frame { at, sealed, ..frame.answer(id, NOON) };
        self.encoded(&answer)
    }

    fn encoded(&mut self, answer: &Frame) -> Vec<u8> {
        let pad = pad(self.answers);
        let key = self.key.as_ref().filter(|_| answer.sealed);
        let bytes = answer.encode(key.map(|key| (key, &pad)));
        if key.is_some() {
            // Somebody on the way may write another header in front of it.
            self.captured.push(bytes.clone());
            self.may = true;
        }
        bytes
    }

    fn anything(&mut self, frame: &Frame) -> io::Result<Vec<u8>> {
        let id = self.draw.one_of(&[Id::Ack, Id::Nak, Id::Duh, Id::Null, Id::AdmCid, Id::Nak]);
        let near = Duration::from_secs(self.draw.below(128) as u64);
        let theirs = frame.at.unwrap_or_default();
        let at = match self.draw.below(5) {
            0 => None,
            1 => Some(Timestamp::from_millis(self.draw.number() % 253_402_300_800_000)),
            2 => Some(theirs - near),
            3 => Some(theirs + near),
            _ => Some(theirs),
        };
        let is_near = at.is_some_and(|at| {
            at.since(theirs).max(theirs.since(at)) < ANSWER_AGE_MOST - Duration::from_secs(1)
        });
        let bytes = match self.draw.below(6) {
            0 => return Err(io::ErrorKind::ConnectionReset.into()),
            1 => self.draw.bytes(),
            2 => [self.draw.bytes(), self.said(frame, id, at)].concat(),
            3 => {
                let other = Frame { sequence: frame.sequence % 9_999 + 1, ..frame.clone() };
                self.said(&other, id, at)
            }
            _ => {
                let is_shown = self.key.is_none() || is_near;
                self.must |= id == Id::Ack && is_shown;
                self.said(frame, id, at)
            }
        };
        self.may |= self.key.is_none() && acknowledges(&bytes, frame.sequence);
        Ok(bytes)
    }

    /// What somebody without the key can say: anything in clear, what was said before, and what can
    /// be made of it.
    fn forgery(&mut self, bytes: &[u8]) -> Vec<u8> {
        let frame = Frame::decode(bytes, |_| self.key.as_ref()).expect("it was read before");
        match self.draw.below(6) {
            0 => self.draw.bytes(),
            1 => {
                let id = self.draw.one_of(&[Id::Ack, Id::Nak, Id::Null, Id::Duh, Id::Nak]);
                let near = Duration::from_secs(self.draw.below(2_048) as u64);
                let at = self.clock.now() - near;
                Frame { sealed: false, ..frame.answer(id, at) }.encode(None)
            }
            2 => framed(&[b"\"*ACK\"", &bytes[19..bytes.len() - 1]].concat()),
            3 => self.draw.one_of(&self.captured),
            4 => self.old_answer(&frame),
            _ => {
                let captured = self.draw.one_of(&self.captured);
                forged(&mut self.draw, &captured).unwrap_or_default()
            }
        }
    }

    /// The first captured encrypted acknowledgment, with the number of this frame, if its time is
    /// accepted; otherwise a NAK with the time of that acknowledgment.
    fn old_answer(&self, frame: &Frame) -> Vec<u8> {
        let read = |bytes: &[u8]| Frame::decode(bytes, |_| self.key.as_ref()).ok();
        let is_answer = |bytes: &&Vec<u8>| read(bytes).is_some_and(|frame| frame.id == Id::Ack);
        let old = self.captured.iter().find(is_answer).expect("an honest one came before");
        let theirs = read(old).and_then(|frame| frame.at).expect("it has a time");
        let at = frame.at.expect("each frame has its time");
        if at.since(theirs).max(theirs.since(at)) > ANSWER_AGE_MOST {
            return frame.answer(Id::Nak, theirs).encode(None);
        }
        let behind_number = &old[9 + "\"*ACK\"0000".len()..old.len() - 1];
        let header = format!("\"*ACK\"{:04}", frame.sequence);
        framed(&[header.as_bytes(), behind_number].concat())
    }
}

/// Whether a frame in the bytes is an unencrypted acknowledgment of that number.
fn acknowledges(bytes: &[u8], sequence: u16) -> bool {
    let mut rest = bytes;
    loop {
        match cut(rest) {
            Cut::More => return false,
            Cut::Noise(length) => rest = &rest[length..],
            Cut::Frame(length) => {
                let frame = Frame::decode(&rest[..length], |_| None);
                if frame.is_ok_and(|frame| frame.id == Id::Ack && frame.sequence == sequence) {
                    return true;
                }
                rest = &rest[length..];
            }
        }
    }
}

fn alarm(number: u32) -> Effect {
    let incident = IncidentId(Uuid::from_u128(number.into()));
    Effect {
        key: format!("{incident}/3/signal"),
        incident,
        home: home(),
        seq: 3,
        decided_at: NOON,
        mode: Mode::Live,
        not_after: None,
        kind: EffectKind::SignalReceiver {
            services: vec![Service::Police],
            signal: Signal::Alarm,
            quiet: None,
            site: "Elm Road".into(),
            place: "1 Elm Road".into(),
            notes: String::new(),
            changes: String::new(),
            at: NOON,
        },
    }
}

fn home() -> HomeId {
    "elm-road".parse().expect("an id")
}

/// A transmitter and the other end of its lines.
struct Talk {
    transmitter: Arc<Transmitter>,
    center: Arc<Mutex<Center>>,
}

impl Talk {
    fn begin(draw: Draw, is_sealed: bool, udp: bool) -> Self {
        let peer = |name: &str| Peer { udp, at: format!("{name}:1") };
        let settings = json!({
            "main": peer("main"), "backup": peer("backup"), "accounts": {"elm-road": ACCOUNT},
            "key_file": is_sealed.then_some(&KEY_FILE.1),
        });
        let settings: Receiver = serde_json::from_value(settings).expect("settings");
        let clock = Arc::new(Clock::new(Fixed));
        let center = Arc::new(Mutex::new(Center {
            draw,
            peers: Peers::Any,
            udp,
            key: is_sealed.then(|| DIGITS.parse().expect("a key")),
            clock: clock.clone(),
            sent: Vec::new(),
            captured: Vec::new(),
            may: false,
            must: false,
            answers: 0,
        }));
        let lines = Arc::new(Ends(center.clone()));
        let made = Transmitter::new_over(lines, settings, clock, Arc::new(LiveEvents::default()));
        Self { transmitter: made.expect("a key that can be read").0, center }
    }

    /// Sends an alarm to these peers. Returns whether it was acknowledged.
    async fn send(&self, number: u32, peers: Peers) -> bool {
        {
            let mut center = self.center.lock().expect("no holder panics");
            (center.peers, center.may, center.must) = (peers, false, false);
            center.sent.clear();
        }
        let effect = alarm(number);
        self.transmitter.queued(&effect);
        let sent = self.transmitter.execute(&effect).await;
        let is_taken = match &sent {
            Ok(Some(Command::Signaled { receiver: Some(name) })) => {
                assert!(["main", "backup"].contains(&name.as_str()));
                true
            }
            Ok(other) => panic!("{other:?} is recorded"),
            Err(_) => false,
        };
        let proof = self.transmitter.proof(&home()).expect("something was sent");
        assert_eq!(proof.answered, is_taken);
        let center = self.center.lock().expect("no holder panics");
        assert!(center.sent.len() <= FRAMES_MOST, "it floods nobody");
        assert!(center.may || !is_taken, "nobody acknowledged it");
        assert!(is_taken || !center.must, "an acknowledgment is lost: {:?}", center.sent);
        is_taken
    }
}

/// Receivers answer anything, in any time: with a key or without, over TCP or UDP.
pub fn answers(bytes: &[u8]) {
    let mut draw = Draw::new(bytes);
    let (is_sealed, udp) = (draw.yes(), draw.yes());
    on_paused_time(async {
        let talk = Talk::begin(draw, is_sealed, udp);
        for number in 1..=3 {
            talk.send(number, Peers::Any).await;
        }
    });
}

/// A receiver with the key acknowledges an alarm. Then somebody without the key answers for it: no
/// later alarm is acknowledged.
pub fn forgers(bytes: &[u8]) {
    let mut draw = Draw::new(bytes);
    let (udp, pause_s) = (draw.yes(), draw.below(2_048) as u64);
    on_paused_time(async {
        let talk = Talk::begin(draw, true, udp);
        assert!(talk.send(1, Peers::Honest).await, "an honest receiver is believed");
        // Receivers that always pad alike encrypt the answers of the same second alike.
        tokio::time::advance(Duration::from_secs(2 + pause_s)).await;
        for number in 2..=3 {
            assert!(!talk.send(number, Peers::Forgers).await, "a forgery is believed");
        }
    });
}

#[cfg(test)]
mod tests {
    use super::{
        super::{bytes, cases},
        *,
    };
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(cases(500))]

        #[test]
        fn only_a_receiver_acknowledges_whatever_is_answered(bytes in bytes(600)) {
            answers(&bytes);
        }

        #[test]
        fn forged_answer_acknowledges_no_alarm(bytes in bytes(600)) {
            forgers(&bytes);
        }
    }

    /// A NAK is not encrypted. After one with the time of an old answer, that answer was taken for
    /// a new one as soon as it was forgotten.
    #[test]
    fn nak_with_an_old_time_revives_no_old_answer() {
        for pause_s in [100, 300, 890] {
            on_paused_time(async {
                let talk = Talk::begin(Draw::new(&[]), true, false);
                assert!(talk.send(1, Peers::Honest).await);
                tokio::time::advance(Duration::from_secs(pause_s)).await;
                assert!(!talk.send(2, Peers::TurnBackTime).await, "after {pause_s} s");
            });
        }
    }
}
