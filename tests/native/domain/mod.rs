//! Tests of the pure core: milliseconds, no I/O.

mod arrows;
mod assignee;
mod called_off;
mod claims;
mod edits;
mod eligibility;
mod ends;
mod external_reports;
mod former;
mod late;
mod model;
mod presses;
mod put_back;
mod quiet;
mod restricted;
mod seen;
mod sirens;
pub mod story;
mod timeline;
mod undo;
