//! Would an SOS work now? One glance (R23).

use super::{Icon, text};
use crate::{
    api::home::{Availability, Ready},
    view::words,
    web::{browser::time::clock, store::store},
};
use leptos::prelude::*;

/// The card on top of the dashboard.
#[component]
pub fn ReadyCard(
    /// What was checked.
    ready: Ready,
    /// Whether there is an SOS at all.
    dashboard: Availability,
) -> impl IntoView {
    let store = store();
    let ok = ready.ok && dashboard.available;
    let (title, icon) = match (dashboard.available, ready.ok) {
        (false, _) => (words::WHY_TITLE, "info"),
        (true, true) => (words::READY, "check"),
        (true, false) => (words::NOT_READY, "warning"),
    };
    let checked = ready.checks.first().map_or_else(String::new, |c| format!("Checked at {}", clock(c.at, true)));
    let detail = move || match (store.connected.get(), dashboard.reason) {
        (false, _) => words::OFFLINE.to_owned(),
        (true, Some(reason)) => words::why_not(reason).to_owned(),
        (true, None) => checked.clone(),
    };
    let chip = |check: &crate::api::home::Check| {
        view! {
            <li class="chip"><i class="dot" class:dot--bad=!check.ok aria-hidden="true"></i>{check.detail.clone()}</li>
        }
    };
    let chips = dashboard.available.then(|| view! { <ul class="chips">{ready.checks.iter().map(chip).collect_view()}</ul> });
    view! {
        <section class="card">
            <div class="ready">
                <span class="mark" class:mark--bad=!ok><Icon name=icon/></span>
                <div><h2>{title}</h2><p class="muted small" role="status">{text(detail)}</p></div>
            </div>
            {chips}
        </section>
    }
}
