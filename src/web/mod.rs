//! The app in the browser: shows what the server says, and carries gestures to it. It never decides what an emergency is.

pub mod app;
pub mod browser;
pub mod client;
pub mod components;
mod live;
pub mod pages;
pub mod sending;
pub mod store;

/// Starts the app in the page's body.
pub fn start() {
    console_error_panic_hook::set_once();
    leptos::mount::mount_to_body(app::App);
}
