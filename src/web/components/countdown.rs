//! The countdown, during which one tap cancels the request.

use super::{Icon, part, press, running::ASK_MS, text, whether, which_home};
use crate::{
    api::{
        incident::{Incident, Stage},
        problem::Code,
    },
    domain::{home::emergency_number, incident::Mode},
    view::{
        control,
        countdown::{asked_since, countdown, is_spoken, is_unconfirmed},
        incident as words_of,
        opened::at_home,
        words::{Said, Word, call_number},
    },
    web::{
        browser::{dialog::open_when_mounted, vibrate},
        client::{self, Failure},
        store::store,
    },
};
use gloo_timers::{callback::Interval, future::TimeoutFuture};
use leptos::{html::Dialog, prelude::*, task::spawn_local};

/// The pause before Cancel Help or Send Now is tried again. Milliseconds.
const AGAIN_MS: u32 = 300;
/// How often the ring is drawn. Milliseconds.
const TICK_MS: u32 = 50;

/// The countdown screen, until the server says that the countdown is over.
#[component]
pub fn CountdownScreen(
    /// The incident that counts down.
    #[prop(into)]
    incident: Signal<Incident>,
) -> impl IntoView {
    let store = store();
    let node = NodeRef::<Dialog>::new();
    open_when_mounted(node);
    let now = RwSignal::new(store.server_now());
    let tick = Interval::new(TICK_MS, move || now.set(store.server_now()));
    StoredValue::new_local(tick);
    let state =
        Memo::new(move |_| incident.with(|i| countdown(i.deadline, now.get(), i.countdown_ms)));
    let seconds = Memo::new(move |_| state.get().seconds);
    let spoken = Memo::new(move |last: Option<&String>| {
        let say = incident.with(|i| {
            is_spoken(seconds.get(), i.countdown_ms)
                .then(|| words_of::countdown_name(i, seconds.get()))
        });
        say.or(last.cloned()).unwrap_or_default()
    });
    Effect::new(move |_| {
        if seconds.get() > 0 {
            vibrate(60);
        }
    });

    let unreached = RwSignal::new(false);
    let refused = RwSignal::new(String::new());
    // Whether a cancel left what somebody else had asked for in the meantime.
    let others = RwSignal::new(false);
    let steer = move |action: &'static str| {
        let (id, seen, deadline) =
            incident.with_untracked(|i| (i.id, i.latest_request, i.deadline));
        others.set(false);
        unreached.set(false);
        spawn_local(async move {
            loop {
                match client::steer(id, seen, action).await {
                    Ok(told) => {
                        others.try_set(action == "cancel" && told.state == Stage::CountingDown);
                        return store.tell(told);
                    }
                    Err(failure) if failure.may_pass() && store.server_now() < deadline => {
                        unreached.try_set(true)
                    }
                    Err(Failure::Refused(refusal)) if refusal.code == Code::AskedSince => {
                        others.try_set(true);
                        return store.ask(id).await;
                    }
                    // If it was too late, the next live event shows that. Any other refusal is
                    // shown here.
                    Err(Failure::Refused(refusal))
                        if !matches!(
                            refusal.code,
                            Code::CancelWindowClosed | Code::IncidentOver
                        ) =>
                    {
                        refused.try_set(refusal.detail);
                        return;
                    }
                    Err(_) => return,
                };
                TimeoutFuture::new(AGAIN_MS).await;
            }
        });
    };
    // Without a word of the server the number comes first, and the server is asked again and again.
    let unconfirmed = Memo::new(move |_| {
        incident.with(|i| i.mode != Mode::Drill && is_unconfirmed(i.deadline, now.get()))
    });
    let ask = move || {
        let (id, deadline) = incident.with_untracked(|i| (i.id, i.deadline));
        if store.server_now() > deadline {
            spawn_local(store.ask(id));
        }
    };
    StoredValue::new_local(Interval::new(ASK_MS, ask));
    let number = incident
        .with_untracked(|i| emergency_number(i.address.as_ref().map_or("", |a| &a.country)));
    let asked_since = Memo::new(move |_| incident.with(asked_since));
    let trouble = move || match (unreached.get(), store.connected.get()) {
        _ if refused.with(|r| !r.is_empty()) => refused.get(),
        _ if others.get() => Word::OthersGoOn.into(),
        (true, _) => Word::NotReached.into(),
        (false, false) => Word::CountdownOffline.into(),
        (false, true) => String::new(),
    };
    let may_control = Memo::new(move |_| {
        incident.with(|i| control::may_control(i, store.restricted_until().is_some()))
    });
    let detail = move || match seconds.get() {
        _ if unconfirmed.get() => Word::NotConfirmedNote.say().to_owned(),
        0 => Word::CountdownOver.say().to_owned(),
        seconds => incident.with(|i| words_of::countdown_detail(i, seconds)),
    };
    let title = move || match unconfirmed.get() {
        true => Word::NotConfirmed.say().to_owned(),
        false => incident.with(words_of::countdown_title),
    };
    let is_drill = move || incident.with(|i| i.mode == Mode::Drill);
    let name = incident.with_untracked(|i| store.name_among(&i.home));
    let named = name.clone();
    let whole_title = move || {
        at_home(named.as_deref(), incident.with(|i| words_of::countdown_name(i, seconds.get())))
    };

    view! {
        <dialog
            class="count"
            class:count--drill=whether(is_drill)
            role="alertdialog"
            closedby="none"
            node_ref=node
            aria-label=text(whole_title)
            on:cancel=|event: leptos::ev::Event| event.prevent_default()
        >
            <div class="count__say">
                {part(move || is_drill().then(|| view! { <span class="ribbon">{Word::Drill}</span> }))}
                {which_home(name)}
                <h1>{text(title)}</h1>
                <p>{text(detail)}</p>
                <p class="count__offline" role="status">{text(move || asked_since.get().unwrap_or_default())}</p>
                <p class="count__offline" role="status">{text(trouble)}</p>
            </div>
            <div class="ring">
                <svg viewBox="0 0 200 200" aria-hidden="true">
                    <circle class="ring__track" cx="100" cy="100" r="92"/>
                    <circle class="ring__left" cx="100" cy="100" r="92" pathLength="1000" style:stroke-dasharray=text(move || format!("{} 1000", state.get().left_permille))/>
                </svg>
                <b class="num" aria-hidden="true">{text(move || seconds.get().to_string())}</b>
            </div>
            <div class="count__acts">
                {part(move || Some(match (unconfirmed.get(), may_control.get()) {
                    (true, _) => view! {
                        <a class="btn btn--light" href=format!("tel:{number}")><Icon name="phone"/>{call_number(number)}</a>
                    }
                    .into_any(),
                    (false, false) => view! { <p role="status">{Word::OnlyLooks}</p> }.into_any(),
                    (false, true) => view! {
                        <button class="btn btn--light" autofocus on:click=press(move || steer("cancel"))>{Word::CancelHelp}</button>
                        <button class="btn btn--ghost" on:click=press(move || steer("send-now"))>{Word::SendNow}</button>
                    }
                    .into_any(),
                }))}
            </div>
            <p class="unseen" aria-live="assertive">{text(move || if unconfirmed.get() { title() } else { spoken.get() })}</p>
        </dialog>
    }
}
