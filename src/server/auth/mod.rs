//! Passwords, tokens, and how often somebody may try. Hashing is slow on purpose, so only so much of it runs at once.

pub mod device;
pub mod password;

use crate::domain::{id::UserId, time::Timestamp};
use argon2::{
    Argon2,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};
use std::{
    collections::HashMap,
    sync::{LazyLock, Mutex},
    time::Duration,
};
use tokio::sync::Semaphore;

/// How long a device stays signed in that is not used: a telephone at home may lie in a drawer for a season.
const SESSION_IDLE: Duration = Duration::from_secs(90 * 24 * 3_600);
/// How long a device stays signed in at most.
pub const SESSION_MOST: Duration = Duration::from_secs(365 * 24 * 3_600);
/// How much later than it was noted a session may have been used.
pub const SESSION_NOTED: Duration = Duration::from_secs(3_600);
/// Wrong passwords that one account may be tried with in [`ATTEMPTS_WITHIN`].
const ATTEMPTS: usize = 10;
/// The time in which attempts count.
const ATTEMPTS_WITHIN: Duration = Duration::from_secs(15 * 60);
/// Accounts whose attempts are remembered; a flood of made-up names forgets the oldest.
const ATTEMPTS_KEPT: usize = 10_000;

/// Where one waits for a password to be hashed. A hash takes about 19 MiB and a core for some time (OWASP's parameters), so only so
/// many are made at once, and only so many wait: a flood of sign-ins costs neither memory nor the time of anything else.
#[derive(Debug)]
pub struct Line {
    /// Those that wait, and those whose turn it is.
    places: Semaphore,
    /// Those whose turn it is.
    turns: Semaphore,
}

/// Signing in, and changing passwords.
pub static SIGN_IN: Line = Line { places: Semaphore::const_new(66), turns: Semaphore::const_new(2) };
/// Calling help off in a call: a line of its own, which no flood of sign-ins can fill.
pub static CALLS: Line = Line { places: Semaphore::const_new(257), turns: Semaphore::const_new(1) };

/// The line is full, or the server is stopping: nothing was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Busy;

impl Line {
    /// Works on it beside everything else when its turn has come: an SOS never waits for it.
    async fn work<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Busy> {
        let _place = self.places.try_acquire().map_err(|_| Busy)?;
        let _turn = self.turns.acquire().await.map_err(|_| Busy)?;
        tokio::task::spawn_blocking(work).await.map_err(|_| Busy)
    }
}

/// Compared with when there is no account, so that an unknown name takes as long as a wrong password.
static NOBODY: LazyLock<String> = LazyLock::new(|| hash("nobody").unwrap_or_default());

/// Hashes a password, in PHC form.
///
/// # Errors
/// The system gives no random numbers.
pub fn hash(password: &str) -> Result<String, argon2::password_hash::Error> {
    Ok(Argon2::default().hash_password(password.as_bytes())?.to_string())
}

/// Hashes a new password when its turn has come.
///
/// # Errors
/// The line is full, or the system gives no random numbers.
pub async fn hashed(password: String) -> Result<String, Busy> {
    SIGN_IN.work(move || hash(&password).ok()).await?.ok_or(Busy)
}

/// Whether the password is the one that was hashed. Takes as long where there is no hash.
///
/// # Errors
/// The line is full.
pub async fn verify(line: &Line, password: String, hash: Option<String>) -> Result<bool, Busy> {
    line.work(move || {
        let known = hash.is_some();
        let hash = hash.unwrap_or_else(|| NOBODY.clone());
        let same = PasswordHash::new(&hash).is_ok_and(|h| Argon2::default().verify_password(password.as_bytes(), &h).is_ok());
        known && same
    })
    .await
}

/// A spoken password as it is compared: capitals and spaces are not spoken.
pub fn spoken(password: &str) -> String {
    password.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

/// When a session ends that began then and is used now, unless it is used again.
pub fn session_ends(began: Timestamp, now: Timestamp) -> Timestamp {
    (now + SESSION_IDLE).min(began + SESSION_MOST)
}

/// A new secret token: 256 random bits, as text for a cookie or a link.
///
/// # Panics
/// The system gives no random numbers; then nothing here is safe.
pub fn new_token() -> String {
    let mut bits = [0u8; 32];
    getrandom::fill(&mut bits).expect("the system gives random numbers");
    URL_SAFE_NO_PAD.encode(bits)
}

/// A name for a new account, which no other has.
///
/// # Panics
/// The system gives no random numbers.
pub fn new_account_id() -> UserId {
    let mut bits = [0u8; 8];
    getrandom::fill(&mut bits).expect("the system gives random numbers");
    format!("person-{:016x}", u64::from_be_bytes(bits)).parse().expect("letters, digits and a hyphen make an id")
}

/// The hash under which a token is kept.
pub fn token_hash(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

/// Counts failed attempts by name.
#[derive(Debug, Default)]
pub struct Attempts(Mutex<HashMap<String, Vec<Timestamp>>>);

impl Attempts {
    /// Whether that name may be tried now.
    pub fn may_try(&self, name: &str, now: Timestamp) -> bool {
        let mut all = self.0.lock().expect("no holder panics");
        all.get_mut(name).is_none_or(|times| {
            times.retain(|at| now.since(*at) < ATTEMPTS_WITHIN);
            times.len() < ATTEMPTS
        })
    }

    /// An attempt failed.
    pub fn failed(&self, name: &str, now: Timestamp) {
        let mut all = self.0.lock().expect("no holder panics");
        if all.len() >= ATTEMPTS_KEPT {
            all.retain(|_, times| times.last().is_some_and(|at| now.since(*at) < ATTEMPTS_WITHIN));
        }
        if all.len() >= ATTEMPTS_KEPT {
            all.clear();
        }
        all.entry(name.into()).or_default().push(now);
    }

    /// An attempt succeeded.
    pub fn succeeded(&self, name: &str) {
        self.0.lock().expect("no holder panics").remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_ends_when_it_is_not_used_and_after_a_year_anyway() {
        let (began, day) = (Timestamp::from_millis(1_000), Duration::from_secs(24 * 3_600));
        assert_eq!(session_ends(began, began), began + 90 * day);
        assert_eq!(session_ends(began, began + 80 * day), began + 170 * day);
        assert_eq!(session_ends(began, began + 300 * day), began + 365 * day);
    }

    #[test]
    fn capitals_and_spaces_are_not_spoken() {
        assert_eq!(spoken("  Blue   HERON "), "blue heron");
    }

    #[test]
    fn too_many_attempts_are_forgotten_with_time() {
        let (attempts, now) = (Attempts::default(), Timestamp::from_millis(1_000_000));
        (0..ATTEMPTS).for_each(|_| attempts.failed("ada", now));
        assert!(!attempts.may_try("ada", now) && attempts.may_try("ben", now));
        assert!(attempts.may_try("ada", now + ATTEMPTS_WITHIN));
        attempts.failed("ada", now);
        attempts.succeeded("ada");
        assert!(attempts.may_try("ada", now));
    }
}
