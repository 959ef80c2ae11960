//! Limits on guessing. Keys are typed, so that no key is a text that a stranger chose.

use crate::{
    domain::{
        id::{CallId, HomeId, UserId},
        time::Timestamp,
    },
    server::limits::Network,
};
use sha2::{Digest, Sha256};
use std::{
    collections::{BTreeSet, HashMap},
    mem::{Discriminant, discriminant},
    sync::Mutex,
    time::Duration,
};

/// The most wrong guesses at one secret within [`WITHIN`].
const MOST: usize = 10;
/// The most refused reports that are recorded within [`WITHIN`], from all networks together. An
/// attacker may have thousands of networks.
const REPORTS_MOST: usize = 100;
/// The most refused attempts to sign in to an account that are recorded within [`WITHIN`]: all
/// guesses at the password, and as many at recovery codes from however many networks.
const SIGN_INS_MOST: usize = 2 * MOST;
/// The time in which guesses count.
const WITHIN: Duration = Duration::from_secs(15 * 60);
/// The most keys of one kind that are kept. Beyond that, the key that was used longest ago is
/// dropped.
const KEPT: usize = 10_000;

/// What is guessed. Each kind has its own storage, so that a flood of one kind drops nothing of
/// another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Guess {
    /// The password of an account, by a person who is not signed in.
    SignIn(UserId),
    /// The password of an account, by a person who is signed in to it. Strangers cannot use up
    /// these guesses.
    Proof(UserId),
    /// The password of an account that does not exist: the hash of the address. It is counted, so
    /// that the answers are the same as for an account.
    Nobody([u8; 32]),
    /// A recovery code of an account, from this network. Codes are random, so that not even many
    /// networks together guess one, and the guesses from one use up nobody else's.
    Recovery(UserId, Option<Network>),
    /// A recovery code of an account that does not exist, as for [`Self::Nobody`].
    NobodysRecovery([u8; 32], Option<Network>),
    /// The password or a recovery code of an account, from any network. It limits only the audit
    /// records of refused attempts.
    AnySignIn(UserId),
    /// A new account for the invitation with this hash of its token. Nothing is guessed, but judging
    /// a new password takes a thread as long as a wrong one.
    Join([u8; 32]),
    /// The verbal password, on a call.
    Call(CallId),
    /// The verbal password of a home, by one of its owners.
    Verbal(HomeId),
    /// A code at the keypad with this topic of the configuration.
    Keypad(String),
    /// The signature of a report, from this network.
    Report(Option<Network>),
    /// The signature of a report, from any network.
    AnyReport,
}

impl Guess {
    /// A guess at the password for an e-mail address, which may belong to no account.
    pub fn sign_in(account: Option<&UserId>, email: &str) -> Self {
        match account {
            Some(account) => Self::SignIn(account.clone()),
            None => Self::Nobody(Sha256::digest(email).into()),
        }
    }

    /// A guess at a recovery code for an e-mail address, which may belong to no account.
    pub fn recovery(account: Option<&UserId>, email: &str, from: Option<Network>) -> Self {
        match account {
            Some(account) => Self::Recovery(account.clone(), from),
            None => Self::NobodysRecovery(Sha256::digest(email).into(), from),
        }
    }

    /// The most wrong guesses within [`WITHIN`].
    const fn most(&self) -> usize {
        match self {
            Self::AnyReport => REPORTS_MOST,
            Self::AnySignIn(_) => SIGN_INS_MOST,
            _ => MOST,
        }
    }
}

/// The guesses of one kind.
#[derive(Debug, Default)]
struct Guesses {
    /// The times of the guesses, by key. No list is empty.
    times: HashMap<Guess, Vec<Timestamp>>,
    /// Each key with the time of its last guess, so that the one to drop is found without a search.
    by_last: BTreeSet<(Timestamp, Guess)>,
}

/// Counts guesses.
#[derive(Debug, Default)]
pub struct Attempts(Mutex<HashMap<Discriminant<Guess>, Guesses>>);

impl Attempts {
    /// Takes one of the remaining guesses. Returns false if there is none. A guess counts as wrong
    /// until [`Self::succeeded`], so that concurrent guesses are limited like consecutive ones.
    pub fn take(&self, guess: &Guess, now: Timestamp) -> bool {
        let mut kinds = self.0.lock().expect("no holder panics");
        kinds.entry(discriminant(guess)).or_default().take(guess, now)
    }

    /// Records a right guess. The guesses before it no longer count.
    pub fn succeeded(&self, guess: &Guess) {
        let mut kinds = self.0.lock().expect("no holder panics");
        kinds.entry(discriminant(guess)).or_default().forget(guess);
    }
}

impl Guesses {
    fn take(&mut self, guess: &Guess, now: Timestamp) -> bool {
        let room_for = usize::from(!self.times.contains_key(guess));
        self.make_room(room_for, now);
        let times = self.times.entry(guess.clone()).or_default();
        let last = times.last().copied();
        times.retain(|at| now.since(*at) < WITHIN);
        if times.len() >= guess.most() {
            return false;
        }
        times.push(now);
        if let Some(last) = last {
            self.by_last.remove(&(last, guess.clone()));
        }
        self.by_last.insert((now, guess.clone()));
        true
    }

    fn forget(&mut self, guess: &Guess) {
        let last = self.times.remove(guess).and_then(|times| times.last().copied());
        if let Some(last) = last {
            self.by_last.remove(&(last, guess.clone()));
        }
    }

    /// Drops the keys whose guesses no longer count. If that leaves no room for this many more
    /// keys, drops the ones that were used longest ago.
    fn make_room(&mut self, more: usize, now: Timestamp) {
        while let Some((last, guess)) = self.by_last.first()
            && (now.since(*last) >= WITHIN || self.times.len() + more > KEPT)
        {
            self.times.remove(guess);
            self.by_last.pop_first();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::clock::instant;

    fn nobody(email: &str) -> Guess {
        Guess::sign_in(None, email)
    }

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
            attempts.take(&nobody(&format!("made-up {n}")), now + Duration::from_millis(n));
        }
        assert!(
            !attempts.take(&Guess::Keypad("hall".into()), now),
            "a flood of made-up names resets nothing"
        );
        let kinds = attempts.0.lock().unwrap();
        assert!(kinds.values().all(|of_kind| of_kind.times.len() <= KEPT), "and is bounded");
        assert!(kinds.values().all(|of_kind| of_kind.times.len() == of_kind.by_last.len()));
    }

    /// Each guess beyond the limit once searched through all ten thousand keys.
    #[test]
    fn guess_at_a_full_table_costs_little_more_than_at_an_empty_one() {
        let (attempts, now) = (Attempts::default(), Timestamp::from_millis(1_000_000));
        let guesses = |from: usize| -> Vec<_> {
            (from..from + KEPT).map(|n| nobody(&n.to_string())).collect()
        };
        let timed = |guesses: &[Guess]| {
            let began = instant();
            assert!(guesses.iter().all(|guess| attempts.take(guess, now)));
            began.elapsed()
        };
        let (filling, full) = (timed(&guesses(0)), timed(&guesses(KEPT)));
        assert!(full < filling * 20 + Duration::from_millis(100), "{filling:?} and {full:?}");
    }

    #[test]
    fn guess_at_a_known_name_drops_no_name_from_a_full_table() {
        let (attempts, now) = (Attempts::default(), Timestamp::from_millis(1_000_000));
        while attempts.take(&nobody("first"), now) {}
        for n in 1..KEPT {
            attempts.take(&nobody(&n.to_string()), now + Duration::from_millis(1));
        }
        assert!(attempts.take(&nobody("1"), now + Duration::from_millis(2)));
        assert!(!attempts.take(&nobody("first"), now + Duration::from_millis(2)));
    }

    #[test]
    fn refused_reports_have_a_limit_for_all_networks_together() {
        let (attempts, now) = (Attempts::default(), Timestamp::from_millis(1_000_000));
        let of = |network: u32| {
            Guess::Report(Some(Network::of(std::net::Ipv4Addr::from(network).into())))
        };
        let kept = (0..1_000)
            .filter(|n| attempts.take(&of(*n), now) && attempts.take(&Guess::AnyReport, now));
        assert_eq!(kept.count(), REPORTS_MOST);
    }

    #[test]
    fn flood_forgets_the_name_that_was_guessed_at_longest_ago() {
        let (attempts, now) = (Attempts::default(), Timestamp::from_millis(1_000_000));
        while attempts.take(&nobody("the last"), now + Duration::from_secs(1)) {}
        for n in 0..KEPT {
            attempts.take(&nobody(&n.to_string()), now);
        }
        assert!(!attempts.take(&nobody("the last"), now + Duration::from_secs(1)));
    }
}
