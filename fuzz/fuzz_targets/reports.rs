//! The signature and the body of reports.

#![no_main]

use buckler_fuzz::{one_of, untrusted::reports::{bodies, signatures, strangers}};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| one_of(&[signatures, strangers, bodies], bytes));
