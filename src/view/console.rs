//! Texts of the monitoring center's console about repeated requests and quiet incidents.

use super::words::{RecordWord as W, Said};
use crate::{
    api::{center::QueueItem, heard::Heard},
    domain::incident::Quiet,
};

/// The prefix of the window's title: how many incidents nobody works on, and how many requests were
/// repeated; empty if both are zero.
pub fn count(items: &[QueueItem]) -> String {
    let waiting = items.iter().filter(|case| case.assignee.is_none()).count();
    match (waiting, items.iter().map(|case| case.repeats).sum::<u32>()) {
        (0, 0) => String::new(),
        (waiting, 0) => format!("({waiting}) "),
        (waiting, again) => format!("({waiting} + {again}) "),
    }
}

/// The note about repeated requests, if there are any.
pub fn again(repeats: u32) -> Option<String> {
    match repeats {
        0 => None,
        1 => Some(W::AgainOnce.into()),
        times => Some(W::Again.fill(&[&times.to_string()])),
    }
}

/// Why the home must not notice it, in a word or two.
pub const fn quiet(kind: Heard<Quiet>) -> W {
    match kind {
        Heard::Known(Quiet::Duress) => W::Duress,
        Heard::Known(Quiet::HoldUp) => W::HoldUp,
        Heard::Unknown => W::Silent,
    }
}

/// What that means for the operator.
pub const fn quiet_note(kind: Heard<Quiet>) -> W {
    match kind {
        Heard::Known(Quiet::Duress) => W::DuressNote,
        Heard::Known(Quiet::HoldUp) => W::HoldUpNote,
        Heard::Unknown => W::SilentNote,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{api::incident::Stage, domain::time::Timestamp};

    fn case(assignee: Option<&str>, repeats: u32) -> QueueItem {
        QueueItem {
            id: crate::domain::id::IncidentId(uuid::Uuid::nil()),
            home: "Maple Street".into(),
            services: Vec::new(),
            quiet: None,
            repeats,
            state: Stage::Dispatching,
            since: Timestamp::default(),
            assignee: assignee.map(Into::into),
            mine: false,
            unclaimed: false,
            detail: None,
        }
    }

    #[test]
    fn title_counts_what_waits_and_what_is_asked_for_again() {
        assert_eq!(count(&[]), "");
        assert_eq!(count(&[case(Some("Olivia"), 0)]), "", "somebody works on it");
        assert_eq!(count(&[case(None, 0), case(None, 0)]), "(2) ");
        assert_eq!(count(&[case(None, 1), case(Some("Olivia"), 2)]), "(1 + 3) ");
        assert_eq!(again(0), None);
        assert_eq!(again(1).as_deref(), Some("The same help was asked for again"));
        assert_eq!(again(4).as_deref(), Some("The same help was asked for again, 4 times"));
    }
}
