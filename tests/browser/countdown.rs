//! The countdown, derived from the server's deadline.

use crate::page::{Page, incident, until};
use buckler::web::components::CountdownScreen;
use leptos::prelude::*;
use serde_json::json;
use wasm_bindgen_test::wasm_bindgen_test;
use web_sys::Element;

fn countdown(changes: serde_json::Value) -> Page {
    Page::show(move |_| {
        let told = incident(changes);
        view! { <CountdownScreen incident=Signal::stored(told)/> }
    })
}

fn dialog(page: &Page) -> Element {
    page.find("[role=alertdialog]").unwrap()
}

fn name(page: &Page) -> String {
    dialog(page).get_attribute("aria-label").unwrap()
}

/// R10.
#[wasm_bindgen_test]
async fn countdown_names_the_request_and_counts_to_the_deadline() {
    let page = countdown(json!({}));
    assert_eq!(name(&page), "Requesting police in 5 seconds");
    assert!(page.text().contains("To 14 Maple Street in 5 seconds"));
    until("four seconds", || name(&page) == "Requesting police in 4 seconds").await;
}

/// R10.
#[wasm_bindgen_test]
async fn cancel_has_the_focus() {
    let page = countdown(json!({}));
    let focused = || web_sys::window().unwrap().document().unwrap().active_element();
    until("the focus", || {
        focused().and_then(|e| e.text_content()).as_deref() == Some("Cancel Help")
    })
    .await;
    assert!(page.try_named("Send Now").is_some());
}

/// R14.
#[wasm_bindgen_test]
fn countdown_claims_nothing_after_the_deadline() {
    let page = countdown(json!({"mode": "drill", "deadline": "2020-01-01T00:00:00.000Z"}));
    assert!(page.text().contains("Waiting for the server to say what happened"));
    assert!(!page.text().contains("requested."));
}

/// I28, R14.
#[wasm_bindgen_test]
fn countdown_without_a_word_shows_the_number_first() {
    let page = countdown(json!({"deadline": "2020-01-01T00:00:00.000Z"}));
    assert!(page.text().contains("Not confirmed that help was requested"));
    assert_eq!(page.find("a[href='tel:911']").unwrap().text_content().unwrap(), "Call 911");
    assert!(page.try_named("Cancel Help").is_none(), "it would not cancel any more");
}

/// F3.
#[wasm_bindgen_test]
fn lost_connection_is_said_and_promises_no_cancel() {
    let page = Page::show(|store| {
        store.connected.set(false);
        view! { <CountdownScreen incident=Signal::stored(incident(json!({})))/> }
    });
    assert!(page.text().contains("Connection lost"));
}

/// R21.
#[wasm_bindgen_test]
fn drill_is_marked() {
    assert!(countdown(json!({"mode": "drill"})).text().contains("DRILL"));
    assert!(!countdown(json!({})).text().contains("DRILL"));
}

/// I30: nobody cancels what they were not shown.
#[wasm_bindgen_test]
fn countdown_says_who_asks_too() {
    let line = |seq, what, by| json!({"seq": seq, "at": "2026-01-01T00:00:00.000Z", "what": what, "by": by, "text": ""});
    let page =
        countdown(json!({"timeline": [line(1, "started", "Ada"), line(2, "joined", "Ben")]}));
    assert!(page.text().contains("Ben asks for help too"));
    assert!(!countdown(json!({})).text().contains("asks for help too"));
}
