//! The tables `webhook` and `reporter` of the configuration: servers that get the steps of incidents, and services that may report on them.

use crate::domain::id::HomeId;
use serde::{Deserialize, Serialize};
use standardwebhooks::Webhook;
use std::{
    collections::BTreeSet,
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

/// Reads the secret from a file.
///
/// # Errors
/// A file that cannot be read, or that contains no valid secret.
pub fn secret(file: &Path) -> Result<Webhook, String> {
    let wrong = |why: &str| format!("{}: {why}", file.display());
    let text = std::fs::read_to_string(file).map_err(|error| format!("cannot read {}: {error}", file.display()))?;
    let text = text.trim();
    let bytes = text.strip_prefix("whsec_").ok_or_else(|| wrong("a secret begins with whsec_"))?;
    let length = bytes.trim_end_matches('=').len() * 3 / 4;
    let secret = Webhook::new(text).map_err(|_| wrong("behind whsec_ comes base64"))?;
    (length >= SECRET_LEAST).then_some(secret).ok_or_else(|| wrong("a secret has at least 24 bytes: openssl rand -base64 32 makes one"))
}

/// Checks the tables, and reads the secrets.
///
/// # Errors
/// What is wrong and what is allowed, in a sentence.
pub fn look_at(hooks: &[Hook], reporters: &[Reporter]) -> Result<(), String> {
    let mut seen = BTreeSet::new();
    for hook in hooks {
        let near = match hook.url.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(ip)) => ip.is_loopback() || ip.is_private(),
            Some(Host::Ipv6(ip)) => ip.is_loopback() || ip.is_unique_local(),
            None => false,
        };
        if hook.url.scheme() != "https" && !(hook.url.scheme() == "http" && near) {
            return Err(format!("a webhook is https://…, or http:// to a number in this house, not “{}”", hook.url));
        }
        if !hook.url.username().is_empty() || hook.url.password().is_some() {
            return Err("a webhook's address holds no user name and no password: what is sent is signed".into());
        }
        if !seen.insert(hook.url.as_str()) {
            return Err(format!("the webhook {} stands there twice", hook.url));
        }
        secret(&hook.secret_file)?;
    }
    for reporter in reporters {
        let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if reporter.name.is_empty() || !reporter.name.chars().all(good) || !seen.insert(&reporter.name) {
            return Err(format!("a reporter has a short name of its own, of a to z, 0 to 9 and -, not “{}”", reporter.name));
        }
        secret(&reporter.secret_file)?;
    }
    Ok(())
}
