//! Errors of handlers. Every error becomes a [`Problem`] here. Internal causes are logged here,
//! once, and never shown.

use crate::{
    api::problem::{Code, Problem},
    domain::{
        access::CenterAction,
        eligibility::Reason,
        home::edit::{ErrorCode, FieldError},
        incident::decide::Refusal,
    },
    server::{
        engine::Denied,
        identity::Busy,
        limits::TooMany,
        presenters::problem::fields,
        store::{ChangeError, Guard, StoreError},
    },
};
use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};

/// A problem as an answer.
#[derive(Debug)]
pub struct ApiError(pub Problem);

/// The problems that any route may answer with, for the OpenAPI document.
#[derive(utoipa::IntoResponses)]
#[expect(dead_code, reason = "it only describes")]
pub enum Problems {
    /// The request does not name one host
    #[response(status = 400, content_type = "application/problem+json")]
    MalformedRequest(Problem),
    /// Not signed in
    #[response(status = 401, content_type = "application/problem+json")]
    NotSignedIn(Problem),
    /// Not allowed, or an SOS is not available here
    #[response(status = 403, content_type = "application/problem+json")]
    NotAllowed(Problem),
    /// Not found, or not visible to the caller
    #[response(status = 404, content_type = "application/problem+json")]
    NotFound(Problem),
    /// Not possible in the current state
    #[response(status = 409, content_type = "application/problem+json")]
    Conflict(Problem),
    /// Larger than 64 KiB
    #[response(status = 413, content_type = "application/problem+json")]
    TooLarge(Problem),
    /// Not valid
    #[response(status = 422, content_type = "application/problem+json")]
    Invalid(Problem),
    /// Too many wrong passwords, too many changes, or too many people are signing in
    #[response(status = 429, content_type = "application/problem+json")]
    TooManyAttempts(Problem),
    /// The store cannot be read or written, too many changes wait to be stored, or the request took
    /// too long
    #[response(status = 503, content_type = "application/problem+json")]
    StorageUnavailable(Problem),
}

/// The problem of routes that check the host, for the OpenAPI document.
#[derive(utoipa::IntoResponses)]
#[expect(dead_code, reason = "it only describes")]
pub enum HostProblems {
    /// Plain HTTP, under a name that the server does not have
    #[response(status = 421, content_type = "application/problem+json")]
    UnknownHost(Problem),
}

impl ApiError {
    /// Creates a problem of this kind.
    pub fn new(code: Code, detail: &str) -> Self {
        Self(Problem::new(code, detail))
    }

    /// An internal error. The cause is logged where it is known.
    pub fn internal() -> Self {
        Self::new(Code::Internal, "Something went wrong.")
    }

    /// Something that does not exist, or that the caller may not see.
    pub fn not_found() -> Self {
        Self::new(Code::NotFound, "There is nothing here.")
    }

    /// A restricted device, which was signed in without the account's passkey.
    pub fn device_restricted() -> Self {
        let detail = "This device came without your passkey. Use the passkey, or another device.";
        Self(Problem {
            reason: Some(Reason::DeviceRestricted),
            ..Problem::new(Code::DeviceRestricted, detail)
        })
    }

    /// A home whose record cannot be read.
    pub fn unreadable() -> Self {
        Self::new(
            Code::HomeUnreadable,
            "The server cannot read this home, so no SOS can be raised here. Call the emergency number.",
        )
    }

    /// Creates a problem for one wrong field.
    pub fn field(field: &str, message: &str) -> Self {
        Self(Problem::field(field, message))
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let status =
            StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_vec(&self.0).unwrap_or_default();
        (
            status,
            [(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"))],
            body,
        )
            .into_response()
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        tracing::error!(
            error = &error as &dyn std::error::Error,
            "a request could not be answered from the store"
        );
        Self::new(Code::StorageUnavailable, "The server cannot read or store anything now.")
    }
}

impl From<ChangeError> for ApiError {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::Store(error) => error.into(),
            ChangeError::Busy => Self::new(
                Code::Busy,
                "Nothing was changed: the server is busy. Try again in a moment.",
            ),
            ChangeError::OverBudget => Self::new(
                Code::TooManyChanges,
                "Nothing was changed: too many changes. Try again in a minute.",
            ),
            ChangeError::Unmet(guard) => guard.into(),
        }
    }
}

impl From<Guard> for ApiError {
    fn from(unmet: Guard) -> Self {
        let wrong =
            |field: &str, fault| Self(fields(vec![FieldError { field: field.into(), fault }]));
        match unmet {
            Guard::HomeRevisionIs(..) => Self::new(
                Code::Busy,
                "Nothing was changed: others change this home right now. Try again.",
            ),
            Guard::SessionStands(..) => {
                Self::new(Code::NotSignedIn, "Nothing was changed: this device was signed out.")
            }
            Guard::MayConfigure(..) => {
                Self::new(Code::NotAllowed, "Only an owner of this home can do that.")
            }
            Guard::MayAtCenter(_, CenterAction::Lead) => Self::new(
                Code::NotAllowed,
                "Only a supervisor of the monitoring center can do that.",
            ),
            Guard::MayAtCenter(_, CenterAction::Work)
            | Guard::IsQuarantined(..)
            | Guard::LinkStands(..)
            | Guard::IsMember(..)
            | Guard::CenterRoleIs(_, Some(_))
            | Guard::InvitationOpen(..)
            | Guard::InvitationStands(..) => Self::not_found(),
            Guard::IsNoMember(..) => Self::field("invitation", "You belong to this home already."),
            Guard::CenterRoleIs(_, None) => {
                Self::field("invitation", "You work at the monitoring center already.")
            }
            Guard::HasOtherOwner(..) => wrong("role", ErrorCode::LastOwner),
            Guard::HasOtherSupervisor(_) => wrong("role", ErrorCode::LastSupervisor),
            Guard::FewerInvitations(..) => wrong("name", ErrorCode::TooMany),
            Guard::NoAccounts => Self::new(
                Code::NotAllowed,
                "That is not the token that the server printed when it started, or it was used.",
            ),
            Guard::EmailFree(_) => wrong("email", ErrorCode::Known),
            Guard::PasswordIs(..) => wrong("current", ErrorCode::NotRight),
            Guard::NotReplaced(_) => Self::new(
                Code::Busy,
                "Nothing was changed: another request was quicker. Try again.",
            ),
            Guard::CredentialFree(_) => {
                Self::field("passkey", "That passkey is registered already.")
            }
            Guard::PasskeyStands(..) => {
                Self::new(Code::NotSignedIn, "That passkey is not known here.")
            }
            Guard::FewerPasskeys(..) => {
                Self::field("passkey", "An account can have 20 passkeys at most.")
            }
            Guard::RecoveryCodeUnused(..) => Self::new(
                Code::NotSignedIn,
                "That e-mail address and recovery code do not belong together.",
            ),
        }
    }
}

impl From<Busy> for ApiError {
    fn from(_: Busy) -> Self {
        Self::new(
            Code::TooManyAttempts,
            "Too many people are signing in right now. Try again in a moment.",
        )
    }
}

impl From<TooMany> for ApiError {
    fn from(_: TooMany) -> Self {
        Self::new(Code::Busy, "Too many such requests wait. Try again in a moment.")
    }
}

impl From<Reason> for ApiError {
    fn from(reason: Reason) -> Self {
        let mut problem = Problem::new(
            Code::SosNotAvailable,
            "An SOS cannot be raised here. In an emergency call the emergency number.",
        );
        problem.reason = Some(reason);
        Self(problem)
    }
}

impl From<Denied> for ApiError {
    fn from(denied: Denied) -> Self {
        match denied {
            Denied::Refused(refusal) => refusal.into(),
            Denied::IdReused => Self::new(Code::IdReused, "This id was used for another request."),
            Denied::Stale { now } => Self(Problem {
                server_time: Some(now),
                ..Problem::new(
                    Code::StaleRequest,
                    "This request is more than a minute old. Do you still need help?",
                )
            }),
            Denied::Withdrawn => Self::new(
                Code::Withdrawn,
                "This request was withdrawn before it arrived. It begins nothing.",
            ),
            Denied::LiveIncidentRunning => Self::new(
                Code::LiveIncidentRunning,
                "A drill cannot start while a live incident is running.",
            ),
            Denied::Unknown => Self::not_found(),
            Denied::Busy => Self::new(
                Code::Busy,
                "Too many requests of this device wait. Nothing was done. Try again.",
            ),
            Denied::OverBudget => Self::new(
                Code::TooManyChanges,
                "Nothing was withdrawn: too many withdrawals. Try again in a minute.",
            ),
            Denied::StorageUnavailable => Self::new(
                Code::StorageUnavailable,
                "The server cannot confirm that this is stored. Try again. In an emergency, call the emergency number.",
            ),
        }
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::CancelWindowClosed => Self::new(
                Code::CancelWindowClosed,
                "Help has been requested. Only answering the first call cancels it.",
            ),
            Refusal::IncidentOver | Refusal::NotWaiting => {
                Self::new(Code::IncidentOver, "This incident is over.")
            }
            Refusal::CallsUnderWay => Self::new(
                Code::CallsUnderWay,
                "Emergency contacts are still being called. It can be ended when the calls are over.",
            ),
            Refusal::AskedSince => Self::new(
                Code::AskedSince,
                "Somebody has asked for more in the meantime. Look at it, and decide again.",
            ),
            Refusal::AssignedToAnother => {
                Self::new(Code::NotAllowed, "Somebody else works on this incident.")
            }
            Refusal::CallOver => Self::new(Code::CallOver, "This call is over."),
            Refusal::DeviceRestricted => Self::device_restricted(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn store_that_cannot_be_read_now_is_answered_503() {
        let source = std::sync::Arc::new(sqlx::Error::PoolTimedOut);
        let error = StoreError::Database { operation: "look for a session", source };
        let ApiError(problem) = error.into();
        assert_eq!((problem.status, problem.code), (503, Code::StorageUnavailable));
    }
}
