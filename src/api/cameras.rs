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
