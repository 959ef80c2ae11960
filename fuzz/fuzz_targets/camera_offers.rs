//! What hosts answer in ONVIF.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| buckler_fuzz::untrusted::cameras::offers(bytes));
