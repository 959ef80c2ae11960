//! The order in which the monitoring center calls the emergency contacts (R15, R17, I7).

use super::{
    contact::{Contact, Readiness},
    incident::{Call, Purpose},
};

/// Returns the next call, if any. The first contact is called once, to verify; the others are
/// called in order, to inform, after dispatch was requested. Contacts who opted out are skipped.
pub fn next<'a>(
    contacts: &'a [Contact],
    calls: &'a [Call],
    dispatch_requested: bool,
) -> Option<(&'a Contact, Purpose)> {
    if !dispatch_requested {
        return willing(contacts).next().filter(|_| calls.is_empty()).map(|c| (c, Purpose::Verify));
    }
    waiting(contacts, calls).next().map(|c| (c, Purpose::Inform))
}

/// The contacts after the first who have not been called yet, in order.
pub fn waiting<'a>(
    contacts: &'a [Contact],
    calls: &'a [Call],
) -> impl Iterator<Item = &'a Contact> {
    willing(contacts).skip(1).filter(|c| !calls.iter().any(|call| call.contact == c.id))
}

fn willing(contacts: &[Contact]) -> impl Iterator<Item = &Contact> {
    contacts.iter().filter(|c| c.readiness != Readiness::OptedOut)
}
