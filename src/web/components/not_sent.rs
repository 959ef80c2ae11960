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

/// The title and the text of a stage. Without an answer, the app claims neither that the request
/// arrived nor that it did not (I28).
fn said(stage: &Stage, may_have_arrived: bool) -> (Word, String) {
    let (title, note) = match stage {
        Stage::Trying => (Word::Sending, Word::Blank),
        Stage::NotSent if may_have_arrived => (Word::Unanswered, Word::UnansweredNote),
        Stage::NotSent => (Word::NotSent, Word::NotSentNote),
        Stage::StillNeeded if may_have_arrived => (Word::StillNeed, Word::StillNeedUnknown),
        Stage::StillNeeded => (Word::StillNeed, Word::StillNeedNote),
        Stage::SignedOut => (held_up(may_have_arrived), Word::HeldUpNote),
        Stage::Arrived => (Word::Arrived, Word::ArrivedNote),
        Stage::Withdrawing => (Word::Withdrawing, Word::WithdrawingNote),
        Stage::Withdrawn => (Word::Withdrawn, Word::WithdrawnNote),
        Stage::Refused(detail) => return (Word::Refused, detail.clone()),
        Stage::Answered(detail) => return (Word::Answered, detail.clone()),
    };
    (title, note.say().to_owned())
}

/// The title while a request waits for the next sign-in.
pub fn held_up(may_have_arrived: bool) -> Word {
    if may_have_arrived { Word::HeldUpUnknown } else { Word::HeldUp }
}

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
    let (number, name, may_have_arrived) = sender
        .sending
        .with_untracked(|s| s.as_ref().map(|s| (s.number, s.home_name.clone(), s.may_have_arrived)))
        .unwrap_or_else(|| (store().emergency_number(), None, false));
    let (title, note) = said(&stage, may_have_arrived);
    let gives_up = match &stage {
        Stage::Trying => None,
        Stage::NotSent | Stage::SignedOut => Some(Word::StopTrying),
        Stage::StillNeeded => Some(Word::NoLonger),
        _ => None,
    };
    let closes = !matches!(stage, Stage::Trying) && gives_up.is_none();
    let asks = stage == Stage::StillNeeded;
    let icon = if stage == Stage::Withdrawn { "check" } else { "warning" };
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
            <span class="count__wait" class:count__wait--busy=matches!(stage, Stage::Trying | Stage::NotSent | Stage::Withdrawing)><Icon name=icon/></span>
            <div class="count__acts">
                <a class="btn btn--light" href=format!("tel:{number}") autofocus><Icon name="phone"/>{words::call_number(number)}</a>
                {reloads.then(|| view! { <button class="btn btn--light" on:click=press(reload)>{Word::Reload}</button> })}
                {asks.then(|| view! { <button class="btn btn--light" on:click=press(move || sender.renew())>{Word::YesSend}</button> })}
                {gives_up.map(|text| view! { <button class="btn btn--ghost" on:click=press(move || sender.give_up())>{text}</button> })}
                {closes.then(|| view! { <button class="btn btn--ghost" on:click=press(move || sender.close())>{Word::Close}</button> })}
            </div>
        </dialog>
    }
}
