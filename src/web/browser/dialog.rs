//! Modal dialogs: the browser keeps the focus inside and everything else out of reach.

use leptos::{html::Dialog, prelude::*};

/// Opens the dialog as soon as it is in the page, and gives the focus to the element marked `autofocus`.
pub fn open_when_mounted(node: NodeRef<Dialog>) {
    Effect::new(move |_| {
        if let Some(dialog) = node.get()
            && !dialog.open()
        {
            // It fails only for a dialog that is open or out of the page.
            let _ = dialog.show_modal();
        }
    });
}
