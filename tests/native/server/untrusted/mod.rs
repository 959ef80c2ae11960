//! What strangers and peers may send, one file for each surface. Each has functions that take any
//! bytes and panic if a promise does not hold. A proptest calls them here, and a fuzzer in `fuzz/`.

pub mod broker;
pub mod cameras;
pub mod dc09_receiver;
pub mod dc09_transmitter;
mod draw;
pub mod fmp4;
pub mod reports;
pub mod request_heads;

use async_trait::async_trait;
use buckler::{
    domain::time::Timestamp,
    server::clock::{Boot, TimeSource},
};
use std::{io::Write, os::fd::AsRawFd, path::PathBuf};

/// The time at which the clocks of these tests start.
const NOON: Timestamp = Timestamp::from_millis(1_795_435_200_000);

/// A machine whose clock starts at [`NOON`].
#[derive(Debug)]
struct Fixed;

#[async_trait]
impl TimeSource for Fixed {
    fn wall(&self) -> Timestamp {
        NOON
    }
    fn boot(&self) -> Option<Boot> {
        None
    }
}

/// Runs to the end, on time that passes only while everything waits.
fn on_paused_time<T>(work: impl Future<Output = T>) -> T {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime without I/O").block_on(work)
}

/// A file with a secret, as the configuration names it. It has no name in any folder, and is gone
/// with the process.
fn secret_file(text: &str) -> (std::fs::File, PathBuf) {
    let mut file = tempfile::tempfile().expect("a temporary file");
    file.write_all(text.as_bytes()).expect("a few bytes");
    let path = format!("/dev/fd/{}", file.as_raw_fd()).into();
    (file, path)
}

/// So many cases, without a file for those that failed: each gets a test with a name.
#[cfg(test)]
fn cases(count: u32) -> proptest::test_runner::Config {
    proptest::test_runner::Config { cases: count, failure_persistence: None, ..Default::default() }
}

/// Up to so many bytes.
#[cfg(test)]
fn bytes(most: usize) -> impl proptest::strategy::Strategy<Value = Vec<u8>> {
    proptest::collection::vec(proptest::arbitrary::any::<u8>(), 0..most)
}
