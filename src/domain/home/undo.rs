//! Earlier values of the address, the contacts and their links. For a day after a change, every
//! owner sees it and can undo it.

use super::{Address, Home};
use crate::domain::{
    contact::{Contact, Readiness},
    id::{ContactId, UserId},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How long a change can be undone.
pub const UNDOABLE: Duration = Duration::from_secs(24 * 3_600);

/// A change that can be undone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Its number, unique within the home.
    pub number: u64,
    /// When it was made. Consecutive changes by the same person count as one, with the time of the
    /// last.
    pub at: Timestamp,
    /// Who made it.
    pub by: UserId,
    /// That person's name at the time.
    pub name: String,
    /// The value before the change.
    pub was: Was,
}

/// A value before a change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Was {
    /// The address that help is sent to.
    Address(Address),
    /// The emergency contacts, in order.
    Contacts(Vec<Contact>),
    /// This contact, whose page had another link.
    Link(Contact),
}

/// A part of a home whose changes are kept for a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangedPart {
    /// The address that help is sent to.
    Address,
    /// The emergency contacts.
    Contacts,
    /// The link of a contact's page.
    Link,
}

/// A change of the last day, for the people who decide on an incident.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecentChange {
    /// What was changed.
    pub what: ChangedPart,
    /// When.
    pub at: Timestamp,
    /// The name of the person who changed it.
    pub by: String,
}

/// What was changed in the last day, in one line for a receiving center, without names: of each part
/// the latest change. Empty if nothing was.
pub fn one_line(changes: &[RecentChange]) -> String {
    let part = |change: &RecentChange| {
        let part = match change.what {
            ChangedPart::Address => "address",
            ChangedPart::Contacts => "contacts",
            ChangedPart::Link => "contact's link",
        };
        format!("{part} at {}", change.at)
    };
    let is_latest = |(at, change): &(usize, &RecentChange)| {
        !changes[at + 1..].iter().any(|later| later.what == change.what)
    };
    let latest = changes.iter().enumerate().filter(is_latest);
    let parts: Vec<String> = latest.map(|(_, change)| part(change)).collect();
    if parts.is_empty() { String::new() } else { format!("Changed: {}", parts.join(", ")) }
}

/// No such change or contact, or the change was made too long ago.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotUndone;

impl Change {
    /// Whether it can still be undone.
    pub fn is_open(&self, now: Timestamp) -> bool {
        now.since(self.at) < UNDOABLE
    }
}

impl Was {
    /// The current value of the home, of the same kind.
    fn now(&self, home: &Home) -> Option<Self> {
        match self {
            Self::Address(_) => home.address.clone().map(Self::Address),
            Self::Contacts(_) => Some(Self::Contacts(home.contacts.clone())),
            // The home does not know its links.
            Self::Link(_) => None,
        }
    }

    /// What part of the home it is a value of.
    pub const fn part(&self) -> ChangedPart {
        match self {
            Self::Address(_) => ChangedPart::Address,
            Self::Contacts(_) => ChangedPart::Contacts,
            Self::Link(_) => ChangedPart::Link,
        }
    }

    fn contacts(&self) -> &[Contact] {
        match self {
            Self::Address(_) => &[],
            Self::Contacts(all) => all,
            Self::Link(contact) => std::slice::from_ref(contact),
        }
    }

    /// Takes over what contacts have answered since by the links of then.
    fn keep_words(&mut self, newer: &Self) {
        let Self::Contacts(all) = self else { return };
        for contact in all {
            let known = newer
                .contacts()
                .iter()
                .find(|known| known.is_same_person(contact) && known.is_by_same_link(contact));
            if let Some(known) = known {
                contact.keep_word_of(known);
            }
        }
    }

    /// Whether both values are the same to an owner. A contact who has agreed in the meantime is
    /// not an owner's change.
    fn is_like(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Address(one), Self::Address(other)) => one == other,
            (Self::Contacts(some), Self::Contacts(others)) => {
                some.iter().map(named).eq(others.iter().map(named))
            }
            _ => false,
        }
    }

    /// Whether both are values of the same thing.
    fn is_kind_of(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Link(one), Self::Link(other)) => one.is_same_person(other),
            _ => self.part() == other.part(),
        }
    }
}

fn named(contact: &Contact) -> (&str, &str, &str) {
    (contact.id.as_str(), &contact.name, &contact.phone)
}

impl Home {
    /// Records what `by` changed since `before`, so that it can be undone. A value that was set for
    /// the first time is not recorded. Consecutive changes by the same person merge into one, so
    /// that the value before the first is kept. A change is dropped once the home has its earlier
    /// value again.
    pub fn note_changes(&mut self, before: &Self, by: &UserId, name: &str, now: Timestamp) {
        self.changes.retain(|change| change.is_open(now));
        let address = before.address.clone().map(Was::Address);
        let contacts =
            Some(before.contacts.clone()).filter(|all| !all.is_empty()).map(Was::Contacts);
        for was in [address, contacts].into_iter().flatten() {
            if was.now(self).is_some_and(|now| now.is_like(&was)) {
                continue;
            }
            self.note_change(was, by, name, now);
        }
        let mut changes = std::mem::take(&mut self.changes);
        changes.retain(|change| match &change.was {
            Was::Link(was) => self.is_former(was),
            was => was.now(self).is_none_or(|now| !now.is_like(was)),
        });
        self.changes = changes;
        self.note_former_first(before, now);
    }

    /// Gives the page of a contact another link, and returns its number. The person has to agree
    /// again, because calls rang on the page of the old link. A change is recorded if they had agreed
    /// by that.
    ///
    /// # Errors
    /// There is no such contact.
    pub fn renew_link(
        &mut self,
        contact: &ContactId,
        (by, name): (&UserId, &str),
        now: Timestamp,
    ) -> Result<u64, NotUndone> {
        let (before, number) = (self.clone(), self.next_link());
        let known = self.contacts.iter_mut().find(|c| c.id == *contact).ok_or(NotUndone)?;
        let was = known.clone();
        known.link = number;
        self.changes.retain(|change| change.is_open(now));
        if was.readiness == Readiness::Accepted {
            (known.readiness, known.agreed_at) = (Readiness::Invited, None);
            self.note_change(Was::Link(was), by, name, now);
        }
        self.note_former_first(&before, now);
        Ok(number)
    }

    fn note_change(&mut self, was: Was, by: &UserId, name: &str, now: Timestamp) {
        let last = self.changes.iter_mut().rfind(|change| change.was.is_kind_of(&was));
        match last.filter(|last| last.by == *by) {
            Some(last) => {
                last.was.keep_words(&was);
                (last.at, last.name) = (now, name.into());
            }
            None => {
                let number =
                    self.changes.last().map_or(0, |last| last.number + 1).max(now.as_millis());
                self.changes.push(Change {
                    number,
                    at: now,
                    by: by.clone(),
                    name: name.into(),
                    was,
                });
            }
        }
    }

    fn open_changes(&self, now: Timestamp) -> impl Iterator<Item = &Change> {
        self.changes.iter().filter(move |change| change.is_open(now))
    }

    /// The contacts of before the changes that can be undone.
    pub(super) fn contacts_before(&self, now: Timestamp) -> impl Iterator<Item = &Contact> {
        self.open_changes(now).flat_map(|change| change.was.contacts())
    }

    /// The contacts of before all recorded changes.
    pub(super) fn contacts_of_changes(&self) -> impl Iterator<Item = &Contact> {
        self.changes.iter().flat_map(|change| change.was.contacts())
    }

    /// The changes of the last day, oldest first.
    pub fn recent_changes(&self, now: Timestamp) -> Vec<RecentChange> {
        let told = |change: &Change| RecentChange {
            what: change.was.part(),
            at: change.at,
            by: change.name.clone(),
        };
        self.open_changes(now).map(told).collect()
    }

    /// Restores the value before a change. The caller records this like any other change. Contacts
    /// that still exist with the same number keep the answers that they gave since.
    ///
    /// # Errors
    /// There is no such change, or it was made too long ago.
    pub fn undo(&mut self, number: u64, now: Timestamp) -> Result<(), NotUndone> {
        let change = self
            .changes
            .iter()
            .find(|change| change.number == number && change.is_open(now))
            .ok_or(NotUndone)?;
        match change.was.clone() {
            Was::Address(address) => self.address = Some(address),
            Was::Contacts(mut contacts) => {
                for contact in &mut contacts {
                    let known = self.contacts.iter().find(|known| known.is_same_person(contact));
                    if let Some(known) = known {
                        contact.keep_word_of(known);
                    }
                }
                self.contacts = contacts;
            }
            Was::Link(was) => {
                let contact = self.contacts.iter_mut().find(|known| known.is_same_person(&was));
                contact.ok_or(NotUndone)?.keep_word_of(&was);
            }
        }
        Ok(())
    }
}
