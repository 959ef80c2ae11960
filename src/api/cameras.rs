//! Cameras in the network and their streams, as an owner sees them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Why a camera delivers no pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StreamTrouble {
    /// The name of its host does not resolve.
    NoSuchName,
    /// Its host has an address that is neither private nor allowed by the server's configuration.
    NotPrivate,
    /// Its address is the server's own or link-local, and the server's configuration
    /// (`cameras.allow`) does not allow it.
    NotAllowed,
    /// No camera answers: nothing does, not in time, or something that is no camera. They are one
    /// word, so that nobody learns here which ports of a machine are open.
    NoAnswer,
    /// The user name or the password is wrong.
    WrongLogin,
    /// It has no stream of that name, or refuses it.
    NoSuchStream,
    /// What answers is not a camera. Earlier servers told this apart from `no_answer`.
    NotACamera,
    /// It sends no video that browsers can show.
    NoVideo,
    /// It sends video without a key frame.
    NoKeyFrame,
    /// Its address requires encryption, which the server does not support for cameras.
    Encrypted,
    /// It stopped sending.
    Stalled,
    /// The connection was lost.
    Lost,
    /// A word that only a newer server knows.
    #[serde(other)]
    Other,
}

/// A camera that answered the search.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Found {
    /// The name that it reports, or its IP address if it reports none.
    pub name: String,
    /// The model that it reports; may be empty.
    pub model: String,
    /// The address of its ONVIF device service.
    pub address: String,
}

/// The cameras that answered the search.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FoundCameras {
    /// The cameras, each once.
    pub cameras: Vec<Found>,
}

/// Asks a camera for its streams.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AskOffers {
    /// The address of its ONVIF device service.
    pub address: String,
    /// The user name; empty for none.
    pub user: String,
    /// The password. The server uses it for this request only and does not store it.
    pub password: String,
}

/// A stream that a camera offers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Offer {
    /// The name that the camera reports.
    pub name: String,
    /// Its RTSP address.
    pub stream: String,
    /// Width of its pictures, pixels; 0 if the camera does not report it.
    pub width: u32,
    /// Height of its pictures, pixels.
    pub height: u32,
}

/// The streams of a camera, largest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Offers {
    /// The streams with an address that the server may connect to.
    pub streams: Vec<Offer>,
    /// Why the list is empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<StreamTrouble>,
}

/// The result of asking a camera for a picture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Tried {
    /// Width of its pictures, pixels; 0 if none came.
    pub width: u32,
    /// Height of its pictures, pixels.
    pub height: u32,
    /// Why no picture came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<StreamTrouble>,
}
