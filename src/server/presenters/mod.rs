//! What readers are told of an incident: the domain's state and facts as wire types. Pure.

pub mod incident;
pub mod problem;
pub mod readiness;
pub mod statistics;
pub mod timeline;
pub mod webhooks;
