//! The table `center` of the configuration: the monitoring center, and how it is reached.

use super::codec::{Format, Key, NotAKey};
use crate::domain::{id::HomeId, incident::CenterMode};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
    str::FromStr,
    time::Duration,
};

/// The table `center`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Center {
    /// Who handles an incident first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<CenterMode>,
    /// How long the first call rings.
    pub(crate) ring_timeout: Option<String>,
    /// How long an answered call may go without a decision.
    pub(crate) talk_timeout: Option<String>,
    /// How long operators at the console have to claim an incident.
    pub(crate) unclaimed_after: Option<String>,
    /// The number from which the center calls.
    pub(crate) phone: Option<String>,
    /// The receiving center, for the mode `receiver`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receiver: Option<Receiver>,
    /// The receiver for others' alarm panels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listener: Option<Listener>,
}

/// How to signal a receiving center (ANSI/SIA DC-09).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Receiver {
    /// The main receiver.
    pub main: Peer,
    /// The receiver that is used if the main one does not acknowledge.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backup: Option<Peer>,
    /// The format of events.
    #[serde(default)]
    pub format: Format,
    /// `R`, 1 to 6 hexadecimal digits.
    #[serde(default = "one")]
    pub receiver: String,
    /// `L`, 1 to 6 hexadecimal digits.
    #[serde(default = "zero")]
    pub line: String,
    /// The key file, 32, 48 or 64 hexadecimal digits. Without it, nothing is encrypted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_file: Option<PathBuf>,
    /// How often to check whether the center answers, from 1 s to 86,400 s.
    #[serde(default = "five_minutes")]
    pub supervision: String,
    /// How long a receiver has to acknowledge, from 1 s to 30 s.
    #[serde(default = "five_seconds")]
    pub acknowledged_within: String,
    /// Whether drills are sent, as tests.
    #[serde(default)]
    pub drills: bool,
    /// The account of each home at the center, 3 to 16 hexadecimal digits.
    pub accounts: BTreeMap<HomeId, String>,
}

/// The receiving center for alarm panels and other Bucklers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listener {
    /// The address to listen on.
    pub listen: Peer,
    /// The panel of each account.
    pub accounts: BTreeMap<String, Panel>,
}

/// An alarm panel that signals to this server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Panel {
    /// The home of the panel.
    pub home: HomeId,
    /// The file of its key. A panel with a key must encrypt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_file: Option<PathBuf>,
    /// What an alarm does whose sender is not proved. Without it, Buckler believes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unproven: Option<Unproven>,
}

/// What an alarm of a panel does that a party on the way may have forged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unproven {
    /// It counts down like a request at home, and then the first contact is asked.
    CallFirst,
}

fn one() -> String {
    "1".into()
}
fn zero() -> String {
    "0".into()
}
fn five_minutes() -> String {
    "5m".into()
}
fn five_seconds() -> String {
    "5s".into()
}

/// The text is not the address of a receiver.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a receiver is tcp://host:port or udp://host:port, not “{0}”")]
pub struct NotAPeer(pub String);

/// Why the table `center` of the configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The mode is `receiver`, and there is no receiving center.
    #[error("center.mode = \"receiver\" needs the table [center.receiver]")]
    NoReceiver,
    /// The file of a key cannot be read.
    #[error("cannot read {}: {source}", file.display())]
    KeyFile {
        /// The file.
        file: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The file of a key contains no key.
    #[error("{}: {source}", file.display())]
    Key {
        /// The file.
        file: PathBuf,
        /// The cause.
        source: NotAKey,
    },
    /// `receiver` or `line` has the wrong form.
    #[error("center.receiver: receiver and line are 1 to 6 hexadecimal digits, not “{text}”")]
    ReceiverOrLine {
        /// The value.
        text: String,
    },
    /// An account has the wrong form.
    #[error("an account is 3 to 16 hexadecimal digits, not “{account}”")]
    Account {
        /// The account.
        account: String,
    },
    /// The address for alarm panels has a host name.
    #[error("center.listener.listen needs a number, such as tcp://127.0.0.1:12347, not “{listen}”")]
    ListenAddress {
        /// The address.
        listen: Peer,
    },
    /// A duration is not one, or is out of bounds.
    #[error("center.receiver.{key} must be from {least_s}s to {most_s}s, not “{text}”")]
    Time {
        /// The key.
        key: &'static str,
        /// The least value, seconds.
        least_s: u64,
        /// The greatest value, seconds.
        most_s: u64,
        /// The value.
        text: String,
    },
}

/// The address of a receiver: `tcp://host:port` or `udp://host:port`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Peer {
    /// Whether over UDP.
    pub udp: bool,
    /// Host and port.
    pub at: String,
}

impl FromStr for Peer {
    type Err = NotAPeer;
    fn from_str(text: &str) -> Result<Self, NotAPeer> {
        let wrong = || NotAPeer(text.into());
        let (udp, at) = match text.split_once("://") {
            Some(("tcp", at)) => (false, at),
            Some(("udp", at)) => (true, at),
            _ => return Err(wrong()),
        };
        let port = at
            .rsplit_once(':')
            .and_then(|(host, port)| (!host.is_empty()).then(|| port.parse::<u16>().ok())?);
        port.map(|_| Self { udp, at: at.into() }).ok_or_else(wrong)
    }
}

impl TryFrom<String> for Peer {
    type Error = NotAPeer;
    fn try_from(text: String) -> Result<Self, NotAPeer> {
        text.parse()
    }
}

impl From<Peer> for String {
    fn from(peer: Peer) -> Self {
        peer.to_string()
    }
}

impl std::fmt::Display for Peer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}://{}", if self.udp { "udp" } else { "tcp" }, self.at)
    }
}

impl Center {
    /// Checks the table, and reads the keys.
    ///
    /// # Errors
    /// What is wrong, and what is allowed.
    pub fn look_at(&self) -> Result<(), SettingsError> {
        if self.mode == Some(CenterMode::Receiver) && self.receiver.is_none() {
            return Err(SettingsError::NoReceiver);
        }
        if let Some(receiver) = &self.receiver {
            key(receiver.key_file.as_deref())?;
            receiver.times()?;
            let all = [&receiver.receiver, &receiver.line].into_iter();
            if let Some(wrong) =
                all.into_iter().find(|text| text.is_empty() || text.len() > 6 || !is_hex(text))
            {
                return Err(SettingsError::ReceiverOrLine { text: wrong.clone() });
            }
            receiver.accounts.values().try_for_each(|account| is_account(account))?;
        }
        if let Some(listener) = &self.listener {
            listener.accounts.keys().try_for_each(|account| is_account(account))?;
            listener
                .accounts
                .values()
                .try_for_each(|panel| key(panel.key_file.as_deref()).map(drop))?;
            let address: Option<SocketAddr> = listener.listen.at.parse().ok();
            address
                .ok_or_else(|| SettingsError::ListenAddress { listen: listener.listen.clone() })?;
        }
        Ok(())
    }
}

impl Listener {
    /// Whether only this machine can reach it.
    pub fn is_local(&self) -> bool {
        self.listen.at.parse::<SocketAddr>().is_ok_and(|address| address.ip().is_loopback())
    }
}

impl Receiver {
    /// Returns `supervision` and `acknowledged_within`.
    ///
    /// # Errors
    /// A value that is not allowed.
    pub fn times(&self) -> Result<(Duration, Duration), SettingsError> {
        let read = |key, text: &str, least_s, most_s| {
            let wrong = || SettingsError::Time { key, least_s, most_s, text: text.into() };
            let time = humantime::parse_duration(text).map_err(|_| wrong())?;
            (Duration::from_secs(least_s)..=Duration::from_secs(most_s))
                .contains(&time)
                .then_some(time)
                .ok_or_else(wrong)
        };
        Ok((
            read("supervision", &self.supervision, 1, 86_400)?,
            read("acknowledged_within", &self.acknowledged_within, 1, 30)?,
        ))
    }
}

/// Reads the key from a file, if there is one.
///
/// # Errors
/// A file that cannot be read or that contains no key.
pub fn key(file: Option<&Path>) -> Result<Option<Key>, SettingsError> {
    let Some(file) = file else { return Ok(None) };
    let text = std::fs::read_to_string(file)
        .map_err(|source| SettingsError::KeyFile { file: file.into(), source })?;
    text.parse().map(Some).map_err(|source| SettingsError::Key { file: file.into(), source })
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_hexdigit())
}

fn is_account(account: &str) -> Result<(), SettingsError> {
    let good = (3..=16).contains(&account.len()) && is_hex(account);
    good.then_some(()).ok_or_else(|| SettingsError::Account { account: account.into() })
}
