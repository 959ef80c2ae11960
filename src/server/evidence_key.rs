//! The key that signs evidence (Ed25519, RFC 8032): a file in the data folder that only this user
//! can read.

use super::private;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use data_encoding::BASE64;
use std::{
    fs, io,
    io::Write,
    path::{Path, PathBuf},
};

/// The name of the key file in the data folder: a seed of 32 bytes.
pub const FILE: &str = "evidence-key";
/// Signatures are over this and the document, so that a signature of evidence is valid for nothing
/// else.
pub const CONTEXT: &[u8] = b"buckler-evidence-1\n";

/// A key pair.
pub struct EvidenceKey(Ed25519KeyPair);

impl EvidenceKey {
    /// Loads the key of a data folder, or makes one.
    ///
    /// # Errors
    /// The key cannot be read or made.
    pub fn of(folder: &Path) -> io::Result<Self> {
        let file = folder.join(FILE);
        let seed = match fs::read(&file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => make(folder, &file)?,
            read => read?,
        };
        let wrong = |_| {
            io::Error::new(
                io::ErrorKind::InvalidData,
                format!("{} is no key of 32 bytes", file.display()),
            )
        };
        Ed25519KeyPair::from_seed_unchecked(&seed).map(Self).map_err(wrong)
    }

    /// The public key, base64.
    pub fn public(&self) -> String {
        BASE64.encode(self.0.public_key().as_ref())
    }

    /// Signs [`CONTEXT`] and a document. Returns base64.
    pub fn sign(&self, document: &[u8]) -> String {
        BASE64.encode(self.0.sign(&[CONTEXT, document].concat()).as_ref())
    }
}

/// Makes a key. A key that appeared meanwhile stays, and a crash leaves no half of one.
fn make(folder: &Path, file: &Path) -> io::Result<Vec<u8>> {
    let (mut seed, mut name) = (vec![0; 32], [0; 8]);
    getrandom::fill(&mut seed).map_err(io::Error::other)?;
    getrandom::fill(&mut name).map_err(io::Error::other)?;
    let unfinished: PathBuf = folder.join(format!("{FILE}.{:016x}", u64::from_le_bytes(name)));
    let mut made = private::new_file(&unfinished)?;
    let linked = made
        .write_all(&seed)
        .and_then(|()| made.sync_all())
        .and_then(|()| fs::hard_link(&unfinished, file));
    fs::remove_file(&unfinished)?;
    match linked {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => fs::read(file),
        linked => linked.and_then(|()| fs::File::open(folder)?.sync_all()).map(|()| seed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};

    #[test]
    fn key_is_made_once_and_signs_for_its_purpose_alone() {
        let folder = tempfile::tempdir().unwrap();
        let (first, again) =
            (EvidenceKey::of(folder.path()).unwrap(), EvidenceKey::of(folder.path()).unwrap());
        assert_eq!(first.public(), again.public());
        let names: Vec<_> =
            fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, [FILE]);
        assert!(!private::is_open_to_others(&folder.path().join(FILE)));
        let public =
            UnparsedPublicKey::new(&ED25519, BASE64.decode(first.public().as_bytes()).unwrap());
        let signature = BASE64.decode(again.sign(b"{}").as_bytes()).unwrap();
        assert!(public.verify(&[CONTEXT, b"{}"].concat(), &signature).is_ok());
        assert!(public.verify(b"{}", &signature).is_err());
    }

    #[test]
    fn damaged_key_is_an_error_and_is_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(FILE), b"short").unwrap();
        assert!(EvidenceKey::of(folder.path()).is_err());
        assert_eq!(fs::read(folder.path().join(FILE)).unwrap(), b"short");
    }
}
