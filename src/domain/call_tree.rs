//! Whom the monitoring center calls, and in which order (R15, R17, I7).

use super::{
    contact::{Contact, Readiness},
    incident::{Call, Purpose},
};

/// The call that comes next: the first contact is asked, once; the others are told, in order, after help was requested.
/// Who opted out is passed over.
pub fn next<'a>(contacts: &'a [Contact], calls: &[Call], dispatch_requested: bool) -> Option<(&'a Contact, Purpose)> {
    let mut willing = contacts.iter().filter(|c| c.readiness != Readiness::OptedOut);
    let first = willing.next()?;
    if !dispatch_requested {
        return calls.is_empty().then_some((first, Purpose::Verify));
    }
    willing.find(|c| !calls.iter().any(|call| call.contact == c.id)).map(|c| (c, Purpose::Inform))
}
