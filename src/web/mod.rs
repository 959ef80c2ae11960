//! The app in the browser. It shows the server's state and sends gestures to the server. It makes
//! no decisions about incidents.

pub mod app;
pub mod browser;
pub mod client;
pub mod components;
mod copies;
mod language;
mod live;
pub mod on_demand;
pub mod pages;
mod passkeys;
mod proof;
mod route;
pub mod sending;
mod signing_out;
pub mod store;
mod withdrawing;
mod words;

/// Starts the app in the page's body.
pub fn start() {
    // Only in development: panic messages are too large for the first load.
    if cfg!(debug_assertions) {
        console_error_panic_hook::set_once();
    }
    if language::is_there() {
        return leptos::mount::mount_to_body(app::App);
    }
    // Leptos' `spawn_local` needs what mounting sets up.
    js_sys::futures::spawn_local(async {
        language::begin().await;
        leptos::mount::mount_to_body(app::App);
    });
}
