//! What covers every page: a request on its way, and the incident that runs or has just ended. It takes the screen over from anywhere;
//! one that runs can be left for a bar at the top of every page.

use super::{CountdownScreen, Icon, NotSent, Sheet, SheetHandle, after_countdown, part, press};
use crate::{
    view::{
        incident::{Screen, banner, screen},
        words::Word,
    },
    web::{
        browser::{after_next_frame, mark_page},
        route::{Navigation, Route, navigation},
        sending::{Stage, sender},
        store::{Store, store},
    },
};
use leptos::prelude::*;

/// The overlay, and above it the sheet.
#[component]
pub fn Overlay(
    /// The sheet, to ask for help and for more of it.
    sheet: SheetHandle,
) -> impl IntoView {
    let (store, sender, navigation) = (store(), sender(), navigation());
    let unacknowledged = Memo::new(move |_| {
        let arrived = store.incident.with(|i| i.as_ref().map(|i| i.id));
        sender.sending.get().filter(|s| Some(s.id) != arrived).map(|s| s.stage)
    });
    // The end of a gesture is seen first, then how its request goes: on a slow phone that screen takes longer than a frame.
    let gesture_seen = RwSignal::new(false);
    Effect::new(move |_| match unacknowledged.with(Option::is_some) {
        true => after_next_frame(move || {
            gesture_seen.try_set(true);
        }),
        false => gesture_seen.set(false),
    });
    let which = Memo::new(move |_| store.incident.with(|i| i.as_ref().map(|i| screen(i.state))));
    let left = is_left(store, navigation);
    // A new countdown is looked at; and what has arrived after all needs no word of the sender.
    Effect::new(move |_| {
        let arrived = store.incident.with(|i| i.as_ref().map(|i| i.id));
        if sender.sending.with_untracked(|s| s.as_ref().is_some_and(|s| s.stage == Stage::Arrived && Some(s.id) == arrived)) {
            sender.give_up();
        }
        if which.get() == Some(Screen::Countdown) {
            store.minimized.set(None);
        }
    });
    // What keeps the screen on and updates away.
    Effect::new(move |_| {
        let runs = unacknowledged.get().is_some() || matches!(which.get(), Some(Screen::Countdown | Screen::Running));
        mark_page("data-incident", runs);
    });
    let shown =
        Memo::new(move |last: Option<&Option<crate::api::incident::Incident>>| store.incident.get().or_else(|| last.cloned().flatten()));
    let incident = Signal::derive(move || shown.get().expect("shown only while there is one"));
    view! {
        // Each has a place of its own: in one place the next screen would be drawn into the dialog of the last, which is open already.
        {part(move || (which.get() == Some(Screen::Countdown)).then(|| view! { <CountdownScreen incident/> }))}
        {[Screen::Running, Screen::Ended].map(|one| part(move || (which.get() == Some(one) && !left.get()).then(|| after_countdown(one, incident, sheet)))).collect_view()}
        <Sheet handle=sheet/>
        {part(move || gesture_seen.get().then(|| unacknowledged.get()).flatten().map(|stage| view! { <NotSent stage/> }))}
    }
}

/// Whether the screen after the countdown was left: by the person, or for the monitoring center's console, which an operator needs
/// whatever happens at home.
fn is_left(store: Store, navigation: Navigation) -> Memo<bool> {
    Memo::new(move |_| {
        let (id, over) = store.incident.with(|i| i.as_ref().map_or((None, false), |i| (Some(i.id), i.state.is_over())));
        navigation.route.get() == Route::Center || (!over && id.is_some() && store.minimized.get() == id)
    })
}

/// The bar at the top of every page: an incident that runs, and whose screen was left.
#[component]
pub fn Banner() -> impl IntoView {
    let (store, navigation) = (store(), navigation());
    let left = is_left(store, navigation);
    let shown = Memo::new(move |_| {
        let number = store.emergency_number();
        store.incident.with(|i| i.as_ref().filter(|i| left.get() && screen(i.state) == Screen::Running).map(|i| banner(i, number)))
    });
    let show = move || {
        store.minimized.set(None);
        if navigation.route.get_untracked() == Route::Center {
            navigation.go(Route::Dashboard);
        }
    };
    part(move || {
        let (title, tone) = shown.get()?;
        Some(view! {
            <aside class=format!("banner banner--{}", tone) role="status">
                <b class="grow">{title}</b>
                {(tone == "alone").then(|| view! {
                    <a class="btn btn--small btn--light" href=format!("tel:{}", store.emergency_number())><Icon name="phone"/>{store.emergency_number()}</a>
                })}
                <button class="btn btn--small btn--ghost" on:click=press(show)>{Word::ShowIncident}</button>
            </aside>
        })
    })
}
