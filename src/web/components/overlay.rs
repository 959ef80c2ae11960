//! What covers every page: a request on its way, and the incident that runs or has just ended. It takes the screen over from anywhere.

use super::{CountdownScreen, NotSent, Sheet, SheetHandle, after_countdown, part};
use crate::{
    view::incident::{Screen, screen},
    web::{
        browser::{after_next_frame, mark_page},
        sending::sender,
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
    let (store, sender) = (store(), sender());
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
        {[Screen::Running, Screen::Ended].map(|one| part(move || (which.get() == Some(one)).then(|| after_countdown(one, incident, sheet)))).collect_view()}
        <Sheet handle=sheet/>
        {part(move || gesture_seen.get().then(|| unacknowledged.get()).flatten().map(|stage| view! { <NotSent stage/> }))}
    }
}
