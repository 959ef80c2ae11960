//! The rules for passwords of accounts (OWASP ASVS 5.0, V6.2): length instead of special
//! characters, and no password that is easily guessed.

use crate::domain::home::edit::ErrorCode;
use std::ops::RangeInclusive;
use zxcvbn::{Score, zxcvbn};

/// The length of an account's password, characters.
const LENGTH: RangeInclusive<usize> = 12..=256;
/// How many characters of a password are checked for how they would be guessed, because the time
/// for that grows faster than the length.
const LOOKED_AT: usize = 40;
/// Words that an attacker would try first on this server (V6.1.2).
const OURS: [&str; 5] = ["buckler", "shield", "siren", "emergency", "sos"];

/// Whether a password is too short or too long. This check is cheap.
pub fn wrong_length(password: &str) -> Option<ErrorCode> {
    match password.chars().count() {
        n if n < *LENGTH.start() => Some(ErrorCode::TooShort),
        n if n > *LENGTH.end() => Some(ErrorCode::TooLong),
        _ => None,
    }
}

/// Returns what is wrong with a password, if anything. `known` is what others know about its owner,
/// such as the e-mail address. Some passwords take a second, so handlers call
/// [`super::HashQueue::judged`].
pub fn fault(password: &str, known: &[&str]) -> Option<ErrorCode> {
    if let Some(fault) = wrong_length(password) {
        return Some(fault);
    }
    let looked_at: String = password.chars().take(LOOKED_AT).collect();
    // zxcvbn knows lists of passwords, words and names, and their common variations.
    let known = [known, &OURS].concat();
    (zxcvbn(&looked_at, &known).score() < Score::Three).then_some(ErrorCode::EasilyGuessed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_ones_are_good_and_those_that_everybody_tries_are_not() {
        let known = ["ada@example.org", "Ada"];
        assert_eq!(fault("three quiet otters", &known), None);
        assert_eq!(fault(&"ä".repeat(11), &known), Some(ErrorCode::TooShort));
        assert_eq!(fault(&"x9".repeat(129), &known), Some(ErrorCode::TooLong));
        for common in [
            "password1234",
            "qwertyuiop12",
            "aaaaaaaaaaaa",
            "iloveyou1234",
            "ada@example.org",
            "123456789012",
            "Passw0rd!!!!",
            "bucklershield",
            "Buckler2026!",
        ] {
            assert_eq!(fault(common, &known), Some(ErrorCode::EasilyGuessed), "{common}");
        }
    }
}
