//! A request that the server has not acknowledged: the truth and the emergency number, never a countdown.

use crate::page::{Page, home};
use buckler::web::{components::NotSent, sending::Stage};
use leptos::prelude::*;
use wasm_bindgen_test::wasm_bindgen_test;

fn shown(stage: Stage) -> Page {
    Page::show(move |store| {
        store.home.set(Some(home(true)));
        view! { <NotSent stage/> }
    })
}

#[wasm_bindgen_test]
fn f1_not_sent_is_said_with_the_emergency_number() {
    let page = shown(Stage::NotSent);
    page.named("NOT SENT — trying again");
    assert_eq!(page.named("Call 911").get_attribute("href").as_deref(), Some("tel:911"));
    page.named("Stop trying");
    assert!(page.find(".ring").is_none());
}

#[wasm_bindgen_test]
fn f5_after_a_minute_it_asks_instead_of_sending() {
    let page = shown(Stage::StillNeeded);
    page.named("Still need help?");
    page.named("Yes, request help");
    page.named("No, it is over");
}

#[wasm_bindgen_test]
fn what_the_server_refuses_is_said_in_its_words() {
    let page = shown(Stage::Refused("You may look at this incident, not change it.".into()));
    assert!(page.text().contains("You may look at this incident, not change it."));
    page.named("Call 911");
}
