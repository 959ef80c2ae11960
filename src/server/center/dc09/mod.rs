//! ANSI/SIA DC-09, the protocol between alarm panels and the receivers of monitoring centers, and the event codes that it carries
//! (DC-05 Contact ID, DC-03 SIA). Pure: bytes in, frames out, whatever the bytes are. No conformance is claimed.
//!
//! Where receivers differ from each other, what is sent suits all of them, and what is understood is what any of them sends.

mod code;
mod crypt;
mod frame;

pub use code::{Code, Format, Qualifier, Signal};
pub use crypt::{Key, NotAKey, PAD};
pub use frame::{Cut, Frame, Id, MOST, NotAFrame, WAITING_MOST, cut};
