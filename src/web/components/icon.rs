//! An icon of the sprite.

use leptos::prelude::*;

/// An icon; it says nothing to a screen reader, the words beside it do.
#[component]
pub fn Icon(
    /// The symbol's name in the sprite, without its `i-`.
    name: &'static str,
) -> impl IntoView {
    view! { <svg class="icon" aria-hidden="true"><use_ href=format!("#i-{name}")/></svg> }
}
