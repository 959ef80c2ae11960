//! The sheet offers kinds of help, and nothing that the home does not have.

use crate::page::{Page, drawn, home, lake_cabin, until, with_two_homes};
use buckler::{
    domain::incident::Source,
    web::{
        components::{Sheet, SheetHandle},
        store::Session,
    },
};
use leptos::prelude::*;
use wasm_bindgen_test::wasm_bindgen_test;

async fn sheet(has_siren: bool) -> Page {
    let page = Page::show(move |store| {
        store.home.set(Some(home(has_siren)));
        let handle = SheetHandle::new();
        handle.open(store.open_home.get_untracked().unwrap(), Source::Dashboard);
        view! { <Sheet handle/> }
    });
    until("the sheet is open", || page.try_named("Close").is_some()).await;
    page
}

/// R8.
#[wasm_bindgen_test]
async fn sheet_offers_the_siren_and_three_slides_with_an_equal_way() {
    let page = sheet(true).await;
    for service in ["police", "fire department", "medical help"] {
        page.named(&format!("Slide to request {service}"));
        page.named(&format!("Request {service} without sliding"));
    }
    page.named("Sound Siren Only");
    page.named("Call 911");
    assert!(page.text().contains("To 14 Maple Street, Portland, OR 97205"));
}

/// R9.
#[wasm_bindgen_test]
async fn sheet_claims_no_siren_without_a_base_station() {
    let page = sheet(false).await;
    assert!(page.try_named("Sound Siren Only").is_none());
    assert!(!page.text().to_lowercase().contains("siren"));
}

/// R21.
#[wasm_bindgen_test]
async fn practice_has_a_sheet_of_its_own() {
    let page = sheet(true).await;
    page.press("Practice instead");
    drawn().await;
    page.named("Practice");
    assert!(page.text().contains("told that this is a drill"));
    page.press("Back to the real thing");
    drawn().await;
    page.named("Request help");
}

#[wasm_bindgen_test]
async fn closing_it_sends_nothing() {
    let page = sheet(true).await;
    page.press("Close");
    until("it is closed", || page.try_named("Request help").is_none()).await;
    assert_eq!(page.sender.sending.get_untracked(), None);
}

/// I29.
#[wasm_bindgen_test]
async fn sheet_names_its_home_and_stays_with_it() {
    let page = Page::show(move |store| {
        with_two_homes(store);
        store.home.set(Some(home(true)));
        let handle = SheetHandle::new();
        handle.open(store.open_home.get_untracked().unwrap(), Source::Dashboard);
        view! { <Sheet handle/> }
    });
    until("the sheet is open", || page.try_named("Maple Street: Request help").is_some()).await;
    page.store.open("lake-cabin".parse().unwrap());
    page.store.learn(lake_cabin());
    drawn().await;
    page.named("Maple Street: Request help");
    page.named("Call 911");
    assert!(page.text().contains("To 14 Maple Street") && !page.text().contains("Shore Road"));
    // Also if the person has just lost it, and the device has forgotten it.
    page.store.session.set(Session::Asking);
    page.press("Request police without sliding");
    drawn().await;
    page.press("Tap again to request police");
    let asked = page.sender.sending.get_untracked().unwrap();
    assert_eq!(Ok(asked.home), "maple-street".parse());
    assert_eq!((asked.home_name.as_deref(), asked.number), (Some("Maple Street"), "911"));
    page.sender.give_up();
}

/// A home of which nothing is known has a sheet, which claims no siren (R9).
#[wasm_bindgen_test]
async fn sheet_without_details_offers_help() {
    let page = Page::show(|store| {
        let handle = SheetHandle::new();
        handle.open("lake-cabin".parse().unwrap(), Source::Dashboard);
        with_two_homes(store);
        view! { <Sheet handle/> }
    });
    until("the sheet is open", || page.try_named("Lake Cabin: Request help").is_some()).await;
    page.named("Slide to request police");
    page.named("Call 112");
    assert!(page.try_named("Sound Siren Only").is_none());
}
