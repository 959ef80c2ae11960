//! A conversation of panels, and of somebody without the key, with the receiver.

#![no_main]

use buckler_fuzz::untrusted::dc09_receiver::conversation;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| conversation(bytes));
