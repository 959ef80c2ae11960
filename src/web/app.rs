//! The app: what lives as long as it, which page is shown, and what covers it.

use super::{
    components::{Overlay, SheetHandle, ShieldShape, part, press},
    pages::{Contact, Dashboard, LiveView, SignIn},
    route::{Navigation, Route},
    sending::Sender,
    store::{Session, Store},
};
use crate::view::words;
use leptos::prelude::*;

/// Everything.
#[component]
pub fn App() -> impl IntoView {
    let navigation = Navigation::new();
    provide_context(navigation);
    if let Route::Contact(token) = navigation.route.get_untracked() {
        return view! { <Contact token/> }.into_any();
    }
    view! { <Inside navigation/> }.into_any()
}

/// The pages of people with an account, and what covers them.
#[component]
fn Inside(
    /// Which page.
    navigation: Navigation,
) -> impl IntoView {
    let store = Store::new();
    let (sender, sheet) = (Sender::new(store), SheetHandle::new());
    provide_context(store);
    provide_context(sender);
    store.begin();
    // A session that is told again must not build the page again.
    let door = Memo::new(move |_| store.session.with(std::mem::discriminant));
    let page = move || match navigation.route.get() {
        Route::LiveView(camera) => Some(view! { <LiveView camera sheet/> }.into_any()),
        Route::Dashboard | Route::Contact(_) => Some(view! { <Dashboard sheet/> }.into_any()),
    };
    part(move || {
        door.get();
        Some(match store.session.get_untracked() {
            Session::Asking => {
                view! { <main class="door"><span class="door__shield"><ShieldShape/></span><h1 class="unseen">"Buckler"</h1></main> }
                    .into_any()
            }
            Session::Nobody => view! { <SignIn/> }.into_any(),
            Session::Unreachable => view! { <Unreachable store/> }.into_any(),
            Session::Somebody(_) => view! { {part(page)}<Overlay sheet/> }.into_any(),
        })
    })
}

#[component]
fn Unreachable(
    /// To ask again.
    store: Store,
) -> impl IntoView {
    view! {
        <main class="door">
            <span class="door__shield"><ShieldShape/></span>
            <h1>"Buckler"</h1>
            <p role="alert">{words::UNREACHABLE}</p>
            <button class="btn btn--strong" on:click=press(move || store.begin())>{words::TRY_AGAIN}</button>
        </main>
    }
}
