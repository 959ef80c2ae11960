//! DC-09 in: the bytes that a panel, or anybody in its place, sends to the receiver.

use super::{Fixed, NOON, draw::Draw, on_paused_time, secret_file};
use crate::{
    domain::story::home,
    server::hindered::{Commits, Empty},
};
use async_trait::async_trait;
use buckler::{
    domain::{
        home::Home,
        id::IncidentId,
        incident::{Policy, command::Command, effect::Effect},
        time::Timestamp,
    },
    server::{
        clock::Clock,
        dc09::{
            codec::{
                Code, Cut, Format, Frame, Id, Key, MOST, PAD, Qualifier, Signal, WAITING_MOST, cut,
                naming,
            },
            receiver::{Answer, Receiver, Source},
            settings::{Listener, Panel, Peer},
        },
        engine::{
            Engine,
            device::Ids,
            outbox::{EffectHandler, EffectHandlers, ExecuteError, Outbox},
        },
        homes::Homes,
        live_events::LiveEvents,
        store::{Batch, StoreError},
        tasks::Tasks,
    },
};
use data_encoding::{HEXLOWER, HEXLOWER_PERMISSIVE, HEXUPPER};
use std::{
    collections::BTreeMap,
    fs::File,
    path::PathBuf,
    sync::{
        Arc, LazyLock,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};
use tokio::sync::watch;
use uuid::Uuid;

/// The key of the panel that encrypts, and another one.
const DIGITS: &str = "30313233343536373839414243444546";
const OTHER_DIGITS: &str = "7F7F7F7F7F7F7F7F7F7F7F7F7F7F7F7F7F7F7F7F7F7F7F7F7F7F7F7F7F7F7F7F";
/// The account of a panel that encrypts, and of one that does not.
const SEALED: &str = "ABCD";
const CLEAR: &str = "1234";
/// The bytes of an answer beside those of what it answers, at most.
const ANSWER_MOST: usize = 160;
/// The bounds for the time of a message.
const LATE: Duration = Duration::from_secs(40);
const EARLY: Duration = Duration::from_secs(20);

static KEY_FILE: LazyLock<(File, PathBuf)> = LazyLock::new(|| secret_file(DIGITS));

fn key() -> Key {
    DIGITS.parse().expect("a key")
}

/// Padding of letters, another one for each number.
pub(super) fn pad(number: u64) -> [u8; PAD] {
    let mut pad = [b'A'; PAD];
    for (place, byte) in pad.iter_mut().enumerate().take(16) {
        *byte += (number >> (place * 4) & 15) as u8;
    }
    pad
}

/// A body with its length and checksum.
pub(super) fn framed(body: &[u8]) -> Vec<u8> {
    let sum = crc::Crc::<u16>::new(&crc::CRC_16_ARC).checksum(body);
    [format!("\n{sum:04X}0{:03X}", body.len()).as_bytes(), body, b"\r"].concat()
}

/// The receiver cuts any bytes into frames or noise. A decoded frame encodes to bytes that decode to
/// the same frame, and a flipped bit makes no other frame of them.
pub fn frames(bytes: &[u8]) {
    let bytes = &bytes[..bytes.len().min(WAITING_MOST)];
    let ends = bytes.iter().filter(|byte| **byte == b'\r').count();
    let (mut at, mut steps) = (0, 0);
    loop {
        steps += 1;
        assert!(steps <= 3 * ends + 3, "noise makes no work");
        match cut(&bytes[at..]) {
            Cut::More => break assert!(bytes.len() - at <= MOST, "no frame is so long"),
            Cut::Noise(length) => {
                assert!(length > 0, "noise is never nothing");
                at += length;
            }
            Cut::Frame(length) => {
                frame(&bytes[at..at + length]);
                at += length;
            }
        }
    }
    // Most bytes are no frame, so a frame is built around them, too.
    let mut draw = Draw::new(bytes);
    let (frame_of_parts, sealed_by) = built(&mut draw, 0);
    let pad = pad(draw.number());
    frame(&frame_of_parts.encode(sealed_by.as_ref().map(|key| (key, &pad))));
    let id = draw.text().replace('"', "");
    frame(&framed(format!("\"{id}\"0001R1L0#{CLEAR}[{}", draw.text()).as_bytes()));
}

fn frame(bytes: &[u8]) {
    let key = key();
    let Ok(frame) = Frame::decode(bytes, |_| Some(&key)) else { return };
    let letters = |text: &String| text.chars().count();
    let kept = letters(&frame.data) + frame.extra.iter().map(letters).sum::<usize>();
    assert!(kept <= bytes.len(), "nothing grows");
    let bit = bytes.iter().map(|byte| usize::from(*byte)).sum::<usize>() % (bytes.len() * 8);
    let mut damaged = bytes.to_vec();
    damaged[bit / 8] ^= 1 << (bit % 8);
    // The checksum and the length may be in small letters.
    let again = Frame::decode(&damaged, |_| Some(&key));
    assert!(again.is_err() || again.as_ref() == Ok(&frame), "{again:?} is damaged {frame:?}");
    for format in [Format::AdmCid, Format::SiaDcs] {
        let codes = Code::decode(format, &frame.data);
        assert!(codes.len() <= bytes.len());
        codes.into_iter().for_each(event);
    }
    written(&frame, &key, bytes.len());
    let _ = (frame.incident(), frame.request(), frame.inner_account(), frame.lacks());
    for id in [Id::Ack, Id::Nak, Id::Duh] {
        let answer = frame.answer(id, NOON);
        let sealed = answer.sealed.then_some((&key, &[b'A'; PAD]));
        let bytes = answer.encode(sealed);
        assert!(bytes.len() <= ANSWER_MOST);
        let again = Frame::decode(&bytes, |_| Some(&key)).expect("an answer is a frame");
        assert_eq!((&again.id, again.sequence, again.at), (&answer.id, answer.sequence, answer.at));
    }
}

/// Writes a frame, and reads it again.
fn written(frame: &Frame, key: &Key, length: usize) {
    let texts = frame.extra.iter().chain([&frame.data]).chain(&frame.account);
    let id_is_ascii = !matches!(&frame.id, Id::Other(id) if !id.is_ascii());
    let is_ascii = id_is_ascii && texts.into_iter().all(|text| text.is_ascii());
    // This server writes ASCII. The brackets and the padding that are added need room.
    if !is_ascii || length > MOST - 128 {
        return;
    }
    let bytes = frame.encode(frame.sealed.then_some((key, &[b'A'; PAD])));
    let again = Frame::decode(&bytes, |_| Some(key)).expect("an encoded frame decodes");
    let plain = |text: &String| text.replace(['[', ']', '|', '\r', '\n'], " ");
    let extra: Vec<String> = frame.extra.iter().map(plain).collect();
    assert_eq!(
        (&again.id, again.sequence, &again.data, &again.extra, again.at, again.sealed),
        (&frame.id, frame.sequence, &frame.data, &extra, frame.at, frame.sealed)
    );
    // Without an account stands `A0`, which a line number runs into.
    if frame.account.is_some() {
        assert_eq!(
            (&again.account, &again.line, &again.receiver),
            (&frame.account, &frame.line, &frame.receiver)
        );
    }
}

/// An event that is understood means the same after it is written.
fn event(code: Code) {
    let again = Code::decode(Format::AdmCid, &code.encode(Format::AdmCid, CLEAR));
    assert_eq!(again, [Code { zone: code.zone % 1_000, ..code }]);
    let is_help = matches!(code.signal, Signal::Help(_)) && code.qualifier != Qualifier::Still;
    if is_help {
        let again = Code::decode(Format::SiaDcs, &code.encode(Format::SiaDcs, CLEAR));
        assert_eq!(again, [Code { zone: code.zone % 1_000, ..code }]);
    }
}

/// A frame of drawn parts, and the key that encrypts it. `number` is its place in the conversation.
fn built(draw: &mut Draw, number: u16) -> (Frame, Option<Key>) {
    let id = draw.one_of(&[Id::AdmCid, Id::SiaDcs, Id::Null, Id::Ack, Id::Nak, Id::Duh]);
    let account = draw.one_of(&[SEALED, CLEAR, SEALED, CLEAR, "abcd", "9999", ""]);
    let event = match draw.below(10) {
        0 => draw.text(),
        1 => "1120 00 001".into(),
        2 => "3120 00 001".into(),
        3 => "6110 00 002".into(),
        4 => "1406 00 001".into(),
        5 => "1601 00 001".into(),
        6 => "1121 00 003".into(),
        7 => "Nri1/PA001".into(),
        8 => "Nri1/OP001^FRONT/PA^/FA002/MA003".into(),
        _ => "Nti12:30/id17/OOC001".into(),
    };
    let data = match draw.below(4) {
        0 if id == Id::Null => String::new(),
        0 => event,
        1 => format!("#{}|{event}", draw.one_of(&[SEALED, CLEAR, "abcd", ""])),
        _ if id == Id::Null => String::new(),
        _ => format!("#{account}|{event}"),
    };
    let extra = match draw.below(4) {
        0 => vec![draw.text()],
        1 => vec!["TM".into(), naming(IncidentId(Uuid::from_u128(7)), None)],
        2 => {
            vec![naming(IncidentId(Uuid::from_u128(7)), Some(Uuid::from_u128(draw.byte().into())))]
        }
        _ => vec![],
    };
    let seconds = Duration::from_secs(draw.below(64) as u64);
    let at = match draw.below(6) {
        0 => None,
        1 => Some(Timestamp::from_millis(draw.number() % 253_402_300_800_000 / 1_000 * 1_000)),
        2 => Some(NOON - seconds),
        3 => Some(NOON + seconds),
        _ => Some(NOON),
    };
    let (extra, sealed_by) = match draw.below(6) {
        0 => (extra, Some(OTHER_DIGITS.parse().expect("a key"))),
        1 if account != CLEAR => (extra, None),
        // Supervision has no content.
        _ if account != CLEAR && id == Id::Null => (vec![], Some(key())),
        _ if account != CLEAR => (extra, Some(key())),
        _ => (extra, None),
    };
    let frame = Frame {
        id,
        sequence: if draw.yes() { number + 1 } else { 1 },
        receiver: Some("1".into()),
        line: "0".into(),
        account: Some(account.to_owned()).filter(|account| !account.is_empty()),
        data,
        extra,
        at,
        sealed: sealed_by.is_some(),
    };
    (frame, sealed_by)
}

/// What somebody without the key makes of an encrypted frame: another header, blocks that are left
/// out, exchanged, repeated or changed, and the right checksum.
pub(super) fn forged(draw: &mut Draw, captured: &[u8]) -> Option<Vec<u8>> {
    let open = captured.iter().position(|byte| *byte == b'[')? + 1;
    let mut blocks: Vec<Vec<u8>> = HEXLOWER_PERMISSIVE
        .decode(captured[open..].strip_suffix(b"\r")?)
        .ok()?
        .chunks(16)
        .map(<[u8]>::to_vec)
        .collect();
    for _ in 0..draw.below(3) {
        if blocks.is_empty() {
            break;
        }
        let (one, other) = (draw.below(blocks.len()), draw.below(blocks.len()));
        match draw.below(5) {
            0 => drop(blocks.remove(one)),
            1 => blocks.swap(one, other),
            2 => blocks.insert(one, blocks[other].clone()),
            3 => blocks[one][draw.below(16)] ^= draw.byte(),
            _ => blocks.drain(..one).for_each(drop),
        }
    }
    let digits = if draw.yes() { HEXLOWER } else { HEXUPPER }.encode(&blocks.concat());
    let header = match draw.below(3) {
        0 => String::from_utf8_lossy(captured.get(9..open)?).into_owned(),
        _ => format!(
            "\"*{}\"{:04}R1L0#{}[",
            draw.one_of(&["ADM-CID", "SIA-DCS", "NULL", "ACK", "DUH"]),
            draw.below(4),
            draw.one_of(&[SEALED, "abcd", CLEAR, "9999"])
        ),
    };
    Some(framed(format!("{header}{digits}").as_bytes()))
}

/// Stores nothing, at once.
struct Stores;

#[async_trait]
impl Commits for Stores {
    async fn commit(&self, _: Arc<Batch>) -> Result<(), StoreError> {
        Ok(())
    }
}

/// Effects that are done at once.
struct Done;

#[async_trait]
impl EffectHandler for Done {
    async fn execute(&self, _: &Effect) -> Result<Option<Command>, ExecuteError> {
        Ok(None)
    }
}

/// A center with two panels, and what was sent to it.
struct Center {
    source: Source,
    receiver: Arc<Receiver>,
    /// The home of the panel that encrypts, and of the other one.
    homes: [Home; 2],
    /// Encrypted frames that were sent to it, and its encrypted answers.
    captured: Vec<Vec<u8>>,
    /// Whether each panel has sent something that was acknowledged.
    acknowledged: [bool; 2],
    _stopper: watch::Sender<bool>,
}

impl Center {
    async fn start() -> Self {
        let (clock, live_events) = (Arc::new(Clock::new(Fixed)), Arc::new(LiveEvents::default()));
        let (stopper, stop) = watch::channel(false);
        let done: Arc<dyn EffectHandler> = Arc::new(Done);
        let handlers = EffectHandlers {
            devices: done.clone(),
            phones: done.clone(),
            receiver: done.clone(),
            responders: done.clone(),
            notices: done,
        };
        let outbox = Outbox::new(clock.clone(), &handlers, &handlers);
        let (journal, tasks) = (Arc::new(Empty(Stores)), Tasks::new(stop.clone()));
        let engine = Engine::start(journal, clock.clone(), live_events, outbox, &tasks).await;
        let homes = [home(), Home { id: "birch-lane".parse().expect("an id"), ..home() }];
        let known = Homes::default();
        homes.iter().for_each(|home| drop(known.committed(&Arc::new(home.clone()), 1)));
        let panel = |account: &str, home: &Home, key_file| {
            (account.to_owned(), Panel { home: home.id.clone(), key_file, unproven: None })
        };
        let listener = Listener {
            listen: Peer { udp: false, at: "127.0.0.1:1".into() },
            accounts: BTreeMap::from([
                panel(SEALED, &homes[0], Some(KEY_FILE.1.clone())),
                panel(CLEAR, &homes[1], None),
            ]),
        };
        let ids = AtomicU32::new(100);
        let next = move || Uuid::from_u128(ids.fetch_add(1, Ordering::Relaxed).into());
        let source = Source {
            engine: engine.expect("an empty database"),
            homes: Arc::new(known),
            clock,
            policy: Policy::default(),
            ids: Ids::new(move |_, repeated| Ok(repeated.unwrap_or_else(|| IncidentId(next())))),
            stop,
        };
        let receiver = Receiver::new(&listener).expect("a key that can be read");
        let (captured, acknowledged) = Default::default();
        Self { source, receiver, homes, captured, acknowledged, _stopper: stopper }
    }

    /// Sends bytes, and checks the answer.
    async fn hears(&mut self, bytes: &[u8], is_forged: bool) {
        let is_repeated = self.captured.iter().any(|captured| captured == bytes);
        let came_at = self.source.clock.now();
        let answer = self.receiver.hear(&self.source, bytes, "fuzz").await;
        if is_forged && !is_repeated {
            assert!(answer.is_none(), "{answer:?} to {}", String::from_utf8_lossy(bytes));
        }
        let key = key();
        let frame = Frame::decode(bytes, |_| Some(&key));
        if let (Ok(frame), Some((kind, reply))) = (&frame, &answer) {
            self.check((frame, came_at), *kind, reply, bytes.len());
        }
        assert!(frame.is_ok() || answer.is_none(), "only a frame is answered");
        let is_of_the_panel = |frame: &Frame| {
            let account = frame.account.as_deref();
            frame.sealed && account.is_some_and(|account| account.eq_ignore_ascii_case(SEALED))
        };
        if frame.is_ok_and(|frame| is_of_the_panel(&frame)) {
            self.captured.push(bytes.to_vec());
            let is_sealed = |(kind, _): &(Answer, _)| *kind != Answer::Nak;
            self.captured.extend(answer.filter(is_sealed).map(|(_, reply)| reply));
        }
        let view = self.source.engine.view();
        for (home, acknowledged) in self.homes.iter().zip(self.acknowledged) {
            let runs = view.running_in(&home.id).or(view.quiet_in(&home.id));
            assert!(acknowledged || runs.is_none(), "nobody signaled for {}", home.id);
        }
    }

    fn check(
        &mut self,
        (frame, came_at): (&Frame, Timestamp),
        kind: Answer,
        reply: &[u8],
        length: usize,
    ) {
        let key = key();
        assert!(reply.len() <= length + ANSWER_MOST, "an answer floods nobody");
        let reply = Frame::decode(reply, |_| Some(&key)).expect("an answer is a frame");
        let now = self.source.clock.now();
        let expected = match kind {
            Answer::Ack => Id::Ack,
            Answer::Nak => Id::Nak,
            Answer::Duh => Id::Duh,
            Answer::Nothing => panic!("nothing is no answer"),
        };
        assert_eq!((reply.id, reply.sealed), (expected, frame.sealed && kind != Answer::Nak));
        assert_eq!(reply.sequence, if kind == Answer::Nak { 0 } else { frame.sequence });
        assert!(reply.at.is_none_or(|at| now.since(at) < Duration::from_secs(1) && at <= now));
        assert!(!frame.sealed || frame.at.is_some(), "without a time it may be a replay");
        let account = frame.account.as_deref().unwrap_or_default().to_ascii_uppercase();
        let panel = [SEALED, CLEAR].iter().position(|known| *known == account);
        let is_panel = panel.is_some_and(|panel| frame.sealed == (panel == 0));
        let is_in_time = |at: Timestamp| came_at.since(at) <= LATE && at.since(came_at) <= EARLY;
        let in_time = frame.at.is_none_or(is_in_time);
        assert!(kind == Answer::Duh || is_panel && in_time == (kind == Answer::Ack));
        if let (Answer::Ack, Some(panel)) = (kind, panel) {
            self.acknowledged[panel] = true;
            self.has_what_it_acknowledged(frame, panel);
        }
    }

    /// An alarm that was acknowledged is an incident. Nothing ends one here.
    fn has_what_it_acknowledged(&self, frame: &Frame, panel: usize) {
        let format = match frame.id {
            Id::AdmCid => Format::AdmCid,
            Id::SiaDcs => Format::SiaDcs,
            _ => return,
        };
        let view = self.source.engine.view();
        for code in Code::decode(format, &frame.data) {
            let runs = match code.signal {
                Signal::Help(_) => view.running_in(&self.homes[panel].id),
                Signal::Quiet(_) => view.quiet_in(&self.homes[panel].id),
                _ => continue,
            };
            assert!(code.qualifier == Qualifier::Restore || runs.is_some(), "{code:?} is lost");
        }
    }
}

/// A conversation of panels with a center that somebody without the key listens to and takes part
/// in. Only what the panels sent is answered and acted on.
pub fn conversation(bytes: &[u8]) {
    let mut draw = Draw::new(bytes);
    on_paused_time(async {
        let mut center = Center::start().await;
        for number in 0..16_u16 {
            if draw.is_over() {
                break;
            }
            match draw.below(4) {
                0 => center.hears(&draw.bytes(), false).await,
                1 if !center.captured.is_empty() => {
                    let captured = draw.one_of(&center.captured);
                    if let Some(forged) = forged(&mut draw, &captured) {
                        center.hears(&forged, true).await;
                    }
                }
                _ => {
                    let (frame, key) = built(&mut draw, number);
                    let pad = pad(u64::from(number) + 1);
                    center.hears(&frame.encode(key.as_ref().map(|key| (key, &pad))), false).await;
                }
            }
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
        #![proptest_config(cases(2_000))]

        #[test]
        fn any_bytes_of_a_panel_are_frames_or_noise(bytes in bytes(600)) {
            frames(&bytes);
        }
    }

    proptest! {
        #![proptest_config(cases(300))]

        #[test]
        fn only_panels_are_answered_and_forgeries_never(bytes in bytes(600)) {
            conversation(&bytes);
        }
    }

    /// The data was read from inside of such a name.
    #[test]
    fn name_with_a_bracket_is_no_frame() {
        let bytes = framed(b"\"A[B\"0001R1L0#1234[]");
        assert!(Frame::decode(&bytes, |_| None).is_err());
        frames(&bytes);
    }
}
