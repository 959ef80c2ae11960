//! What receivers, and somebody in their place, answer to the transmitter.

#![no_main]

use buckler_fuzz::{one_of, untrusted::dc09_transmitter::{answers, forgers}};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| one_of(&[answers, forgers], bytes));
