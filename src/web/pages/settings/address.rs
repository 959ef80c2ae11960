//! The name and the address of the home. The address is confirmed in the sentence that responders
//! are told.

use super::responders::RespondersForm;
use crate::{
    api::{
        home::HomeAnswer,
        household::{EditAddress, Rename},
    },
    domain::id::HomeId,
    view::{household::told, words::HouseholdWord as W},
    web::{
        browser::focus_first,
        client,
        components::{Field, Icon, SaveButton, Saving, part, press},
        store::store,
    },
};
use leptos::{ev::SubmitEvent, prelude::*};

/// The forms for the name, the address, and the notes for responders.
#[component]
pub fn AddressSection(
    /// The home.
    home: HomeAnswer,
) -> impl IntoView {
    let store = store();
    let id = StoredValue::new(home.home.id.clone());
    let name = RwSignal::new(home.home.name.clone());
    let saving = Saving::new();
    let rename = move |event: SubmitEvent| {
        event.prevent_default();
        let asked = Rename { name: name.get_untracked() };
        saving.send(
            async move { client::change(&id.get_value(), "name", &asked).await },
            move |home| {
                store.learn(home);
                store.ask_who();
            },
        );
    };
    view! {
        <form class="card card--pad form" on:submit=rename>
            <Field label=W::HomeName name="name" value=name saving/>
            <SaveButton saving/>
        </form>
        <AddressForm home=home.home.id.clone() address=home.home.address.map(Into::into).unwrap_or_default() done=Callback::new(|()| ())/>
        <RespondersForm home=home.home.id/>
    }
}

/// The form for the address, which is typed and then confirmed.
#[component]
pub fn AddressForm(
    /// The home's id.
    home: HomeId,
    /// The current address.
    address: EditAddress,
    /// Runs after the address was confirmed and stored.
    done: Callback<()>,
) -> impl IntoView {
    let store = store();
    let home = StoredValue::new(home);
    let saving = Saving::new();
    let [line1, line2, city, region, postal_code, country] = [
        address.line1,
        address.line2.unwrap_or_default(),
        address.city,
        address.region,
        address.postal_code,
        address.country,
    ]
    .map(RwSignal::new);
    let asks = RwSignal::new(false);
    let typed = move || EditAddress {
        line1: line1.get_untracked(),
        line2: Some(line2.get_untracked()).filter(|l| !l.trim().is_empty()),
        city: city.get_untracked(),
        region: region.get_untracked(),
        postal_code: postal_code.get_untracked(),
        country: country.get_untracked().trim().to_ascii_uppercase(),
    };
    let check = move |event: SubmitEvent| {
        event.prevent_default();
        asks.set(true);
        focus_first("#told");
    };
    let confirm = move |event: SubmitEvent| {
        event.prevent_default();
        let asked = typed();
        let request = async move {
            let answer = client::change(&home.get_value(), "address", &asked).await;
            if answer.is_err() {
                // The fields show their faults.
                asks.try_set(false);
            }
            answer
        };
        saving.send(request, move |answer| {
            asks.try_set(false);
            store.learn(answer);
            done.try_run(());
        });
    };
    let fields = move || {
        view! {
            <form class="card card--pad form" on:submit=check>
                <p class="muted small">{W::AddressNote}</p>
                <Field label=W::Line1 name="line1" value=line1 saving autocomplete="address-line1"/>
                <Field label=W::Line2 name="line2" value=line2 saving autocomplete="address-line2"/>
                <div class="two">
                    <Field label=W::City name="city" value=city saving autocomplete="address-level2"/>
                    <Field label=W::Region name="region" value=region saving autocomplete="address-level1"/>
                </div>
                <div class="two">
                    <Field label=W::PostalCode name="postal_code" value=postal_code saving autocomplete="postal-code"/>
                    <Field label=W::Country name="country" value=country saving autocomplete="country"/>
                </div>
                <SaveButton saving label=W::CheckAddress/>
            </form>
        }
    };
    let question = move || {
        view! {
            <form class="card card--pad form" on:submit=confirm>
                <h2>{W::RespondersTold}</h2>
                <p id="told" class="told" tabindex="-1"><Icon name="phone"/><span>{told(&typed().into())}</span></p>
                <SaveButton saving label=W::AddressRight/>
                <button class="btn btn--quiet" type="button" on:click=press(move || asks.set(false))>{W::AddressWrong}</button>
            </form>
        }
    };
    part(move || Some(if asks.get() { question().into_any() } else { fields().into_any() }))
}
