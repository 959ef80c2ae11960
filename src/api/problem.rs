//! Errors of the API, in the format of RFC 9457. They never show internals.

use super::heard;
use crate::domain::{eligibility::Reason, home::edit::ErrorCode, time::Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// An error: `application/problem+json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// A path that names the kind of problem.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind, for people.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What happened this time: a sentence for a person.
    pub detail: String,
    /// The kind, for programs.
    pub code: Code,
    /// Why there is no SOS; only with `sos_not_available` and `device_held`.
    #[serde(default, deserialize_with = "heard::known", skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// The server's time; only with `stale_request`. A client whose clock is wrong corrects
    /// `sent_at` by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub server_time: Option<Timestamp>,
    /// Which fields are wrong; only with `invalid`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
}

/// One wrong field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FieldError {
    /// Its path, such as `contacts[0].phone`.
    pub field: String,
    /// What is wrong with it.
    pub message: String,
    /// The same, for programs.
    #[serde(default, deserialize_with = "heard::known", skip_serializing_if = "Option::is_none")]
    pub fault: Option<ErrorCode>,
}

/// The kinds of problems.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// 400: the request does not name one host
    MalformedRequest,
    /// 401
    NotSignedIn,
    /// 403
    NotAllowed,
    /// 403: the password or a passkey was given too long ago for this change
    ProofNeeded,
    /// 403: this device is restricted, because it was signed in without the account's passkey
    #[serde(rename = "device_held")]
    DeviceRestricted,
    /// 403, with a reason
    SosNotAvailable,
    /// 404, also for what the caller may not see
    NotFound,
    /// 405
    MethodNotAllowed,
    /// 409
    CancelWindowClosed,
    /// 409
    IncidentOver,
    /// 409
    IdReused,
    /// 409: the request is new and more than a minute old
    StaleRequest,
    /// 409: the request was withdrawn before it arrived, so it begins nothing
    Withdrawn,
    /// 409
    LiveIncidentRunning,
    /// 409
    CallOver,
    /// 409: contacts are still being called
    CallsUnderWay,
    /// 409: somebody asked for more than the author of the command had been shown
    AskedSince,
    /// 413
    TooLarge,
    /// 421: the server does not have the name under which it was reached
    UnknownHost,
    /// 422
    Invalid,
    /// 429
    TooManyAttempts,
    /// 429: a device, a contact's link or an address changed too much in a short time
    TooManyChanges,
    /// 500
    Internal,
    /// 503
    StorageUnavailable,
    /// 503: too many changes wait to be stored
    Busy,
    /// 503: the request took too long; what it asked for may still have been done
    TimedOut,
    /// 503: the stored record of the home cannot be read
    HomeUnreadable,
    /// A kind that only a newer server knows.
    #[serde(other)]
    Other,
}

impl Code {
    /// The status, the name in paths, and the title.
    fn parts(self) -> (u16, &'static str, &'static str) {
        match self {
            Self::MalformedRequest => (400, "malformed-request", "Not a valid request"),
            Self::NotSignedIn => (401, "not-signed-in", "Not signed in"),
            Self::NotAllowed => (403, "not-allowed", "Not allowed"),
            Self::ProofNeeded => (403, "proof-needed", "Give your password again"),
            Self::DeviceRestricted => (403, "device-held", "This device is held"),
            Self::SosNotAvailable => (403, "sos-not-available", "SOS is not available"),
            Self::NotFound => (404, "not-found", "Not found"),
            Self::MethodNotAllowed => (405, "method-not-allowed", "Method not allowed"),
            Self::CancelWindowClosed => (409, "cancel-window-closed", "Too late to cancel here"),
            Self::IncidentOver => (409, "incident-over", "The incident is over"),
            Self::IdReused => (409, "id-reused", "Id used for another request"),
            Self::StaleRequest => (409, "stale-request", "The request is too old"),
            Self::Withdrawn => (409, "withdrawn", "The request was withdrawn"),
            Self::LiveIncidentRunning => {
                (409, "live-incident-running", "A live incident is running")
            }
            Self::CallOver => (409, "call-over", "The call is over"),
            Self::CallsUnderWay => (409, "calls-under-way", "Contacts are still being called"),
            Self::AskedSince => (409, "asked-since", "More was asked for in the meantime"),
            Self::TooLarge => (413, "too-large", "Too large"),
            Self::UnknownHost => (421, "unknown-host", "The server does not have this name"),
            Self::Invalid => (422, "invalid", "Not valid"),
            Self::TooManyAttempts => (429, "too-many-attempts", "Too many attempts"),
            Self::TooManyChanges => (429, "too-many-changes", "Too many changes"),
            Self::Internal => (500, "internal", "Something went wrong"),
            Self::Other => (500, "other", "Something went wrong"),
            Self::StorageUnavailable => {
                (503, "storage-unavailable", "The server cannot store anything")
            }
            Self::Busy => (503, "busy", "The server is busy"),
            Self::TimedOut => (503, "timed-out", "The server took too long"),
            Self::HomeUnreadable => (503, "home-unreadable", "The home cannot be read"),
        }
    }
}

impl Problem {
    /// Creates a problem of this kind, with a sentence for a person.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        let (status, name, title) = code.parts();
        Self {
            kind: format!("/problems/{name}"),
            title: title.into(),
            status,
            detail: detail.into(),
            code,
            reason: None,
            server_time: None,
            errors: Vec::new(),
        }
    }

    /// Creates a problem for one wrong field.
    pub fn field(field: impl Into<String>, message: impl Into<String>) -> Self {
        let (field, message) = (field.into(), message.into());
        let mut problem = Self::new(Code::Invalid, format!("{field}: {message}"));
        problem.errors.push(FieldError { field, message, fault: None });
        problem
    }
}
