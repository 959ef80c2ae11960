//! Cookies, the headers of proxies, and origins.

#![no_main]

use buckler_fuzz::{one_of, untrusted::request_heads::{addresses, cookies, origins}};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| one_of(&[cookies, addresses, origins], bytes));
