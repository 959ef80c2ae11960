//! The screen of a running incident: what was sent, who is being called, what was answered. It
//! shows only what is recorded (R14).

use super::{
    CallCard, Decide, Icon, Part, SheetHandle, ShieldShape, Sure, Timeline, part, press, ribbon,
    text, which_home,
};
use crate::{
    api::{
        incident::{CallStage, Dispatch, Incident, Stage},
        problem::Code,
    },
    domain::{
        home::emergency_number,
        incident::{Mode, Source},
    },
    view::{
        control, incident as words_of,
        words::{self, IncidentWord, Said, Word},
    },
    web::{
        browser::dialog::open_when_mounted,
        client::{self, Failure},
        on_demand::once_there,
        pages::{PICTURE, player},
        store::{Store, store},
    },
};
use gloo_timers::callback::Interval;
use leptos::{html::Dialog, prelude::*, task::spawn_local};

/// How often the server is asked while a countdown is over, or the stream is not connected.
/// Milliseconds.
pub(super) const ASK_MS: u32 = 2_000;

/// The whole screen while an incident runs.
#[component]
pub fn RunningScreen(
    /// The incident.
    #[prop(into)]
    incident: Signal<Incident>,
    /// The sheet, to request more help.
    sheet: SheetHandle,
) -> impl IntoView {
    let store = store();
    let node = NodeRef::<Dialog>::new();
    open_when_mounted(node);
    let number = incident
        .with_untracked(|i| emergency_number(i.address.as_ref().map_or("", |a| &a.country)));
    let trouble = RwSignal::new(String::new());
    let steer = move |action: &'static str| {
        let (id, seen) = incident.with_untracked(|i| (i.id, i.latest_request));
        trouble.set(String::new());
        spawn_local(async move {
            // If it fails, the button stays and can be tapped again. The incident may have ended
            // meanwhile, which removes this screen.
            match client::steer(id, seen, action).await {
                Ok(told) => store.tell(told),
                Err(Failure::Refused(refusal)) => {
                    let is_behind = refusal.code == Code::AskedSince;
                    trouble.try_set(refusal.detail);
                    if is_behind {
                        store.ask(id).await;
                    }
                }
                Err(Failure::Unreachable) => drop(trouble.try_set(IncidentWord::NotDecided.into())),
            }
        });
    };
    // Without the stream, the server is asked again and again.
    let asks = move || {
        if !store.connected.get_untracked() {
            spawn_local(store.ask(incident.with_untracked(|i| i.id)));
        }
    };
    StoredValue::new_local(Interval::new(ASK_MS, asks));
    let title = move || incident.with(|i| words_of::running_title(i, number));
    let alone = Memo::new(move |_| incident.with(words_of::is_number_first));
    let lines = Signal::derive(move || incident.with(|i| i.timeline.clone()));
    let is_drill = move || incident.with(|i| i.mode == Mode::Drill);
    let may_control = Memo::new(move |_| {
        incident.with(|i| control::may_control(i, store.restricted_until().is_some()))
    });
    let decided = Callback::new(move |told| store.tell(told));
    let more = move || {
        let (home, source) = incident.with_untracked(|i| (i.home.clone(), i.source.for_more()));
        sheet.open(home, source);
    };
    let name = incident.with_untracked(|i| store.name_among(&i.home));
    let leave = move || store.minimized.set(Some(incident.with_untracked(|i| i.id)));

    view! {
        <dialog class="asked" node_ref=node aria-label=text(title) on:cancel=move |event: leptos::ev::Event| { event.prevent_default(); leave(); }>
            <div class="asked__page">
                {part(move || is_drill().then(ribbon))}
                {which_home(name)}
                {part(move || Some(match alone.get() {
                    true => number_first(incident, number).into_any(),
                    false => heading(incident, number).into_any(),
                }))}
                <p class="notice" role="status">{text(move || if store.connected.get() { Word::Blank } else { Word::Offline })}</p>
                {source_picture(store, incident)}
                {part(move || (may_control.get() && incident.with(|i| i.state == Stage::UnderReview)).then(|| view! { <Decide incident decided/> }))}
                {part(move || (!may_control.get()).then(|| view! { <p class="card card--pad">{Word::OnlyLooks}</p> }))}
                {part(move || incident.with(|i| words_of::call_now(i).cloned()).map(|call| view! { <CallCard call/> }))}
                {part(move || dispatches(&incident.get()))}
                {part(move || incident.with(words_of::sirens_now).map(|now| view! { <p class="muted small">{now}</p> }))}
                <div class="two">
                    {part(move || (may_control.get() && incident.with(control::can_silence)).then(|| view! {
                        <button class="btn btn--quiet" on:click=press(move || steer("silence"))><Icon name="silence"/>{IncidentWord::Silence}</button>
                    }))}
                    {part(move || (!alone.get()).then(|| call(number, "btn btn--quiet")))}
                </div>
                <p class="notice" role="alert">{text(move || trouble.get())}</p>
                <section class="card card--pad"><Timeline lines/></section>
                {part(move || calls(&incident.get()))}
                <p class="muted small">{text(move || incident.with(words_of::cancel_note).map_or("", |word| word.say()))}</p>
                <div class="acts">
                    <button class="btn btn--small btn--quiet" on:click=press(more)>{IncidentWord::MoreHelp}</button>
                    <button class="btn btn--small btn--quiet" title=IncidentWord::LeaveNote on:click=press(leave)>{IncidentWord::LeaveScreen}</button>
                    {part(move || (may_control.get() && incident.with(|i| i.can_end)).then(|| view! {
                        <Sure label=IncidentWord::ItIsOver sure=IncidentWord::ItIsOverSure act=Callback::new(move |()| steer("end"))/>
                    }))}
                </div>
            </div>
        </dialog>
    }
}

fn call(number: &'static str, class: &'static str) -> impl IntoView {
    view! { <a class=class href=format!("tel:{number}")><Icon name="phone"/>{words::call_number(number)}</a> }
}

fn heading(incident: Signal<Incident>, number: &'static str) -> impl IntoView {
    view! {
        <header class="asked__title">
            <span class="pulse" aria-hidden="true"><ShieldShape/>{part(move || Some(view! { <Icon name=incident.with(words_of::running_icon)/> }))}</span>
            <div>
                <h1 tabindex="-1" autofocus>{text(move || incident.with(|i| words_of::running_title(i, number)))}</h1>
                <p class="muted">{text(move || incident.with(words_of::running_detail))}</p>
            </div>
        </header>
    }
}

/// The top of the screen if nobody was told, or the app cannot say: the emergency number, and what
/// to say (R14).
fn number_first(incident: Signal<Incident>, number: &'static str) -> impl IntoView {
    view! {
        <section class="alone">
            <div role="alert"><h1 tabindex="-1" autofocus>{text(move || incident.with(|i| words_of::running_title(i, number)))}</h1></div>
            {call(number, "btn btn--light")}
            <p>{text(move || incident.with(words_of::running_detail))}</p>
            <p class="small">{text(move || incident.with(words_of::number_note))}</p>
        </section>
    }
}

/// The live stream of the camera that the SOS came from.
fn source_picture(store: Store, incident: Signal<Incident>) -> Part {
    let camera = store.watched(move || match incident.with(|i| i.source.clone()) {
        Source::LiveView { camera } => Some(camera),
        Source::Dashboard | Source::Device => None,
    });
    part(move || {
        camera.get().map(|camera| {
            let name = camera.1.clone();
            let playing = once_there(
                PICTURE,
                Box::new(move || Box::pin(player(camera.clone()))),
                Box::new(|_| None),
            );
            view! { <div class="asked__picture">{playing}<b class="cam__name">{name}</b></div> }
        })
    })
}

fn dispatches(incident: &Incident) -> Option<impl IntoView + use<>> {
    // If nobody was told, the heading says so.
    if incident.dispatches.is_empty() || words_of::is_nobody_told(incident) {
        return None;
    }
    Some(
        view! { <ul class="rows card" aria-label=IncidentWord::Responders>{incident.dispatches.iter().map(responder_row).collect_view()}</ul> },
    )
}

/// A requested service in a list: its reference, and how far it is.
pub fn responder_row(d: &Dispatch) -> impl IntoView + use<> {
    let tone = words::tone_of(d.service);
    let reference = d.reference.clone().map(|r| IncidentWord::Reference.fill(&[&r]));
    view! {
        <li>
            <span class=format!("tile tile--{}", tone.class)><Icon name=tone.icon/></span>
            <div class="grow"><b>{tone.name}</b><p class="faint tiny">{reference}</p></div>
            <span class="small">{words_of::dispatch_word(d.state)}</span>
        </li>
    }
}

fn calls(incident: &Incident) -> Option<impl IntoView + use<>> {
    let shown: Vec<_> = incident
        .calls
        .iter()
        .filter(|c| !matches!(c.state, CallStage::Ringing | CallStage::Answered))
        .collect();
    if shown.is_empty() {
        return None;
    }
    let row = |c: &&crate::api::incident::Call| {
        view! { <li><div class="grow"><b>{c.name.clone()}</b></div><span class="small muted">{words_of::call_word(c)}</span></li> }
    };
    Some(
        view! { <ul class="rows card" aria-label=Word::Contacts>{shown.iter().map(row).collect_view()}</ul> },
    )
}
