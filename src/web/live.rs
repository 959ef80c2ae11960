//! Live events that come back by themselves: after an error, after silence, when the network returns, when the page is looked at again.

use super::browser::{Listener, event_source::Stream, time::here_ms, window};
use gloo_timers::callback::{Interval, Timeout};
use std::{cell::RefCell, rc::Rc};

/// Silence longer than this is a dead connection: the server pings every 15 s.
const SILENCE_MS: u64 = 45_000;
/// The shortest and the longest pause before connecting again.
const PAUSE_MS: (u32, u32) = (1_000, 30_000);

/// A subscription; it ends when it is dropped.
pub struct Live {
    _state: Rc<State>,
    _listeners: Vec<Listener>,
    _watch: Interval,
}

struct State {
    path: String,
    names: &'static [&'static str],
    event: Box<dyn Fn(&'static str, String)>,
    connected: Box<dyn Fn(bool)>,
    stream: RefCell<Option<Stream>>,
    retry: RefCell<Option<Timeout>>,
    heard_ms: RefCell<u64>,
    failures: RefCell<u32>,
}

impl Live {
    /// Subscribes. `event` gets names and data, `connected` whether events come now.
    pub fn open(
        path: String,
        names: &'static [&'static str],
        event: impl Fn(&'static str, String) + 'static,
        connected: impl Fn(bool) + 'static,
    ) -> Self {
        let state = Rc::new(State {
            path,
            names,
            event: Box::new(event),
            connected: Box::new(connected),
            stream: RefCell::default(),
            retry: RefCell::default(),
            heard_ms: RefCell::new(here_ms()),
            failures: RefCell::default(),
        });
        connect(&state);
        let again = |state: &Rc<State>, only_when_silent: bool| {
            let state = Rc::downgrade(state);
            move || {
                let Some(state) = state.upgrade() else { return };
                let silent = here_ms().saturating_sub(*state.heard_ms.borrow()) > SILENCE_MS;
                if silent || (!only_when_silent && state.stream.borrow().is_none()) {
                    connect(&state);
                }
            }
        };
        let (online, visible, quiet) = (again(&state, false), again(&state, false), again(&state, true));
        let document = window().document().expect("a window has a document");
        let listeners =
            vec![Listener::new(&window(), "online", move |_| online()), Listener::new(&document, "visibilitychange", move |_| visible())];
        Self { _state: state, _listeners: listeners, _watch: Interval::new(5_000, quiet) }
    }
}

fn connect(state: &Rc<State>) {
    state.retry.take();
    *state.heard_ms.borrow_mut() = here_ms();
    let (heard, failed) = (Rc::downgrade(state), Rc::downgrade(state));
    let then = move |name, data| {
        if let Some(state) = heard.upgrade() {
            *state.heard_ms.borrow_mut() = here_ms();
            *state.failures.borrow_mut() = 0;
            (state.connected)(true);
            (state.event)(name, data);
        }
    };
    let stream = Stream::open(&state.path, state.names, then, move || failed.upgrade().iter().for_each(retry));
    *state.stream.borrow_mut() = stream;
}

/// Every client waits another time, so that a server that comes back is not met by all at once.
fn retry(state: &Rc<State>) {
    (state.connected)(false);
    // The stream must not be dropped within its own event; it goes with the next connection.
    let failures = *state.failures.borrow();
    *state.failures.borrow_mut() = failures.saturating_add(1);
    let most = PAUSE_MS.0.saturating_mul(1 << failures.min(5)).min(PAUSE_MS.1);
    let pause = PAUSE_MS.0 + (js_sys::Math::random() * f64::from(most - PAUSE_MS.0)) as u32;
    let again = Rc::downgrade(state);
    *state.retry.borrow_mut() = Some(Timeout::new(pause, move || again.upgrade().iter().for_each(connect)));
}
