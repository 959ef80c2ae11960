//! The types and paths of the API, one file for each noun. They depend on no browser and no
//! database.

pub mod audit;
pub mod cameras;
pub mod center;
pub mod heard;
pub mod home;
pub mod household;
pub mod incident;
pub mod invitations;
pub mod passkeys;
pub mod phone;
pub mod problem;
pub mod review;
pub mod session;
pub mod siren_bindings;
pub mod statistics;
pub mod timeline;
pub mod webhooks;

/// The paths of version 1. Parameters in braces are filled in by the functions.
pub mod path {
    use crate::domain::id::{CameraId, HomeId, IncidentId};
    use std::fmt::Display;

    /// Signing in and out.
    pub const SESSION: &str = "/api/v1/session";
    /// The devices on which an account is signed in.
    pub const SESSIONS: &str = "/api/v1/sessions";
    /// An account's password.
    pub const PASSWORD: &str = "/api/v1/password";
    /// Proving one's identity again, with the password or a passkey.
    pub const PROOF: &str = "/api/v1/session/proof";
    /// An account's passkeys.
    pub const PASSKEYS: &str = "/api/v1/passkeys";
    /// Signing in with a passkey.
    pub const PASSKEY: &str = "/api/v1/session/passkey";
    /// Signing in with a recovery code.
    pub const RECOVERY: &str = "/api/v1/session/recovery";
    /// Making recovery codes.
    pub const RECOVERY_CODES: &str = "/api/v1/recovery-codes";
    /// Who is signed in.
    pub const ME: &str = "/api/v1/me";

    /// The queue of the monitoring center.
    pub const CENTER: &str = "/api/v1/center/incidents";

    /// A resource of the monitoring center, such as its people.
    pub fn center(what: &str) -> String {
        format!("/api/v1/center/{what}")
    }

    /// A report or decision of the center on an incident.
    pub fn at_center(id: IncidentId, what: &str) -> String {
        format!("{CENTER}/{id}/{what}")
    }

    /// A home with everything that the dashboard needs.
    pub fn home(id: &HomeId) -> String {
        format!("/api/v1/homes/{id}")
    }
    /// A part of a home that its owners change, such as `contacts`.
    pub fn of_home(id: &HomeId, what: &str) -> String {
        format!("/api/v1/homes/{id}/{what}")
    }
    /// Creating the first owner.
    pub const WELCOME: &str = "/api/v1/welcome";
    /// An invitation.
    pub fn invitation(token: &str) -> String {
        format!("/api/v1/invitations/{token}")
    }
    /// Raising an incident, and the list of incidents.
    pub fn incidents(home: &HomeId) -> String {
        format!("/api/v1/homes/{home}/incidents")
    }
    /// A request of a home, by its id.
    pub fn request(home: &HomeId, id: IncidentId) -> String {
        format!("/api/v1/homes/{home}/requests/{id}")
    }
    /// Live events of a home.
    pub fn events(home: &HomeId) -> String {
        format!("/api/v1/homes/{home}/events")
    }
    /// An incident, or an action on it.
    pub fn incident(id: IncidentId, action: &str) -> String {
        match action {
            "" => format!("/api/v1/incidents/{id}"),
            action => format!("/api/v1/incidents/{id}/{action}"),
        }
    }
    /// An action of somebody whose screen shows this request as the latest.
    pub fn having_seen(action: &str, latest_request: u32) -> String {
        format!("{action}?seen={latest_request}")
    }
    /// A contact's phone.
    pub fn phone(token: &str) -> String {
        format!("/api/v1/contact/{token}")
    }
    /// The stream of a camera.
    pub fn live(home: &HomeId, camera: &CameraId) -> String {
        format!("/api/v1/cameras/{camera}/live?home={home}")
    }
    /// The latest still of a camera.
    pub fn still(home: &HomeId, camera: &CameraId) -> String {
        format!("/api/v1/cameras/{camera}/still?home={home}")
    }
    /// The live events of a contact's phone.
    pub fn phone_events(token: &str) -> String {
        format!("/api/v1/contact/{token}/events")
    }
    /// An action on a call.
    pub fn on_call(token: &str, call: impl Display, action: &str) -> String {
        format!("/api/v1/contact/{token}/calls/{call}/{action}")
    }
}
