//! The passkey parts of the sign-in page and of the dashboard. Their code is loaded on demand, so
//! that neither page waits for it.

use super::{Field, Icon, SaveButton, Saving, part, press, text};
use crate::{
    domain::time::Timestamp,
    view::words::{self, AccountWord as W, Said},
    web::{
        browser::time::day,
        client,
        on_demand::{Coming, missed, on_demand, once_there},
        passkeys,
        store::store,
    },
};
use leptos::{ev::SubmitEvent, prelude::*};

/// Which of the two parts is shown.
#[derive(Clone, Copy)]
pub(super) enum AccountPart {
    /// Ways to sign in other than a password. The callback runs after a sign-in.
    OtherWays(Callback<()>),
    /// The notice that this device is restricted until this time.
    RestrictedDevice(Timestamp),
}

on_demand!(
    /// Shows either part.
    account, fetch_account, fn show(part: AccountPart) -> AnyView {
        match part {
            AccountPart::OtherWays(signed_in) => view! { <OtherWays signed_in/> }.into_any(),
            AccountPart::RestrictedDevice(until) => view! { <RestrictedDevice until/> }.into_any(),
        }
    }
);

fn coming(part: AccountPart, otherwise: fn() -> Option<AnyView>) -> AnyView {
    let fetch: fn() -> Coming<()> = || Box::pin(async { fetch_account().await.map_err(missed) });
    once_there(fetch, Box::new(move || Box::pin(show(part))), Box::new(move |_| otherwise()))
}

/// Ways to sign in other than a password. If their code cannot be loaded, the password still works.
pub fn other_ways(signed_in: Callback<()>) -> AnyView {
    coming(AccountPart::OtherWays(signed_in), || None)
}

/// The notice that this device is restricted until this time and cannot request help, and how to
/// lift that.
pub fn restricted_device(until: Timestamp) -> AnyView {
    coming(AccountPart::RestrictedDevice(until), || {
        Some(view! { <p class="card card--pad">{words::Word::WhyRestricted}</p> }.into_any())
    })
}

#[component]
fn OtherWays(
    /// Runs after a sign-in.
    signed_in: Callback<()>,
) -> impl IntoView {
    let (by_passkey, by_code) = (Saving::new(), Saving::new());
    let open = RwSignal::new(false);
    let (email, code) = (RwSignal::new(String::new()), RwSignal::new(String::new()));
    let recover = move |event: SubmitEvent| {
        event.prevent_default();
        let (email, code) = (email.get_untracked(), code.get_untracked());
        by_code.send(async move { client::recover(email, code).await }, move |()| {
            _ = signed_in.try_run(())
        });
    };
    let passkey = move |event: SubmitEvent| {
        event.prevent_default();
        by_passkey.send(passkeys::sign_in(), move |()| _ = signed_in.try_run(()));
    };
    view! {
        <form class="door__form wide" on:submit=passkey><SaveButton saving=by_passkey label=W::UsePasskey quiet=true/></form>
        {part(move || Some(match open.get() {
            false => view! { <button class="link" type="button" on:click=press(move || open.set(true))>{W::UseCode}</button> }.into_any(),
            true => view! {
                <form class="door__form wide" on:submit=recover>
                    <Field label=words::Word::Email name="email" value=email saving=by_code kind="email" autocomplete="username"/>
                    <Field label=W::Code name="code" value=code saving=by_code/>
                    <SaveButton saving=by_code label=W::SignInWithCode/>
                </form>
            }.into_any(),
        }))}
    }
}

#[component]
fn RestrictedDevice(
    /// When the restriction ends.
    until: Timestamp,
) -> impl IntoView {
    let number = store().emergency_number();
    let saving = Saving::new();
    let allow = move |event: SubmitEvent| {
        event.prevent_default();
        // The server sends an event to every listener, which removes the notice.
        saving.send(passkeys::prove(), |()| ());
    };
    view! {
        <section class="card card--pad col col--tight" role="alert">
            <h2>{W::Restricted}</h2>
            <p class="muted">{W::RestrictedNote.fill(&[&day(until), number])}</p>
            <form class="wide" on:submit=allow><SaveButton saving label=W::AllowHere/></form>
            <a class="btn btn--quiet" href=format!("tel:{number}")><Icon name="phone"/>{text(move || words::call_number(number))}</a>
            <p class="faint tiny">{W::AllowElsewhere}</p>
        </section>
    }
}
