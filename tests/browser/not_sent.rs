//! A request that the server has not acknowledged shows the truth and the emergency number, and
//! never a countdown.

use crate::page::{Page, gesture, home};
use buckler::{
    domain::incident::Request,
    web::{
        components::NotSent,
        sending::{Stage, sender},
    },
};
use leptos::prelude::*;
use wasm_bindgen_test::wasm_bindgen_test;

fn shown(stage: Stage) -> Page {
    Page::show(move |store| {
        store.home.set(Some(home(true)));
        view! { <NotSent stage/> }
    })
}

/// A request for medical help. One of its attempts may have arrived.
fn unanswered(stage: Stage) -> Page {
    Page::show(move |store| {
        store.home.set(Some(home(true)));
        sender().send(gesture(Request::Medical));
        sender().sending.update(|s| s.as_mut().unwrap().may_have_arrived = true);
        view! { <NotSent stage/> }
    })
}

/// I28: an answer that is lost.
#[wasm_bindgen_test]
fn unanswered_request_claims_neither_yes_nor_no() {
    for stage in [Stage::NotSent, Stage::StillNeeded] {
        let page = unanswered(stage);
        page.named("Call 911");
        let said = page.text();
        assert!(said.contains("We do not know whether your request"), "{said}");
        for claim in ["NOT SENT", "NOTHING WAS REQUESTED", "HAS NOT REACHED", "COULD NOT BE SENT"] {
            assert!(!said.to_uppercase().contains(claim), "{said}");
        }
        page.sender.close();
    }
}

/// I28.
#[wasm_bindgen_test]
fn withdrawal_claims_nothing_before_it_is_confirmed() {
    let page = unanswered(Stage::Withdrawing);
    assert!(page.text().contains("The server has not confirmed that yet."), "{}", page.text());
    assert!(!page.text().contains("Nothing was requested"));
    page.named("Call 911");
    page.named("Close");
    page.sender.close();
    let page = shown(Stage::Withdrawn);
    page.named("Nothing was requested");
}

/// F1.
#[wasm_bindgen_test]
fn not_sent_is_said_with_the_emergency_number() {
    let page = shown(Stage::NotSent);
    page.named("NOT SENT — trying again");
    assert_eq!(page.named("Call 911").get_attribute("href").as_deref(), Some("tel:911"));
    page.named("Stop trying");
    assert!(page.find(".ring").is_none());
}

/// F5.
#[wasm_bindgen_test]
fn request_asks_instead_of_sending_after_a_minute() {
    let page = shown(Stage::StillNeeded);
    page.named("Still need help?");
    page.named("Yes, request help");
    page.named("No, it is over");
}

/// The server has acknowledged in words of a newer version, so the screen must not say NOT SENT.
#[wasm_bindgen_test]
fn what_has_arrived_is_never_said_to_be_unsent() {
    let page = shown(Stage::Arrived);
    page.named("Your request has arrived");
    page.named("Load again");
    page.named("Call 911");
    assert!(!page.text().to_uppercase().contains("NOT SENT"));
}

#[wasm_bindgen_test]
fn what_the_server_refuses_is_said_in_its_words() {
    let page = shown(Stage::Refused("You may look at this incident, not change it.".into()));
    assert!(page.text().contains("You may look at this incident, not change it."));
    page.named("Call 911");
}

/// An answer of a kind that only a newer server knows may be no refusal.
#[wasm_bindgen_test]
fn what_only_a_newer_server_answers_is_not_said_to_be_unsent() {
    let page = shown(Stage::Answered("Your neighbors are on their way.".into()));
    page.named("The server has answered");
    assert!(page.text().contains("Your neighbors are on their way."));
    page.named("Load again");
    page.named("Call 911");
    assert!(!page.text().to_uppercase().contains("NOT SENT"));
}

/// A session that ended removed the home from the screen, but the number is still the one of the
/// home where help is needed (F1).
#[wasm_bindgen_test]
fn emergency_number_is_that_of_the_home_where_help_is_needed() {
    let page = Page::show(|store| {
        store.home.set(Some(home(true)));
        sender().send(gesture(Request::Medical));
        store.home.set(None);
        view! { <NotSent stage=Stage::Trying/> }
    });
    assert_eq!(page.named("Call 911").get_attribute("href").as_deref(), Some("tel:911"));
    page.sender.close();
}
