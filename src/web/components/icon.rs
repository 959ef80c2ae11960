//! An icon of the sprite.

use leptos::prelude::*;

/// An icon; it says nothing to a screen reader, the words beside it do.
#[component]
pub fn Icon(
    /// The symbol's name in the sprite, without its `i-`.
    #[prop(into)]
    name: Signal<&'static str>,
) -> impl IntoView {
    let target = move || format!("#i-{}", name.get());
    view! { <svg class="icon" aria-hidden="true"><use_ href=target/></svg> }
}
