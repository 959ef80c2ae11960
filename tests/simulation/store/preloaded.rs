//! Starts the simulation again with a disk that can fail.

use std::process::{Command, ExitStatus};

/// The name of the library.
const LIBRARY: &str = "disk.so";

/// Whether the disk of this process can fail.
pub fn is_preloaded() -> bool {
    std::env::var_os("LD_PRELOAD").is_some_and(|all| all.to_string_lossy().ends_with(LIBRARY))
}

/// Runs this program with these words on a disk that can fail.
pub fn start_preloaded(words: impl IntoIterator<Item = String>) -> ExitStatus {
    let folder = tempfile::tempdir().expect("a folder");
    let library = folder.path().join(LIBRARY);
    let built = Command::new("tests/preload")
        .arg("tests/native/server/disk.c")
        .arg(&library)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status();
    assert!(built.expect("tests/preload").success());
    let program = std::env::current_exe().expect("this program");
    let mut again = Command::new(program);
    again.args(words).env("LD_PRELOAD", &library).env_remove("DISK_FAULT");
    again.status().expect("this program starts again")
}
