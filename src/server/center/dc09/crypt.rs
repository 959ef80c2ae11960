//! The encryption of DC-09: AES-CBC with an initialization vector of zeros, written in hexadecimal digits.
//!
//! It hides, and it does not prove who sent: the check sum lies outside of it and has no key. Whoever needs proof uses a tunnel.

use aes::cipher::{BlockModeDecrypt, BlockModeEncrypt, KeyIvInit, block_padding::NoPadding};
use std::fmt;

/// The random beginning of what is encrypted is at most as long: DC-09-2026 wants 16 to 31 bytes.
pub const PAD: usize = 31;
/// Bytes of a block of AES.
const BLOCK: usize = 16;

/// A key of 128, 192 or 256 bits.
#[derive(Clone, PartialEq, Eq)]
pub struct Key(Vec<u8>);

/// The text is no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a key is 32, 48 or 64 hexadecimal digits")]
pub struct NotAKey;

impl std::str::FromStr for Key {
    type Err = NotAKey;
    /// In hexadecimal digits: phrases as keys are discouraged by the standard.
    fn from_str(text: &str) -> Result<Self, NotAKey> {
        let bytes = from_hex(text.trim()).ok_or(NotAKey)?;
        matches!(bytes.len(), 16 | 24 | 32).then_some(Self(bytes)).ok_or(NotAKey)
    }
}

impl fmt::Debug for Key {
    /// Secrets are shown to nobody.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({} bits)", self.0.len() * 8)
    }
}

impl Key {
    /// What follows the `[` of a frame: `pad` cut to what is needed, then `clear`, encrypted.
    pub(super) fn seal(&self, pad: &[u8; PAD], clear: &str) -> String {
        let length = BLOCK + (BLOCK - clear.len() % BLOCK) % BLOCK;
        let text = [&pad[..length], clear.as_bytes()].concat();
        let sealed = match self.0.len() {
            16 => encrypt::<aes::Aes128>(&self.0, &text),
            24 => encrypt::<aes::Aes192>(&self.0, &text),
            _ => encrypt::<aes::Aes256>(&self.0, &text),
        };
        sealed.iter().map(|byte| format!("{byte:02X}")).collect()
    }

    /// The text with its random beginning; `None` if these are no whole blocks of hexadecimal digits, or no text comes out.
    pub(super) fn open(&self, sealed: &str) -> Option<String> {
        let bytes = from_hex(sealed).filter(|bytes| !bytes.is_empty() && bytes.len() % BLOCK == 0)?;
        let text = match self.0.len() {
            16 => decrypt::<aes::Aes128>(&self.0, &bytes),
            24 => decrypt::<aes::Aes192>(&self.0, &bytes),
            _ => decrypt::<aes::Aes256>(&self.0, &bytes),
        }?;
        // The random beginning may be any bytes; what is meant stands in ASCII.
        Some(text.iter().map(|byte| char::from(*byte)).collect())
    }
}

fn encrypt<C>(key: &[u8], text: &[u8]) -> Vec<u8>
where
    cbc::Encryptor<C>: KeyIvInit + BlockModeEncrypt,
    C: aes::cipher::BlockCipherEncrypt,
{
    let cipher = cbc::Encryptor::<C>::new_from_slices(key, &[0; BLOCK]).expect("the length of a key was looked at");
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

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = text.chars().map(|c| c.to_digit(16).map(|digit| digit as u8)).collect();
    let digits = digits.filter(|digits| digits.len() % 2 == 0)?;
    Some(digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}
