//! Which page the address names, and links that change it without loading anything.
//!
//! Three routes do not need a router: leptos_router alone is a sixth of what the first load may weigh.

use super::browser::{Listener, window};
use crate::domain::id::CameraId;
use leptos::{ev::MouseEvent, prelude::*};
use wasm_bindgen::JsValue;

/// A page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// `/`
    Dashboard,
    /// `/live/:camera`
    LiveView(CameraId),
    /// `/contact/:token`
    Contact(String),
}

impl Route {
    /// The page of a path; what names none is the dashboard.
    pub fn of(path: &str) -> Self {
        let parts: Vec<&str> = path.split('/').filter(|p| !p.is_empty()).collect();
        match parts[..] {
            ["live", camera] => camera.parse().map_or(Self::Dashboard, Self::LiveView),
            ["contact", token] => Self::Contact(token.into()),
            _ => Self::Dashboard,
        }
    }

    /// Its path.
    pub fn path(&self) -> String {
        match self {
            Self::Dashboard => "/".into(),
            Self::LiveView(camera) => format!("/live/{camera}"),
            Self::Contact(token) => format!("/contact/{token}"),
        }
    }
}

/// The page on the screen. Created once, in `App`.
#[derive(Clone, Copy)]
pub struct Navigation {
    /// The page.
    pub route: RwSignal<Route>,
}

impl Navigation {
    /// Begins with the page of the address, and follows the browser's back and forward.
    pub fn new() -> Self {
        let here = || Route::of(&window().location().pathname().unwrap_or_default());
        let route = RwSignal::new(here());
        StoredValue::new_local(Listener::new(&window(), "popstate", move |_| route.set(here())));
        Self { route }
    }

    fn go(self, to: Route) {
        // Where the history cannot be written the page changes all the same.
        if let Ok(history) = window().history() {
            let _ = history.push_state_with_url(&JsValue::NULL, "", Some(&to.path()));
        }
        self.route.set(to);
    }
}

/// A link to a page: an ordinary one, so that it can be opened in another tab.
#[component]
pub fn Link(
    /// Where it leads.
    to: Route,
    /// Its class.
    class: &'static str,
    /// Its accessible name, where its content is not enough.
    #[prop(optional)]
    label: Option<String>,
    /// Whether it leads to where the person is.
    #[prop(optional)]
    here: bool,
    /// What it shows.
    children: Children,
) -> impl IntoView {
    let navigation: Navigation = expect_context();
    let path = to.path();
    let follow: Box<dyn FnMut(MouseEvent)> = Box::new(move |event| {
        if event.button() == 0 && !(event.ctrl_key() || event.meta_key() || event.shift_key() || event.alt_key()) {
            event.prevent_default();
            navigation.go(to.clone());
        }
    });
    view! { <a class=class href=path aria-label=label aria-current=here.then_some("true") on:click=follow>{children()}</a> }
}
