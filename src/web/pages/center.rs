//! The monitoring center: what waits for somebody's decision, with whom to call first.

use super::desk::Desk;
use crate::{
    api::{
        center::{Reach, Waiting},
        incident::Incident,
    },
    domain::{access::CenterAction, id::IncidentId},
    view::words::{RecordWord as W, Said, Word, call_number, capital, services},
    web::{
        browser::time::day,
        client::{self, Failure},
        components::{Decide, Icon, Page, part, proof_when_asked, text},
        route::Route,
        store::{Session, store},
    },
};
use gloo_timers::callback::Interval;
use leptos::{prelude::*, task::spawn_local};

/// How often the center asks what waits, milliseconds.
const LOOK_MS: u32 = 5_000;

/// What waits, the oldest first.
#[component]
pub fn Center() -> impl IntoView {
    let (all, wrong) = (RwSignal::new(None::<Vec<Waiting>>), RwSignal::new(Word::Blank.into()));
    let look = move || {
        spawn_local(async move {
            match client::waiting().await {
                Ok(now) => {
                    wrong.try_set(String::new());
                    // What has not changed is not drawn anew: somebody may be about to press.
                    if all.try_with_untracked(|all| all.as_deref().map(drawn) != Some(drawn(&now))) == Some(true) {
                        all.set(Some(now));
                    }
                }
                Err(Failure::Refused(_)) => drop(wrong.try_set(W::CenterNotYours.into())),
                Err(Failure::Unreachable) => drop(wrong.try_set(Word::Unreachable.into())),
            }
        });
    };
    look();
    StoredValue::new_local(Interval::new(LOOK_MS, look));
    let decided = Callback::new(move |_: Incident| look());
    view! {
        <Page title=Word::Center back=Route::Dashboard>
            <p class="field__wrong" role="alert">{text(move || wrong.get())}</p>
            {part(move || Some(match all.get()? {
                none if none.is_empty() => view! { <p class="card card--pad muted" role="status">{W::CenterEmpty}</p> }.into_any(),
                some => view! {
                    <p class="muted small">{W::CenterNote}</p>
                    {some.into_iter().map(|waiting| view! { <One waiting decided/> }).collect_view()}
                }
                .into_any(),
            }))}
            {part(move || store().session.with(leads).then(|| view! { <Desk/> }))}
        </Page>
        {proof_when_asked()}
    }
}

fn leads(session: &Session) -> bool {
    matches!(session, Session::Somebody(me) if me.center_role.is_some_and(|role| role.may(CenterAction::Lead)))
}

/// What of the list is seen; the server's time in it is not.
fn drawn(all: &[Waiting]) -> Vec<(IncidentId, usize)> {
    all.iter().map(|waiting| (waiting.incident.id, waiting.incident.timeline.len())).collect()
}

#[component]
fn One(
    /// What waits.
    waiting: Waiting,
    /// It was decided.
    decided: Callback<Incident>,
) -> impl IntoView {
    let Waiting { home, incident, contacts } = waiting;
    let facts = [
        Some(home.name),
        incident.address.as_ref().map(|a| W::WentTo.fill(&[&a.one_line()])),
        Some(W::Began.fill(&[&day(incident.started_at)])),
        Some(W::StartedBy.fill(&[&incident.started_by.name])),
    ];
    let contact = |who: Reach| {
        let call = format!("tel:{}", who.phone);
        let label = call_number(&who.name);
        view! {
            <li>
                <div class="grow"><b>{who.name}</b><p class="faint tiny">{who.phone}</p></div>
                <a class="tile" href=call aria-label=label><Icon name="phone"/></a>
            </li>
        }
    };
    view! {
        <article class="col col--tight">
            <section class="card card--pad form">
                <h2 class="record__title">{capital(&services(&incident.services))}</h2>
                <ul class="facts">{facts.into_iter().flatten().map(|fact| view! { <li>{fact}</li> }).collect_view()}</ul>
            </section>
            <ul class="rows card" aria-label=W::CallFirst>{contacts.into_iter().map(contact).collect_view()}</ul>
            <Decide incident=Signal::stored(incident) at_center=true decided/>
        </article>
    }
}
