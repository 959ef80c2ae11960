//! Cameras and doorbells, and the addresses of their streams.

use super::{home::edit::ErrorCode, id::CameraId};
use serde::{Deserialize, Serialize};
use std::str::FromStr;

/// The kind of a camera.
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
    /// Camera or doorbell.
    pub kind: CameraKind,
    /// Its display name.
    pub name: String,
    /// Whether an SOS may be raised from its Live View.
    pub sos_compatible: bool,
    /// Whether it has a siren.
    pub has_siren: bool,
    /// The address of its stream, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<StreamAddress>,
    /// The address of a stream of the same camera with smaller pictures, for small screens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub small: Option<StreamAddress>,
    /// User name and password for the streams, sealed with the server's key. Never leaves the
    /// server in any form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login: Option<String>,
    /// When the server fetches its pictures.
    #[serde(default)]
    pub keep: Keep,
}

/// When the server fetches a camera's pictures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Keep {
    /// While somebody watches, and for a short time after.
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
    /// The address as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl StreamAddress {
    /// The host and port of the address.
    pub fn host(&self) -> &str {
        self.0
            .split_once("://")
            .map_or("", |(_, rest)| rest)
            .split(['/', '?', '#'])
            .next()
            .unwrap_or_default()
    }

    /// The host of the address, without the port.
    pub fn host_name(&self) -> &str {
        host_and_port(self.host()).map_or("", |(host, _)| host)
    }
}

/// Decides to which hosts cameras may belong, or says what is wrong with one.
pub type JudgeHost<'a> = &'a dyn Fn(&str) -> Result<(), ErrorCode>;

const SCHEME: &str = "rtsp://";

/// Splits an authority (RFC 3986) without user information into host and port. Returns `None` if it
/// is malformed.
fn host_and_port(authority: &str) -> Option<(&str, Option<u16>)> {
    let (host, port) = match authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, "")) => (host, None),
        Some((host, port)) => (host, Some(port.strip_prefix(':')?)),
        None => {
            authority.split_once(':').map_or((authority, None), |(host, port)| (host, Some(port)))
        }
    };
    let port = port.map(str::parse).transpose().ok()?;
    (!host.is_empty()).then_some((host, port))
}

impl FromStr for StreamAddress {
    type Err = ErrorCode;
    /// # Errors
    /// A scheme other than RTSP, no host, an invalid port, credentials, white space, control
    /// characters, or more than 500 bytes.
    fn from_str(text: &str) -> Result<Self, ErrorCode> {
        let rest = text.strip_prefix(SCHEME).ok_or(ErrorCode::NotAStream)?;
        if text.len() > 500 || text.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err(ErrorCode::NotAStream);
        }
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        if authority.contains('@') {
            return Err(ErrorCode::HasCredentials);
        }
        host_and_port(authority).map(|_| Self(text.into())).ok_or(ErrorCode::NotAStream)
    }
}

impl TryFrom<String> for StreamAddress {
    type Error = &'static str;
    /// Checks only that the text begins with `rtsp`. A stored address was valid when it was stored,
    /// and stricter checks since then must not make its home unreadable.
    fn try_from(text: String) -> Result<Self, &'static str> {
        text.starts_with("rtsp").then(|| Self(text.into())).ok_or("not the address of a stream")
    }
}

impl From<StreamAddress> for String {
    fn from(address: StreamAddress) -> Self {
        address.0.into()
    }
}
