//! The log of a home: which records a filter shows, and how repeated ones become one line.

use super::{
    household::deed,
    words::{HouseholdWord as W, Said},
};
use crate::{
    api::audit::{AuditAction, AuditRecord},
    domain::time::Timestamp,
};

/// A filter of the log. One actor's repeated records hide no others, because those are found by the
/// filter of their kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFilter {
    /// All records.
    All,
    /// Sign-ins and the proofs of an account.
    Accounts,
    /// Changes of the home.
    Home,
    /// People of the home and of the center.
    People,
    /// Answers and links of emergency contacts.
    Contacts,
    /// Devices, and reports of other servers.
    Devices,
}

impl LogFilter {
    /// All filters, in their order.
    pub const ALL: [Self; 6] =
        [Self::All, Self::Accounts, Self::Home, Self::People, Self::Contacts, Self::Devices];

    /// The filter that shows an action beside [`Self::All`].
    pub const fn of(what: AuditAction) -> Self {
        match what {
            AuditAction::SignedIn
            | AuditAction::SignInRefused
            | AuditAction::SignedOut
            | AuditAction::DevicesSignedOut
            | AuditAction::DeviceAllowed
            | AuditAction::Proven
            | AuditAction::ProofRefused
            | AuditAction::PasswordChanged
            | AuditAction::PasskeyAdded
            | AuditAction::PasskeyRemoved
            | AuditAction::CodesMade => Self::Accounts,
            AuditAction::HomeChanged | AuditAction::QuarantineEnded => Self::Home,
            AuditAction::PersonChanged
            | AuditAction::Invited
            | AuditAction::Joined
            | AuditAction::FirstOwner => Self::People,
            AuditAction::ContactAnswered | AuditAction::LinkMade => Self::Contacts,
            AuditAction::DeviceFault | AuditAction::ReportRefused => Self::Devices,
            // The steps of incidents are in their histories.
            AuditAction::Incident => Self::All,
        }
    }

    /// The actions that the filter asks the server for; none for all of them.
    pub fn actions(self) -> Vec<AuditAction> {
        let is_shown = |what: &AuditAction| self != Self::All && Self::of(*what) == self;
        AuditAction::ALL.into_iter().filter(is_shown).collect()
    }

    /// The name of the filter.
    pub const fn word(self) -> W {
        match self {
            Self::All => W::LogAll,
            Self::Accounts => W::LogAccounts,
            Self::Home => W::LogHome,
            Self::People => W::LogPeople,
            Self::Contacts => W::LogContacts,
            Self::Devices => W::LogDevices,
        }
    }
}

/// Records in a row that say the same of the same actor, as one line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogLine<'r> {
    /// The latest record.
    pub latest: &'r AuditRecord,
    /// The number of records.
    pub count: usize,
    /// When the earliest record happened.
    pub since: Timestamp,
}

impl LogLine<'_> {
    /// What happened, and how often.
    pub fn text(&self) -> String {
        let said = deed(self.latest);
        match self.count {
            1 => said,
            times => W::LogTimes.fill(&[&said, &times.to_string()]),
        }
    }

    /// When that was: the time of one record, or from the earliest to the latest. `day` formats a
    /// time.
    pub fn time(&self, day: impl Fn(Timestamp) -> String) -> String {
        let (since, until) = (day(self.since), day(self.latest.at));
        match since == until {
            true => until,
            false => W::LogSpan.fill(&[&since, &until]),
        }
    }
}

/// The lines of the log. `records` are the newest first.
pub fn lines(records: &[AuditRecord]) -> Vec<LogLine<'_>> {
    let mut lines: Vec<LogLine<'_>> = Vec::new();
    for record in records {
        match lines.last_mut().filter(|line| says_the_same(line.latest, record)) {
            Some(line) => (line.count, line.since) = (line.count + 1, record.at),
            None => lines.push(LogLine { latest: record, count: 1, since: record.at }),
        }
    }
    lines
}

/// Whether two records differ only in their time and in details that the log does not show. What an
/// unknown action says is unknown.
fn says_the_same(one: &AuditRecord, other: &AuditRecord) -> bool {
    let shown = |record: &AuditRecord| {
        (record.what, record.who.clone(), record.address.clone(), record.about.clone())
    };
    one.what.known().is_some() && shown(one) == shown(other)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::heard::Heard;
    use std::time::Duration;

    fn record(number: u64, what: AuditAction, who: &str) -> AuditRecord {
        AuditRecord {
            number,
            at: Timestamp::default() + Duration::from_secs(number),
            what: Heard::Known(what),
            who: Some(who.into()),
            address: Some("192.0.2.7".into()),
            about: vec!["contact".into()],
            detail: format!("{{\"contact\":\"{number}\"}}"),
        }
    }

    fn day(at: Timestamp) -> String {
        format!("second {}", at.as_millis() / 1_000)
    }

    #[test]
    fn repeated_records_of_an_actor_are_one_line() {
        let records = [
            record(9, AuditAction::ContactAnswered, "Sister"),
            record(8, AuditAction::ContactAnswered, "Sister"),
            record(7, AuditAction::ContactAnswered, "Sister"),
            record(6, AuditAction::SignedIn, "Olivia"),
            record(5, AuditAction::ContactAnswered, "Sister"),
            record(4, AuditAction::ContactAnswered, "Neighbor"),
        ];
        let lines = lines(&records);
        let shown: Vec<_> = lines.iter().map(|line| (line.latest.number, line.count)).collect();
        assert_eq!(shown, [(9, 3), (6, 1), (5, 1), (4, 1)]);
        assert_eq!(
            (lines[0].text(), lines[0].time(day)),
            (
                "A contact agreed to be called, or opted out, 3 times".into(),
                "second 7 to second 9".into()
            )
        );
        assert_eq!((lines[1].text(), lines[1].time(day)), ("Signed in".into(), "second 6".into()));
        assert_eq!(lines[0].time(|_| "today".into()), "today", "within one minute");
    }

    #[test]
    fn records_that_differ_in_what_is_shown_stay_apart() {
        let first = record(2, AuditAction::HomeChanged, "Olivia");
        let before = AuditRecord { number: 1, ..first.clone() };
        assert_eq!(lines(&[first.clone(), before.clone()]).len(), 1);
        for other in [
            AuditRecord { about: vec!["address".into()], ..before.clone() },
            AuditRecord { address: None, ..before.clone() },
            AuditRecord { who: None, ..before.clone() },
            AuditRecord { what: Heard::Unknown, ..before.clone() },
        ] {
            assert_eq!(lines(&[first.clone(), other]).len(), 2);
        }
        let unknown = AuditRecord { what: Heard::Unknown, ..before };
        assert_eq!(lines(&[unknown.clone(), unknown]).len(), 2, "they may be different actions");
    }

    #[test]
    fn every_action_of_the_log_has_a_filter() {
        let refused = serde_json::from_str::<AuditAction>("\"?\"").unwrap_err().to_string();
        let known = refused.split('`').skip(3).step_by(2).count();
        assert_eq!(AuditAction::ALL.len(), known, "{refused}");
        for what in AuditAction::ALL {
            let filters = LogFilter::ALL.into_iter().filter(|one| one.actions().contains(&what));
            assert_eq!(filters.count(), usize::from(what != AuditAction::Incident), "{what:?}");
        }
        assert_eq!(LogFilter::All.actions(), []);
    }
}
