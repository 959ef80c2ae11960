//! Finds cameras that answer in the network. The chosen one is asked for its streams, which fill in
//! the form that adds a camera.

use super::stream::sentence;
use crate::{
    api::{
        cameras::{AskOffers, Found, FoundCameras, Offers},
        household::EditLogin,
    },
    domain::id::HomeId,
    view::words::{HouseholdWord as W, Said},
    web::{
        client,
        components::{Field, Icon, Saving, part, press, text},
    },
};
use leptos::{ev, prelude::*};

/// The fields of the form that adds a camera.
#[derive(Clone, Copy)]
pub struct Blank {
    /// Its display name.
    pub name: RwSignal<String>,
    /// The address of its stream.
    pub stream: RwSignal<String>,
    /// The address of a stream with smaller pictures.
    pub small: RwSignal<String>,
    /// The user name for the camera.
    pub user: RwSignal<String>,
    /// The password for the camera.
    pub password: RwSignal<String>,
}

impl Blank {
    /// Creates empty fields.
    pub fn new() -> Self {
        let empty = || RwSignal::new(String::new());
        Self { name: empty(), stream: empty(), small: empty(), user: empty(), password: empty() }
    }

    /// Clears all fields.
    pub fn clear(self) {
        for field in [self.name, self.stream, self.small, self.user, self.password] {
            field.try_set(String::new());
        }
    }

    /// Returns the credentials for the camera, if a user name was entered.
    pub fn login(self) -> Option<EditLogin> {
        let (user, password) = (self.user.get_untracked(), self.password.get_untracked());
        (!user.trim().is_empty()).then_some(EditLogin { user, password })
    }

    fn fill(self, found: &Found, Offers { streams, .. }: &Offers) {
        let Some(whole) = streams.first() else { return };
        let small = streams.last().filter(|small| small.stream != whole.stream);
        self.stream.try_set(whole.stream.clone());
        self.small.try_set(small.map(|small| small.stream.clone()).unwrap_or_default());
        if self.name.try_with_untracked(String::is_empty) == Some(true) {
            self.name.try_set(found.name.clone());
        }
    }
}

/// Searches the network. The chosen camera is asked for its streams.
#[component]
pub fn Finding(
    /// The home's id.
    home: StoredValue<HomeId>,
    /// The fields to fill in.
    blank: Blank,
) -> impl IntoView {
    let saving = Saving::new();
    let (found, chosen) = (RwSignal::new(None::<Vec<Found>>), RwSignal::new(None::<Found>));
    let search = move || {
        found.set(None);
        chosen.set(None);
        let asked =
            async move { client::ask::<FoundCameras>(&home.get_value(), "camera-search").await };
        saving.send(asked, move |answer| {
            found.try_set(Some(answer.cameras));
        });
    };
    let outcome = move || match (found.get(), saving.failed()) {
        (_, Some(why)) => Some(view! { <p class="field__wrong">{why}</p> }.into_any()),
        (Some(all), None) if all.is_empty() => {
            Some(view! { <p class="muted small">{W::NoneFound}</p> }.into_any())
        }
        (Some(all), None) => Some(listed(all, chosen)),
        (None, None) => None,
    };
    let says = move || if saving.is_busy() { W::Searching.say() } else { W::SearchNetwork.say() };
    view! {
        <section class="card card--pad form">
            <h2>{W::FindCameras}</h2>
            <p class="muted small">{W::FindCamerasNote}</p>
            <button class="btn btn--quiet" type="button" aria-disabled=text(move || saving.is_busy().to_string()) on:click=press(search)>{text(says)}</button>
            <div role="status">{part(outcome)}</div>
            {part(move || chosen.get().map(|found| view! { <Ask home blank found/> }))}
        </section>
    }
}

fn listed(all: Vec<Found>, chosen: RwSignal<Option<Found>>) -> AnyView {
    let row = |found: Found| {
        let (name, label) = (found.name.clone(), W::ChooseCamera.fill(&[&found.name]));
        let host = found.address.split('/').nth(2).unwrap_or_default().to_owned();
        let about =
            if found.model.is_empty() { host } else { format!("{} · {host}", found.model) };
        let of = StoredValue::new(found);
        let is_chosen = move || chosen.with(|chosen| *chosen == Some(of.get_value())).to_string();
        view! {
            <li>
                <button class="row" type="button" aria-label=label aria-pressed=text(is_chosen) on:click=press(move || chosen.set(Some(of.get_value())))>
                    <span class="tile"><Icon name="camera"/></span>
                    <span class="grow"><b>{name}</b><small class="faint tiny">{about}</small></span>
                    <Icon name="next"/>
                </button>
            </li>
        }
    };
    view! { <ul class="rows">{all.into_iter().map(row).collect_view()}</ul> }.into_any()
}

/// Asks the chosen camera for its streams.
#[component]
fn Ask(
    /// The home's id.
    home: StoredValue<HomeId>,
    /// The fields to fill in.
    blank: Blank,
    /// The chosen camera.
    found: Found,
) -> impl IntoView {
    let saving = Saving::new();
    let of = StoredValue::new(found);
    let offers = RwSignal::new(None::<Offers>);
    let ask = move |event: ev::SubmitEvent| {
        event.prevent_default();
        offers.set(None);
        let asked = AskOffers {
            address: of.with_value(|found| found.address.clone()),
            user: blank.user.get_untracked(),
            password: blank.password.get_untracked(),
        };
        let answer =
            async move { client::add::<Offers>(&home.get_value(), "camera-offers", &asked).await };
        saving.send(answer, move |answer| {
            of.try_with_value(|found| blank.fill(found, &answer));
            offers.try_set(Some(answer));
        });
    };
    let outcome = move || match (offers.get(), saving.failed()) {
        (_, Some(why)) => Some(view! { <p class="field__wrong">{why}</p> }.into_any()),
        (Some(Offers { trouble: Some(trouble), .. }), None) => {
            Some(view! { <p class="field__wrong">{sentence(trouble)}</p> }.into_any())
        }
        (Some(_), None) => Some(view! { <p class="small">{W::FilledIn}</p> }.into_any()),
        (None, None) => None,
    };
    let says = move || if saving.is_busy() { W::Saving.say() } else { W::LookAtStreams.say() };
    view! {
        <form class="form" on:submit=ask>
            <p class="muted small">{W::LoginNeeded}</p>
            <Field label=W::StreamUser name="found-user" value=blank.user saving/>
            <Field label=W::StreamPassword name="found-password" kind="password" autocomplete="new-password" value=blank.password saving/>
            <button class="btn btn--quiet" type="submit" aria-disabled=text(move || saving.is_busy().to_string())>{text(says)}</button>
            <div role="status">{part(outcome)}</div>
        </form>
    }
}
