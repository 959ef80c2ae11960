//! The order in which the monitoring center calls the emergency contacts (R15, R17, I7).

use super::{
    contact::{Contact, Readiness},
    incident::{Call, Purpose},
};

/// Returns the next call, if any. The first contact is called once, to verify; the others are
/// called in order, to inform, after dispatch was requested. If no contact is asked first, all of
/// them are informed; a first contact who was not reached is informed last. Contacts who opted out
/// are skipped.
pub fn next<'a>(
    contacts: &'a [Contact],
    calls: &'a [Call],
    dispatch_requested: bool,
    asks_first: bool,
) -> Option<(&'a Contact, Purpose)> {
    if !dispatch_requested {
        let asked = first(contacts).filter(|_| calls.is_empty() && asks_first);
        return asked.map(|c| (c, Purpose::Verify));
    }
    waiting(contacts, calls).next().map(|c| (c, Purpose::Inform))
}

/// The contacts to inform, in order: those who have not been called yet, then the first contact if
/// the call that asked them reached nobody.
pub fn waiting<'a>(
    contacts: &'a [Contact],
    calls: &'a [Call],
) -> impl Iterator<Item = &'a Contact> {
    let in_turn = |call: &&Call| !call.beside;
    let of = move |c: &Contact| {
        calls.iter().filter(in_turn).filter(|call| call.contact == c.id).collect::<Vec<_>>()
    };
    let is_new = move |c: &&Contact| of(c).is_empty();
    let was_missed = move |c: &&Contact| matches!(of(c)[..], [call] if call.reached_nobody());
    willing(contacts).filter(is_new).chain(willing(contacts).filter(was_missed))
}

/// The first contact, who is asked before help is dispatched.
pub fn first(contacts: &[Contact]) -> Option<&Contact> {
    willing(contacts).next()
}

fn willing(contacts: &[Contact]) -> impl Iterator<Item = &Contact> {
    contacts.iter().filter(|c| c.readiness != Readiness::OptedOut)
}
