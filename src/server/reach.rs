//! To which addresses the server connects on behalf of an owner: those of cameras, over RTSP and
//! ONVIF. It connects to nothing else that an owner enters. The broker, the receiving center and
//! the servers of webhooks are in the configuration.
//!
//! Private addresses (RFC 1918, RFC 4193) may be connected to. Loopback, link-local and unspecified
//! addresses and the server's own addresses lead to services that trust this machine, so only the
//! configuration (`cameras.allow`) allows them.

use crate::{
    api::cameras::StreamTrouble,
    domain::{home::edit::ErrorCode, host_name::is_local_name},
};
use ipnet::IpNet;
use rustix::io::Errno;
use serde::{Deserialize, Serialize};
use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket},
};

/// The networks that the configuration allows beyond private ones.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Reach(pub Vec<IpNet>);

/// Why the server does not connect to an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Barred {
    /// The address is outside of private networks.
    NotPrivate,
    /// The address is the server's own, or link-local.
    NotAllowed,
}

impl From<Barred> for ErrorCode {
    fn from(barred: Barred) -> Self {
        match barred {
            Barred::NotPrivate => Self::NotPrivate,
            Barred::NotAllowed => Self::NotAllowed,
        }
    }
}

impl From<Barred> for StreamTrouble {
    fn from(barred: Barred) -> Self {
        match barred {
            Barred::NotPrivate => Self::NotPrivate,
            Barred::NotAllowed => Self::NotAllowed,
        }
    }
}

impl Reach {
    /// Whether the server may connect to an address.
    ///
    /// # Errors
    /// Why not.
    pub fn judge(&self, ip: IpAddr) -> Result<(), Barred> {
        self.judge_as(ip, is_own)
    }

    /// Whether the server may connect to a host, as an owner enters it: an IP address, or the name
    /// of a machine in the local network (see [`is_local_name`], or a name without dots). A name is not resolved here, but judged again with the
    /// addresses that [`Self::find`] finds.
    ///
    /// # Errors
    /// Why not.
    pub fn judge_host(&self, host: &str) -> Result<(), Barred> {
        self.judge_host_as(host, is_own)
    }

    /// Resolves a host, once. Callers must connect to the returned address, because the name may
    /// stand for another one a moment later.
    ///
    /// # Errors
    /// The name does not resolve, or none of its addresses may be connected to.
    pub async fn find(&self, host: &str, port: u16) -> Result<SocketAddr, StreamTrouble> {
        let all = tokio::net::lookup_host((host.trim_matches(['[', ']']), port)).await;
        let mut trouble = None;
        for mut address in all.map_err(|_| StreamTrouble::NoSuchName)? {
            match self.judge(address.ip()) {
                Ok(()) => {
                    address.set_ip(address.ip().to_canonical());
                    return Ok(address);
                }
                Err(barred) => _ = trouble.get_or_insert(barred.into()),
            }
        }
        Err(trouble.unwrap_or(StreamTrouble::NoSuchName))
    }

    fn judge_as(&self, ip: IpAddr, is_own: impl Fn(IpAddr) -> bool) -> Result<(), Barred> {
        // `::ffff:127.0.0.1` is 127.0.0.1 (RFC 4291, 2.5.5.2). Every other IPv6 address with an IPv4
        // address in it (IPv4-compatible, NAT64, 6to4) is public.
        let ip = ip.to_canonical();
        let (is_of_the_machine, is_private) = match ip {
            IpAddr::V4(ip) => {
                (ip.is_loopback() || ip.is_link_local() || ip.is_unspecified(), ip.is_private())
            }
            IpAddr::V6(ip) => (
                ip.is_loopback() || ip.is_unicast_link_local() || ip.is_unspecified(),
                ip.is_unique_local(),
            ),
        };
        if self.0.iter().any(|net| net.contains(&ip)) {
            Ok(())
        } else if is_of_the_machine || is_own(ip) {
            Err(Barred::NotAllowed)
        } else if is_private {
            Ok(())
        } else {
            Err(Barred::NotPrivate)
        }
    }

    fn judge_host_as(&self, host: &str, is_own: impl Fn(IpAddr) -> bool) -> Result<(), Barred> {
        if let Ok(ip) = host.parse() {
            return self.judge_as(ip, is_own);
        }
        let name = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
        let (domain, last) = name.rsplit_once('.').unwrap_or(("", &name));
        // These names mean loopback everywhere (RFC 6761, 6.3).
        if last == "localhost" {
            return self.judge_as(Ipv4Addr::LOCALHOST.into(), is_own);
        }
        // The notations of an IPv4 address that `IpAddr` does not parse end in a number (URL
        // Standard, 3.5). They hide where they lead.
        let is_number = last.bytes().all(|b| b.is_ascii_digit())
            || last
                .strip_prefix("0x")
                .is_some_and(|hex| hex.bytes().all(|b| b.is_ascii_hexdigit()));
        let is_local = domain.is_empty() || is_local_name(&name);
        if is_number || name.contains(':') || !is_local { Err(Barred::NotPrivate) } else { Ok(()) }
    }
}

/// Whether an address is one of this machine's: no socket can be bound to any other, unless the
/// system is set to bind to all (Linux: `ip_nonlocal_bind`). Then the address is the machine's own
/// if a connection to it would come from it.
fn is_own(ip: IpAddr) -> bool {
    // The addresses of documentation (RFC 5737, RFC 3849) are no machine's.
    let (nobodys, any): (IpAddr, IpAddr) = match ip {
        IpAddr::V4(_) => (Ipv4Addr::new(192, 0, 2, 1).into(), Ipv4Addr::UNSPECIFIED.into()),
        IpAddr::V6(_) => {
            (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1).into(), Ipv6Addr::UNSPECIFIED.into())
        }
    };
    if UdpSocket::bind((nobodys, 0)).is_err() {
        return UdpSocket::bind((ip, 0)).map_or_else(|error| !is_elsewhere(&error), |_| true);
    }
    // To connect sends nothing over UDP.
    let from = UdpSocket::bind((any, 0)).and_then(|socket| {
        socket.connect((ip, 9))?;
        socket.local_addr()
    });
    from.map_or_else(|error| !is_elsewhere(&error), |from| from.ip() == ip)
}

/// Whether an error says that an address is not one of this machine's. Any other, such as too many
/// open files, says nothing.
fn is_elsewhere(error: &io::Error) -> bool {
    let is_unsupported = error.raw_os_error() == Some(Errno::AFNOSUPPORT.raw_os_error());
    is_unsupported
        || matches!(
            error.kind(),
            io::ErrorKind::AddrNotAvailable
                | io::ErrorKind::NetworkUnreachable
                | io::ErrorKind::HostUnreachable
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowing(networks: &[&str]) -> Reach {
        Reach(networks.iter().map(|network| network.parse().unwrap()).collect())
    }

    fn judged(reach: &Reach, ip: &str) -> Result<(), Barred> {
        reach.judge_as(ip.parse().unwrap(), |_| false)
    }

    #[test]
    fn address_is_reached_only_in_private_networks() {
        let private = ["10.0.0.7", "172.16.0.1", "172.31.255.254", "192.168.1.20", "fd00::7"];
        for ip in private.iter().chain(&["fc00::1", "::ffff:192.168.1.20", "::ffff:10.0.0.7"]) {
            assert_eq!(judged(&Reach::default(), ip), Ok(()), "{ip}");
        }
        let of_the_machine = [
            "127.0.0.1",
            "127.255.255.254",
            "::1",
            "::ffff:127.0.0.1",
            "169.254.169.254",
            "::ffff:169.254.169.254",
            "fe80::1",
            "febf::1",
            "0.0.0.0",
            "::",
            "::ffff:0.0.0.0",
        ];
        for ip in of_the_machine {
            assert_eq!(judged(&Reach::default(), ip), Err(Barred::NotAllowed), "{ip}");
        }
        let others = [
            "8.8.8.8",
            "172.32.0.1",
            "100.64.0.1",
            "0.1.2.3",
            "224.0.0.1",
            "255.255.255.255",
            "2001:4860:4860::8888",
            "ff02::1",
            // IPv4-compatible (RFC 4291, 2.5.5.1), NAT64 (RFC 6052, RFC 8215) and 6to4 (RFC 3056).
            "::127.0.0.1",
            "::192.168.1.20",
            "64:ff9b::127.0.0.1",
            "64:ff9b::192.168.1.20",
            "64:ff9b:1::127.0.0.1",
            "2002:7f00:1::1",
        ];
        for ip in others {
            assert_eq!(judged(&Reach::default(), ip), Err(Barred::NotPrivate), "{ip}");
        }
    }

    #[test]
    fn configuration_allows_what_it_names_and_no_more() {
        let reach = allowing(&["127.0.0.0/8", "203.0.113.8/32"]);
        for ip in ["127.0.0.1", "127.8.8.8", "::ffff:127.0.0.1", "203.0.113.8", "192.168.1.20"] {
            assert_eq!(judged(&reach, ip), Ok(()), "{ip}");
        }
        for (ip, barred) in [
            ("::1", Barred::NotAllowed),
            ("169.254.1.1", Barred::NotAllowed),
            ("203.0.113.9", Barred::NotPrivate),
            ("64:ff9b::127.0.0.1", Barred::NotPrivate),
        ] {
            assert_eq!(judged(&reach, ip), Err(barred), "{ip}");
        }
    }

    #[test]
    fn own_address_is_reached_only_if_the_configuration_says_so() {
        let own: IpAddr = "192.168.1.5".parse().unwrap();
        let judged = |reach: &Reach, ip: &str| reach.judge_as(ip.parse().unwrap(), |ip| ip == own);
        assert_eq!(judged(&Reach::default(), "192.168.1.5"), Err(Barred::NotAllowed));
        assert_eq!(judged(&Reach::default(), "::ffff:192.168.1.5"), Err(Barred::NotAllowed));
        assert_eq!(judged(&Reach::default(), "192.168.1.6"), Ok(()));
        assert_eq!(judged(&allowing(&["192.168.1.5/32"]), "192.168.1.5"), Ok(()));
        assert!(is_own(Ipv4Addr::LOCALHOST.into()) && !is_own("192.0.2.1".parse().unwrap()));
    }

    #[test]
    fn host_is_a_local_name_or_an_address_that_is_reached() {
        let judged = |host: &str| Reach::default().judge_host_as(host, |_| false);
        for host in
            ["192.168.1.20", "fd00::7", "camera", "Front-Door.local", "a.home.arpa", "nvr.lan."]
        {
            assert_eq!(judged(host), Ok(()), "{host}");
        }
        for host in ["localhost", "LocalHost.", "cam.localhost", "127.0.0.1", "::1", "fe80::1"] {
            assert_eq!(judged(host), Err(Barred::NotAllowed), "{host}");
        }
        for host in [
            "example.org",
            "local.example.org",
            "169.254.169.254.example.org",
            "8.8.8.8",
            "2130706433",
            "0x7f000001",
            "0x7f.1",
            "127.1",
            "0177.0.0.1",
            "fe80::1%eth0",
            "2001:4860:4860::8888",
        ] {
            assert_eq!(judged(host), Err(Barred::NotPrivate), "{host}");
        }
        assert_eq!(allowing(&["127.0.0.0/8"]).judge_host_as("localhost", |_| false), Ok(()));
    }

    #[tokio::test]
    async fn name_is_judged_by_the_address_that_it_stands_for() {
        for host in ["localhost", "127.0.0.1", "[::1]", "::ffff:127.0.0.1", "[::ffff:127.0.0.1]"] {
            let found = Reach::default().find(host, 80).await;
            assert_eq!(found, Err(StreamTrouble::NotAllowed), "{host}");
        }
        // Whether the system resolves this notation or not, it leads nowhere.
        assert!(Reach::default().find("2130706433", 80).await.is_err());
        let found = allowing(&["127.0.0.0/8"]).find("[::ffff:127.0.0.1]", 80).await;
        assert_eq!(found, Ok("127.0.0.1:80".parse().unwrap()));
    }
}
