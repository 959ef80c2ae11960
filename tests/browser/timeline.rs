//! The timeline, and what it keeps when news arrives late.

use crate::page::{Page, drawn, incident};
use buckler::web::components::Timeline;
use leptos::prelude::*;
use serde_json::{Value, json};
use wasm_bindgen_test::wasm_bindgen_test;

fn line(seq: u32, text: &str) -> Value {
    json!({"seq": seq, "at": "2026-11-23T14:02:05.000Z", "what": "note", "by": null, "text": text})
}

#[wasm_bindgen_test]
async fn new_lines_are_added_below_and_shown_as_text() {
    let page = Page::show(|store| {
        store.incident.set(Some(incident(json!({"timeline": [line(1, "<b>first</b>")]}))));
        let lines = Signal::derive(move || {
            store.incident.with(|i| i.as_ref().map(|i| i.timeline.clone()).unwrap_or_default())
        });
        view! { <Timeline lines/> }
    });
    assert!(page.text().contains("<b>first</b>"), "F40: never as markup");
    page.store.tell(incident(json!({"timeline": [line(1, "<b>first</b>"), line(2, "second")]})));
    drawn().await;
    assert!(page.text().contains("second"));
}

/// F28.
#[wasm_bindgen_test]
fn older_news_of_the_same_incident_is_left_out() {
    let page = Page::show(|_| ());
    let newer = incident(json!({"state": "verifying", "timeline": [line(1, "a"), line(2, "b")]}));
    page.store.tell(newer.clone());
    page.store.tell(incident(json!({"timeline": [line(1, "a")]})));
    assert_eq!(page.store.incident.get_untracked(), Some(newer));
}

/// R21.
#[wasm_bindgen_test]
fn drill_that_ended_never_covers_the_real_thing() {
    let page = Page::show(|_| ());
    let live = incident(json!({}));
    page.store.tell(live.clone());
    let drill =
        json!({"id": "00000000-0000-0000-0000-000000000002", "mode": "drill", "state": "closed"});
    page.store.tell(incident(drill));
    assert_eq!(page.store.incident.get_untracked(), Some(live));
}
