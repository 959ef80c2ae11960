//! The server and its command line.

/// The files of the app are in the binary, not in the library, so that the library can be built
/// while the app is.
#[cfg(all(feature = "bundled-ui", not(target_arch = "wasm32")))]
#[derive(rust_embed::RustEmbed)]
#[folder = "dist/"]
struct App;

#[cfg(all(feature = "bundled-ui", not(target_arch = "wasm32")))]
fn main() -> std::process::ExitCode {
    use buckler::server::http::Asset;
    buckler::server::cli::main(Some(|path| {
        let file = App::get(path)?;
        Some(Asset { sha256: file.metadata.sha256_hash(), content: file.data })
    }))
}

#[cfg(not(any(feature = "bundled-ui", target_arch = "wasm32")))]
fn main() -> std::process::ExitCode {
    buckler::server::cli::main(None)
}

#[cfg(target_arch = "wasm32")]
fn main() {}
