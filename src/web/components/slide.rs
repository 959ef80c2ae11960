//! A control to request help: a slide, and beside it an equal alternative without dragging.

use super::{Icon, press, text, whether};
use crate::{
    domain::incident::Request,
    view::{
        slide,
        words::{self, Word},
    },
    web::browser::after_next_frame,
};
use gloo_timers::callback::Timeout;
use leptos::{ev, prelude::*};
use web_sys::HtmlInputElement;

/// How long a first tap waits for the second. Milliseconds.
const ARMED_MS: u32 = 5_000;

/// A slide for one service.
#[component]
pub fn Slide(
    /// The request.
    request: Request,
    /// Runs after a release at the end of the slide, or after the second tap.
    on_request: Callback<Request>,
) -> impl IntoView {
    let tone = words::tone(request);
    let at = RwSignal::new(0_u32);
    let by_key = StoredValue::new(false);
    let armed = RwSignal::new(false);
    let disarm = StoredValue::new_local(None::<Timeout>);

    let input = move |event: ev::Event| {
        let to = event_target::<HtmlInputElement>(&event).value_as_number() as u32;
        at.set(slide::moved(at.get_untracked(), to, by_key.get_value()));
    };
    let release = move |_| {
        match slide::released(at.get_untracked()) {
            true => {
                on_request.run(request);
                // The thumb stays where it was released until that is drawn.
                after_next_frame(move || {
                    at.try_set(0);
                });
            }
            false => at.set(0),
        }
    };
    let tap = move || {
        if armed.get_untracked() {
            armed.set(false);
            on_request.run(request);
        } else {
            armed.set(true);
            disarm.set_value(Some(Timeout::new(ARMED_MS, move || armed.set(false))));
        }
    };

    view! {
        <div class=format!("slide slide--{}", tone.class) style:--at=text(move || format!("calc({}/100)", at.get()))>
            <div class="slide__track">
                <span class="slide__label" aria-hidden="true">{tone.name}<small>{Word::Slide}</small></span>
                <span class="slide__arrows" aria-hidden="true"><Icon name="next"/><Icon name="next"/><Icon name="next"/></span>
                <input
                    class="slide__input"
                    type="range"
                    min="0"
                    max="100"
                    step="1"
                    aria-label=text(move || words::slide_name(request))
                    prop:value=text(move || at.get().to_string())
                    on:keydown=move |_| by_key.set_value(true)
                    on:pointerdown=move |_| by_key.set_value(false)
                    on:input=input
                    on:change=release
                />
                <span class="slide__thumb" aria-hidden="true"><Icon name=tone.icon/></span>
            </div>
            <button class="slide__tap" class:slide__tap--armed=whether(move || armed.get()) aria-label=text(move || words::tap_name(request, armed.get())) on:click=press(tap)>
                <span aria-hidden="true">{text(move || if armed.get() { Word::TapAgain } else { Word::TapFirst })}</span>
            </button>
        </div>
    }
}
