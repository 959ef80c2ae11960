//! All state transitions of an incident, declared as state before, fact, state after. A test takes
//! each of them, and finds no other.

use super::{Incident, State, event::Event};

/// A state transition: state before, fact, state after.
pub type Arrow = (&'static str, &'static str, &'static str);

/// The transitions between states. All other facts leave the state as it is.
pub const ARROWS: &[Arrow] = &[
    ("counting_down", "aborted", "aborted"),
    ("counting_down", "aborted", "siren_sounding"),
    ("counting_down", "aborted", "under_review"),
    ("counting_down", "countdown_over", "siren_sounding"),
    ("counting_down", "countdown_over", "verifying"),
    ("counting_down", "countdown_over", "under_review"),
    ("counting_down", "sent_now", "siren_sounding"),
    ("counting_down", "sent_now", "verifying"),
    ("counting_down", "sent_now", "under_review"),
    ("counting_down", "found_late", "under_review"),
    ("counting_down", "closed", "closed"),
    ("siren_sounding", "joined", "counting_down"),
    ("siren_sounding", "closed", "closed"),
    ("verifying", "dispatch_requested", "dispatching"),
    ("verifying", "cancelled", "cancelled"),
    ("verifying", "found_late", "under_review"),
    ("verifying", "closed", "closed"),
    ("under_review", "joined", "counting_down"),
    ("under_review", "reviewed", "verifying"),
    ("under_review", "closed", "closed"),
    ("dispatching", "closed", "closed"),
];

/// The state's name on the wire and in the store.
pub fn state_name(state: &State) -> &'static str {
    match state {
        State::CountingDown { .. } => "counting_down",
        State::Aborted { .. } => "aborted",
        State::SirenSounding => "siren_sounding",
        State::Verifying(_) => "verifying",
        State::Dispatching => "dispatching",
        State::Cancelled => "cancelled",
        State::UnderReview => "under_review",
        State::Closed => "closed",
    }
}

/// Returns the transition between two states, if the fact changed the state.
pub fn walked(before: &Incident, event: &Event, after: &Incident) -> Option<Arrow> {
    let arrow = (state_name(&before.state), event.name(), state_name(&after.state));
    (arrow.0 != arrow.2).then_some(arrow)
}
