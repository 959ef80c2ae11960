//! Times in the reader's format, in a browser that may know less than the server.

use buckler::{
    domain::time::Timestamp,
    web::browser::time::{clock, clock_in, day},
};
use wasm_bindgen_test::wasm_bindgen_test;

/// No emergency screen fails because of a time format: an unknown time zone is shown in UTC.
#[wasm_bindgen_test]
fn time_zone_that_the_browser_does_not_know_is_told_in_utc() {
    let noon: Timestamp = "2026-11-28T12:00:00.000Z".parse().unwrap();
    for unknown in ["Mars/Olympus_Mons", "", "\u{0}", "Europe/Kiew"] {
        assert_eq!(clock_in(noon, unknown), "12:00 UTC", "{unknown:?}");
    }
    assert_eq!(clock_in(noon, "America/New_York"), "07:00");
    assert!(!clock(noon, true).contains("UTC") && !day(noon).is_empty());
}
