//! The open call.

use super::{Icon, text};
use crate::{api::incident::Call, view::incident as words_of, web::store::store};
use gloo_timers::callback::Interval;
use leptos::prelude::*;

/// The contact whom the center is calling, for how long, and what that call can do.
#[component]
pub fn CallCard(
    /// The call.
    call: Call,
) -> impl IntoView {
    let store = store();
    let now = RwSignal::new(store.server_now());
    StoredValue::new_local(Interval::new(500, move || now.set(store.server_now())));
    let title = words_of::call_title(&call);
    let detail = move || {
        words_of::call_detail(&call, call.placed_at.map_or(0, |at| now.get().since(at).as_secs()))
    };
    view! {
        <section class="call">
            <span class="tile"><Icon name="phone"/></span>
            <div class="grow">
                <b>{title}</b>
                <p class="small muted">{text(detail)}</p>
            </div>
        </section>
    }
}
