//! The connection that listens to buttons, over a broker that the test plays: what it acknowledges,
//! what it takes twice, and what it takes for kept.

use super::{asleep::Life, until};
use crate::domain::story::home;
use async_trait::async_trait;
use buckler::{
    domain::{incident::Policy, time::Timestamp},
    server::{
        clock::{Boot, Clock, TimeSource},
        engine::device::Ids,
        homes::Homes,
        live_events::LiveEvents,
        mqtt::{
            MqttDevices,
            broker::{
                Broker, Connection, ConnectionEnded, Dial, Incoming, NotQueued, Outgoing, Receipt,
                Session,
            },
            buttons::{Buttons, TakenPress, codes_on_disk, raise_what_is_pressed},
            connect_over,
            settings::Settings,
        },
        sirens::NoDevices,
        tasks::Tasks,
    },
};
use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{
    sync::{mpsc, watch},
    time::timeout,
};

const PANIC: &[u8] = br#"{"action":"panic"}"#;
const DISARM: &[u8] = br#"{"action":"disarm","action_code":"4711"}"#;

#[derive(Debug)]
struct Machine;

#[async_trait]
impl TimeSource for Machine {
    fn wall(&self) -> Timestamp {
        Timestamp::from_millis(1_795_435_200_000)
    }
    fn boot(&self) -> Option<Boot> {
        None
    }
}

/// What the server tells the broker.
#[derive(Debug, PartialEq, Eq)]
enum Told {
    Published(String, Vec<u8>),
    Acknowledged(u16),
}

type Event = Result<Incoming, ConnectionEnded>;

/// The connections of the buttons: where the test puts what they get, each when it is dialed.
struct Dials(mpsc::UnboundedSender<Line>);

/// A connection as the broker has it.
struct Line {
    to_server: mpsc::UnboundedSender<Event>,
    from_server: mpsc::UnboundedReceiver<Told>,
}

struct End {
    events: mpsc::UnboundedReceiver<Event>,
    told: mpsc::UnboundedSender<Told>,
}

struct Half(mpsc::UnboundedSender<Told>);

impl Dial for Dials {
    fn dial(&self, session: &Session) -> Box<dyn Connection> {
        let (to_server, events) = mpsc::unbounded_channel();
        let (told, from_server) = mpsc::unbounded_channel();
        // The connection of the sirens never opens.
        if session.kept_for.is_some() {
            self.0.send(Line { to_server, from_server }).unwrap();
        } else {
            std::mem::forget(to_server);
        }
        Box::new(End { events, told })
    }
}

#[async_trait]
impl Connection for End {
    fn broker(&self) -> Arc<dyn Broker> {
        Arc::new(Half(self.told.clone()))
    }
    async fn next(&mut self) -> Event {
        let gone = || ConnectionEnded::Failed(Arc::new(io::Error::other("gone")));
        self.events.recv().await.unwrap_or_else(|| Err(gone()))
    }
    async fn end(&mut self, _: Outgoing) {}
}

impl Broker for Half {
    fn publish(&self, message: Outgoing) -> Result<(), NotQueued> {
        self.0.send(Told::Published(message.topic, message.payload)).map_err(not_queued)
    }
    fn subscribe(&self, _: &str) -> Result<(), NotQueued> {
        Ok(())
    }
    fn unsubscribe(&self, _: &str) -> Result<(), NotQueued> {
        Ok(())
    }
    fn acknowledge(&self, receipt: Receipt) -> Result<(), NotQueued> {
        self.0.send(Told::Acknowledged(receipt.id)).map_err(not_queued)
    }
}

fn not_queued(error: mpsc::error::SendError<Told>) -> NotQueued {
    NotQueued(Arc::new(io::Error::other(error.to_string())))
}

/// What comes, which takes a while at most.
async fn soon<T>(comes: impl Future<Output = Option<T>>) -> T {
    timeout(Duration::from_secs(60), comes).await.expect("it comes").expect("it comes")
}

/// A server that listens to one keypad, and what is pressed there.
struct Listening {
    lines: mpsc::UnboundedReceiver<Line>,
    presses: mpsc::Receiver<TakenPress>,
    devices: Arc<MqttDevices>,
    stop: watch::Sender<bool>,
    tasks: Tasks,
}

impl Listening {
    fn start() -> Self {
        Self::of("lake-cabin", Arc::new(Clock::new(Machine)))
    }

    fn of(home: &str, clock: Arc<Clock>) -> Self {
        let settings: Settings = toml::from_str(&format!(
            "broker = \"mqtt://broker.invalid\"\n[[button]]\nhome = \"{home}\"\nname = \"Keypad\"\ntopic = \"keypad\"\n\
             codes_file = \"codes\"\npress = {{ panic = \"police\", disarm = \"cancel\" }}\n",
        ))
        .unwrap();
        let ((pressed, presses), (stopped, _)) = (mpsc::channel(64), mpsc::channel(1));
        let live_events = Arc::new(LiveEvents::default());
        let devices =
            MqttDevices::new(&settings, clock, live_events, Arc::new(NoDevices), pressed, stopped)
                .unwrap();
        let (stop, stops) = watch::channel(false);
        let (dialed, lines) = mpsc::unbounded_channel();
        let tasks = Tasks::new(stops);
        connect_over(devices.clone(), Arc::new(Dials(dialed)), &settings, &tasks);
        Self { lines, presses, devices, stop, tasks }
    }

    async fn press(&mut self) -> TakenPress {
        soon(self.presses.recv()).await
    }
}

impl Line {
    fn opens(&self, resumed: bool) {
        self.to_server.send(Ok(Incoming::Connected { resumed })).unwrap();
    }

    fn says(&self, topic: &str, payload: &[u8], id: u16, is_again: bool) {
        let receipt = Some(Receipt { id, is_again });
        let (topic, payload) = (topic.as_bytes().to_vec(), payload.to_vec());
        let message = Incoming::Message { topic, payload, retained: false, receipt };
        self.to_server.send(Ok(message)).unwrap();
    }

    /// The connection breaks.
    fn breaks(self) {}

    /// The probe that the server has published.
    async fn probe(&mut self) -> Vec<u8> {
        match soon(self.from_server.recv()).await {
            Told::Published(topic, payload) if topic == "buckler/buttons/probe" => payload,
            other => panic!("{other:?} is no probe"),
        }
    }

    async fn acknowledged(&mut self) -> u16 {
        match soon(self.from_server.recv()).await {
            Told::Acknowledged(id) => id,
            other => panic!("{other:?} is no acknowledgment"),
        }
    }

    /// Nothing is acknowledged, however long one waits.
    async fn acknowledges_nothing(&mut self) {
        let told = timeout(Duration::from_secs(3_600), self.from_server.recv()).await;
        assert!(told.is_err(), "{told:?}");
    }
}

/// I10. A server that is killed before it has stored a press gets it again.
#[tokio::test(start_paused = true)]
async fn press_is_acknowledged_once_it_is_stored() {
    let mut server = Listening::start();
    let mut line = server.lines.recv().await.unwrap();
    line.opens(false);
    line.says("keypad", PANIC, 1, false);
    line.says("keypad", br#"{"action":"","battery":3}"#, 2, false);
    let press = server.press().await;
    line.acknowledges_nothing().await;
    press.taken.done();
    assert_eq!((line.acknowledged().await, line.acknowledged().await), (1, 2), "in their order");
    // One whose handling panics is not sent again and again.
    line.says("keypad", PANIC, 3, false);
    drop(server.press().await);
    assert_eq!(line.acknowledged().await, 3);
}

/// I10. The broker keeps it for the server that starts next.
#[tokio::test(start_paused = true)]
async fn press_that_the_last_server_left_is_not_acknowledged() {
    let mut server = Listening::start();
    let mut line = server.lines.recv().await.unwrap();
    line.opens(false);
    line.says("keypad", PANIC, 1, false);
    line.says("keypad", DISARM, 2, false);
    line.says("keypad", br#"{"action":"disarm","action_code":"4712"}"#, 3, false);
    let presses = [server.press().await, server.press().await, server.press().await];
    server.stop.send_replace(true);
    let [first, second, third] = presses;
    first.taken.done();
    second.taken.left();
    third.taken.done();
    server.tasks.finish().await;
    assert_eq!(line.acknowledged().await, 1);
    assert_eq!(line.from_server.recv().await, None, "the order is kept, and the rest waits");
}

/// The broker sends again what is not acknowledged, also to the server that still tries to store it.
#[tokio::test(start_paused = true)]
async fn press_that_comes_again_is_taken_once() {
    let mut server = Listening::start();
    let line = server.lines.recv().await.unwrap();
    line.opens(false);
    line.says("keypad", PANIC, 7, false);
    let press = server.press().await;
    // A repetition within three seconds would be the same press anyway.
    tokio::time::advance(Duration::from_secs(5)).await;
    line.breaks();
    let mut line = server.lines.recv().await.unwrap();
    line.opens(true);
    let probe = line.probe().await;
    line.says("keypad", PANIC, 7, true);
    line.says("buckler/buttons/probe", &probe, 8, false);
    press.taken.done();
    assert_eq!((line.acknowledged().await, line.acknowledged().await), (7, 8));
    assert!(server.presses.try_recv().is_err(), "it was taken on the connection before");
    // The id is free now, and names another press.
    line.says("keypad", PANIC, 7, false);
    server.press().await;
}

/// I10. What the broker kept comes at once, and a disk that works has stored it within a second.
#[tokio::test(start_paused = true)]
async fn presses_that_come_at_once_are_stored_before() {
    let mut server = Listening::start();
    let mut line = server.lines.recv().await.unwrap();
    line.opens(false);
    let mut presses = Vec::new();
    for id in 1..=12 {
        // The same press again would be a repetition.
        let disarm = format!(r#"{{"action":"disarm","action_code":"{id}"}}"#);
        line.says("keypad", disarm.as_bytes(), id, false);
        presses.push(server.press().await);
    }
    let early = timeout(Duration::from_millis(900), line.from_server.recv()).await;
    assert!(early.is_err(), "{early:?}");
    presses.into_iter().for_each(|press| press.taken.done());
    for id in 1..=12 {
        assert_eq!(line.acknowledged().await, id);
    }
}

/// F5. The disk was full when somebody pressed in the evening, and the machine slept until morning.
#[tokio::test]
async fn press_of_before_a_night_asleep_begins_nothing() {
    let (folder, full) = (tempfile::tempdir().unwrap(), Arc::new(AtomicBool::new(true)));
    let life = Life::with_full_disk(&folder, full.clone()).await;
    let home = home();
    let mut server = Listening::of(home.id.as_str(), life.clock.clone());
    let homes = Arc::new(Homes::default());
    homes.committed(&Arc::new(home), 1);
    let buttons = Buttons {
        broker: server.devices.clone(),
        attempts: Arc::default(),
        engine: life.engine.clone(),
        homes,
        clock: life.clock.clone(),
        policy: Policy::default(),
        readiness: Arc::new(|_| unreachable!("nobody practices")),
        ids: Ids::random(),
        read_codes: codes_on_disk(),
    };
    tokio::spawn(raise_what_is_pressed(buttons, server.presses, server.stop.subscribe()));
    let mut line = server.lines.recv().await.unwrap();
    line.opens(false);
    line.says("keypad", PANIC, 1, false);
    let is_tried = async || (!full.load(Ordering::Relaxed)).then_some(());
    until("the disk refused it", is_tried).await;
    life.sleep(Duration::from_secs(8 * 3_600));
    assert_eq!(line.acknowledged().await, 1);
    assert_eq!(life.engine.view().running().len(), 0);
}

/// A disk that stores nothing holds up presses, and no code that comes after them.
#[tokio::test(start_paused = true)]
async fn code_does_not_wait_behind_presses_that_cannot_be_stored() {
    let mut server = Listening::start();
    let mut line = server.lines.recv().await.unwrap();
    line.opens(false);
    let mut presses = Vec::new();
    for id in 1..=12 {
        line.says("keypad", PANIC, id, false);
        presses.push(server.press().await);
        tokio::time::advance(Duration::from_secs(4)).await;
    }
    // A broker that sends ten unacknowledged messages at most sends on.
    for id in 1..=4 {
        assert_eq!(line.acknowledged().await, id);
    }
    line.acknowledges_nothing().await;
}

/// I30. The echo of the first connection comes before the code that the broker kept.
#[tokio::test(start_paused = true)]
async fn echo_of_an_earlier_connection_proves_nothing() {
    let mut server = Listening::start();
    let mut line = server.lines.recv().await.unwrap();
    line.opens(true);
    let earlier = line.probe().await;
    line.breaks();
    let mut line = server.lines.recv().await.unwrap();
    line.opens(true);
    let probe = line.probe().await;
    line.says("buckler/buttons/probe", &earlier, 1, true);
    line.says("keypad", DISARM, 2, false);
    assert!(server.press().await.press.queued, "the broker kept it");
    line.says("buckler/buttons/probe", &probe, 3, false);
    line.says("keypad", PANIC, 4, false);
    assert!(!server.press().await.press.queued);
}
