//! The first contacts of before the changes of the last day. They are asked beside the first contact,
//! because a person who changed the contacts with a stolen password would otherwise be the only one
//! who is asked (R15).

use super::{Home, undo::UNDOABLE};
use crate::domain::{
    call_tree,
    contact::{Contact, Readiness},
    id::ContactId,
    time::Timestamp,
};
use serde::{Deserialize, Serialize};

/// A contact who had agreed to be called and was the first one, until an owner changed that.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FormerFirst {
    /// The contact, with the number and the link of before.
    pub contact: Contact,
    /// When somebody else, another number or another link took the place.
    pub since: Timestamp,
}

impl FormerFirst {
    /// When the contact is no longer asked.
    pub fn until(&self) -> Timestamp {
        self.since + UNDOABLE
    }

    fn is_open(&self, now: Timestamp) -> bool {
        now.since(self.since) < UNDOABLE
    }
}

impl Home {
    /// Who is asked beside the first contact: the one who was first the longest ago.
    pub fn former_first(&self, now: Timestamp) -> Option<&FormerFirst> {
        self.former.iter().find(|former| former.is_open(now))
    }

    /// Records who was first before an owner's edit, if that edit put another contact, number or link
    /// in the first place. Nobody is recorded if a former first contact returns to it, as with undo:
    /// the person who was put there meanwhile may be the thief's.
    pub(super) fn note_former_first(&mut self, before: &Self, now: Timestamp) {
        self.former.retain(|former| former.is_open(now));
        let first = call_tree::first(&self.contacts);
        let had_agreed = |contact: &&Contact| contact.readiness == Readiness::Accepted;
        let is_first =
            |contact: &Contact| first.is_some_and(|first| first.is_by_same_link(contact));
        let is_other = call_tree::first(&before.contacts).is_some_and(|was| {
            // A person who never agreed was not asked, whatever their number or link.
            let is_same = first.is_some_and(|first| first.id == was.id) && !had_agreed(&was);
            !is_first(was) && !is_same
        });
        let returns = self.former.iter().any(|former| is_first(&former.contact));
        if let Some(was) = before.contacts.iter().find(had_agreed)
            && is_other
            && !returns
            && !is_first(was)
            && self.is_known_longer(was)
        {
            self.former.push(FormerFirst { contact: was.clone(), since: now });
        }
        let first = first.cloned();
        self.former.retain(|former| {
            first.as_ref().is_none_or(|first| !first.is_by_same_link(&former.contact))
        });
    }

    /// Whether a contact agreed a day before the first recorded change, so that these
    /// changes cannot have added the contact.
    fn is_known_longer(&self, contact: &Contact) -> bool {
        let is_listed = |former: &FormerFirst| former.contact.is_by_same_link(contact);
        self.former.first().is_none_or(|oldest| {
            let agreed = contact.agreed_at;
            agreed.is_none_or(|at| oldest.since.since(at) >= UNDOABLE)
                && !self.former.iter().any(is_listed)
        })
    }

    /// The number of a link that nobody had.
    pub(super) fn next_link(&mut self) -> u64 {
        self.last_link += 1;
        self.last_link
    }

    /// The contact whose link has this number: one of today, or one of before a change that can be
    /// undone.
    pub fn linked(&self, contact: &ContactId, link: u64, now: Timestamp) -> Option<&Contact> {
        self.all_linked(now).find(|known| (&known.id, known.link) == (contact, link))
    }

    /// The contacts of today, and those of before the changes of the last day, whose links of then
    /// are kept.
    pub fn all_linked(&self, now: Timestamp) -> impl Iterator<Item = &Contact> {
        let former = self.former.iter().filter(move |former| former.is_open(now));
        self.contacts
            .iter()
            .chain(former.map(|former| &former.contact))
            .chain(self.contacts_before(now))
    }

    /// Whether the link of a contact is one of before a change.
    pub fn is_former(&self, contact: &Contact) -> bool {
        !self.contacts.iter().any(|known| known.is_by_same_link(contact))
    }
}
