//! Parses telephone numbers as people write them, by libphonenumber's rules for every country's
//! numbering plan.
//!
//! A number with a country code is parsed by that country's rules alone. The home's own country
//! affects only numbers without one: `+49 1512 3456789` reaches the same person for a home in
//! Portland and for a home in Rome.

use crate::domain::home::edit::ErrorCode;
use rlibphonenumber::{PHONE_NUMBER_UTIL, PhoneNumberFormat, Region};

/// Converts a number to E.164, such as `+15035550101`. `country` (ISO 3166-1 alpha-2) is the
/// country of a number without a country code.
///
/// # Errors
/// [`ErrorCode::HasExtension`] for a number with an extension. [`ErrorCode::NotAPhoneNumber`] for
/// anything that is not a telephone number in its country, and for letters: `+3367a829916` is a
/// typing error, not a number.
pub fn e164(written: &str, country: Option<&str>) -> Result<String, ErrorCode> {
    let region: Option<Region> = country.and_then(|code| code.parse().ok());
    let written = written.trim();
    let digits = written.strip_prefix("tel:").unwrap_or(written);
    let number = PHONE_NUMBER_UTIL.parse(digits, region).map_err(|_| ErrorCode::NotAPhoneNumber)?;
    if number.extension.as_deref().is_some_and(|extension| !extension.is_empty()) {
        return Err(ErrorCode::HasExtension);
    }
    let has_letters = digits.chars().any(char::is_alphabetic);
    if has_letters || is_mixed(digits) || !number.is_valid() {
        return Err(ErrorCode::NotAPhoneNumber);
    }
    Ok(number.format_as(PhoneNumberFormat::E164).into_owned())
}

/// Whether a number mixes ASCII digits with those of another script, which nobody types on purpose.
fn is_mixed(written: &str) -> bool {
    let is_foreign = |c: char| c.is_numeric() && !c.is_ascii_digit();
    written.contains(|c: char| c.is_ascii_digit()) && written.contains(is_foreign)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rlibphonenumber::PhoneNumberType;
    use std::collections::BTreeSet;

    fn ok(number: &str) -> Result<String, ErrorCode> {
        Ok(number.to_owned())
    }

    #[test]
    fn numbers_are_read_as_they_are_dialed() {
        assert_eq!(e164("+1 (503) 555-0101", None), ok("+15035550101"));
        assert_eq!(e164("503 555 0101", Some("US")), ok("+15035550101"));
        assert_eq!(e164("030 901820", Some("DE")), ok("+4930901820"));
    }

    #[test]
    fn what_cannot_ring_is_refused() {
        for written in [
            "",
            "911",
            "+1 503 555",
            "555 0101 0101 0101 0101",
            "call me",
            "+999 123456789",
            "+1503555010٠",
        ] {
            assert_eq!(e164(written, Some("US")), Err(ErrorCode::NotAPhoneNumber), "{written}");
        }
        assert_eq!(
            e164("503 555 0101", None),
            Err(ErrorCode::NotAPhoneNumber),
            "without a country code and a country nobody knows where it is"
        );
    }

    /// P1: the meaning of a number with a country code does not depend on the home's country.
    #[test]
    fn foreign_number_keeps_every_digit() {
        for home in ["US", "DE", "IT", "IN"] {
            for (written, number) in [
                ("+49 1512 3456789", "+4915123456789"),
                ("+44 121 234 5678", "+441212345678"),
                ("+33 1 42 76 49 78", "+33142764978"),
                ("+55 11 96123-4567", "+5511961234567"),
                ("+82 10-2000-0000", "+821020000000"),
                ("+39 06 6981 2345", "+390669812345"),
                ("+225 07 07 12 34 56", "+2250707123456"),
                ("+1503-555-0101", "+15035550101"),
                ("+49151-23456789", "+4915123456789"),
                ("tel:+49-151-23456789", "+4915123456789"),
            ] {
                assert_eq!(e164(written, Some(home)), ok(number), "{written} in {home}");
            }
        }
    }

    /// P1 to P5: a number without a country code is parsed by the rules of the home's own country.
    #[test]
    fn number_at_home_is_read_by_its_country() {
        for (home, written, number) in [
            ("US", "011 49 1512 3456789", "+4915123456789"),
            ("RU", "8 (812) 123-45-67", "+78121234567"),
            ("IT", "392 123 4567", "+393921234567"),
            ("SG", "6512 3456", "+6565123456"),
            ("US", "(503) 555.0101", "+15035550101"),
            ("DE", "0151/23456789", "+4915123456789"),
        ] {
            assert_eq!(e164(written, Some(home)), ok(number), "{written} in {home}");
        }
    }

    /// P6 and P7: extensions and letters are refused with a reason, not dropped or guessed.
    #[test]
    fn extension_and_letters_are_refused_in_words() {
        for written in [
            "+1 503 555 0101 ext. 12",
            "+1 503 555 0101 x12",
            "503 555 0101;ext=12",
            "tel:+1-503-555-0101;ext=12",
        ] {
            assert_eq!(e164(written, Some("US")), Err(ErrorCode::HasExtension), "{written}");
        }
        for written in ["+3367a829916", "1-800-FLOWERS", "+1 503 555 O101"] {
            assert_eq!(e164(written, Some("US")), Err(ErrorCode::NotAPhoneNumber), "{written}");
        }
    }

    /// P1: libphonenumber's own example of every kind of number in every country, as a home in each
    /// of four countries writes it.
    #[test]
    fn every_published_example_is_itself_in_four_homes() {
        let kinds = [
            PhoneNumberType::FixedLine,
            PhoneNumberType::Mobile,
            PhoneNumberType::VoIP,
            PhoneNumberType::PersonalNumber,
        ];
        let mut tried = BTreeSet::new();
        for region in PHONE_NUMBER_UTIL.get_supported_regions() {
            for kind in kinds {
                let Ok(number) =
                    PHONE_NUMBER_UTIL.get_example_number_for_type_and_region(region, kind)
                else {
                    continue;
                };
                let expected =
                    format!("+{}{}", number.country_code, number.get_national_significant_number());
                for home in ["US", "DE", "IT", "IN"] {
                    for format in [PhoneNumberFormat::E164, PhoneNumberFormat::International] {
                        let written = number.format_as(format);
                        assert_eq!(
                            e164(&written, Some(home)),
                            ok(&expected),
                            "{written} in {home}"
                        );
                    }
                }
                let written = number.format_as(PhoneNumberFormat::National);
                let region = region.to_string();
                assert_eq!(e164(&written, Some(&region)), ok(&expected), "{written} at home");
                tried.insert(expected);
            }
        }
        assert!(tried.len() >= 480, "{}", tried.len());
    }
}
