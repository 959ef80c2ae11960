//! Limits on guessing. Keys are typed, so that no key is a text that a stranger chose.

use crate::domain::{
    id::{CallId, HomeId, UserId},
    time::Timestamp,
};
use sha2::{Digest, Sha256};
use std::{
    collections::HashMap,
    mem::{Discriminant, discriminant},
    net::IpAddr,
    sync::Mutex,
    time::Duration,
};

/// The most wrong guesses at one secret within [`WITHIN`].
const MOST: usize = 10;
/// The time in which guesses count.
const WITHIN: Duration = Duration::from_secs(15 * 60);
/// The most keys of one kind that are kept. Beyond that, the key that was used longest ago is
/// dropped.
const KEPT: usize = 10_000;

/// What is guessed. Each kind has its own storage, so that a flood of one kind drops nothing of
/// another.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Guess {
    /// The password or a recovery code of an account, by a person who is not signed in.
    SignIn(UserId),
    /// The password of an account, by a person who is signed in to it. Strangers cannot use up
    /// these guesses.
    Proof(UserId),
    /// The password of an account that does not exist: the hash of the address. It is counted, so
    /// that the answers are the same as for an account.
    Nobody([u8; 32]),
    /// The verbal password, on a call.
    Call(CallId),
    /// The verbal password of a home, by one of its owners.
    Verbal(HomeId),
    /// A code at the keypad with this topic of the configuration.
    Keypad(String),
    /// The signature of a report, from this network address.
    Report(Option<IpAddr>),
}

impl Guess {
    /// A guess at the password for an address that belongs to no account.
    pub fn nobody(email: &str) -> Self {
        Self::Nobody(Sha256::digest(email).into())
    }
}

/// The times of the guesses of one kind, by key.
type Guesses = HashMap<Guess, Vec<Timestamp>>;

/// Counts guesses.
#[derive(Debug, Default)]
pub struct Attempts(Mutex<HashMap<Discriminant<Guess>, Guesses>>);

impl Attempts {
    /// Takes one of the remaining guesses. Returns false if there is none. A guess counts as wrong
    /// until [`Self::succeeded`], so that concurrent guesses are limited like consecutive ones.
    pub fn take(&self, guess: &Guess, now: Timestamp) -> bool {
        let mut kinds = self.0.lock().expect("no holder panics");
        let of_kind = kinds.entry(discriminant(guess)).or_default();
        if !of_kind.contains_key(guess) && of_kind.len() >= KEPT {
            make_room(of_kind, now);
        }
        let times = of_kind.entry(guess.clone()).or_default();
        times.retain(|at| now.since(*at) < WITHIN);
        if times.len() >= MOST {
            return false;
        }
        times.push(now);
        true
    }

    /// Records a right guess. The guesses before it no longer count.
    pub fn succeeded(&self, guess: &Guess) {
        let mut kinds = self.0.lock().expect("no holder panics");
        kinds.entry(discriminant(guess)).or_default().remove(guess);
    }
}

/// Drops the keys whose guesses no longer count. If that is not enough, drops the key that was used
/// longest ago.
fn make_room(of_kind: &mut HashMap<Guess, Vec<Timestamp>>, now: Timestamp) {
    of_kind.retain(|_, times| times.last().is_some_and(|at| now.since(*at) < WITHIN));
    if of_kind.len() >= KEPT
        && let Some(oldest) = of_kind
            .iter()
            .min_by_key(|(_, times)| times.last().copied())
            .map(|(guess, _)| guess.clone())
    {
        of_kind.remove(&oldest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(name: &str) -> Guess {
        Guess::SignIn(name.parse().unwrap())
    }

    #[test]
    fn too_many_guesses_are_refused_and_forgotten_with_time() {
        let (attempts, now) = (Attempts::default(), Timestamp::from_millis(1_000_000));
        let ada = account("ada");
        assert!((0..MOST).all(|_| attempts.take(&ada, now)));
        assert!(!attempts.take(&ada, now) && attempts.take(&account("ben"), now));
        assert!(attempts.take(&ada, now + WITHIN));
        attempts.succeeded(&ada);
        assert!((0..MOST).all(|_| attempts.take(&ada, now)), "a right one forgets the wrong ones");
    }

    #[test]
    fn guesses_of_one_kind_leave_every_other_alone() {
        let (attempts, now) = (Attempts::default(), Timestamp::from_millis(1_000_000));
        let ada: UserId = "ada".parse().unwrap();
        while attempts.take(&Guess::SignIn(ada.clone()), now) {}
        assert!(
            attempts.take(&Guess::Proof(ada), now),
            "a stranger's guesses do not lock out a signed-in person"
        );
        for keypad in ["hall", "door"] {
            while attempts.take(&Guess::Keypad(keypad.into()), now) {}
        }
        for n in 0..2 * KEPT as u64 {
            attempts.take(&Guess::nobody(&format!("made-up {n}")), now + Duration::from_millis(n));
        }
        assert!(
            !attempts.take(&Guess::Keypad("hall".into()), now),
            "a flood of made-up names resets nothing"
        );
        let kinds = attempts.0.lock().unwrap();
        assert!(kinds.values().all(|of_kind| of_kind.len() <= KEPT), "and is bounded");
    }

    #[test]
    fn flood_forgets_the_name_that_was_guessed_at_longest_ago() {
        let (attempts, now) = (Attempts::default(), Timestamp::from_millis(1_000_000));
        while attempts.take(&Guess::nobody("the last"), now + Duration::from_secs(1)) {}
        for n in 0..KEPT {
            attempts.take(&Guess::nobody(&n.to_string()), now);
        }
        assert!(!attempts.take(&Guess::nobody("the last"), now + Duration::from_secs(1)));
    }
}
