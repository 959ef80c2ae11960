//! Passkeys and recovery codes. What goes between browser and authenticator passes through as text: only the WebAuthn library reads it.

use crate::domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What the browser is to ask the authenticator.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Ceremony {
    /// Its name, for the answer.
    pub ceremony: String,
    /// JSON for `PublicKeyCredential.parseCreationOptionsFromJSON` or `parseRequestOptionsFromJSON` (WebAuthn Level 3, 5.1.8 and 5.1.9).
    pub options: String,
}

/// The authenticator's answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Answered {
    /// The name of the ceremony.
    pub ceremony: String,
    /// What `PublicKeyCredential.toJSON` gives, as text.
    pub credential: String,
}

/// How an account can be opened beside its password.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Passkeys {
    /// The host that passkeys are for; none where the server was not told its address.
    pub host: Option<String>,
    /// Those that there are, the oldest first.
    pub passkeys: Vec<Passkey>,
    /// Recovery codes that were not used yet.
    pub recovery_codes_left: u32,
}

/// A passkey.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Passkey {
    /// Its short name in paths.
    pub id: String,
    /// The device on which it was made.
    pub name: String,
    /// When it was made.
    #[schema(value_type = String)]
    pub created_at: Timestamp,
    /// When it was used for the last time.
    #[schema(value_type = String)]
    pub used_at: Timestamp,
}

/// New recovery codes, shown this once. Older ones work no more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RecoveryCodes {
    /// Each signs in once.
    pub codes: Vec<String>,
}

/// Signs in without password and passkey.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Recover {
    /// The account's e-mail address.
    pub email: String,
    /// One of its recovery codes.
    pub code: String,
}
