//! Lets views render words directly.

use crate::view::words::{
    AccountWord, HouseholdWord, IncidentWord, OverviewWord, PhoneWord, RecordWord, Said, Word,
};
use leptos::tachys::{html::attribute::IntoAttributeValue, view::IntoRender};

/// Implements rendering for sets of words.
macro_rules! in_views {
    ($($words:ty),*) => {$(
        impl IntoRender for $words {
            type Output = &'static str;
            fn into_render(self) -> Self::Output {
                self.say()
            }
        }
        impl IntoAttributeValue for $words {
            type Output = &'static str;
            fn into_attribute_value(self) -> Self::Output {
                self.say()
            }
        }
    )*};
}
in_views!(Word, AccountWord, IncidentWord, OverviewWord, PhoneWord, HouseholdWord, RecordWord);
