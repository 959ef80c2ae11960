//! Passwords and tokens. Hashing is slow on purpose, so only so much of it runs at once.

pub mod attempts;
pub mod device;
pub mod passkeys;
pub mod password;

use crate::domain::{home::edit::Fault, id::UserId, time::Timestamp};
use argon2::{
    Argon2, Block, Params,
    password_hash::{
        PasswordHasher,
        phc::{Output, PasswordHash},
    },
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};
use std::{
    sync::{Arc, LazyLock, Mutex, mpsc},
    thread,
    time::Duration,
};
use tokio::sync::{Semaphore, oneshot};
use unicode_normalization::UnicodeNormalization;

/// How long a device stays signed in that is not used: a telephone at home may lie in a drawer for a season.
const SESSION_IDLE: Duration = Duration::from_secs(90 * 24 * 3_600);
/// How long a device stays signed in at most.
pub const SESSION_MOST: Duration = Duration::from_secs(365 * 24 * 3_600);
/// How much later than it was noted a session may have been used.
pub const SESSION_NOTED: Duration = Duration::from_secs(3_600);
/// How long a session still holds once the one that replaces it was used: what was asked with it and is on its way arrives.
pub const SESSION_LEAVES: Duration = Duration::from_secs(10);
/// How long a device that came without a passkey, where the account has one, does not request help.
pub const HELD: Duration = Duration::from_secs(24 * 3_600);
/// The niceness of threads that hash (the kindest is 19).
#[cfg(target_os = "linux")]
const YIELDING: i32 = 10;

/// Where one waits for a password to be hashed. A hash takes about 19 MiB and a core for some time (OWASP's parameters), so only so
/// many are made at once, and only so many wait: a flood of sign-ins costs neither memory nor the time of anything else.
#[derive(Debug)]
pub struct Line {
    /// Those that wait, and those whose turn it is.
    places: Arc<Semaphore>,
    work: mpsc::Sender<Work>,
}

/// What a hash is made in. A thread keeps it: given back and taken again, 19 MiB that must be aligned fragment the C library's heap.
type Memory = Vec<Block>;
type Work = Box<dyn FnOnce(&mut Memory) + Send>;

/// A server's lines.
#[derive(Debug)]
pub struct Hashing {
    /// Signing in, and changing passwords.
    pub sign_in: Line,
    /// Calling help off in a call: a line of its own, which no flood of sign-ins can fill.
    pub calls: Line,
}

impl Default for Hashing {
    fn default() -> Self {
        Self { sign_in: Line::new(66, 2), calls: Line::new(257, 1) }
    }
}

/// The line is full, or the server is stopping: nothing was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Busy;

impl Line {
    /// A line of so many places, and threads that work on it.
    fn new(places: usize, threads: usize) -> Self {
        let (work, next) = mpsc::channel::<Work>();
        let next = Arc::new(Mutex::new(next));
        for _ in 0..threads {
            let next = next.clone();
            let take = move || next.lock().expect("no holder panics").recv();
            let hash = move || {
                #[cfg(target_os = "linux")]
                // Whatever else there is to do goes first. Refused, it is only slower.
                let _ = rustix::process::setpriority_process(None, YIELDING);
                let mut memory = Memory::new();
                while let Ok(work) = take() {
                    work(&mut memory);
                }
            };
            thread::Builder::new().name("hash".into()).spawn(hash).expect("the system gives a few threads");
        }
        Self { places: Arc::new(Semaphore::new(places)), work }
    }

    /// Works on it beside everything else when its turn has come: an SOS never waits for it.
    async fn work<T: Send + 'static>(&self, work: impl FnOnce(&mut Memory) -> T + Send + 'static) -> Result<T, Busy> {
        let place = self.places.clone().try_acquire_owned().map_err(|_| Busy)?;
        let (done, outcome) = oneshot::channel();
        let work = move |memory: &mut Memory| {
            // Who has gone meanwhile keeps the place until here, and is not worked for.
            let _place = place;
            if !done.is_closed() {
                let _ = done.send(work(memory));
            }
        };
        self.work.send(Box::new(work)).map_err(|_| Busy)?;
        outcome.await.map_err(|_| Busy)
    }

    /// What is wrong with a new password, if anything, when its turn has come: how one would guess it takes up to a second to find out, and
    /// that second must not be one of the runtime's. `known` is what everybody knows of its owner, such as the e-mail address.
    ///
    /// # Errors
    /// The line is full.
    pub async fn judged(&self, password: &str, known: &[&str]) -> Result<Option<Fault>, Busy> {
        if let Some(fault) = password::wrong_length(password) {
            return Ok(Some(fault));
        }
        let (password, known) = (password.to_owned(), known.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>());
        self.work(move |_| password::fault(&password, &known.iter().map(String::as_str).collect::<Vec<_>>())).await
    }

    /// Hashes a new password when its turn has come.
    ///
    /// # Errors
    /// The line is full, or the system gives no random numbers.
    pub async fn hashed(&self, password: String) -> Result<String, Busy> {
        self.work(move |_| hash(&password).ok()).await?.ok_or(Busy)
    }

    /// Whether the password is the one that was hashed. Takes as long where there is no hash.
    ///
    /// # Errors
    /// The line is full.
    pub async fn verify(&self, password: String, hash: Option<String>) -> Result<bool, Busy> {
        self.work(move |memory| {
            let known = hash.is_some();
            let same = is_same(memory, &password, hash.as_ref().unwrap_or(&NOBODY));
            known && same == Some(true)
        })
        .await
    }

    /// Whether that is the verbal password.
    ///
    /// # Errors
    /// The line is full.
    pub async fn verify_spoken(&self, said: &str, hash: Option<String>) -> Result<bool, Busy> {
        let (now, before) = (spoken(said), with_accents(said));
        let differs = now != before;
        let right = self.verify(now, hash.clone()).await?;
        Ok(right || (differs && self.verify(before, hash).await?))
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

/// `None` if that is no hash.
fn is_same(memory: &mut Memory, password: &str, hash: &str) -> Option<bool> {
    let hash = PasswordHash::new(hash).ok()?;
    let params = Params::try_from(&hash).ok()?;
    memory.resize(params.block_count(), Block::new());
    let argon = Argon2::new(hash.algorithm.as_str().try_into().ok()?, hash.version?.try_into().ok()?, params);
    let (salt, expected) = (hash.salt?, hash.hash?);
    let mut made = [0; Output::MAX_LENGTH];
    let made = &mut made[..expected.len()];
    argon.hash_password_into_with_memory(password.as_bytes(), &salt, made, memory).ok()?;
    // Comparing outputs takes the same time whatever they are.
    Some(Output::new(made).ok()? == expected)
}

/// A spoken password as it is compared: capitals, spaces and accents are not heard.
pub fn spoken(password: &str) -> String {
    let accent = |letter: &char| ('\u{300}'..='\u{36f}').contains(letter);
    with_accents(&password.nfkd().filter(|letter| !accent(letter)).collect::<String>())
}

/// As it was compared before accents were left out: hashes from then are still there.
fn with_accents(password: &str) -> String {
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

/// How many recovery codes there are at once.
const RECOVERY_CODES: usize = 10;

/// New recovery codes: 120 random bits each, in the letters and digits that are hard to mistake (Crockford's base 32). With more than
/// 112 bits they need no slow hash (ASVS 5.0, V6.5.2).
///
/// # Panics
/// The system gives no random numbers.
pub fn new_recovery_codes() -> Vec<String> {
    let letters: Vec<char> = "0123456789ABCDEFGHJKMNPQRSTVWXYZ".chars().collect();
    let code = || {
        let mut bits = [0u8; 24];
        getrandom::fill(&mut bits).expect("the system gives random numbers");
        let groups = bits.chunks(4).map(|four| four.iter().map(|byte| letters[usize::from(byte % 32)]).collect::<String>());
        groups.collect::<Vec<_>>().join("-")
    };
    (0..RECOVERY_CODES).map(|_| code()).collect()
}

/// The hash of a recovery code, however it was typed: in small letters, without hyphens, with an O for a zero.
pub fn recovery_hash(typed: &str) -> [u8; 32] {
    let meant = |letter: char| match letter.to_ascii_uppercase() {
        'O' => '0',
        'I' | 'L' => '1',
        other => other,
    };
    token_hash(&typed.chars().filter(char::is_ascii_alphanumeric).map(meant).collect::<String>())
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
    fn a_recovery_code_is_the_same_however_it_is_typed() {
        let codes = new_recovery_codes();
        assert_eq!(codes.len(), 10);
        let code = &codes[0];
        assert_eq!(code.len(), 29, "{code}");
        let typed = code.to_lowercase().replace('-', " ").replace('0', "o").replace('1', "l");
        assert_eq!(recovery_hash(&typed), recovery_hash(code));
        assert_ne!(recovery_hash(&codes[1]), recovery_hash(code));
    }

    #[test]
    fn capitals_spaces_and_accents_are_not_spoken() {
        for said in ["  Blue   HÉRON ", "blue héron", "blue he\u{301}ron", "ｂｌｕｅ heron"] {
            assert_eq!(spoken(said), "blue heron", "{said:?}");
        }
        // What is no accent is left: these are other words without it.
        assert_eq!(spoken("हिन्दी"), "हिन्दी");
    }

    #[tokio::test]
    async fn a_verbal_password_that_was_set_with_its_accents_is_still_the_same() {
        let line = Line::new(8, 1);
        let old = hash(&with_accents("Café Noir")).expect("hashed");
        assert_eq!(line.verify_spoken("café NOIR", Some(old.clone())).await, Ok(true));
        assert_eq!(line.verify_spoken("cafè noir", Some(old)).await, Ok(false));
        let new = hash(&spoken("Café Noir")).expect("hashed");
        assert_eq!(line.verify_spoken("cafe noir", Some(new)).await, Ok(true));
    }

    #[test]
    fn a_password_is_the_one_that_was_hashed_however_much_memory_that_took() {
        let mut memory = Memory::new();
        let small = Argon2::from(Params::new(64, 1, 1, None).expect("allowed")).hash_password(b"heron").expect("hashed").to_string();
        for hashed in [hash("heron").expect("hashed"), small, hash("heron").expect("hashed")] {
            assert_eq!(is_same(&mut memory, "heron", &hashed), Some(true));
            assert_eq!(is_same(&mut memory, "Heron", &hashed), Some(false));
        }
        assert_eq!(is_same(&mut memory, "heron", "heron"), None);
    }

    #[tokio::test]
    async fn who_goes_away_keeps_the_place_until_its_turn_so_that_the_line_stays_short() {
        let line = Line::new(2, 1);
        let (go, wait) = mpsc::channel::<()>();
        let mut first = std::pin::pin!(line.work(move |_| wait.recv().is_ok()));
        let mut gone = Box::pin(line.work(|_| panic!("nobody waits for it any more")));
        assert!(futures_util::poll!(&mut first).is_pending() && futures_util::poll!(&mut gone).is_pending());
        drop(gone);
        assert_eq!(line.work(|_| ()).await, Err(Busy));
        go.send(()).expect("it waits");
        assert_eq!(first.await, Ok(true));
        while line.work(|_| ()).await.is_err() {
            tokio::task::yield_now().await;
        }
    }
}
