//! Texts of the settings: the state of each section in a line, faults of fields, and audit records.

use super::words::{HouseholdWord as W, Said, Word, listed};
use crate::{
    api::{
        audit::{AuditAction, AuditRecord},
        heard::Heard,
        home::{Contact, HomeAnswer},
        household::Counted,
    },
    domain::{
        access::{CenterRole, Role},
        contact::{Readiness, Standing},
        home::{Address, Enrolment, edit::ErrorCode},
    },
};

/// The text of an audit record.
pub fn deed(record: &AuditRecord) -> String {
    let Some(what) = record.what.known() else { return Word::New.into() };
    let word = match what {
        AuditAction::SignedIn => W::DidSignIn,
        AuditAction::SignInRefused => W::DidRefuse,
        AuditAction::SignedOut => W::DidSignOut,
        AuditAction::DevicesSignedOut => W::DidSignOutDevices,
        AuditAction::ReportRefused => W::DidRefuseReport,
        AuditAction::DeviceAllowed => W::DidAllow,
        AuditAction::Proven => W::DidProve,
        AuditAction::ProofRefused => W::DidNotProve,
        AuditAction::PasswordChanged => W::DidPassword,
        AuditAction::PasskeyAdded => W::DidAddPasskey,
        AuditAction::PasskeyRemoved => W::DidRemovePasskey,
        AuditAction::CodesMade => W::DidMakeCodes,
        AuditAction::PersonChanged => W::DidPerson,
        AuditAction::Invited => W::DidInvite,
        AuditAction::Joined => W::DidJoin,
        AuditAction::ContactAnswered => W::DidContact,
        AuditAction::LinkMade => W::DidLink,
        AuditAction::FirstOwner => W::DidBegin,
        AuditAction::QuarantineEnded => W::DidDealWith,
        // The record names the devices.
        AuditAction::DeviceFault => return W::DeviceFault.fill(&[&record.about.join(", ")]),
        // The steps of incidents are in the history.
        AuditAction::HomeChanged | AuditAction::Incident => {
            let fields: Vec<&str> = record.about.iter().map(|field| changed(field).say()).collect();
            return W::DidChange.fill(&[&listed(&fields)]);
        }
    };
    word.into()
}

/// The name of a changed part of a home.
fn changed(field: &str) -> W {
    match field {
        "name" => W::HomeName,
        "address" => W::Address,
        "contacts" => W::Contacts,
        "verbal_password" => W::Password,
        "settings" => W::Sirens,
        "subscription" => W::SosCameras,
        "devices" | "cameras" | "wires" => W::Equipment,
        _ => W::Settings,
    }
}

/// The text of a fault.
pub const fn fault(fault: ErrorCode) -> W {
    match fault {
        ErrorCode::Missing => W::Missing,
        ErrorCode::TooLong => W::TooLong,
        ErrorCode::NotACountry => W::NotACountry,
        ErrorCode::NotAPhoneNumber => W::NotAPhoneNumber,
        ErrorCode::HasExtension => W::HasExtension,
        ErrorCode::Twice => W::Twice,
        ErrorCode::TooFew => W::TooFew,
        ErrorCode::TooMany => W::TooMany,
        ErrorCode::OutOfBounds => W::OutOfBounds,
        ErrorCode::NotRight => W::NotRight,
        ErrorCode::TooShort => W::TooShort,
        ErrorCode::EasilyGuessed => W::EasilyGuessed,
        ErrorCode::NotAStream => W::NotAStream,
        ErrorCode::AnotherCamera => W::AnotherCamera,
        ErrorCode::NotPrivate => W::NotPrivate,
        ErrorCode::NotAllowed => W::NotAllowedAddress,
        ErrorCode::HasCredentials => W::HasCredentials,
        ErrorCode::NotAnEmail => W::NotAnEmail,
        ErrorCode::NotAccepted => W::NotAccepted,
        ErrorCode::Known => W::KnownAddress,
        ErrorCode::LastOwner => W::LastOwner,
        ErrorCode::LastSupervisor => W::LastSupervisor,
        ErrorCode::OnlyOne => W::OnlyOne,
        ErrorCode::NoCompatibleCamera => W::NoCompatibleCamera,
        ErrorCode::PlanRequired => W::PlanRequired,
    }
}

/// The sentence that responders are told.
pub fn told(address: &Address) -> String {
    W::ToldHome.fill(&[&address.one_line()])
}

/// Formats seconds as minutes, rounded up.
pub fn minutes(seconds: u16) -> String {
    let minutes = seconds.div_ceil(60);
    let word = if minutes == 1 { W::Minute } else { W::Minutes };
    word.fill(&[&minutes.to_string()])
}

/// Why a contact does not count as ready, if an owner can do something about it.
pub fn not_counted(contact: &Counted) -> Option<String> {
    let word = match contact.standing.known()? {
        Standing::Ready | Standing::Invited => return None,
        Standing::OptedOut => W::ContactOut,
        Standing::Forgot => W::ContactForgot,
        Standing::Silent => W::ContactSilent,
    };
    Some(word.fill(&[&contact.name]))
}

/// The state of a contact. `reached` is when they last answered, as formatted text.
pub fn contact_state(contact: &Contact, reached: Option<&str>) -> String {
    let state = match contact.ready {
        Heard::Known(Readiness::OptedOut) => return W::OptedOut.say().into(),
        _ if !contact.linked => return W::NoLink.say().into(),
        Heard::Known(Readiness::Invited) => return W::Invited.say().into(),
        Heard::Known(Readiness::Accepted) => W::Accepted.say(),
        Heard::Unknown => return Word::New.into(),
    };
    let reached =
        reached.map_or_else(|| W::NeverReached.say().to_owned(), |at| W::LastReached.fill(&[at]));
    W::ContactState.fill(&[state, &reached])
}

/// The name of a role, and what it permits.
pub const fn role(role: Heard<Role>) -> (W, W) {
    match role {
        Heard::Known(Role::Owner) => (W::Owner, W::OwnerNote),
        Heard::Known(Role::Shared) => (W::Shared, W::SharedNote),
        Heard::Known(Role::Guest) => (W::Guest, W::GuestNote),
        Heard::Unknown => (W::OtherRole, W::OtherRoleNote),
    }
}

/// The name of a role at the monitoring center, and what it permits.
pub const fn center_role(role: Heard<CenterRole>) -> (W, W) {
    match role {
        Heard::Known(CenterRole::Operator) => (W::Operator, W::OperatorNote),
        Heard::Known(CenterRole::Supervisor) => (W::Supervisor, W::SupervisorNote),
        Heard::Unknown => (W::OtherRole, W::OtherRoleNote),
    }
}

/// The address section, in a line.
pub fn address_line(home: &HomeAnswer) -> String {
    home.home
        .address
        .as_ref()
        .map_or_else(|| W::AddressMissing.say().into(), |address| address.one_line())
}

/// The contacts section, in a line.
pub fn contacts_line(home: &HomeAnswer) -> String {
    let ready = home.contacts.iter().filter(|c| c.ready == Readiness::Accepted).count();
    W::ContactsReady.fill(&[&ready.to_string(), &home.contacts.len().to_string()])
}

/// The sirens section, in a line.
pub fn sirens_line(home: &HomeAnswer) -> String {
    let countdown = W::Seconds.fill(&[&home.settings.countdown_s.to_string()]);
    match home.devices.is_empty() {
        true => countdown,
        false => W::SirensState.fill(&[&countdown, &minutes(home.settings.siren_duration_s)]),
    }
}

/// The section of SOS for cameras, in a line.
pub fn cameras_line(home: &HomeAnswer) -> &'static str {
    match home.subscription.sos_for_cameras {
        Heard::Known(Enrolment::Enrolled) => W::Enrolled.say(),
        Heard::Known(Enrolment::NotEnrolled) => W::NotEnrolled.say(),
        Heard::Unknown => Word::New.say(),
    }
}

/// The equipment section, in a line.
pub fn equipment_line(home: &HomeAnswer) -> String {
    W::EquipmentCount.fill(&[&home.devices.len().to_string(), &home.cameras.len().to_string()])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(region: &str, line2: Option<&str>) -> Address {
        Address {
            line1: "1 Elm Road".into(),
            line2: line2.map(Into::into),
            city: "Salem".into(),
            region: region.into(),
            postal_code: "97301".into(),
            country: "US".into(),
        }
    }

    /// R17.
    #[test]
    fn responders_are_told_the_whole_address() {
        assert_eq!(
            told(&address("OR", Some("Floor 2"))),
            "Help is needed at 1 Elm Road, Floor 2, Salem, OR 97301, US"
        );
        assert_eq!(address("", None).one_line(), "1 Elm Road, Salem 97301, US");
    }

    #[test]
    fn a_contact_is_ready_only_when_they_agreed() {
        let contact = |ready| Contact {
            id: "ann".parse().unwrap(),
            order: 1,
            name: "Ann".into(),
            phone: "+1".into(),
            ready: Heard::Known(ready),
            linked: true,
            reached_at: None,
            phone_link: None,
        };
        assert_eq!(
            contact_state(&contact(Readiness::Invited), Some("today")),
            "Link made, no answer yet"
        );
        for ready in [Readiness::Invited, Readiness::Accepted] {
            let unlinked = Contact { linked: false, ..contact(ready) };
            assert_eq!(
                contact_state(&unlinked, None),
                "No link yet: cannot be called",
                "nothing was made that could be sent"
            );
        }
        assert_eq!(
            contact_state(&contact(Readiness::Accepted), Some("today")),
            "Agreed, last reached today"
        );
        assert_eq!(contact_state(&contact(Readiness::Accepted), None), "Agreed, not reached yet");
    }

    #[test]
    fn minutes_are_counted_as_people_do() {
        assert_eq!((minutes(60), minutes(600)), ("1 minute".into(), "10 minutes".into()));
    }
}
