//! Tests of the pure core: milliseconds, no I/O.

mod arrows;
mod assignee;
mod edits;
mod eligibility;
mod ends;
mod external_reports;
mod late;
mod model;
mod presses;
mod quiet;
mod sirens;
pub mod story;
mod timeline;
mod undo;
