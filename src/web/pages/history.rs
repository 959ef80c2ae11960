//! The incidents of the home, newest first.

use crate::{
    api::incident::Incident,
    domain::id::HomeId,
    view::{
        arrival::add_page,
        records::Filter,
        words::{RecordWord as W, Word},
    },
    web::{
        client,
        components::{Page, incident_row, part, press, text},
        route::Route,
        store::store,
    },
};
use leptos::{prelude::*, task::spawn_local};

/// The number of incidents that are loaded at once.
const PAGE: u32 = 20;

/// The list, loaded a page at a time.
#[component]
pub fn History() -> impl IntoView {
    let store = store();
    let filter = RwSignal::new(Filter::All);
    let all = RwSignal::new(None::<Vec<Incident>>);
    let (more, failed) = (RwSignal::new(true), RwSignal::new(false));
    let load = move |home: HomeId| {
        let before =
            all.with_untracked(|all| all.as_ref().and_then(|all| all.last().map(|i| i.started_at)));
        failed.set(false);
        spawn_local(async move {
            let answer = client::incidents(&home, before, PAGE).await;
            if !store.is_open(&home) {
                return;
            }
            match answer {
                Ok(older) => {
                    let is_full = older.len() == PAGE as usize;
                    let is_new =
                        all.try_update(|all| add_page(all, before, |i| i.started_at, older));
                    if is_new == Some(true) {
                        more.try_set(is_full);
                    }
                }
                Err(_) => drop(failed.try_set(true)),
            }
        });
    };
    let home = Memo::new(move |_| store.home.with(|h| h.as_ref().map(|h| h.home.id.clone())));
    Effect::new(move |_| {
        all.set(None);
        home.get().into_iter().for_each(load);
    });
    let older = move || home.get_untracked().into_iter().for_each(load);
    let chip = move |one: Filter| {
        view! {
            <label class="pick"><input type="radio" name="filter" prop:checked=one == Filter::All on:change=move |_| filter.set(one)/><span>{one.word()}</span></label>
        }
    };
    let rows = move || {
        let shown = all.with(|all| {
            Some(
                all.as_ref()?
                    .iter()
                    .filter(|i| filter.get().lets(i))
                    .map(incident_row)
                    .collect_view(),
            )
        })?;
        Some(match shown.is_empty() {
            true => view! { <p class="card card--pad muted">{if filter.get() == Filter::All { W::Nothing } else { W::NothingOfThat }}</p> }
                .into_any(),
            false => view! { <ul class="rows card">{shown}</ul> }.into_any(),
        })
    };
    view! {
        <Page title=W::History back=Route::Dashboard>
            <fieldset class="picks"><legend class="unseen">{W::Filter}</legend>{Filter::ALL.map(chip).collect_view()}</fieldset>
            {part(rows)}
            <p class="field__wrong" role="alert">{text(move || if failed.get() { Word::Unreachable } else { Word::Blank })}</p>
            {part(move || (all.with(Option::is_none) && !failed.get()).then(|| view! { <p class="muted" role="status">{Word::Loading}</p> }))}
            {part(move || (more.get() && all.with(Option::is_some)).then(|| view! { <button class="btn btn--quiet" on:click=press(older)>{W::Older}</button> }))}
        </Page>
    }
}
