//! What sirens and buttons need of a broker: a seam, so that their code runs over a simulated broker
//! as well.

use async_trait::async_trait;
use std::{error::Error, sync::Arc, time::Duration};

/// A message to the broker, which must acknowledge it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// The topic.
    pub topic: String,
    /// The payload.
    pub payload: Vec<u8>,
    /// Whether the broker retains it for later subscribers.
    pub retain: bool,
    /// How long the broker may deliver it.
    pub expires: Option<Duration>,
    /// The key of the command to a device.
    pub key: Option<String>,
}

impl Outgoing {
    /// A message that nobody retains and that does not expire.
    pub fn new(topic: impl Into<String>, payload: impl Into<Vec<u8>>) -> Self {
        let (topic, payload) = (topic.into(), payload.into());
        Self { topic, payload, retain: false, expires: None, key: None }
    }

    /// The same message, retained.
    pub fn retained(self) -> Self {
        Self { retain: true, ..self }
    }
}

/// Why something was not queued: there is no room, or no connection.
#[derive(Clone, Debug, thiserror::Error)]
#[error("could not be queued")]
pub struct NotQueued(#[source] pub Arc<dyn Error + Send + Sync>);

/// Why a connection to the broker ended.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ConnectionEnded {
    /// The broker refused or ended it, or the network failed.
    #[error("the connection failed")]
    Failed(#[source] Arc<dyn Error + Send + Sync>),
    /// A subscription or the first message could not be queued.
    #[error(transparent)]
    NotQueued(#[from] NotQueued),
    /// The broker kept a session that lacks a subscription.
    #[error("the session lacks a subscription")]
    IncompleteSession,
}

/// The broker's word for a message that it delivers again until it is acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The id, which the broker gives to no other message before it is acknowledged.
    pub id: u16,
    /// Whether the broker has sent it before, perhaps on another connection of the session.
    pub is_again: bool,
}

/// The sending half of one connection. Never waits.
pub trait Broker: Send + Sync + 'static {
    /// Queues a message.
    ///
    /// # Errors
    /// There is no room, or no connection.
    fn publish(&self, message: Outgoing) -> Result<(), NotQueued>;
    /// Queues a subscription.
    ///
    /// # Errors
    /// There is no room, or no connection.
    fn subscribe(&self, topic: &str) -> Result<(), NotQueued>;
    /// Queues the end of a subscription.
    ///
    /// # Errors
    /// There is no room, or no connection.
    fn unsubscribe(&self, topic: &str) -> Result<(), NotQueued>;
    /// Queues the acknowledgment of a message of this connection.
    ///
    /// # Errors
    /// There is no room, or no connection.
    fn acknowledge(&self, receipt: Receipt) -> Result<(), NotQueued>;
}

/// What comes from the broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Incoming {
    /// The connection is open.
    Connected {
        /// Whether the broker has kept the session.
        resumed: bool,
    },
    /// A message.
    Message {
        /// The topic.
        topic: Vec<u8>,
        /// The payload.
        payload: Vec<u8>,
        /// Whether the broker had retained it.
        retained: bool,
        /// What to acknowledge, on a connection whose session the broker keeps.
        receipt: Option<Receipt>,
    },
    /// The broker refuses a subscription.
    SubscriptionRefused,
}

/// One connection, from the attempt to its end.
#[async_trait]
pub trait Connection: Send {
    /// Its sending half.
    fn broker(&self) -> Arc<dyn Broker>;
    /// Waits for the next event. Nothing is lost if this is dropped where it waits.
    ///
    /// # Errors
    /// Why the connection ended.
    async fn next(&mut self) -> Result<Incoming, ConnectionEnded>;
    /// Sends this after all that is queued, and waits until the broker has it or the connection ends.
    async fn end(&mut self, last: Outgoing);
}

/// What a connection asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// The client id at the broker.
    pub client_id: String,
    /// Whether what the broker has kept of this session is dropped.
    pub clean: bool,
    /// How long the broker keeps the session after the connection; absent: not at all. Messages in a
    /// session that is kept are acknowledged by [`Broker::acknowledge`], all others by themselves.
    pub kept_for: Option<Duration>,
    /// What the broker publishes if the connection is lost.
    pub will: Option<Outgoing>,
    /// The most messages and subscriptions in the queue.
    pub capacity: usize,
}

/// Opens connections to a broker.
pub trait Dial: Send + Sync + 'static {
    /// Begins a connection, which its first event reports.
    fn dial(&self, session: &Session) -> Box<dyn Connection>;
}
