//! I33: a restricted device shows only what it may do, and says so.

use crate::page::{Page, home, incident, now};
use buckler::web::components::{CountdownScreen, RunningScreen, SheetHandle};
use leptos::prelude::*;
use serde_json::{Value, json};
use std::time::Duration;
use wasm_bindgen_test::wasm_bindgen_test;

/// The screen of an incident on a restricted device, or on a free one.
fn on_device(restricted: bool, changes: Value) -> Page {
    Page::show(move |store| {
        let mut home = home(true);
        home.sos.restricted_until = restricted.then(|| now() + Duration::from_secs(3_600));
        store.home.set(Some(home));
        let told = Signal::stored(incident(changes.clone()));
        match changes["state"] == "counting_down" {
            true => view! { <CountdownScreen incident=told/> }.into_any(),
            false => view! { <RunningScreen incident=told sheet=SheetHandle::new()/> }.into_any(),
        }
    })
}

const ONLY_LOOKS: &str = "so it can only look here";

#[wasm_bindgen_test]
fn restricted_device_is_offered_no_control_of_others_countdown() {
    let others = json!({"state": "counting_down"});
    let page = on_device(true, others.clone());
    for button in ["Cancel Help", "Send Now"] {
        assert!(page.try_named(button).is_none(), "{button}");
    }
    assert!(page.text().contains(ONLY_LOOKS));
    let own = json!({"state": "counting_down", "restricted": true});
    for (restricted, incident) in [(false, others), (true, own)] {
        let page = on_device(restricted, incident);
        page.named("Cancel Help");
        page.named("Send Now");
        assert!(!page.text().contains(ONLY_LOOKS));
    }
}

#[wasm_bindgen_test]
fn restricted_device_is_offered_no_end_of_what_others_began() {
    let siren = json!({"state": "sounding", "until": now(), "devices": ["hall"], "confirmed": []});
    let others = json!({"state": "dispatching", "can_end": true, "siren": siren});
    let page = on_device(true, others.clone());
    for button in ["Silence Siren", "It is over"] {
        assert!(page.try_named(button).is_none(), "{button}");
    }
    assert!(page.text().contains(ONLY_LOOKS));
    page.named("Leave this screen");
    let late = on_device(true, json!({"state": "under_review"}));
    assert!(late.try_named("Yes, send help now").is_none());
    let page = on_device(false, others);
    page.named("Silence Siren");
    page.named("It is over");
    assert!(!page.text().contains(ONLY_LOOKS));
}
