//! Budgets of changes, and of drills. An SOS is not a change and has none.
//!
//! A change by a signed-in device is charged to the device and to its account. A device has a
//! smaller budget than its account, so that a stolen device does not exhaust what its owner has. New
//! sessions add nothing, because they share the budget of their account. Sign-ins, proofs of a
//! password and the ends of sessions are not charged to the account: a thief who knows the password
//! could otherwise keep the owner out. A network is charged only without a session, because a household, or
//! the users of a provider, share its address.

use super::{Change, ChangeError, Payer};
use crate::domain::id::UserId;
use governor::{DefaultKeyedRateLimiter, Quota};
use std::{
    hash::Hash,
    num::NonZeroU32,
    sync::atomic::{AtomicUsize, Ordering},
};

/// The budget of each [`Payer`]: changes at once, and changes a second. Setting up a home takes a
/// few dozen.
const OWN: (u32, u32) = (200, 2);
/// The budget of each account, for three devices.
const ACCOUNT: (u32, u32) = (600, 6);
/// The budget of a contact's link: changes at once, and changes a minute. A person answers a question
/// a few times a day, and each answer stays in the audit.
const LINK: (u32, u32) = (20, 1);
/// The budget of an account for what brings no help and stays in the database like an incident:
/// drills, and withdrawals of requests that have not arrived. Restricted devices have one of their
/// own.
const PRACTICE: (u32, u32) = (60, 2);
/// The least number of budgets of a kind at which full ones are dropped.
const REMEMBERED: usize = 4_096;

/// Budgets of one kind.
struct Kind<K: Hash + Eq + Clone> {
    all: DefaultKeyedRateLimiter<K>,
    /// The number of budgets at which full ones are dropped next.
    dropped_at: AtomicUsize,
}

impl<K: Hash + Eq + Clone> Kind<K> {
    fn new((at_once, rate): (u32, u32), per: impl Fn(NonZeroU32) -> Quota) -> Self {
        let count = |count| NonZeroU32::new(count).unwrap_or(NonZeroU32::MIN);
        let quota = per(count(rate)).allow_burst(count(at_once));
        let all = DefaultKeyedRateLimiter::keyed(quota);
        Self { all, dropped_at: AtomicUsize::new(REMEMBERED) }
    }

    fn charge(&self, key: &K) -> Result<(), ChangeError> {
        if self.all.len() > self.dropped_at.load(Ordering::Relaxed) {
            self.all.retain_recent();
            // In a flood from many networks few budgets are full. The search must not be repeated
            // for each change.
            let next = REMEMBERED.max(2 * self.all.len());
            self.dropped_at.store(next, Ordering::Relaxed);
        }
        self.all.check_key(key).map_err(|_| ChangeError::OverBudget)
    }
}

/// The budgets of all devices and accounts.
pub(super) struct Budgets {
    own: Kind<Payer>,
    accounts: Kind<UserId>,
    links: Kind<Payer>,
    /// By account, and whether its device is restricted.
    practice: Kind<(UserId, bool)>,
}

impl Default for Budgets {
    fn default() -> Self {
        Self {
            own: Kind::new(OWN, Quota::per_second),
            accounts: Kind::new(ACCOUNT, Quota::per_second),
            links: Kind::new(LINK, Quota::per_minute),
            practice: Kind::new(PRACTICE, Quota::per_minute),
        }
    }
}

impl Budgets {
    /// Charges a change.
    ///
    /// # Errors
    /// One of its budgets is spent.
    pub(super) fn charge(&self, change: &Change) -> Result<(), ChangeError> {
        // What the device's own budget refuses costs its account nothing.
        match change.payer() {
            Some(payer @ Payer::Link(..)) => self.links.charge(&payer)?,
            Some(payer) => self.own.charge(&payer)?,
            None => {}
        }
        change.paying_account().map_or(Ok(()), |account| self.accounts.charge(account))
    }

    /// Charges a drill, or a withdrawal that may have to be kept.
    ///
    /// # Errors
    /// The budget is spent.
    pub(super) fn charge_practice(
        &self,
        account: &UserId,
        is_restricted: bool,
    ) -> Result<(), ChangeError> {
        self.practice.charge(&(account.clone(), is_restricted))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::{audit::AuditAction, time::Timestamp},
        server::{clock::instant, store::AuditEntry},
    };
    use std::{net::Ipv4Addr, ops::Range, time::Duration};

    /// Each change beyond the limit once searched through all budgets.
    #[test]
    fn change_of_one_network_of_thousands_costs_no_search() {
        let budgets = Budgets::default();
        let timed = |networks: Range<usize>| {
            let began = instant();
            for network in networks {
                let address = Some(Ipv4Addr::from(network as u32).into());
                let entry = AuditEntry::new(
                    AuditAction::ReportRefused,
                    Timestamp::default(),
                    serde_json::Value::Null,
                );
                budgets.charge(&Change::new(AuditEntry { address, ..entry })).expect("its first");
            }
            began.elapsed()
        };
        let filling = timed(0..REMEMBERED);
        let full = timed(REMEMBERED..2 * REMEMBERED);
        assert!(full < filling * 20 + Duration::from_millis(100), "{filling:?} and {full:?}");
    }
}
