//! A camera's stream, as its owner sees it.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Why no pictures come from a camera.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StreamTrouble {
    /// Nobody knows the name of its host.
    NoSuchName,
    /// Its host is outside of this house.
    NotPrivate,
    /// Nobody answers there, or too slowly.
    NoAnswer,
    /// User name or password are wrong.
    WrongLogin,
    /// There is no stream of that name.
    NoSuchStream,
    /// What answers there is no camera.
    NotACamera,
    /// It sends no video that a browser shows.
    NoVideo,
    /// It sends pictures, and none that stands by itself.
    NoKeyFrame,
    /// It wants encryption, which is not spoken here.
    Encrypted,
    /// It has stopped to send.
    Stalled,
    /// The connection was lost.
    Lost,
}

/// A camera that answered when the network was asked for some.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Found {
    /// What it calls itself; its number where it says nothing.
    pub name: String,
    /// What it is, as its maker calls it; may be empty.
    pub model: String,
    /// Where it tells more: the address of its ONVIF device service.
    pub address: String,
}

/// The cameras that answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FoundCameras {
    /// Each once.
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
    /// The password. It is used for this question, and kept nowhere.
    pub password: String,
}

/// A stream that a camera offers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Offer {
    /// What the camera calls it.
    pub name: String,
    /// An RTSP address.
    pub stream: String,
    /// Width of its pictures, pixels; 0 where the camera does not say.
    pub width: u32,
    /// Height of its pictures, pixels.
    pub height: u32,
}

/// The streams of a camera, largest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Offers {
    /// Those that can be shown here.
    pub streams: Vec<Offer>,
    /// Why there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<StreamTrouble>,
}

/// What came of asking a camera for a picture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Tried {
    /// Width of its pictures, pixels; nothing where none came.
    pub width: u32,
    /// Height of its pictures, pixels.
    pub height: u32,
    /// Why none came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<StreamTrouble>,
}
