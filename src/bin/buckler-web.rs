//! The app in the browser.

#[cfg(target_arch = "wasm32")]
fn main() {
    buckler::web::start();
}

#[cfg(not(target_arch = "wasm32"))]
fn main() {}
