//! Frames of DC-09, and the events in them.

#![no_main]

use buckler_fuzz::untrusted::dc09_receiver::frames;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| frames(bytes));
