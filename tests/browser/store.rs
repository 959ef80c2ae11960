//! The app's state shows the open home, and nothing that arrives about another (I29). What is stored
//! on the device belongs to one person and their homes.

use crate::page::{Page, account, home, incident, lake_cabin, until, with_two_homes};
use buckler::{
    api::home::HomeAnswer,
    domain::{id::HomeId, time::Timestamp},
    web::{
        browser::{forget, keep, kept, kept_names},
        store::{NoDetails, Session},
    },
};
use js_sys::Function;
use leptos::prelude::*;
use serde_json::{Value, json};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_test::wasm_bindgen_test;

/// Takes the place of the network, and returns a function that ends that. Every request is answered
/// with `answer`: "lost" fails, and "silent" never comes. The stream has brought the snapshot `first`
/// already, unless that is null. `window.tell` brings another, and `window.lose` loses the stream.
const SERVER: &str = r#"(answer, first) => {
    const { fetch, live } = window;
    window.fetch = async () => {
        if (answer === "silent") return new Promise(() => {});
        if (answer === "lost") throw new TypeError("lost");
        return new Response(answer);
    };
    window.live = (path, names, event, connection) => {
        window.tell = (snapshot) => event("snapshot", snapshot);
        window.lose = () => connection(false);
        if (first !== null) window.tell(first);
        return () => {};
    };
    return () => Object.assign(window, { fetch, live });
}"#;

struct Server {
    end: Function,
}

impl Server {
    fn new(answer: &str, first: JsValue) -> Self {
        let begin: Function = js_sys::eval(SERVER).unwrap().unchecked_into();
        let end = begin.call2(&JsValue::NULL, &answer.into(), &first);
        Self { end: end.unwrap().unchecked_into() }
    }

    fn call(&self, name: &str, argument: &JsValue) {
        let function: Function = js_sys::eval(name).unwrap().unchecked_into();
        function.call1(&JsValue::NULL, argument).unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end.call0(&JsValue::NULL).unwrap();
    }
}

fn id(home: &str) -> HomeId {
    home.parse().unwrap()
}

/// The copy of a home, an hour old.
fn keep_old_copy(mut copy: HomeAnswer) {
    copy.server_time = Timestamp::from_millis(copy.server_time.as_millis() - 3_600_000);
    keep(&format!("buckler-last-{}", copy.home.id), &text(&copy));
}

fn text(home: &HomeAnswer) -> String {
    serde_json::to_string(home).unwrap()
}

fn copies() -> Vec<String> {
    let mut names = kept_names("buckler-last");
    names.sort();
    names
}

/// The device of Olivia, who has two homes, has opened both and Lake Cabin last. The copies are an
/// hour old, and that of Maple Street has no devices.
fn device_with_two_homes() {
    keep_old_copy(home(false));
    keep_old_copy(lake_cabin());
    keep("buckler-me", &account(&["maple-street", "lake-cabin"]).to_string());
    keep("buckler-home", "lake-cabin");
}

/// An app that has just been loaded, and has asked who is signed in.
fn started() -> Page {
    let page = Page::show(|_| ());
    page.store.leave();
    page.store.session.set(Session::Asking);
    page
}

fn begun() -> Page {
    let page = started();
    device_with_two_homes();
    page.store.begin();
    page
}

fn open_name(page: &Page) -> Option<String> {
    page.store.home.with_untracked(|home| home.as_ref().map(|home| home.home.name.clone()))
}

fn is_somebody(page: &Page) -> bool {
    page.store.session.with_untracked(|now| matches!(now, Session::Somebody(_)))
}

/// Whether the snapshot is shown, rather than the stored copy.
fn is_current(page: &Page) -> bool {
    let is_offline = page.store.offline_since.with_untracked(Option::is_some);
    open_name(page).is_some() && !is_offline && page.store.connected.get_untracked()
}

/// F1.
#[wasm_bindgen_test]
async fn snapshot_that_came_first_outlives_the_stored_copy() {
    let _server = Server::new("lost", text(&lake_cabin()).into());
    let page = begun();
    until("the home", || is_somebody(&page)).await;
    assert!(is_current(&page));
    page.store.leave();
}

/// F1.
#[wasm_bindgen_test]
async fn stored_copy_is_shown_until_a_snapshot_arrives() {
    let server = Server::new("lost", JsValue::NULL);
    let page = begun();
    until("the copy", || page.store.offline_since.with_untracked(Option::is_some)).await;
    assert!(page.store.home_id().is_some() && !page.store.connected.get_untracked());
    server.call("window.tell", &text(&lake_cabin()).into());
    assert!(is_current(&page));
    page.store.leave();
}

/// I29, F1.
#[wasm_bindgen_test]
async fn each_home_has_its_copy_and_the_choice_stays() {
    let _server = Server::new("lost", JsValue::NULL);
    let page = begun();
    until("the copy", || page.store.home_id().is_some()).await;
    assert_eq!(open_name(&page).as_deref(), Some("Lake Cabin"), "it was open the last time");
    assert_eq!(page.store.emergency_number(), "112");
    assert_eq!(kept("buckler-home").as_deref(), Some("lake-cabin"));

    page.store.open(id("maple-street"));
    assert_eq!(open_name(&page).as_deref(), Some("Maple Street"), "at once, without a connection");
    assert_eq!(page.store.emergency_number(), "911");
    assert_eq!(kept("buckler-home").as_deref(), Some("maple-street"));
    page.store.leave();
}

/// F1.
#[wasm_bindgen_test]
async fn silent_server_leads_to_the_copy() {
    let _server = Server::new("silent", JsValue::NULL);
    let page = begun();
    until("the copy", || page.store.home_id().is_some()).await;
    page.store.connected.set(true);
    page.store.open(id("maple-street"));
    assert_eq!(open_name(&page), None, "the server may still answer");
    until("the other copy", || page.store.home_id().is_some()).await;
    page.store.leave();
}

/// F1.
#[wasm_bindgen_test]
async fn home_without_a_copy_is_open_without_a_connection() {
    let server = Server::new("lost", JsValue::NULL);
    let page = begun();
    until("the copy", || page.store.home_id().is_some()).await;
    forget("buckler-last-maple-street");
    page.store.open(id("maple-street"));
    assert_eq!(page.store.no_details.get_untracked(), Some(NoDetails::NotStored));
    assert!(page.store.is_open(&id("maple-street")));
    server.call("window.tell", &text(&home(true)).into());
    assert!(is_current(&page) && page.store.no_details.get_untracked().is_none());
    assert!(copies().contains(&"buckler-last-maple-street".into()));
    page.store.leave();
}

/// I29.
#[wasm_bindgen_test]
async fn lost_home_is_said_and_no_other_is_opened() {
    let server = Server::new(&account(&["maple-street"]).to_string(), JsValue::NULL);
    let page = started();
    device_with_two_homes();
    with_two_homes(page.store);
    page.store.open(id("lake-cabin"));
    page.store.learn(lake_cabin());
    server.call("window.lose", &JsValue::NULL);
    let lost = || page.store.no_details.get_untracked() == Some(NoDetails::Lost);
    until("the loss", lost).await;
    assert_eq!((page.store.open_home.get_untracked(), open_name(&page)), (None, None));
    assert_eq!(copies(), ["buckler-last-maple-street"]);
    page.store.begin();
    until("the answer", || {
        page.store
            .session
            .with_untracked(|now| matches!(now, Session::Somebody(me) if me.homes.len() == 1))
    })
    .await;
    assert!(lost(), "a late answer opens no other home either");
    page.store.leave();
}

#[wasm_bindgen_test]
async fn copies_of_another_person_are_forgotten() {
    let mut gus: Value = account(&["maple-street"]);
    gus["user"]["id"] = json!("gus");
    let _server = Server::new(&gus.to_string(), JsValue::NULL);
    let page = begun();
    until("Gus", || is_somebody(&page)).await;
    assert_eq!(copies(), [""; 0]);
    page.store.leave();
}

#[wasm_bindgen_test]
fn signing_out_forgets_every_copy() {
    let page = started();
    device_with_two_homes();
    assert_eq!(copies().len(), 2);
    page.store.leave();
    assert_eq!(copies(), [""; 0]);
    assert_eq!((kept("buckler-me"), kept("buckler-home")), (None, None));
}

#[wasm_bindgen_test]
async fn copy_of_an_earlier_version_is_taken_over() {
    let _server = Server::new("lost", JsValue::NULL);
    let page = started();
    keep("buckler-me", &account(&["maple-street"]).to_string());
    keep("buckler-last", &text(&home(true)));
    page.store.begin();
    until("the copy", || page.store.home_id().is_some()).await;
    assert_eq!(copies(), ["buckler-last-maple-street"]);
    page.store.leave();
}

/// Every answer about a home is about Maple Street here.
#[wasm_bindgen_test]
fn answers_about_another_home_are_dropped() {
    let page = Page::show(|_| ());
    let store = page.store;
    store.learn(home(true));
    store.tell(incident(json!({})));
    assert!(store.home_id().is_some() && store.incident.with_untracked(Option::is_some));

    store.open(id("lake-cabin"));
    store.learn(home(true));
    store.tell(incident(json!({})));
    assert!(store.home_id().is_none() && store.incident.with_untracked(Option::is_none));

    store.leave();
    store.learn(home(true));
    store.tell(incident(json!({})));
    assert!(store.home_id().is_none() && store.incident.with_untracked(Option::is_none));
}
