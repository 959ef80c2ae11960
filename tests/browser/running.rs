//! The screen of a running incident says who was told, can be left, and offers to end the incident
//! where nobody else ends it.

use crate::page::{Page, incident, until};
use buckler::web::components::{RunningScreen, SheetHandle};
use leptos::prelude::*;
use serde_json::{Value, json};
use wasm_bindgen::JsCast;
use wasm_bindgen_test::wasm_bindgen_test;
use web_sys::{Event, EventInit, Node};

fn running(changes: Value) -> Page {
    Page::show(move |store| {
        let told = incident(changes);
        store.incident.set(Some(told.clone()));
        view! { <RunningScreen incident=Signal::stored(told) sheet=SheetHandle::new()/> }
    })
}

fn nobody_told() -> Page {
    running(
        json!({"state": "dispatching", "connected": false, "can_end": true, "cancel": {"allowed": false, "how": "nothing", "center_phone": null}}),
    )
}

/// R14: on a server that is connected to nobody, the number and what to say come first, and nothing
/// has a check mark.
#[wasm_bindgen_test]
fn screen_says_first_that_nobody_has_been_told() {
    let page = nobody_told();
    assert_eq!(
        page.find("h1").unwrap().text_content().as_deref(),
        Some("Nobody has been told. Call 911")
    );
    let call = page.named("Call 911");
    assert_eq!(call.get_attribute("href").as_deref(), Some("tel:911"));
    for later in [".line", ".two", ".acts"] {
        let place = call.compare_document_position(&page.find(later).unwrap());
        assert!(place & Node::DOCUMENT_POSITION_FOLLOWING != 0, "{later} comes after the number");
    }
    assert!(page.text().contains("Say: police, 14 Maple Street, Portland."));
    assert!(
        page.find("[href='#i-check']").is_none()
            && !page.text().contains("Help has been requested")
    );
    let told = running(json!({"state": "dispatching"}));
    assert!(told.text().contains("Help has been requested") && told.find(".alone").is_none());
}

#[wasm_bindgen_test]
async fn screen_can_be_left_for_a_bar() {
    let page = nobody_told();
    let id = page.store.incident.with_untracked(|i| i.as_ref().map(|i| i.id));
    page.press("Leave this screen");
    assert_eq!(page.store.minimized.get_untracked(), id);
    // Escape does the same.
    page.store.minimized.set(None);
    let options = EventInit::new();
    options.set_cancelable(true);
    let escape = Event::new_with_event_init_dict("cancel", &options).unwrap();
    until("the screen", || page.find("dialog[open]").is_some()).await;
    let dialog: web_sys::EventTarget = page.find("dialog").unwrap().unchecked_into();
    assert!(!dialog.dispatch_event(&escape).unwrap(), "the browser itself closes nothing");
    assert_eq!(page.store.minimized.get_untracked(), id);
}

#[wasm_bindgen_test]
async fn end_is_offered_where_it_may_be_said_and_asks() {
    let page = nobody_told();
    page.press("It is over");
    until("the question", || page.try_named("Tap again: it is over").is_some()).await;
    let held = running(json!({"state": "dispatching", "can_end": false}));
    assert!(held.try_named("It is over").is_none(), "somebody at the center works on it");
}
