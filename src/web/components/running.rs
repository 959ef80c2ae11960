//! Help has been requested: what was sent, who is being called, what was answered. It shows what is recorded and nothing more (R14).

use super::{CallCard, Decide, Icon, Part, SheetHandle, ShieldShape, Timeline, part, press, ribbon, text};
use crate::{
    api::incident::{CallStage, Incident, Stage},
    domain::{
        home::emergency_number,
        incident::{Mode, Source},
    },
    view::{
        incident as words_of,
        words::{self, Said, Word},
    },
    web::{
        browser::dialog::open_when_mounted,
        client,
        on_demand::once_there,
        pages::{PICTURE, player},
        store::{Store, store},
    },
};
use leptos::{html::Dialog, prelude::*, task::spawn_local};

/// The whole screen while an incident runs.
#[component]
pub fn RunningScreen(
    /// The incident.
    #[prop(into)]
    incident: Signal<Incident>,
    /// The sheet, to ask for more help.
    sheet: SheetHandle,
) -> impl IntoView {
    let store = store();
    let node = NodeRef::<Dialog>::new();
    open_when_mounted(node);
    let number = incident.with_untracked(|i| emergency_number(i.address.as_ref().map_or("", |a| &a.country)));
    let silence = move || {
        let id = incident.with_untracked(|i| i.id);
        spawn_local(async move {
            // Where it fails the button stays, and can be tapped again.
            if let Ok(told) = client::steer(id, "silence").await {
                store.tell(told);
            }
        });
    };
    let title = move || incident.with(words_of::running_title);
    let lines = Signal::derive(move || incident.with(|i| i.timeline.clone()));
    let is_drill = move || incident.with(|i| i.mode == Mode::Drill);
    let decided = Callback::new(move |told| store.tell(told));
    let more = move || sheet.open(incident.with_untracked(|i| i.source.for_more()));

    view! {
        <dialog class="asked" closedby="none" node_ref=node aria-label=text(title) on:cancel=|event: leptos::ev::Event| event.prevent_default()>
            <div class="asked__page">
                {part(move || is_drill().then(ribbon))}
                {source_picture(store, incident)}
                <header class="asked__title">
                    <span class="pulse" aria-hidden="true"><ShieldShape/>{part(move || Some(view! { <Icon name=incident.with(words_of::running_icon)/> }))}</span>
                    <div>
                        <h1 tabindex="-1" autofocus>{text(title)}</h1>
                        <p class="muted">{text(move || incident.with(words_of::running_detail))}</p>
                    </div>
                </header>
                <p class="notice" role="status">{text(move || if store.connected.get() { Word::Blank } else { Word::Offline })}</p>
                {part(move || incident.with(|i| i.state == Stage::UnderReview).then(|| view! { <Decide incident decided/> }))}
                {part(move || incident.with(|i| words_of::call_now(i).cloned()).map(|call| view! { <CallCard call/> }))}
                {part(move || dispatches(&incident.get()))}
                <div class="two">
                    {part(move || incident.with(words_of::can_silence).then(|| view! {
                        <button class="btn btn--quiet" on:click=press(silence)><Icon name="silence"/>{Word::Silence}</button>
                    }))}
                    <a class="btn btn--quiet" href=format!("tel:{number}")><Icon name="phone"/>{words::call_number(number)}</a>
                </div>
                <section class="card card--pad"><Timeline lines/></section>
                {part(move || calls(&incident.get()))}
                <p class="muted small">{text(move || incident.with(words_of::cancel_note).unwrap_or(Word::Blank))}</p>
                <button class="link" on:click=press(more)>{Word::MoreHelp}</button>
            </div>
        </dialog>
    }
}

/// The camera that the SOS came from goes on playing.
fn source_picture(store: Store, incident: Signal<Incident>) -> Part {
    let camera = store.watched(move || match incident.with(|i| i.source.clone()) {
        Source::LiveView { camera } => Some(camera),
        Source::Dashboard | Source::Device => None,
    });
    part(move || {
        camera.get().map(|camera| {
            let name = camera.1.clone();
            let playing = once_there(PICTURE, Box::new(move || Box::pin(player(camera.clone()))), Box::new(|_| None));
            view! { <div class="asked__picture">{playing}<b class="cam__name">{name}</b></div> }
        })
    })
}

fn dispatches(incident: &Incident) -> Option<impl IntoView + use<>> {
    if incident.dispatches.is_empty() {
        return None;
    }
    let row = |d: &crate::api::incident::Dispatch| {
        let tone = words::tone(words::request_for(d.service));
        let reference = d.reference.clone().map(|r| Word::Reference.fill(&[&r]));
        view! {
            <li>
                <span class=format!("tile tile--{}", tone.class)><Icon name=tone.icon/></span>
                <div class="grow"><b>{tone.name}</b><p class="faint tiny">{reference}</p></div>
                <span class="small">{words_of::dispatch_word(d.state)}</span>
            </li>
        }
    };
    Some(view! { <ul class="rows card" aria-label=Word::Responders>{incident.dispatches.iter().map(row).collect_view()}</ul> })
}

fn calls(incident: &Incident) -> Option<impl IntoView + use<>> {
    let shown: Vec<_> = incident.calls.iter().filter(|c| matches!(c.state, CallStage::Ended | CallStage::Queued)).collect();
    if shown.is_empty() {
        return None;
    }
    let row = |c: &&crate::api::incident::Call| {
        view! { <li><div class="grow"><b>{c.name.clone()}</b></div><span class="small muted">{words_of::call_word(c)}</span></li> }
    };
    Some(view! { <ul class="rows card" aria-label=Word::Contacts>{shown.iter().map(row).collect_view()}</ul> })
}
