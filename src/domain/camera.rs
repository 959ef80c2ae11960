//! Cameras and doorbells: where somebody looks when fear starts.

use super::id::CameraId;
use serde::{Deserialize, Serialize};

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
}
