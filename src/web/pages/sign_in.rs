//! The sign-in page.

use crate::{
    view::words::{self, Said, Word},
    web::{
        browser::set_title,
        client::{self, Failure},
        components::{Icon, ShieldShape, held_up, other_ways, part, text},
        sending::{Stage, sender},
        store::store,
    },
};
use leptos::{ev::SubmitEvent, prelude::*, task::spawn_local};

/// The form, and why the last attempt failed.
#[component]
pub fn SignIn() -> impl IntoView {
    let (store, sender) = (store(), sender());
    set_title(Word::SignIn.say());
    let (email, password) = (RwSignal::new(String::new()), RwSignal::new(String::new()));
    let (busy, wrong) = (RwSignal::new(false), RwSignal::new(None::<String>));
    let signed_in = move || {
        store.begin();
        sender.go_on();
    };
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        if busy.get_untracked() {
            return;
        }
        busy.set(true);
        wrong.set(None);
        spawn_local(async move {
            match client::sign_in(email.get_untracked(), password.get_untracked()).await {
                Ok(()) => signed_in(),
                Err(Failure::Refused(problem)) => wrong.set(Some(problem.detail)),
                Err(Failure::Unreachable) => wrong.set(Some(Word::Unreachable.say().into())),
            }
            busy.set(false);
        });
    };
    view! {
        <main class="door">
            <span class="door__shield"><ShieldShape/></span>
            <h1>"Buckler"</h1>
            <p class="muted">{Word::Tagline}</p>
            {part(move || sender.sending.get().filter(|s| s.stage == Stage::SignedOut).map(|held| view! {
                <div class="held" role="alert">
                    <h2>{held_up(held.may_have_arrived)}</h2>
                    <p>{Word::HeldUpNote}</p>
                    <a class="btn btn--light" href=format!("tel:{}", held.number)><Icon name="phone"/>{words::call_number(held.number)}</a>
                </div>
            }))}
            <form class="door__form" on:submit=submit>
                <label class="field">{Word::Email}
                    <input type="email" name="email" autocomplete="username" required bind:value=email/>
                </label>
                <label class="field">{Word::Password}
                    <input type="password" name="password" autocomplete="current-password" required bind:value=password/>
                </label>
                <p class="field__wrong" role="alert">{text(move || wrong.get().unwrap_or_default())}</p>
                <button class="btn btn--strong" type="submit">
                    {text(move || if busy.get() { Word::SigningIn } else { Word::SignIn })}
                </button>
            </form>
            {other_ways(Callback::new(move |()| signed_in()))}
        </main>
    }
}
