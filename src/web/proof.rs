//! Changes that wait until the person has given the password again.

use js_sys::{Function, Promise};
use leptos::prelude::*;
use std::{cell::RefCell, sync::LazyLock};
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::JsFuture;

/// Whether something waits.
static ASKED: LazyLock<ArcRwSignal<bool>> = LazyLock::new(|| ArcRwSignal::new(false));

thread_local! {
    static WAITING: RefCell<Vec<Function>> = const { RefCell::new(Vec::new()) };
}

/// Whether something waits for the password.
pub fn asked() -> bool {
    ASKED.get()
}

/// Waits for the password; false if the person would rather leave it.
pub async fn given() -> bool {
    let told = Promise::new(&mut |tell, _| WAITING.with_borrow_mut(|all| all.push(tell)));
    ASKED.set(true);
    JsFuture::from(told).await.is_ok_and(|given| given.is_truthy())
}

/// The password was given, or the person would rather leave it.
pub fn settle(given: bool) {
    ASKED.set(false);
    for tell in WAITING.take() {
        // A promise can always be told.
        let _ = tell.call1(&JsValue::UNDEFINED, &given.into());
    }
}
