//! The connections to the broker. The sirens' connection always starts clean: messages that the old
//! one had not delivered are dropped, and current commands are sent again. The buttons' connection
//! resumes its session.

use super::{ConnectError, MqttDevices, keypad::Delivery, settings::Settings};
use crate::server::{
    clock::{instant, sleep_until},
    tasks::{Stage, Tasks, backoff},
};
use data_encoding::HEXLOWER;
use rumqttc::{
    AsyncClient, BrokerSessionResumePolicy, Event, EventLoop, LastWill, MqttOptions,
    NetworkOptions, Packet, PublishOptions, QoS, SubAck, SubscribeReasonCode, TlsConfiguration,
    Transport,
};
use sha2::{Digest, Sha256};
use std::{convert::Infallible, path::PathBuf, sync::Arc, time::Duration};
use tokio::sync::watch;

/// The first backoff before a reconnect. It doubles up to [`PAUSE_MOST`].
const PAUSE_FIRST: Duration = Duration::from_millis(250);
/// The longest backoff before a reconnect.
const PAUSE_MOST: Duration = Duration::from_secs(10);
/// How often the server looks for commands that are due for a repetition.
const TICK: Duration = Duration::from_millis(250);
/// The most messages that are queued for a connection. A siren command that finds no room is sent
/// with the next retry.
const WAITING: usize = 8_192;
/// The largest message that is accepted, bytes. The broker does not deliver larger ones.
const LARGEST: u32 = 64 * 1024;
/// How long the broker keeps presses while the server is disconnected, seconds.
const REMEMBERED_S: u32 = 60;
/// How soon the broker must deliver to a session that it has kept.
const PROVEN_WITHIN: Duration = Duration::from_secs(3);
/// The MQTT keep-alive interval, seconds.
const KEEP_ALIVE_S: u16 = 10;

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
    let mut options = options(settings)?;
    if !settings.buttons.is_empty() {
        tasks.spawn(
            "buttons behind the broker",
            hear_buttons(
                devices.clone(),
                ears(options.clone(), settings),
                format!("{}/buttons/probe", settings.client_id),
                tasks.stop(),
            ),
        );
    }
    options.set_last_will(LastWill::new(status(settings), "offline", QoS::AtLeastOnce, true, None));
    // After the engine's stage has ended, in which effects are still carried out.
    let end = tasks.end_of(Stage::Writer);
    let work = go_on(devices, options, status(settings), end);
    tasks.spawn_in(Stage::Writer, "connection to the broker", work);
    Ok(())
}

/// The MQTT options for the broker.
///
/// # Errors
/// An address that is not valid, a file that cannot be read, or a client certificate without
/// `mqtt.ca`.
pub(super) fn options(settings: &Settings) -> Result<MqttOptions, ConnectError> {
    let read = |file: &PathBuf| {
        std::fs::read(file).map_err(|source| ConnectError::File { file: file.clone(), source })
    };
    let (host, port, tls) = settings.address()?;
    let mut options = MqttOptions::new(settings.client_id.clone(), (host, port));
    options.set_keep_alive(KEEP_ALIVE_S);
    options.set_clean_start(true);
    let mut network = NetworkOptions::new();
    network.set_tcp_nodelay(true);
    options.set_network_options(network);
    options.set_max_packet_size(Some(LARGEST));
    if let Some(name) = &settings.username {
        let password = settings.password_file.as_ref().map(read).transpose()?.unwrap_or_default();
        let first = password.split(|byte| *byte == b'\n').next().unwrap_or_default();
        options.set_credentials(name.clone(), first.trim_ascii_end().to_vec());
    }
    if tls {
        let client_auth = match (&settings.cert, &settings.key) {
            (Some(cert), Some(key)) => Some((read(cert)?, read(key)?)),
            _ => None,
        };
        let tls = match &settings.ca {
            Some(ca) => TlsConfiguration::Simple { ca: read(ca)?, alpn: None, client_auth },
            None if client_auth.is_some() => return Err(ConnectError::CertWithoutCa),
            None => {
                TlsConfiguration::try_default_rustls().map_err(ConnectError::MachineCertificates)?
            }
        };
        options.set_transport(Transport::tls_with_config(tls));
    }
    Ok(options)
}

/// The topic of the status that shows others whether this server is connected.
fn status(settings: &Settings) -> String {
    format!("{}/status", settings.client_id)
}

/// The options of the buttons' own connection. The broker keeps its session for a minute, so that a
/// press during a restart of this server is not lost, and none arrives later than a request may be
/// old (F5). The broker also keeps the subscriptions, so the client id contains a hash of the
/// topics.
fn ears(mut options: MqttOptions, settings: &Settings) -> MqttOptions {
    let topics = settings
        .buttons
        .iter()
        .fold(Sha256::new(), |sum, button| sum.chain_update(&button.topic).chain_update([0]));
    let named = HEXLOWER.encode(&topics.finalize()[..4]);
    options.set_client_id(format!("{}-buttons-{named}", settings.client_id));
    options.set_clean_start(false);
    options.set_session_expiry_interval(Some(REMEMBERED_S));
    options.set_broker_session_resume_policy(BrokerSessionResumePolicy::AllowBrokerOnly);
    options
}

/// Listens to buttons, and reconnects after each failure, until the server stops.
async fn hear_buttons(
    devices: Arc<MqttDevices>,
    mut options: MqttOptions,
    probe: String,
    mut stop: watch::Receiver<bool>,
) {
    let mut pauses = backoff(PAUSE_FIRST, PAUSE_MOST);
    loop {
        let (client, mut events) = AsyncClient::builder(options.clone())
            .capacity(WAITING + devices.buttons().count())
            .build();
        // The client subscribes to the probe last. If the probe arrives, the broker has accepted
        // all other subscriptions.
        let subscribe = || {
            let mut all = devices.buttons().chain([&probe]);
            all.try_for_each(|topic| client.try_subscribe(topic.clone(), QoS::AtLeastOnce))
        };
        options.set_clean_start(false);
        let mut proven_by = None;
        let ended = loop {
            let event = tokio::select! {
                event = events.poll() => event,
                () = sleep_until(proven_by) => {
                    options.set_clean_start(true);
                    break "its session does not have every subscription".to_owned();
                }
                _ = stop.wait_for(|stop| *stop) => return,
            };
            match event {
                Ok(Event::Incoming(Packet::ConnAck(ack))) => {
                    pauses = backoff(PAUSE_FIRST, PAUSE_MOST);
                    // A server that ended between connecting and subscribing has left a session in
                    // which no press arrives. The client cannot subscribe in a session that it does
                    // not know, so it publishes something to itself.
                    let asked = if ack.session_present {
                        proven_by = Some(instant() + PROVEN_WITHIN);
                        // As sure as a press, so that it arrives after those that the broker kept.
                        client.try_publish(probe.clone(), "", PublishOptions::at_least_once())
                    } else {
                        subscribe()
                    };
                    if let Err(error) = asked {
                        break error.to_string();
                    }
                }
                Ok(Event::Incoming(Packet::Publish(message))) if message.topic == probe => {
                    proven_by = None;
                }
                Ok(Event::Incoming(Packet::Publish(message))) => {
                    let delivery = Delivery::of(message.retain, proven_by.is_some());
                    devices.hear(&message.topic, &message.payload, delivery)
                }
                Ok(Event::Incoming(Packet::SubAck(ack))) if is_refused(&ack) => {
                    tracing::error!(
                        "the broker refuses a subscription to buttons; see its access rights"
                    );
                }
                Ok(_) => {}
                Err(error) => break error.to_string(),
            }
        };
        tracing::warn!(error = %ended, "the broker is not connected; button presses are not received");
        tokio::select! {
            () = tokio::time::sleep(pauses.next().unwrap_or(PAUSE_MOST)) => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
    }
}

fn is_refused(ack: &SubAck) -> bool {
    ack.return_codes.iter().any(|code| !matches!(code, SubscribeReasonCode::Success(_)))
}

/// Connects, and reconnects after each failure, until the server stops.
async fn go_on(
    devices: Arc<MqttDevices>,
    options: MqttOptions,
    status: String,
    mut stop: watch::Receiver<bool>,
) {
    let mut pauses = backoff(PAUSE_FIRST, PAUSE_MOST);
    loop {
        // The queue has room for all subscriptions at once.
        let (client, mut events) = AsyncClient::builder(options.clone())
            .capacity(WAITING + devices.topics().len())
            .build();
        let mut connected = false;
        let ended = tokio::select! {
            ended = listen(&devices, &client, &mut events, &status, &mut connected) => Some(ended),
            never = tick(&devices) => match never {},
            _ = stop.wait_for(|stop| *stop) => None,
        };
        devices.link(None);
        let Some(ended) = ended else {
            if connected {
                send_last(&client, &mut events, status).await;
            }
            return;
        };
        if connected {
            pauses = backoff(PAUSE_FIRST, PAUSE_MOST);
            tracing::warn!(error = %ended, "lost the connection to the broker; its sirens receive no commands");
        } else {
            tracing::warn!(error = %ended, "could not connect to the broker; its sirens receive no commands");
        }
        tokio::select! {
            () = tokio::time::sleep(pauses.next().unwrap_or(PAUSE_MOST)) => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
    }
}

/// Sends the commands that are queued, and as the last message that the server is offline. A
/// disconnect would overtake them.
async fn send_last(client: &AsyncClient, events: &mut EventLoop, status: String) {
    let offline = PublishOptions::at_least_once().retained();
    let Ok(sent) = client.try_publish_tracked(status, "offline", offline) else { return };
    let connected = async { while events.poll().await.is_ok() {} };
    tokio::select! { _ = sent.wait_async() => {}, () = connected => {} }
}

/// Sends the commands that are due for a repetition, while the connection lasts.
async fn tick(devices: &MqttDevices) -> Infallible {
    let mut tick = tokio::time::interval(TICK);
    loop {
        tick.tick().await;
        devices.tick();
    }
}

/// Listens until the connection ends. Returns the reason.
async fn listen(
    devices: &MqttDevices,
    client: &AsyncClient,
    events: &mut EventLoop,
    status: &str,
    connected: &mut bool,
) -> String {
    loop {
        match events.poll().await {
            Ok(Event::Incoming(Packet::ConnAck(_))) => {
                *connected = true;
                tracing::info!("connected to the broker");
                let mut all = devices
                    .topics()
                    .into_iter()
                    .map(|topic| client.try_subscribe(topic, QoS::AtLeastOnce));
                let online = client.try_publish(
                    status.to_owned(),
                    "online",
                    PublishOptions::at_least_once().retained(),
                );
                if let Some(error) = all.find_map(Result::err).or(online.err()) {
                    return error.to_string();
                }
                devices.link(Some(client.clone()));
            }
            Ok(Event::Incoming(Packet::Publish(message))) => {
                let delivery = if message.retain { Delivery::Retained } else { Delivery::Live };
                devices.hear(&message.topic, &message.payload, delivery)
            }
            Ok(_) => {}
            Err(error) => return error.to_string(),
        }
    }
}
