//! Thin wrappers of what the browser offers. No word and no decision here.

pub mod dialog;
pub mod event_source;
pub mod json;
pub mod time;

use js_sys::Reflect;
use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use web_sys::{AddEventListenerOptions, EventTarget, HtmlElement};

/// The window.
pub fn window() -> web_sys::Window {
    web_sys::window().expect("the app runs in a window")
}

/// Random bits for an id that no other client makes.
pub fn random_bits() -> [u8; 16] {
    let mut bits = [0u8; 16];
    let crypto = window().crypto().expect("every browser that runs wasm has it");
    crypto.get_random_values_with_u8_array(&mut bits).expect("16 bytes are never too many");
    bits
}

/// Vibrates for so many milliseconds, where the device can.
pub fn vibrate(ms: u32) {
    let navigator = window().navigator();
    let of = |target: &JsValue, name: &str| Reflect::get(target, &name.into()).unwrap_or_default();
    // Absent on iPhones and desktops; refused, with an error in the console, to a page that nobody has touched yet.
    let touched = of(&of(&navigator, "userActivation"), "hasBeenActive").is_truthy();
    if touched && of(&navigator, "vibrate").is_function() {
        navigator.vibrate_with_duration(ms);
    }
}

/// What was kept under that name in this browser.
pub fn kept(name: &str) -> Option<String> {
    window().local_storage().ok()??.get_item(name).ok()?
}

/// Keeps a text in this browser. A browser that keeps nothing is no error: the app works without.
pub fn keep(name: &str, text: &str) {
    if let Ok(Some(storage)) = window().local_storage() {
        let _ = storage.set_item(name, text);
    }
}

/// Gives an element the focus.
pub fn focus(element: &HtmlElement) {
    // An element that has just gone needs no focus.
    let _ = element.focus();
}

/// Calls `then` whenever `event` comes to `target`, until the listener is dropped.
pub struct Listener {
    target: EventTarget,
    event: &'static str,
    then: Closure<dyn FnMut(web_sys::Event)>,
}

impl Listener {
    /// Begins to listen.
    pub fn new(target: &EventTarget, event: &'static str, then: impl FnMut(web_sys::Event) + 'static) -> Self {
        let then = Closure::<dyn FnMut(web_sys::Event)>::new(then);
        let options = AddEventListenerOptions::new();
        options.set_passive(true);
        let callback = then.as_ref().unchecked_ref();
        target
            .add_event_listener_with_callback_and_add_event_listener_options(event, callback, &options)
            .expect("a target takes listeners");
        Self { target: target.clone(), event, then }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        // A target that is gone has no listeners.
        let _ = self.target.remove_event_listener_with_callback(self.event, self.then.as_ref().unchecked_ref());
    }
}
