//! Inviting somebody: the link is for the person whose name was sent.

use crate::page::{Page, until};
use buckler::web::components::Inviting;
use js_sys::Function;
use leptos::prelude::*;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_test::wasm_bindgen_test;

/// Takes the place of the network, and returns a function that ends that. `window.answer()` answers
/// the request.
const SERVER: &str = r#"() => {
    const { fetch } = window;
    const link = JSON.stringify({ path: "/invite/token" });
    const answered = new Promise((answer) => (window.answer = answer));
    window.fetch = () => answered.then(() => new Response(link, { status: 201 }));
    return () => (window.fetch = fetch);
}"#;

const NAME: &str = "input[name=name]";

/// Invites Robin. `meanwhile` happens before the server answers.
async fn invited(meanwhile: impl FnOnce(&Page)) -> Page {
    let begin: Function = js_sys::eval(SERVER).unwrap().unchecked_into();
    let page = Page::show(|_| {
        let (open, refresh) = (RwSignal::new(Vec::new()), Callback::new(|()| ()));
        let ways = vec![("guest", "Guest".to_owned())];
        view! { <Inviting path="/api/v1/invitations".to_owned() ways open refresh/> }
    });
    let end: Function = begin.call0(&JsValue::NULL).unwrap().unchecked_into();
    page.write(NAME, "Robin");
    page.press("Make a link");
    until("the request", || page.try_named("Saving…").is_some()).await;
    meanwhile(&page);
    js_sys::eval("window.answer()").unwrap();
    until("the link", || page.find("code").is_some()).await;
    end.call0(&JsValue::NULL).unwrap();
    page
}

#[wasm_bindgen_test]
async fn link_names_the_person_whose_name_was_sent() {
    let page = invited(|page| page.write(NAME, "Alex")).await;
    let link = page.find(".link-box").unwrap().text_content().unwrap();
    assert!(link.contains("Robin") && !link.contains("Alex"), "{link}");
    assert_eq!(page.written(NAME), "Alex", "the next name is still there");
}

#[wasm_bindgen_test]
async fn name_is_cleared_once_its_link_is_made() {
    let page = invited(|_| ()).await;
    until("the field is empty", || page.written(NAME).is_empty()).await;
}
