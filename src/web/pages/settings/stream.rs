//! A camera's stream: how one signs in to it, and whether a picture comes.

use crate::{
    api::{
        cameras::{StreamTrouble, Tried},
        household::{EditLogin, Stream},
    },
    domain::id::{CameraId, HomeId},
    view::words::{HouseholdWord as W, Said},
    web::{
        client,
        components::{Field, Icon, SaveButton, Saving, part, text},
        store::store,
    },
};
use leptos::{ev, prelude::*};

/// Why no picture comes, in a sentence.
const fn sentence(trouble: StreamTrouble) -> W {
    match trouble {
        StreamTrouble::NoSuchName => W::StreamNoSuchName,
        StreamTrouble::NotPrivate => W::StreamNotPrivate,
        StreamTrouble::NoAnswer => W::StreamNoAnswer,
        StreamTrouble::WrongLogin => W::StreamWrongLogin,
        StreamTrouble::NoSuchStream => W::StreamNoSuchStream,
        StreamTrouble::NotACamera => W::StreamNotACamera,
        StreamTrouble::NoVideo => W::StreamNoVideo,
        StreamTrouble::NoKeyFrame => W::StreamNoKeyFrame,
        StreamTrouble::Encrypted => W::StreamEncrypted,
        StreamTrouble::Stalled | StreamTrouble::Lost => W::StreamLost,
    }
}

/// Asks the camera for a picture.
#[component]
pub fn TryCamera(
    /// The home's id.
    home: StoredValue<HomeId>,
    /// The camera.
    camera: CameraId,
) -> impl IntoView {
    let saving = Saving::new();
    let came = RwSignal::new(None::<Tried>);
    let path = StoredValue::new(format!("cameras/{camera}/try"));
    let ask = move |_| {
        came.set(None);
        let asked = async move { client::ask::<Tried>(&home.get_value(), &path.get_value()).await };
        saving.send(asked, move |tried| {
            came.try_set(Some(tried));
        });
    };
    let outcome = move || {
        Some(match (came.get(), saving.failed()) {
            (_, Some(why)) => view! { <span class="field__wrong">{why}</span> }.into_any(),
            (Some(Tried { trouble: Some(trouble), .. }), _) => view! { <span class="field__wrong">{sentence(trouble)}</span> }.into_any(),
            (Some(Tried { width, height, .. }), _) => {
                let seen = W::StreamSeen.fill(&[&width.to_string(), &height.to_string()]);
                view! { <span class="save__done"><Icon name="check"/>{seen}</span> }.into_any()
            }
            (None, None) => return None,
        })
    };
    let says = move || if saving.is_busy() { W::Saving.say() } else { W::StreamTry.say() };
    view! {
        <div class="save">
            <button class="btn btn--quiet" type="button" aria-disabled=text(move || saving.is_busy().to_string()) on:click=ask>{text(says)}</button>
            <p class="save__note" role="status">{part(outcome)}</p>
        </div>
    }
}

/// How one signs in to the camera.
#[component]
pub fn Login(
    /// The home's id.
    home: StoredValue<HomeId>,
    /// The stream.
    stream: Stream,
) -> impl IntoView {
    let store = store();
    let saving = Saving::new();
    let path = StoredValue::new(format!("cameras/{}/login", stream.camera));
    let (user, password) = (RwSignal::new(String::new()), RwSignal::new(String::new()));
    let kept = RwSignal::new(stream.has_login);
    let save = move |event: ev::SubmitEvent| {
        event.prevent_default();
        let asked = EditLogin { user: user.get_untracked(), password: password.get_untracked() };
        let has_user = !asked.user.trim().is_empty();
        saving.send(async move { client::change(&home.get_value(), &path.get_value(), &asked).await }, move |home| {
            kept.try_set(has_user);
            password.try_set(String::new());
            store.learn(home);
        });
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
