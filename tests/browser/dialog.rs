//! Successive dialogs: the focus is where a person acts.

use crate::page::{Page, drawn, until};
use buckler::web::{
    browser::dialog::open_when_mounted,
    components::part,
    on_demand::{Coming, once_there},
};
use gloo_timers::future::TimeoutFuture;
use leptos::{html::Dialog, prelude::*};
use std::sync::atomic::{AtomicBool, Ordering};
use wasm_bindgen::JsCast;
use wasm_bindgen_test::wasm_bindgen_test;

#[component]
fn Asked(name: &'static str) -> impl IntoView {
    let node = NodeRef::<Dialog>::new();
    open_when_mounted(node);
    view! { <dialog node_ref=node><p tabindex="-1" autofocus={name == "instead"}>{name}</p><button autofocus={name != "instead"}>{name}</button></dialog> }
}

fn focused() -> String {
    web_sys::window()
        .unwrap()
        .document()
        .unwrap()
        .active_element()
        .and_then(|e| e.text_content())
        .unwrap_or_default()
}

#[wasm_bindgen_test]
async fn after_a_dialog_the_focus_is_where_it_was() {
    let open = RwSignal::new(false);
    let asked = part(move || open.get().then(|| view! { <Asked name="asked"/> }));
    let page = Page::show(move |_| view! { <button>"opener"</button> {asked} });
    page.named("opener").unchecked_into::<web_sys::HtmlElement>().focus().unwrap();
    open.set(true);
    drawn().await;
    assert_eq!(focused(), "asked");
    open.set(false);
    drawn().await;
    assert_eq!(focused(), "opener");
}

/// The screen for the end of an incident replaces a placeholder: it opens as its own dialog instead
/// of being drawn into the open one.
#[wasm_bindgen_test]
async fn dialog_on_demand_takes_the_focus_from_its_placeholder() {
    static THERE: AtomicBool = AtomicBool::new(false);
    let fetch: fn() -> Coming<()> = || {
        Box::pin(async {
            while !THERE.load(Ordering::Relaxed) {
                TimeoutFuture::new(1).await;
            }
            Ok(())
        })
    };
    let asked = |name: &'static str| view! { <Asked name/> }.into_any();
    let make = Box::new(move || -> Coming<AnyView> { Box::pin(async move { Ok(asked("come")) }) });
    let page =
        Page::show(move |_| once_there(fetch, make, Box::new(move |_| Some(asked("instead")))));
    drawn().await;
    assert_eq!(focused(), "instead");
    THERE.store(true, Ordering::Relaxed);
    until("the focus", || focused() == "come").await;
    assert!(page.try_named("instead").is_none());
}
