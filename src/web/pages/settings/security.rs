//! The account: the devices on which it is signed in, its passkeys, and its password. It is
//! available to every role.

use super::passkeys::PasskeySection;
use crate::{
    api::{
        passkeys::Passkeys,
        session::{Device, EditPassword},
    },
    view::words::{AccountWord, HouseholdWord as W, Said, Word},
    web::{
        browser::time::day,
        client,
        components::{Field, FieldMessage, Icon, SaveButton, Saving, Sure, part, press, text},
        passkeys,
    },
};
use leptos::{ev::SubmitEvent, prelude::*, task::spawn_local};

/// All parts.
#[component]
pub fn SecuritySection() -> impl IntoView {
    let devices = RwSignal::new(None::<Vec<Device>>);
    let look = move || {
        spawn_local(async move {
            if let Ok(all) = client::devices().await {
                devices.try_set(Some(all));
            }
        });
    };
    look();
    let changed = Callback::new(move |()| look());
    let known = RwSignal::new(None::<Passkeys>);
    view! {
        {part(move || devices.get().map(|all| view! { <Devices all devices/> }))}
        <PasskeySection known changed/>
        <PasswordForm known changed/>
    }
}

#[component]
fn Devices(
    /// The devices, the last used one first.
    all: Vec<Device>,
    /// Receives the devices after a change.
    devices: RwSignal<Option<Vec<Device>>>,
) -> impl IntoView {
    let failed = RwSignal::new(false);
    let several = all.len() > 1;
    // An empty id means every other device.
    let end = move |id: String| {
        spawn_local(async move {
            match client::sign_out_device(&id).await {
                Ok(left) => drop(devices.try_set(Some(left))),
                Err(_) => drop(failed.try_set(true)),
            }
        });
    };
    let release = move |id: String| {
        spawn_local(async move {
            match client::release_device(&id).await {
                Ok(all) => drop(devices.try_set(Some(all))),
                Err(_) => drop(failed.try_set(true)),
            }
        });
    };
    let row = |device: Device| {
        let Device { id, name, here, signed_in_at, seen_at, restricted_until } = device;
        let line = match (restricted_until, here) {
            (Some(until), _) => AccountWord::DeviceRestricted.fill(&[&day(until)]),
            (None, true) => W::ThisDevice.fill(&[&day(signed_in_at)]),
            (None, false) => W::DeviceSeen.fill(&[&day(seen_at)]),
        };
        let (act, allow) = (
            Callback::new({
                let id = id.clone();
                move |()| end(id.clone())
            }),
            Callback::new(move |()| release(id.clone())),
        );
        view! {
            <li>
                <span class="tile"><Icon name="globe"/></span>
                <div class="grow"><b>{name}</b><p class="faint tiny">{line}</p></div>
                <div class="acts">
                    {(!here && restricted_until.is_some()).then(|| view! { <Sure label=AccountWord::Allow sure=AccountWord::AllowSure act=allow/> })}
                    {(!here).then(|| view! { <Sure label=Word::SignOut sure=W::SignOutSure act/> })}
                </div>
            </li>
        }
    };
    view! {
        <section class="col col--tight">
            <h2 class="head">{W::Devices}</h2>
            <ul class="rows card">{all.into_iter().map(row).collect_view()}</ul>
            <p class="field__wrong" role="alert">{text(move || if failed.get() { W::NoAnswer.say() } else { "" })}</p>
            {several.then(|| view! { <div class="acts"><Sure label=W::SignOutOthers sure=W::SignOutSure act=Callback::new(move |()| end(String::new()))/></div> })}
        </section>
    }
}

#[component]
fn PasswordForm(
    /// The passkeys of the account.
    known: RwSignal<Option<Passkeys>>,
    /// Runs after the password was changed.
    changed: Callback<()>,
) -> impl IntoView {
    let (current, password) = (RwSignal::new(String::new()), RwSignal::new(String::new()));
    let saving = Saving::new();
    let has_passkey = Memo::new(move |_| {
        known.with(|known| known.as_ref().is_some_and(|known| !known.passkeys.is_empty()))
    });
    let saved = move |()| {
        current.try_set(String::new());
        password.try_set(String::new());
        changed.try_run(());
    };
    let save = move |event: SubmitEvent| {
        event.prevent_default();
        let asked = EditPassword {
            current: Some(current.get_untracked()),
            passkey: None,
            password: password.get_untracked(),
        };
        saving.send(async move { client::change_password(&asked).await }, saved);
    };
    let by_passkey =
        move || saving.send(passkeys::change_password(password.get_untracked()), saved);
    view! {
        <form class="card card--pad form" on:submit=save>
            <h2>{W::ChangePassword}</h2>
            <p class="muted small">{W::ChangePasswordNote}</p>
            <Field label=W::PasswordCurrent name="current" value=current saving kind="password" autocomplete="current-password"/>
            <Field label=W::AccountPassword name="password" value=password saving kind="password" autocomplete="new-password"/>
            <SaveButton saving/>
            {part(move || has_passkey.get().then(|| view! {
                <button class="btn btn--quiet" type="button" on:click=press(by_passkey)>{AccountWord::PasswordByPasskey}</button>
                <FieldMessage field="passkey" saving/>
            }))}
        </form>
    }
}
