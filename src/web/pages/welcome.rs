//! The first run: a wizard that sets up a home with an address, contacts and a drill.

use super::settings::{EquipmentForm, PasswordForm, address_step, contacts_step};
use crate::{
    api::household::Welcome as WelcomeRequest,
    view::words::{HouseholdWord as W, Said},
    web::{
        browser::{set_title, time::time_zone},
        client,
        components::{Field, SaveButton, Saving, ShieldShape, Steps, part, press, steps::Step},
        route::{Link, Route, Section, navigation},
        store::{Session, store},
    },
};
use leptos::{ev::SubmitEvent, prelude::*};

/// The form for the first owner, then the wizard for the home.
#[component]
pub fn Welcome(
    /// The token that the server printed.
    token: String,
) -> impl IntoView {
    let store = store();
    set_title(W::Welcome.say());
    let inside = Memo::new(move |_| matches!(store.session.get(), Session::Somebody(_)));
    let token = StoredValue::new(token);
    view! {
        <main class="door door--wide">
            <span class="door__shield"><ShieldShape/></span>
            <h1>{W::Welcome}</h1>
            <p class="muted">{W::WelcomeNote}</p>
            <div class="door__steps">
                {part(move || Some(match inside.get() {
                    false => view! { <You token/> }.into_any(),
                    true => view! { <Home/> }.into_any(),
                }))}
            </div>
        </main>
    }
}

#[component]
fn You(
    /// The token that the server printed.
    token: StoredValue<String>,
) -> impl IntoView {
    let store = store();
    let saving = Saving::new();
    let [name, email, password, home] = [(); 4].map(|()| RwSignal::new(String::new()));
    let begin = move |event: SubmitEvent| {
        event.prevent_default();
        let asked = WelcomeRequest {
            token: token.get_value(),
            name: name.get_untracked(),
            email: email.get_untracked(),
            password: password.get_untracked(),
            home: home.get_untracked(),
            time_zone: time_zone(),
        };
        saving.send(async move { client::welcome(&asked).await }, move |()| store.begin());
    };
    view! {
        <form class="card card--pad form" on:submit=begin>
            <h2>{W::WelcomeYou}</h2>
            <Field label=W::YourName name="name" value=name saving autocomplete="name"/>
            <Field label=W::Email name="email" value=email saving kind="email" autocomplete="username"/>
            <Field label=W::AccountPassword name="password" value=password saving kind="password" autocomplete="new-password"/>
            <Field label=W::HomeName name="home" value=home saving/>
            <SaveButton saving label=W::Begin/>
            <p class="faint tiny">{W::WelcomeUsed}</p>
        </form>
    }
}

#[component]
fn Home() -> impl IntoView {
    let store = store();
    let navigation = navigation();
    let there = Memo::new(move |_| store.home.with(|h| h.as_ref().map(|h| h.home.id.clone())));
    let at = RwSignal::new(0);
    let next = Callback::new(move |()| at.update(|at| *at += 1));
    let onward = move |word: W| view! { <button class="btn btn--strong" type="button" on:click=press(move || next.run(()))>{word}</button> };
    part(move || {
        let id = StoredValue::new(there.get()?);
        let equipment = move || {
            let home = store.home.get_untracked()?;
            Some(view! { <p class="muted small">{W::WelcomeEquipmentNote}</p><EquipmentForm home/>{onward(W::Next)} }.into_any())
        };
        let steps: Vec<Step> = vec![
            (W::Address, Box::new(move || address_step(store, id, next))),
            (W::WelcomeEquipment, Box::new(move || equipment().unwrap_or_else(|| ().into_any()))),
            (W::Contacts, Box::new(move || contacts_step(store, next))),
            (
                W::Password,
                Box::new(move || {
                    view! { <PasswordForm home=id.get_value() known=false done=next/> }.into_any()
                }),
            ),
            (
                W::WelcomeDrill,
                Box::new(move || {
                    view! {
                <section class="card card--pad form">
                    <p class="muted small">{W::WelcomeDrillNote}</p>
                    <Link to=Route::Drill class="btn btn--drill">{W::StartDrill}</Link>
                    <Link to=Route::Settings(Section::Cameras) class="btn btn--quiet">{W::SosCameras}</Link>
                    <button class="btn btn--quiet" type="button" on:click=press(move || navigation.go(Route::Dashboard))>{W::WelcomeDone}</button>
                </section>
            }.into_any()
                }),
            ),
        ];
        Some(view! { <Steps steps at/> })
    })
}
