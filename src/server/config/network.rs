//! Where the server listens, and how browsers connect to it.

use super::{ConfigError, File, Options};
use crate::server::tls::Files;
use std::net::{IpAddr, SocketAddr};
use url::{Host, Url};

/// The connections that the server takes, as options and file say. See the fields of
/// [`Config`](super::Config).
pub(super) struct Network {
    pub(super) listen: SocketAddr,
    pub(super) trusted_proxies: Vec<IpAddr>,
    pub(super) plain_http: bool,
    pub(super) tls: Option<Files>,
    pub(super) public_url: Option<Url>,
    pub(super) hosts: Vec<String>,
    pub(super) metrics_listen: Option<SocketAddr>,
}

impl Network {
    /// Combines options, file and defaults.
    ///
    /// # Errors
    /// Passwords would go over a network without HTTPS, a demo would be reachable from elsewhere,
    /// passkeys cannot be for the public address, a name of this server is not one, or metrics
    /// would be served where others can reach them.
    pub(super) fn new(options: &Options, file: &File) -> Result<Self, ConfigError> {
        let listen =
            options.listen.or(file.listen).unwrap_or(SocketAddr::from(([127, 0, 0, 1], 8080)));
        let is_local = listen.ip().is_loopback();
        if options.demo && !is_local {
            return Err(ConfigError::DemoListens { ip: listen.ip() });
        }
        let trusted_proxies = if options.trusted_proxies.is_empty() {
            &file.trusted_proxies
        } else {
            &options.trusted_proxies
        };
        let plain_http = options.plain_http || file.plain_http;
        let cert = options.tls_cert.as_ref().or(file.tls_cert.as_ref());
        let key = options.tls_key.as_ref().or(file.tls_key.as_ref());
        let tls = match (cert, key) {
            (Some(cert), Some(key)) => Some(Files { cert: cert.clone(), key: key.clone() }),
            (None, None) => None,
            _ => return Err(ConfigError::CertWithoutKey),
        };
        if !is_local && trusted_proxies.is_empty() && tls.is_none() && !plain_http {
            return Err(ConfigError::NoHttps { ip: listen.ip() });
        }
        let metrics_listen = options.metrics_listen.or(file.metrics_listen);
        let is_apart =
            |address: &SocketAddr| address.ip().is_loopback() && address.port() != listen.port();
        if let Some(address) = metrics_listen.filter(|address| !is_apart(address)) {
            return Err(ConfigError::MetricsListen { address });
        }
        let hosts = if options.hosts.is_empty() { &file.hosts } else { &options.hosts };
        let public_url = options.public_url.as_deref().or(file.public_url.as_deref());
        Ok(Self {
            listen,
            // Addresses of peers are canonical, too: `192.0.2.1` for `::ffff:192.0.2.1`.
            trusted_proxies: trusted_proxies.iter().map(IpAddr::to_canonical).collect(),
            plain_http,
            tls,
            public_url: public_url.map(public).transpose()?,
            hosts: hosts.iter().map(|text| host(text)).collect::<Result<_, _>>()?,
            metrics_listen,
        })
    }
}

/// Parses a name as browsers send it: in lower case, and an international one in ASCII (RFC 5891).
fn host(text: &str) -> Result<String, ConfigError> {
    let is_name = |name: &str| {
        name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b)) && !name.is_empty()
    };
    match Host::parse(text.trim_end_matches('.')) {
        Ok(Host::Domain(name)) if is_name(&name) => Ok(name),
        _ => Err(ConfigError::Host { text: text.into() }),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::config::Config;

    #[test]
    fn server_beyond_localhost_needs_https_or_consent_and_no_demo() {
        let listen = Some("0.0.0.0:8080".parse().unwrap());
        assert!(
            Config::new(Options { listen, demo: true, ..Options::default() })
                .unwrap_err()
                .to_string()
                .contains("0.0.0.0")
        );
        assert!(
            Config::new(Options { listen, ..Options::default() })
                .unwrap_err()
                .to_string()
                .contains("--trusted-proxy")
        );
        let tls = |key: Option<&str>| Options {
            listen,
            tls_cert: Some("cert.pem".into()),
            tls_key: key.map(Into::into),
            ..Options::default()
        };
        assert!(Config::new(tls(Some("key.pem"))).is_ok());
        assert!(Config::new(tls(None)).unwrap_err().to_string().contains("--tls-key"));
        assert!(Config::new(Options { listen, plain_http: true, ..Options::default() }).is_ok());
        assert!(
            Config::new(Options {
                listen,
                trusted_proxies: vec!["10.0.0.2".parse().unwrap()],
                ..Options::default()
            })
            .is_ok()
        );
    }

    #[test]
    fn proxy_is_trusted_however_its_address_is_written() {
        let trusted_proxies = vec!["::ffff:10.0.0.2".parse().unwrap(), "::1".parse().unwrap()];
        let config = Config::new(Options { trusted_proxies, ..Options::default() }).unwrap();
        let known: [IpAddr; 2] = ["10.0.0.2".parse().unwrap(), "::1".parse().unwrap()];
        assert_eq!(config.trusted_proxies, known);
    }

    #[test]
    fn hosts_are_names_as_browsers_send_them() {
        let hosts = |text: &str| {
            Config::new(Options { hosts: vec![text.into()], ..Options::default() })
                .map(|config| config.hosts.concat())
        };
        for (text, name) in [
            ("Buckler.Example.NET.", "buckler.example.net"),
            ("bücher.example", "xn--bcher-kva.example"),
            ("a_b.fritz.box", "a_b.fritz.box"),
        ] {
            assert_eq!(hosts(text).unwrap(), name);
        }
        for wrong in [
            "",
            ".",
            "https://sos.example.net",
            "sos.example.net:8080",
            "sos.example.net/path",
            "*.example.net",
            "192.0.2.1",
            "[::1]",
            "two names",
        ] {
            assert!(hosts(wrong).unwrap_err().to_string().contains(wrong), "{wrong}");
        }
    }

    #[test]
    fn names_are_that_of_the_public_address_and_hosts() {
        let config = Config::new(Options {
            public_url: Some("https://SOS.example.org:8443".into()),
            hosts: vec!["sos.example.net".into()],
            ..Options::default()
        });
        let names: Vec<_> = config.unwrap().names().collect();
        assert_eq!(names, ["sos.example.org", "sos.example.net"]);
    }

    #[test]
    fn metrics_have_an_address_of_their_own_on_this_machine() {
        let metrics_listen = |address: &str| {
            let metrics_listen = Some(address.parse().unwrap());
            Config::new(Options { metrics_listen, ..Options::default() })
        };
        for good in ["127.0.0.1:9464", "[::1]:9464"] {
            assert!(metrics_listen(good).is_ok(), "{good}");
        }
        for wrong in ["0.0.0.0:9464", "192.168.1.2:9464", "127.0.0.1:8080"] {
            assert!(metrics_listen(wrong).unwrap_err().to_string().contains(wrong), "{wrong}");
        }
    }

    #[test]
    fn passkeys_are_for_a_name_over_https_and_nothing_more() {
        let public = |text: &str| {
            Config::new(Options { public_url: Some(text.into()), ..Options::default() })
        };
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
            assert!(public(wrong).unwrap_err().to_string().contains(wrong), "{wrong}");
        }
    }
}
