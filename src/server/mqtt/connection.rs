//! The connections to the broker. The sirens' connection always starts clean: messages that the old
//! one had not delivered are dropped, and current commands are sent again. The buttons' connection
//! resumes its session.

use super::{
    ConnectError, MqttDevices,
    broker::{Connection, ConnectionEnded, Dial, Incoming, Outgoing, Session},
    client::RumqttcDial,
    keypad::Delivery,
    settings::Settings,
};
use crate::server::{
    clock::{instant, sleep_until},
    tasks::{Stage, Tasks, backoff},
};
use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};
use std::{convert::Infallible, sync::Arc, time::Duration};
use tokio::sync::watch;

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
                ears(settings),
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
/// press during a restart of this server is not lost, and none arrives later than a request may be
/// old (F5). The broker also keeps the subscriptions, so the client id contains a hash of the
/// topics.
fn ears(settings: &Settings) -> Session {
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
    loop {
        let mut connection = dial.dial(&session);
        let broker = connection.broker();
        // The client subscribes to the probe last. If the probe arrives, the broker has accepted
        // all other subscriptions.
        let subscribe = || {
            let mut all = devices.buttons().chain([&probe]);
            all.try_for_each(|topic| broker.subscribe(topic))
        };
        session.clean = false;
        let mut proven_by = None;
        let ended = loop {
            let event = tokio::select! {
                // No flood of messages keeps the others waiting.
                biased;
                _ = stop.wait_for(|stop| *stop) => return,
                () = sleep_until(proven_by) => {
                    session.clean = true;
                    break ConnectionEnded::IncompleteSession;
                }
                event = connection.next() => event,
            };
            match event {
                Ok(Incoming::Connected { resumed }) => {
                    pauses = backoff(PAUSE_FIRST, PAUSE_MOST);
                    // A server that ended between connecting and subscribing has left a session in
                    // which no press arrives. The client cannot subscribe in a session that it does
                    // not know, so it publishes something to itself.
                    let asked = if resumed {
                        proven_by = Some(instant() + PROVEN_WITHIN);
                        // As sure as a press, so that it arrives after those that the broker kept.
                        broker.publish(Outgoing::new(probe.clone(), ""))
                    } else {
                        subscribe()
                    };
                    if let Err(error) = asked {
                        break error.into();
                    }
                }
                Ok(Incoming::Message { topic, .. }) if topic == probe.as_bytes() => {
                    proven_by = None;
                }
                Ok(Incoming::Message { topic, payload, retained }) => {
                    let delivery = Delivery::of(retained, proven_by.is_some());
                    devices.hear(&topic, &payload, delivery)
                }
                Ok(Incoming::SubscriptionRefused) => {
                    tracing::error!(
                        "the broker refuses a subscription to buttons; see its access rights"
                    );
                }
                Err(error) => break error,
            }
        };
        log_end(&ended, "the broker is not connected; button presses are not received");
        tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => return,
            () = tokio::time::sleep(pauses.next().unwrap_or(PAUSE_MOST)) => {}
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
            Ok(Incoming::Message { topic, payload, retained }) => {
                let delivery = if retained { Delivery::Retained } else { Delivery::Live };
                devices.hear(&topic, &payload, delivery)
            }
            Ok(Incoming::SubscriptionRefused) => {}
            Err(error) => return error,
        }
    }
}
