//! The dashboard of the home on the screen.

use crate::{
    api::home::{Camera, Contact, Device, HomeAnswer, SirenState},
    domain::{camera::CameraKind, device::DeviceKind, id::HomeId, incident::Source},
    view::{incident as words_of, words},
    web::{
        browser::time::day,
        client,
        components::{Icon, Picture, ReadyCard, SheetHandle, Shield, part, press},
        route::{Link, Route},
        store::{Session, store},
    },
};
use leptos::{prelude::*, task::spawn_local};

/// Everything about a home at one glance.
#[component]
pub fn Dashboard(
    /// The sheet that the shield opens.
    sheet: SheetHandle,
) -> impl IntoView {
    let store = store();
    let availability = Signal::derive(move || store.home.with(|h| h.as_ref().map(|h| h.sos.dashboard.clone())));
    let nothing = move || match store.session.get() {
        Session::Somebody(me) if me.homes.is_empty() => words::NO_HOME,
        _ => words::LOADING,
    };
    view! {
        <div class="screen">
            <header class="bar">
                <HomeSwitcher/>
                <span class="bar__space"></span>
                <Shield availability source=Source::Dashboard sheet/>
            </header>
            {part(move || Some(match store.home.get() {
                Some(home) => view! { <Overview home/> }.into_any(),
                None => view! { <main class="empty"><h1 class="unseen">"Buckler"</h1><p class="muted" role="status">{nothing()}</p></main> }.into_any(),
            }))}
        </div>
    }
}

#[component]
fn HomeSwitcher() -> impl IntoView {
    let store = store();
    let homes = move || match store.session.get() {
        Session::Somebody(me) => me.homes,
        _ => Vec::new(),
    };
    let current = move || store.home.with(|h| h.as_ref().map(|h| h.home.id.clone()));
    let choose = move |event: leptos::ev::Event| {
        if let Ok(id) = event_target_value(&event).parse::<HomeId>() {
            store.open(id);
        }
    };
    let option = move |home: crate::api::session::MyHome| {
        let selected = current().as_ref() == Some(&home.id);
        view! { <option value=home.id.to_string() selected=selected>{home.name}</option> }
    };
    view! {
        <label class="bar__home">
            <Icon name="home"/>
            <span class="unseen">{words::HOMES}</span>
            <select on:change=choose>{part(move || Some(homes().into_iter().map(option).collect_view()))}</select>
            <Icon name="down"/>
        </label>
    }
}

#[component]
fn Overview(
    /// The home, as it was told last.
    home: HomeAnswer,
) -> impl IntoView {
    let HomeAnswer { sos, devices, cameras, contacts, .. } = home;
    let title = home.home.name;
    view! {
        <main class="stack stack--two">
            <h1 class="unseen">{title}</h1>
            <div class="col">
                <ReadyCard ready=sos.ready dashboard=sos.dashboard/>
                <section class="col col--tight">
                    <div class="head"><h2>{words::CAMERAS}</h2></div>
                    {cameras_wall(cameras)}
                </section>
            </div>
            <div class="col">
                {(!devices.is_empty()).then(|| view! {
                    <section class="col col--tight">
                        <div class="head"><h2>{words::SIRENS}</h2></div>
                        <ul class="rows card">{devices.into_iter().map(device_row).collect_view()}</ul>
                    </section>
                })}
                <section class="col col--tight">
                    <div class="head"><h2>{words::CONTACTS}</h2></div>
                    {contact_rows(contacts)}
                </section>
                <Latest/>
                <SignOut/>
            </div>
        </main>
    }
}

fn cameras_wall(cameras: Vec<Camera>) -> impl IntoView {
    if cameras.is_empty() {
        return view! { <p class="card card--pad muted">{words::NO_CAMERAS}</p> }.into_any();
    }
    let tile = |camera: Camera| {
        let icon = if camera.kind == CameraKind::Doorbell { "bell" } else { "camera" };
        let sounding = (camera.siren == SirenState::Sounding).then(|| view! { <span class="live">{words::SOUNDING}</span> });
        view! {
            <li class="cam">
                <Link to=Route::LiveView(camera.id) class="cam__link">
                    <span class="unseen">{words::LIVE_VIEW}" "</span>
                    <Picture name=camera.name.clone()/>
                    <span class="cam__name"><Icon name=icon/>{camera.name}<span class="grow"></span>{sounding}</span>
                </Link>
            </li>
        }
    };
    view! { <ul class="wall">{cameras.into_iter().map(tile).collect_view()}</ul> }.into_any()
}

fn device_row(device: Device) -> impl IntoView {
    let icon = match device.kind {
        DeviceKind::BaseStation => "base",
        DeviceKind::Keypad => "keypad",
    };
    let state = match (device.online, device.siren) {
        (false, _) => words::DEVICE_OFFLINE,
        (true, SirenState::Sounding) => words::SOUNDING,
        (true, SirenState::Silent) => words::ONLINE_QUIET,
    };
    let sounding = device.siren == SirenState::Sounding;
    view! {
        <li>
            <span class="tile" class:tile--siren=sounding><Icon name=icon/></span>
            <div class="grow"><b>{device.name}</b><p class="faint tiny">{state}</p></div>
            <i class="dot" class:dot--bad=!device.online aria-hidden="true"></i>
        </li>
    }
}

fn contact_rows(contacts: Vec<Contact>) -> impl IntoView {
    if contacts.is_empty() {
        return view! { <p class="card card--pad muted">{words::NO_CONTACTS}</p> }.into_any();
    }
    let row = |contact: Contact| {
        let phone =
            contact.phone_link.map(|link| view! { <a class="link" href=link target="_blank" rel="noopener">{words::OPEN_PHONE}</a> });
        view! {
            <li>
                <span class="tile num">{contact.order}</span>
                <div class="grow"><b>{contact.name}</b><p class="faint tiny">{contact.phone}</p></div>
                {phone}
            </li>
        }
    };
    view! { <ul class="rows card">{contacts.into_iter().map(row).collect_view()}</ul> }.into_any()
}

#[component]
fn Latest() -> impl IntoView {
    let store = store();
    let row = |incident: &crate::api::incident::Incident| {
        let request = incident.services.first().map_or(crate::domain::incident::Request::Siren, |s| words::request_for(*s));
        let tone = words::tone(request);
        view! {
            <li>
                <span class=format!("tile tile--{}", tone.class)><Icon name=tone.icon/></span>
                <div class="grow"><b>{words_of::summary(incident)}</b><p class="faint tiny">{day(incident.started_at)}</p></div>
            </li>
        }
    };
    let rows = move || {
        store.latest.with(|all| match all.is_empty() {
            true => Some(view! { <p class="card card--pad muted">{words::NO_INCIDENTS}</p> }.into_any()),
            false => Some(view! { <ul class="rows card">{all.iter().map(row).collect_view()}</ul> }.into_any()),
        })
    };
    view! {
        <section class="col col--tight">
            <div class="head"><h2>{words::LATEST}</h2></div>
            {part(rows)}
        </section>
    }
}

#[component]
fn SignOut() -> impl IntoView {
    let store = store();
    let leave = move || {
        spawn_local(async move {
            // Where it fails the session still holds, and the page shows so.
            if client::sign_out().await.is_ok() {
                store.leave();
            }
        });
    };
    view! { <button class="link link--center" on:click=press(leave)>{words::SIGN_OUT}</button> }
}
