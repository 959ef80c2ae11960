//! The server: a thin layer between the network and the event loop. It never decides what an
//! emergency is; the domain does.

pub mod access;
pub mod cameras;
pub mod cli;
pub mod clock;
pub mod config;
pub mod dc09;
pub mod demo;
mod effect_handlers;
pub mod engine;
mod evidence;
mod evidence_key;
pub mod homes;
pub mod http;
pub mod identity;
pub mod limits;
pub mod live_events;
pub mod metrics;
pub mod monitoring;
pub mod mqtt;
mod notify;
pub mod presenters;
mod private;
pub mod reach;
mod readiness;
mod run;
pub mod sirens;
mod snapshots;
mod state;
pub mod store;
pub mod tasks;
mod telephony;
mod time_zone;
pub mod tls;
pub mod webhooks;

pub use http::Encrypted;
pub use run::{StartError, run, serve};
pub use state::App;
use tokio::sync::watch;

/// A finding of `buckler check`: whether it is good, and one line about it.
pub type Finding = (bool, String);

/// Returns when the server stops.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    // If the sender is gone, the server is gone.
    let _ = stop.wait_for(|stop| *stop).await;
}
