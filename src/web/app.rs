//! The app: what lives as long as it, the routes, and what covers them.

use super::{
    components::{Overlay, SheetHandle, ShieldShape},
    pages::{Contact, Dashboard, LiveView, SignIn},
    sending::Sender,
    store::{Session, Store},
};
use crate::view::words;
use leptos::prelude::*;
use leptos_router::{
    components::{Redirect, Route, Router, Routes},
    path,
};

/// Everything.
#[component]
pub fn App() -> impl IntoView {
    view! {
        <Router>
            <Routes fallback=|| view! { <Redirect path="/"/> }>
                <Route path=path!("/contact/:token") view=|| view! { <Contact/> }.into_any()/>
                <Route path=path!("/live/:camera") view=|| view! { <Inside page=Page::LiveView/> }.into_any()/>
                <Route path=path!("/") view=|| view! { <Inside page=Page::Dashboard/> }.into_any()/>
            </Routes>
        </Router>
    }
}

/// A page for people with an account.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Page {
    Dashboard,
    LiveView,
}

thread_local! {
    /// What lives as long as the app: made for the first page of somebody with an account, and kept while pages come and go.
    static LASTING: std::cell::OnceCell<(Owner, Store, Sender, SheetHandle)> = const { std::cell::OnceCell::new() };
}

fn lasting() -> (Store, Sender, SheetHandle) {
    LASTING.with(|cell| {
        let (_, store, sender, sheet) = cell.get_or_init(|| {
            let owner = Owner::new_root(None);
            let (store, sender, sheet) = owner.with(|| {
                let store = Store::new();
                store.begin();
                (store, Sender::new(store), SheetHandle::new())
            });
            (owner, store, sender, sheet)
        });
        (*store, *sender, *sheet)
    })
}

/// A page behind the door, with what covers it.
#[component]
fn Inside(
    /// Which.
    page: Page,
) -> impl IntoView {
    let (store, sender, sheet) = lasting();
    provide_context(store);
    provide_context(sender);
    let inside = Memo::new(move |_| store.session.with(|s| std::mem::discriminant(s)));
    move || {
        inside.track();
        match store.session.get_untracked() {
            Session::Asking => view! { <main class="door"><span class="door__shield"><ShieldShape/></span><h1 class="unseen">"Buckler"</h1></main> }.into_any(),
            Session::Nobody => view! { <SignIn/> }.into_any(),
            Session::Unreachable => view! { <Unreachable store/> }.into_any(),
            Session::Somebody(_) => view! {
                {match page {
                    Page::Dashboard => view! { <Dashboard sheet/> }.into_any(),
                    Page::LiveView => view! { <LiveView sheet/> }.into_any(),
                }}
                <Overlay sheet/>
            }
            .into_any(),
        }
    }
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
            <button class="btn btn--strong" on:click=move |_| store.begin()>{words::TRY_AGAIN}</button>
        </main>
    }
}
