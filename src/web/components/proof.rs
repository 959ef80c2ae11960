//! The dialog that asks for the password again before a change.

use super::{Field, Icon, Part, SaveButton, Saving, part, press};
use crate::{
    view::words::{AccountWord, HouseholdWord as W, Word},
    web::{
        browser::{dialog::open_when_mounted, focus_first},
        client, passkeys,
        proof::{asked, settle},
    },
};
use leptos::{ev::SubmitEvent, html::Dialog, prelude::*, task::spawn_local};

/// Shows the dialog while a change waits for it.
pub fn proof_when_asked() -> Part {
    part(|| asked().then(|| view! { <ProofDialog/> }))
}

/// The dialog. Afterwards the waiting change goes on, or is dropped.
#[component]
fn ProofDialog() -> impl IntoView {
    let node = NodeRef::<Dialog>::new();
    open_when_mounted(node);
    focus_first("dialog[open] input");
    // Leaving the page drops the change.
    on_cleanup(|| settle(false));
    let (password, saving) = (RwSignal::new(String::new()), Saving::new());
    let prove = move |event: SubmitEvent| {
        event.prevent_default();
        let typed = password.get_untracked();
        saving.send(async move { client::prove(typed).await }, |()| settle(true));
    };
    let (by_passkey, has_passkey) = (Saving::new(), RwSignal::new(false));
    spawn_local(async move {
        if let Ok(known) = client::passkeys().await {
            has_passkey.try_set(!known.passkeys.is_empty());
        }
    });
    let use_passkey = move |event: SubmitEvent| {
        event.prevent_default();
        by_passkey.send(passkeys::prove(), |()| settle(true));
    };
    view! {
        <dialog class="sheet" node_ref=node aria-label=W::ProofTitle on:cancel=|event: leptos::ev::Event| { event.prevent_default(); settle(false); }>
            <div class="head">
                <h1>{W::ProofTitle}</h1>
                <button class="tile" aria-label=Word::Close on:click=press(|| settle(false))><Icon name="close"/></button>
            </div>
            <p class="muted">{W::ProofNote}</p>
            <form class="form" on:submit=prove>
                <Field label=Word::Password name="password" value=password saving kind="password" autocomplete="current-password"/>
                <SaveButton saving label=W::ProofGo/>
            </form>
            {part(move || has_passkey.get().then(|| view! { <form on:submit=use_passkey><SaveButton saving=by_passkey label=AccountWord::ProofPasskey quiet=true/></form> }))}
        </dialog>
    }
}
