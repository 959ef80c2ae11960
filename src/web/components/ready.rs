//! Shows whether an SOS would work now (R23).

use super::{Icon, part, text, whether};
use crate::{
    api::home::{Availability, Ready},
    view::{
        incident as words_of,
        words::{self, Said, Word},
    },
    web::{browser::time::ago, store::store},
};
use gloo_timers::callback::Interval;
use leptos::prelude::*;

/// The card at the top of the dashboard.
#[component]
pub fn ReadyCard(
    /// The readiness checks.
    ready: Ready,
    /// Whether there is an SOS at all.
    dashboard: Availability,
) -> impl IntoView {
    let store = store();
    let ready_ok = ready.ok;
    let look = Memo::new(move |_| {
        words_of::readiness(dashboard.available, ready_ok, store.connected.get())
    });
    // The oldest check counts, because the result as a whole is no newer.
    let proved = ready.checks.iter().map(|c| c.at).min();
    let now = RwSignal::new(store.server_now());
    StoredValue::new_local(Interval::new(5_000, move || now.set(store.server_now())));
    let checked = move || {
        proved.map_or_else(String::new, |at| Word::CheckedAgo.fill(&[&ago(now.get().since(at))]))
    };
    let detail = move || match (store.connected.get(), dashboard.reason) {
        (false, _) => Word::Offline.say().to_owned(),
        (true, Some(reason)) => words::why_not(reason).into(),
        (true, None) => checked(),
    };
    let chip = |check: &crate::api::home::Check| {
        view! {
            <li class="chip"><i class="dot" class:dot--bad=!check.ok aria-hidden="true"></i>{words_of::check(check)}</li>
        }
    };
    let chips = dashboard.available.then(|| view! { <ul class="chips" class:chips--old=whether(move || !store.connected.get())>{ready.checks.iter().map(chip).collect_view()}</ul> });
    view! {
        <section class="card">
            <div class="ready">
                {part(move || {
                    let (_, icon, good) = look.get();
                    Some(view! { <span class="mark" class:mark--bad=!good><Icon name=icon/></span> })
                })}
                <div><h2>{text(move || look.get().0)}</h2><p class="muted small" role="status">{text(detail)}</p></div>
            </div>
            {chips}
        </section>
    }
}
