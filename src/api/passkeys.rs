//! Passkeys and recovery codes. Messages between browser and authenticator pass through as text,
//! which only the WebAuthn library reads.

use crate::domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A WebAuthn ceremony that the browser must perform with an authenticator.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Ceremony {
    /// The id of the ceremony. The answer repeats it.
    pub ceremony: String,
    /// JSON for `PublicKeyCredential.parseCreationOptionsFromJSON` or `parseRequestOptionsFromJSON`
    /// (WebAuthn Level 3, 5.1.8 and 5.1.9).
    pub options: String,
}

/// The authenticator's answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Answered {
    /// The id of the ceremony.
    pub ceremony: String,
    /// The result of `PublicKeyCredential.toJSON`, as text.
    pub credential: String,
}

/// The passkeys and recovery codes of an account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Passkeys {
    /// The host that passkeys are for; `null` if the server does not know its own address.
    pub host: Option<String>,
    /// The passkeys, the oldest first.
    pub passkeys: Vec<Passkey>,
    /// The number of unused recovery codes.
    pub recovery_codes_left: u32,
}

/// A passkey.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Passkey {
    /// The id of the passkey, for paths.
    pub id: String,
    /// The device on which it was made.
    pub name: String,
    /// When it was made.
    #[schema(value_type = String)]
    pub created_at: Timestamp,
    /// When it was last used.
    #[schema(value_type = String)]
    pub used_at: Timestamp,
}

/// New recovery codes. They are shown only once, and older codes no longer work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RecoveryCodes {
    /// The codes. Each one signs in once.
    pub codes: Vec<String>,
}

/// Signs in with a recovery code instead of a password or passkey.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Recover {
    /// The account's e-mail address.
    pub email: String,
    /// One of its recovery codes.
    pub code: String,
}
