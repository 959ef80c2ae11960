//! The configuration. The command line has priority over the environment, then the file, then the
//! defaults. Unknown keys and invalid values are refused.

use super::{
    cameras::Settings as Cameras,
    dc09::{self, settings::Center},
    mqtt::{self, settings::Settings as Mqtt},
    tls::Files,
    webhooks::settings::{self as webhooks, Hook, Reporter},
};
use crate::domain::incident::{CenterMode, Policy};
use clap::Args;
use serde::{Deserialize, Serialize};
use std::{
    fmt, io,
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    time::Duration,
};
use url::Url;

/// The options of `buckler serve`. Each is also an environment variable and a key of the
/// configuration file.
#[derive(Args, Debug, Default)]
pub struct Options {
    /// Configuration file, TOML
    #[arg(long, env = "BUCKLER_CONFIG")]
    config: Option<PathBuf>,
    /// Address to listen on [default: 127.0.0.1:8080]
    #[arg(long, env = "BUCKLER_LISTEN")]
    listen: Option<SocketAddr>,
    /// Address of a proxy that serves HTTPS and says so in `X-Forwarded-Proto`; may be given
    /// several times
    #[arg(long = "trusted-proxy", env = "BUCKLER_TRUSTED_PROXY", value_delimiter = ',')]
    trusted_proxies: Vec<IpAddr>,
    /// Certificate for HTTPS, PEM, with its chain; read again on SIGHUP
    #[arg(long, env = "BUCKLER_TLS_CERT", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// The certificate's private key, PEM
    #[arg(long, env = "BUCKLER_TLS_KEY", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// Listen beyond this machine without HTTPS: everybody on that network may read and change what
    /// is sent
    #[arg(long, env = "BUCKLER_PLAIN_HTTP")]
    plain_http: bool,
    /// Address at which browsers reach this server, https://…; passkeys are for its host. On this
    /// machine alone they are for localhost
    #[arg(long, env = "BUCKLER_PUBLIC_URL")]
    public_url: Option<String>,
    /// How long after giving the password a home can be changed without giving it again [default:
    /// 10m]
    #[arg(long, env = "BUCKLER_PROOF_LASTS", value_parser = humantime::parse_duration)]
    proof_lasts: Option<Duration>,
    /// Folder for everything that the server stores [default: data]
    #[arg(long, env = "BUCKLER_DATA")]
    data: Option<PathBuf>,
    /// Fill an empty data folder with the demo homes; listens on this machine only
    #[arg(long, env = "BUCKLER_DEMO")]
    demo: bool,
    /// Show each effect of the demo to this address, one JSON line, and wait for a line in answer
    #[arg(long, requires = "demo", hide = true)]
    demo_bench: Option<SocketAddr>,
    /// How long the first call rings [default: 30s]
    #[arg(long, env = "BUCKLER_CENTER_RING_TIMEOUT", value_parser = humantime::parse_duration)]
    center_ring_timeout: Option<Duration>,
    /// How long an answered call may go without a decision [default: 60s]
    #[arg(long, env = "BUCKLER_CENTER_TALK_TIMEOUT", value_parser = humantime::parse_duration)]
    center_talk_timeout: Option<Duration>,
    /// The number from which the center calls
    #[arg(long, env = "BUCKLER_CENTER_PHONE")]
    center_phone: Option<String>,
}

/// The configuration file.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct File {
    listen: Option<SocketAddr>,
    data: Option<PathBuf>,
    trusted_proxies: Vec<IpAddr>,
    plain_http: bool,
    tls_cert: Option<PathBuf>,
    tls_key: Option<PathBuf>,
    public_url: Option<String>,
    ffmpeg: Option<PathBuf>,
    proof_lasts: Option<String>,
    center: Center,
    cameras: Cameras,
    mqtt: Option<Mqtt>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    webhook: Vec<Hook>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    reporter: Vec<Reporter>,
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

/// The effective configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The address to listen on.
    pub listen: SocketAddr,
    /// The trusted proxies, whose headers state how a browser connected.
    pub trusted_proxies: Vec<IpAddr>,
    /// Whether the server may listen beyond this machine without HTTPS.
    pub plain_http: bool,
    /// The certificate and its key, if the server itself serves HTTPS.
    pub tls: Option<Files>,
    /// The address at which browsers reach this server, `https://` and a host.
    pub public_url: Option<Url>,
    /// How long after a proof of identity a home can be changed.
    pub proof_lasts: Duration,
    /// The folder for everything that the server stores.
    pub data: PathBuf,
    /// Whether this is the demo.
    pub demo: bool,
    /// The address that is shown every effect of a demo.
    pub demo_bench: Option<SocketAddr>,
    /// The timers of new incidents.
    pub policy: Policy,
    /// The settings of the monitoring center.
    pub center: Center,
    /// The program that makes stills of real cameras. Without it they have none.
    pub ffmpeg: Option<PathBuf>,
    /// Which networks cameras may be in, and how the server searches for them.
    pub cameras: Cameras,
    /// The MQTT broker, and the sirens and buttons behind it.
    pub mqtt: Option<Mqtt>,
    /// The servers that get webhook messages about incidents.
    pub webhooks: Vec<Hook>,
    /// The servers that may report the progress of help.
    pub reporters: Vec<Reporter>,
}

/// Why the configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read {}: {source}", file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The file is not TOML, or has an unknown key or a wrong value.
    #[error("{}: {source}", file.display())]
    Parse {
        /// The file.
        file: PathBuf,
        /// The cause.
        source: Box<toml::de::Error>,
    },
    /// A duration cannot be parsed.
    #[error("{key} must be {bounds}: “{text}”: {source}")]
    NotADuration {
        /// The key.
        key: &'static str,
        /// The allowed values.
        bounds: Bounds,
        /// The value.
        text: String,
        /// The cause.
        source: humantime::DurationError,
    },
    /// A duration is out of bounds.
    #[error("{key} must be {bounds}, not {}", humantime::format_duration(*value))]
    Duration {
        /// The key.
        key: &'static str,
        /// The allowed values.
        bounds: Bounds,
        /// The value.
        value: Duration,
    },
    /// A demo would listen beyond this machine.
    #[error(
        "the demo's passwords are public, so it listens on this machine only: use 127.0.0.1 or [::1] instead of {ip}"
    )]
    DemoListens {
        /// The address.
        ip: IpAddr,
    },
    /// A demo would listen to alarm panels beyond this machine.
    #[error(
        "a demo's panels are on this machine: center.listener.listen must be tcp://127.0.0.1:…"
    )]
    DemoPanels,
    /// There is a certificate without its key, or a key without its certificate.
    #[error("HTTPS needs both --tls-cert and --tls-key")]
    CertWithoutKey,
    /// The server would listen beyond this machine without HTTPS.
    #[error(
        "beyond this machine passwords need HTTPS: give --tls-cert and --tls-key, name the proxy that serves it with \
         --trusted-proxy, or say --plain-http to listen on {ip} without"
    )]
    NoHttps {
        /// The address.
        ip: IpAddr,
    },
    /// Passkeys cannot be for the public address.
    #[error(
        "public_url must be https:// and the host's name, such as https://sos.example.org, not “{text}”"
    )]
    PublicUrl {
        /// The address.
        text: String,
    },
    /// The table `center` cannot be used.
    #[error(transparent)]
    Center(#[from] dc09::settings::SettingsError),
    /// The table `mqtt` cannot be used.
    #[error(transparent)]
    Mqtt(#[from] mqtt::SettingsError),
    /// A table `webhook` or `reporter` cannot be used.
    #[error(transparent)]
    Webhooks(#[from] webhooks::SettingsError),
}

/// The least and the greatest value of a duration, seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds(u64, u64);

impl Bounds {
    fn contains(self, duration: Duration) -> bool {
        (Duration::from_secs(self.0)..=Duration::from_secs(self.1)).contains(&duration)
    }
}

impl fmt::Display for Bounds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "from {}s to {}s", self.0, self.1)
    }
}

/// Bounds of the ring timeout.
const RING: Bounds = Bounds(10, 60);
/// Bounds of the talk timeout.
const TALK: Bounds = Bounds(20, 120);
/// Bounds of the time in which operators must claim an incident.
const UNCLAIMED: Bounds = Bounds(30, 180);
/// Bounds of how long a proof of identity counts.
const PROOF: Bounds = Bounds(60, 3_600);
/// How long a proof of identity counts by default.
const PROOF_LASTS: Duration = Duration::from_secs(600);

impl Config {
    /// Combines options, file and defaults.
    ///
    /// # Errors
    /// What is wrong, where, and which values are allowed.
    pub fn new(options: Options) -> Result<Self, ConfigError> {
        let file = options.config.as_deref().map(read).transpose()?.unwrap_or_default();
        let demo = options.demo;
        let ring = choose(
            "center.ring_timeout",
            options.center_ring_timeout,
            file.center.ring_timeout,
            RING,
            demo,
        )?;
        let talk = choose(
            "center.talk_timeout",
            options.center_talk_timeout,
            file.center.talk_timeout,
            TALK,
            demo,
        )?;
        let unclaimed =
            choose("center.unclaimed_after", None, file.center.unclaimed_after, UNCLAIMED, demo)?;
        let proof_lasts =
            choose("proof_lasts", options.proof_lasts, file.proof_lasts, PROOF, demo)?
                .unwrap_or(PROOF_LASTS);
        let center = file.center.mode.unwrap_or(CenterMode::Automatic);
        // The automatic center calls contacts. Only a demo has (simulated) responders behind it.
        let connected = center != CenterMode::Automatic || demo;
        let mut policy = Policy { center, connected, ..Policy::default() };
        policy.ring_timeout_ms = ring.map_or(policy.ring_timeout_ms, |d| d.as_millis() as u64);
        policy.unclaimed_after_ms =
            unclaimed.map_or(policy.unclaimed_after_ms, |d| d.as_millis() as u64);
        policy.talk_timeout_ms = talk.map_or(policy.talk_timeout_ms, |d| d.as_millis() as u64);
        let listen =
            options.listen.or(file.listen).unwrap_or(SocketAddr::from(([127, 0, 0, 1], 8080)));
        if demo && !listen.ip().is_loopback() {
            return Err(ConfigError::DemoListens { ip: listen.ip() });
        }
        let trusted_proxies = if options.trusted_proxies.is_empty() {
            file.trusted_proxies
        } else {
            options.trusted_proxies
        };
        let plain_http = options.plain_http || file.plain_http;
        let tls = match (options.tls_cert.or(file.tls_cert), options.tls_key.or(file.tls_key)) {
            (Some(cert), Some(key)) => Some(Files { cert, key }),
            (None, None) => None,
            _ => return Err(ConfigError::CertWithoutKey),
        };
        if !listen.ip().is_loopback() && trusted_proxies.is_empty() && tls.is_none() && !plain_http
        {
            return Err(ConfigError::NoHttps { ip: listen.ip() });
        }
        let public_url =
            options.public_url.or(file.public_url).map(|text| public(&text)).transpose()?;
        let data = options.data.or(file.data).unwrap_or_else(|| "data".into());
        let center = Center {
            mode: Some(policy.center),
            ring_timeout: Some(seconds(policy.ring_timeout_ms)),
            talk_timeout: Some(seconds(policy.talk_timeout_ms)),
            unclaimed_after: Some(seconds(policy.unclaimed_after_ms)),
            phone: options.center_phone.or(file.center.phone),
            ..file.center
        };
        center.look_at()?;
        if demo && center.listener.as_ref().is_some_and(|listener| !listener.is_local()) {
            return Err(ConfigError::DemoPanels);
        }
        file.mqtt.as_ref().map(Mqtt::sirens).transpose()?;
        webhooks::look_at(&file.webhook, &file.reporter)?;
        Ok(Self {
            webhooks: file.webhook,
            reporters: file.reporter,
            mqtt: file.mqtt,
            cameras: file.cameras,
            ffmpeg: file.ffmpeg,
            listen,
            trusted_proxies,
            plain_http,
            tls,
            public_url,
            proof_lasts,
            data,
            demo,
            demo_bench: options.demo_bench,
            policy,
            center,
        })
    }
}

impl Config {
    /// A configuration file that says the same, apart from being a demo, which is only an option.
    ///
    /// # Errors
    /// A path that is not valid UTF-8, which no file can have.
    pub fn to_toml(&self) -> Result<String, toml::ser::Error> {
        toml::to_string(&File::from(self.clone()))
    }

    /// The site for passkeys if no public address is set: this machine, if only this machine can
    /// connect.
    pub fn local_site(&self) -> Option<Url> {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        let alone = self.listen.ip().is_loopback() && self.trusted_proxies.is_empty();
        Url::parse(&format!("{scheme}://localhost")).ok().filter(|_| alone)
    }
}

/// Parses an address whose host passkeys can be for: a name, over HTTPS.
fn public(text: &str) -> Result<Url, ConfigError> {
    let wrong = || ConfigError::PublicUrl { text: text.into() };
    let url = Url::parse(text).map_err(|_| wrong())?;
    let local = url.domain() == Some("localhost");
    let plain = url.path() == "/"
        && url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty();
    (url.domain().is_some() && plain && (url.scheme() == "https" || local))
        .then_some(url)
        .ok_or_else(wrong)
}

fn read(path: &Path) -> Result<File, ConfigError> {
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

fn choose(
    key: &'static str,
    option: Option<Duration>,
    file: Option<String>,
    Bounds(least, most): Bounds,
    demo: bool,
) -> Result<Option<Duration>, ConfigError> {
    let bounds = Bounds(if demo { 1 } else { least }, most);
    let parse = |text: String| {
        humantime::parse_duration(&text).map_err(|source| ConfigError::NotADuration {
            key,
            bounds,
            text,
            source,
        })
    };
    let parsed = file.map(parse).transpose()?;
    match option.or(parsed) {
        Some(value) if !bounds.contains(value) => Err(ConfigError::Duration { key, bounds, value }),
        chosen => Ok(chosen),
    }
}

/// Formats a duration as in the file.
fn seconds(ms: u64) -> String {
    humantime::format_duration(Duration::from_millis(ms)).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(options: Options) -> Result<Config, String> {
        Config::new(options).map_err(|e| e.to_string())
    }

    #[test]
    fn timers_keep_their_bounds_and_only_a_demo_may_hurry() {
        let ring = |seconds, demo| {
            with(Options {
                center_ring_timeout: Some(Duration::from_secs(seconds)),
                demo,
                ..Options::default()
            })
            .map(|c| c.policy.ring_timeout_ms)
        };
        assert_eq!(ring(30, false), Ok(30_000));
        assert_eq!(ring(1, true), Ok(1_000));
        assert_eq!(
            ring(1, false),
            Err("center.ring_timeout must be from 10s to 60s, not 1s".into())
        );
        assert_eq!(
            ring(61, true),
            Err("center.ring_timeout must be from 1s to 60s, not 1m 1s".into())
        );
    }

    #[test]
    fn server_beyond_localhost_needs_https_or_consent_and_no_demo() {
        let listen = Some("0.0.0.0:8080".parse().unwrap());
        assert!(
            with(Options { listen, demo: true, ..Options::default() })
                .unwrap_err()
                .contains("0.0.0.0")
        );
        assert!(
            with(Options { listen, ..Options::default() }).unwrap_err().contains("--trusted-proxy")
        );
        let tls = |key: Option<&str>| Options {
            listen,
            tls_cert: Some("cert.pem".into()),
            tls_key: key.map(Into::into),
            ..Options::default()
        };
        assert!(with(tls(Some("key.pem"))).is_ok());
        assert!(with(tls(None)).unwrap_err().contains("--tls-key"));
        assert!(with(Options { listen, plain_http: true, ..Options::default() }).is_ok());
        assert!(
            with(Options {
                listen,
                trusted_proxies: vec!["10.0.0.2".parse().unwrap()],
                ..Options::default()
            })
            .is_ok()
        );
    }

    #[test]
    fn passkeys_are_for_a_name_over_https_and_nothing_more() {
        let public =
            |text: &str| with(Options { public_url: Some(text.into()), ..Options::default() });
        for good in
            ["https://sos.example.org", "https://sos.example.org:8443/", "http://localhost:8080"]
        {
            assert!(public(good).is_ok(), "{good}");
        }
        for wrong in [
            "sos.example.org",
            "http://sos.example.org",
            "https://192.0.2.1",
            "https://a.example/path",
            "https://me@a.example",
        ] {
            assert!(public(wrong).unwrap_err().contains(wrong), "{wrong}");
        }
    }

    #[test]
    fn unknown_keys_are_refused_with_file_and_line() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "listen = \"127.0.0.1:1\"\n[center]\nringtimeout = \"3s\"\n")
            .unwrap();
        let error =
            with(Options { config: Some(file.path().into()), ..Options::default() }).unwrap_err();
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
            with(Options { config: Some(file.path().into()), ..Options::default() })
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
            read(&both).unwrap_err().contains("silent_seconds"),
            "a key that is there under both names is refused"
        );
    }

    #[test]
    fn what_is_printed_can_be_read_again() {
        let mut config = with(Options {
            center_phone: Some("+15035550100".into()),
            public_url: Some("https://sos.example.org".into()),
            tls_cert: Some("cert.pem".into()),
            tls_key: Some("key.pem".into()),
            ..Options::default()
        })
        .unwrap();
        config.cameras = Cameras {
            allow: vec!["203.0.113.8/32".parse().unwrap()],
            search: vec!["192.168.20.11".parse().unwrap()],
        };
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), config.to_toml().unwrap()).unwrap();
        assert_eq!(
            with(Options { config: Some(file.path().into()), ..Options::default() }),
            Ok(config)
        );
    }
}
