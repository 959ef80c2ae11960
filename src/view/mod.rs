//! What the screens show, as pure functions without a browser: words, tones, order, seconds left.

pub mod arrival;
pub mod clock;
pub mod console;
pub mod control;
pub mod countdown;
pub mod household;
pub mod incident;
pub mod live;
pub mod log;
pub mod opened;
pub mod phone;
pub mod records;
pub mod sending;
pub mod slide;
pub mod words;
