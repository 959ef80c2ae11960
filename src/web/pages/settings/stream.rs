//! A camera's stream: its credentials, and a test whether a picture arrives.

use super::asked::asks;
use crate::{
    api::{
        cameras::{StreamTrouble, Tried},
        household::EditLogin,
    },
    domain::id::{CameraId, HomeId},
    view::words::{HouseholdWord as W, Said},
    web::{
        client,
        components::{Field, SaveButton, Saving, part},
        store::store,
    },
};
use leptos::{ev, prelude::*};

/// The sentence that says why no picture arrives.
pub const fn sentence(trouble: StreamTrouble) -> W {
    match trouble {
        StreamTrouble::NoSuchName => W::StreamNoSuchName,
        StreamTrouble::NotPrivate => W::StreamNotPrivate,
        StreamTrouble::NotAllowed => W::NotAllowedAddress,
        StreamTrouble::NoAnswer | StreamTrouble::NotACamera => W::StreamNoAnswer,
        StreamTrouble::WrongLogin => W::StreamWrongLogin,
        StreamTrouble::NoSuchStream => W::StreamNoSuchStream,
        StreamTrouble::NoVideo => W::StreamNoVideo,
        StreamTrouble::NoKeyFrame => W::StreamNoKeyFrame,
        StreamTrouble::Encrypted => W::StreamEncrypted,
        StreamTrouble::Stalled | StreamTrouble::Lost => W::StreamLost,
        StreamTrouble::Other => W::StreamOther,
    }
}

/// Asks the camera for a picture.
pub fn try_camera(home: StoredValue<HomeId>, camera: &CameraId) -> impl IntoView + use<> {
    asks(home, format!("cameras/{camera}/try"), W::StreamTry, |Tried { width, height, trouble }| {
        match trouble {
            Some(trouble) => Err(sentence(trouble)),
            None => Ok(W::StreamSeen.fill(&[&width.to_string(), &height.to_string()])),
        }
    })
}

/// The form for the credentials of the camera.
#[component]
pub fn Login(
    /// The home's id.
    home: StoredValue<HomeId>,
    /// The camera.
    camera: StoredValue<CameraId>,
    /// Whether the server keeps credentials for it.
    kept: Memo<bool>,
    /// Runs after they were stored or removed.
    saved: Callback<()>,
) -> impl IntoView {
    let store = store();
    let saving = Saving::new();
    let path = StoredValue::new(format!("cameras/{}/login", camera.get_value()));
    let (user, password) = (RwSignal::new(String::new()), RwSignal::new(String::new()));
    let save = move |event: ev::SubmitEvent| {
        event.prevent_default();
        let asked = EditLogin { user: user.get_untracked(), password: password.get_untracked() };
        saving.send(
            async move { client::change(&home.get_value(), &path.get_value(), &asked).await },
            move |home| {
                password.try_set(String::new());
                store.learn(home);
                saved.try_run(());
            },
        );
    };
    view! {
        <form class="form" on:submit=save>
            {part(move || kept.get().then(|| view! { <p class="muted small">{W::StreamLoginKept}</p> }))}
            <Field label=W::StreamUser name="user" value=user saving/>
            <Field label=W::StreamPassword name="password" kind="password" autocomplete="new-password" value=password saving/>
            <SaveButton saving quiet=true label=W::StreamKeepLogin/>
        </form>
    }
}
