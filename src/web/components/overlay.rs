//! What covers every page: a request on its way, and the incident that runs or has just ended. It takes the screen over from anywhere;
//! one that runs can be left for a bar at the top of every page.

use super::{CountdownScreen, NotSent, Sheet, SheetHandle, after_countdown, part};
use crate::{
    view::incident::{Screen, shown},
    web::{
        browser::{after_next_frame, mark_page},
        route::{Route, navigation},
        sending::{Stage, sender},
        store::store,
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
    let which = Memo::new(move |_| {
        let at_center = navigation.route.get() == Route::Center;
        store.incident.with(|i| i.as_ref().and_then(|i| shown(i.state, store.minimized.get() == Some(i.id), at_center)))
    });
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
        let runs = unacknowledged.get().is_some() || matches!(which.get(), Some(Screen::Countdown | Screen::Running | Screen::Banner));
        mark_page("data-incident", runs);
    });
    let told =
        Memo::new(move |last: Option<&Option<crate::api::incident::Incident>>| store.incident.get().or_else(|| last.cloned().flatten()));
    let incident = Signal::derive(move || told.get().expect("shown only while there is one"));
    view! {
        // Each has a place of its own: in one place the next screen would be drawn into the dialog of the last, which is open already.
        {part(move || (which.get() == Some(Screen::Countdown)).then(|| view! { <CountdownScreen incident/> }))}
        {[Screen::Banner, Screen::Running, Screen::Ended].map(|one| part(move || (which.get() == Some(one)).then(|| after_countdown(one, incident, sheet)))).collect_view()}
        <Sheet handle=sheet/>
        {part(move || gesture_seen.get().then(|| unacknowledged.get()).flatten().map(|stage| view! { <NotSent stage/> }))}
    }
}
