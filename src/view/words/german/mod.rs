//! German.

mod account;
mod core;
mod household;
mod incident;
mod overview;
mod phone;
mod records;

use super::Language;

/// All of it.
pub const GERMAN: Language = Language {
    tag: "de",
    core: core::german,
    overview: overview::german,
    incident: incident::german,
    phone: phone::german,
    household: household::german,
    account: account::german,
    records: records::german,
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::words::{
        AccountWord, HouseholdWord, IncidentWord, OverviewWord, PhoneWord, RecordWord, Word,
    };

    /// The places `{0}`, `{1}` of a text, in order.
    fn places(text: &str) -> Vec<&str> {
        let mut found: Vec<&str> = text
            .split('{')
            .skip(1)
            .filter_map(|part| part.split_once('}'))
            .map(|(place, _)| place)
            .collect();
        found.sort_unstable();
        found
    }

    fn pairs() -> impl Iterator<Item = (&'static str, &'static str)> {
        let core = Word::ALL.iter().map(|w| (w.english(), core::german(*w)));
        let phone = PhoneWord::ALL.iter().map(|w| (w.english(), phone::german(*w)));
        let household = HouseholdWord::ALL.iter().map(|w| (w.english(), household::german(*w)));
        let account = AccountWord::ALL.iter().map(|w| (w.english(), account::german(*w)));
        let incident = IncidentWord::ALL.iter().map(|w| (w.english(), incident::german(*w)));
        let overview = OverviewWord::ALL.iter().map(|w| (w.english(), overview::german(*w)));
        core.chain(overview)
            .chain(incident)
            .chain(phone)
            .chain(household)
            .chain(account)
            .chain(RecordWord::ALL.iter().map(|w| (w.english(), records::german(*w))))
    }

    #[test]
    fn no_german_text_loses_what_is_filled_in() {
        for (english, german) in pairs() {
            assert_eq!(places(english), places(german), "{english:?} is {german:?}");
            assert_eq!(english.is_empty(), german.is_empty(), "{english:?} is {german:?}");
        }
    }

    #[test]
    fn german_texts_are_as_calm_as_the_english_ones() {
        for (english, german) in pairs() {
            assert!(!german.contains('!'), "{german:?}");
            assert_eq!(english.ends_with('.'), german.ends_with('.'), "{english:?} is {german:?}");
        }
    }
}
