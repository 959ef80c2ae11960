//! The screens that cover the page once the countdown is over. Their code is loaded right after the
//! shield, long before five seconds have passed. Until it is loaded, or if it cannot be loaded, a
//! plain heading and the emergency number are shown in its place.

use super::{Banner, EndedScreen, Icon, RunningScreen, SheetHandle, press, ribbon, text};
use crate::{
    api::incident::Incident,
    domain::{home::emergency_number, incident::Mode},
    view::{
        incident::{self as words_of, Screen},
        words::{self, Word},
    },
    web::{
        browser::{dialog::open_when_mounted, reload},
        on_demand::{Coming, missed, on_demand, once_there},
    },
};
use leptos::{html::Dialog, prelude::*};

on_demand!(
    /// The screen of an incident after its countdown.
    incident, fetch_incident, fn after(screen: Screen, incident: Signal<Incident>, sheet: SheetHandle) -> AnyView {
        match screen {
            Screen::Banner => view! { <Banner incident/> }.into_any(),
            Screen::Ended => view! { <EndedScreen incident/> }.into_any(),
            Screen::Countdown | Screen::Running => view! { <RunningScreen incident sheet/> }.into_any(),
        }
    }
);

/// Fetches the code of [`after_countdown`].
pub const AFTER: fn() -> Coming<()> = || Box::pin(async { fetch_incident().await.map_err(missed) });

/// The screen of an incident after its countdown.
pub fn after_countdown(screen: Screen, incident: Signal<Incident>, sheet: SheetHandle) -> AnyView {
    let make = Box::new(move || -> Coming<AnyView> { Box::pin(after(screen, incident, sheet)) });
    // The banner covers nothing, so it needs no substitute.
    let bare = move |missing: Option<_>| {
        (screen != Screen::Banner)
            .then(|| view! { <Bare incident failed=missing.is_some()/> }.into_any())
    };
    once_there(AFTER, make, Box::new(bare))
}

#[component]
fn Bare(
    /// The incident.
    incident: Signal<Incident>,
    /// Whether the details cannot be loaded.
    failed: bool,
) -> impl IntoView {
    let node = NodeRef::<Dialog>::new();
    open_when_mounted(node);
    let number = incident
        .with_untracked(|i| emergency_number(i.address.as_ref().map_or("", |a| &a.country)));
    let drill = incident.with_untracked(|i| i.mode == Mode::Drill);
    let title = move || incident.with(|i| words_of::bare_title(i, number));
    view! {
        <dialog class="asked" closedby="none" node_ref=node aria-label=text(title) on:cancel=|event: leptos::ev::Event| event.prevent_default()>
            <div class="asked__page">
                {drill.then(ribbon)}
                <h1 tabindex="-1" autofocus>{text(title)}</h1>
                <p class="muted" role="status">{if failed { Word::PageMissingNote } else { Word::DetailsComing }}</p>
                {failed.then(|| view! { <button class="btn btn--strong" on:click=press(reload)>{Word::Reload}</button> })}
                <a class="btn btn--quiet" href=format!("tel:{number}")><Icon name="phone"/>{words::call_number(number)}</a>
            </div>
        </dialog>
    }
}
