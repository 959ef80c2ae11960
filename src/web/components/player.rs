//! The picture of a camera as it is now. It never delays the shield: what plays it is loaded when a picture is first wanted.

use super::{Icon, Picture, part};
use crate::{
    view::live::Picture as State,
    web::browser::{Listener, append, load},
};
use leptos::{html::Div, prelude::*};
use wasm_bindgen::JsCast;
use web_sys::CustomEvent;

/// A camera's picture, and what there is to say of it.
#[component]
pub fn Player(
    /// Where its stream is, if there is one.
    src: Option<String>,
    /// What the home calls the camera.
    name: String,
    /// Told how it goes.
    state: RwSignal<State>,
) -> impl IntoView {
    state.set(if src.is_some() { State::Connecting } else { State::None });
    let stage = NodeRef::<Div>::new();
    Effect::new(move |_| {
        if let (Some(stage), Some(src)) = (stage.get(), &src) {
            // The element comes to life with `public/player.js`.
            load("player");
            let picture = append(&stage, "live-picture", &[("src", src)]);
            StoredValue::new_local(picture.map(|picture| {
                Listener::new(&picture, "state", move |event| {
                    let told = event.dyn_ref::<CustomEvent>().and_then(|event| event.detail().as_string());
                    state.set(State::of(&told.unwrap_or_default()));
                })
            }));
        }
    });
    let note = move || {
        let state = state.get();
        (state != State::Live).then(|| view! { <span class="picture__note"><Icon name="camera"/>{state.word()}</span> })
    };
    view! {
        <Picture name/>
        <div class="picture__live" aria-hidden="true" node_ref=stage></div>
        <div class="picture__say" role="status">{part(note)}</div>
    }
}
