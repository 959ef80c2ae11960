//! The state of the app: who is signed in, the open home, its incident, and the server's time.

use super::{
    browser::{self, json::parse, time::here_ms},
    client::{self, Answer, Failure},
    copies::{copy_of, forget_copies, keep_copy, take_over_old_copy},
    live::Live,
    signing_out,
};
use crate::{
    api::{
        home::{Camera, Device, HomeAnswer},
        incident::Incident,
        path,
        problem::Code,
        session::{Me, MyHome},
    },
    domain::{
        id::{CameraId, HomeId, IncidentId},
        time::Timestamp,
    },
    view::{
        arrival::is_about_open_home,
        clock::better_offset,
        incident as view,
        opened::{Place, Showing, home_to_open, is_copy_forgotten, is_lost, name_among, showing},
    },
};
use gloo_timers::future::TimeoutFuture;
use leptos::{prelude::*, task::spawn_local};
use serde::Deserialize;

/// The key in local storage for the home that was opened last.
const LAST_HOME: &str = "buckler-home";
/// The key for who was signed in.
const LAST_ME: &str = "buckler-me";
/// After this long without an answer, the app shows what is stored on the device: the time after
/// which a request is said to be unsent (F1). Milliseconds.
const SHOWS_COPY_AFTER_MS: u32 = 2_000;
/// The pause before the server is asked again for a home that it cannot read, or who is signed in.
/// Milliseconds.
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

/// Why there is nothing to show of a home.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoDetails {
    /// The server cannot read it.
    Unreadable(HomeId),
    /// The server does not answer, and nothing is stored on this device.
    NotStored,
    /// The person has lost it, so that no home is open.
    Lost,
}

/// The state of the app. Created once, in `App`, and provided through the context.
#[derive(Clone, Copy)]
pub struct Store {
    /// Who is signed in.
    pub session: RwSignal<Session>,
    /// The latest state of the open home.
    pub home: RwSignal<Option<HomeAnswer>>,
    /// Why there is nothing to show of the open home. `home` is `None` then.
    pub no_details: RwSignal<Option<NoDetails>>,
    /// The home whose incident was acknowledged after the person had given the request up and opened
    /// another home.
    pub elsewhere: RwSignal<Option<HomeId>>,
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
    pub open_home: RwSignal<Option<HomeId>>,
    offset_ms: RwSignal<Option<i64>>,
    live: StoredValue<Option<Live>, LocalStorage>,
    /// How often somebody has left. An answer that was asked for before that is about them.
    left: StoredValue<u32>,
    put_away: StoredValue<Option<IncidentId>>,
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
            no_details: RwSignal::new(None),
            elsewhere: RwSignal::new(None),
            incident: RwSignal::new(None),
            latest: RwSignal::new(Vec::new()),
            connected: RwSignal::new(true),
            minimized: RwSignal::new(None),
            offline_since: RwSignal::new(None),
            drawn: RwSignal::new(0),
            open_home: RwSignal::new(None),
            offset_ms: RwSignal::new(None),
            live: StoredValue::new_local(None),
            left: StoredValue::new(0),
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

    /// Requests who is signed in, and opens that person's last home. If the server does not answer
    /// soon, the app shows what is stored on the device. While a sign-out waits, there is nobody.
    pub fn begin(self) {
        if signing_out::is_waiting() {
            return self.leave();
        }
        take_over_old_copy();
        spawn_local(async move {
            match self.who().await {
                None => {}
                Some(Ok((me, said))) => {
                    self.take_over(me, &said);
                    self.open_last();
                }
                Some(Err(failure)) if failure.code() == Some(Code::NotSignedIn) => self.leave(),
                Some(Err(_)) => {
                    self.open_stored();
                    if !self.is_somebody() {
                        self.session.set(Session::Unreachable);
                    }
                }
            }
        });
        spawn_local(async move {
            TimeoutFuture::new(SHOWS_COPY_AFTER_MS).await;
            if self.session.try_get_untracked() == Some(Session::Asking) {
                self.open_stored();
            }
        });
    }

    /// Requests who is signed in. Returns `None` if somebody has left meanwhile.
    async fn who(self) -> Option<Answer<(Me, String)>> {
        let before = self.left.try_get_value();
        let answer = client::me().await;
        (before.is_some() && self.left.try_get_value() == before).then_some(answer)
    }

    /// Opens the home that the last account on this device had open, because the server does not
    /// answer. It has its shield, and the app retries its requests until they arrive.
    fn open_stored(self) {
        let me = browser::kept(LAST_ME).and_then(|text| parse::<Me>(&text));
        if let Some(me) = me.filter(|me| !me.homes.is_empty() && !self.is_somebody()) {
            self.connected.set(false);
            self.session.set(Session::Somebody(Box::new(me)));
            self.open_last();
        }
    }

    /// Whether somebody is signed in.
    pub fn is_somebody(self) -> bool {
        self.session.try_with_untracked(|now| matches!(now, Session::Somebody(_))) == Some(true)
    }

    /// Takes over who is signed in, and forgets what the device has stored of other people's homes
    /// and of those that the person has lost.
    fn take_over(self, me: Me, said: &str) {
        self.heard(me.server_time);
        let before = browser::kept(LAST_ME).and_then(|text| parse::<Me>(&text));
        forget_copies(&|home| is_copy_forgotten(home, before.as_ref(), &me));
        browser::keep(LAST_ME, said);
        let open = self.open_home.get_untracked();
        if is_lost(open.as_ref(), &me.homes) {
            self.close_home();
            self.no_details.set(Some(NoDetails::Lost));
        }
        // An answer that says the same draws nothing again: a choice of homes may be open.
        let same_time = self.session.with_untracked(|now| match now {
            Session::Somebody(known) => known.server_time,
            _ => me.server_time,
        });
        let session = Session::Somebody(Box::new(Me { server_time: same_time, ..me }));
        if self.session.with_untracked(|now| *now != session) {
            self.session.set(session);
        }
        let is_shown_as_readable =
            |id: &HomeId| self.is_unreadable(id) && self.no_details.get_untracked().is_none();
        if let Some(id) = open.filter(is_shown_as_readable) {
            self.open(id);
        }
    }

    /// Opens the last home, unless one is open, or was lost a moment ago.
    fn open_last(self) {
        let is_lost = self.no_details.with_untracked(|why| *why == Some(NoDetails::Lost));
        let last = browser::kept(LAST_HOME);
        let open = self.open_home.get_untracked();
        let home = self.with_homes(|homes| home_to_open(open.as_ref(), last.as_deref(), homes));
        if let Some(home) = home.filter(|_| !is_lost && self.home.with_untracked(Option::is_none)) {
            self.open(home);
        }
    }

    /// Opens a home: listens to its live events, and shows nothing of the home before it.
    pub fn open(self, id: HomeId) {
        browser::keep(LAST_HOME, id.as_str());
        self.close_home();
        self.open_home.set(Some(id.clone()));
        self.elsewhere.update(|other| drop(other.take_if(|home| *home == id)));
        if self.is_unreadable(&id) {
            self.no_details.set(Some(NoDetails::Unreadable(id.clone())));
            return self.wait_for(id);
        }
        if !self.connected.get_untracked() {
            self.show_copy();
        }
        // After the copy, because it may bring a newer snapshot at once: one that arrived before the
        // app.
        self.listen(&id);
        spawn_local(async move {
            TimeoutFuture::new(SHOWS_COPY_AFTER_MS).await;
            if self.open_home.try_get_untracked() == Some(Some(id)) {
                self.show_copy();
            }
        });
    }

    /// Clears everything that the app knows about the open home.
    fn close_home(self) {
        self.live.set_value(None);
        self.open_home.set(None);
        self.home.set(None);
        self.no_details.set(None);
        self.offline_since.set(None);
        self.incident.set(None);
        self.latest.set(Vec::new());
    }

    /// Shows the copy of the open home and says how old it is, because the server does not answer.
    /// Without a copy there is a shield, too: whether it may be pressed is for the server to say.
    fn show_copy(self) {
        let Some(id) = self.open_home.get_untracked() else { return };
        let is_shown = self.home.with_untracked(Option::is_some);
        if is_shown || self.no_details.with_untracked(Option::is_some) {
            return;
        }
        self.connected.set(false);
        match copy_of(&id) {
            Some(copy) => {
                self.offline_since.set(Some(copy.server_time));
                // An incident of that time may be over by now.
                self.home.set(Some(HomeAnswer { incident: None, ..copy }));
            }
            None => self.no_details.set(Some(NoDetails::NotStored)),
        }
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
        self.open_home.with_untracked(|open| is_about_open_home(home, open.as_ref()))
    }

    /// The homes of the person who is signed in.
    fn with_homes<T>(self, read: impl FnOnce(&[MyHome]) -> T) -> T {
        self.session.with_untracked(|session| match session {
            Session::Somebody(me) => read(&me.homes),
            _ => read(&[]),
        })
    }

    /// Whether the server says that it cannot read a home.
    fn is_unreadable(self, id: &HomeId) -> bool {
        self.with_homes(|homes| homes.iter().any(|home| home.id == *id && home.unreadable))
    }

    /// The name of a home if the person has several, for the screens that stand for it.
    pub fn name_among(self, home: &HomeId) -> Option<String> {
        self.with_homes(|homes| name_among(homes, home))
    }

    /// What is known of a home that may not be the open one.
    pub fn place(self, home: &HomeId) -> Place {
        let open = self.home.with_untracked(|open| {
            open.as_ref().filter(|open| open.home.id == *home).map(|open| Place::of(Some(open)))
        });
        open.unwrap_or_else(|| Place::of(copy_of(home).as_ref()))
    }

    /// Asks repeatedly whether the server can read a home, until it can or another home is opened.
    fn wait_for(self, id: HomeId) {
        spawn_local(async move {
            let unreadable = Some(NoDetails::Unreadable(id.clone()));
            let waits = || self.no_details.with_untracked(|now| *now == unreadable);
            loop {
                TimeoutFuture::new(ASKS_AGAIN_MS).await;
                if !waits() {
                    return;
                }
                let Some(Ok((me, said))) = self.who().await else { continue };
                if !waits() {
                    return;
                }
                self.take_over(me, &said);
                if waits() && !self.is_unreadable(&id) {
                    return self.open(id);
                }
            }
        });
    }

    /// Clears the state, because nobody is signed in any more.
    pub fn leave(self) {
        [LAST_ME, LAST_HOME].into_iter().for_each(browser::forget);
        forget_copies(&|_| true);
        self.left.try_update_value(|left| *left += 1);
        self.close_home();
        self.elsewhere.set(None);
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

    /// Shows the incident of a request that the server has just acknowledged. `is_awaited` says
    /// whether the screen of the request still covers the page.
    pub fn show_requested(self, told: Incident, is_awaited: bool) {
        let open = self.open_home.get_untracked();
        match self.with_homes(|homes| showing(&told.home, open.as_ref(), homes, is_awaited)) {
            Showing::Here => {}
            Showing::Opened => self.open(told.home.clone()),
            Showing::Bar => return self.elsewhere.set(Some(told.home)),
            Showing::Nowhere => return,
        }
        self.tell(told);
    }

    /// Dismisses an ended incident.
    pub fn put_away(self) {
        self.put_away.set_value(self.incident.with_untracked(|i| i.as_ref().map(|i| i.id)));
        self.incident.set(None);
        self.refresh_latest();
    }

    /// Requests who is signed in again: the session may have ended, or the person's homes may have
    /// changed.
    pub fn ask_who(self) {
        spawn_local(async move {
            // Both can happen while the server does not answer.
            while !self.is_told_who().await {
                TimeoutFuture::new(ASKS_AGAIN_MS).await;
                if self.connected.try_get_untracked() != Some(false) {
                    return;
                }
            }
        });
    }

    /// Requests once who is signed in. Returns whether the server answered.
    async fn is_told_who(self) -> bool {
        match self.who().await {
            Some(Ok((me, said))) if self.is_somebody() => self.take_over(me, &said),
            Some(Err(failure)) if failure.code() == Some(Code::NotSignedIn) => self.leave(),
            answer => return answer.is_none_or(|answer| answer.is_ok()),
        }
        true
    }

    fn connection(self, connected: bool) {
        self.connected.set(connected);
        if !connected {
            self.show_copy();
            // The stream also ends when the session ends, or when the person loses the home.
            self.ask_who();
        }
    }

    /// Handles a live event. Events of a newer server that this app cannot read are ignored.
    fn event(self, name: &str, data: &str) {
        match name {
            "snapshot" => {
                if let Some(answer) = parse::<HomeAnswer>(data) {
                    if self.is_open(&answer.home.id) {
                        keep_copy(&answer.home.id, data);
                    }
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
        self.no_details.set(None);
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
