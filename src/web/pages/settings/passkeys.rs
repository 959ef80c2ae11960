//! Passkeys and recovery codes of the account, and whether the home restricts devices that were
//! signed in without a passkey.

use crate::{
    api::{
        home::HomeAnswer,
        household::EditDeviceRestriction,
        passkeys::{Passkey, Passkeys},
    },
    domain::access::Role,
    view::words::{AccountWord as W, Said},
    web::{
        browser::{self, time::day},
        client,
        components::{Icon, SaveButton, Saving, Sure, part, press, text},
        passkeys,
        store::store,
    },
};
use leptos::{ev, prelude::*, task::spawn_local};

/// All three parts.
#[component]
pub fn PasskeySection(
    /// Receives the passkeys once they are loaded, and after a change.
    known: RwSignal<Option<Passkeys>>,
    /// Runs after a change that the list of devices shows.
    changed: Callback<()>,
) -> impl IntoView {
    spawn_local(async move {
        if let Ok(all) = client::passkeys().await {
            known.try_set(Some(all));
        }
    });
    let left =
        Memo::new(move |_| known.with(|known| known.as_ref().map(|k| k.recovery_codes_left)));
    let owner = Memo::new(move |_| {
        store().home.with(|home| home.as_ref().is_some_and(|h| h.role == Role::Owner))
    });
    view! {
        {part(move || known.get().map(|all| view! { <Keys all known changed/> }))}
        {part(move || left.get().map(|left| view! { <Codes left known/> }))}
        {part(move || owner.get().then(|| store().home.get_untracked().map(|home| view! { <NewDevices home/> })))}
    }
}

#[component]
fn Keys(
    /// The current passkeys.
    all: Passkeys,
    /// Receives the passkeys after a change.
    known: RwSignal<Option<Passkeys>>,
    /// Runs after a change that the list of devices shows.
    changed: Callback<()>,
) -> impl IntoView {
    let saving = Saving::new();
    let learn = move |all: Passkeys| {
        known.try_set(Some(all));
        changed.try_run(());
    };
    let add = move |event: ev::SubmitEvent| {
        event.prevent_default();
        saving.send(passkeys::add(), learn);
    };
    let here = browser::window().location().hostname().unwrap_or_default();
    let elsewhere = match &all.host {
        None => Some(W::PasskeysOff.into()),
        Some(host) if *host != here => Some(W::PasskeysElsewhere.fill(&[host])),
        Some(_) => None,
    };
    let row = move |Passkey { id, name, created_at, used_at }: Passkey| {
        let id = StoredValue::new(id);
        let remove = move |()| {
            spawn_local(async move {
                if let Ok(all) = client::remove_passkey(&id.get_value()).await {
                    learn(all);
                }
            });
        };
        view! {
            <li>
                <span class="tile"><Icon name="key"/></span>
                <div class="grow"><b>{name}</b><p class="faint tiny">{W::PasskeyMade.fill(&[&day(created_at), &day(used_at)])}</p></div>
                <Sure label=W::RemovePasskey sure=W::RemovePasskeySure act=Callback::new(remove)/>
            </li>
        }
    };
    let none = all.passkeys.is_empty();
    view! {
        <section class="col col--tight">
            <h2 class="head">{W::Passkeys}</h2>
            <p class="muted small">{W::PasskeysNote}</p>
            {if none { view! { <p class="card card--pad faint">{W::NoPasskeys}</p> }.into_any() } else { view! { <ul class="rows card">{all.passkeys.into_iter().map(row).collect_view()}</ul> }.into_any() }}
            {match elsewhere {
                Some(note) => view! { <p class="muted small">{note}</p> }.into_any(),
                None => view! { <form on:submit=add><SaveButton saving label=W::AddPasskey/></form> }.into_any(),
            }}
        </section>
    }
}

#[component]
fn Codes(
    /// The number of unused codes.
    left: u32,
    /// Receives the number after new codes were made.
    known: RwSignal<Option<Passkeys>>,
) -> impl IntoView {
    let made = RwSignal::new(None::<Vec<String>>);
    let copied = RwSignal::new(false);
    let make = move |()| {
        spawn_local(async move {
            // If it fails, the button stays.
            if let Ok(codes) = client::make_recovery_codes().await {
                made.try_set(Some(codes));
                copied.try_set(false);
            }
        });
    };
    // Only once the person has stored the codes, because this redraws the page.
    let done = move || {
        let count =
            made.with_untracked(|codes| codes.as_ref().map_or(left, |codes| codes.len() as u32));
        known.update(|known| known.iter_mut().for_each(|known| known.recovery_codes_left = count));
        made.set(None);
    };
    let copy = move || {
        browser::copy(&made.with_untracked(|codes| {
            codes.as_ref().map_or_else(String::new, |codes| codes.join("\n"))
        }));
        copied.set(true);
    };
    view! {
        <section class="card card--pad form">
            <div class="field__top"><h2>{W::Codes}</h2><span class="faint small">{text(move || if made.with(Option::is_none) { W::CodesLeft.fill(&[&left.to_string()]) } else { String::new() })}</span></div>
            <p class="muted small">{W::CodesNote}</p>
            {part(move || Some(match made.get() {
                None => view! { <div class="acts"><Sure label=W::MakeCodes sure=W::MakeCodesSure act=Callback::new(make)/></div> }.into_any(),
                Some(codes) => view! {
                    <div class="link-box" role="status">
                        <p class="small">{W::CodesOnce}</p>
                        <ol class="codes">{codes.into_iter().map(|code| view! { <li><code>{code}</code></li> }).collect_view()}</ol>
                        <div class="acts no-print">
                            <button class="btn btn--small btn--strong" type="button" on:click=press(copy)>{text(move || if copied.get() { W::CopiedCodes } else { W::CopyCodes })}</button>
                            <button class="btn btn--small btn--quiet" type="button" on:click=press(browser::print)>{W::PrintCodes}</button>
                            <button class="btn btn--small btn--quiet" type="button" on:click=press(done)>{W::CodesKept}</button>
                        </div>
                    </div>
                }.into_any(),
            }))}
        </section>
    }
}

#[component]
fn NewDevices(
    /// The home.
    home: HomeAnswer,
) -> impl IntoView {
    let saving = Saving::new();
    let restrict = RwSignal::new(home.settings.restrict_new_devices);
    let id = home.home.id;
    let save = move |event: ev::SubmitEvent| {
        event.prevent_default();
        let (id, asked) =
            (id.clone(), EditDeviceRestriction { restrict_new_devices: restrict.get_untracked() });
        saving.send(
            async move { client::change::<HomeAnswer>(&id, "holding", &asked).await },
            |_| (),
        );
    };
    view! {
        <form class="card card--pad form" on:submit=save>
            <h2>{W::RestrictNewDevices}</h2>
            <label class="check"><input type="checkbox" name="hold_new_devices" bind:checked=restrict/><span>{W::RestrictNewDevicesLabel}<small class="faint">{W::RestrictNewDevicesNote}</small></span></label>
            <SaveButton saving/>
        </form>
    }
}
