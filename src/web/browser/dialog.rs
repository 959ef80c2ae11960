//! Modal dialogs: the browser keeps the focus inside and everything else out of reach.
//!
//! A dialog is closed by taking it out of the page, never by the browser: its `close` event comes late, and would close the next dialog.

use leptos::{html::Dialog, prelude::*};
use wasm_bindgen::JsCast;
use web_sys::HtmlElement;

/// Opens the dialog as soon as it is in the page, and gives the focus to the element marked `autofocus`.
/// When the dialog goes, the focus goes back to where it was.
pub fn open_when_mounted(node: NodeRef<Dialog>) {
    let before = super::window().document().and_then(|d| d.active_element()).and_then(|e| e.dyn_into::<HtmlElement>().ok());
    let (before, opened) = (StoredValue::new_local(before), StoredValue::new(false));
    Effect::new(move |_| {
        if let Some(dialog) = node.get()
            && !dialog.open()
        {
            // It fails only for a dialog that is open or out of the page.
            opened.set_value(dialog.show_modal().is_ok());
        }
    });
    on_cleanup(move || {
        // One that was never open has taken no focus.
        let was_open = opened.try_get_value() == Some(true);
        if let Some(element) = before.try_get_value().flatten().filter(|_| was_open) {
            // Behind another dialog, or out of the page, this does nothing.
            gloo_timers::callback::Timeout::new(0, move || super::focus(&element)).forget();
        }
    });
}
