//! What the app knows, for as long as it lives: who is signed in, the home on the screen, its
//! incident, and the server's time.

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
        id::{CameraId, HomeId, IncidentId},
        time::Timestamp,
    },
    view::{arrival::is_about_open_home, clock::better_offset, incident as view},
};
use gloo_timers::future::TimeoutFuture;
use leptos::{prelude::*, task::spawn_local};
use serde::Deserialize;

/// The name under which this browser keeps the home that was looked at last.
const LAST_HOME: &str = "buckler-home";
/// The name under which it keeps the last that was told of it.
const LAST_ANSWER: &str = "buckler-last";
/// The name under which it keeps who was signed in.
const LAST_ME: &str = "buckler-me";
/// The pause before the server is asked again for a home that it cannot read, milliseconds.
const ASKS_AGAIN_MS: u32 = 30_000;
/// The live events that the app understands.
const EVENTS: &[&str] = &["snapshot", "incident", "device", "camera", "home", "ping"];

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
    /// Whether the home that is looked at cannot be read by the server: then there is none on the
    /// screen.
    pub unreadable: RwSignal<Option<HomeId>>,
    /// The incident on the screen: running, or ended and not yet put away.
    pub incident: RwSignal<Option<Incident>>,
    /// The home's latest incidents.
    pub latest: RwSignal<Vec<Incident>>,
    /// Whether live events come.
    pub connected: RwSignal<bool>,
    /// The incident whose screen was left for a bar at the top of every page.
    pub minimized: RwSignal<Option<IncidentId>>,
    /// While only what was kept of the home is known: when that was told.
    pub offline_since: RwSignal<Option<Timestamp>>,
    /// How much of the first home is drawn: its shield, and then one part a frame, so that a finger
    /// never waits for all of them.
    pub drawn: RwSignal<u8>,
    /// The open home, also while its first answer is on its way.
    open_home: StoredValue<Option<HomeId>>,
    offset_ms: RwSignal<Option<i64>>,
    live: StoredValue<Option<Live>, LocalStorage>,
    put_away: StoredValue<Option<IncidentId>>,
}

/// Whether the server says that it cannot read a home.
fn says_unreadable(session: &Session, id: &HomeId) -> bool {
    matches!(session, Session::Somebody(me) if me.homes.iter().any(|home| home.id == *id && home.unreadable))
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
            unreadable: RwSignal::new(None),
            incident: RwSignal::new(None),
            latest: RwSignal::new(Vec::new()),
            connected: RwSignal::new(true),
            minimized: RwSignal::new(None),
            offline_since: RwSignal::new(None),
            drawn: RwSignal::new(0),
            open_home: StoredValue::new(None),
            offset_ms: RwSignal::new(None),
            live: StoredValue::new_local(None),
            put_away: StoredValue::new(None),
        }
    }

    /// The camera that is looked at: its id, its name, and whether there is a stream of it. Nothing
    /// else that is told of it, such as its siren, nor a step of an incident, may begin its picture
    /// anew.
    pub fn watched(
        self,
        which: impl Fn() -> Option<CameraId> + Send + Sync + 'static,
    ) -> Memo<Option<(CameraId, String, bool)>> {
        let which: Box<dyn Fn() -> Option<CameraId> + Send + Sync> = Box::new(which);
        Memo::new(move |_| {
            let id = which()?;
            self.home.with(|h| {
                h.as_ref()?
                    .cameras
                    .iter()
                    .find(|c| c.id == id)
                    .map(|c| (c.id.clone(), c.name.clone(), c.live))
            })
        })
    }

    /// The present moment by the server's clock.
    pub fn server_now(&self) -> Timestamp {
        let offset = self.offset_ms.get_untracked().unwrap_or(0);
        Timestamp::from_millis(here_ms().saturating_add_signed(offset))
    }

    /// Learns from a server time that has just arrived.
    pub fn heard(&self, server_time: Timestamp) {
        self.offset_ms.update(|known| {
            *known = Some(better_offset(*known, server_time.as_millis(), here_ms()))
        });
    }

    /// Asks who is signed in, and opens that person's last home.
    pub fn begin(self) {
        spawn_local(async move {
            match client::me().await {
                Ok((me, said)) => {
                    browser::keep(LAST_ME, &said);
                    self.heard(me.server_time);
                    let last = browser::kept(LAST_HOME);
                    let home = me
                        .homes
                        .iter()
                        .find(|h| last.as_deref() == Some(h.id.as_str()))
                        .or(me.homes.first());
                    let home = home.map(|home| home.id.clone());
                    self.session.set(Session::Somebody(Box::new(me)));
                    if let Some(home) = home {
                        self.open(home);
                    }
                }
                Err(failure) if failure.code() == Some(Code::NotSignedIn) => self.leave(),
                Err(_) => self.go_on_from_what_was_kept(),
            }
        });
    }

    /// Nobody answers: the last that was told of the home, with its age. The shield is there too;
    /// what it sends is tried until it arrives.
    fn go_on_from_what_was_kept(self) {
        let me = browser::kept(LAST_ME).and_then(|text| parse::<Me>(&text));
        let home = browser::kept(LAST_ANSWER).and_then(|text| parse::<HomeAnswer>(&text));
        let (Some(me), Some(home)) = (me, home) else {
            return self.session.set(Session::Unreachable);
        };
        self.open(home.home.id.clone());
        self.offline_since.set(Some(home.server_time));
        self.connected.set(false);
        // An incident of then may be long over.
        self.home.set(Some(HomeAnswer { incident: None, ..home }));
        self.session.set(Session::Somebody(Box::new(me)));
    }

    /// Looks at a home from now on.
    pub fn open(self, id: HomeId) {
        browser::keep(LAST_HOME, id.as_str());
        self.open_home.set_value(Some(id.clone()));
        let is_unreadable = self.session.with_untracked(|session| says_unreadable(session, &id));
        self.home.set(None);
        self.unreadable.set(is_unreadable.then(|| id.clone()));
        self.incident.set(None);
        self.latest.set(Vec::new());
        if is_unreadable {
            self.live.set_value(None);
            return self.wait_for(id);
        }
        let events = Live::open(
            &path::events(&id),
            EVENTS,
            move |name, data| self.event(&name, &data),
            move |yes| self.connection(yes),
        );
        self.live.set_value(Some(events));
    }

    /// Whether that home is open. Every answer about a home is dropped unless it is, because another
    /// home may have been opened while the answer was on its way.
    pub fn is_open(self, home: &HomeId) -> bool {
        self.open_home.with_value(|open| is_about_open_home(home, open.as_ref()))
    }

    /// Asks repeatedly whether the server can read a home, until it can or another home is opened.
    fn wait_for(self, id: HomeId) {
        spawn_local(async move {
            let waits = || self.unreadable.with_untracked(|now| now.as_ref() == Some(&id));
            loop {
                TimeoutFuture::new(ASKS_AGAIN_MS).await;
                if !waits() {
                    return;
                }
                let Ok((me, _)) = client::me().await else { continue };
                let session = Session::Somebody(Box::new(me));
                if waits() && !says_unreadable(&session, &id) {
                    self.session.set(session);
                    return self.open(id);
                }
            }
        });
    }

    /// Nobody is signed in any more.
    pub fn leave(self) {
        self.live.set_value(None);
        for name in [LAST_ME, LAST_ANSWER] {
            browser::forget(name);
        }
        self.open_home.set_value(None);
        self.unreadable.set(None);
        self.home.set(None);
        self.incident.set(None);
        self.session.set(Session::Nobody);
    }

    /// Takes in what the server says of an incident.
    pub fn tell(self, told: Incident) {
        self.heard(told.server_time);
        let stale =
            |known: &Incident| known.id == told.id && known.timeline.len() > told.timeline.len();
        if !self.is_open(&told.home)
            || self.incident.with_untracked(|known| known.as_ref().is_some_and(stale))
            || self.put_away.get_value() == Some(told.id)
        {
            return;
        }
        // A drill that a real request ended must not cover it.
        let covers = |known: &Incident| {
            known.id != told.id && !known.state.is_over() && told.state.is_over()
        };
        if !self.incident.with_untracked(|known| known.as_ref().is_some_and(covers)) {
            self.incident.set(Some(told));
        }
    }

    /// Shows the incident of a request that the server has just acknowledged. It opens the home of
    /// the incident if another one is open by now, because the person must see what they requested.
    pub fn show_requested(self, told: Incident) {
        if !self.is_open(&told.home) {
            self.open(told.home.clone());
        }
        self.tell(told);
    }

    /// Puts an ended incident away.
    pub fn put_away(self) {
        self.put_away.set_value(self.incident.with_untracked(|i| i.as_ref().map(|i| i.id)));
        self.incident.set(None);
        self.refresh_latest();
    }

    /// A home has another name now: the switcher shows it.
    pub fn names_changed(self) {
        spawn_local(async move {
            if let Ok((me, _)) = client::me().await
                && self.session.with_untracked(|now| matches!(now, Session::Somebody(_)))
            {
                self.session.set(Session::Somebody(Box::new(me)));
            }
        });
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
                    browser::keep(LAST_ANSWER, data);
                    self.learn(answer);
                }
            }
            "incident" => {
                // What cannot be read is no longer what the screen shows.
                let Some(told) = parse::<Incident>(data) else { return self.connected.set(false) };
                let over = told.state.is_over();
                self.tell(told);
                if over {
                    self.refresh_latest();
                }
            }
            "home" => self.look_again(),
            "device" => {
                if let Some(device) = parse::<Device>(data) {
                    self.home.update(|home| {
                        home.iter_mut()
                            .flat_map(|h| &mut h.devices)
                            .filter(|d| d.id == device.id)
                            .for_each(|d| *d = device.clone());
                    });
                }
            }
            "camera" => {
                if let Some(camera) = parse::<Camera>(data) {
                    self.home.update(|home| {
                        home.iter_mut()
                            .flat_map(|h| &mut h.cameras)
                            .filter(|c| c.id == camera.id)
                            .for_each(|c| *c = camera.clone());
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

    /// The home is set up in another way now.
    fn look_again(self) {
        let Some(id) = self.home_id() else { return };
        spawn_local(async move {
            if let Ok(answer) = client::home(&id).await {
                self.learn(answer);
            }
        });
    }

    /// The home on the screen.
    pub fn home_id(self) -> Option<HomeId> {
        self.home.with_untracked(|h| h.as_ref().map(|h| h.home.id.clone()))
    }

    /// Takes in the whole home, as it is now.
    pub fn learn(self, mut answer: HomeAnswer) {
        self.heard(answer.server_time);
        if !self.is_open(&answer.home.id) {
            return;
        }
        match answer.incident.take() {
            Some(told) => self.tell(told),
            // The server cannot advance it: what the screen shows of it is no longer true.
            None if self.incident.with_untracked(|known| {
                known.as_ref().is_some_and(|known| answer.is_quarantined(known.id))
            }) =>
            {
                self.incident.set(None);
            }
            None => self.ended_meanwhile(),
        }
        self.offline_since.set(None);
        self.home.set(Some(answer));
        self.refresh_latest();
    }

    /// What ran when the connection broke is over now: its end is asked for.
    fn ended_meanwhile(self) {
        let known =
            self.incident.get_untracked().filter(|i| view::screen(i.state) != view::Screen::Ended);
        if let Some(known) = known {
            spawn_local(async move {
                match client::incident(known.id).await {
                    Ok(told) => self.tell(told),
                    // The server has no such incident any more: what the screen shows of it is no
                    // longer true.
                    Err(Failure::Refused(_))
                        if self.incident.with_untracked(|now| {
                            now.as_ref().is_some_and(|now| now.id == known.id)
                        }) =>
                    {
                        self.incident.set(None);
                    }
                    Err(_) => {}
                }
            });
        }
    }

    fn refresh_latest(self) {
        let Some(home) = self.home_id() else { return };
        spawn_local(async move {
            if let Ok(latest) = client::incidents(&home, None, 5).await
                && self.is_open(&home)
            {
                self.latest.set(latest);
            }
        });
    }
}
