//! What cameras answer in RTSP and ONVIF.

#![no_main]

use buckler_fuzz::{one_of, untrusted::cameras::{offers, streams}};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| one_of(&[streams, offers], bytes));
