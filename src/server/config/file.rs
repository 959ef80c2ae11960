//! The configuration file: its keys, how it is read, and how it is written.

use super::{Config, ConfigError};
use crate::server::{
    cameras::Settings as Cameras,
    dc09::settings::Center,
    mqtt::{self, settings::Settings as Mqtt},
    tls::Files,
    webhooks::settings::{Hook, Reporter},
};
use serde::{Deserialize, Serialize};
use std::{
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
};

/// The configuration file.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct File {
    pub(super) listen: Option<SocketAddr>,
    pub(super) data: Option<PathBuf>,
    pub(super) trusted_proxies: Vec<IpAddr>,
    pub(super) plain_http: bool,
    pub(super) tls_cert: Option<PathBuf>,
    pub(super) tls_key: Option<PathBuf>,
    pub(super) public_url: Option<String>,
    pub(super) hosts: Vec<String>,
    pub(super) metrics_listen: Option<SocketAddr>,
    pub(super) ffmpeg: Option<PathBuf>,
    pub(super) proof_lasts: Option<String>,
    pub(super) center: Center,
    pub(super) cameras: Cameras,
    pub(super) mqtt: Option<Mqtt>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) webhook: Vec<Hook>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) reporter: Vec<Reporter>,
}

impl From<Config> for File {
    /// A file that says everything, also what is the default.
    fn from(config: Config) -> Self {
        let (tls_cert, tls_key) = config.tls.map(|Files { cert, key }| (cert, key)).unzip();
        Self {
            listen: Some(config.listen),
            data: Some(config.data),
            trusted_proxies: config.trusted_proxies,
            plain_http: config.plain_http,
            tls_cert,
            tls_key,
            public_url: config.public_url.map(Into::into),
            hosts: config.hosts,
            metrics_listen: config.metrics_listen,
            ffmpeg: config.ffmpeg,
            proof_lasts: Some(humantime::format_duration(config.proof_lasts).to_string()),
            center: config.center,
            cameras: config.cameras,
            mqtt: config.mqtt,
            webhook: config.webhooks,
            reporter: config.reporters,
        }
    }
}

/// Reads a file. Old names of keys still work, with a warning.
///
/// # Errors
/// The file cannot be read, is not TOML, or has an unknown key or a wrong value.
pub(super) fn read(path: &Path) -> Result<File, ConfigError> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| ConfigError::Read { file: path.into(), source })?;
    let failed =
        |error: toml::de::Error| ConfigError::Parse { file: path.into(), source: error.into() };
    // Only a file that is not valid as it is may have older names; the text has the places of
    // errors, and the table has none.
    let error = match toml::from_str(&text) {
        Ok(file) => return Ok(file),
        Err(error) => error,
    };
    let mut table = text.parse::<toml::Table>().map_err(failed)?;
    let renamed = mqtt::renamed::rename(&mut table);
    if renamed.is_empty() {
        return Err(failed(error));
    }
    for (old, new) in renamed {
        tracing::warn!(
            old,
            new,
            "the configuration uses the old name of a key under mqtt; it works until the next release"
        );
    }
    table.try_into().map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::{config::Options, reach::Reach};

    #[test]
    fn unknown_keys_are_refused_with_file_and_line() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "listen = \"127.0.0.1:1\"\n[center]\nringtimeout = \"3s\"\n")
            .unwrap();
        let error = Config::new(Options { config: Some(file.path().into()), ..Options::default() })
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("line 3")
                && error.contains("ringtimeout")
                && error.contains("ring_timeout"),
            "{error}"
        );
    }

    #[test]
    fn old_names_of_keys_still_work() {
        let read = |text: &str| {
            let file = tempfile::NamedTempFile::new().unwrap();
            std::fs::write(file.path(), text).unwrap();
            Config::new(Options { config: Some(file.path().into()), ..Options::default() })
                .map(|config| config.mqtt.unwrap())
        };
        let new = r#"
            [mqtt]
            broker = "mqtt://127.0.0.1"
            topic_prefix = { maple-street = "maple" }
            [[mqtt.siren]]
            home = "maple-street"
            device = "base"
            profile = "mine"
            name = "hall"
            heartbeat_timeout = "25h"
            [[mqtt.button]]
            home = "maple-street"
            name = "Bedside"
            topic = "button"
            json_pointer = "/action"
            press = { single = "police" }
            heartbeat_timeout = "90s"
            [mqtt.profile.mine]
            on = { topic = "{name}/set", payload = "ON" }
            off = { topic = "{name}/set", payload = "OFF" }
            state = { topic = "{name}", json_pointer = "/state", on = "ON", off = "OFF" }
            availability = { topic = "{name}/up", json_pointer = "/up", online = "yes", offline = "no" }
            heartbeat_timeout = "1h"
            noop_payload = "{}"
        "#;
        let mut old = new
            .replace("topic_prefix", "chosen")
            .replace("json_pointer", "at")
            .replace("noop_payload", "nothing");
        for (text, seconds) in [("25h", "90000"), ("90s", "90"), ("1h", "3600")] {
            old = old.replace(
                &format!("heartbeat_timeout = \"{text}\""),
                &format!("silent_seconds = {seconds}"),
            );
        }
        assert!(!old.contains("heartbeat_timeout"), "{old}");
        assert_eq!(read(&old).unwrap(), read(new).unwrap());
        let both = format!("{new}\nsilent_seconds = 7\n");
        assert!(
            read(&both).unwrap_err().to_string().contains("silent_seconds"),
            "a key that is there under both names is refused"
        );
    }

    #[test]
    fn what_is_printed_can_be_read_again() {
        let mut config = Config::new(Options {
            center_phone: Some("+15035550100".into()),
            public_url: Some("https://sos.example.org".into()),
            hosts: vec!["sos.example.net".into()],
            metrics_listen: Some("127.0.0.1:9464".parse().unwrap()),
            tls_cert: Some("cert.pem".into()),
            tls_key: Some("key.pem".into()),
            ..Options::default()
        })
        .unwrap();
        config.cameras = Cameras {
            reach: Reach(vec!["203.0.113.8/32".parse().unwrap()]),
            search: vec!["192.168.20.11".parse().unwrap()],
        };
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), config.to_toml().unwrap()).unwrap();
        assert_eq!(
            Config::new(Options { config: Some(file.path().into()), ..Options::default() })
                .unwrap(),
            config
        );
    }
}
