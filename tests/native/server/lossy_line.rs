//! The real transmitter over a line that loses, delays, cuts and refuses, on paused time. The frames
//! that it sends are decoded by the code of our own receiver.

use crate::domain::story::{Story, home, s};
use async_trait::async_trait;
use buckler::{
    domain::{
        id::IncidentId,
        incident::{
            CenterMode, Mode, Policy, Request, Service,
            command::{CallStep, Command, Seen},
            effect::{Effect, EffectKind},
        },
        time::Timestamp,
    },
    server::{
        clock::{Boot, Clock, TimeSource},
        dc09::{
            codec::{Code, Cut, Format, Frame, Id, Qualifier, Signal, cut},
            line::{Line, Lines},
            settings::{Peer, Receiver},
            transmitter::Transmitter,
        },
        engine::outbox::EffectHandler,
        live_events::LiveEvents,
    },
};
use proptest::prelude::*;
use std::{
    collections::{BTreeMap, VecDeque},
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

const START: Timestamp = Timestamp::from_millis(1_795_435_200_000);

/// What becomes of one exchange.
#[derive(Clone, Copy, Debug)]
enum Fate {
    Works,
    Refused,
    LosesFrame,
    LosesAnswer,
    Closes,
    /// The answer comes in two pieces, behind bytes that are no frame.
    Pieces,
    /// The receiver's clock is an hour ahead.
    OtherTime,
    DoesNotUnderstand,
}

/// A receiving center with two receivers. What fails is planned; afterward everything works.
#[derive(Default)]
struct Center {
    fates: Mutex<VecDeque<Fate>>,
    /// The frames that arrived, each with the receiver.
    taken: Mutex<Vec<(String, Frame)>>,
}

struct Connection {
    center: Arc<Center>,
    at: String,
    fate: Fate,
    answer: VecDeque<Vec<u8>>,
}

/// The lines to that center.
struct LossyLines(Arc<Center>);

#[async_trait]
impl Lines for LossyLines {
    async fn open(&self, peer: &Peer) -> io::Result<Box<dyn Line>> {
        let fate = self.0.fates.lock().unwrap().pop_front().unwrap_or(Fate::Works);
        if matches!(fate, Fate::Refused) {
            return Err(io::ErrorKind::ConnectionRefused.into());
        }
        let answer = VecDeque::new();
        Ok(Box::new(Connection { center: self.0.clone(), at: peer.at.clone(), fate, answer }))
    }
}

#[async_trait]
impl Line for Connection {
    async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        assert_eq!(cut(bytes), Cut::Frame(bytes.len()), "one frame at a time");
        let frame = Frame::decode(bytes, |_| None).unwrap();
        let at = frame.at.unwrap();
        let answer = |id, at| frame.answer(id, at).encode(None);
        let ack = answer(Id::Ack, at);
        let (arrives, answers) = match self.fate {
            Fate::Works => (true, vec![ack]),
            Fate::Refused | Fate::LosesFrame => (false, vec![]),
            Fate::LosesAnswer => (true, vec![]),
            Fate::Closes => (false, vec![vec![]]),
            Fate::Pieces => (true, vec![b"\n\rHTTP".to_vec(), ack[..9].into(), ack[9..].into()]),
            Fate::OtherTime => (false, vec![answer(Id::Nak, at + Duration::from_secs(3_600))]),
            Fate::DoesNotUnderstand => (false, vec![answer(Id::Duh, at)]),
        };
        if arrives {
            self.center.taken.lock().unwrap().push((self.at.clone(), frame));
        }
        self.answer = answers.into();
        Ok(())
    }

    async fn read(&mut self, into: &mut Vec<u8>) -> io::Result<usize> {
        // The latency of the line. The clock of these tests is paused, so nothing waits.
        tokio::time::sleep(Duration::from_millis(30)).await;
        let Some(bytes) = self.answer.pop_front() else { return std::future::pending().await };
        into.extend_from_slice(&bytes);
        Ok(bytes.len())
    }
}

#[derive(Debug)]
struct Fixed;

impl TimeSource for Fixed {
    fn wall(&self) -> Timestamp {
        START
    }
    fn boot(&self) -> Option<Boot> {
        None
    }
}

/// The signals of police, of fire that joins, and of the contact's cancel.
fn signals() -> Vec<Effect> {
    let policy = Policy { center: CenterMode::Receiver, ..Policy::default() };
    let mut story = Story::with_policy(&home(), Request::Police, Mode::Live, false, policy);
    story.wait(s(5));
    story.join(Request::Fire);
    story.on_call(1, CallStep::Cancel { seen: Seen::All, authenticated: true }).unwrap();
    let is_signal = |effect: &Effect| matches!(effect.kind, EffectKind::SignalReceiver { .. });
    story.effects.into_iter().filter(is_signal).collect()
}

/// Executes an effect again until it succeeds, as the outbox does.
async fn execute(transmitter: &Transmitter, effect: &Effect) -> Option<Command> {
    loop {
        match transmitter.execute(effect).await {
            Ok(command) => return command,
            Err(_) => tokio::time::sleep(Duration::from_millis(500)).await,
        }
    }
}

/// Sends the signals over a line with these fates. Returns what arrived, and what was recorded.
fn send(udp: bool, fates: &[Fate]) -> (Vec<(String, Frame)>, Vec<Option<Command>>) {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.unwrap().block_on(async {
        let scheme = if udp { "udp" } else { "tcp" };
        let peer = |name: &str| format!("{scheme}://{name}:1").parse::<Peer>().unwrap();
        let settings = serde_json::json!({
            "main": peer("main"), "backup": peer("backup"), "accounts": {"maple-street": "1234"},
        });
        let mut settings: Receiver = serde_json::from_value(settings).unwrap();
        let effects = signals();
        settings.accounts = BTreeMap::from([(effects[0].home.clone(), "1234".into())]);
        let center = Arc::new(Center::default());
        *center.fates.lock().unwrap() = fates.iter().copied().collect();
        let (clock, live) = (Arc::new(Clock::new(Fixed)), Arc::new(LiveEvents::default()));
        let lines = Arc::new(LossyLines(center.clone()));
        let (transmitter, _failures) = Transmitter::new_over(lines, settings, clock, live).unwrap();
        effects.iter().for_each(|effect| transmitter.queued(effect));
        let all = futures_util::future::join_all(
            // The last one is tried first.
            effects.iter().rev().map(|effect| execute(&transmitter, effect)),
        );
        let ended = tokio::time::timeout(Duration::from_secs(3_600), all).await;
        let taken = center.taken.lock().unwrap().clone();
        (taken, ended.expect("each signal arrives in the end"))
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever the line loses, the center has each alarm before its cancel, each message names the
    /// incident, and only a receiver that has the alarm is said to have it.
    #[test]
    fn signals_arrive_in_order_whatever_the_line_loses(udp: bool, fates in prop::collection::vec(prop::sample::select(vec![
        Fate::Works, Fate::Refused, Fate::LosesFrame, Fate::LosesAnswer, Fate::Closes, Fate::Pieces, Fate::OtherTime, Fate::DoesNotUnderstand,
    ]), 0..24)) {
        let (taken, recorded) = send(udp, &fates);
        let code = |frame: &Frame| Code::decode(Format::AdmCid, &frame.data)[0];
        let first = |signal, zone| {
            let is_it = |(_, frame): &(String, Frame)| code(frame) == Code { qualifier: Qualifier::New, signal, zone };
            taken.iter().position(is_it)
        };
        let (police, fire) = (Signal::Help(Service::Police), Signal::Help(Service::Fire));
        for (signal, zone) in [(police, 1), (fire, 2)] {
            let (alarm, cancel) = (first(signal, zone), first(Signal::Cancel, zone));
            prop_assert!(alarm.is_some() && alarm < cancel, "{taken:?}");
        }
        // A retry repeats its number; another message has another one.
        let mut numbers = BTreeMap::new();
        for (at, frame) in &taken {
            prop_assert_eq!(frame.incident(), Some(IncidentId(uuid::Uuid::from_u128(1))));
            let said = numbers.entry((at, frame.sequence)).or_insert(&frame.data);
            prop_assert_eq!(*said, &frame.data);
        }
        for command in recorded.into_iter().flatten() {
            let Command::Signaled { receiver: Some(name) } = command else { panic!("{command:?}") };
            prop_assert!(taken.iter().any(|(at, _)| at.starts_with(&name)), "{name}: {taken:?}");
        }
    }
}
