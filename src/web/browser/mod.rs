//! Thin wrappers of browser APIs. They contain no texts and make no decisions.

pub mod authenticator;
pub mod dialog;
pub mod early;
pub mod json;
pub mod time;

use js_sys::Reflect;
use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use web_sys::{AddEventListenerOptions, Element, EventTarget, HtmlElement, Node};

/// The window.
pub fn window() -> web_sys::Window {
    web_sys::window().expect("the app runs in a window")
}

/// Calls `then` once the next frame is drawn.
pub fn after_next_frame(then: impl FnOnce() + 'static) {
    // Boxed, because each closure type would add its own copy of the code below.
    fn boxed(then: Box<dyn FnOnce()>) {
        leptos::prelude::request_animation_frame(|| {
            drop(gloo_timers::callback::Timeout::new(0, then).forget())
        });
    }
    boxed(Box::new(then));
}

/// Reloads the app.
pub fn reload() {
    // An error can be ignored: the page is being unloaded already.
    let _ = window().location().reload();
}

/// Returns random bits for an id that no other client makes.
pub fn random_bits() -> [u8; 16] {
    let mut bits = [0u8; 16];
    let crypto = window().crypto().expect("every browser that runs wasm has it");
    crypto.get_random_values_with_u8_array(&mut bits).expect("16 bytes are never too many");
    bits
}

/// Whether the device has no network at all, so that nothing leaves it. Otherwise it may have one.
pub fn is_offline() -> bool {
    !window().navigator().on_line()
}

/// Vibrates for `ms` milliseconds, if the device can.
pub fn vibrate(ms: u32) {
    let navigator = window().navigator();
    let of = |target: &JsValue, name: &str| Reflect::get(target, &name.into()).unwrap_or_default();
    // It does not exist on iPhones and desktops. A page that nobody has touched yet is refused it,
    // with an error in the console.
    let touched = of(&of(&navigator, "userActivation"), "hasBeenActive").is_truthy();
    if touched && of(&navigator, "vibrate").is_function() {
        navigator.vibrate_with_duration(ms);
    }
}

/// Returns the text stored under that name in this browser, if any.
pub fn kept(name: &str) -> Option<String> {
    window().local_storage().ok()??.get_item(name).ok()?
}

/// Stores a text in this browser. A failure is ignored, because the app works without it.
pub fn keep(name: &str, text: &str) {
    if let Ok(Some(storage)) = window().local_storage() {
        let _ = storage.set_item(name, text);
    }
}

/// Copies a text to the clipboard. If that is not allowed, the text can still be selected and
/// copied by hand.
pub fn copy(text: &str) {
    drop(window().navigator().clipboard().write_text(text));
}

/// Opens the browser's print dialog.
pub fn print() {
    // If printing is not allowed, nothing happens.
    let _ = window().print();
}

/// Appends a new element to another one.
pub fn append(parent: &Node, tag: &str, attributes: &[(&str, &str)]) -> Option<Element> {
    let element = window().document()?.create_element(tag).ok()?;
    for (name, value) in attributes {
        // Setting these attributes cannot fail.
        let _ = element.set_attribute(name, value);
    }
    parent.append_child(&element).ok()?;
    Some(element)
}

/// Sets an attribute of the page, or removes it.
pub fn mark_page(name: &str, is_so: bool) {
    if let Some(root) = window().document().and_then(|d| d.document_element()) {
        let _ = root.toggle_attribute_with_force(name, is_so);
    }
}

/// Loads a script or a style that the page names in a `meta`, once. Returns the element that loads
/// it.
pub fn load(name: &str) -> Option<Element> {
    let found = |selector: &str| window().document()?.query_selector(selector).ok()?;
    if let Some(there) = found(&format!("#{name}")) {
        return Some(there);
    }
    let address = found(&format!("meta[name={name}]"))?.get_attribute("content")?;
    let head = found("head")?;
    match address.ends_with(".css") {
        true => append(&head, "link", &[("id", name), ("rel", "stylesheet"), ("href", &address)]),
        false => append(&head, "script", &[("id", name), ("type", "module"), ("src", &address)]),
    }
}

/// Sets the title of the window.
pub fn set_title(page: &str) {
    if let Some(document) = window().document() {
        document.set_title(&format!("{page} – Buckler"));
    }
}

/// Focuses the first element that matches the selector, once the page is drawn.
pub fn focus_first(selector: &'static str) {
    gloo_timers::callback::Timeout::new(0, move || {
        let found = window().document().and_then(|d| d.query_selector(selector).ok().flatten());
        if let Some(element) = found.and_then(|e| e.dyn_into::<HtmlElement>().ok()) {
            focus(&element);
        }
    })
    .forget();
}

/// Removes the text stored under that name.
pub fn forget(name: &str) {
    if let Ok(Some(storage)) = window().local_storage() {
        let _ = storage.remove_item(name);
    }
}

/// Returns all names under which texts are stored that begin with that prefix.
pub fn kept_names(prefix: &str) -> Vec<String> {
    let Ok(Some(storage)) = window().local_storage() else { return Vec::new() };
    (0..storage.length().unwrap_or(0))
        .filter_map(|at| storage.key(at).ok()?)
        .filter(|name| name.starts_with(prefix))
        .collect()
}

/// Focuses an element.
pub fn focus(element: &HtmlElement) {
    // An error can be ignored: the element is no longer in the page.
    let _ = element.focus();
}

/// Calls `then` on each `event` of `target`, until the listener is dropped.
pub struct Listener {
    target: EventTarget,
    event: &'static str,
    then: Closure<dyn FnMut(web_sys::Event)>,
}

impl Listener {
    /// Adds the listener.
    pub fn new(
        target: &EventTarget,
        event: &'static str,
        then: impl FnMut(web_sys::Event) + 'static,
    ) -> Self {
        let then = Closure::<dyn FnMut(web_sys::Event)>::new(then);
        let options = AddEventListenerOptions::new();
        options.set_passive(true);
        let callback = then.as_ref().unchecked_ref();
        target
            .add_event_listener_with_callback_and_add_event_listener_options(
                event, callback, &options,
            )
            .expect("a target takes listeners");
        Self { target: target.clone(), event, then }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        // An error can be ignored: a target that is gone has no listeners.
        let _ = self
            .target
            .remove_event_listener_with_callback(self.event, self.then.as_ref().unchecked_ref());
    }
}
