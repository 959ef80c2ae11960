//! The audit log, for owners.

use super::deliveries::Deliveries;
use crate::{
    api::{
        audit::{AuditAction, AuditRecord},
        home::{Change, Quarantined},
    },
    domain::id::HomeId,
    view::{
        arrival::add_page,
        incident::changed,
        log::{LogFilter, LogLine, lines},
        words::{HouseholdWord as W, Said},
    },
    web::{
        browser::time::day,
        client,
        components::{Icon, SaveButton, Saving, part, press},
        store::store,
    },
};
use leptos::{ev, prelude::*, task::spawn_local};

/// The number of records in one answer.
const PAGE: usize = 50;

/// The audit records, newest first.
#[component]
pub fn LogSection(
    /// The home's id.
    home: HomeId,
) -> impl IntoView {
    let (all, more) = (RwSignal::new(None::<Vec<AuditRecord>>), RwSignal::new(false));
    let filter = RwSignal::new(LogFilter::All);
    let home = StoredValue::new(home);
    let read = move || {
        let before = all
            .with_untracked(|all| all.as_ref().and_then(|all| all.last()).map(|last| last.number));
        let asked = filter.get_untracked();
        spawn_local(async move {
            let page = client::audit(&home.get_value(), &asked.actions(), before).await;
            // The person may have chosen another filter, or left the page, in the meantime.
            if let Ok(page) = page
                && filter.try_get_untracked() == Some(asked)
            {
                let is_full = page.len() == PAGE;
                if all.try_update(|all| add_page(all, before, |record| record.number, page))
                    == Some(true)
                {
                    more.try_set(is_full);
                }
            }
        });
    };
    read();
    let begin_anew = move || {
        all.set(None);
        more.set(false);
        read();
    };
    let choose = move |one: LogFilter| {
        filter.set(one);
        begin_anew();
    };
    let pick = move |one: LogFilter| {
        view! {
            <label class="pick"><input type="radio" name="log-filter" prop:checked=one == LogFilter::All on:change=move |_| choose(one)/><span>{one.word()}</span></label>
        }
    };
    let empty = move || match filter.get_untracked() {
        LogFilter::All => W::LogEmpty,
        _ => W::LogNothing,
    };
    let undone = Callback::new(move |()| begin_anew());
    view! {
        <Deliveries home=home.get_value()/>
        <Stopped ended=undone/>
        <Undoable undone/>
        <p class="muted small">{W::LogNote}</p>
        <fieldset class="picks"><legend class="unseen">{W::LogFilter}</legend>{LogFilter::ALL.map(pick).collect_view()}</fieldset>
        {part(move || Some(match all.get()? {
            all if all.is_empty() => view! { <p class="card card--pad faint">{empty()}</p> }.into_any(),
            all => view! { <ol class="rows card">{lines(&all).iter().map(row).collect_view()}</ol> }.into_any(),
        }))}
        {part(move || more.get().then(|| view! { <button class="btn btn--quiet" type="button" on:click=press(read)>{W::LogMore}</button> }))}
    }
}

/// Incidents that the server cannot advance, until somebody has dealt with them.
#[component]
fn Stopped(
    /// Called when one was ended.
    ended: Callback<()>,
) -> impl IntoView {
    let store = store();
    let row = move |home: &HomeId, one: Quarantined| {
        let (saving, home, what) = (Saving::new(), home.clone(), format!("quarantine/{}", one.id));
        let end = move |event: ev::SubmitEvent| {
            event.prevent_default();
            let (home, what) = (home.clone(), what.clone());
            saving.send(async move { client::remove(&home, &what).await }, move |home| {
                store.learn(home);
                _ = ended.try_run(());
            });
        };
        view! {
            <li>
                <span class="tile tile--bad"><Icon name="warning"/></span>
                <form class="grow form" on:submit=end>
                    <b>{W::StoppedAt.fill(&[&day(one.since)])}</b>
                    <SaveButton saving label=W::StoppedDone quiet=true/>
                </form>
            </li>
        }
    };
    part(move || {
        let (home, all) = store.home.with(|home| {
            home.as_ref().map(|home| (home.home.id.clone(), home.quarantined.clone()))
        })?;
        (!all.is_empty()).then(|| {
            view! {
                <section class="col col--tight">
                    <div class="head"><h2>{W::StoppedTitle}</h2></div>
                    <p class="muted small">{W::StoppedNote}</p>
                    <ul class="rows card">{all.into_iter().map(|one| row(&home, one)).collect_view()}</ul>
                </section>
            }
        })
    })
}

/// The changes of the last day, each with a button to undo it.
#[component]
fn Undoable(
    /// Runs after a change was undone.
    undone: Callback<()>,
) -> impl IntoView {
    let store = store();
    let row = move |home: &HomeId, change: Change| {
        let (saving, home, number) = (Saving::new(), home.clone(), change.number);
        let undo = move |event: ev::SubmitEvent| {
            event.prevent_default();
            let home = home.clone();
            saving.send(async move { client::undo(&home, number).await }, move |home| {
                store.learn(home);
                // The person may have left the page, which removes the log.
                _ = undone.try_run(());
            });
        };
        let (icon, says) = changed(&change);
        view! {
            <li>
                <span class="tile"><Icon name=icon/></span>
                <form class="grow form" on:submit=undo>
                    <div><b>{says}</b><p class="faint tiny">{day(change.at)}</p><p class="muted small">{W::WasBefore.fill(&[&change.was])}</p></div>
                    <SaveButton saving label=W::Undo quiet=true/>
                </form>
            </li>
        }
    };
    part(move || {
        let (home, changes) = store
            .home
            .with(|home| home.as_ref().map(|home| (home.home.id.clone(), home.changes.clone())))?;
        (!changes.is_empty()).then(|| {
            view! {
                <section class="col col--tight">
                    <div class="head"><h2>{W::UndoTitle}</h2></div>
                    <p class="muted small">{W::UndoNote}</p>
                    <ul class="rows card">{changes.into_iter().map(|change| row(&home, change)).collect_view()}</ul>
                </section>
            }
        })
    })
}

fn row(line: &LogLine<'_>) -> impl IntoView + use<> {
    let record = line.latest;
    let what = record.what.known();
    let warns = matches!(
        what,
        Some(AuditAction::SignInRefused | AuditAction::ProofRefused | AuditAction::DeviceFault)
    );
    let icon = match what {
        Some(AuditAction::HomeChanged | AuditAction::LinkMade) => "home",
        Some(
            AuditAction::ContactAnswered
            | AuditAction::PersonChanged
            | AuditAction::FirstOwner
            | AuditAction::Invited
            | AuditAction::Joined,
        ) => "people",
        _ if warns => "warning",
        _ => "key",
    };
    let nobody = if record.what == AuditAction::ContactAnswered { W::AContact } else { W::Console };
    let who = record.who.clone().unwrap_or_else(|| nobody.into());
    let time = line.time(day);
    let by = match &record.address {
        Some(address) => W::LogFrom.fill(&[&who, &time, address]),
        None => W::LogBy.fill(&[&who, &time]),
    };
    view! {
        <li>
            <span class="tile"><Icon name=icon/></span>
            <div class="grow"><b>{line.text()}</b><p class="faint tiny">{by}</p></div>
        </li>
    }
}
