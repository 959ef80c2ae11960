//! Pages whose code is loaded when they are first opened, so that it is not part of the first load
//! and never delays the shield.
//!
//! With the feature `split`, `scripts/build` makes a file of each chunk; without it, the same code
//! is part of the app.

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

/// The code could not be loaded: the connection is lost, or the server has a newer app by now.
#[derive(Clone, Copy, Debug)]
pub struct Missing;

impl From<leptos::wasm_split::SplitLoaderError> for Missing {
    fn from(_: leptos::wasm_split::SplitLoaderError) -> Self {
        Self
    }
}

/// Converts the error of a load. Its type differs with and without the feature `split`.
pub fn missed(error: impl Into<Missing>) -> Missing {
    error.into()
}

/// A value that is available once its code is loaded.
pub type Coming<T> = Pin<Box<dyn Future<Output = Result<T, Missing>>>>;

/// A page in a chunk.
#[derive(Clone, Copy)]
pub struct Chunk {
    /// Fetches the code, if it is not loaded yet.
    pub fetch: fn() -> Coming<()>,
    /// Builds the page; without delay if the code is loaded.
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

/// A page, once its code is loaded. If loading fails, it says so and offers to reload the app,
/// which may be newer by now.
#[component]
pub fn OnDemand(
    /// The chunk of the page.
    chunk: Chunk,
    /// The page.
    route: Route,
) -> impl IntoView {
    let otherwise = |outcome: Option<Missing>| {
        outcome.map(|Missing| view! { <main class="door">{missing()}</main> }.into_any())
    };
    once_there(chunk.fetch, Box::new(move || (chunk.page)(route.clone())), Box::new(otherwise))
}

/// A part of a page, loaded in the same way.
#[component]
pub fn PartOnDemand(
    /// The chunk of the part.
    chunk: Chunk,
    /// The page that it belongs to.
    route: Route,
) -> impl IntoView {
    let otherwise = |outcome: Option<Missing>| {
        outcome.map(|Missing| {
            view! { <section class="card card--pad form">{missing()}</section> }.into_any()
        })
    };
    once_there(chunk.fetch, Box::new(move || (chunk.page)(route.clone())), Box::new(otherwise))
}

/// Builds the substitute for a view whose code is not loaded yet, or cannot be loaded.
pub type Otherwise = Box<dyn Fn(Option<Missing>) -> Option<AnyView> + Send>;

/// Shows a view of a chunk once its code is loaded, and a substitute until then.
///
/// The substitute has a place of its own: in a shared place the view would be drawn into an
/// existing element, such as a dialog, which opens only once.
pub fn once_there(
    fetch: fn() -> Coming<()>,
    make: Box<dyn Fn() -> Coming<AnyView> + Send>,
    otherwise: Otherwise,
) -> AnyView {
    let mut coming = fetch();
    let there = RwSignal::new(now(&mut coming));
    if there.with_untracked(Option::is_none) {
        spawn_local(async move {
            let outcome = coming.await;
            // The signal is gone if the person has left the page.
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

/// Begins to fetch the code, so that it is loaded when it is needed.
pub fn prepare(fetch: fn() -> Coming<()>) {
    prepare_then(fetch, || ());
}

/// Fetches the code, and calls `then` once the views that waited for it are drawn.
pub fn prepare_then(fetch: fn() -> Coming<()>, then: fn()) {
    spawn_local(async move {
        // If it fails, it is tried again when the code is needed.
        let _ = fetch().await;
        after_next_frame(then);
    });
}

/// Returns the value if it is available without waiting.
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
