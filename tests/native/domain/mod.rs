//! The pure core: milliseconds, no IO.

mod arrows;
mod edits;
mod eligibility;
mod elsewhere;
mod late;
mod model;
mod sirens;
pub mod story;
mod undo;
