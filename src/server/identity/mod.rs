//! Passwords and tokens. Hashing is slow on purpose, so the number of concurrent hashes is limited.

pub mod attempts;
pub mod device;
pub mod first_owner;
pub mod passkeys;
pub mod password;

use crate::{
    domain::{home::edit::ErrorCode, id::UserId, time::Timestamp},
    server::tasks::message,
};
use argon2::{
    Argon2, Block, Params,
    password_hash::{
        PasswordHasher,
        phc::{Output, PasswordHash},
    },
};
use data_encoding::BASE64URL_NOPAD;
use sha2::{Digest, Sha256};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, LazyLock, Mutex, mpsc},
    thread,
    time::Duration,
};
use tokio::sync::{Semaphore, oneshot};
use unicode_normalization::UnicodeNormalization;

/// How long an unused device stays signed in. A telephone at home may lie in a drawer for a season.
const SESSION_IDLE: Duration = Duration::from_secs(90 * 24 * 3_600);
/// The longest time that a device stays signed in.
pub const SESSION_MOST: Duration = Duration::from_secs(365 * 24 * 3_600);
/// How long after its last recorded use the use of a session is recorded again.
pub const SESSION_NOTED: Duration = Duration::from_secs(3_600);
/// How long a device is restricted that signed in without a passkey although the account has one.
pub const RESTRICTED_FOR: Duration = Duration::from_secs(24 * 3_600);
/// The niceness of the hashing threads. The maximum is 19.
#[cfg(target_os = "linux")]
const YIELDING: i32 = 10;

/// A queue of passwords to hash. A hash takes about 19 MiB and a core for some time (OWASP's
/// parameters). So the number of concurrent hashes and the length of the queue are limited, and a
/// flood of sign-ins uses neither much memory nor the time of other tasks.
#[derive(Debug)]
pub struct HashQueue {
    /// Permits for the jobs that wait or run.
    places: Arc<Semaphore>,
    work: mpsc::Sender<Work>,
    /// How many passwords were compared with a hash.
    #[cfg(test)]
    compared: Arc<std::sync::atomic::AtomicUsize>,
}

/// The memory for a hash. A thread keeps it, because allocating 19 aligned MiB again and again
/// fragments the C library's heap.
type Memory = Vec<Block>;
type Work = Box<dyn FnOnce(&mut Memory) + Send>;

/// The queues of a server.
#[derive(Debug)]
pub struct Hashing {
    /// For signing in and changing passwords.
    pub sign_in: HashQueue,
    /// For verbal passwords on calls. It is separate, so that a flood of sign-ins cannot fill it.
    pub calls: HashQueue,
}

impl Default for Hashing {
    fn default() -> Self {
        Self { sign_in: HashQueue::new(66, 2), calls: HashQueue::new(257, 1) }
    }
}

/// The queue is full, or the server is stopping. Nothing was checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Busy;

impl HashQueue {
    /// Creates a queue with this capacity and this number of threads.
    fn new(places: usize, threads: usize) -> Self {
        let (work, next) = mpsc::channel::<Work>();
        let next = Arc::new(Mutex::new(next));
        for _ in 0..threads {
            let next = next.clone();
            let take = move || next.lock().expect("no holder panics").recv();
            let hash = move || {
                #[cfg(target_os = "linux")]
                // Other work has priority. If the system refuses this, the server is only slower.
                let _ = rustix::process::setpriority_process(None, YIELDING);
                let mut memory = Memory::new();
                while let Ok(work) = take() {
                    // A job that panics fails alone: the thread has the next one to do.
                    let done = catch_unwind(AssertUnwindSafe(|| work(&mut memory)));
                    if let Err(panic) = done {
                        tracing::error!(panic = message(&*panic), "hashing a password panicked");
                    }
                }
            };
            thread::Builder::new()
                .name("hash".into())
                .spawn(hash)
                .expect("the system gives a few threads");
        }
        Self {
            places: Arc::new(Semaphore::new(places)),
            work,
            #[cfg(test)]
            compared: Arc::default(),
        }
    }

    /// Runs a job on a hashing thread when its turn comes. Other tasks continue meanwhile, so an
    /// SOS never waits for it.
    async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Memory) -> T + Send + 'static,
    ) -> Result<T, Busy> {
        let place = self.places.clone().try_acquire_owned().map_err(|_| Busy)?;
        let (done, outcome) = oneshot::channel();
        let work = move |memory: &mut Memory| {
            // A job whose sender is gone keeps its permit until here and is skipped.
            let _place = place;
            if !done.is_closed() {
                let _ = done.send(work(memory));
            }
        };
        self.work.send(Box::new(work)).map_err(|_| Busy)?;
        outcome.await.map_err(|_| Busy)
    }

    /// Checks a new password when its turn comes, and returns what is wrong with it. Estimating how
    /// it would be guessed takes up to a second, in which it must not block a thread of the
    /// runtime. `known` is what others know about its owner, such as the e-mail address.
    ///
    /// # Errors
    /// The queue is full.
    pub async fn judged(&self, password: &str, known: &[&str]) -> Result<Option<ErrorCode>, Busy> {
        if let Some(fault) = password::wrong_length(password) {
            return Ok(Some(fault));
        }
        let (password, known) =
            (password.to_owned(), known.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>());
        self.work(move |_| {
            password::fault(&password, &known.iter().map(String::as_str).collect::<Vec<_>>())
        })
        .await
    }

    /// Hashes a new password when its turn comes.
    ///
    /// # Errors
    /// The queue is full, or the system has no random numbers.
    pub async fn hashed(&self, password: String) -> Result<String, Busy> {
        self.work(move |_| hash(&password).ok()).await?.ok_or(Busy)
    }

    /// Whether the password has this hash. Takes the same time if there is no hash.
    ///
    /// # Errors
    /// The queue is full.
    pub async fn verify(&self, password: String, hash: Option<String>) -> Result<bool, Busy> {
        #[cfg(test)]
        self.compared.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        self.work(move |memory| {
            let known = hash.is_some();
            let same = is_same(memory, &password, hash.as_ref().unwrap_or(&NOBODY));
            known && same == Some(true)
        })
        .await
    }

    /// Whether this is the verbal password.
    ///
    /// # Errors
    /// The queue is full.
    pub async fn verify_spoken(&self, said: &str, hash: Option<String>) -> Result<bool, Busy> {
        let (now, before) = (spoken(said), with_accents(said));
        let differs = now != before;
        let right = self.verify(now, hash.clone()).await?;
        // Both are hashed whether the first is right or not, so that the time tells nothing.
        let is_as_before = if differs { self.verify(before, hash).await } else { Ok(false) };
        if right { Ok(true) } else { is_as_before }
    }
}

/// The hash for accounts that do not exist, so that an unknown address takes as long as a wrong
/// password.
static NOBODY: LazyLock<String> = LazyLock::new(|| hash("nobody").unwrap_or_default());

/// Hashes a password, in PHC form.
///
/// # Errors
/// The system has no random numbers.
pub fn hash(password: &str) -> Result<String, argon2::password_hash::Error> {
    Ok(Argon2::default().hash_password(password.as_bytes())?.to_string())
}

/// Whether the password has this hash. `None` if the hash cannot be parsed.
fn is_same(memory: &mut Memory, password: &str, hash: &str) -> Option<bool> {
    let hash = PasswordHash::new(hash).ok()?;
    let params = Params::try_from(&hash).ok()?;
    memory.resize(params.block_count(), Block::new());
    let argon = Argon2::new(
        hash.algorithm.as_str().try_into().ok()?,
        hash.version?.try_into().ok()?,
        params,
    );
    let (salt, expected) = (hash.salt?, hash.hash?);
    let mut made = [0; Output::MAX_LENGTH];
    let made = &mut made[..expected.len()];
    argon.hash_password_into_with_memory(password.as_bytes(), &salt, made, memory).ok()?;
    // The comparison takes constant time.
    Some(Output::new(made).ok()? == expected)
}

/// Normalizes a verbal password for comparison: without capitals, extra spaces and accents, because
/// they are not spoken.
pub fn spoken(password: &str) -> String {
    let accent = |letter: &char| ('\u{300}'..='\u{36f}').contains(letter);
    with_accents(&password.nfkd().filter(|letter| !accent(letter)).collect::<String>())
}

/// The normalization of earlier versions, which kept accents. Hashes from then are still stored.
fn with_accents(password: &str) -> String {
    password.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

/// The end of a session that began at `began` and is used now. Each use extends it.
pub fn session_ends(began: Timestamp, now: Timestamp) -> Timestamp {
    (now + SESSION_IDLE).min(began + SESSION_MOST)
}

/// Creates a secret token: 256 random bits, as text for a cookie or a link.
///
/// # Panics
/// The system has no random numbers. Then nothing here would be safe.
pub fn new_token() -> String {
    BASE64URL_NOPAD.encode(&random::<32>())
}

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the system gives random numbers");
    bytes
}

/// The number of recovery codes that an account gets at once.
const RECOVERY_CODES: usize = 10;

/// Creates recovery codes: 120 random bits each, in letters and digits that are hard to confuse
/// (Crockford's base 32). Codes with more than 112 bits need no slow hash (ASVS 5.0, V6.5.2).
///
/// # Panics
/// The system has no random numbers.
pub fn new_recovery_codes() -> Vec<String> {
    let letters: Vec<char> = "0123456789ABCDEFGHJKMNPQRSTVWXYZ".chars().collect();
    let code = || {
        let mut bits = [0u8; 24];
        getrandom::fill(&mut bits).expect("the system gives random numbers");
        let groups = bits.chunks(4).map(|four| {
            four.iter().map(|byte| letters[usize::from(byte % 32)]).collect::<String>()
        });
        groups.collect::<Vec<_>>().join("-")
    };
    (0..RECOVERY_CODES).map(|_| code()).collect()
}

/// The hash of a recovery code. It is the same however the code was typed: in lower case, without
/// hyphens, with an O for a zero.
pub fn recovery_hash(typed: &str) -> [u8; 32] {
    let meant = |letter: char| match letter.to_ascii_uppercase() {
        'O' => '0',
        'I' | 'L' => '1',
        other => other,
    };
    token_hash(&typed.chars().filter(char::is_ascii_alphanumeric).map(meant).collect::<String>())
}

/// Creates a unique id for a new account.
///
/// # Panics
/// The system has no random numbers.
pub fn new_account_id() -> UserId {
    let mut bits = [0u8; 8];
    getrandom::fill(&mut bits).expect("the system gives random numbers");
    format!("person-{:016x}", u64::from_be_bytes(bits))
        .parse()
        .expect("letters, digits and a hyphen make an id")
}

/// The hash with which a token is stored.
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
        // Marks that are not accents stay, because without them these would be other words.
        assert_eq!(spoken("हिन्दी"), "हिन्दी");
    }

    #[tokio::test]
    async fn verbal_password_that_was_set_with_accents_still_works() {
        let queue = HashQueue::new(8, 1);
        let old = hash(&with_accents("Café Noir")).expect("hashed");
        assert_eq!(queue.verify_spoken("café NOIR", Some(old.clone())).await, Ok(true));
        assert_eq!(queue.verify_spoken("cafè noir", Some(old)).await, Ok(false));
        let new = hash(&spoken("Café Noir")).expect("hashed");
        assert_eq!(queue.verify_spoken("cafe noir", Some(new)).await, Ok(true));
    }

    /// I17: a right password takes as many hashes as a wrong one.
    #[tokio::test]
    async fn verbal_password_takes_as_many_hashes_right_or_wrong() {
        let queue = HashQueue::new(8, 1);
        let hashes = async |said: &str, hash: &Option<String>| {
            let before = queue.compared.load(std::sync::atomic::Ordering::Relaxed);
            let right = queue.verify_spoken(said, hash.clone()).await;
            (right, queue.compared.load(std::sync::atomic::Ordering::Relaxed) - before)
        };
        let new = Some(hash(&spoken("Café Noir")).expect("hashed"));
        let old = Some(hash(&with_accents("Café Noir")).expect("hashed"));
        for (hash, said, right, taken) in [
            (&new, "café noir", true, 2),
            (&old, "café noir", true, 2),
            (&new, "café blanc", false, 2),
            (&None, "café noir", false, 2),
            (&new, "cafe noir", true, 1),
            (&new, "cafe blanc", false, 1),
        ] {
            assert_eq!(hashes(said, hash).await, (Ok(right), taken), "{said}");
        }
    }

    #[test]
    fn password_is_verified_with_the_memory_it_was_hashed_with() {
        let mut memory = Memory::new();
        let small = Argon2::from(Params::new(64, 1, 1, None).expect("allowed"))
            .hash_password(b"heron")
            .expect("hashed")
            .to_string();
        for hashed in [hash("heron").expect("hashed"), small, hash("heron").expect("hashed")] {
            assert_eq!(is_same(&mut memory, "heron", &hashed), Some(true));
            assert_eq!(is_same(&mut memory, "Heron", &hashed), Some(false));
        }
        assert_eq!(is_same(&mut memory, "heron", "heron"), None);
    }

    #[tokio::test]
    async fn hash_that_panics_fails_alone() {
        let queue = HashQueue::new(2, 1);
        assert_eq!(queue.work(|_| -> u8 { panic!("planted") }).await, Err(Busy));
        let next = async {
            while queue.work(|_| ()).await != Ok(()) {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), next).await.expect("the thread lives");
    }

    #[tokio::test]
    async fn dropped_request_keeps_its_place_in_the_hashing_queue() {
        let queue = HashQueue::new(2, 1);
        let (go, wait) = mpsc::channel::<()>();
        let mut first = std::pin::pin!(queue.work(move |_| wait.recv().is_ok()));
        let mut gone = Box::pin(queue.work(|_| panic!("nobody waits for it any more")));
        assert!(
            futures_util::poll!(&mut first).is_pending()
                && futures_util::poll!(&mut gone).is_pending()
        );
        drop(gone);
        assert_eq!(queue.work(|_| ()).await, Err(Busy));
        go.send(()).expect("it waits");
        assert_eq!(first.await, Ok(true));
        while queue.work(|_| ()).await.is_err() {
            tokio::task::yield_now().await;
        }
    }
}
