//! Budgets of changes. An SOS is not a change and has none.
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
/// The least number of budgets of a kind at which full ones are dropped.
const REMEMBERED: usize = 4_096;

/// Budgets of one kind.
struct Kind<K: Hash + Eq + Clone> {
    all: DefaultKeyedRateLimiter<K>,
    /// The number of budgets at which full ones are dropped next.
    dropped_at: AtomicUsize,
}

impl<K: Hash + Eq + Clone> Kind<K> {
    fn new((at_once, a_second): (u32, u32)) -> Self {
        let count = |count| NonZeroU32::new(count).unwrap_or(NonZeroU32::MIN);
        let quota = Quota::per_second(count(a_second)).allow_burst(count(at_once));
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
}

impl Default for Budgets {
    fn default() -> Self {
        Self { own: Kind::new(OWN), accounts: Kind::new(ACCOUNT) }
    }
}

impl Budgets {
    /// Charges a change.
    ///
    /// # Errors
    /// One of its budgets is spent.
    pub(super) fn charge(&self, change: &Change) -> Result<(), ChangeError> {
        // What the device's own budget refuses costs its account nothing.
        change.payer().map_or(Ok(()), |payer| self.own.charge(&payer))?;
        change.paying_account().map_or(Ok(()), |account| self.accounts.charge(account))
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
