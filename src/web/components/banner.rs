//! The bar of a running incident whose screen was left.

use super::{Icon, press, text};
use crate::{
    api::incident::Incident,
    domain::{home::emergency_number, incident::Mode},
    view::{
        incident as words_of,
        words::{Word, call_number},
    },
    web::{
        route::{Route, navigation},
        store::store,
    },
};
use leptos::prelude::*;

/// The bar at the top of every page.
#[component]
pub fn Banner(
    /// The incident.
    #[prop(into)]
    incident: Signal<Incident>,
) -> impl IntoView {
    let (store, navigation) = (store(), navigation());
    let number = incident
        .with_untracked(|i| emergency_number(i.address.as_ref().map_or("", |a| &a.country)));
    let drill = incident.with_untracked(|i| i.mode == Mode::Drill);
    let shown = Memo::new(move |_| incident.with(|i| words_of::banner(i, number)));
    let show = move || {
        store.minimized.set(None);
        if navigation.route.get_untracked() == Route::Center {
            navigation.go(Route::Dashboard);
        }
    };
    let class = move || format!("banner banner--{}", shown.get().1);
    view! {
        <aside class=text(class)>
            <b class="grow" role="status">{text(move || shown.get().0)}</b>
            {(!drill).then(|| view! { <a class="btn btn--small btn--light" href=format!("tel:{number}") aria-label=call_number(number)><Icon name="phone"/>{number}</a> })}
            <button class="btn btn--small btn--ghost" on:click=press(show)>{Word::Show}</button>
        </aside>
    }
}
