//! The overlay of every page: a request that is being sent, and the incident that runs or has just
//! ended. It takes over the screen on any page. The screen of a running incident can be left for a
//! bar at the top of every page.

use super::{CountdownScreen, NotSent, Sheet, SheetHandle, after_countdown, part, press};
use crate::{
    view::{
        incident::{Screen, shown},
        words::{Said, Word},
    },
    web::{
        browser::{after_next_frame, mark_page},
        route::{Route, navigation},
        sending::{Stage, sender},
        store::store,
    },
};
use leptos::prelude::*;

/// The overlay, and the sheet.
#[component]
pub fn Overlay(
    /// The sheet, to request help and further help.
    sheet: SheetHandle,
) -> impl IntoView {
    let (store, sender, navigation) = (store(), sender(), navigation());
    let unacknowledged = Memo::new(move |_| {
        let arrived = store.incident.with(|i| i.as_ref().map(|i| i.id));
        sender
            .sending
            .get()
            .filter(|s| Some(s.id) != arrived)
            .map(|s| (s.stage, s.may_have_arrived))
    });
    // Withdrawals go on after a new start of the app, and after a new sign-in.
    sender.go_on_withdrawing();
    // The end of a gesture is drawn first, then the screen of its request, because that screen
    // takes longer than a frame on a slow phone.
    let gesture_seen = RwSignal::new(false);
    Effect::new(move |_| match unacknowledged.with(Option::is_some) {
        true => after_next_frame(move || {
            gesture_seen.try_set(true);
        }),
        false => gesture_seen.set(false),
    });
    let which = Memo::new(move |_| {
        let at_center = navigation.route.get() == Route::Center;
        store.incident.with(|i| {
            i.as_ref().and_then(|i| shown(i, store.minimized.get() == Some(i.id), at_center))
        })
    });
    // A new countdown opens its screen. A request whose incident has arrived in a readable way
    // after all needs no screen of the sender.
    Effect::new(move |_| {
        let arrived = store.incident.with(|i| i.as_ref().map(|i| i.id));
        if sender.sending.with_untracked(|s| {
            s.as_ref().is_some_and(|s| s.stage == Stage::Arrived && Some(s.id) == arrived)
        }) {
            sender.close();
        }
        if which.get() == Some(Screen::Countdown) {
            store.minimized.set(None);
        }
    });
    let withdraws = Memo::new(move |_| sender.withdrawing.all.with(|all| !all.is_empty()));
    // While this attribute is set, `public/pwa.js` keeps the screen on and defers updates.
    Effect::new(move |_| {
        let runs = unacknowledged.get().is_some()
            || withdraws.get()
            || matches!(which.get(), Some(Screen::Countdown | Screen::Running | Screen::Banner));
        mark_page("data-incident", runs);
    });
    let told = Memo::new(move |last: Option<&Option<crate::api::incident::Incident>>| {
        store.incident.get().or_else(|| last.cloned().flatten())
    });
    let incident = Signal::derive(move || told.get().expect("shown only while there is one"));
    view! {
        // Each screen has its own place. In a shared place the next one would be drawn into the
        // dialog of the last, which is already open.
        {part(move || (which.get() == Some(Screen::Countdown)).then(|| view! { <CountdownScreen incident/> }))}
        {[Screen::Banner, Screen::Running, Screen::Ended].map(|one| part(move || (which.get() == Some(one)).then(|| after_countdown(one, incident, sheet)))).collect_view()}
        {part(move || store.elsewhere.get().map(|home| view! {
            <aside class="banner">
                <b class="grow" role="status">{Word::ArrivedElsewhere.fill(&[&store.name_among(&home).unwrap_or_default()])}</b>
                <button class="btn btn--small btn--ghost" on:click=press(move || store.open(home.clone()))>{Word::Show}</button>
            </aside>
        }))}
        {part(move || (withdraws.get() && unacknowledged.with(Option::is_none)).then(|| view! {
            <aside class="banner"><b class="grow" role="status">{Word::WithdrawingBar}</b></aside>
        }))}
        <Sheet handle=sheet/>
        {part(move || gesture_seen.get().then(|| unacknowledged.get()).flatten().map(|(stage, _)| view! { <NotSent stage/> }))}
    }
}
