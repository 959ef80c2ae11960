//! Buckler, the open SOS button of a home. This is the map; arrows only go down.
//!
//! ```text
//!             web (wasm32)          server (native)
//!               |    \                /    |
//!              view   \              /     |          view   = words, tones, order (pure)
//!                 \    +--- api ----+      |          api    = what crosses the wire
//!                  \         |             |
//!                   +----- domain ---------+          domain = what an emergency is (pure)
//! ```
//!
//! - [`domain`]: what an emergency is; the incident as a state machine. No clock, no IO.
//! - [`api`]: what crosses the wire.
//! - [`view`]: what the screens say.
//! - `web`: the app in the browser.
//! - `server`: the durable engine, the store, and the ways in and out.

pub mod api;
pub mod domain;
#[cfg(not(target_arch = "wasm32"))]
pub mod server;
pub mod view;
#[cfg(target_arch = "wasm32")]
pub mod web;
