//! The routes of the app, and links between them that do not load the page again.
//!
//! So few routes do not need a router: leptos_router alone is a sixth of the allowed size of the
//! first load.

use super::browser::{Listener, window};
use crate::domain::id::{CameraId, IncidentId};
use leptos::{ev::MouseEvent, prelude::*};
use wasm_bindgen::JsValue;

/// A page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// `/`
    Dashboard,
    /// `/live/:camera`
    LiveView(CameraId),
    /// `/incidents`
    History,
    /// `/incidents/:id`
    Incident(IncidentId),
    /// `/drill`
    Drill,
    /// `/center`
    Center,
    /// `/settings/…`
    Settings(Section),
    /// `/invite/:token`
    Invitation(String),
    /// `/welcome/:token`
    Welcome(String),
    /// `/contact/:token`
    Contact(String),
}

/// A part of the settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// All of them.
    Index,
    /// Name and address.
    Address,
    /// Emergency contacts.
    Contacts,
    /// The verbal password.
    Password,
    /// SOS for cameras.
    Cameras,
    /// Sirens and the countdown.
    Sirens,
    /// People and rights.
    People,
    /// Devices and cameras.
    Equipment,
    /// Signed-in devices and the account's password.
    Security,
    /// The audit log.
    Log,
    /// The app's language.
    Language,
}

impl Section {
    /// The sections with a page of their own, in their order.
    pub const ALL: [Self; 10] = [
        Self::Address,
        Self::Contacts,
        Self::Password,
        Self::Sirens,
        Self::Cameras,
        Self::People,
        Self::Equipment,
        Self::Security,
        Self::Log,
        Self::Language,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Index => "",
            Self::Address => "address",
            Self::Contacts => "contacts",
            Self::Password => "password",
            Self::Cameras => "sos-for-cameras",
            Self::Sirens => "sirens",
            Self::People => "people",
            Self::Equipment => "devices",
            Self::Security => "security",
            Self::Log => "log",
            Self::Language => "language",
        }
    }

    fn of(name: &str) -> Self {
        Self::ALL.into_iter().find(|section| section.name() == name).unwrap_or(Self::Index)
    }
}

impl Route {
    /// Returns the page of a path; the dashboard if the path names none.
    pub fn of(path: &str) -> Self {
        let parts: Vec<&str> = path.split('/').filter(|p| !p.is_empty()).collect();
        match parts[..] {
            // If no camera has this id, Live View shows the first one.
            ["live"] => "first".parse().map_or(Self::Dashboard, Self::LiveView),
            ["live", camera] => camera.parse().map_or(Self::Dashboard, Self::LiveView),
            ["incidents"] => Self::History,
            ["incidents", id] => id.parse().map_or(Self::History, Self::Incident),
            ["drill"] => Self::Drill,
            ["center"] => Self::Center,
            ["settings"] => Self::Settings(Section::Index),
            ["settings", section] => Self::Settings(Section::of(section)),
            ["invite", token] => Self::Invitation(token.into()),
            ["welcome"] => Self::Welcome(String::new()),
            ["welcome", token] => Self::Welcome(token.into()),
            ["contact", token] => Self::Contact(token.into()),
            _ => Self::Dashboard,
        }
    }

    /// Its path.
    pub fn path(&self) -> String {
        match self {
            Self::Dashboard => "/".into(),
            Self::LiveView(camera) => format!("/live/{camera}"),
            Self::History => "/incidents".into(),
            Self::Incident(id) => format!("/incidents/{id}"),
            Self::Drill => "/drill".into(),
            Self::Center => "/center".into(),
            Self::Settings(Section::Index) => "/settings".into(),
            Self::Settings(section) => format!("/settings/{}", section.name()),
            Self::Invitation(token) => format!("/invite/{token}"),
            Self::Welcome(token) => format!("/welcome/{token}"),
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

/// The page on the screen, from the context.
pub fn navigation() -> Navigation {
    expect_context()
}

impl Navigation {
    /// Begins with the page of the URL, and follows the browser's back and forward buttons.
    pub fn new() -> Self {
        let here = || Route::of(&window().location().pathname().unwrap_or_default());
        let route = RwSignal::new(here());
        StoredValue::new_local(Listener::new(&window(), "popstate", move |_| route.set(here())));
        Self { route }
    }

    /// Goes to a page.
    pub fn go(self, to: Route) {
        // If the browser's history cannot be written, the page changes nevertheless.
        if let Ok(history) = window().history() {
            let _ = history.push_state_with_url(&JsValue::NULL, "", Some(&to.path()));
        }
        window().scroll_to_with_x_and_y(0.0, 0.0);
        self.route.set(to);
    }

    /// Replaces a page that does not exist by another one, also in the browser's history.
    pub fn instead(self, to: Route) {
        if let Ok(history) = window().history() {
            let _ = history.replace_state_with_url(&JsValue::NULL, "", Some(&to.path()));
        }
        self.route.set(to);
    }
}

/// A link to a page. It is an ordinary link, so that it can be opened in another tab.
#[component]
pub fn Link(
    /// The target.
    to: Route,
    /// Its class.
    class: &'static str,
    /// Its accessible name, if its content is not enough.
    #[prop(optional)]
    label: Option<String>,
    /// Whether the target is the current page.
    #[prop(optional)]
    here: bool,
    /// Its content.
    children: Children,
) -> impl IntoView {
    let navigation = navigation();
    let path = to.path();
    let follow: Box<dyn FnMut(MouseEvent)> = Box::new(move |event| {
        if event.button() == 0
            && !(event.ctrl_key() || event.meta_key() || event.shift_key() || event.alt_key())
        {
            event.prevent_default();
            navigation.go(to.clone());
        }
    });
    view! { <a class=class href=path aria-label=label aria-current=here.then_some("page") on:click=follow>{children()}</a> }
}
