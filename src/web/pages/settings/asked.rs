//! A button that sends a request to the server, with the outcome beside it.

use crate::{
    domain::id::HomeId,
    view::words::{HouseholdWord as W, Said},
    web::{
        client,
        components::{Icon, Saving, part, text},
    },
};
use leptos::prelude::*;
use serde::de::DeserializeOwned;

/// Sends a request to a path of the home. `told` turns the answer into text, for a good or a bad
/// outcome.
pub fn asks<T: DeserializeOwned + 'static>(
    home: StoredValue<HomeId>,
    path: String,
    label: W,
    told: impl Fn(T) -> Result<String, W> + Copy + 'static,
) -> impl IntoView {
    let saving = Saving::new();
    let (path, came) = (StoredValue::new(path), RwSignal::new(None::<Result<String, W>>));
    let ask = move |_| {
        came.set(None);
        let asked = async move { client::ask::<T>(&home.get_value(), &path.get_value()).await };
        saving.send(asked, move |answer| {
            came.try_set(Some(told(answer)));
        });
    };
    let bad = |why: String| view! { <span class="field__wrong">{why}</span> }.into_any();
    let outcome = move || {
        Some(match (came.get(), saving.failed()) {
            (_, Some(why)) => bad(why),
            (Some(Err(why)), None) => bad(why.into()),
            (Some(Ok(good)), None) => {
                view! { <span class="save__done"><Icon name="check"/>{good}</span> }.into_any()
            }
            (None, None) => return None,
        })
    };
    let says = move || if saving.is_busy() { W::Saving.say() } else { label.say() };
    view! {
        <div class="save">
            <button class="btn btn--quiet" type="button" aria-disabled=text(move || saving.is_busy().to_string()) on:click=ask>{text(says)}</button>
            <p class="save__note" role="status">{part(outcome)}</p>
        </div>
    }
}
