//! Signing in.

use crate::{
    view::words,
    web::{
        client::{self, Failure},
        components::{ShieldShape, text},
        store::store,
    },
};
use leptos::{ev::SubmitEvent, prelude::*, task::spawn_local};

/// The form, and what went wrong the last time.
#[component]
pub fn SignIn() -> impl IntoView {
    let store = store();
    let (email, password) = (RwSignal::new(String::new()), RwSignal::new(String::new()));
    let (busy, wrong) = (RwSignal::new(false), RwSignal::new(None::<String>));
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        if busy.get_untracked() {
            return;
        }
        busy.set(true);
        wrong.set(None);
        spawn_local(async move {
            match client::sign_in(email.get_untracked(), password.get_untracked()).await {
                Ok(()) => store.begin(),
                Err(Failure::Refused(problem)) => wrong.set(Some(problem.detail)),
                Err(Failure::Unreachable) => wrong.set(Some(words::UNREACHABLE.into())),
            }
            busy.set(false);
        });
    };
    view! {
        <main class="door">
            <span class="door__shield"><ShieldShape/></span>
            <h1>"Buckler"</h1>
            <p class="muted">{words::TAGLINE}</p>
            <form class="door__form" on:submit=submit>
                <label class="field">{words::EMAIL}
                    <input type="email" name="email" autocomplete="username" required bind:value=email/>
                </label>
                <label class="field">{words::PASSWORD}
                    <input type="password" name="password" autocomplete="current-password" required bind:value=password/>
                </label>
                <p class="field__wrong" role="alert">{text(move || wrong.get().unwrap_or_default())}</p>
                <button class="btn btn--strong" type="submit">
                    {text(move || if busy.get() { words::SIGNING_IN } else { words::SIGN_IN })}
                </button>
            </form>
        </main>
    }
}
