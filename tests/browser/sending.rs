//! A request on its way to the server: what is sent, how often, and what is shown in the end.

use crate::page::{Page, drawn, gesture, home, incident, lake_cabin, until, with_two_homes};
use buckler::{
    domain::incident::Request,
    web::sending::{Stage, sender},
};
use js_sys::Function;
use leptos::prelude::*;
use serde_json::{Value, json};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_test::wasm_bindgen_test;

/// Takes the place of the network for requests for help, and returns a function that ends that. Its
/// clock is `ahead` milliseconds ahead of this device's. Like the server, it refuses what was sent
/// more than a minute ago by that clock; or everything, if `refuses`. It loses the first
/// `window.lost` requests, and answers when `window.answers` resolves. It notes withdrawals, loses the
/// first `window.deaf` of them, refuses the first `window.busy` others because there were too many, and
/// answers the others with `window.verdict`.
const SERVER: &str = r#"(ahead, refuses, incident) => {
    const { fetch } = window;
    Object.assign(window, { requests: [], lost: 0, answers: undefined, refusal: "stale_request", withdrawn: [], deaf: 0, busy: 0, verdict: "{}", refused: false });
    window.fetch = async (request) => {
        if (request.method === "DELETE") {
            window.withdrawn.push(new URL(request.url).pathname);
            if (window.deaf-- > 0) throw new TypeError("lost");
            if (window.busy-- > 0) return new Response(JSON.stringify({ detail: "", code: "too_many_changes" }), { status: 429 });
            return new Response(window.verdict);
        }
        if (request.method !== "POST") return fetch(request);
        const asked = await request.json();
        window.requests.push({ ...asked, path: new URL(request.url).pathname });
        if (window.lost-- > 0) throw new TypeError("lost");
        await window.answers;
        const now = Date.now() + ahead;
        if (!refuses && now - Date.parse(asked.sent_at) <= 60_000) return new Response(incident, { status: 201 });
        const server_time = new Date(now).toISOString();
        const refusal = new Response(JSON.stringify({ detail: "", code: window.refusal, server_time }), { status: 409 });
        // The app has handled the refusal once it has read it.
        const { text } = refusal;
        refusal.text = () => text.call(refusal).finally(() => (window.refused = true));
        return refusal;
    };
    return () => { window.fetch = fetch; localStorage.removeItem("buckler-withdrawn"); };
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
        list("requests")
    }

    /// The paths of the withdrawals, in order.
    fn withdrawn(&self) -> Vec<Value> {
        list("withdrawn")
    }
}

fn list(name: &str) -> Vec<Value> {
    let text = js_sys::eval(&format!("JSON.stringify(window.{name})")).unwrap();
    serde_json::from_str(&text.as_string().unwrap()).unwrap()
}

/// The withdrawals that this browser keeps until they are confirmed.
fn kept() -> Option<String> {
    js_sys::eval("localStorage.getItem('buckler-withdrawn')").unwrap().as_string()
}

fn stage(page: &Page) -> Option<Stage> {
    page.sender.sending.with_untracked(|s| s.as_ref().map(|s| s.stage.clone()))
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
        sender().send(gesture(Request::Police));
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
    until("the question", || stage(&page) == Some(Stage::StillNeeded)).await;
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
    js_sys::eval(
        "window.deaf = 1e9; window.answers = new Promise((answer) => (window.answer = answer))",
    )
    .unwrap();
    let page = requested();
    until("the request", || !server.requests().is_empty()).await;
    page.sender.give_up();
    page.sender.close();
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

/// I28: the answers to all attempts are lost.
#[wasm_bindgen_test]
async fn given_up_request_is_withdrawn_until_confirmed() {
    let server = Server::new(0, false);
    js_sys::eval("window.lost = 100; window.deaf = 1; window.busy = 1").unwrap();
    let page = requested();
    until("an attempt", || !server.requests().is_empty()).await;
    let id = server.requests()[0]["id"].as_str().unwrap().to_owned();
    page.sender.give_up();
    assert_eq!(stage(&page), Some(Stage::Withdrawing));
    assert!(kept().unwrap().contains(&id), "it goes on after a new start");
    until("the confirmation", || stage(&page) == Some(Stage::Withdrawn)).await;
    let path = format!("/api/v1/homes/maple-street/requests/{id}");
    assert_eq!(server.withdrawn(), [path.clone(), path.clone(), path]);
    assert_eq!(kept(), None);
    assert_eq!(server.requests().len(), 1, "nothing is requested any more");
    page.sender.close();
}

/// I28: it had arrived, and it is too late.
#[wasm_bindgen_test]
async fn withdrawal_that_comes_too_late_shows_what_runs() {
    let _server = Server::new(0, false);
    let running = json!({"incident": incident(json!({"state": "dispatching"}))});
    let running = serde_json::to_string(&running.to_string()).unwrap();
    js_sys::eval(&format!("window.lost = 100; window.verdict = {running}")).unwrap();
    let page = requested();
    until("an attempt", || {
        page.sender.sending.with_untracked(|s| s.as_ref().unwrap().may_have_arrived)
    })
    .await;
    page.sender.give_up();
    until("the incident", || shows_incident(&page)).await;
    assert_eq!(stage(&page), None);
}

/// I28.
#[wasm_bindgen_test]
async fn renewed_request_names_the_one_that_may_have_arrived() {
    let server = Server::new(0, false);
    js_sys::eval("window.lost = 1").unwrap();
    let page = requested();
    until("an attempt", || !server.requests().is_empty()).await;
    page.sender.renew();
    until("the incident", || shows_incident(&page)).await;
    let requests = server.requests();
    let last = requests.last().unwrap();
    assert_ne!(last["id"], requests[0]["id"]);
    assert_eq!((&requests[0]["after"], &last["after"]), (&Value::Null, &requests[0]["id"]));
}

/// Nothing leaves a device without a network, so there is nothing to withdraw.
#[wasm_bindgen_test]
async fn request_that_never_left_is_not_withdrawn() {
    let server = Server::new(0, false);
    js_sys::eval("window.lost = 100; Object.defineProperty(navigator, 'onLine', { configurable: true, get: () => false })").unwrap();
    let page = requested();
    until("NOT SENT", || stage(&page) == Some(Stage::NotSent)).await;
    js_sys::eval("delete navigator.onLine").unwrap();
    assert!(!page.sender.sending.with_untracked(|s| s.as_ref().unwrap().may_have_arrived));
    page.sender.give_up();
    assert_eq!((stage(&page), kept()), (None, None));
    assert!(server.withdrawn().is_empty());
}

/// An attempt was on its way when the person gave up, and is refused after the withdrawal.
#[wasm_bindgen_test]
async fn late_refusal_changes_nothing_that_was_confirmed() {
    let server = Server::new(0, true);
    js_sys::eval("window.refusal = 'withdrawn'; window.answers = new Promise((answer) => (window.answer = answer))")
        .unwrap();
    let page = requested();
    until("the request", || !server.requests().is_empty()).await;
    page.sender.give_up();
    until("the confirmation", || stage(&page) == Some(Stage::Withdrawn)).await;
    js_sys::eval("window.answer()").unwrap();
    let refused = || js_sys::eval("window.refused").unwrap().is_truthy();
    until("the refusal", refused).await;
    drawn().await;
    assert_eq!(stage(&page), Some(Stage::Withdrawn));
    page.sender.close();
}
