//! The configuration. The command line has priority over the environment, then the file, then the
//! defaults. Unknown keys and invalid values are refused.

mod file;
mod network;
mod timers;

use super::{
    cameras::Settings as Cameras,
    dc09::{self, settings::Center},
    mqtt::{self, settings::Settings as Mqtt},
    tls::Files,
    webhooks::settings::{self as webhooks, Hook, Reporter},
};
use crate::domain::incident::Policy;
use clap::Args;
use file::File;
use network::Network;
use std::{
    io,
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    time::Duration,
};
pub use timers::Bounds;
use timers::Timers;
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
    /// Another name by which browsers reach this server, without https:// and port; may be given
    /// several times. Needed only to sign in over plain HTTP under a name that public DNS has
    #[arg(long = "host", env = "BUCKLER_HOST", value_delimiter = ',')]
    hosts: Vec<String>,
    /// Address of this machine for /metrics, and for /readyz with names, such as 127.0.0.1:9464.
    /// Without it they are not served
    #[arg(long, env = "BUCKLER_METRICS_LISTEN")]
    metrics_listen: Option<SocketAddr>,
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
    /// Other names by which browsers reach this server, in lower case. IP addresses, and names that
    /// public DNS does not have, need no entry.
    pub hosts: Vec<String>,
    /// The address of this machine for metrics, and for `/readyz` with names.
    pub metrics_listen: Option<SocketAddr>,
    /// How long after a proof of identity a home can be changed.
    pub proof_lasts: Duration,
    /// The folder for everything that the server stores.
    pub data: PathBuf,
    /// Whether this is the demo.
    pub demo: bool,
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
    /// An entry of `hosts` is not a name.
    #[error(
        "hosts are names such as sos.example.net, without https:// and port, not “{text}”; IP \
         addresses need no entry"
    )]
    Host {
        /// The entry.
        text: String,
    },
    /// Metrics would be served beyond this machine, or where the app is.
    #[error(
        "metrics_listen must be an address of this machine with another port than listen, such as \
         127.0.0.1:9464, not {address}"
    )]
    MetricsListen {
        /// The address.
        address: SocketAddr,
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

impl Config {
    /// Combines options, file and defaults.
    ///
    /// # Errors
    /// What is wrong, where, and which values are allowed.
    pub fn new(options: Options) -> Result<Self, ConfigError> {
        let file = options.config.as_deref().map(file::read).transpose()?.unwrap_or_default();
        let demo = options.demo;
        let Timers { policy, proof_lasts } = Timers::new(&options, &file)?;
        let Network { listen, trusted_proxies, plain_http, tls, public_url, hosts, metrics_listen } =
            Network::new(&options, &file)?;
        let center = Center {
            mode: Some(policy.center),
            ring_timeout: Some(timers::written(policy.ring_timeout_ms)),
            talk_timeout: Some(timers::written(policy.talk_timeout_ms)),
            unclaimed_after: Some(timers::written(policy.unclaimed_after_ms)),
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
            hosts,
            metrics_listen,
            proof_lasts,
            data: options.data.or(file.data).unwrap_or_else(|| "data".into()),
            demo,
            policy,
            center,
        })
    }

    /// A configuration file that says the same, apart from being a demo, which is only an option.
    ///
    /// # Errors
    /// A path that is not valid UTF-8, which no file can have.
    pub fn to_toml(&self) -> Result<String, toml::ser::Error> {
        toml::to_string(&File::from(self.clone()))
    }

    /// The names that this server has for sure, among those that public DNS may have.
    pub fn names(&self) -> impl Iterator<Item = String> {
        let public = self.public_url.iter().filter_map(Url::domain);
        public.map(|name| name.trim_end_matches('.').to_owned()).chain(self.hosts.clone())
    }

    /// The site for passkeys if no public address is set: this machine, if only this machine can
    /// connect.
    pub fn local_site(&self) -> Option<Url> {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        let alone = self.listen.ip().is_loopback() && self.trusted_proxies.is_empty();
        Url::parse(&format!("{scheme}://localhost")).ok().filter(|_| alone)
    }
}
