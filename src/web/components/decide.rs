//! The review of an incident that was found late, so that nothing was sent (R22).

use super::{Sure, press, text};
use crate::{
    api::{incident::Incident, path, review::Decision},
    view::words::IncidentWord,
    web::client::{self, Failure},
};
use leptos::{prelude::*, task::spawn_local};

/// The buttons to send help after all, or not.
#[component]
pub fn Decide(
    /// The incident.
    #[prop(into)]
    incident: Signal<Incident>,
    /// Whether the center reviews it, and not the household.
    #[prop(optional)]
    at_center: bool,
    /// Runs after the decision, with the incident.
    decided: Callback<Incident>,
) -> impl IntoView {
    let refused = RwSignal::new(String::new());
    let decide = move |decision: Decision| {
        let (id, seen) = incident.with_untracked(|i| (i.id, i.latest_request));
        let action = path::having_seen("review", seen);
        let path =
            if at_center { path::at_center(id, &action) } else { path::incident(id, &action) };
        refused.set(String::new());
        spawn_local(async move {
            match client::review(&path, decision).await {
                // The live event of the decision may have come first, and removed this component.
                Ok(told) => drop(decided.try_run(told)),
                Err(Failure::Refused(refusal)) => drop(refused.try_set(refusal.detail)),
                Err(Failure::Unreachable) => drop(refused.try_set(IncidentWord::NotDecided.into())),
            }
        });
    };
    view! {
        <section class="card card--pad form">
            <button class="btn btn--sos" on:click=press(move || decide(Decision::Proceed))>{IncidentWord::SendAfterAll}</button>
            <Sure label=IncidentWord::NobodyNeedsHelp sure=IncidentWord::NobodySure act=Callback::new(move |()| decide(Decision::Close))/>
            <p class="notice" role="alert">{text(move || refused.get())}</p>
        </section>
    }
}
