//! The red SOS shield.

use super::{SheetHandle, WhyButton, part, press};
use crate::{
    api::home::Availability,
    domain::incident::Source,
    view::{incident::no_shield, words::Word},
    web::{browser::early, store::store},
};
use leptos::prelude::*;

/// The red shield that opens the SOS sheet, or in its place the plain button that says why there is
/// none (R7).
#[component]
pub fn Shield(
    /// Whether an SOS can be raised here, or why not.
    #[prop(into)]
    availability: Signal<Option<Availability>>,
    /// The source that this shield stands for.
    source: Source,
    /// The sheet that it opens.
    sheet: SheetHandle,
) -> impl IntoView {
    let store = store();
    let source = StoredValue::new(source);
    let open = move || {
        if let Some(home) = store.open_home.get_untracked() {
            sheet.open(home, source.get_value());
        }
    };
    part(move || {
        availability.get().map(|answer| {
            // A press counts only for the home that the early shield stood for.
            let is_here = |pressed: &String| {
                store.open_home.get_untracked().is_some_and(|h| h.as_str() == pressed)
            };
            let was_pressed = early::shield().is_some_and(|pressed| is_here(&pressed));
            match no_shield(&answer) {
                None => {
                    if was_pressed {
                        open();
                    }
                    view! {
                        <button class="shield" aria-label=Word::Sos on:click=press(open)>
                            <ShieldShape/>
                            <b aria-hidden="true">{Word::Sos}</b>
                        </button>
                    }
                    .into_any()
                }
                Some(reason) => view! { <WhyButton reason/> }.into_any(),
            }
        })
    })
}

/// The shape of the shield.
#[component]
pub fn ShieldShape() -> impl IntoView {
    view! {
        <svg class="shield__shape" viewBox="0 0 60 64" aria-hidden="true">
            <use href="#i-shield"/>
        </svg>
    }
}
