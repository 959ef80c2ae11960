//! The server and its command line.

#[cfg(not(target_arch = "wasm32"))]
fn main() -> std::process::ExitCode {
    buckler::server::cli::main()
}

#[cfg(target_arch = "wasm32")]
fn main() {}
