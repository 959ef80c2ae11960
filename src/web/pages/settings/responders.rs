//! The form for the notes for responders.

use crate::{
    domain::{home::ResponderNotes, id::HomeId},
    view::words::HouseholdWord as W,
    web::{
        client,
        components::{Field, SaveButton, Saving, part},
        store::store,
    },
};
use leptos::{ev::SubmitEvent, prelude::*, task::spawn_local};

/// The form, once the notes are loaded.
#[component]
pub fn RespondersForm(
    /// The home's id.
    home: HomeId,
) -> impl IntoView {
    let id = StoredValue::new(home);
    let notes = RwSignal::new(None::<ResponderNotes>);
    spawn_local(async move {
        if let Ok(household) = client::household(&id.get_value()).await {
            notes.try_set(Some(household.notes));
        }
    });
    part(move || notes.get().map(|notes| form(id, notes).into_any()))
}

fn form(home: StoredValue<HomeId>, notes: ResponderNotes) -> impl IntoView {
    let (store, saving) = (store(), Saving::new());
    let [gate, pets, medical, permit, permit_until] =
        [notes.gate, notes.pets, notes.medical, notes.permit, notes.permit_until]
            .map(RwSignal::new);
    let save = move |event: SubmitEvent| {
        event.prevent_default();
        let [gate, pets, medical, permit, permit_until] =
            [gate, pets, medical, permit, permit_until]
                .map(|text: RwSignal<String>| text.get_untracked());
        let asked = ResponderNotes { gate, pets, medical, permit, permit_until };
        saving.send(
            async move { client::change(&home.get_value(), "notes", &asked).await },
            move |home| store.learn(home),
        );
    };
    view! {
        <form class="card card--pad form" on:submit=save>
            <h2>{W::ForResponders}</h2>
            <p class="muted small">{W::ForRespondersNote}</p>
            <Field label=W::NoteGate name="gate" value=gate saving/>
            <Field label=W::NotePets name="pets" value=pets saving/>
            <Field label=W::NoteMedical name="medical" value=medical saving/>
            <Field label=W::NotePermit name="permit" value=permit saving/>
            <Field label=W::NotePermitUntil name="permit_until" value=permit_until saving kind="date"/>
            <SaveButton saving/>
        </form>
    }
}
