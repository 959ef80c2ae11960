//! A sign-out that the server may not know of. The app has forgotten everything by then, and tells
//! the server again and again until it answers, also after the page was loaded anew. Until then
//! nobody is signed in here, although the browser still has the session's cookie, which no script
//! can read or delete.

use super::{browser, client};
use crate::api::problem::Code;
use gloo_timers::future::TimeoutFuture;
use js_sys::Date;
use leptos::{prelude::*, task::spawn_local};
use std::cell::Cell;

/// The key in local storage. `public/early.js` reads it, too.
const KEPT: &str = "buckler-signing-out";
/// The key in local storage for the time of the last attempt of a request for help, milliseconds.
const ASKING: &str = "buckler-asking";
/// How old that time is at most, which is longer than an attempt and the pause after it take.
const ASKED_WITHIN_MS: u64 = 10_000;
/// The pause between attempts. Milliseconds.
const PAUSE_MS: u32 = 1_000;
/// How many attempts are left out at most while the session is still needed: those of a minute.
/// What the server has by then has counted down, and it refuses what arrives without a session.
const LEFT_OUT_MOST: u32 = 60;
/// How often a request looks whether it is its turn. Milliseconds.
const TURN_MS: u32 = 20;

thread_local! {
    /// Whether a sign-out waits that the browser does not store, because the person forbids that.
    static IS_UNKEPT: Cell<bool> = const { Cell::new(false) };
    /// Whether a request has the [`Turn`].
    static IS_TAKEN: Cell<bool> = const { Cell::new(false) };
}

/// Whether the person has signed out, and the server may not know.
pub fn is_waiting() -> bool {
    IS_UNKEPT.get() || browser::kept(KEPT).is_some()
}

/// Notes that the person has signed out.
pub fn keep() {
    browser::keep(KEPT, "1");
    IS_UNKEPT.set(browser::kept(KEPT).is_none());
}

/// Forgets that: the server has ended the session, or begun another one in its place.
pub fn forget() {
    browser::forget(KEPT);
    IS_UNKEPT.set(false);
}

/// A request for help that is on its way. Another tab may show it, so all tabs know of it by the
/// browser's storage: a sign-out must not overtake it.
pub struct Asking(());

impl Asking {
    /// A request begins its way, until the result is dropped.
    pub fn begin() -> Self {
        Self(())
    }

    /// The request is sent once more.
    pub fn goes_on(&self) {
        // As a whole number: the code that writes and reads others would be a tenth of the app.
        browser::keep(ASKING, &now_ms().to_string());
    }

    /// Whether a request is on its way in any tab. One whose tab was closed is forgotten in time.
    pub fn is_anywhere() -> bool {
        let at = browser::kept(ASKING).and_then(|at| at.parse::<u64>().ok());
        at.is_some_and(|at| now_ms().abs_diff(at) < ASKED_WITHIN_MS)
    }
}

fn now_ms() -> u64 {
    Date::now() as u64
}

impl Drop for Asking {
    fn drop(&mut self) {
        browser::forget(ASKING);
    }
}

/// The turn of a request that begins a session or ends it. Such requests go one after the other: a
/// sign-out that is answered late would delete the cookie of the session that followed.
pub struct Turn(());

impl Turn {
    /// Waits for the turn, which lasts until this is dropped.
    pub async fn take() -> Self {
        while IS_TAKEN.replace(true) {
            TimeoutFuture::new(TURN_MS).await;
        }
        Self(())
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        IS_TAKEN.set(false);
    }
}

/// Tells the server of a sign-out.
#[derive(Clone, Copy)]
pub struct SigningOut {
    runs: StoredValue<bool>,
}

impl SigningOut {
    /// Creates it. Nobody is told yet.
    pub fn new() -> Self {
        Self { runs: StoredValue::new(false) }
    }

    /// Tells the server, until it answers or somebody has signed in. It waits a while if
    /// `needs_session` says that something else that the person wants still needs the session.
    pub fn run(self, needs_session: impl Fn() -> bool + 'static) {
        if self.runs.get_value() {
            return;
        }
        self.runs.set_value(true);
        spawn_local(async move {
            let mut left_out = 0;
            while is_waiting() && self.runs.try_get_value().is_some() {
                if left_out < LEFT_OUT_MOST && needs_session() {
                    left_out += 1;
                } else {
                    tell().await;
                }
                if is_waiting() {
                    TimeoutFuture::new(PAUSE_MS).await;
                }
            }
            self.runs.try_set_value(false);
        });
    }
}

async fn tell() {
    let _turn = Turn::take().await;
    // Somebody may have signed in during the wait.
    if !is_waiting() {
        return;
    }
    match client::sign_out().await {
        Ok(()) => forget(),
        Err(failure) if failure.code() == Some(Code::NotSignedIn) => forget(),
        Err(_) => {}
    }
}
