//! The console of the monitoring center: what waits, and one incident beside it. Everything can be
//! done by the keyboard.

use super::{open_incident::OpenIncident, staff::Staff, statistics::StatisticsSection};
use crate::{
    api::{
        center::{QuarantinedIncident, Queue, QueueItem, Reach},
        heard::Heard,
        path,
    },
    domain::{access::CenterAction, id::IncidentId},
    view::{
        console::{again, count, quiet},
        words::{RecordWord as W, Said, Word, capital, services},
    },
    web::{
        browser::{
            load, set_title,
            time::{clock, day},
        },
        client::{self, Failure},
        components::{Icon, Page, SaveButton, Saving, part, press, proof_when_asked, text},
        route::Route,
        store::{Session, store},
    },
};
use gloo_timers::future::TimeoutFuture;
use leptos::{ev, html::Section, prelude::*, task::spawn_local};
use wasm_bindgen::JsCast;

/// The pause after an answer without a change, so that a server that answers at once is not
/// flooded. Milliseconds.
const BREATH_MS: u32 = 250;
/// The pause before a server that does not answer is asked again. Milliseconds.
const PAUSE_MS: u32 = 2_000;

/// The queue in order of urgency, and the incident that the operator has opened.
#[component]
pub fn Center() -> impl IntoView {
    let (queue, wrong, chosen) = (
        RwSignal::new(None::<Queue>),
        RwSignal::new(String::new()),
        RwSignal::new(None::<IncidentId>),
    );
    load("chime");
    spawn_local(keep_asking(queue, wrong));
    let root = NodeRef::<Section>::new();
    Effect::new(move |_| {
        // The shortcuts work only while the focus is within the console (WCAG 2.1.4).
        if let Some(root) = root.get() {
            let _ = root.focus();
        }
    });
    let ids = Memo::new(move |_| {
        queue.with(|queue| {
            queue
                .iter()
                .flat_map(|queue| queue.items.iter().map(|item| item.id))
                .collect::<Vec<_>>()
        })
    });
    let item = move |id: IncidentId| {
        queue.with(|queue| {
            queue.as_ref().and_then(|queue| queue.items.iter().find(|item| item.id == id).cloned())
        })
    };
    let on_key = move |event: ev::KeyboardEvent| {
        let typing = event
            .target()
            .is_some_and(|target| target.dyn_ref::<web_sys::HtmlInputElement>().is_some());
        if typing || event.ctrl_key() || event.meta_key() || event.alt_key() {
            return;
        }
        let step = |by: isize| {
            let ids = ids.get_untracked();
            let at = chosen
                .get_untracked()
                .and_then(|id| ids.iter().position(|one| *one == id))
                .map_or(-1, |at| at as isize);
            let next = if at < 0 { 0 } else { (at + by).clamp(0, ids.len() as isize - 1) };
            chosen.set(ids.get(next as usize).copied());
        };
        match event.key().as_str() {
            "ArrowDown" | "j" => step(1),
            "ArrowUp" | "k" => step(-1),
            "t" => press_inside(&root, "[data-key=t]"),
            "g" => press_inside(&root, "[data-key=g]"),
            digit if digit.len() == 1 && ("1"..="9").contains(&digit) => {
                press_inside(&root, &format!(".keys > .btn:nth-child({digit})"));
            }
            _ => return,
        }
        event.prevent_default();
    };
    let there = Memo::new(move |_| {
        queue.with(|queue| queue.as_ref().map(|queue| queue.present.clone()).unwrap_or_default())
    });
    let present = move || {
        let names: Vec<_> = there.get().into_iter().map(|person| person.name).collect();
        W::AtConsole.fill(&[&names.join(", ")])
    };
    let all_stopped = Memo::new(move |_| {
        queue
            .with(|queue| queue.as_ref().map(|queue| queue.quarantined.clone()).unwrap_or_default())
    });
    let stopped = move || {
        let all = all_stopped.get();
        (!all.is_empty())
            .then(|| view! { <div role="alert"><ul class="rows card">{all.into_iter().map(stopped_row).collect_view()}</ul></div> })
    };
    let is_empty =
        Memo::new(move |_| queue.with(|queue| queue.as_ref().map(|queue| queue.items.is_empty())));
    let list = move || {
        Some(match is_empty.get()? {
            true => view! { <p class="card card--pad muted" role="status">{W::CenterEmpty}</p> }.into_any(),
            false => view! {
                <ul class="rows card" aria-label=W::Queue>
                    <For each=move || queue.with(|queue| queue.as_ref().map(|queue| queue.items.clone()).unwrap_or_default()) key=|item| (item.id, item.assignee.clone(), item.services.len(), item.unclaimed, item.repeats) children=move |item| view! { <Row item chosen/> }/>
                </ul>
            }
            .into_any(),
        })
    };
    view! {
        <Page title=Word::Center back=Route::Dashboard>
            <p class="field__wrong" role="alert">{text(move || wrong.get())}</p>
            <section class="console" tabindex="-1" node_ref=root on:keydown=on_key aria-label=Word::Center>
                <div class="col col--tight">
                    {part(stopped)}
                    {part(list)}
                    <p class="faint tiny">{text(present)}</p>
                    <p class="faint tiny console__keys">{W::Shortcuts}</p>
                </div>
                <div class="col col--tight">{part(move || Some(match chosen.get() {
                    Some(id) => view! { <OpenIncident item=Signal::derive(move || item(id)) leads=leads() present=there/> }.into_any(),
                    None => view! { <p class="muted small">{W::Choose}</p> }.into_any(),
                }))}</div>
            </section>
            {part(move || leads().then(|| view! { <StatisticsSection/><Staff/> }))}
        </Page>
        {proof_when_asked()}
    }
}

/// Requests the queue until the page is left, and shows its length in the window's title.
async fn keep_asking(queue: RwSignal<Option<Queue>>, wrong: RwSignal<String>) {
    let mut seen = None;
    loop {
        match client::queue(seen).await {
            Ok(now) => {
                // `public/chime.js` sounds when the number grows.
                let title = format!("{}{}", count(&now.items), Word::Center.say());
                let is_new = seen.replace(now.version) != Some(now.version);
                if wrong.try_set(String::new()).is_some()
                    || is_new && queue.try_set(Some(now)).is_some()
                {
                    return;
                }
                set_title(&title);
                if !is_new {
                    TimeoutFuture::new(BREATH_MS).await;
                }
            }
            Err(Failure::Refused(_)) => return drop(wrong.try_set(W::CenterNotYours.into())),
            Err(Failure::Unreachable) => {
                if wrong.try_set(Word::Unreachable.into()).is_some() {
                    return;
                }
                TimeoutFuture::new(PAUSE_MS).await;
            }
        }
    }
}

fn leads() -> bool {
    store()
        .session
        .with(|session| matches!(session, Session::Somebody(me) if me.center_role.and_then(Heard::known).is_some_and(|role| role.may(CenterAction::Lead))))
}

fn press_inside(root: &NodeRef<Section>, selector: &str) {
    let found = root.get_untracked().and_then(|root| root.query_selector(selector).ok().flatten());
    if let Some(button) = found.and_then(|found| found.dyn_into::<web_sys::HtmlElement>().ok()) {
        button.click();
    }
}

/// An incident that the server cannot advance, and whom to call.
fn stopped_row(item: QuarantinedIncident) -> impl IntoView {
    let (saving, path) = (Saving::new(), path::center(&format!("quarantine/{}", item.id)));
    let end = move |event: ev::SubmitEvent| {
        event.prevent_default();
        let path = path.clone();
        // The next answer with the queue shows the change.
        saving.send(async move { client::take_back(&path).await }, |()| ());
    };
    let reach =
        |one: Reach| view! { <small class="num">{format!("{}, {}", one.name, one.phone)}</small> };
    let contacts = (!item.quiet).then(|| item.contacts.into_iter().map(reach).collect_view());
    view! {
        <li>
            <span class="tile tile--bad"><Icon name="warning"/></span>
            <form class="grow form" on:submit=end>
                <b>{W::Stopped.fill(&[&item.home])}</b>
                <small class="field__wrong">{W::StoppedNote.fill(&[&day(item.since)])}</small>
                {item.quiet.then(|| view! { <small class="field__wrong">{W::StoppedQuiet}</small> })}
                {item.address.map(|address| view! { <small>{address.one_line()}</small> })}
                {contacts}
                <SaveButton saving label=W::StoppedDone quiet=true/>
            </form>
        </li>
    }
}

#[component]
fn Row(
    /// The incident.
    item: QueueItem,
    /// The incident that is open.
    chosen: RwSignal<Option<IncidentId>>,
) -> impl IntoView {
    let id = item.id;
    let note = match (&item.assignee, item.mine, item.unclaimed) {
        (_, true, _) => W::AssignedToYou.say().to_owned(),
        (Some(name), ..) => W::AssignedTo.fill(&[name]),
        (None, _, true) => W::NobodyTook.say().to_owned(),
        (None, ..) => W::Waits.fill(&[&clock(item.since, false)]),
    };
    let is_chosen = move || chosen.with(|chosen| *chosen == Some(id));
    let urgent = item.assignee.is_none();
    let pressing = [item.quiet.map(|kind| quiet(kind).say().to_owned()), again(item.repeats)]
        .into_iter()
        .flatten();
    let pressing =
        pressing.map(|words| view! { <small class="field__wrong">{words}</small> }).collect_view();
    view! {
        <li>
            <button class="row" type="button" aria-pressed=text(move || is_chosen().to_string()) on:click=press(move || chosen.set(Some(id)))>
                <span class="tile"><Icon name="shield"/></span>
                <span class="grow"><b>{format!("{}, {}", capital(&services(&item.services)), item.home)}</b><small class=if urgent { "field__wrong" } else { "faint tiny" }>{note}</small>{pressing}</span>
            </button>
        </li>
    }
}
