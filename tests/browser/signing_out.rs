//! Signing out works without a connection: the app forgets everything at once, and tells the server
//! later. Nobody comes back by themselves in between.

use crate::page::{Page, account, drawn, home, lake_cabin, until, with_two_homes};
use buckler::web::{
    browser::{keep, kept_names},
    client,
    store::Session,
};
use js_sys::Function;
use leptos::{prelude::*, task::spawn_local};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_test::wasm_bindgen_test;

/// Takes the place of the network, and returns a function that ends that. It notes each request in
/// `window.asked`, and loses it unless `window.online`. The answer to `window.held` waits for
/// `window.release()`, and `window.read` is set once an answer was read. `window.verdict` is the
/// status of the answer to a sign-out.
const SERVER: &str = r#"(me) => {
    const { fetch, live } = window;
    const released = new Promise((release) => Object.assign(window, { release }));
    Object.assign(window, { asked: [], online: false, held: "", read: false, verdict: 204 });
    window.fetch = async ({ method, url }) => {
        const what = `${method} ${new URL(url).pathname}`;
        window.asked.push(what);
        if (!window.online) throw new TypeError("lost");
        if (what === window.held) await released;
        const isSignOut = what === "DELETE /api/v1/session";
        if (isSignOut) return new Response(null, { status: window.verdict });
        const answer = new Response(what === "GET /api/v1/me" ? me : "{}");
        const { text } = answer;
        answer.text = () => text.call(answer).finally(() => (window.read = true));
        return answer;
    };
    window.live = () => () => {};
    return () => {
        Object.assign(window, { fetch, live });
        for (const name of ["signing-out", "withdrawn", "asking"]) localStorage.removeItem(`buckler-${name}`);
    };
}"#;
const SIGN_OUT: &str = "DELETE /api/v1/session";
const SIGN_IN: &str = "POST /api/v1/session";
const WHO: &str = "GET /api/v1/me";
const WAITS: &str = "buckler-signing-out";

struct Server {
    end: Function,
}

impl Server {
    fn new() -> Self {
        let begin: Function = js_sys::eval(SERVER).unwrap().unchecked_into();
        let me = account(&["maple-street", "lake-cabin"]).to_string();
        let end = begin.call1(&JsValue::NULL, &me.into());
        Self { end: end.unwrap().unchecked_into() }
    }

    fn set(&self, statement: &str) {
        js_sys::eval(statement).unwrap();
    }

    /// The requests since the last call of [`Self::forget`], in order.
    fn asked(&self) -> Vec<String> {
        let text = js_sys::eval("JSON.stringify(window.asked)").unwrap();
        serde_json::from_str(&text.as_string().unwrap()).unwrap()
    }

    fn was_asked(&self, what: &str) -> bool {
        self.asked().iter().any(|asked| asked == what)
    }

    fn forget(&self) {
        self.set("window.asked = []");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end.call0(&JsValue::NULL).unwrap();
    }
}

/// What this device stores of a person, and of a sign-out.
fn stored() -> Vec<String> {
    let of_a_person = ["buckler-me", "buckler-home", "buckler-last", WAITS];
    let mut names = kept_names("buckler-");
    names.retain(|name| of_a_person.iter().any(|prefix| name.starts_with(prefix)));
    names.sort();
    names
}

/// The device of Olivia, who has two homes and has Maple Street open.
fn signed_in() -> Page {
    let page = Page::show(with_two_homes);
    page.store.home.set(Some(home(true)));
    store_everything();
    page
}

fn store_everything() {
    keep("buckler-me", &account(&["maple-street", "lake-cabin"]).to_string());
    keep("buckler-home", "lake-cabin");
    for copy in [home(true), lake_cabin()] {
        keep(&format!("buckler-last-{}", copy.home.id), &serde_json::to_string(&copy).unwrap());
    }
}

fn shows_nobody(page: &Page) -> bool {
    let is_nobody = page.store.session.with_untracked(|now| *now == Session::Nobody);
    is_nobody && page.store.open_home.with_untracked(Option::is_none)
}

/// Without a connection it did nothing.
#[wasm_bindgen_test]
async fn sign_out_without_a_connection_forgets_everything_at_once() {
    let server = Server::new();
    let page = signed_in();
    assert_eq!(stored().len(), 4);
    server.forget();
    page.sender.sign_out();
    assert_eq!(stored(), [WAITS]);
    assert!(shows_nobody(&page) && page.store.home.with_untracked(Option::is_none));
    until("an attempt", || server.was_asked(SIGN_OUT)).await;
    server.set("window.online = true");
    until("the server knows", || stored().is_empty()).await;
    assert!(shows_nobody(&page) && server.asked().iter().all(|asked| asked == SIGN_OUT));
}

#[wasm_bindgen_test]
async fn sign_out_that_waits_outlives_a_reload_and_opens_nothing() {
    let server = Server::new();
    let page = signed_in();
    page.store.session.set(Session::Asking);
    keep(WAITS, "1");
    server.forget();
    page.store.begin();
    page.sender.go_on_signing_out();
    assert!(shows_nobody(&page));
    assert_eq!(stored(), [WAITS], "nor is anything kept that another tab stored meanwhile");
    server.set("window.online = true");
    until("the server knows", || stored().is_empty()).await;
    assert!(shows_nobody(&page) && server.asked().iter().all(|asked| asked == SIGN_OUT));
}

#[wasm_bindgen_test]
async fn answer_from_before_a_sign_out_brings_nobody_back() {
    let server = Server::new();
    server.set(&format!("Object.assign(window, {{ online: true, held: {WHO:?} }})"));
    let page = signed_in();
    page.store.session.set(Session::Asking);
    page.store.begin();
    until("the question", || server.was_asked(WHO)).await;
    page.sender.sign_out();
    until("the server knows", || stored().is_empty()).await;
    server.set("window.read = false; window.release()");
    until("the late answer", || js_sys::eval("window.read").unwrap().is_truthy()).await;
    drawn().await;
    assert!(shows_nobody(&page));
    assert_eq!(stored(), [""; 0]);
}

/// The late answer to a sign-out would delete the cookie of the new session.
#[wasm_bindgen_test]
async fn sign_in_waits_for_a_sign_out_that_is_on_its_way() {
    let server = Server::new();
    server.set(&format!("Object.assign(window, {{ online: true, held: {SIGN_OUT:?} }})"));
    let page = signed_in();
    page.sender.sign_out();
    until("the sign-out", || server.was_asked(SIGN_OUT)).await;
    let is_signed_in = RwSignal::new(false);
    spawn_local(async move {
        client::sign_in("owner@demo.test".into(), "password".into()).await.unwrap();
        is_signed_in.set(true);
    });
    drawn().await;
    assert!(!server.was_asked(SIGN_IN));
    server.set("window.release()");
    until("the sign-in", || is_signed_in.get_untracked()).await;
    assert_eq!(stored(), [""; 0]);
}

/// The server ends the old session with the new one.
#[wasm_bindgen_test]
async fn sign_in_replaces_a_sign_out_that_the_server_refuses() {
    let server = Server::new();
    server.set("Object.assign(window, { online: true, verdict: 503 })");
    let page = signed_in();
    page.sender.sign_out();
    until("an attempt", || server.was_asked(SIGN_OUT)).await;
    assert_eq!(stored(), [WAITS]);
    client::sign_in("owner@demo.test".into(), "password".into()).await.unwrap();
    assert_eq!(stored(), [""; 0]);
}

/// I28: a request that was taken back needs the session until the server confirms that.
#[wasm_bindgen_test]
async fn session_lasts_until_requests_are_withdrawn() {
    let server = Server::new();
    let id = "00000000-0000-7000-8000-000000000001";
    keep("buckler-withdrawn", &format!(r#"[{{"home":"maple-street","id":"{id}"}}]"#));
    let page = signed_in();
    let withdrawal = format!("DELETE /api/v1/homes/maple-street/requests/{id}");
    server.forget();
    page.sender.sign_out();
    until("an attempt", || server.was_asked(&withdrawal)).await;
    server.set("window.online = true");
    until("the server knows", || stored().is_empty()).await;
    let asked = server.asked();
    let (last, before) = asked.split_last().unwrap();
    assert_eq!(last, SIGN_OUT, "{asked:?}");
    assert!(before.iter().all(|asked| *asked == withdrawal), "{asked:?}");
}

/// Another tab asks for help: without the session its request would be refused.
#[wasm_bindgen_test]
async fn session_lasts_while_another_tab_asks_for_help() {
    let server = Server::new();
    let page = signed_in();
    server.set("window.online = true");
    server.forget();
    keep("buckler-asking", &(js_sys::Date::now() as u64).to_string());
    let counts = r#"(() => {
        const { getItem } = Storage.prototype;
        window.looks = 0;
        Storage.prototype.getItem = function (name) {
            window.looks += name === "buckler-asking";
            return getItem.call(this, name);
        };
        return () => (Storage.prototype.getItem = getItem);
    })()"#;
    let end: Function = js_sys::eval(counts).unwrap().unchecked_into();
    let looks = || js_sys::eval("window.looks").unwrap().as_f64().unwrap();
    page.sender.sign_out();
    until("it has looked twice", || looks() >= 2.0).await;
    end.call0(&JsValue::NULL).unwrap();
    assert!(!server.was_asked(SIGN_OUT), "{:?}", server.asked());
    js_sys::eval(r#"localStorage.removeItem("buckler-asking")"#).unwrap();
    until("the server knows", || stored().is_empty()).await;
    assert!(server.was_asked(SIGN_OUT));
}
