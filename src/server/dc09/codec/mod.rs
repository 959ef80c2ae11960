//! ANSI/SIA DC-09, the protocol between alarm panels and the receivers of monitoring centers, and
//! the event codes that it carries (DC-05 Contact ID, DC-03 SIA). Pure functions from bytes to
//! frames, for any bytes. No conformance is claimed.
//!
//! Receivers differ. What is sent suits all of them, and what any of them sends is accepted.

mod code;
mod crypt;
mod extended;
mod frame;
pub mod stamp;

pub use code::{Code, Format, Qualifier, Signal};
pub use crypt::{Ending, Key, NotAKey, PAD};
pub use extended::{named_uuid, naming};
pub use frame::{Cut, Frame, Id, MOST, NotAFrame, WAITING_MOST, cut};
