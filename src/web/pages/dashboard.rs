//! The dashboard of the open home.

use super::overview::{household, notices, stopped};
use crate::{
    api::home::{Availability, ByCamera, Camera, HomeAnswer, SirenState},
    domain::{camera::CameraKind, id::HomeId, incident::Source},
    view::words::{Said, Word},
    web::{
        browser::{early, set_title, time::day},
        components::{
            Icon, Picture, ReadyCard, SheetHandle, Shield, ShieldShape, part, press,
            restricted_device, text,
        },
        route::{Link, Route},
        sending::sender,
        store::{NoDetails, Session, Store, store},
    },
};
use leptos::prelude::*;

/// The parts of a dashboard below its shield; see
/// [`Store::drawn`](crate::web::store::Store::drawn).
pub const PARTS: u8 = 6;

/// The state of a home at a glance.
#[component]
pub fn Dashboard(
    /// The sheet that the shield opens.
    sheet: SheetHandle,
) -> impl IntoView {
    let store = store();
    let availability = Signal::derive(move || {
        let known = store.home.with(|h| h.as_ref().map(|h| h.sos.dashboard.clone()));
        // Where nothing is known of the home, the server decides once it answers.
        known.or_else(|| {
            let is_asked = store.no_details.with(|why| *why == Some(NoDetails::NotStored));
            is_asked.then_some(Availability { available: true, via: Vec::new(), reason: None })
        })
    });
    let homeless = Memo::new(
        move |_| matches!(store.session.get(), Session::Somebody(me) if me.homes.is_empty()),
    );
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
                None => match store.no_details.get() {
                    Some(why) => view! { <Bare why/> }.into_any(),
                    None => view! { <main class="empty"><h1 class="unseen">"Buckler"</h1><p class="muted" role="status">{Word::Loading}</p></main> }.into_any(),
                },
            }))}
        </div>
    }
}

#[component]
fn NoHome() -> impl IntoView {
    let store = store();
    view! {
        <main class="door">
            <span class="mark"><Icon name="home"/></span>
            <h1>{Word::NoHome}</h1>
            <p class="muted">{Word::NoHomeNote}</p>
            {part(move || works_at_center(store).then(|| view! { <Link to=Route::Center class="btn btn--strong">{Word::Center}</Link> }))}
            {sign_out()}
        </main>
    }
}

/// The page of a home that cannot be shown.
#[component]
fn Bare(
    /// Why.
    why: NoDetails,
) -> impl IntoView {
    let (title, note) = match why {
        NoDetails::Unreadable(_) => (Word::HomeUnreadable, Word::HomeUnreadableNote),
        NoDetails::NotStored => (Word::NotStored, Word::NotStoredNote),
        NoDetails::Lost => (Word::HomeLost, Word::HomeLostNote),
    };
    if why != NoDetails::NotStored {
        // There is no SOS on this page, so the early shield goes.
        early::shield();
    }
    view! {
        <main class="door">
            <span class="mark mark--bad"><Icon name="warning"/></span>
            <h1>{title}</h1>
            <p class="muted" role="alert">{note}</p>
            {sign_out()}
        </main>
    }
}

/// The name of the open home, and the choice between several.
#[component]
fn HomeSwitcher() -> impl IntoView {
    let store = store();
    let homes = move || match store.session.get() {
        Session::Somebody(me) => me.homes,
        _ => Vec::new(),
    };
    let choose = move |event: leptos::ev::Event| {
        if let Ok(id) = event_target_value(&event).parse::<HomeId>() {
            store.open(id);
        }
    };
    let options = move || {
        let open = store.open_home.get();
        // A browser shows the first option where none is selected, and would name the wrong home.
        let none = open.is_none().then(|| option("", Word::Homes.into(), true));
        let mine = homes()
            .into_iter()
            .map(|home| option(home.id.as_str(), home.name, open.as_ref() == Some(&home.id)));
        Some(none.into_iter().chain(mine).collect_view())
    };
    // One home needs no choice, unless it is not open.
    let is_alone = Memo::new(move |_| homes().len() == 1 && store.open_home.with(Option::is_some));
    let name = move || homes().into_iter().next().map(|home| home.name).unwrap_or_default();
    part(move || {
        Some(match is_alone.get() {
            true => view! { <p class="bar__home"><Icon name="home"/>{text(name)}</p> }.into_any(),
            false => view! {
                <label class="bar__home bar__home--choice">
                    <Icon name="home"/>
                    <span class="unseen">{Word::Homes}</span>
                    <select on:change=choose>{part(options)}</select>
                    <Icon name="down"/>
                </label>
            }
            .into_any(),
        })
    })
}

/// A home to choose. An empty id cannot be chosen.
fn option(id: &str, name: String, selected: bool) -> AnyView {
    let disabled = id.is_empty();
    view! { <option value=id.to_owned() selected=selected disabled=disabled>{name}</option> }
        .into_any()
}

#[component]
fn Overview(
    /// The latest state of the home.
    home: HomeAnswer,
) -> impl IntoView {
    let told = StoredValue::new(home.clone());
    let HomeAnswer { sos, cameras, changes, quarantined, .. } = home;
    let title = home.home.name;
    let first = cameras.first().map(|c| c.id.clone());
    let store = store();
    let shows = move |part| store.drawn.get() >= part;
    set_title(&title);
    view! {
        <main class="stack stack--two">
            <h1 class="unseen">{title}</h1>
            <div class="col">
                {(!quarantined.is_empty()).then(|| stopped(quarantined, home.role))}
                {match sos.restricted_until {
                    Some(until) => restricted_device(until),
                    None => view! { <ReadyCard ready=sos.ready dashboard=sos.dashboard/> }.into_any(),
                }}
                {part(move || (shows(3) && !changes.is_empty()).then(|| notices(changes.clone())))}
                {part(move || shows(2).then(|| view! {
                    <section class="col col--tight">
                        <div class="head"><h2>{Word::Cameras}</h2>{first.clone().map(|id| view! { <Link to=Route::LiveView(id) class="link">{Word::LiveView}</Link> })}</div>
                        {cameras_wall(cameras.clone(), &sos.live_view)}
                    </section>
                }))}
            </div>
            <div class="col">
                {part(move || shows(3).then(|| household(told.get_value())))}
            </div>
        </main>
    }
}

fn cameras_wall(cameras: Vec<Camera>, shields: &ByCamera) -> impl IntoView + use<> {
    if cameras.is_empty() {
        return view! { <p class="card card--pad muted">{Word::NoCameras}</p> }.into_any();
    }
    let tile = |camera: Camera| {
        let icon = if camera.kind == CameraKind::Doorbell { "bell" } else { "camera" };
        let badge = match (camera.online, camera.siren) {
            (false, _) => {
                Some(view! { <span class="live live--off">{Word::CameraOffline}</span> }.into_any())
            }
            (true, SirenState::Sounding) => {
                Some(view! { <span class="live">{Word::Sounding}</span> }.into_any())
            }
            (true, SirenState::Silent | SirenState::Other) => None,
        };
        let has_shield = shields.get(&camera.id).is_some_and(|a| a.available);
        let shield = has_shield.then(|| view! { <span class="cam__shield"><ShieldShape/></span> });
        let still = store().home_id().and_then(|home| camera.still(&home));
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

/// Whether the signed-in account works at the monitoring center.
pub fn works_at_center(store: Store) -> bool {
    store
        .session
        .with(|session| matches!(session, Session::Somebody(me) if me.center_role.is_some()))
}

/// The button to sign out.
pub fn sign_out() -> impl IntoView {
    let sender = sender();
    view! { <button class="link link--center" on:click=press(move || sender.sign_out())>{Word::SignOut}</button> }
}
