//! The contact's phone: a call that can be confirmed or called off, without an account.
//!
//! After calling off, the page says the same whether the password was right or wrong: it does not know.

use crate::{
    api::{
        path,
        phone::{Phone, PhoneCall, PhoneState},
        problem::Code,
    },
    domain::incident::Purpose,
    view::words,
    web::{
        browser::{json::parse, vibrate},
        client,
        components::{Icon, part, press, text},
    },
};
use gloo_timers::callback::Interval;
use leptos::{ev::SubmitEvent, prelude::*, task::spawn_local};

/// What the page shows.
#[derive(Clone, PartialEq)]
enum Shown {
    Loading,
    Unknown,
    Unreachable,
    Phone(Box<Phone>),
}

/// The page behind a contact's link.
#[component]
pub fn Contact(
    /// The link's token.
    token: String,
) -> impl IntoView {
    let shown = RwSignal::new(Shown::Loading);
    let said = RwSignal::new(false);
    let first = token.clone();
    spawn_local(async move {
        match client::phone(&first).await {
            Ok(phone) => shown.set(Shown::Phone(Box::new(phone))),
            Err(failure) if failure.code() == Some(Code::NotFound) => shown.set(Shown::Unknown),
            Err(_) => shown.set(Shown::Unreachable),
        }
    });
    let event = move |name: &str, data: String| {
        if let ("call", Some(phone)) = (name, parse::<Phone>(&data)) {
            if phone.call.is_some() {
                said.set(false);
            }
            shown.set(Shown::Phone(Box::new(phone)));
        }
    };
    let live = crate::web::live::Live::open(path::phone_events(&token), &["call", "ping"], event, |_| {});
    StoredValue::new_local(live);
    let token = StoredValue::new(token);

    let screen = move || match shown.get() {
        Shown::Loading => quiet(words::LOADING, ""),
        Shown::Unknown => quiet(words::PHONE_UNKNOWN, words::PHONE_UNKNOWN_NOTE),
        Shown::Unreachable => quiet(words::UNREACHABLE, ""),
        Shown::Phone(phone) => match phone.call.clone() {
            None if said.get() => quiet(words::PHONE_RECEIVED, words::PHONE_RECEIVED_NOTE),
            None => quiet(words::PHONE_IDLE, words::PHONE_IDLE_NOTE),
            Some(call) => view! { <Call home=phone.home.clone() call token said shown/> }.into_any(),
        },
    };
    view! { <main class="phone">{part(move || Some(screen()))}</main> }
}

fn quiet(title: &'static str, note: &'static str) -> AnyView {
    view! {
        <div class="phone__say"><span class="mark"><Icon name="phone"/></span><h1>{title}</h1><p class="muted">{note}</p></div>
    }
    .into_any()
}

#[component]
fn Call(
    /// The home's name.
    home: String,
    /// The call.
    call: PhoneCall,
    /// The link's token.
    token: StoredValue<String>,
    /// Becomes true when the contact has said something.
    said: RwSignal<bool>,
    /// What the page shows.
    shown: RwSignal<Shown>,
) -> impl IntoView {
    let id = call.id;
    let unreached = RwSignal::new(false);
    let act = move |action: &'static str| {
        spawn_local(async move {
            match client::on_call(&token.get_value(), id, action).await {
                Ok(phone) => {
                    said.set(phone.call.is_none());
                    shown.set(Shown::Phone(Box::new(phone)));
                }
                // A call that is over meanwhile is told by the next live event.
                Err(failure) => unreached.set(failure.may_pass()),
            }
        });
    };
    let ringing = call.state == PhoneState::Ringing;
    if ringing {
        StoredValue::new_local(Interval::new(2_000, || vibrate(600)));
        vibrate(600);
    }
    let services = words::capital(&words::services(&call.services));
    let asks = call.purpose == Purpose::Verify;
    let what = match (ringing, asks) {
        (true, _) => format!("{services} requested at {home}"),
        (false, true) => format!("{services} requested at {home}. Is this a real emergency?"),
        (false, false) => format!("{services} requested at {home}. Help is being sent."),
    };
    let actions = match (ringing, asks) {
        (true, _) => view! {
            <div class="two">
                <button class="btn btn--decline" on:click=press(move || act("decline"))><Icon name="close"/>{words::DECLINE}</button>
                <button class="btn btn--answer" autofocus on:click=press(move || act("answer"))><Icon name="phone"/>{words::ANSWER}</button>
            </div>
        }
        .into_any(),
        (false, true) => view! {
            <button class="btn btn--sos" on:click=press(move || act("confirm"))>{words::CONFIRM}</button>
            <CallOff password_required=call.password_required id token said unreached/>
            <button class="link link--center" on:click=press(move || act("hang-up"))>{words::HANG_UP}</button>
        }
        .into_any(),
        (false, false) => {
            view! { <button class="btn btn--answer" on:click=press(move || act("confirm"))>{words::HEARD}</button> }.into_any()
        }
    };
    view! {
        {call.drill.then(|| view! { <p class="ribbon ribbon--wide">{words::DRILL}<small>{words::DRILL_NOTE}</small></p> })}
        <div class="phone__say" class:phone__say--ringing=ringing role="alert">
            <span class="phone__ring"><Icon name="phone"/></span>
            <p class="muted">{words::PHONE_CALLER}</p>
            <h1>{what}</h1>
        </div>
        <div class="phone__acts">
            <p class="field__wrong" role="alert">{text(move || if unreached.get() { words::PHONE_NOT_REACHED } else { "" })}</p>
            {actions}
        </div>
    }
}

#[component]
fn CallOff(
    /// Whether the verbal password is asked for.
    password_required: bool,
    /// The call.
    id: crate::domain::id::CallId,
    /// The link's token.
    token: StoredValue<String>,
    /// Becomes true when it was said.
    said: RwSignal<bool>,
    /// Becomes true when nobody answered.
    unreached: RwSignal<bool>,
) -> impl IntoView {
    let asked = RwSignal::new(false);
    let password = RwSignal::new(String::new());
    let say = move || {
        spawn_local(async move {
            let spoken = password_required.then(|| password.get_untracked());
            match client::call_off(&token.get_value(), id, spoken).await {
                Ok(()) => said.set(true),
                Err(failure) => unreached.set(failure.may_pass()),
            }
        });
    };
    let first = move || if password_required { asked.set(true) } else { say() };
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        say();
    };
    part(move || {
        Some(match asked.get() {
            false => view! { <button class="btn btn--quiet" on:click=press(first)>{words::CALL_OFF}</button> }.into_any(),
            true => view! {
                <form class="door__form" on:submit=submit>
                    <label class="field">{words::VERBAL_PASSWORD}
                        <input type="text" autocomplete="off" autocapitalize="off" required autofocus bind:value=password/>
                    </label>
                    <button class="btn btn--quiet" type="submit">{words::SAY_PASSWORD}</button>
                </form>
            }
            .into_any(),
        })
    })
}
