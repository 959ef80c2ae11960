//! The table `cameras` of the configuration: where cameras may be, and how they are searched.

use crate::{api::cameras::StreamTrouble, domain::camera::is_private_address};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, SocketAddr};

/// Where cameras may be, and how they are searched.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Networks beyond private ones in which cameras may be, such as `203.0.113.8/32`.
    pub allow: Vec<IpNet>,
    /// Who is asked whether it is a camera, one by one; if nobody is named, all of the server's own network is asked at once.
    pub search: Vec<IpAddr>,
}

impl Settings {
    /// Whether a camera may have that address: in the house (RFC 1918, RFC 4193), or where the configuration allows it.
    pub fn allows(&self, ip: IpAddr) -> bool {
        is_private_address(ip) || self.allow.iter().any(|net| net.contains(&ip.to_canonical()))
    }

    /// Where a host is. All of its addresses are allowed: a name that means something else than when it was written leads nowhere.
    ///
    /// # Errors
    /// A name that nobody knows, or that leads out of the house.
    pub async fn find(&self, host: &str, port: u16) -> Result<SocketAddr, StreamTrouble> {
        let all = tokio::net::lookup_host((host.trim_matches(['[', ']']), port)).await;
        let all: Vec<SocketAddr> = all.map_err(|_| StreamTrouble::NoSuchName)?.collect();
        let first = all.first().ok_or(StreamTrouble::NoSuchName)?;
        all.iter().all(|address| self.allows(address.ip())).then_some(*first).ok_or(StreamTrouble::NotPrivate)
    }
}
