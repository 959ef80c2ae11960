//! Encryption of secrets at rest. The key is a file in the data folder that only this user can
//! read. A copy of the database alone decrypts none.

use crate::server::private;
use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};
use data_encoding::BASE64_NOPAD;
use std::{
    io::{self, Write},
    path::{Path, PathBuf},
    sync::Mutex,
};

/// The name of the key file in the data folder.
pub const FILE: &str = "key";
const NONCE: usize = 24;

/// The server's key. It is read or made when it is first needed, so that a server that cannot write
/// a key works otherwise.
pub struct Credentials {
    file: PathBuf,
    key: Mutex<Option<XChaCha20Poly1305>>,
}

impl Credentials {
    /// Uses the key in that folder.
    pub fn new(folder: &Path) -> Self {
        Self { file: folder.join(FILE), key: Mutex::default() }
    }

    fn key(&self, make_one: bool) -> io::Result<XChaCha20Poly1305> {
        let mut known = self.key.lock().expect("no holder panics");
        if let Some(key) = &*known {
            return Ok(key.clone());
        }
        let bytes = match std::fs::read(&self.file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && make_one => make(&self.file)?,
            read => read?,
        };
        let wrong = || {
            io::Error::new(
                io::ErrorKind::InvalidData,
                format!("{} is no key of 32 bytes", self.file.display()),
            )
        };
        let key = XChaCha20Poly1305::new_from_slice(&bytes).map_err(|_| wrong())?;
        *known = Some(key.clone());
        Ok(key)
    }

    /// Encrypts a secret and binds it to a place. It cannot be decrypted for another place.
    ///
    /// # Errors
    /// A key that cannot be read or made.
    pub fn seal(&self, place: &str, secret: &str) -> io::Result<String> {
        let mut nonce = [0; NONCE];
        getrandom::fill(&mut nonce).map_err(io::Error::other)?;
        let sealed = self.key(true)?.encrypt(
            &XNonce::from(nonce),
            Payload { msg: secret.as_bytes(), aad: place.as_bytes() },
        );
        let sealed = sealed.map_err(|_| io::Error::other("too long to be sealed"))?;
        Ok(BASE64_NOPAD.encode(&[&nonce[..], &sealed].concat()))
    }

    /// Decrypts a secret. Returns `None` if it was not sealed with this key for this place.
    pub fn unseal(&self, place: &str, sealed: &str) -> Option<String> {
        let bytes = BASE64_NOPAD.decode(sealed.as_bytes()).ok()?;
        let (nonce, sealed) = bytes.split_first_chunk::<NONCE>()?;
        let key = self
            .key(false)
            .inspect_err(
                |error| tracing::error!(%error, "cannot read the key for camera passwords"),
            )
            .ok()?;
        let secret = key
            .decrypt(&XNonce::from(*nonce), Payload { msg: sealed, aad: place.as_bytes() })
            .ok()?;
        String::from_utf8(secret).ok()
    }
}

/// Makes a key that only this user can read. Never overwrites one.
fn make(file: &Path) -> io::Result<Vec<u8>> {
    let mut key = vec![0; 32];
    getrandom::fill(&mut key).map_err(io::Error::other)?;
    let mut made = private::new_file(file)?;
    made.write_all(&key)?;
    made.sync_all()?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_opens_with_this_key_at_this_place_and_nowhere_else() {
        let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let seal = Credentials::new(folder.path());
        assert_eq!(seal.unseal("maple-street/front-door", "AAAA"), None);
        assert!(!folder.path().join(FILE).exists(), "no key is made before it is needed");
        let sealed = seal.seal("maple-street/front-door", "admin\nopen sesame").unwrap();
        assert!(
            !sealed.contains("sesame")
                && sealed != seal.seal("maple-street/front-door", "admin\nopen sesame").unwrap()
        );
        let again = Credentials::new(folder.path());
        assert_eq!(
            again.unseal("maple-street/front-door", &sealed).as_deref(),
            Some("admin\nopen sesame")
        );
        assert_eq!(again.unseal("lake-cabin/porch", &sealed), None);
        assert_eq!(Credentials::new(other.path()).unseal("maple-street/front-door", &sealed), None);
        assert_eq!(again.unseal("maple-street/front-door", "AAAA"), None);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::metadata(folder.path().join(FILE)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        std::fs::write(folder.path().join(FILE), b"short").unwrap();
        let broken = Credentials::new(folder.path());
        assert!(
            broken.seal("a", "b").is_err()
                && broken.unseal("maple-street/front-door", &sealed).is_none()
        );
    }
}
