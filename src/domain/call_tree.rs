//! Whom the monitoring center calls, and in which order (R15, R17, I7).

use super::{
    contact::{Contact, Readiness},
    incident::{Call, Purpose},
};

/// The call that comes next: the first contact is asked, once; the others are told, in order, after help was requested.
/// Who opted out is passed over.
pub fn next<'a>(contacts: &'a [Contact], calls: &'a [Call], dispatch_requested: bool) -> Option<(&'a Contact, Purpose)> {
    if !dispatch_requested {
        return willing(contacts).next().filter(|_| calls.is_empty()).map(|c| (c, Purpose::Verify));
    }
    waiting(contacts, calls).next().map(|c| (c, Purpose::Inform))
}

/// The contacts who have yet to be told, in order.
pub fn waiting<'a>(contacts: &'a [Contact], calls: &'a [Call]) -> impl Iterator<Item = &'a Contact> {
    willing(contacts).skip(1).filter(|c| !calls.iter().any(|call| call.contact == c.id))
}

fn willing(contacts: &[Contact]) -> impl Iterator<Item = &Contact> {
    contacts.iter().filter(|c| c.readiness != Readiness::OptedOut)
}
