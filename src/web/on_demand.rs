//! Pages whose code comes when they are first opened, so that it does not weigh on the first load and never delays the shield.
//!
//! With the feature `split`, `scripts/build` makes a file of each chunk; without it the same code is part of the app.

use super::{
    browser::{after_next_frame, reload},
    components::{Icon, part, press},
    route::Route,
};
use crate::view::words::Word;
use leptos::{prelude::*, task::spawn_local};
use std::{
    pin::Pin,
    task::{Context, Poll, Waker},
};

/// The code could not be loaded: the connection is lost, or the server carries a newer app by now.
#[derive(Clone, Copy, Debug)]
pub struct Missing;

impl From<leptos::wasm_split::SplitLoaderError> for Missing {
    fn from(_: leptos::wasm_split::SplitLoaderError) -> Self {
        Self
    }
}

/// With the feature `split` code is missed by another error than without it.
pub fn missed(error: impl Into<Missing>) -> Missing {
    error.into()
}

/// What comes when its code has come.
pub type Coming<T> = Pin<Box<dyn Future<Output = Result<T, Missing>>>>;

/// A page in a chunk.
#[derive(Clone, Copy)]
pub struct Chunk {
    /// Fetches the code, if it is not there yet.
    pub fetch: fn() -> Coming<()>,
    /// Makes the page; at once, when the code is there.
    pub page: fn(Route) -> Coming<AnyView>,
}

/// Declares a function whose code is in the chunk of that name, and one that only fetches it.
macro_rules! on_demand {
    ($(#[$doc:meta])* $chunk:ident, $fetch:ident, fn $name:ident($($argument:ident: $kind:ty),*) -> $made:ty { $($body:tt)* }) => {
        #[cfg(feature = "split")]
        #[leptos::wasm_split::wasm_split($chunk, wasm_split_path = leptos::wasm_split, fallible, preload($fetch))]
        $(#[$doc])*
        pub fn $name($($argument: $kind),*) -> Result<$made, $crate::web::on_demand::Missing> { Ok({ $($body)* }) }

        #[cfg(not(feature = "split"))]
        $(#[$doc])*
        pub async fn $name($($argument: $kind),*) -> Result<$made, $crate::web::on_demand::Missing> { Ok({ $($body)* }) }

        /// Nothing to fetch: the code is part of the app.
        #[cfg(not(feature = "split"))]
        #[allow(dead_code, reason = "some are only called, never fetched ahead")]
        pub async fn $fetch() -> Result<(), $crate::web::on_demand::Missing> { Ok(()) }
    };
}
pub(super) use on_demand;

/// Declares a chunk of pages.
macro_rules! chunk {
    ($(#[$doc:meta])* $chunk:ident, $name:ident, |$route:ident| $page:expr) => {
        $(#[$doc])*
        pub const $name: $crate::web::on_demand::Chunk = {
            $crate::web::on_demand::on_demand!($chunk, fetch, fn page($route: $crate::web::route::Route) -> leptos::prelude::AnyView { $page });
            $crate::web::on_demand::Chunk {
                fetch: || Box::pin(async { fetch().await.map_err($crate::web::on_demand::missed) }),
                page: |route| Box::pin(page(route)),
            }
        };
    };
}
pub(super) use chunk;

/// A page, once its code is there. Where that fails it says so and offers to load the app again, which may be newer by now.
#[component]
pub fn OnDemand(
    /// Where the page is.
    chunk: Chunk,
    /// Which page.
    route: Route,
) -> impl IntoView {
    let otherwise = |outcome: Option<Missing>| outcome.map(|Missing| view! { <main class="door">{missing()}</main> }.into_any());
    once_there(chunk.fetch, Box::new(move || (chunk.page)(route.clone())), Box::new(otherwise))
}

/// A part of a page, in the same way.
#[component]
pub fn PartOnDemand(
    /// Where the part is.
    chunk: Chunk,
    /// Which page it is of.
    route: Route,
) -> impl IntoView {
    let otherwise =
        |outcome: Option<Missing>| outcome.map(|Missing| view! { <section class="card card--pad form">{missing()}</section> }.into_any());
    once_there(chunk.fetch, Box::new(move || (chunk.page)(route.clone())), Box::new(otherwise))
}

/// What stands in the place of what is not there: not yet, or because it cannot be loaded.
pub type Otherwise = Box<dyn Fn(Option<Missing>) -> Option<AnyView> + Send>;

/// What comes of a chunk, once its code is there.
///
/// What stood in its place has a place of its own: in the same one what comes would be drawn into an element that is there already,
/// such as a dialog, which opens only once.
pub fn once_there(fetch: fn() -> Coming<()>, make: Box<dyn Fn() -> Coming<AnyView> + Send>, otherwise: Otherwise) -> AnyView {
    let mut coming = fetch();
    let there = RwSignal::new(now(&mut coming));
    if there.with_untracked(Option::is_none) {
        spawn_local(async move {
            let outcome = coming.await;
            // Nobody waits any more when the person has gone on.
            there.try_set(Some(outcome));
        });
    }
    let instead = part(move || match there.get() {
        Some(Ok(())) => None,
        Some(Err(missing)) => otherwise(Some(missing)),
        None => otherwise(None),
    });
    let come = part(move || now(&mut there.get()?.ok().map(|()| make())?)?.ok());
    (instead, come).into_any()
}

/// Begins to fetch the code, so that it is there when it is wanted.
pub fn prepare(fetch: fn() -> Coming<()>) {
    prepare_then(fetch, || ());
}

/// Fetches the code, and goes on when what waited for it is drawn.
pub fn prepare_then(fetch: fn() -> Coming<()>, then: fn()) {
    spawn_local(async move {
        // Where that fails, it is tried again when the code is needed.
        let _ = fetch().await;
        after_next_frame(then);
    });
}

/// What is there at once.
fn now<T>(coming: &mut Coming<T>) -> Option<Result<T, Missing>> {
    match coming.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(made) => Some(made),
        Poll::Pending => None,
    }
}

fn missing() -> AnyView {
    view! {
        <span class="mark mark--bad"><Icon name="warning"/></span>
        <div role="alert"><h1>{Word::PageMissing}</h1></div>
        <p class="muted">{Word::PageMissingNote}</p>
        <button class="btn btn--strong" on:click=press(reload)>{Word::Reload}</button>
    }
    .into_any()
}
