//! The app's language.

use crate::{
    view::words::{HouseholdWord as W, spoken_tag},
    web::{
        components::press,
        language::{self, LANGUAGES},
    },
};
use leptos::prelude::*;

/// A button for each language.
#[component]
pub fn LanguageSection() -> impl IntoView {
    let button = |tag: &'static str| {
        let here = tag == spoken_tag();
        let class = if here { "btn btn--strong" } else { "btn btn--quiet" };
        view! { <button class=class lang=tag aria-pressed=here.to_string() on:click=press(move || language::choose(tag))>{language::name(tag)}</button> }
    };
    view! {
        <section class="card card--pad form">
            <p class="muted small">{W::LanguageNote}</p>
            {LANGUAGES.map(button).collect_view()}
        </section>
    }
}
