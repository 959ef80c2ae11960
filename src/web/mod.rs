//! The app in the browser: shows what the server says, and carries gestures to it. It never decides what an emergency is.

pub mod app;
pub mod browser;
pub mod client;
pub mod components;
mod live;
pub mod pages;
mod route;
pub mod sending;
pub mod store;

/// Starts the app in the page's body.
pub fn start() {
    // Only while it is worked on: what a panic says weighs more than the app can afford.
    if cfg!(debug_assertions) {
        console_error_panic_hook::set_once();
    }
    leptos::mount::mount_to_body(app::App);
}
