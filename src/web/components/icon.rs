//! Icons of the sprite.

use leptos::prelude::*;

/// An icon. It is hidden from screen readers, because the text beside it says the same.
#[component]
pub fn Icon(
    /// The symbol's name in the sprite, without its `i-`.
    name: &'static str,
) -> impl IntoView {
    view! { <svg class="icon" aria-hidden="true"><use_ href=format!("#i-{name}")/></svg> }
}
