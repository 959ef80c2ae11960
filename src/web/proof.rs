//! Changes that wait until the person has entered the password again.

use js_sys::{Function, Promise};
use leptos::prelude::*;
use std::{cell::RefCell, sync::LazyLock};
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::JsFuture;

/// Whether a change waits.
static ASKED: LazyLock<ArcRwSignal<bool>> = LazyLock::new(|| ArcRwSignal::new(false));

thread_local! {
    static WAITING: RefCell<Vec<Function>> = const { RefCell::new(Vec::new()) };
}

/// Whether a change waits for the password.
pub fn asked() -> bool {
    ASKED.get()
}

/// Waits for the password. Returns false if the person drops the change.
pub async fn given() -> bool {
    let told = Promise::new(&mut |tell, _| WAITING.with_borrow_mut(|all| all.push(tell)));
    ASKED.set(true);
    JsFuture::from(told).await.is_ok_and(|given| given.is_truthy())
}

/// Tells all waiting changes whether the password was given, or the person drops them.
pub fn settle(given: bool) {
    ASKED.set(false);
    for tell in WAITING.take() {
        // Resolving a promise cannot fail.
        let _ = tell.call1(&JsValue::UNDEFINED, &given.into());
    }
}
