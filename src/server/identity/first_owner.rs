//! The first owner of a new server, who is let in by a token because there is no account yet.

use std::sync::Mutex;

/// The hash of the token for the first owner. `None` if there is an account.
#[derive(Debug, Default)]
pub struct FirstOwner(Mutex<Option<[u8; 32]>>);

impl FirstOwner {
    /// Waits for the first owner, who has the token with this hash.
    pub fn begin(&self, hash: [u8; 32]) {
        *self.0.lock().expect("no holder panics") = Some(hash);
    }

    /// Waits no longer, because there is an account.
    pub fn end(&self) {
        *self.0.lock().expect("no holder panics") = None;
    }

    /// Whether the server still needs its first owner.
    pub fn is_needed(&self) -> bool {
        self.0.lock().expect("no holder panics").is_some()
    }

    /// Whether the token with this hash is the one for the first owner.
    pub fn is_for(&self, hash: [u8; 32]) -> bool {
        *self.0.lock().expect("no holder panics") == Some(hash)
    }
}
