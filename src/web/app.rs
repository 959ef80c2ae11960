//! The app: its shared state, the page that is shown, and the overlay that covers it.

use super::{
    browser::{Listener, after_next_frame, early, load, window},
    components::{AFTER, NotSent, OpenSheet, Overlay, SheetHandle, ShieldShape, part, press},
    on_demand::{OnDemand, prepare},
    pages::{CONTACT, Dashboard, HOUSEHOLD, LIVE, PARTS, RECORDS, SignIn, WELCOME},
    route::{Navigation, Route},
    sending::{Sender, Stage},
    signing_out,
    store::{Session, Store},
};
use crate::{domain::incident::Source, view::words::Word};
use leptos::{prelude::*, tachys::view::Render};

/// The whole app.
#[component]
pub fn App() -> impl IntoView {
    let navigation = Navigation::new();
    provide_context(navigation);
    if let route @ Route::Contact(_) = navigation.route.get_untracked() {
        return view! { <OnDemand chunk=CONTACT route/> }.into_any();
    }
    view! { <Inside navigation/> }.into_any()
}

/// The pages for people with an account, and the overlay.
#[component]
fn Inside(
    /// The page on the screen.
    navigation: Navigation,
) -> impl IntoView {
    let store = Store::new();
    let (sender, sheet) = (Sender::new(store), SheetHandle::new());
    provide_context(store);
    provide_context(sender);
    provide_context(sheet);
    // Styles that the first page does not need.
    load("forms");
    store.begin();
    sender.go_on_signing_out();
    // The person may sign out in another tab, also without a connection.
    let elsewhere = Listener::new(&window(), "storage", move |_| {
        if signing_out::is_waiting() && store.is_somebody() {
            store.leave();
            sender.go_on_signing_out();
        }
    });
    StoredValue::new_local(elsewhere);
    let owner = Owner::current().unwrap_or_default();
    Effect::new(move |_| {
        if store.home.with(Option::is_some) && store.drawn.get_untracked() == 0 {
            draw_on(store, owner.clone());
        }
    });
    // An update of the same session must not rebuild the page.
    let door = Memo::new(move |_| store.session.with(std::mem::discriminant));
    let page = move || match navigation.route.get() {
        route @ Route::LiveView(_) => Some(view! { <OnDemand chunk=LIVE route/> }.into_any()),
        Route::Dashboard | Route::Contact(_) => Some(view! { <Dashboard sheet/> }.into_any()),
        route @ Route::Settings(_) => Some(view! { <OnDemand chunk=HOUSEHOLD route/> }.into_any()),
        route @ (Route::Welcome(_) | Route::Invitation(_)) => {
            Some(view! { <OnDemand chunk=WELCOME route/> }.into_any())
        }
        route @ (Route::History | Route::Incident(_) | Route::Drill | Route::Center) => {
            Some(view! { <OnDemand chunk=RECORDS route/> }.into_any())
        }
    };
    part(move || {
        door.get();
        let session = store.session.get_untracked();
        if matches!(session, Session::Nobody | Session::Unreachable) {
            // There is no SOS on this page, so the early shield goes.
            early::shield();
        }
        Some(match session {
            Session::Asking => {
                view! { <main class="door"><span class="door__shield"><ShieldShape/></span><h1 class="unseen">"Buckler"</h1></main> }
                    .into_any()
            }
            Session::Nobody => match navigation.route.get() {
                route @ (Route::Welcome(_) | Route::Invitation(_)) => view! { <OnDemand chunk=WELCOME route/> }.into_any(),
                _ => view! { <SignIn/> }.into_any(),
            },
            Session::Unreachable => view! { <Unreachable store/> }.into_any(),
            Session::Somebody(_) => view! { <Overlay sheet/>{part(page)} }.into_any(),
        })
    })
}

/// Draws the parts of the first home, one per frame; then rehearses a press, and fetches the code
/// that may be needed next.
fn draw_on(store: Store, owner: Owner) {
    after_next_frame(move || {
        let drawn = store.drawn.get_untracked() + 1;
        store.drawn.set(drawn);
        if drawn < PARTS {
            return draw_on(store, owner);
        }
        after_next_frame(move || {
            rehearse(&owner, || {
                let home = use_context::<Store>().and_then(|store| store.open_home.get_untracked());
                home.map(|home| view! { <OpenSheet handle=SheetHandle::new() home source=Source::Dashboard/> }).into_any()
            });
            after_next_frame(move || {
                rehearse(&owner, || view! { <NotSent stage=Stage::Trying/> }.into_any());
                prepare(AFTER);
                prepare(LIVE.fetch);
                load("pwa");
            });
        });
    });
}

/// Builds a part of the screen off the page and discards it. The browser compiles a function when
/// it first runs, so that a rehearsed press does not wait for compilation.
fn rehearse(owner: &Owner, part: fn() -> AnyView) {
    let stage = owner.child();
    drop(stage.with(|| part().build()));
    stage.cleanup();
}

#[component]
fn Unreachable(
    /// The store, to try again.
    store: Store,
) -> impl IntoView {
    view! {
        <main class="door">
            <span class="door__shield"><ShieldShape/></span>
            <h1>"Buckler"</h1>
            <p role="alert">{Word::Unreachable}</p>
            <button class="btn btn--strong" on:click=press(move || store.begin())>{Word::TryAgain}</button>
        </main>
    }
}
