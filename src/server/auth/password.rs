//! Which passwords an account may have (OWASP ASVS 5.0, V6.2): long rather than strange, and none that is guessed first.

use crate::domain::home::edit::Fault;
use std::ops::RangeInclusive;
use zxcvbn::{Score, zxcvbn};

/// The length of an account's password, characters.
const LENGTH: RangeInclusive<usize> = 12..=256;
/// How much of a password is looked at for how it would be guessed: the time that takes grows faster than its length.
const LOOKED_AT: usize = 40;
/// What anybody would try here first (V6.1.2).
const OURS: [&str; 5] = ["buckler", "shield", "siren", "emergency", "sos"];

/// Whether a password is too short or too long. This costs nothing.
pub fn wrong_length(password: &str) -> Option<Fault> {
    match password.chars().count() {
        n if n < *LENGTH.start() => Some(Fault::TooShort),
        n if n > *LENGTH.end() => Some(Fault::TooLong),
        _ => None,
    }
}

/// What is wrong with a password, if anything. `known` is what everybody knows of its owner, such as the e-mail address. Some passwords
/// take a second: handlers ask [`super::judged`].
pub fn fault(password: &str, known: &[&str]) -> Option<Fault> {
    if let Some(fault) = wrong_length(password) {
        return Some(fault);
    }
    let looked_at: String = password.chars().take(LOOKED_AT).collect();
    // Lists of passwords, words and names, and how people vary them.
    let known = [known, &OURS].concat();
    (zxcvbn(&looked_at, &known).score() < Score::Three).then_some(Fault::EasilyGuessed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_ones_are_good_and_those_that_everybody_tries_are_not() {
        let known = ["ada@example.org", "Ada"];
        assert_eq!(fault("three quiet otters", &known), None);
        assert_eq!(fault(&"ä".repeat(11), &known), Some(Fault::TooShort));
        assert_eq!(fault(&"x9".repeat(129), &known), Some(Fault::TooLong));
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
            assert_eq!(fault(common, &known), Some(Fault::EasilyGuessed), "{common}");
        }
    }
}
