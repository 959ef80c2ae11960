//! Libraries in C that stand between a process and its system (LD_PRELOAD).

use std::{path::Path, process::Command};

/// Builds one from its source, whose path is relative to the project.
pub fn compiled(source: &str, library: &Path) {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join(source);
    let built = Command::new("cc")
        .args(["-shared", "-fPIC", "-O1", "-o"])
        .args([library, &source])
        .arg("-ldl")
        .status();
    assert!(built.expect("the C compiler that builds SQLite").success());
}
