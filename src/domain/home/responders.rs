//! Notes that owners write for responders: how to get in, pets, medical facts, and the alarm
//! permit. In the home only owners see them. With an incident they go to the monitoring center, to
//! a receiving center and to webhooks.

use super::{
    Home,
    edit::{ErrorCode, FieldErrors, Form},
};
use serde::{Deserialize, Serialize};

/// The longest note, characters.
const NOTE_MOST: usize = 200;

/// Notes for responders. A field without a note is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ResponderNotes {
    /// How to get in, such as a gate code or where the key is.
    pub gate: String,
    /// Animals in the house.
    pub pets: String,
    /// Facts for medical responders.
    pub medical: String,
    /// The number of the alarm permit.
    pub permit: String,
    /// When the permit expires, `YYYY-MM-DD`; empty if it does not.
    pub permit_until: String,
}

impl ResponderNotes {
    /// Whether all notes are empty.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The notes in one line, as responders are told; empty if there are none.
    pub fn one_line(&self) -> String {
        let until = if self.permit_until.is_empty() {
            String::new()
        } else {
            format!(" until {}", self.permit_until)
        };
        let parts = [
            ("Gate", &self.gate),
            ("Pets", &self.pets),
            ("Medical", &self.medical),
            ("Permit", &self.permit),
        ];
        let said = parts.into_iter().filter(|(_, text)| !text.is_empty());
        let said = said.map(|(name, text)| {
            format!("{name}: {text}{}", if name == "Permit" { &until } else { "" })
        });
        said.collect::<Vec<_>>().join("; ")
    }
}

impl Home {
    /// Sets the notes for responders.
    ///
    /// # Errors
    /// A text that is too long, or an invalid date.
    pub fn note(&mut self, written: &ResponderNotes) -> Result<(), FieldErrors> {
        let mut form = Form::default();
        let mut line = |field: &str, text: &str| {
            let text: String =
                text.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
            if text.chars().count() > NOTE_MOST {
                form.wrong(field, ErrorCode::TooLong);
            }
            text
        };
        let notes = ResponderNotes {
            gate: line("gate", &written.gate),
            pets: line("pets", &written.pets),
            medical: line("medical", &written.medical),
            permit: line("permit", &written.permit),
            permit_until: written.permit_until.trim().into(),
        };
        if !notes.permit_until.is_empty() && !is_date(&notes.permit_until) {
            form.wrong("permit_until", ErrorCode::NotRight);
        }
        self.notes = form.done(notes)?;
        Ok(())
    }
}

/// Whether the text has the form of a calendar date (ISO 8601).
fn is_date(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let number = |n: usize, length: usize| {
        let part = parts[n];
        (part.len() == length && part.bytes().all(|b| b.is_ascii_digit()))
            .then(|| part.parse::<u32>().ok())
            .flatten()
    };
    parts.len() == 3
        && number(0, 4).is_some()
        && number(1, 2).is_some_and(|month| (1..=12).contains(&month))
        && number(2, 2).is_some_and(|day| (1..=31).contains(&day))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_are_one_line_and_say_nothing_that_is_not_there() {
        assert_eq!(ResponderNotes::default().one_line(), "");
        let notes = ResponderNotes {
            gate: "4711".into(),
            permit: "A-9".into(),
            permit_until: "2027-01-31".into(),
            ..Default::default()
        };
        assert_eq!(notes.one_line(), "Gate: 4711; Permit: A-9 until 2027-01-31");
    }

    #[test]
    fn a_date_is_one() {
        for (text, good) in [
            ("2027-01-31", true),
            ("2027-13-01", false),
            ("27-1-1", false),
            ("2027-01-32", false),
            ("soon", false),
        ] {
            assert_eq!(is_date(text), good, "{text}");
        }
    }
}
