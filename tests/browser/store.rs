//! The app's state shows the open home, and nothing that arrives about another.

use crate::page::{Page, home, incident, until};
use buckler::{
    domain::time::Timestamp,
    web::{browser::keep, store::Session},
};
use js_sys::Function;
use leptos::prelude::*;
use serde_json::json;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_test::wasm_bindgen_test;

/// Takes the place of a server that does not answer, and returns a function that ends that. Its
/// stream has brought the snapshot `first` already, unless that is null. `window.tell` brings
/// another.
const SERVER: &str = r#"(first) => {
    const { fetch, live } = window;
    window.fetch = async () => { throw new TypeError("lost"); };
    window.live = (path, names, event) => {
        window.tell = (snapshot) => event("snapshot", snapshot);
        if (first !== null) window.tell(first);
        return () => {};
    };
    return () => Object.assign(window, { fetch, live });
}"#;

/// Opens the app while the server does not answer who is signed in. The stored copy is an hour old,
/// and has no devices.
fn opened_offline(first: JsValue) -> (Page, Function) {
    let page = Page::show(|_| ());
    let begin: Function = js_sys::eval(SERVER).unwrap().unchecked_into();
    let end = begin.call1(&JsValue::NULL, &first).unwrap().unchecked_into();
    let mut copy = home(false);
    copy.server_time = Timestamp::from_millis(copy.server_time.as_millis() - 3_600_000);
    let me = json!({
        "user": {"id": "olivia", "name": "Olivia", "email": "owner@demo.test"},
        "homes": [{"id": "maple-street", "name": "Maple Street", "role": "owner"}],
        "center_role": null, "server_time": copy.server_time
    });
    keep("buckler-last", &serde_json::to_string(&copy).unwrap());
    keep("buckler-me", &me.to_string());
    page.store.begin();
    (page, end)
}

fn snapshot() -> JsValue {
    serde_json::to_string(&home(true)).unwrap().into()
}

/// Whether the snapshot is shown, rather than the stored copy.
fn is_current(page: &Page) -> bool {
    let has_devices = page
        .store
        .home
        .with_untracked(|home| home.as_ref().is_some_and(|home| !home.devices.is_empty()));
    let is_offline = page.store.offline_since.with_untracked(Option::is_some);
    has_devices && !is_offline && page.store.connected.get_untracked()
}

/// F1.
#[wasm_bindgen_test]
async fn snapshot_that_came_first_outlives_the_stored_copy() {
    let (page, end) = opened_offline(snapshot());
    let is_open = || page.store.session.with_untracked(|now| matches!(now, Session::Somebody(_)));
    until("the home", is_open).await;
    assert!(is_current(&page));
    page.store.leave();
    end.call0(&JsValue::NULL).unwrap();
}

/// F1.
#[wasm_bindgen_test]
async fn stored_copy_is_shown_until_a_snapshot_arrives() {
    let (page, end) = opened_offline(JsValue::NULL);
    until("the copy", || page.store.offline_since.with_untracked(Option::is_some)).await;
    assert!(page.store.home_id().is_some() && !page.store.connected.get_untracked());
    let tell: Function = js_sys::eval("window.tell").unwrap().unchecked_into();
    tell.call1(&JsValue::NULL, &snapshot()).unwrap();
    assert!(is_current(&page));
    page.store.leave();
    end.call0(&JsValue::NULL).unwrap();
}

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
