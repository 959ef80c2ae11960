//! What an emergency is. Pure: no clock, no randomness, no IO, no async; time and ids come in as arguments.

pub mod access;
pub mod call_tree;
pub mod camera;
pub mod contact;
pub mod device;
pub mod eligibility;
pub mod home;
pub mod id;
pub mod incident;
pub mod readiness;
pub mod time;
