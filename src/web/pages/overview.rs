//! The part of the dashboard below the shield and the cameras. Its code is loaded after the shield,
//! which never waits for it.

use super::dashboard::{sign_out, works_at_center};
use crate::{
    api::{
        heard::Heard,
        home::{Change, Contact, Device, HomeAnswer, Quarantined, SirenState},
    },
    domain::{access::Role, contact::Readiness, device::DeviceKind},
    view::{
        incident::changed,
        words::{OverviewWord, Said, Word},
    },
    web::{
        browser::{reload, time::day},
        components::{Icon, incident_row, part, press},
        on_demand::{Coming, Missing, missed, on_demand, once_there},
        route::{Link, Route, Section},
        store::store,
    },
};
use leptos::prelude::*;

/// The most changes that the dashboard shows. The log shows all of them.
const CHANGES: usize = 2;

on_demand!(
    /// Sirens, contacts, the latest incidents, and links to other pages.
    overview, fetch_overview, fn below(home: HomeAnswer) -> AnyView { view! { <Below home/> }.into_any() }
);

on_demand!(
    /// Changes of the home that owners should know, newest first.
    overview, fetch_notices, fn told(changes: Vec<Change>) -> AnyView { rows_of(changes) }
);

on_demand!(
    /// Incidents that the server cannot advance.
    overview, fetch_stopped, fn said(all: Vec<Quarantined>, role: Heard<Role>) -> AnyView { stopped_card(all, role) }
);

/// Incidents that the server cannot advance. An owner can end them in the log.
pub fn stopped(all: Vec<Quarantined>, role: Heard<Role>) -> AnyView {
    let fetch: fn() -> Coming<()> = || Box::pin(async { fetch_stopped().await.map_err(missed) });
    once_there(fetch, Box::new(move || Box::pin(said(all.clone(), role))), Box::new(|_| None))
}

fn stopped_card(all: Vec<Quarantined>, role: Heard<Role>) -> AnyView {
    let row = |one: Quarantined| {
        let says = move || {
            view! {
                <span class="tile tile--bad"><Icon name="warning"/></span>
                <span class="grow"><b>{OverviewWord::Stopped}</b><small class="muted">{OverviewWord::StoppedNote.fill(&[&day(one.since)])}</small></span>
            }
        };
        let row = match role.known() {
            Some(Role::Owner) => view! { <Link to=Route::Settings(Section::Log) class="row">{says()}<Icon name="next"/></Link> }.into_any(),
            Some(Role::Shared | Role::Guest) | None => says().into_any(),
        };
        view! { <li>{row}</li> }
    };
    view! { <div role="alert"><ul class="rows card">{all.into_iter().map(row).collect_view()}</ul></div> }.into_any()
}

/// Changes of the home that owners should know. They can be undone in the log.
pub fn notices(changes: Vec<Change>) -> AnyView {
    let fetch: fn() -> Coming<()> = || Box::pin(async { fetch_notices().await.map_err(missed) });
    once_there(fetch, Box::new(move || Box::pin(told(changes.clone()))), Box::new(|_| None))
}

fn rows_of(changes: Vec<Change>) -> AnyView {
    let row = |change: Change| {
        let (icon, says) = changed(&change);
        view! {
            <li><Link to=Route::Settings(Section::Log) class="row">
                <span class="tile"><Icon name=icon/></span>
                <span class="grow"><b>{says}</b><small class="faint">{day(change.at)}</small></span>
                <Icon name="next"/>
            </Link></li>
        }
    };
    view! { <ul class="rows card">{changes.into_iter().take(CHANGES).map(row).collect_view()}</ul> }
        .into_any()
}

/// Fetches the code of [`household`].
pub const OVERVIEW: fn() -> Coming<()> =
    || Box::pin(async { fetch_overview().await.map_err(missed) });

/// Sirens, contacts, the latest incidents, and links to other pages. If their code cannot be
/// loaded, the buttons to load the page again and to sign out.
pub fn household(home: HomeAnswer) -> AnyView {
    let otherwise = |outcome: Option<Missing>| {
        outcome.map(|Missing| {
            view! {
                <p class="card card--pad muted" role="alert">{Word::PageMissingNote}</p>
                <button class="btn btn--quiet" on:click=press(reload)>{Word::Reload}</button>
                {sign_out()}
            }
            .into_any()
        })
    };
    once_there(OVERVIEW, Box::new(move || Box::pin(below(home.clone()))), Box::new(otherwise))
}

#[component]
fn Below(
    /// The latest state of the home.
    home: HomeAnswer,
) -> impl IntoView {
    let HomeAnswer { devices, contacts, .. } = home;
    let store = store();
    let shows = move |part| store.drawn.get() >= part;
    view! {
        {part(move || (!devices.is_empty()).then(|| view! {
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
        {part(move || shows(super::PARTS).then(|| view! { <More/> }))}
    }
}

/// A heading, and a link to the page that shows or changes more of it.
fn head(title: impl Into<String>, to: Route, link: Word) -> impl IntoView {
    let title = title.into();
    let label = format!("{title}: {}", link.say());
    view! { <div class="head"><h2>{title}</h2><Link to class="link" label>{link}</Link></div> }
}

fn device_row(device: Device) -> impl IntoView {
    let icon = match device.kind {
        Heard::Known(DeviceKind::BaseStation) => "base",
        Heard::Known(DeviceKind::Keypad) => "keypad",
        Heard::Unknown => "siren",
    };
    let state = match (device.online, device.siren) {
        (false, _) => OverviewWord::DeviceOffline.say(),
        (true, SirenState::Sounding) => Word::Sounding.say(),
        (true, SirenState::Silent) => OverviewWord::OnlineQuiet.say(),
        (true, SirenState::Other) => OverviewWord::Online.say(),
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
        return view! { <p class="card card--pad muted">{OverviewWord::NoContacts}</p> }.into_any();
    }
    let row = |contact: Contact| {
        let ready = contact.linked && contact.ready == Readiness::Accepted;
        let state = match (contact.ready, contact.linked) {
            (Heard::Known(Readiness::OptedOut), _) => OverviewWord::ContactOptedOut.into(),
            (_, false) => OverviewWord::ContactNoLink.into(),
            (Heard::Known(Readiness::Invited), true) => OverviewWord::ContactInvited.into(),
            (Heard::Known(Readiness::Accepted), true) => contact.phone,
            (Heard::Unknown, true) => Word::New.into(),
        };
        let phone =
            contact.phone_link.map(|link| view! { <a class="link" href=link target="_blank" rel="noopener">{OverviewWord::OpenPhone}</a> });
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
            true => Some(
                view! { <p class="card card--pad muted">{OverviewWord::NoIncidents}</p> }
                    .into_any(),
            ),
            false => Some(
                view! { <ul class="rows card">{all.iter().map(incident_row).collect_view()}</ul> }
                    .into_any(),
            ),
        })
    };
    view! {
        <section class="col col--tight">
            {head(OverviewWord::Latest, Route::History, Word::History)}
            {part(rows)}
        </section>
    }
}

/// Links to other pages.
#[component]
fn More() -> impl IntoView {
    let row = |(to, icon, word): (Route, &'static str, Word)| {
        view! { <li><Link to class="row"><span class="tile"><Icon name=icon/></span><b class="grow">{word}</b><Icon name="next"/></Link></li> }
    };
    let center = works_at_center(store()).then_some((Route::Center, "phone", Word::Center));
    let places = [
        (Route::Drill, "flag", Word::Practice),
        (Route::Settings(Section::Index), "gear", Word::Settings),
    ];
    view! {
        <nav aria-label=OverviewWord::More><ul class="rows card">{places.into_iter().chain(center).map(row).collect_view()}</ul></nav>
        {sign_out()}
    }
}
