//! The audit, for owners.

use crate::{
    api::audit::{AuditRecord, Deed},
    domain::id::HomeId,
    view::{
        household::deed,
        words::{HouseholdWord as W, Said},
    },
    web::{
        browser::time::day,
        client,
        components::{Icon, part, press},
    },
};
use leptos::{prelude::*, task::spawn_local};

/// As many records come at once.
const PAGE: usize = 50;

/// Who did what, the newest first.
#[component]
pub fn LogSection(
    /// Whose.
    home: HomeId,
) -> impl IntoView {
    let (all, more) = (RwSignal::new(None::<Vec<AuditRecord>>), RwSignal::new(false));
    let home = StoredValue::new(home);
    let read = move || {
        let before = all.with_untracked(|all| all.as_ref().and_then(|all| all.last()).map(|last| last.number));
        spawn_local(async move {
            if let Ok(page) = client::audit(&home.get_value(), before).await {
                more.try_set(page.len() == PAGE);
                all.try_update(|all| all.get_or_insert_default().extend(page));
            }
        });
    };
    read();
    view! {
        <p class="muted small">{W::LogNote}</p>
        {part(move || Some(match all.get()? {
            all if all.is_empty() => view! { <p class="card card--pad faint">{W::LogEmpty}</p> }.into_any(),
            all => view! { <ol class="rows card">{all.iter().map(row).collect_view()}</ol> }.into_any(),
        }))}
        {part(move || more.get().then(|| view! { <button class="btn btn--quiet" type="button" on:click=press(read)>{W::LogMore}</button> }))}
    }
}

fn row(record: &AuditRecord) -> impl IntoView + use<> {
    let warns = matches!(record.what, Deed::SignInRefused | Deed::ProofRefused);
    let icon = match record.what {
        Deed::HomeChanged | Deed::LinkMade => "home",
        Deed::PersonChanged | Deed::FirstOwner | Deed::Invited | Deed::Joined => "people",
        _ if warns => "warning",
        _ => "key",
    };
    let who = record.who.clone().unwrap_or_else(|| W::Console.into());
    let line = match &record.address {
        Some(address) => W::LogFrom.fill(&[&who, &day(record.at), address]),
        None => W::LogBy.fill(&[&who, &day(record.at)]),
    };
    view! {
        <li>
            <span class="tile"><Icon name=icon/></span>
            <div class="grow"><b>{deed(record)}</b><p class="faint tiny">{line}</p></div>
        </li>
    }
}
