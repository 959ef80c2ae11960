//! SOS for cameras. It is turned on step by step, so that everything that it needs is set up, and
//! it can be turned off.

use super::{AddressForm, ContactsForm, PasswordForm};
use crate::{
    api::{
        home::HomeAnswer,
        household::{Enroll, Household},
    },
    domain::{home::Enrolment, id::HomeId},
    view::words::{HouseholdWord as W, Said},
    web::{
        client,
        components::{
            Field, FieldMessage, Icon, SaveButton, Saving, Steps, Sure, part, press, steps::Step,
        },
        route::{Link, Route, Section},
        store::{Store, store},
    },
};
use leptos::{ev::SubmitEvent, prelude::*, task::spawn_local};

/// The state with a button to turn it off, or the wizard that turns it on.
#[component]
pub fn CamerasSection(
    /// The home.
    home: HomeAnswer,
) -> impl IntoView {
    let store = store();
    let id = StoredValue::new(home.home.id);
    let on = Memo::new(move |_| {
        store.home.with(|h| {
            h.as_ref().is_some_and(|h| h.subscription.sos_for_cameras == Enrolment::Enrolled)
        })
    });
    part(move || {
        Some(match on.get() {
            true => view! { <On home=id/> }.into_any(),
            false => view! { <Wizard home=id/> }.into_any(),
        })
    })
}

#[component]
fn On(
    /// The home's id.
    home: StoredValue<HomeId>,
) -> impl IntoView {
    let store = store();
    let saving = Saving::new();
    let end = Callback::new(move |()| {
        saving.send(
            async move { client::remove(&home.get_value(), "sos-for-cameras").await },
            move |answer| store.learn(answer),
        );
    });
    view! {
        <section class="card card--pad form">
            <div class="row"><span class="mark"><Icon name="check"/></span><div class="grow" role="status"><h2>{W::TurnedOn}</h2></div></div>
            <p class="muted small">{W::FirstDrill}</p>
            <Link to=Route::Drill class="btn btn--drill">{W::StartDrill}</Link>
            <div class="acts"><Sure label=W::TurnOff sure=W::TurnOffSure act=end/></div>
        </section>
    }
}

#[component]
fn Wizard(
    /// The home's id.
    home: StoredValue<HomeId>,
) -> impl IntoView {
    let store = store();
    let at = RwSignal::new(0);
    let next = Callback::new(move |()| at.update(|at| *at += 1));
    let asks = RwSignal::new(true);
    let has_password = RwSignal::new(None::<bool>);
    spawn_local(async move {
        if let Ok(Household { verbal_password_set, .. }) =
            client::household(&home.get_value()).await
        {
            has_password.try_set(Some(verbal_password_set));
        }
    });
    let steps: Vec<Step> = vec![
        (W::WizardCameras, Box::new(move || which(store, next))),
        (W::Address, Box::new(move || address(store, home, next))),
        (W::Contacts, Box::new(move || contacts(store, next))),
        (
            W::Password,
            Box::new(move || view! { <PasswordStep home asks has_password next/> }.into_any()),
        ),
        (W::WizardTerms, Box::new(move || view! { <Terms home asks has_password/> }.into_any())),
    ];
    view! { <p class="muted small">{W::SosCamerasNote}</p><Steps steps at/> }
}

/// The step that shows which cameras will have the shield.
fn which(store: Store, next: Callback<()>) -> AnyView {
    let cameras =
        store.home.with_untracked(|h| h.as_ref().map(|h| h.cameras.clone()).unwrap_or_default());
    let ready = cameras.iter().any(|c| c.sos_compatible);
    let row = |camera: crate::api::home::Camera| {
        let (word, icon) =
            if camera.sos_compatible { (W::CanRaise, "check") } else { (W::CannotRaise, "close") };
        view! { <li><span class="tile"><Icon name="camera"/></span><div class="grow"><b>{camera.name}</b><p class="faint tiny">{word}</p></div><Icon name=icon/></li> }
    };
    let onward = match ready {
        true => view! { <button class="btn btn--strong" type="button" on:click=press(move || next.run(()))>{W::Next}</button> }.into_any(),
        false => view! {
            <p class="field__wrong" role="alert">{W::NoCompatibleCamera}</p>
            <Link to=Route::Settings(Section::Equipment) class="btn btn--strong">{W::Equipment}</Link>
        }
        .into_any(),
    };
    view! { <div class="form"><p class="muted small">{W::WizardCamerasNote}</p><ul class="rows card">{cameras.into_iter().map(row).collect_view()}</ul>{onward}</div> }.into_any()
}

/// The step in which the address is confirmed.
pub fn address(store: Store, home: StoredValue<HomeId>, next: Callback<()>) -> AnyView {
    let address = store
        .home
        .with_untracked(|h| h.as_ref().and_then(|h| h.home.address.clone()))
        .map(Into::into)
        .unwrap_or_default();
    view! { <AddressForm home=home.get_value() address done=next/> }.into_any()
}

/// The step in which the contacts are confirmed.
pub fn contacts(store: Store, next: Callback<()>) -> AnyView {
    store
        .home
        .get_untracked()
        .map_or_else(|| ().into_any(), |home| view! { <ContactsForm home done=next/> }.into_any())
}

#[component]
fn PasswordStep(
    /// The home's id.
    home: StoredValue<HomeId>,
    /// Whether the password will be asked for.
    asks: RwSignal<bool>,
    /// Whether one is set.
    has_password: RwSignal<Option<bool>>,
    /// Goes on to the next step.
    next: Callback<()>,
) -> impl IntoView {
    let store = store();
    let has_alarm =
        store.home.with_untracked(|h| h.as_ref().is_some_and(|h| !h.devices.is_empty()));
    let set = Callback::new(move |()| has_password.set(Some(true)));
    let needs = move || asks.get() && has_password.get() == Some(false);
    view! {
        <div class="form">
            {match has_alarm {
                true => view! { <p class="muted small">{W::WizardPasswordAlways}</p> }.into_any(),
                false => view! { <label class="check"><input type="checkbox" bind:checked=asks/>{W::WizardPasswordAsk}</label> }.into_any(),
            }}
            {part(move || needs().then(|| view! { <PasswordForm home=home.get_value() known=false done=set/> }))}
            {part(move || (!needs()).then(|| view! { <button class="btn btn--strong" type="button" on:click=press(move || next.run(()))>{W::Next}</button> }))}
        </div>
    }
}

#[component]
fn Terms(
    /// The home's id.
    home: StoredValue<HomeId>,
    /// Whether the password will be asked for.
    asks: RwSignal<bool>,
    /// Whether one is set.
    has_password: RwSignal<Option<bool>>,
) -> impl IntoView {
    let store = store();
    let saving = Saving::new();
    let (accepted, password) = (RwSignal::new(false), RwSignal::new(String::new()));
    // The server requires the password for this.
    let stops = store.home.with_untracked(|h| {
        h.as_ref().is_some_and(|h| h.settings.verbal_password_required)
            && !asks.get_untracked()
            && has_password.get_untracked() != Some(false)
    });
    let enroll = move |event: SubmitEvent| {
        event.prevent_default();
        let asked = Enroll {
            verbal_password_required: asks.get_untracked(),
            verbal_password: stops.then(|| password.get_untracked()),
            accept_terms: accepted.get_untracked(),
        };
        saving.send(
            async move { client::add(&home.get_value(), "sos-for-cameras", &asked).await },
            move |answer| store.learn(answer),
        );
    };
    view! {
        <form class="card card--pad form" on:submit=enroll>
            <p>{W::TermsText}</p>
            {match stops {
                true => view! { <Field label=W::Password name="verbal_password" value=password saving hint=W::WizardPasswordStops.say()/> }.into_any(),
                false => view! { <FieldMessage field="verbal_password" saving/> }.into_any(),
            }}
            <label class="check"><input type="checkbox" bind:checked=accepted/>{W::AcceptTerms}</label>
            {["accept_terms", "cameras", "plan", "address", "contacts"].map(|field| view! { <FieldMessage field saving/> }).collect_view()}
            <SaveButton saving label=W::TurnOn/>
        </form>
    }
}
