//! Messages on the topics of sirens, buttons and Home Assistant.

#![no_main]

use buckler_fuzz::{one_of, untrusted::broker::{history, payloads}};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| one_of(&[payloads, history], bytes));
