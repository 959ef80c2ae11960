//! The encryption of DC-09: AES-CBC with an initialization vector of zeros, written in hexadecimal
//! digits.
//!
//! It hides the content but does not authenticate the sender: the checksum is outside of the
//! encryption and has no key. For authentication, use a tunnel.

use aes::cipher::{BlockModeDecrypt, BlockModeEncrypt, KeyIvInit, block_padding::NoPadding};
use data_encoding::{HEXLOWER_PERMISSIVE, HEXUPPER};
use std::fmt;

/// The longest random padding before the encrypted text, bytes. DC-09-2026 requires 16 to 31 bytes.
pub const PAD: usize = 31;
/// The size of an AES block, bytes.
const BLOCK: usize = 16;

/// The last two blocks of an encrypted frame, which depend on everything before them and contain its
/// time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ending([u8; 2 * BLOCK]);

impl Ending {
    /// The end of an encrypted frame. `None` if it is none, or has not two blocks.
    pub fn of(frame: &[u8]) -> Option<Self> {
        let begin = frame.iter().position(|byte| *byte == b'[')? + 1;
        let text = frame[begin..].strip_suffix(b"\r")?;
        let sealed = HEXLOWER_PERMISSIVE.decode(text).ok()?;
        sealed.last_chunk().copied().map(Self)
    }
}

/// A key of 128, 192 or 256 bits.
#[derive(Clone, PartialEq, Eq)]
pub struct Key(Vec<u8>);

/// The text is not a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a key is 32, 48 or 64 hexadecimal digits")]
pub struct NotAKey;

impl std::str::FromStr for Key {
    type Err = NotAKey;
    /// Parses hexadecimal digits. The standard discourages phrases as keys.
    fn from_str(text: &str) -> Result<Self, NotAKey> {
        let bytes = HEXLOWER_PERMISSIVE.decode(text.trim().as_bytes()).map_err(|_| NotAKey)?;
        matches!(bytes.len(), 16 | 24 | 32).then_some(Self(bytes)).ok_or(NotAKey)
    }
}

impl fmt::Debug for Key {
    /// Hides the secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({} bits)", self.0.len() * 8)
    }
}

impl Key {
    /// Encrypts what follows the `[` of a frame: `pad`, cut to the required length, and then
    /// `clear`.
    pub(super) fn seal(&self, pad: &[u8; PAD], clear: &str) -> String {
        let length = BLOCK + (BLOCK - clear.len() % BLOCK) % BLOCK;
        let text = [&pad[..length], clear.as_bytes()].concat();
        let sealed = match self.0.len() {
            16 => encrypt::<aes::Aes128>(&self.0, &text),
            24 => encrypt::<aes::Aes192>(&self.0, &text),
            _ => encrypt::<aes::Aes256>(&self.0, &text),
        };
        HEXUPPER.encode(&sealed)
    }

    /// Decrypts to the text with its padding. `None` if `sealed` is not one or more whole blocks in
    /// hexadecimal digits.
    pub(super) fn open(&self, sealed: &str) -> Option<String> {
        let bytes = HEXLOWER_PERMISSIVE
            .decode(sealed.as_bytes())
            .ok()
            .filter(|bytes| !bytes.is_empty() && bytes.len() % BLOCK == 0)?;
        let text = match self.0.len() {
            16 => decrypt::<aes::Aes128>(&self.0, &bytes),
            24 => decrypt::<aes::Aes192>(&self.0, &bytes),
            _ => decrypt::<aes::Aes256>(&self.0, &bytes),
        }?;
        // The padding may be any bytes, so each byte becomes a character. The part that is parsed
        // is ASCII.
        Some(text.iter().map(|byte| char::from(*byte)).collect())
    }
}

fn encrypt<C>(key: &[u8], text: &[u8]) -> Vec<u8>
where
    cbc::Encryptor<C>: KeyIvInit + BlockModeEncrypt,
    C: aes::cipher::BlockCipherEncrypt,
{
    let cipher = cbc::Encryptor::<C>::new_from_slices(key, &[0; BLOCK])
        .expect("the length of a key was looked at");
    cipher.encrypt_padded_vec::<NoPadding>(text)
}

fn decrypt<C>(key: &[u8], bytes: &[u8]) -> Option<Vec<u8>>
where
    cbc::Decryptor<C>: KeyIvInit + BlockModeDecrypt,
    C: aes::cipher::BlockCipherDecrypt,
{
    let cipher = cbc::Decryptor::<C>::new_from_slices(key, &[0; BLOCK]).ok()?;
    cipher.decrypt_padded_vec::<NoPadding>(bytes).ok()
}
