//! The order in which the monitoring center calls the emergency contacts (R15, R17, I7).

use super::{
    contact::{Contact, Readiness},
    incident::{Call, Purpose},
};

/// Returns the next call, if any. The first contact is called once, to verify; the others are
/// called in order, to inform, after dispatch was requested. If no contact is asked first, all of
/// them are informed. Contacts who opted out are skipped.
pub fn next<'a>(
    contacts: &'a [Contact],
    calls: &'a [Call],
    dispatch_requested: bool,
    asks_first: bool,
) -> Option<(&'a Contact, Purpose)> {
    if !dispatch_requested {
        let first = willing(contacts).next().filter(|_| calls.is_empty() && asks_first);
        return first.map(|c| (c, Purpose::Verify));
    }
    waiting(contacts, calls, asks_first).next().map(|c| (c, Purpose::Inform))
}

/// The contacts to inform who have not been called yet, in order: those after the first, or all if
/// the first is not asked.
pub fn waiting<'a>(
    contacts: &'a [Contact],
    calls: &'a [Call],
    asks_first: bool,
) -> impl Iterator<Item = &'a Contact> {
    willing(contacts)
        .skip(usize::from(asks_first))
        .filter(|c| !calls.iter().any(|call| call.contact == c.id))
}

fn willing(contacts: &[Contact]) -> impl Iterator<Item = &Contact> {
    contacts.iter().filter(|c| c.readiness != Readiness::OptedOut)
}
