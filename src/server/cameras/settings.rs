//! The table `cameras` of the configuration: which networks cameras may be in, and how the server
//! searches for them.

use crate::{api::cameras::StreamTrouble, domain::camera::is_private_address};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, SocketAddr};

/// Which networks cameras may be in, and how the server searches for them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Networks beyond private ones in which cameras may be, such as `203.0.113.8/32`.
    pub allow: Vec<IpNet>,
    /// Addresses that the search asks one by one. If empty, the search asks the server's whole
    /// network at once.
    pub search: Vec<IpAddr>,
}

impl Settings {
    /// Whether a camera may have that address: a private one (RFC 1918, RFC 4193), or one that the
    /// configuration allows.
    pub fn allows(&self, ip: IpAddr) -> bool {
        is_private_address(ip) || self.allow.iter().any(|net| net.contains(&ip.to_canonical()))
    }

    /// Resolves a host. All of its addresses must be allowed, so a name that resolves elsewhere
    /// since it was entered is refused.
    ///
    /// # Errors
    /// A name that does not resolve, or that has an address that is not allowed.
    pub async fn find(&self, host: &str, port: u16) -> Result<SocketAddr, StreamTrouble> {
        let all = tokio::net::lookup_host((host.trim_matches(['[', ']']), port)).await;
        let all: Vec<SocketAddr> = all.map_err(|_| StreamTrouble::NoSuchName)?.collect();
        let first = all.first().ok_or(StreamTrouble::NoSuchName)?;
        all.iter()
            .all(|address| self.allows(address.ip()))
            .then_some(*first)
            .ok_or(StreamTrouble::NotPrivate)
    }
}
