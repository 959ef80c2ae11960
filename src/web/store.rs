//! The state of the app: who is signed in, the open home, its incident, and the server's time.

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

/// The key in local storage for the home that was opened last.
const LAST_HOME: &str = "buckler-home";
/// The key for the last snapshot of that home.
const LAST_ANSWER: &str = "buckler-last";
/// The key for who was signed in.
const LAST_ME: &str = "buckler-me";
/// The pause before the server is asked again for a home that it cannot read. Milliseconds.
const ASKS_AGAIN_MS: u32 = 30_000;
/// The live events that the app understands.
const EVENTS: &[&str] = &["snapshot", "incident", "device", "camera", "home", "ping"];

/// Who is signed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Session {
    /// Not known yet.
    Asking,
    /// Nobody.
    Nobody,
    /// The server did not answer.
    Unreachable,
    /// This person.
    Somebody(Box<Me>),
}

/// The state of the app. Created once, in `App`, and provided through the context.
#[derive(Clone, Copy)]
pub struct Store {
    /// Who is signed in.
    pub session: RwSignal<Session>,
    /// The latest state of the open home.
    pub home: RwSignal<Option<HomeAnswer>>,
    /// The open home, if the server cannot read it. `home` is `None` then.
    pub unreadable: RwSignal<Option<HomeId>>,
    /// The incident of the open home that runs, or has ended and is not dismissed yet.
    pub incident: RwSignal<Option<Incident>>,
    /// The home's latest incidents.
    pub latest: RwSignal<Vec<Incident>>,
    /// Whether the stream of live events is connected.
    pub connected: RwSignal<bool>,
    /// The incident whose screen was left for a bar at the top of every page.
    pub minimized: RwSignal<Option<IncidentId>>,
    /// The time of the stored snapshot, while that is shown because the server does not answer.
    pub offline_since: RwSignal<Option<Timestamp>>,
    /// How many parts of the first home are drawn: first its shield, and then one part a frame, so
    /// that a press never waits for all of them.
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

/// The state of the app, from the context.
pub fn store() -> Store {
    expect_context()
}

impl Store {
    /// Creates the state of an app that knows nothing yet.
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

    /// The camera on the screen: its id, its name, and whether it has a stream. Only a change of
    /// these starts its picture again, not one of its siren or a step of an incident.
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

    /// When the restriction of this device in the home ends, if it is restricted there.
    pub fn restricted_until(&self) -> Option<Timestamp> {
        self.home.with(|home| home.as_ref().and_then(|home| home.sos.restricted_until))
    }

    /// The current time by the server's clock.
    pub fn server_now(&self) -> Timestamp {
        let offset = self.offset_ms.get_untracked().unwrap_or(0);
        Timestamp::from_millis(here_ms().saturating_add_signed(offset))
    }

    /// Corrects the offset of the server's clock by a server time that has just arrived.
    pub fn heard(&self, server_time: Timestamp) {
        self.offset_ms.update(|known| {
            *known = Some(better_offset(*known, server_time.as_millis(), here_ms()))
        });
    }

    /// Requests who is signed in, and opens that person's last home.
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
                Err(_) => self.open_stored_home(),
            }
        });
    }

    /// Opens the home from its stored snapshot and says how old that is, because the server does
    /// not answer. The shield is there, too; its requests are retried until they arrive.
    fn open_stored_home(self) {
        let me = browser::kept(LAST_ME).and_then(|text| parse::<Me>(&text));
        let home = browser::kept(LAST_ANSWER).and_then(|text| parse::<HomeAnswer>(&text));
        let (Some(me), Some(home)) = (me, home) else {
            return self.session.set(Session::Unreachable);
        };
        let id = home.home.id.clone();
        self.clear_for(&id);
        self.offline_since.set(Some(home.server_time));
        self.connected.set(false);
        // An incident of that time may be over by now.
        self.home.set(Some(HomeAnswer { incident: None, ..home }));
        self.session.set(Session::Somebody(Box::new(me)));
        // Last, because it may bring a newer snapshot at once: one that arrived before the app.
        self.listen(&id);
    }

    /// Opens a home: listens to its live events, and shows nothing of the home before it.
    pub fn open(self, id: HomeId) {
        self.clear_for(&id);
        if self.session.with_untracked(|session| says_unreadable(session, &id)) {
            self.unreadable.set(Some(id.clone()));
            self.live.set_value(None);
            return self.wait_for(id);
        }
        self.listen(&id);
    }

    /// Selects a home and clears everything that the app knows about the previous one.
    fn clear_for(self, id: &HomeId) {
        browser::keep(LAST_HOME, id.as_str());
        self.open_home.set_value(Some(id.clone()));
        self.home.set(None);
        self.unreadable.set(None);
        self.incident.set(None);
        self.latest.set(Vec::new());
    }

    /// Listens to the live events of the open home.
    fn listen(self, id: &HomeId) {
        let events = Live::open(
            &path::events(id),
            EVENTS,
            move |name, data| self.event(&name, &data),
            move |yes| self.connection(yes),
        );
        self.live.set_value(Some(events));
    }

    /// Whether that home is open. Every answer about a home is dropped unless it is, because
    /// another home may have been opened while the answer was on its way.
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

    /// Clears the state, because nobody is signed in any more.
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

    /// Stores the state of an incident of the open home, unless a newer state is known or the
    /// incident was dismissed.
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
        // A drill that was ended by a real request must not cover the real incident.
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
        // Somebody else may have signed in while it was on its way.
        let is_foreign = self.session.with_untracked(|now| {
            matches!(now, Session::Somebody(me) if me.homes.iter().all(|home| home.id != told.home))
        });
        if is_foreign {
            return;
        }
        if !self.is_open(&told.home) {
            self.open(told.home.clone());
        }
        self.tell(told);
    }

    /// Dismisses an ended incident.
    pub fn put_away(self) {
        self.put_away.set_value(self.incident.with_untracked(|i| i.as_ref().map(|i| i.id)));
        self.incident.set(None);
        self.refresh_latest();
    }

    /// Requests the names of the homes again, because one has changed and the switcher shows them.
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
            // The stream also ends when the session ends.
            spawn_local(async move {
                if let Err(Failure::Refused(problem)) = client::me().await
                    && problem.code == Code::NotSignedIn
                {
                    self.leave();
                }
            });
        }
    }

    /// Handles a live event. Events of a newer server that this app cannot read are ignored.
    fn event(self, name: &str, data: &str) {
        match name {
            "snapshot" => {
                if let Some(answer) = parse::<HomeAnswer>(data) {
                    browser::keep(LAST_ANSWER, data);
                    // The stream reports only changes, and it may have been connected all along
                    // while a stored snapshot was shown.
                    self.connected.set(true);
                    self.learn(answer);
                }
            }
            "incident" => {
                // The screen now shows an old state of the incident, so it must say so.
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

    /// Requests the home again, because its setup has changed.
    fn look_again(self) {
        let Some(id) = self.home_id() else { return };
        spawn_local(async move {
            if let Ok(answer) = client::home(&id).await {
                self.learn(answer);
            }
        });
    }

    /// The open home, once it is loaded.
    pub fn home_id(self) -> Option<HomeId> {
        self.home.with_untracked(|h| h.as_ref().map(|h| h.home.id.clone()))
    }

    /// Stores the state of the whole home, if that home is open.
    pub fn learn(self, mut answer: HomeAnswer) {
        self.heard(answer.server_time);
        if !self.is_open(&answer.home.id) {
            return;
        }
        match answer.incident.take() {
            Some(told) => self.tell(told),
            // The server cannot advance this incident, so what the screen shows is no longer true.
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

    /// Requests the end of the incident that ran when the connection was lost and is over now.
    fn ended_meanwhile(self) {
        let known =
            self.incident.get_untracked().filter(|i| view::screen(i) != view::Screen::Ended);
        if let Some(known) = known {
            spawn_local(async move {
                match client::incident(known.id).await {
                    Ok(told) => self.tell(told),
                    // The server no longer has this incident, so what the screen shows is no longer
                    // true.
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

    /// Asks the server for the incident, for a screen that is behind.
    pub async fn ask(self, id: IncidentId) {
        if let Ok(told) = client::incident(id).await {
            self.tell(told);
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
