//! Buckler, the open SOS button of a home. This is the map; arrows only go down.
//!
//! - [`domain`]: what an emergency is. Pure.

pub mod domain;
