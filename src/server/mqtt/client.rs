//! The connections to a real broker, with rumqttc.

use super::{
    ConnectError,
    broker::{
        Broker, Connection, ConnectionEnded, Dial, Incoming, NotQueued, Outgoing, Receipt, Session,
    },
    settings::Settings,
};
use async_trait::async_trait;
use rumqttc::{
    AckMode, AsyncClient, BrokerSessionResumePolicy, ClientError, Event, EventLoop, LastWill,
    ManualAck, MqttOptions, NetworkOptions, Packet, PubAck, Publish, PublishOptions, QoS, SubAck,
    SubscribeReasonCode, TlsConfiguration, Transport, mqttbytes::v5::PublishProperties,
};
use std::{path::PathBuf, sync::Arc, time::Duration};

/// The largest message that is accepted, bytes. The broker does not deliver larger ones.
const LARGEST: u32 = 64 * 1024;
/// The MQTT keep-alive interval, seconds.
const KEEP_ALIVE_S: u16 = 10;

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

/// Opens connections to the broker of the settings.
pub(super) struct RumqttcDial(MqttOptions);

impl RumqttcDial {
    /// Reads the files that the settings name once, so that an error in them is reported at startup.
    pub fn new(settings: &Settings) -> Result<Self, ConnectError> {
        options(settings).map(Self)
    }
}

impl Dial for RumqttcDial {
    fn dial(&self, session: &Session) -> Box<dyn Connection> {
        let mut options = self.0.clone();
        options.set_client_id(session.client_id.clone());
        options.set_clean_start(session.clean);
        if let Some(kept_for) = session.kept_for {
            options.set_session_expiry_interval(Some(seconds(kept_for)));
            options.set_broker_session_resume_policy(BrokerSessionResumePolicy::AllowBrokerOnly);
            options.set_ack_mode(AckMode::Manual);
        }
        if let Some(Outgoing { topic, payload, retain, .. }) = session.will.clone() {
            options.set_last_will(LastWill::new(topic, payload, QoS::AtLeastOnce, retain, None));
        }
        let (client, events) = AsyncClient::builder(options).capacity(session.capacity).build();
        let acknowledges = session.kept_for.is_some();
        Box::new(RumqttcConnection { client, events, acknowledges })
    }
}

struct RumqttcConnection {
    client: AsyncClient,
    events: EventLoop,
    /// Whether the server acknowledges messages.
    acknowledges: bool,
}

#[async_trait]
impl Connection for RumqttcConnection {
    fn broker(&self) -> Arc<dyn Broker> {
        Arc::new(self.client.clone())
    }

    async fn next(&mut self) -> Result<Incoming, ConnectionEnded> {
        loop {
            match self.events.poll().await {
                Ok(Event::Incoming(Packet::ConnAck(ack))) => {
                    return Ok(Incoming::Connected { resumed: ack.session_present });
                }
                Ok(Event::Incoming(Packet::Publish(message))) => {
                    let receipt = receipt(&message).filter(|_| self.acknowledges);
                    let Publish { topic, payload, retain, .. } = message;
                    let (topic, payload) = (topic.into(), payload.into());
                    return Ok(Incoming::Message { topic, payload, retained: retain, receipt });
                }
                Ok(Event::Incoming(Packet::SubAck(ack))) if is_refused(&ack) => {
                    return Ok(Incoming::SubscriptionRefused);
                }
                Ok(_) => {}
                Err(error) => return Err(ConnectionEnded::Failed(Arc::new(error))),
            }
        }
    }

    async fn end(&mut self, last: Outgoing) {
        let (topic, payload, options) = parts(last);
        let Ok(sent) = self.client.try_publish_tracked(topic, payload, options) else { return };
        let connected = async { while self.events.poll().await.is_ok() {} };
        tokio::select! { _ = sent.wait_async() => {}, () = connected => {} }
    }
}

impl Broker for AsyncClient {
    fn publish(&self, message: Outgoing) -> Result<(), NotQueued> {
        let (topic, payload, options) = parts(message);
        self.try_publish(topic, payload, options).map_err(not_queued)
    }

    fn subscribe(&self, topic: &str) -> Result<(), NotQueued> {
        self.try_subscribe(topic, QoS::AtLeastOnce).map_err(not_queued)
    }

    fn unsubscribe(&self, topic: &str) -> Result<(), NotQueued> {
        self.try_unsubscribe(topic).map_err(not_queued)
    }

    fn acknowledge(&self, receipt: Receipt) -> Result<(), NotQueued> {
        let ack = ManualAck::PubAck(PubAck::new(receipt.id, None));
        self.try_manual_ack(ack).map_err(not_queued)
    }
}

/// What to acknowledge of a message. The server subscribes with QoS 1, so that none has QoS 2.
fn receipt(message: &Publish) -> Option<Receipt> {
    let is_kept = message.qos == QoS::AtLeastOnce;
    is_kept.then_some(Receipt { id: message.pkid, is_again: message.dup })
}

fn not_queued(error: ClientError) -> NotQueued {
    NotQueued(Arc::new(error))
}

fn is_refused(ack: &SubAck) -> bool {
    ack.return_codes.iter().any(|code| !matches!(code, SubscribeReasonCode::Success(_)))
}

fn seconds(duration: Duration) -> u32 {
    u32::try_from(duration.as_secs()).unwrap_or(u32::MAX)
}

/// The topic, the payload and the options of a message.
fn parts(message: Outgoing) -> (String, Vec<u8>, PublishOptions) {
    let Outgoing { topic, payload, retain, expires, key } = message;
    let mut options = PublishOptions::at_least_once();
    if retain {
        options = options.retained();
    }
    if let Some(key) = key {
        options = options.properties(PublishProperties {
            message_expiry_interval: expires.map(|expires| seconds(expires).max(1)),
            content_type: payload.starts_with(b"{").then(|| "application/json".into()),
            user_properties: vec![("key".into(), key)],
            ..PublishProperties::default()
        });
    }
    (topic, payload, options)
}
