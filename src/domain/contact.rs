//! Emergency contacts, in the order in which they are called. The first one can cancel the
//! emergency.

use super::{id::ContactId, time::Timestamp};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How often a contact is asked whether they remember the verbal password.
pub const ASKED_EVERY: Duration = Duration::from_secs(90 * 86_400);
/// How long they have to answer before they count as not ready.
pub const ANSWER_WITHIN: Duration = Duration::from_secs(14 * 86_400);

/// An emergency contact. The list that holds it defines the order of calls.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contact {
    /// Unique within the home.
    pub id: ContactId,
    /// The name that the home gave this person.
    pub name: String,
    /// E.164, such as `+15035550101`.
    pub phone: String,
    /// Whether the person has agreed to be called.
    pub readiness: Readiness,
    /// The number of the link of this person's page, unique within the home. A new person, another
    /// telephone number and a new link have another one.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub link: u64,
    /// When the person agreed; `None` if that was before this was recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agreed_at: Option<Timestamp>,
    /// When this person last answered a call from the center, or a question.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reached_at: Option<Timestamp>,
    /// The last answer to whether this person remembers the verbal password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<Memory>,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde passes a reference.
const fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// A contact's own statement about whether they remember the verbal password. The server does not
/// check the password here, because a check would allow guessing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory {
    /// When they answered.
    pub at: Timestamp,
    /// Whether they remember it.
    pub remembers: bool,
}

/// Whether an emergency contact has agreed to be one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Readiness {
    /// Asked, no answer yet.
    Invited,
    /// Agreed.
    Accepted,
    /// Refused.
    OptedOut,
}

/// Whether a contact counts as ready (R23).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Agreed, and remembers the verbal password as far as known.
    Ready,
    /// Asked, no answer yet.
    Invited,
    /// Refused.
    OptedOut,
    /// Says that they do not remember the verbal password.
    Forgot,
    /// Has not confirmed for too long that they remember it.
    Silent,
}

impl Contact {
    /// Creates a contact who has not agreed yet.
    pub fn new(id: ContactId, name: String, phone: String) -> Self {
        Self {
            id,
            name,
            phone,
            readiness: Readiness::Invited,
            link: 0,
            agreed_at: None,
            reached_at: None,
            memory: None,
        }
    }

    /// Whether both are the same person at the same number.
    pub fn is_same_person(&self, other: &Self) -> bool {
        (&self.id, &self.phone) == (&other.id, &other.phone)
    }

    /// Whether both are the same person, reached by the same link.
    pub fn is_by_same_link(&self, other: &Self) -> bool {
        (&self.id, self.link) == (&other.id, other.link)
    }

    /// The person agrees to be called.
    pub fn agree(&mut self, now: Timestamp) {
        if self.readiness != Readiness::Accepted {
            (self.readiness, self.agreed_at) = (Readiness::Accepted, Some(now));
        }
    }

    /// Copies the link of the same person, and the answers that were given by it.
    pub fn keep_word_of(&mut self, known: &Self) {
        (self.link, self.readiness, self.agreed_at, self.reached_at, self.memory) =
            (known.link, known.readiness, known.agreed_at, known.reached_at, known.memory);
    }

    /// Whether to ask the person if they remember the verbal password: they never answered, had
    /// forgotten it, or answered at least [`ASKED_EVERY`] ago.
    pub fn is_asked(&self, password_required: bool, now: Timestamp) -> bool {
        let fresh = self
            .memory
            .is_some_and(|memory| memory.remembers && now.since(memory.at) < ASKED_EVERY);
        password_required && self.readiness == Readiness::Accepted && !fresh
    }

    /// Whether the person counts as ready. A contact who agreed and never answered the question
    /// does.
    pub fn standing(&self, password_required: bool, now: Timestamp) -> Standing {
        match (self.readiness, self.memory.filter(|_| password_required)) {
            (Readiness::Invited, _) => Standing::Invited,
            (Readiness::OptedOut, _) => Standing::OptedOut,
            (Readiness::Accepted, Some(Memory { remembers: false, .. })) => Standing::Forgot,
            (Readiness::Accepted, Some(Memory { at, .. }))
                if now.since(at) > ASKED_EVERY + ANSWER_WITHIN =>
            {
                Standing::Silent
            }
            (Readiness::Accepted, _) => Standing::Ready,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_secs(86_400);

    /// R23.
    #[test]
    fn contact_is_asked_every_90_days_and_counts_two_weeks_longer() {
        let began = Timestamp::from_millis(1_000_000_000_000);
        let mut sister =
            Contact::new("sister".parse().unwrap(), "Sister".into(), "+15035550101".into());
        assert_eq!(
            (sister.standing(true, began), sister.is_asked(true, began)),
            (Standing::Invited, false),
            "first they must agree"
        );
        sister.readiness = Readiness::Accepted;
        assert_eq!(
            (sister.standing(true, began), sister.is_asked(true, began)),
            (Standing::Ready, true)
        );
        assert!(!sister.is_asked(false, began), "where there is no password");
        sister.memory = Some(Memory { at: began, remembers: true });
        for (days, asked, standing) in [
            (0, false, Standing::Ready),
            (89, false, Standing::Ready),
            (90, true, Standing::Ready),
            (105, true, Standing::Silent),
        ] {
            let now = began + DAY * days;
            assert_eq!(
                (sister.is_asked(true, now), sister.standing(true, now)),
                (asked, standing),
                "{days}"
            );
        }
        assert_eq!(sister.standing(false, began + DAY * 1_000), Standing::Ready);
        sister.memory = Some(Memory { at: began, remembers: false });
        assert_eq!(
            (sister.is_asked(true, began), sister.standing(true, began)),
            (true, Standing::Forgot)
        );
        sister.readiness = Readiness::OptedOut;
        assert_eq!(
            (sister.is_asked(true, began), sister.standing(true, began)),
            (false, Standing::OptedOut)
        );
    }
}
