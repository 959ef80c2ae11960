//! What the app knows, for as long as it lives: who is signed in, the home on the screen, its incident, and the server's time.

use super::{
    browser::{self, json::parse, time::here_ms},
    client::{self, Failure},
    live::Live,
};
use crate::{
    api::{
        home::{Camera, Device, HomeAnswer},
        incident::Incident,
        path,
        problem::Code,
        session::Me,
    },
    domain::{
        id::{HomeId, IncidentId},
        time::Timestamp,
    },
    view::{clock::better_offset, incident as view},
};
use leptos::{prelude::*, task::spawn_local};
use serde::Deserialize;

/// The name under which this browser keeps the home that was looked at last.
const LAST_HOME: &str = "buckler-home";
/// The live events that the app understands.
const EVENTS: &[&str] = &["snapshot", "incident", "device", "camera", "ping"];

/// Who uses the app.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Session {
    /// Not known yet.
    Asking,
    /// Nobody.
    Nobody,
    /// The server did not answer.
    Unreachable,
    /// Somebody.
    Somebody(Box<Me>),
}

/// The app's state. Created once, in `App`; handed on by context.
#[derive(Clone, Copy)]
pub struct Store {
    /// Who uses the app.
    pub session: RwSignal<Session>,
    /// The home on the screen, as it was told last.
    pub home: RwSignal<Option<HomeAnswer>>,
    /// The incident on the screen: running, or ended and not yet put away.
    pub incident: RwSignal<Option<Incident>>,
    /// The home's latest incidents.
    pub latest: RwSignal<Vec<Incident>>,
    /// Whether live events come.
    pub connected: RwSignal<bool>,
    offset_ms: RwSignal<Option<i64>>,
    live: StoredValue<Option<Live>, LocalStorage>,
    put_away: StoredValue<Option<IncidentId>>,
}

#[derive(Deserialize)]
struct Ping {
    server_time: Timestamp,
}

/// The app's state, from the context.
pub fn store() -> Store {
    expect_context()
}

impl Store {
    /// Begins with nothing known.
    pub fn new() -> Self {
        Self {
            session: RwSignal::new(Session::Asking),
            home: RwSignal::new(None),
            incident: RwSignal::new(None),
            latest: RwSignal::new(Vec::new()),
            connected: RwSignal::new(true),
            offset_ms: RwSignal::new(None),
            live: StoredValue::new_local(None),
            put_away: StoredValue::new(None),
        }
    }

    /// The present moment by the server's clock.
    pub fn server_now(&self) -> Timestamp {
        let offset = self.offset_ms.get_untracked().unwrap_or(0);
        Timestamp::from_millis(here_ms().saturating_add_signed(offset))
    }

    /// Learns from a server time that has just arrived.
    pub fn heard(&self, server_time: Timestamp) {
        self.offset_ms.update(|known| *known = Some(better_offset(*known, server_time.as_millis(), here_ms())));
    }

    /// Asks who is signed in, and opens that person's last home.
    pub fn begin(self) {
        spawn_local(async move {
            match client::me().await {
                Ok(me) => {
                    self.heard(me.server_time);
                    let last = browser::kept(LAST_HOME);
                    let home = me.homes.iter().find(|h| last.as_deref() == Some(h.id.as_str())).or(me.homes.first());
                    if let Some(home) = home {
                        self.open(home.id.clone());
                    }
                    self.session.set(Session::Somebody(Box::new(me)));
                }
                Err(failure) if failure.code() == Some(Code::NotSignedIn) => self.leave(),
                Err(_) => self.session.set(Session::Unreachable),
            }
        });
    }

    /// Looks at a home from now on.
    pub fn open(self, id: HomeId) {
        browser::keep(LAST_HOME, id.as_str());
        self.home.set(None);
        self.incident.set(None);
        self.latest.set(Vec::new());
        let events = Live::open(path::events(&id), EVENTS, move |name, data| self.event(name, &data), move |yes| self.connection(yes));
        self.live.set_value(Some(events));
    }

    /// Nobody is signed in any more.
    pub fn leave(self) {
        self.live.set_value(None);
        self.home.set(None);
        self.incident.set(None);
        self.session.set(Session::Nobody);
    }

    /// Takes in what the server says of an incident.
    pub fn tell(self, told: Incident) {
        self.heard(told.server_time);
        let stale = |known: &Incident| known.id == told.id && known.timeline.len() > told.timeline.len();
        if self.incident.with_untracked(|known| known.as_ref().is_some_and(stale)) || self.put_away.get_value() == Some(told.id) {
            return;
        }
        // A drill that a real request ended must not cover it.
        let covers = |known: &Incident| known.id != told.id && !known.state.is_over() && told.state.is_over();
        if !self.incident.with_untracked(|known| known.as_ref().is_some_and(covers)) {
            self.incident.set(Some(told));
        }
    }

    /// Puts an ended incident away.
    pub fn put_away(self) {
        self.put_away.set_value(self.incident.with_untracked(|i| i.as_ref().map(|i| i.id)));
        self.incident.set(None);
        self.refresh_latest();
    }

    fn connection(self, connected: bool) {
        self.connected.set(connected);
        if !connected {
            // A stream that ends may mean that the session has ended.
            spawn_local(async move {
                if let Err(Failure::Refused(problem)) = client::me().await
                    && problem.code == Code::NotSignedIn
                {
                    self.leave();
                }
            });
        }
    }

    /// A newer server may say what this app does not understand; it is left out, not guessed at.
    fn event(self, name: &str, data: &str) {
        match name {
            "snapshot" => {
                if let Some(answer) = parse::<HomeAnswer>(data) {
                    self.snapshot(answer);
                }
            }
            "incident" => {
                if let Some(told) = parse::<Incident>(data) {
                    let over = told.state.is_over();
                    self.tell(told);
                    if over {
                        self.refresh_latest();
                    }
                }
            }
            "device" => {
                if let Some(device) = parse::<Device>(data) {
                    self.home.update(|home| {
                        home.iter_mut().flat_map(|h| &mut h.devices).filter(|d| d.id == device.id).for_each(|d| *d = device.clone());
                    });
                }
            }
            "camera" => {
                if let Some(camera) = parse::<Camera>(data) {
                    self.home.update(|home| {
                        home.iter_mut().flat_map(|h| &mut h.cameras).filter(|c| c.id == camera.id).for_each(|c| *c = camera.clone());
                    });
                }
            }
            _ => {
                if let Some(ping) = parse::<Ping>(data) {
                    self.heard(ping.server_time);
                }
            }
        }
    }

    fn snapshot(self, mut answer: HomeAnswer) {
        self.heard(answer.server_time);
        match answer.incident.take() {
            Some(told) => self.tell(told),
            None => self.ended_meanwhile(),
        }
        self.home.set(Some(answer));
        self.refresh_latest();
    }

    /// What ran when the connection broke is over now: its end is asked for.
    fn ended_meanwhile(self) {
        let known = self.incident.get_untracked().filter(|i| view::screen(i.state) != view::Screen::Ended);
        if let Some(known) = known {
            spawn_local(async move {
                if let Ok(told) = client::incident(known.id).await {
                    self.tell(told);
                }
            });
        }
    }

    fn refresh_latest(self) {
        let Some(home) = self.home.with_untracked(|h| h.as_ref().map(|h| h.home.id.clone())) else { return };
        spawn_local(async move {
            if let Ok(latest) = client::latest(&home).await {
                self.latest.set(latest);
            }
        });
    }
}
