//! Earlier values of the address and the contacts. For a day after a change, every owner sees it
//! and can undo it.

use super::{Address, Home};
use crate::domain::{
    contact::{Contact, Readiness},
    id::UserId,
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
}

/// No such change, or it was made too long ago.
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

    fn is_kind_of(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
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
            match self
                .changes
                .iter_mut()
                .rfind(|change| change.was.is_kind_of(&was))
                .filter(|last| last.by == *by)
            {
                Some(last) => (last.at, last.name) = (now, name.into()),
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
        let mut changes = std::mem::take(&mut self.changes);
        changes.retain(|change| change.was.now(self).is_none_or(|now| !now.is_like(&change.was)));
        self.changes = changes;
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
                    if let Some(known) = self
                        .contacts
                        .iter()
                        .find(|known| known.id == contact.id && known.phone == contact.phone)
                    {
                        contact.keep_word_of(known);
                    } else if contact.readiness == Readiness::Accepted {
                        // Their links have ended, so nobody can be called there until they accept again.
                        contact.readiness = Readiness::Invited;
                    }
                }
                self.contacts = contacts;
            }
        }
        Ok(())
    }
}
