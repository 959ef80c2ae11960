//! What covers every page: a request on its way, and the incident that runs or has just ended. It takes the screen over from anywhere.

use super::{CountdownScreen, EndedScreen, NotSent, RunningScreen, Sheet, SheetHandle, part};
use crate::{
    view::incident::{Screen, screen},
    web::{sending::sender, store::store},
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
    // Which screen, for which incident: it is built anew only when one of them changes.
    let which = Memo::new(move |_| store.incident.with(|i| i.as_ref().map(|i| (i.id, screen(i.state)))));
    let shown =
        Memo::new(move |last: Option<&Option<crate::api::incident::Incident>>| store.incident.get().or_else(|| last.cloned().flatten()));
    let incident = Signal::derive(move || shown.get().expect("shown only while there is one"));
    view! {
        {part(move || which.get().map(|(_, screen)| match screen {
            Screen::Countdown => view! { <CountdownScreen incident/> }.into_any(),
            Screen::Running => view! { <RunningScreen incident sheet/> }.into_any(),
            Screen::Ended => view! { <EndedScreen incident/> }.into_any(),
        }))}
        <Sheet handle=sheet/>
        {part(move || unacknowledged.get().map(|stage| view! { <NotSent stage/> }))}
    }
}
