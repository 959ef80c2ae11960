//! Telephone numbers as people write them, read by a library that knows every country's numbering plan.

use phonenumber::{Mode, country};

/// The number in E.164, such as `+15035550101`; `country` (ISO 3166-1 alpha-2) is where a number without a country code belongs.
/// `None` for what is no telephone number there.
pub fn e164(written: &str, country: Option<&str>) -> Option<String> {
    let country: Option<country::Id> = country.and_then(|code| code.parse().ok());
    let number = phonenumber::parse(country, written.trim()).ok().filter(phonenumber::is_valid)?;
    Some(number.format().mode(Mode::E164).to_string())
}

#[cfg(test)]
mod tests {
    use super::e164;

    #[test]
    fn numbers_are_read_as_they_are_dialed() {
        let expected = Some("+15035550101".to_owned());
        assert_eq!(e164("+1 (503) 555-0101", None), expected);
        assert_eq!(e164("503 555 0101", Some("US")), expected);
        assert_eq!(e164("030 901820", Some("DE")).as_deref(), Some("+4930901820"));
    }

    #[test]
    fn what_cannot_ring_is_refused() {
        for written in ["", "911", "+1 503 555", "555 0101 0101 0101 0101", "call me", "+999 123456789", "+1503555010٠"] {
            assert_eq!(e164(written, Some("US")), None, "{written}");
        }
        assert_eq!(e164("503 555 0101", None), None, "without a country code and a country nobody knows where it is");
    }
}
