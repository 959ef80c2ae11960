//! Modal dialogs. The browser keeps the focus inside, and makes the rest of the page inert.
//!
//! A dialog is closed by removing it from the page, never by the browser: its `close` event comes
//! late, and would close the next dialog.

use leptos::{html::Dialog, prelude::*};
use wasm_bindgen::JsCast;
use web_sys::HtmlElement;

/// Opens the dialog as soon as it is in the page; the browser focuses the element marked
/// `autofocus`. When the dialog is removed, the focus returns to where it was.
pub fn open_when_mounted(node: NodeRef<Dialog>) {
    let before = super::window()
        .document()
        .and_then(|d| d.active_element())
        .and_then(|e| e.dyn_into::<HtmlElement>().ok());
    let (before, opened) = (StoredValue::new_local(before), StoredValue::new(false));
    Effect::new(move |_| {
        if let Some(dialog) = node.get()
            && !dialog.open()
        {
            // This fails only if the dialog is open already or not in the page.
            opened.set_value(dialog.show_modal().is_ok());
        }
    });
    on_cleanup(move || {
        // A dialog that was never open has not taken the focus.
        let was_open = opened.try_get_value() == Some(true);
        if let Some(element) = before.try_get_value().flatten().filter(|_| was_open) {
            // This does nothing if the element is behind another dialog or no longer in the page.
            gloo_timers::callback::Timeout::new(0, move || super::focus(&element)).forget();
        }
    });
}
