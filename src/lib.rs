//! Buckler, the open SOS button of a home. This is the map; arrows only go down.
//!
//! - [`domain`]: what an emergency is. Pure.

pub mod api;
pub mod domain;

#[cfg(not(target_arch = "wasm32"))]
pub mod server;
