//! Explains why there is no shield: one sentence, the way to get one, and the emergency number.

use super::{Icon, part, press};
use crate::{
    api::heard::Heard,
    domain::{eligibility::Reason, home::emergency_number},
    view::words::{self, Word},
    web::{browser::dialog::open_when_mounted, store::store},
};
use leptos::{html::Dialog, prelude::*};

/// The plain button in the shield's place.
#[component]
pub fn WhyButton(
    /// Why there is no SOS here.
    reason: Heard<Reason>,
) -> impl IntoView {
    let open = RwSignal::new(false);
    view! {
        <button class="why" aria-label=Word::WhyButton on:click=press(move || open.set(true))>
            <span aria-hidden="true">{Word::WhyShort}</span>
            <Icon name="info"/>
        </button>
        {part(move || open.get().then(|| view! { <WhyDialog reason open/> }))}
    }
}

#[component]
fn WhyDialog(
    /// Why there is no SOS here.
    reason: Heard<Reason>,
    /// Becomes false when the person closes it.
    open: RwSignal<bool>,
) -> impl IntoView {
    let node = NodeRef::<Dialog>::new();
    open_when_mounted(node);
    let number = store().emergency_number();
    view! {
        <dialog class="sheet" node_ref=node aria-label=Word::WhyTitle on:cancel=move |event: leptos::ev::Event| { event.prevent_default(); open.set(false); }>
            <div class="head">
                <h1>{Word::WhyTitle}</h1>
                <button class="tile" aria-label=Word::Close on:click=press(move || open.set(false))><Icon name="close"/></button>
            </div>
            <p>{words::why_not(reason)}</p>
            <a class="btn btn--quiet" href=format!("tel:{number}") autofocus><Icon name="phone"/>{words::call_number(number)}</a>
        </dialog>
    }
}

impl crate::web::store::Store {
    /// The emergency number of the home's country.
    pub fn emergency_number(&self) -> &'static str {
        let country = |home: &crate::api::home::HomeAnswer| {
            home.home.address.as_ref().map(|a| emergency_number(&a.country))
        };
        self.home
            .with_untracked(|home| home.as_ref().and_then(country))
            .unwrap_or_else(|| emergency_number(""))
    }
}
