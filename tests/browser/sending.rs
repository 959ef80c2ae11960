//! A request on its way to the server: what is sent, how often, and what is shown in the end.

use crate::page::{Page, home, incident, until};
use buckler::{
    domain::incident::{Mode, Request, Source},
    web::sending::{Gesture, Stage, sender},
};
use js_sys::Function;
use leptos::prelude::*;
use serde_json::{Value, json};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_test::wasm_bindgen_test;

/// Takes the place of the network for requests for help, and returns a function that ends that. Its
/// clock is `ahead` milliseconds ahead of this device's. Like the server, it refuses what was sent
/// more than a minute ago by that clock; or everything, if `refuses`.
const SERVER: &str = r#"(ahead, refuses, incident) => {
    const { fetch } = window;
    window.requests = [];
    window.fetch = async (request) => {
        if (request.method !== "POST") return fetch(request);
        const asked = await request.json();
        window.requests.push(asked);
        const now = Date.now() + ahead;
        if (!refuses && now - Date.parse(asked.sent_at) <= 60_000) return new Response(incident, { status: 201 });
        const server_time = new Date(now).toISOString();
        return new Response(JSON.stringify({ detail: "", code: "stale_request", server_time }), { status: 409 });
    };
    return () => (window.fetch = fetch);
}"#;

struct Server {
    end: Function,
}

impl Server {
    fn new(ahead_ms: i32, refuses: bool) -> Self {
        let begin: Function = js_sys::eval(SERVER).unwrap().unchecked_into();
        let incident = serde_json::to_string(&incident(json!({}))).unwrap();
        let end = begin.call3(&JsValue::NULL, &ahead_ms.into(), &refuses.into(), &incident.into());
        Self { end: end.unwrap().unchecked_into() }
    }

    /// The requests for help, in order.
    fn requests(&self) -> Vec<Value> {
        let text = js_sys::eval("JSON.stringify(window.requests)").unwrap();
        serde_json::from_str(&text.as_string().unwrap()).unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end.call0(&JsValue::NULL).unwrap();
    }
}

/// A page on which somebody has just requested police.
fn requested() -> Page {
    Page::show(|store| {
        store.home.set(Some(home(true)));
        sender().send(Gesture {
            request: Request::Police,
            mode: Mode::Live,
            sirens: true,
            call_contacts: true,
            source: Source::Dashboard,
        });
    })
}

fn shows_incident(page: &Page) -> bool {
    page.store.incident.with_untracked(Option::is_some)
}

/// F5, F18.
#[wasm_bindgen_test]
async fn request_of_a_slow_clock_arrives_with_the_right_time() {
    let server = Server::new(90_000, false);
    let page = requested();
    until("the incident", || shows_incident(&page)).await;
    assert!(page.sender.sending.with_untracked(Option::is_none));
    let requests = server.requests();
    assert_eq!(requests.len(), 2, "it was refused once, and then sent with the server's time");
    assert_eq!(requests[0]["id"], requests[1]["id"]);
}

/// F5, F18.
#[wasm_bindgen_test]
async fn request_of_a_fast_clock_is_sent_once() {
    let server = Server::new(-90_000, false);
    let page = requested();
    until("the incident", || shows_incident(&page)).await;
    assert_eq!(server.requests().len(), 1);
}

/// F5.
#[wasm_bindgen_test]
async fn request_that_is_refused_twice_asks_the_person() {
    let server = Server::new(90_000, true);
    let page = requested();
    let stage = || page.sender.sending.with_untracked(|s| s.as_ref().map(|s| s.stage.clone()));
    until("the question", || stage() == Some(Stage::StillNeeded)).await;
    assert_eq!(server.requests().len(), 2);
    page.sender.give_up();
}

/// The person sees what they requested, also if another home was opened meanwhile.
#[wasm_bindgen_test]
async fn acknowledged_request_opens_its_home() {
    let _server = Server::new(0, false);
    let page = requested();
    page.store.open("lake-cabin".parse().unwrap());
    until("the incident", || shows_incident(&page)).await;
    assert!(page.store.is_open(&"maple-street".parse().unwrap()));
}
