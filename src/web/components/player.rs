//! The live stream of a camera. It never delays the shield, because the player is loaded when a
//! stream is first shown.

use super::{Icon, Picture, part};
use crate::{
    view::live::Picture as State,
    web::browser::{Listener, append, load},
};
use leptos::{html::Div, prelude::*};
use wasm_bindgen::JsCast;
use web_sys::CustomEvent;

/// A camera's live stream, and a note about its state.
#[component]
pub fn Player(
    /// The URL of the stream, if there is one.
    src: Option<String>,
    /// The display name of the camera.
    name: String,
    /// Receives the state of the stream.
    state: RwSignal<State>,
) -> impl IntoView {
    state.set(if src.is_some() { State::Connecting } else { State::None });
    let stage = NodeRef::<Div>::new();
    Effect::new(move |_| {
        if let (Some(stage), Some(src)) = (stage.get(), &src) {
            // `public/player.js` defines this element.
            load("player");
            let picture = append(&stage, "live-picture", &[("src", src)]);
            StoredValue::new_local(picture.map(|picture| {
                Listener::new(&picture, "state", move |event| {
                    let told =
                        event.dyn_ref::<CustomEvent>().and_then(|event| event.detail().as_string());
                    state.set(State::of(&told.unwrap_or_default()));
                })
            }));
        }
    });
    let note = move || {
        let state = state.get();
        (state != State::Live).then(
            || view! { <span class="picture__note"><Icon name="camera"/>{state.word()}</span> },
        )
    };
    view! {
        <Picture name/>
        <div class="picture__live" aria-hidden="true" node_ref=stage></div>
        <div class="picture__say" role="status">{part(note)}</div>
    }
}
