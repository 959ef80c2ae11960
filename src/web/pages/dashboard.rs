//! The dashboard of the home on the screen.

use crate::{
    api::home::{ByCamera, Camera, Contact, Device, HomeAnswer, SirenState},
    domain::{camera::CameraKind, contact::Readiness, device::DeviceKind, id::HomeId, incident::Source},
    view::words::{Said, Word},
    web::{
        browser::{set_title, time::day},
        client,
        components::{Icon, Picture, ReadyCard, SheetHandle, Shield, ShieldShape, held, incident_row, part, press},
        route::{Link, Route, Section},
        store::{Session, store},
    },
};
use leptos::{prelude::*, task::spawn_local};

/// The parts of a dashboard below its shield; see [`Store::drawn`](crate::web::store::Store::drawn).
pub const PARTS: u8 = 6;

/// Everything about a home at one glance.
#[component]
pub fn Dashboard(
    /// The sheet that the shield opens.
    sheet: SheetHandle,
) -> impl IntoView {
    let store = store();
    let availability = Signal::derive(move || store.home.with(|h| h.as_ref().map(|h| h.sos.dashboard.clone())));
    let homeless = Memo::new(move |_| matches!(store.session.get(), Session::Somebody(me) if me.homes.is_empty()));
    let shows = move |part| store.drawn.get() >= part;
    view! {
        <div class="screen">
            <header class="bar">
                {part(move || (!homeless.get()).then(|| view! { <HomeSwitcher/> }))}
                <span class="bar__space"></span>
                <Shield availability source=Source::Dashboard sheet/>
            </header>
            {part(move || store.offline_since.get().map(|at| view! { <p class="stale" role="status"><Icon name="warning"/>{Word::OfflineSince.fill(&[&day(at)])}</p> }))}
            {part(move || Some(match store.home.get().filter(|_| shows(1)) {
                Some(home) => view! { <Overview home/> }.into_any(),
                None if homeless.get() => view! { <NoHome/> }.into_any(),
                None => view! { <main class="empty"><h1 class="unseen">"Buckler"</h1><p class="muted" role="status">{Word::Loading}</p></main> }.into_any(),
            }))}
        </div>
    }
}

#[component]
fn NoHome() -> impl IntoView {
    view! {
        <main class="door">
            <span class="mark"><Icon name="home"/></span>
            <h1>{Word::NoHome}</h1>
            <p class="muted">{Word::NoHomeNote}</p>
            {sign_out()}
        </main>
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
            <span class="unseen">{Word::Homes}</span>
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
    let first = cameras.first().map(|c| c.id.clone());
    let store = store();
    let shows = move |part| store.drawn.get() >= part;
    set_title(&title);
    view! {
        <main class="stack stack--two">
            <h1 class="unseen">{title}</h1>
            <div class="col">
                {match sos.held_until {
                    Some(until) => held(until),
                    None => view! { <ReadyCard ready=sos.ready dashboard=sos.dashboard/> }.into_any(),
                }}
                {part(move || shows(2).then(|| view! {
                    <section class="col col--tight">
                        <div class="head"><h2>{Word::Cameras}</h2>{first.clone().map(|id| view! { <Link to=Route::LiveView(id) class="link">{Word::LiveView}</Link> })}</div>
                        {cameras_wall(cameras.clone(), &sos.live_view)}
                    </section>
                }))}
            </div>
            <div class="col">
                {part(move || (!devices.is_empty() && shows(3)).then(|| view! {
                    <section class="col col--tight">
                        {head(Word::Sirens, Route::Settings(Section::Sirens), Word::Settings)}
                        <ul class="rows card">{devices.clone().into_iter().map(device_row).collect_view()}</ul>
                    </section>
                }))}
                {part(move || shows(4).then(|| view! {
                    <section class="col col--tight">
                        {head(Word::Contacts, Route::Settings(Section::Contacts), Word::Settings)}
                        {contact_rows(contacts.clone())}
                    </section>
                }))}
                {part(move || shows(5).then(|| view! { <Latest/> }))}
                {part(move || shows(PARTS).then(|| view! { <More/> }))}
            </div>
        </main>
    }
}

/// A heading with the way to where it is changed.
fn head(title: Word, to: Route, link: Word) -> impl IntoView {
    let label = format!("{}: {}", title.say(), link.say());
    view! { <div class="head"><h2>{title}</h2><Link to class="link" label>{link}</Link></div> }
}

fn cameras_wall(cameras: Vec<Camera>, shields: &ByCamera) -> impl IntoView + use<> {
    if cameras.is_empty() {
        return view! { <p class="card card--pad muted">{Word::NoCameras}</p> }.into_any();
    }
    let tile = |camera: Camera| {
        let icon = if camera.kind == CameraKind::Doorbell { "bell" } else { "camera" };
        let badge = match (camera.online, camera.siren) {
            (false, _) => Some(view! { <span class="live live--off">{Word::CameraOffline}</span> }.into_any()),
            (true, SirenState::Sounding) => Some(view! { <span class="live">{Word::Sounding}</span> }.into_any()),
            (true, SirenState::Silent) => None,
        };
        let has_shield = shields.get(&camera.id).is_some_and(|a| a.available);
        let shield = has_shield.then(|| view! { <span class="cam__shield"><ShieldShape/></span> });
        let still = camera.still();
        view! {
            <li class="cam">
                <Link to=Route::LiveView(camera.id) class="cam__link">
                    <span class="unseen">{Word::LiveView}" "</span>
                    <Picture name=camera.name.clone() still/>
                    {shield}
                    <span class="cam__name"><Icon name=icon/>{camera.name}</span>
                    <span class="cam__state">{badge}</span>
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
        (false, _) => Word::DeviceOffline,
        (true, SirenState::Sounding) => Word::Sounding,
        (true, SirenState::Silent) => Word::OnlineQuiet,
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
        return view! { <p class="card card--pad muted">{Word::NoContacts}</p> }.into_any();
    }
    let row = |contact: Contact| {
        let ready = contact.ready == Readiness::Accepted;
        let state = match contact.ready {
            Readiness::Accepted => contact.phone,
            Readiness::Invited => Word::ContactInvited.into(),
            Readiness::OptedOut => Word::ContactOptedOut.into(),
        };
        let phone = contact.phone_link.map(|link| view! { <a class="link" href=link target="_blank" rel="noopener">{Word::OpenPhone}</a> });
        view! {
            <li>
                <span class="tile num">{contact.order}</span>
                <div class="grow"><b>{contact.name}</b><p class="faint tiny">{state}</p></div>
                {phone}
                <i class="dot" class:dot--bad=!ready aria-hidden="true"></i>
            </li>
        }
    };
    view! { <ul class="rows card">{contacts.into_iter().map(row).collect_view()}</ul> }.into_any()
}

#[component]
fn Latest() -> impl IntoView {
    let store = store();
    let rows = move || {
        store.latest.with(|all| match all.is_empty() {
            true => Some(view! { <p class="card card--pad muted">{Word::NoIncidents}</p> }.into_any()),
            false => Some(view! { <ul class="rows card">{all.iter().map(incident_row).collect_view()}</ul> }.into_any()),
        })
    };
    view! {
        <section class="col col--tight">
            {head(Word::Latest, Route::History, Word::History)}
            {part(rows)}
        </section>
    }
}

fn sign_out() -> impl IntoView {
    let store = store();
    let leave = move || {
        spawn_local(async move {
            // Where it fails the session still holds, and the page shows so.
            if client::sign_out().await.is_ok() {
                store.leave();
            }
        });
    };
    view! { <button class="link link--center" on:click=press(leave)>{Word::SignOut}</button> }
}

/// Where else one can go.
#[component]
fn More() -> impl IntoView {
    let row = |(to, icon, word): (Route, &'static str, Word)| {
        view! { <li><Link to class="row"><span class="tile"><Icon name=icon/></span><b class="grow">{word}</b><Icon name="next"/></Link></li> }
    };
    let places = [(Route::Drill, "flag", Word::Practice), (Route::Settings(Section::Index), "gear", Word::Settings)];
    view! {
        <nav aria-label=Word::More><ul class="rows card">{places.map(row).collect_view()}</ul></nav>
        {sign_out()}
    }
}
