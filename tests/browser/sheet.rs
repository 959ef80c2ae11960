//! The sheet offers kinds of help, and nothing that the home does not have.

use crate::page::{Page, drawn, home, until};
use buckler::{
    domain::incident::Source,
    web::components::{Sheet, SheetHandle},
};
use leptos::prelude::*;
use wasm_bindgen_test::wasm_bindgen_test;

async fn sheet(has_siren: bool) -> Page {
    let page = Page::show(move |store| {
        store.home.set(Some(home(has_siren)));
        let handle = SheetHandle::new();
        handle.open(Source::Dashboard);
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
