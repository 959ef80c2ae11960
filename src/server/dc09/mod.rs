//! SIA DC-09, the protocol of alarm panels: its messages, a transmitter that signals a receiving
//! center, and a receiver for panels.

pub mod codec;
pub mod line;
pub mod receiver;
mod reuse;
pub mod settings;
pub mod transmitter;
