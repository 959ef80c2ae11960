//! The app's state shows the open home, and nothing that arrives about another.

use crate::page::{Page, home, incident};
use leptos::prelude::*;
use serde_json::json;
use wasm_bindgen_test::wasm_bindgen_test;

/// Every answer about a home is about Maple Street here.
#[wasm_bindgen_test]
fn answers_about_another_home_are_dropped() {
    let page = Page::show(|_| ());
    let store = page.store;
    store.learn(home(true));
    store.tell(incident(json!({})));
    assert!(store.home_id().is_some() && store.incident.with_untracked(Option::is_some));

    store.open("lake-cabin".parse().unwrap());
    store.learn(home(true));
    store.tell(incident(json!({})));
    assert!(store.home_id().is_none() && store.incident.with_untracked(Option::is_none));

    store.leave();
    store.learn(home(true));
    store.tell(incident(json!({})));
    assert!(store.home_id().is_none() && store.incident.with_untracked(Option::is_none));
}
