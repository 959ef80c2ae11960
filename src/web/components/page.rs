//! A page below another one: a link back, a heading that gets the focus, and the content.

use super::Icon;
use crate::{
    view::words::Word,
    web::{
        browser::{focus, set_title},
        route::{Link, Route},
    },
};
use leptos::{html::H1, prelude::*};

/// The frame of a page.
#[component]
pub fn Page(
    /// Its heading, also the title of the window.
    #[prop(into)]
    title: String,
    /// The target of the link back.
    back: Route,
    /// The content.
    children: Children,
) -> impl IntoView {
    set_title(&title);
    let heading = NodeRef::<H1>::new();
    Effect::new(move |_| {
        if let Some(heading) = heading.get() {
            focus(&heading);
        }
    });
    view! {
        <div class="screen">
            <header class="bar">
                <Link to=back class="tile" label=String::from(Word::Back)><Icon name="back"/></Link>
                <h1 class="bar__title" tabindex="-1" node_ref=heading>{title}</h1>
            </header>
            <main class="stack stack--page">{children()}</main>
        </div>
    }
}
