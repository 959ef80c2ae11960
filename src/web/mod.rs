//! The app in the browser: shows what the server says, and carries gestures to it. It never decides what an emergency is.

pub mod app;
pub mod browser;
pub mod client;
pub mod components;
mod language;
mod live;
pub mod on_demand;
pub mod pages;
mod passkeys;
mod proof;
mod route;
pub mod sending;
pub mod store;
mod words;

/// Starts the app in the page's body.
pub fn start() {
    // Only while it is worked on: what a panic says weighs more than the app can afford.
    if cfg!(debug_assertions) {
        console_error_panic_hook::set_once();
    }
    if language::is_there() {
        return leptos::mount::mount_to_body(app::App);
    }
    // Leptos' own needs what mounting sets up.
    js_sys::futures::spawn_local(async {
        language::begin().await;
        leptos::mount::mount_to_body(app::App);
    });
}
