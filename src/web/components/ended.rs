//! How it ended.

use super::{Icon, Timeline, press, text};
use crate::{
    api::incident::{Incident, Stage},
    view::{incident as words_of, words},
    web::{
        browser::{dialog::open_when_mounted, time::clock},
        store::store,
    },
};
use leptos::{html::Dialog, prelude::*};

/// The end, until the person puts it away.
#[component]
pub fn EndedScreen(
    /// The incident that is over.
    #[prop(into)]
    incident: Signal<Incident>,
) -> impl IntoView {
    let store = store();
    let node = NodeRef::<Dialog>::new();
    open_when_mounted(node);
    let said = move || incident.with(|i| words_of::ended(i, &i.outcome.as_ref().map_or_else(String::new, |o| clock(o.at, false))));
    let lines = Signal::derive(move || incident.with(|i| i.timeline.clone()));
    let icon = if incident.with_untracked(|i| i.state == Stage::Aborted) { "undo" } else { "check" };
    view! {
        <dialog class="asked" node_ref=node aria-label=text(move || said().0) on:cancel=move |event: leptos::ev::Event| { event.prevent_default(); store.put_away(); }>
            <div class="asked__page">
                <header class="asked__title">
                    <span class="mark"><Icon name=icon/></span>
                    <div>
                        <h1 tabindex="-1">{text(move || said().0)}</h1>
                        <p class="muted">{text(move || said().1)}</p>
                    </div>
                </header>
                <button class="btn btn--quiet" autofocus on:click=press(move || store.put_away())>{words::DONE}</button>
                <section class="card card--pad"><Timeline lines/></section>
            </div>
        </dialog>
    }
}
