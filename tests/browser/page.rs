//! A page with one component, whose elements are found by name and role, as people find them.

use buckler::{
    api::{home::HomeAnswer, incident::Incident},
    domain::time::Timestamp,
    web::{browser::json, sending::Sender, store::Store},
};
use gloo_timers::future::TimeoutFuture;
use leptos::{mount::mount_to, prelude::*};
use serde_json::{Value, json};
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

fn now() -> Timestamp {
    Timestamp::from_millis(js_sys::Date::now() as u64)
}

/// An incident with five seconds left to count down, modified by `changes`.
pub fn incident(changes: Value) -> Incident {
    let mut body = json!({
        "id": "00000000-0000-0000-0000-000000000001", "home": "maple-street", "kind": "sos", "services": ["police"], "mode": "live",
        "state": "counting_down", "joined": false, "source": {"surface": "dashboard"}, "started_by": {"id": "owner", "name": "Olivia"},
        "started_at": now(), "deadline": now() + std::time::Duration::from_secs(5), "countdown_ms": 5000, "server_time": now(),
        "address": {"line1": "14 Maple Street", "line2": null, "city": "Portland", "region": "OR", "postal_code": "97205", "country": "US"},
        "siren": {"state": "silent", "until": null, "devices": [], "confirmed": []}, "calls": [], "dispatches": [],
        "cancel": {"allowed": true, "how": "cancel_help", "center_phone": null}, "timeline": [], "outcome": null
    });
    body.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    json::parse(&body.to_string()).unwrap()
}

/// A home with an alarm, or with only cameras.
pub fn home(has_siren: bool) -> HomeAnswer {
    let siren = if has_siren {
        json!({"available": true})
    } else {
        json!({"available": false, "reason": "no_base_station_or_enrolled_camera"})
    };
    let body = json!({
        "server_time": now(), "role": "owner",
        "home": {"id": "maple-street", "name": "Maple Street", "time_zone": "America/New_York",
            "address": {"line1": "14 Maple Street", "line2": null, "city": "Portland", "region": "OR", "postal_code": "97205", "country": "US"}},
        "subscription": {"plan": "home_premium", "professional_monitoring": true, "sos_for_cameras": "enrolled"},
        "sos": {"dashboard": {"available": true, "via": ["alarm"]}, "live_view": {"front-door": {"available": true}},
            "siren": siren, "ready": {"ok": true, "checks": []}},
        "settings": {"countdown_s": 5, "siren_duration_s": 600, "cameras_sound_with_base_station": true, "verbal_password_required": true},
        "devices": [], "cameras": [], "contacts": [], "incident": null
    });
    json::parse(&body.to_string()).unwrap()
}
