//! What an audit record says that somebody did. The names are stored forever and are part of the
//! API.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The action of an audit record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = Deed)]
pub enum AuditAction {
    /// Somebody signed in.
    SignedIn,
    /// A sign-in was refused: the password or recovery code was wrong.
    SignInRefused,
    /// Somebody signed out.
    SignedOut,
    /// One device, or every device except the requesting one, was signed out.
    DevicesSignedOut,
    /// A restricted device was allowed to request help.
    DeviceAllowed,
    /// A signed-in person proved their identity again, with the password or a passkey.
    Proven,
    /// A signed-in person gave a wrong password as proof of their identity.
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
    /// A person's role in the home or at the monitoring center was changed or removed, or an
    /// invitation was withdrawn.
    PersonChanged,
    /// Somebody was invited.
    Invited,
    /// An invitation was accepted.
    Joined,
    /// An emergency contact agreed, opted out, answered a call, or said whether they remember the
    /// verbal password.
    ContactAnswered,
    /// A new link was issued for an emergency contact.
    LinkMade,
    /// The first owner's account was created.
    FirstOwner,
    /// A device has a new problem: it is silent, its battery is nearly empty, or it was tampered
    /// with.
    #[serde(rename = "device_trouble")]
    DeviceFault,
    /// A report from another server had no valid signature.
    ReportRefused,
    /// A person ended a quarantined incident, which the server could not advance.
    QuarantineEnded,
    /// An incident advanced. The steps are in its history.
    Incident,
}

impl AuditAction {
    /// All actions.
    pub const ALL: [Self; 22] = [
        Self::SignedIn,
        Self::SignInRefused,
        Self::SignedOut,
        Self::DevicesSignedOut,
        Self::DeviceAllowed,
        Self::Proven,
        Self::ProofRefused,
        Self::PasswordChanged,
        Self::PasskeyAdded,
        Self::PasskeyRemoved,
        Self::CodesMade,
        Self::HomeChanged,
        Self::PersonChanged,
        Self::Invited,
        Self::Joined,
        Self::ContactAnswered,
        Self::LinkMade,
        Self::FirstOwner,
        Self::DeviceFault,
        Self::ReportRefused,
        Self::QuarantineEnded,
        Self::Incident,
    ];
}
