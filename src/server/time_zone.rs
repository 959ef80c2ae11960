//! Known time zones.

/// The zone as the IANA database spells it, or UTC if the database does not have it. A browser that
/// knows no zone sends `Etc/Unknown`, and other browsers would fail to show times in it.
pub fn known(zone: &str) -> String {
    let found = jiff::tz::db().get(zone).ok().filter(|found| !found.is_unknown());
    match found.as_ref().and_then(|found| found.iana_name()) {
        Some(name) => name.to_owned(),
        None => {
            tracing::warn!(zone, "unknown time zone; using UTC instead");
            "UTC".to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::known;

    #[test]
    fn unknown_zone_is_utc() {
        for (zone, expected) in [
            ("America/Los_Angeles", "America/Los_Angeles"),
            ("europe/berlin", "Europe/Berlin"),
            ("UTC", "UTC"),
            ("Etc/Unknown", "UTC"),
            ("Mars/Olympus", "UTC"),
            ("../../etc/passwd", "UTC"),
            ("CET-1CEST,M3.5.0,M10.5.0/3", "UTC"),
            ("", "UTC"),
        ] {
            assert_eq!(known(zone), expected, "{zone:?}");
        }
    }
}
