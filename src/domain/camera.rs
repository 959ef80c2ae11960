//! Cameras and doorbells: where somebody looks when fear starts.

use super::{home::edit::Fault, id::CameraId};
use serde::{Deserialize, Serialize};
use std::{
    net::{IpAddr, Ipv6Addr},
    str::FromStr,
};

/// What a camera is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CameraKind {
    /// A camera.
    Camera,
    /// A camera at the door with a button.
    Doorbell,
}

/// A camera or doorbell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Camera {
    /// Unique among the devices and cameras of the home.
    pub id: CameraId,
    /// What it is.
    pub kind: CameraKind,
    /// What the home calls it.
    pub name: String,
    /// Whether an SOS may be raised from its Live View.
    pub sos_compatible: bool,
    /// Whether it can sound.
    pub has_siren: bool,
    /// Where its pictures come from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<StreamAddress>,
    /// Where smaller ones come from, for small screens; the same camera.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub small: Option<StreamAddress>,
    /// User name and password for that, sealed with the server's key. Leaves the server in no form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login: Option<String>,
    /// When its pictures are fetched.
    #[serde(default)]
    pub keep: Keep,
}

/// When a camera's pictures are fetched, though nobody looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Keep {
    /// While somebody looks, and for a moment after.
    #[default]
    OnDemand,
    /// While somebody has the home open.
    WhileHomeIsOpen,
    /// Always.
    Always,
}

/// The address of a camera's stream: RTSP (RFC 7826), without user name and password.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct StreamAddress(Box<str>);

impl StreamAddress {
    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl StreamAddress {
    /// Whom it leads to: host and port.
    pub fn host(&self) -> &str {
        self.0.split_once("://").map_or("", |(_, rest)| rest).split(['/', '?', '#']).next().unwrap_or_default()
    }

    /// Whether its host is in the house, as far as that can be told without asking anybody: an address that `allows` takes, or a name of
    /// the local network (RFC 6762 `.local`, RFC 8375 `.home.arpa`, or a name without dots).
    pub fn is_inside(&self, allows: Allows) -> bool {
        let host = match host_and_port(self.host()) {
            Some((host, _)) => host,
            None => return false,
        };
        match host.parse::<IpAddr>() {
            Ok(ip) => allows(ip),
            // What is made of digits and dots alone is an address that is written in a way that hides it.
            Err(_) if host.bytes().all(|b| b.is_ascii_digit() || b == b'.' || b == b'x') || host.contains(':') => false,
            Err(_) => {
                let name = host.to_ascii_lowercase();
                !name.contains('.') || [".local", ".home.arpa", ".lan", ".internal"].iter().any(|end| name.ends_with(end))
            }
        }
    }
}

/// Which addresses cameras may have.
pub type Allows<'a> = &'a dyn Fn(IpAddr) -> bool;

const SCHEME: &str = "rtsp://";

/// Host and port of an authority (RFC 3986) without user information; `None` where it is none.
fn host_and_port(authority: &str) -> Option<(&str, Option<u16>)> {
    let (host, port) = match authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, "")) => (host, None),
        Some((host, port)) => (host, Some(port.strip_prefix(':')?)),
        None => authority.split_once(':').map_or((authority, None), |(host, port)| (host, Some(port))),
    };
    let port = port.map(str::parse).transpose().ok()?;
    (!host.is_empty()).then_some((host, port))
}

impl FromStr for StreamAddress {
    type Err = Fault;
    /// # Errors
    /// Another scheme, no host, or credentials.
    fn from_str(text: &str) -> Result<Self, Fault> {
        let rest = text.strip_prefix(SCHEME).ok_or(Fault::NotAStream)?;
        if text.len() > 500 || text.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err(Fault::NotAStream);
        }
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        if authority.contains('@') {
            return Err(Fault::HasCredentials);
        }
        host_and_port(authority).map(|_| Self(text.into())).ok_or(Fault::NotAStream)
    }
}

/// Whether an address is in the house: private (RFC 1918, RFC 4193), of the link, or of this machine.
pub fn is_private_address(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => ip.is_private() || ip.is_loopback() || ip.is_link_local(),
        IpAddr::V6(ip) => ip == Ipv6Addr::LOCALHOST || ip.is_unique_local() || ip.is_unicast_link_local(),
    }
}

impl TryFrom<String> for StreamAddress {
    type Error = &'static str;
    /// What was kept was good when it was written; a home is read whatever is thought of its cameras' addresses since.
    fn try_from(text: String) -> Result<Self, &'static str> {
        text.starts_with("rtsp").then(|| Self(text.into())).ok_or(Fault::NotAStream.english())
    }
}

impl From<StreamAddress> for String {
    fn from(address: StreamAddress) -> Self {
        address.0.into()
    }
}
