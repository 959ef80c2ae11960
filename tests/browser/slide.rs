//! The slide: only its end counts, a tap moves nothing, and an equal alternative needs no sliding.

use crate::page::{Page, drawn, until};
use buckler::{domain::incident::Request, web::components::Slide};
use leptos::prelude::*;
use std::sync::{Arc, Mutex};
use wasm_bindgen::JsCast;
use wasm_bindgen_test::wasm_bindgen_test;
use web_sys::HtmlInputElement;

fn slide() -> (Page, Arc<Mutex<Vec<Request>>>) {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let heard = asked.clone();
    let page = Page::show(move |_| {
        let on_request = Callback::new(move |request| heard.lock().unwrap().push(request));
        view! { <Slide request=Request::Police on_request/> }
    });
    (page, asked)
}

const SLIDER: &str = "Slide to request police";

/// R8.
#[wasm_bindgen_test]
async fn letting_go_at_the_end_asks_once() {
    let (page, asked) = slide();
    page.slide(SLIDER, &[0, 20, 45, 70, 90, 100]);
    assert_eq!(*asked.lock().unwrap(), [Request::Police]);
    // It snaps back after the frame that shows it at the end, which a busy machine may delay.
    until("it snaps back", || {
        page.named(SLIDER).unchecked_into::<HtmlInputElement>().value() == "0"
    })
    .await;
    assert_eq!(*asked.lock().unwrap(), [Request::Police], "and asks once");
}

/// R8.
#[wasm_bindgen_test]
async fn letting_go_before_the_end_snaps_back_and_asks_nothing() {
    let (page, asked) = slide();
    page.slide(SLIDER, &[0, 30, 60, 90, 95]);
    drawn().await;
    assert!(asked.lock().unwrap().is_empty());
    assert_eq!(page.named(SLIDER).unchecked_into::<HtmlInputElement>().value(), "0");
}

/// R8.
#[wasm_bindgen_test]
fn tap_on_the_track_is_no_slide() {
    let (page, asked) = slide();
    page.slide(SLIDER, &[100]);
    assert!(asked.lock().unwrap().is_empty());
}

/// R8.
#[wasm_bindgen_test]
async fn two_taps_ask_without_sliding() {
    let (page, asked) = slide();
    page.press("Request police without sliding");
    drawn().await;
    assert!(asked.lock().unwrap().is_empty());
    page.press("Tap again to request police");
    drawn().await;
    assert_eq!(*asked.lock().unwrap(), [Request::Police]);
    assert!(page.try_named("Request police without sliding").is_some(), "it is disarmed again");
}
