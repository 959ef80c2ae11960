//! The length of the countdown, and the settings of sirens.

use crate::{
    api::{home::HomeAnswer, household::EditSettings},
    domain::home::settings::{COUNTDOWN_S, SIREN_DURATION_S},
    view::{
        household::minutes,
        words::{HouseholdWord as W, Said},
    },
    web::{
        client,
        components::{SaveButton, Saving, text},
        store::store,
    },
};
use leptos::{ev::SubmitEvent, prelude::*};

/// The form.
#[component]
pub fn SirensForm(
    /// The home.
    home: HomeAnswer,
) -> impl IntoView {
    let store = store();
    let id = StoredValue::new(home.home.id.clone());
    let saving = Saving::new();
    let countdown = RwSignal::new(home.settings.countdown_s.to_string());
    let duration = RwSignal::new((home.settings.siren_duration_s / 60).max(1).to_string());
    let cameras = RwSignal::new(home.settings.cameras_sound_with_base_station);
    let has_base = home.sos.siren.available || !home.devices.is_empty();
    let has_camera = home.cameras.iter().any(|c| c.has_siren);
    // The range inputs hold whole numbers within their bounds.
    let seconds = move || countdown.get().parse::<u8>().unwrap_or(*COUNTDOWN_S.start());
    let siren_s = move || duration.get().parse::<u16>().map_or(*SIREN_DURATION_S.end(), |m| m * 60);
    let save = move |event: SubmitEvent| {
        event.prevent_default();
        let asked = EditSettings {
            countdown_s: untrack(seconds),
            siren_duration_s: untrack(siren_s),
            cameras_sound_with_base_station: cameras.get_untracked(),
        };
        saving.send(
            async move { client::change(&id.get_value(), "settings", &asked).await },
            move |home| store.learn(home),
        );
    };
    let sirens = view! {
        <label class="field">
            <span class="field__top">{W::Duration}<b>{text(move || minutes(siren_s()))}</b></span>
            <input class="range" type="range" min="1" max="10" step="1" aria-valuetext=text(move || minutes(siren_s())) bind:value=duration/>
        </label>
        {has_camera.then(|| view! { <label class="check"><input type="checkbox" bind:checked=cameras/>{W::CamerasSound}</label> })}
    };
    let spoken = move || W::Seconds.fill(&[&seconds().to_string()]);
    view! {
        <form class="card card--pad form" on:submit=save>
            <label class="field">
                <span class="field__top">{W::Countdown}<b>{text(spoken)}</b></span>
                <input class="range" type="range" min=*COUNTDOWN_S.start() max=*COUNTDOWN_S.end() step="1" aria-valuetext=text(spoken) bind:value=countdown/>
            </label>
            <p class="muted small">{W::CountdownNote}</p>
            {match has_base {
                true => sirens.into_any(),
                false => view! { <p class="muted small">{W::NoSirens}</p> }.into_any(),
            }}
            <SaveButton saving/>
        </form>
    }
}
