//! The tables `webhook` and `reporter` of the configuration: servers that get the steps of
//! incidents, and services that may report on them.

use crate::domain::id::HomeId;
use serde::{Deserialize, Serialize};
use standardwebhooks::Webhook;
use std::{
    collections::BTreeSet,
    io,
    path::{Path, PathBuf},
};
use url::{Host, Url};

/// The shortest secret, bytes (Standard Webhooks).
const SECRET_LEAST: usize = 24;

/// A server that gets the steps of incidents.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hook {
    /// The address: `https://`, or `http://` to a local or private address.
    pub url: Url,
    /// The file with the secret: `whsec_` and base64 of at least 24 bytes.
    pub secret_file: PathBuf,
    /// The homes whose incidents are sent; empty for all.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub homes: BTreeSet<HomeId>,
    /// Whether drills are sent, too.
    #[serde(default)]
    pub drills: bool,
}

/// A service that may report the progress of help.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reporter {
    /// Its short name in the path: lower-case letters, digits and hyphens.
    pub name: String,
    /// Its name on the timeline.
    pub title: String,
    /// The file with its secret.
    pub secret_file: PathBuf,
    /// The homes that it may report on; empty for all.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub homes: BTreeSet<HomeId>,
}

/// Why the tables `webhook` and `reporter` of the configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The address of a webhook is on another network, and not HTTPS.
    #[error("a webhook is https://…, or http:// to a number in this house, not “{url}”")]
    Address {
        /// The address.
        url: Url,
    },
    /// The address of a webhook has a user name or a password. Does not repeat them.
    #[error(
        "the address of a webhook must not contain a user name or a password: each message has a signature instead"
    )]
    Credentials,
    /// Two webhooks have the same address.
    #[error("the webhook {url} stands there twice")]
    Twice {
        /// The address.
        url: Url,
    },
    /// The name of a reporter has the wrong form, or is that of another.
    #[error("a reporter has a short name of its own, of a to z, 0 to 9 and -, not “{name}”")]
    ReporterName {
        /// The name.
        name: String,
    },
    /// The file of a secret cannot be read.
    #[error("cannot read {}: {source}", file.display())]
    SecretFile {
        /// The file.
        file: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The file of a secret contains no valid secret.
    #[error("{}: {source}", file.display())]
    Secret {
        /// The file.
        file: PathBuf,
        /// The cause.
        source: NotASecret,
    },
}

/// Why a text is not a secret. Reveals no part of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotASecret {
    /// The prefix is missing.
    #[error("a secret begins with whsec_")]
    Prefix,
    /// It is not base64.
    #[error("behind whsec_ comes base64")]
    Base64,
    /// It is too short.
    #[error("a secret has at least {SECRET_LEAST} bytes: openssl rand -base64 32 makes one")]
    Short,
}

/// Reads the secret from a file.
///
/// # Errors
/// A file that cannot be read, or that contains no valid secret.
pub fn secret(file: &Path) -> Result<Webhook, SettingsError> {
    let text = std::fs::read_to_string(file)
        .map_err(|source| SettingsError::SecretFile { file: file.into(), source })?;
    parse(text.trim()).map_err(|source| SettingsError::Secret { file: file.into(), source })
}

fn parse(text: &str) -> Result<Webhook, NotASecret> {
    let bytes = text.strip_prefix("whsec_").ok_or(NotASecret::Prefix)?;
    let length = bytes.trim_end_matches('=').len() * 3 / 4;
    let secret = Webhook::new(text).map_err(|_| NotASecret::Base64)?;
    (length >= SECRET_LEAST).then_some(secret).ok_or(NotASecret::Short)
}

/// Checks the tables, and reads the secrets.
///
/// # Errors
/// What is wrong, and what is allowed.
pub fn look_at(hooks: &[Hook], reporters: &[Reporter]) -> Result<(), SettingsError> {
    let mut seen = BTreeSet::new();
    for hook in hooks {
        let near = match hook.url.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(ip)) => ip.is_loopback() || ip.is_private(),
            Some(Host::Ipv6(ip)) => ip.is_loopback() || ip.is_unique_local(),
            None => false,
        };
        if hook.url.scheme() != "https" && !(hook.url.scheme() == "http" && near) {
            return Err(SettingsError::Address { url: hook.url.clone() });
        }
        if !hook.url.username().is_empty() || hook.url.password().is_some() {
            return Err(SettingsError::Credentials);
        }
        if !seen.insert(hook.url.as_str()) {
            return Err(SettingsError::Twice { url: hook.url.clone() });
        }
        secret(&hook.secret_file)?;
    }
    for reporter in reporters {
        let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if reporter.name.is_empty()
            || !reporter.name.chars().all(good)
            || !seen.insert(&reporter.name)
        {
            return Err(SettingsError::ReporterName { name: reporter.name.clone() });
        }
        secret(&reporter.secret_file)?;
    }
    Ok(())
}
