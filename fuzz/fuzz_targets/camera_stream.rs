//! What cameras answer in RTSP, with their descriptions and pictures.

#![no_main]

use buckler_fuzz::{except_in, untrusted::cameras::streams};

// The parsers of descriptions panic on some. The server contains that.
libfuzzer_sys::fuzz_target!(init: except_in(&["/sdp-types-", "/retina-"]), |bytes: &[u8]| streams(bytes));
