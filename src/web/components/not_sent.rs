//! The screen of a request that the server has not acknowledged in a way that the app can read: no
//! countdown, but the true state and the emergency number.

use super::{Icon, press, which_home};
use crate::{
    view::words::{self, Said, Word},
    web::{
        browser::{dialog::open_when_mounted, reload},
        sending::{Stage, sender},
        store::store,
    },
};
use leptos::{html::Dialog, prelude::*};

/// The screen while a request has no acknowledgment.
#[component]
pub fn NotSent(
    /// The progress of the request.
    stage: Stage,
) -> impl IntoView {
    let sender = sender();
    let node = NodeRef::<Dialog>::new();
    open_when_mounted(node);
    // The number where help is needed, even if that home is not on the screen.
    let (number, name) = sender
        .sending
        .with_untracked(|s| s.as_ref().map(|s| (s.number, s.home_name.clone())))
        .unwrap_or_else(|| (store().emergency_number(), None));
    let (title, note) = match &stage {
        Stage::Trying => (Word::Sending, String::new()),
        Stage::NotSent => (Word::NotSent, Word::NotSentNote.say().to_owned()),
        Stage::StillNeeded => (Word::StillNeed, Word::StillNeedNote.say().to_owned()),
        Stage::SignedOut => (Word::HeldUp, Word::HeldUpNote.say().to_owned()),
        Stage::Arrived => (Word::Arrived, Word::ArrivedNote.say().to_owned()),
        Stage::Refused(detail) => (Word::Refused, detail.clone()),
        Stage::Answered(detail) => (Word::Answered, detail.clone()),
    };
    let give_up = match &stage {
        Stage::Trying => None,
        Stage::NotSent | Stage::SignedOut => Some(Word::StopTrying),
        Stage::StillNeeded => Some(Word::NoLonger),
        Stage::Refused(_) | Stage::Answered(_) | Stage::Arrived => Some(Word::Close),
    };
    let asks = stage == Stage::StillNeeded;
    // A newer app can show what this one cannot.
    let reloads = matches!(stage, Stage::Answered(_) | Stage::Arrived);
    view! {
        <dialog
            class="count count--unsent"
            role="alertdialog"
            closedby="none"
            node_ref=node
            aria-label=title
            on:cancel=|event: leptos::ev::Event| event.prevent_default()
        >
            <div class="count__say">
                {which_home(name)}
                <h1>{title}</h1>
                <p role="alert">{note}</p>
            </div>
            <span class="count__wait" class:count__wait--busy=matches!(stage, Stage::Trying | Stage::NotSent)><Icon name="warning"/></span>
            <div class="count__acts">
                <a class="btn btn--light" href=format!("tel:{number}") autofocus><Icon name="phone"/>{words::call_number(number)}</a>
                {reloads.then(|| view! { <button class="btn btn--light" on:click=press(reload)>{Word::Reload}</button> })}
                {asks.then(|| view! { <button class="btn btn--light" on:click=press(move || sender.again())>{Word::YesSend}</button> })}
                {give_up.map(|text| view! { <button class="btn btn--ghost" on:click=press(move || sender.give_up())>{text}</button> })}
            </div>
        </dialog>
    }
}
