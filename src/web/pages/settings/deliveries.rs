//! Webhook deliveries of this home's incidents that other servers did not accept, with a button to
//! send them again. The section is hidden if there are none.

use crate::{
    api::household::Undelivered,
    domain::id::HomeId,
    view::words::{HouseholdWord as W, Said},
    web::{
        browser::time::day,
        client,
        components::{Icon, SaveButton, Saving, part},
    },
};
use leptos::{ev::SubmitEvent, prelude::*, task::spawn_local};

/// The list, if it is not empty.
#[component]
pub fn Deliveries(
    /// The home's id.
    home: HomeId,
) -> impl IntoView {
    let all = RwSignal::new(Vec::<Undelivered>::new());
    let home = StoredValue::new(home);
    spawn_local(async move {
        if let Ok(found) = client::deliveries(&home.get_value()).await {
            all.try_set(found);
        }
    });
    let row = move |one: Undelivered| {
        let saving = Saving::new();
        let resend = StoredValue::new(format!("deliveries/{}/resend", one.id));
        let again = move |event: SubmitEvent| {
            event.prevent_default();
            saving.send(
                async move { client::ask(&home.get_value(), &resend.get_value()).await },
                move |left| _ = all.try_set(left),
            );
        };
        let state = if one.given_up { W::GivenUp } else { W::StillTried };
        view! {
            <li>
                <span class="tile"><Icon name="warning"/></span>
                <form class="grow form" on:submit=again>
                    <div>
                        <b>{W::NotTaken.fill(&[&one.host])}</b>
                        <p class="faint tiny">{day(one.since)}</p>
                        <p class="muted small">{one.why}" "{state}</p>
                    </div>
                    <SaveButton saving label=W::TellAgain quiet=true/>
                </form>
            </li>
        }
    };
    part(move || {
        let all = Some(all.get()).filter(|all| !all.is_empty())?;
        Some(view! {
            <section class="col col--tight">
                <div class="head"><h2>{W::Deliveries}</h2></div>
                <ul class="rows card">{all.into_iter().map(row).collect_view()}</ul>
            </section>
        })
    })
}
