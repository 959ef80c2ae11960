//! A request on its way to the server: what is sent, how often, and what is shown in the end.

use crate::page::{Page, home, incident, lake_cabin, until, with_two_homes};
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
/// more than a minute ago by that clock; or everything, if `refuses`. It loses the first
/// `window.lost` requests, and answers when `window.answers` resolves.
const SERVER: &str = r#"(ahead, refuses, incident) => {
    const { fetch } = window;
    Object.assign(window, { requests: [], lost: 0, answers: undefined, refusal: "stale_request" });
    window.fetch = async (request) => {
        if (request.method !== "POST") return fetch(request);
        const asked = await request.json();
        window.requests.push({ ...asked, path: new URL(request.url).pathname });
        if (window.lost-- > 0) throw new TypeError("lost");
        await window.answers;
        const now = Date.now() + ahead;
        if (!refuses && now - Date.parse(asked.sent_at) <= 60_000) return new Response(incident, { status: 201 });
        const server_time = new Date(now).toISOString();
        return new Response(JSON.stringify({ detail: "", code: window.refusal, server_time }), { status: 409 });
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
        with_two_homes(store);
        store.home.set(Some(home(true)));
        sender().send(Gesture {
            home: "maple-street".parse().unwrap(),
            home_name: Some("Maple Street".into()),
            number: "911",
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

fn open_lake_cabin(page: &Page) {
    page.store.open("lake-cabin".parse().unwrap());
    page.store.learn(lake_cabin());
}

/// I29.
#[wasm_bindgen_test]
async fn retry_goes_to_the_home_it_was_pressed_for() {
    let server = Server::new(0, false);
    js_sys::eval("window.lost = 1").unwrap();
    let page = requested();
    open_lake_cabin(&page);
    until("the incident", || shows_incident(&page)).await;
    let paths: Vec<Value> = server.requests().iter().map(|asked| asked["path"].clone()).collect();
    assert_eq!(paths, ["/api/v1/homes/maple-street/incidents"; 2]);
}

/// I29.
#[wasm_bindgen_test]
async fn acknowledgment_after_giving_up_opens_no_home() {
    let server = Server::new(0, false);
    js_sys::eval("window.answers = new Promise((answer) => (window.answer = answer))").unwrap();
    let page = requested();
    until("the request", || !server.requests().is_empty()).await;
    page.sender.give_up();
    open_lake_cabin(&page);
    js_sys::eval("window.answer()").unwrap();
    let elsewhere = || page.store.elsewhere.get_untracked();
    until("the bar", || elsewhere().is_some()).await;
    assert_eq!(elsewhere(), "maple-street".parse().ok());
    assert!(page.store.is_open(&"lake-cabin".parse().unwrap()) && !shows_incident(&page));
    page.store.open("maple-street".parse().unwrap());
    assert_eq!(elsewhere(), None);
}

/// I29.
#[wasm_bindgen_test]
async fn lost_home_is_said_and_nothing_goes_to_another() {
    let server = Server::new(0, true);
    js_sys::eval("window.refusal = 'not_found'").unwrap();
    let page = requested();
    let refused = || {
        page.sender.sending.with_untracked(|s| match s.as_ref().map(|s| &s.stage) {
            Some(Stage::Refused(why)) => Some(why.clone()),
            _ => None,
        })
    };
    until("the refusal", || refused().is_some()).await;
    assert!(refused().unwrap().contains("no longer open to you"));
    assert_eq!(server.requests().len(), 1);
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
