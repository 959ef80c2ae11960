//! The screen that says how an incident ended.

use super::{Icon, Timeline, press, ribbon, text};
use crate::{
    api::incident::{Incident, Stage},
    domain::incident::Mode,
    view::{
        incident as words_of,
        words::{self, IncidentWord, Said, Word},
    },
    web::{
        browser::{after_next_frame, dialog::open_when_mounted, time::clock},
        route::{Route, navigation},
        store::store,
    },
};
use leptos::{html::Dialog, prelude::*};

/// The screen, until the person dismisses it.
#[component]
pub fn EndedScreen(
    /// The incident that is over.
    #[prop(into)]
    incident: Signal<Incident>,
) -> impl IntoView {
    let store = store();
    let node = NodeRef::<Dialog>::new();
    open_when_mounted(node);
    let said = move || {
        incident.with(|i| {
            words_of::ended(i, &i.outcome.as_ref().map_or_else(String::new, |o| clock(o.at, false)))
        })
    };
    let lines = Signal::derive(move || incident.with(|i| i.timeline.clone()));
    // A drill that was not canceled has a result to show.
    let (id, drill, aborted) =
        incident.with_untracked(|i| (i.id, i.mode == Mode::Drill, i.state == Stage::Aborted));
    let is_drill = drill && !aborted;
    let navigation = navigation();
    // The press is drawn first, because the update of the page behind takes longer than a frame.
    let put_away = move || after_next_frame(move || store.put_away());
    let go_on = move || {
        put_away();
        if is_drill {
            navigation.go(Route::Incident(id));
        }
    };
    let number = store.emergency_number();
    let icon = incident.with_untracked(words_of::ended_icon);
    view! {
        <dialog class="asked" node_ref=node aria-label=text(move || said().0) on:cancel=move |event: leptos::ev::Event| { event.prevent_default(); put_away(); }>
            <div class="asked__page">
                {drill.then(ribbon)}
                <header class="asked__title">
                    <span class="mark" class:mark--bad=icon == "warning"><Icon name=icon/></span>
                    <div>
                        <h1 tabindex="-1">{text(move || said().0)}</h1>
                        <p class="muted">{text(move || said().1)}</p>
                    </div>
                </header>
                {(icon == "warning").then(|| view! { <a class="btn btn--sos" href=format!("tel:{number}")><Icon name="phone"/>{words::call_number(number)}</a> })}
                <button class="btn btn--quiet" autofocus on:click=press(go_on)>{if is_drill { IncidentWord::HowItWent.say() } else { Word::Done.say() }}</button>
                <section class="card card--pad"><Timeline lines/></section>
            </div>
        </dialog>
    }
}
