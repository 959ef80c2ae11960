//! Who did what to an account or a home.

use crate::domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Deed {
    /// Somebody signed in.
    SignedIn,
    /// A password or recovery code was wrong.
    SignInRefused,
    /// Somebody signed out.
    SignedOut,
    /// Another device, or every other one, was signed out.
    DevicesSignedOut,
    /// A held device may request help.
    DeviceAllowed,
    /// Somebody said again who they are.
    Proven,
    /// Somebody tried to, with a wrong password.
    ProofRefused,
    /// The account's password was changed.
    PasswordChanged,
    /// A passkey was added.
    PasskeyAdded,
    /// A passkey was removed.
    PasskeyRemoved,
    /// New recovery codes were made.
    CodesMade,
    /// The home was changed.
    HomeChanged,
    /// What somebody is to the home was changed.
    PersonChanged,
    /// Somebody was invited.
    Invited,
    /// Somebody came by an invitation.
    Joined,
    /// A contact agreed to be called, or opted out.
    ContactAnswered,
    /// The link of a contact was made anew.
    LinkMade,
    /// The first owner came.
    FirstOwner,
    /// A device is not well: it is silent, its battery is nearly empty, or it was torn off.
    DeviceTrouble,
    /// A report from elsewhere had no good signature.
    ReportRefused,
    /// An incident that the server could not advance was dealt with by somebody.
    QuarantineEnded,
    /// An incident went on; its steps are in the history.
    Incident,
}

/// One record of the audit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AuditRecord {
    /// Its number; they have no gaps.
    pub number: u64,
    /// When it was done.
    #[schema(value_type = String)]
    pub at: Timestamp,
    /// What was done.
    pub what: Deed,
    /// Who did it, by name; nobody where it was not known.
    pub who: Option<String>,
    /// From which network address.
    pub address: Option<String>,
    /// What of it was concerned, such as the fields that changed.
    pub about: Vec<String>,
    /// All that is known of it, as JSON, with what was before and what came after. No secrets.
    pub detail: String,
}
