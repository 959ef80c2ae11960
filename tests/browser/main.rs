//! Components in headless Chrome: what a person can find, focus and use.
#![cfg(target_arch = "wasm32")]

mod countdown;
mod dialog;
mod inviting;
mod not_sent;
mod page;
mod restricted;
mod running;
mod sending;
mod sheet;
mod signing_out;
mod slide;
mod store;
mod time;
mod timeline;
mod wire;

use wasm_bindgen_test::wasm_bindgen_test_configure;

wasm_bindgen_test_configure!(run_in_browser);
