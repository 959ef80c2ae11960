//! What the screens say and show, as pure functions: words, tones, order, seconds left. Knows no browser.

pub mod clock;
pub mod console;
pub mod countdown;
pub mod household;
pub mod incident;
pub mod live;
pub mod records;
pub mod slide;
pub mod words;
