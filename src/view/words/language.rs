//! Which language is spoken, and how a word becomes a text.

use super::{AccountWord, HouseholdWord, IncidentWord, OverviewWord, PhoneWord, RecordWord, Word};
use std::sync::OnceLock;

/// A language: a text for each word.
#[derive(Clone, Copy)]
pub struct Language {
    /// BCP 47.
    pub tag: &'static str,
    /// Words of the first load.
    pub core: fn(Word) -> &'static str,
    /// Words of the dashboard below its shield.
    pub overview: fn(OverviewWord) -> &'static str,
    /// Words of an incident after its countdown.
    pub incident: fn(IncidentWord) -> &'static str,
    /// Words of the contact's phone.
    pub phone: fn(PhoneWord) -> &'static str,
    /// Words of settings and the first run.
    pub household: fn(HouseholdWord) -> &'static str,
    /// Words of how an account is opened.
    pub account: fn(AccountWord) -> &'static str,
    /// Words of the history and of drills.
    pub records: fn(RecordWord) -> &'static str,
}

/// Set once, before anything is drawn; nothing means English.
static SPOKEN: OnceLock<Language> = OnceLock::new();

/// Speaks this language from now on. Only the first call counts: to change, the app starts anew.
pub fn speak(language: Language) {
    let _ = SPOKEN.set(language);
}

/// The language that is spoken, if it is not English.
pub(super) fn spoken() -> Option<&'static Language> {
    SPOKEN.get()
}

/// The BCP 47 tag of the language that is spoken.
pub fn spoken_tag() -> &'static str {
    spoken().map_or("en", |language| language.tag)
}

/// A word that can be said.
pub trait Said: Copy {
    /// In the language that is spoken.
    fn say(self) -> &'static str;

    /// With `values` in the places of `{0}`, `{1}` and so on.
    fn fill(self, values: &[&str]) -> String {
        fill(self.say(), values)
    }
}

fn fill(text: &str, values: &[&str]) -> String {
    let mut filled = String::new();
    let mut parts = text.split('{');
    filled.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let (place, rest) = part.split_once('}').unwrap_or_default();
        let value = place
            .as_bytes()
            .first()
            .and_then(|digit| values.get(usize::from(digit.wrapping_sub(b'0'))));
        filled.push_str(value.unwrap_or(&""));
        filled.push_str(rest);
    }
    filled
}

/// “a”, “a and b”, “a, b and c”.
pub fn listed(all: &[&str]) -> String {
    match all.split_last() {
        None => String::new(),
        Some((last, [])) => (*last).into(),
        Some((last, rest)) => Word::And.fill(&[&rest.join(", "), last]),
    }
}

/// A set of words with their English texts.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident, $field:ident { $($(#[$about:meta])* $word:ident = $english:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name { $($(#[$about])* $word),* }

        impl $name {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$word),*];

            /// In English.
            pub const fn english(self) -> &'static str {
                match self { $(Self::$word => $english),* }
            }
        }

        impl From<$name> for String {
            fn from(word: $name) -> Self {
                $crate::view::words::Said::say(word).into()
            }
        }

        impl $crate::view::words::Said for $name {
            fn say(self) -> &'static str {
                match $crate::view::words::language::spoken() {
                    Some(language) => (language.$field)(self),
                    None => self.english(),
                }
            }
        }
    };
}
pub(super) use words;

#[cfg(test)]
mod tests {
    use super::fill;

    #[test]
    fn values_are_filled_in_by_number() {
        assert_eq!(
            fill("{0} in {1} seconds", &["Requesting police", "5"]),
            "Requesting police in 5 seconds"
        );
        assert_eq!(fill("{1}, {0}", &["a", "b"]), "b, a");
        assert_eq!(fill("nothing", &["a"]), "nothing");
        assert_eq!(fill("{3}.", &["a"]), ".", "a value that is missing leaves a gap, not a panic");
    }
}
