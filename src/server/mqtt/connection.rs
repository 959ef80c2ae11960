//! The connections to the broker. The sirens' connection always starts clean: messages that the old
//! one had not delivered are dropped, and current commands are sent again. The buttons' connection
//! resumes its session.

use super::{
    ConnectError, MqttDevices,
    broker::{
        Broker, Connection, ConnectionEnded, Dial, Incoming, NotQueued, Outgoing, Receipt, Session,
    },
    client::RumqttcDial,
    keypad::Delivery,
    settings::Settings,
    unacknowledged::Unacknowledged,
};
use crate::server::{
    clock::{instant, sleep_until},
    stopped,
    tasks::{Stage, Tasks, backoff},
};
use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};
use std::{convert::Infallible, sync::Arc, time::Duration};
use tokio::{
    sync::watch,
    time::{Instant, timeout},
};

/// The first backoff before a reconnect. It doubles up to [`PAUSE_MOST`].
const PAUSE_FIRST: Duration = Duration::from_millis(250);
/// The longest backoff before a reconnect.
const PAUSE_MOST: Duration = Duration::from_secs(10);
/// How often the server looks, at most, for commands that are due for a repetition.
const TICK: Duration = Duration::from_millis(250);
/// The most messages that are queued for a connection. A siren command that finds no room is sent
/// with the next retry.
const WAITING: usize = 8_192;
/// How long the broker keeps presses while the server is disconnected.
const REMEMBERED: Duration = Duration::from_secs(60);
/// How long a server that ends acknowledges presses that are stored. Its tasks end a moment later.
const ACKNOWLEDGED_WITHIN: Duration = Duration::from_millis(800);
/// How long an acknowledgment takes to leave.
const SENT_WITHIN: Duration = Duration::from_millis(50);
/// How soon the broker must deliver to a session that it has kept.
const PROVEN_WITHIN: Duration = Duration::from_secs(3);

/// Starts the connections. Reads the files that the settings name once, so that an error in them is
/// reported at startup.
///
/// # Errors
/// An address that is not valid, or a file that cannot be read.
pub fn connect(
    devices: Arc<MqttDevices>,
    settings: &Settings,
    tasks: &Tasks,
) -> Result<(), ConnectError> {
    connect_over(devices, Arc::new(RumqttcDial::new(settings)?), settings, tasks);
    Ok(())
}

/// Starts the connections, which `dial` opens.
pub fn connect_over(
    devices: Arc<MqttDevices>,
    dial: Arc<dyn Dial>,
    settings: &Settings,
    tasks: &Tasks,
) {
    if !settings.buttons.is_empty() {
        tasks.spawn(
            "buttons behind the broker",
            hear_buttons(
                devices.clone(),
                dial.clone(),
                session_of_buttons(settings),
                format!("{}/buttons/probe", settings.client_id),
                tasks.stop(),
            ),
        );
    }
    let status = format!("{}/status", settings.client_id);
    let sirens = Session {
        client_id: settings.client_id.clone(),
        clean: true,
        kept_for: None,
        will: Some(Outgoing::new(status.clone(), "offline").retained()),
        capacity: WAITING,
    };
    // After the engine's stage has ended, in which effects are still carried out.
    let end = tasks.end_of(Stage::Writer);
    let work = go_on(devices, dial, sirens, status, end);
    tasks.spawn_in(Stage::Writer, "connection to the broker", work);
}

/// The session of the buttons' own connection. The broker keeps it for a minute, so that a
/// press during a restart of this server is not lost, and none arrives much later than a request
/// may be old (F5). The broker also keeps the subscriptions, so the client id contains a hash of the
/// topics.
fn session_of_buttons(settings: &Settings) -> Session {
    let topics = settings
        .buttons
        .iter()
        .fold(Sha256::new(), |sum, button| sum.chain_update(&button.topic).chain_update([0]));
    let named = HEXLOWER.encode(&topics.finalize()[..4]);
    Session {
        client_id: format!("{}-buttons-{named}", settings.client_id),
        clean: false,
        kept_for: Some(REMEMBERED),
        will: None,
        // The queue has room for all subscriptions at once.
        capacity: WAITING + settings.buttons.len(),
    }
}

/// Listens to buttons, and reconnects after each failure, until the server stops.
async fn hear_buttons(
    devices: Arc<MqttDevices>,
    dial: Arc<dyn Dial>,
    mut session: Session,
    probe: String,
    mut stop: watch::Receiver<bool>,
) {
    let mut pauses = backoff(PAUSE_FIRST, PAUSE_MOST);
    let mut ears = Ears::new(devices, probe);
    loop {
        let mut connection = dial.dial(&session);
        let broker = connection.broker();
        session.clean = false;
        ears.dials();
        let ended = loop {
            let event = tokio::select! {
                // No flood of messages keeps the others waiting.
                biased;
                () = stopped(&mut stop) => {
                    return acknowledge_what_is_stored(&mut *connection, ears.unacknowledged).await;
                }
                () = sleep_until(ears.proven_by) => {
                    session.clean = true;
                    break ConnectionEnded::IncompleteSession;
                }
                receipt = ears.unacknowledged.next() => {
                    if let Some(Err(error)) = receipt.map(|receipt| broker.acknowledge(receipt)) {
                        break error.into();
                    }
                    continue;
                }
                event = connection.next() => event,
            };
            match event {
                Ok(Incoming::Connected { resumed }) => {
                    pauses = backoff(PAUSE_FIRST, PAUSE_MOST);
                    if let Err(error) = ears.connected(&*broker, resumed) {
                        break error.into();
                    }
                }
                Ok(Incoming::Message { topic, payload, retained, receipt }) => {
                    ears.hear(&topic, &payload, retained, receipt);
                }
                Ok(Incoming::SubscriptionRefused) => {
                    tracing::error!(
                        "the broker refuses a subscription to buttons; see its access rights"
                    );
                }
                Err(error) => break error,
            }
        };
        ears.unacknowledged.disconnected();
        log_end(&ended, "the broker is not connected; button presses are not received");
        tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => return,
            () = tokio::time::sleep(pauses.next().unwrap_or(PAUSE_MOST)) => {}
        }
    }
}

/// What the connections of the buttons have in common.
struct Ears {
    devices: Arc<MqttDevices>,
    probe: String,
    dialed: u64,
    /// What this connection publishes to itself, and no other does.
    echo: String,
    /// When the session must have proved that it is complete. Until then, what arrives may have been
    /// kept.
    proven_by: Option<Instant>,
    unacknowledged: Unacknowledged,
}

impl Ears {
    fn new(devices: Arc<MqttDevices>, probe: String) -> Self {
        Self {
            devices,
            probe,
            dialed: 0,
            echo: String::new(),
            proven_by: None,
            unacknowledged: Unacknowledged::default(),
        }
    }

    /// A connection begins. The echo of an earlier one may still wait at the broker, before presses
    /// that it kept.
    fn dials(&mut self) {
        self.dialed += 1;
        let now = self.devices.clock.now().as_millis();
        (self.echo, self.proven_by) = (format!("{now} {}", self.dialed), None);
    }

    /// The connection is open. Subscribes to the buttons, or asks the session whether it has.
    ///
    /// A server that ended between connecting and subscribing has left a session in which no press
    /// arrives. The client cannot subscribe in a session that it does not know, so it publishes
    /// something to itself, as sure as a press, so that it arrives after those that the broker kept.
    fn connected(&mut self, broker: &dyn Broker, resumed: bool) -> Result<(), NotQueued> {
        if resumed {
            self.proven_by = Some(instant() + PROVEN_WITHIN);
            return broker.publish(Outgoing::new(self.probe.clone(), self.echo.clone()));
        }
        self.unacknowledged.forget();
        // The client subscribes to the probe last. If the probe arrives, the broker has accepted all
        // other subscriptions.
        let mut all = self.devices.buttons().chain([&self.probe]);
        all.try_for_each(|topic| broker.subscribe(topic))
    }

    fn hear(&mut self, topic: &[u8], payload: &[u8], retained: bool, receipt: Option<Receipt>) {
        let undone = if topic == self.probe.as_bytes() {
            self.proven_by = self.proven_by.filter(|_| payload != self.echo.as_bytes());
            None
        } else if receipt.is_some_and(|receipt| self.unacknowledged.was_taken(receipt)) {
            return;
        } else {
            let delivery = Delivery::of(retained, self.proven_by.is_some());
            self.devices.hear_button(topic, payload, delivery)
        };
        if let Some(receipt) = receipt {
            self.unacknowledged.push(receipt, undone);
        }
    }
}

/// The server ends: acknowledges what is stored meanwhile. The broker keeps the rest for the next one.
async fn acknowledge_what_is_stored(
    connection: &mut dyn Connection,
    mut unacknowledged: Unacknowledged,
) {
    let broker = connection.broker();
    let until = instant() + ACKNOWLEDGED_WITHIN;
    while !unacknowledged.is_empty() {
        tokio::select! {
            biased;
            receipt = unacknowledged.next() => {
                let Some(receipt) = receipt else { return };
                // It leaves while the client waits for the next event.
                let leaves = timeout(SENT_WITHIN, connection.next());
                if broker.acknowledge(receipt).is_err() || leaves.await.is_ok_and(|e| e.is_err()) {
                    return;
                }
            }
            // What comes now is for the next server.
            event = connection.next() => if event.is_err() { return },
            () = tokio::time::sleep_until(until) => return,
        }
    }
}

/// Logs why a connection ended, and what that means.
fn log_end(ended: &ConnectionEnded, meaning: &'static str) {
    tracing::warn!(error = ended as &dyn std::error::Error, "{meaning}");
}

/// Connects, and reconnects after each failure, until the server stops.
async fn go_on(
    devices: Arc<MqttDevices>,
    dial: Arc<dyn Dial>,
    mut session: Session,
    status: String,
    mut stop: watch::Receiver<bool>,
) {
    let mut pauses = backoff(PAUSE_FIRST, PAUSE_MOST);
    loop {
        // The queue has room for all subscriptions at once.
        session.capacity = WAITING + devices.topics().len();
        let mut connection = dial.dial(&session);
        let mut connected = false;
        let ended = tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => None,
            never = tick(&devices) => match never {},
            ended = listen(&devices, &mut *connection, &status, &mut connected) => Some(ended),
        };
        devices.link(None);
        let Some(ended) = ended else {
            if connected {
                // The commands that are queued go out before it. A disconnect would overtake them.
                connection.end(Outgoing::new(status, "offline").retained()).await;
            }
            return;
        };
        if connected {
            pauses = backoff(PAUSE_FIRST, PAUSE_MOST);
            log_end(&ended, "lost the connection to the broker; its sirens receive no commands");
        } else {
            log_end(&ended, "could not connect to the broker; its sirens receive no commands");
        }
        tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => return,
            () = tokio::time::sleep(pauses.next().unwrap_or(PAUSE_MOST)) => {}
        }
    }
}

/// Sends the commands that are due for a repetition, while the connection lasts.
async fn tick(devices: &MqttDevices) -> Infallible {
    loop {
        devices.tick();
        let next = instant() + TICK;
        tokio::select! {
            biased;
            () = sleep_until(devices.next_repeat(next)) => {}
            () = devices.told.notified() => {}
        }
        tokio::time::sleep_until(next).await;
    }
}

/// Listens until the connection ends. Returns the reason.
async fn listen(
    devices: &MqttDevices,
    connection: &mut dyn Connection,
    status: &str,
    connected: &mut bool,
) -> ConnectionEnded {
    loop {
        match connection.next().await {
            Ok(Incoming::Connected { .. }) => {
                *connected = true;
                tracing::info!("connected to the broker");
                let broker = connection.broker();
                let mut all = devices.topics().into_iter().map(|topic| broker.subscribe(&topic));
                let online = broker.publish(Outgoing::new(status, "online").retained());
                if let Some(error) = all.find_map(Result::err).or(online.err()) {
                    return error.into();
                }
                devices.link(Some(broker));
            }
            Ok(Incoming::Message { topic, payload, retained, .. }) => {
                let delivery = if retained { Delivery::Retained } else { Delivery::Live };
                devices.hear(&topic, &payload, delivery)
            }
            Ok(Incoming::SubscriptionRefused) => {}
            Err(error) => return error,
        }
    }
}
