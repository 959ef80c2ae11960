//! Fragmented MP4 of what a camera sends.

#![no_main]

use buckler_fuzz::untrusted::fmp4::film;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| film(bytes));
