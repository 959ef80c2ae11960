//! The rules of an emergency, as pure code: no clock, no randomness, no I/O, no async. Times and
//! ids are arguments.

pub mod access;
pub mod audit;
pub mod call_tree;
pub mod camera;
pub mod contact;
pub mod device;
pub mod eligibility;
pub mod home;
pub mod host_name;
pub mod id;
pub mod incident;
pub mod readiness;
pub mod time;
