//! A page with one component, whose elements are found by name and role, as people find them.

use buckler::{
    api::{home::HomeAnswer, incident::Incident},
    domain::{
        eligibility::Reason,
        incident::{Mode, Request, Source},
        time::Timestamp,
    },
    web::{
        browser::json,
        sending::{Gesture, Sender},
        store::{Session, Store},
    },
};
use gloo_timers::future::TimeoutFuture;
use leptos::{mount::mount_to, prelude::*};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::time::Duration;
use wasm_bindgen::JsCast;
use web_sys::{Element, Event, EventInit, HtmlElement, HtmlInputElement};

/// The contents of the page, which are removed when this is dropped.
pub struct Page {
    root: HtmlElement,
    _mounted: Box<dyn std::any::Any>,
    pub store: Store,
    pub sender: Sender,
}

impl Page {
    /// Shows a component with the app's state in its context. Maple Street is open.
    pub fn show<V: IntoView + 'static>(view: impl FnOnce(Store) -> V + 'static) -> Self {
        let document = web_sys::window().unwrap().document().unwrap();
        let root: HtmlElement = document.create_element("div").unwrap().unchecked_into();
        document.body().unwrap().append_child(&root).unwrap();
        let made = std::rc::Rc::new(std::cell::Cell::new(None));
        let out = made.clone();
        let mounted = mount_to(root.clone(), move || {
            let store = Store::new();
            store.open("maple-street".parse().unwrap());
            let sender = Sender::new(store);
            provide_context(store);
            provide_context(sender);
            out.set(Some((store, sender)));
            view(store)
        });
        let (store, sender) = made.get().unwrap();
        Self { root, _mounted: Box::new(mounted), store, sender }
    }

    pub fn text(&self) -> String {
        self.root.text_content().unwrap_or_default()
    }

    pub fn find(&self, selector: &str) -> Option<Element> {
        self.root.query_selector(selector).unwrap()
    }

    /// The element with that accessible name.
    pub fn named(&self, name: &str) -> Element {
        self.try_named(name)
            .unwrap_or_else(|| panic!("nothing is named {name:?} in {}", self.root.inner_html()))
    }

    pub fn try_named(&self, name: &str) -> Option<Element> {
        let all = self.root.query_selector_all("button, input, a, dialog").unwrap();
        (0..all.length()).filter_map(|n| all.item(n)?.dyn_into::<Element>().ok()).find(|element| {
            let said = element
                .get_attribute("aria-label")
                .or_else(|| element.text_content())
                .unwrap_or_default();
            said.trim() == name
        })
    }

    pub fn press(&self, name: &str) {
        self.named(name).unchecked_into::<HtmlElement>().click();
    }

    /// Replaces the text of a field, as typing does.
    pub fn write(&self, selector: &str, text: &str) {
        let field: HtmlInputElement = self.find(selector).unwrap().unchecked_into();
        field.set_value(text);
        field.dispatch_event(&bubbling("input")).unwrap();
    }

    /// The text of a field.
    pub fn written(&self, selector: &str) -> String {
        self.find(selector).unwrap().unchecked_into::<HtmlInputElement>().value()
    }

    /// Moves a slider as the browser reports it: an input for each value, and a change at the end.
    pub fn slide(&self, name: &str, values: &[u32]) {
        let slider: HtmlInputElement = self.named(name).unchecked_into();
        for value in values {
            slider.set_value(&value.to_string());
            slider.dispatch_event(&bubbling("input")).unwrap();
        }
        slider.dispatch_event(&bubbling("change")).unwrap();
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        self.root.remove();
    }
}

/// A request on the dashboard of Maple Street, which is one of several homes.
pub fn gesture(request: Request) -> Gesture {
    Gesture {
        home: "maple-street".parse().unwrap(),
        home_name: Some("Maple Street".into()),
        number: "911",
        request,
        mode: Mode::Live,
        sirens: true,
        call_contacts: true,
        source: Source::Dashboard,
    }
}

fn bubbling(name: &str) -> Event {
    let options = EventInit::new();
    options.set_bubbles(true);
    Event::new_with_event_init_dict(name, &options).unwrap()
}

/// Waits until the page has rendered pending changes.
pub async fn drawn() {
    TimeoutFuture::new(0).await;
    TimeoutFuture::new(0).await;
}

/// Waits until `check` holds.
pub async fn until(what: &str, check: impl Fn() -> bool) {
    for _ in 0..300 {
        if check() {
            return;
        }
        TimeoutFuture::new(20).await;
    }
    panic!("never came: {what}");
}

pub fn now() -> Timestamp {
    Timestamp::from_millis(js_sys::Date::now() as u64)
}

/// What the server answers; a native test keeps these files as the server writes them.
fn answer<T: DeserializeOwned>(text: &str, changes: &Value) -> T {
    let mut body: Value = serde_json::from_str(text).unwrap();
    body.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    json::parse(&body.to_string()).unwrap()
}

/// An incident with five seconds left to count down and an empty timeline, modified by `changes`.
pub fn incident(changes: Value) -> Incident {
    let mut all = json!({
        "started_at": now(), "server_time": now(), "deadline": now() + Duration::from_secs(5),
        "timeline": []
    });
    all.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    answer(include_str!("../fixtures/wire/incident.json"), &all)
}

/// A home with an alarm, or with neither an alarm nor cameras.
pub fn home(has_siren: bool) -> HomeAnswer {
    let text = include_str!("../fixtures/wire/home.json");
    let mut home: HomeAnswer = answer(text, &json!({"server_time": now()}));
    if !has_siren {
        home.sos.siren.available = false;
        home.sos.siren.reason = Some(Reason::NoBaseStationOrEnrolledCamera.into());
        home.devices.clear();
        home.cameras.clear();
    }
    home
}

/// The account of Olivia, with these homes, in JSON.
pub fn account(homes: &[&str]) -> Value {
    let name = |id: &str| if id == "lake-cabin" { "Lake Cabin" } else { "Maple Street" };
    let mine = |id: &&str| json!({"id": id, "name": name(id), "role": "owner"});
    json!({
        "user": {"id": "olivia", "name": "Olivia", "email": "owner@demo.test"},
        "homes": homes.iter().map(mine).collect::<Vec<_>>(),
        "center_role": null, "server_time": now()
    })
}

/// Signs Olivia in, who has Maple Street and Lake Cabin.
pub fn with_two_homes(store: Store) {
    let me = json::parse(&account(&["maple-street", "lake-cabin"]).to_string()).unwrap();
    store.session.set(Session::Somebody(Box::new(me)));
}

/// Lake Cabin, where the emergency number is 112.
pub fn lake_cabin() -> HomeAnswer {
    let mut lake = home(true);
    lake.home.id = "lake-cabin".parse().unwrap();
    lake.home.name = "Lake Cabin".into();
    let address = lake.home.address.as_mut().unwrap();
    address.line1 = "2 Shore Road".into();
    address.country = "DE".into();
    lake
}
